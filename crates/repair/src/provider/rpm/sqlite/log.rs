//! The write-ahead log: pages that are newer than the file's (section 4 of the file format).
//!
//! It begins with a header, then frames of 24 bytes and a page. A frame counts if it has the salts of the
//! header, the sum over all that comes before, and a frame at or behind it that ends a transaction. The
//! first that does not is left over from an older log, and so is all behind it.

use std::collections::BTreeMap;

use crate::provider::rpm::field::Order;

const HEADER_SIZE: usize = 32;
const FRAME_HEADER_SIZE: usize = 24;

/// The newest copy of each page in the log.
#[derive(Debug, Default)]
pub(super) struct Pages<'a>(BTreeMap<u32, &'a [u8]>);

impl<'a> Pages<'a> {
    /// Reads a log; an empty one, or one for other pages, holds none.
    pub(super) fn read(log: &'a [u8], page_size: usize) -> Self {
        Self::try_read(log, page_size).unwrap_or_default()
    }

    fn try_read(log: &'a [u8], page_size: usize) -> Option<Self> {
        let sums = match Order::Big.u32(log, 0)? {
            0x377f_0682 => Order::Little,
            0x377f_0683 => Order::Big,
            _ => return None,
        };
        let salts = log.get(16..24)?;
        let mut sum = Sum { order: sums, pair: (0, 0) };
        sum.add(log.get(..24)?)?;
        if Order::Big.size(log, 8)? != page_size || !sum.is(log, 24) {
            return None;
        }
        let mut pages = BTreeMap::new();
        let mut open: Vec<(u32, &[u8])> = Vec::new();
        for frame in log.get(HEADER_SIZE..)?.chunks_exact(FRAME_HEADER_SIZE + page_size) {
            let (head, page) = frame.split_at(FRAME_HEADER_SIZE);
            sum.add(head.get(..8)?)?;
            sum.add(page)?;
            if head.get(8..16) != Some(salts) || !sum.is(head, 16) {
                break;
            }
            open.push((Order::Big.u32(head, 0)?, page));
            let ends_transaction = Order::Big.u32(head, 4)? != 0;
            if ends_transaction {
                pages.extend(open.drain(..));
            }
        }
        Some(Self(pages))
    }

    pub(super) fn page(&self, number: u32) -> Option<&'a [u8]> {
        self.0.get(&number).copied()
    }

    /// Bytes of all pages.
    pub(super) fn size(&self) -> usize {
        self.0.values().map(|page| page.len()).sum()
    }
}

/// The log's running sum (section 4.2).
struct Sum {
    order: Order,
    pair: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) -> Option<()> {
        let (mut first, mut second) = self.pair;
        for words in bytes.chunks_exact(8) {
            first = first.wrapping_add(self.order.u32(words, 0)?).wrapping_add(second);
            second = second.wrapping_add(self.order.u32(words, 4)?).wrapping_add(first);
        }
        self.pair = (first, second);
        Some(())
    }

    /// Whether the two words at `at`, always big-endian, are the sum.
    fn is(&self, bytes: &[u8], at: usize) -> bool {
        let words = (Order::Big.u32(bytes, at), Order::Big.u32(bytes, at + 4));
        words == (Some(self.pair.0), Some(self.pair.1))
    }
}
