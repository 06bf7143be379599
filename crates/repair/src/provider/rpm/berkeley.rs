//! A hash table of Berkeley DB: `Packages` until RHEL 8 (its `db_page.h`).
//!
//! The writer's byte order, told by the magic number. Every page whose type is a bucket's holds pairs of
//! key and value; a value too large for that is a chain of overflow pages. All buckets are walked, so
//! the hash function does not matter. Key 0 counts the packages, every other one is a header's number.

use super::Visit;
use super::field::Order;

/// `DB_HASHMAGIC`
const DB_HASHMAGIC: u32 = 0x0006_1561;
const P_HASH_UNSORTED: u8 = 2;
const P_OVERFLOW: u8 = 7;
const P_HASHMETA: u8 = 8;
const P_HASH: u8 = 13;
const H_KEYDATA: u8 = 1;
const H_OFFPAGE: u8 = 3;

/// Bytes of a page before its index.
const PAGE_HEADER: usize = 26;

/// Hands each header to `visit`.
pub(super) fn each_package(file: &[u8], visit: Visit<'_>) -> Result<(), String> {
    let table = Table::open(file)?;
    // Values may share bytes in a file that was made to be slow.
    let mut budget = file.len();
    for page in 1..file.len() / table.page_size {
        let Some(page) = table.page(page) else { break };
        if !matches!(page.get(25), Some(&(P_HASH | P_HASH_UNSORTED))) {
            continue;
        }
        let len = table.order.u16(page, 20).map_or(0, usize::from);
        for key in (0..len.saturating_sub(1)).step_by(2) {
            let is_counter = table.item(page, key).is_none_or(is_zero);
            let Some(value) = table.item(page, key + 1).filter(|_| !is_counter) else { continue };
            match value.split_first() {
                Some((&H_KEYDATA, header)) => {
                    budget = budget.checked_sub(header.len()).ok_or("its values overlap")?;
                    visit(header);
                }
                Some((&H_OFFPAGE, _)) => {
                    let header = table.chain(value, &mut budget);
                    visit(&header.ok_or("a header's overflow pages are broken")?);
                }
                _ => return Err("a value is neither in its page nor on overflow pages".to_owned()),
            }
        }
    }
    Ok(())
}

/// Whether an item is a key of zeros.
fn is_zero(key: &[u8]) -> bool {
    matches!(key.split_first(), Some((&H_KEYDATA, number)) if number.iter().all(|byte| *byte == 0))
}

struct Table<'a> {
    file: &'a [u8],
    order: Order,
    page_size: usize,
}

impl<'a> Table<'a> {
    fn open(file: &'a [u8]) -> Result<Self, String> {
        let orders = [Order::Little, Order::Big];
        let order = orders.into_iter().find(|order| order.u32(file, 12) == Some(DB_HASHMAGIC));
        let order = order.ok_or("it is no hash table of Berkeley DB")?;
        let page_size = order.size(file, 20).unwrap_or_default();
        if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
            return Err(format!("its pages have {page_size} bytes"));
        }
        match (file.get(24), file.get(25)) {
            (Some(0), Some(&P_HASHMETA)) => Ok(Self { file, order, page_size }),
            (Some(0), _) => Err("its first page does not describe a hash table".to_owned()),
            _ => Err("it is encrypted".to_owned()),
        }
    }

    fn page(&self, number: usize) -> Option<&'a [u8]> {
        let at = number.checked_mul(self.page_size)?;
        self.file.get(at..at.checked_add(self.page_size)?)
    }

    /// The item at `index`: items lie from the end of the page to its front, without gaps.
    fn item(&self, page: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let place = |index: usize| {
            self.order.u16(page, PAGE_HEADER.checked_add(index.checked_mul(2)?)?).map(usize::from)
        };
        let end = if index == 0 { self.page_size } else { place(index - 1)? };
        page.get(place(index)?..end)
    }

    /// A value on overflow pages, as an item of a bucket names it: type, 3 bytes of nothing, the
    /// first page, the size.
    fn chain(&self, item: &[u8], budget: &mut usize) -> Option<Vec<u8>> {
        let mut page = self.order.size(item, 4)?;
        let size = self.order.size(item, 8)?;
        *budget = budget.checked_sub(size)?;
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            let contents = self.page(page).filter(|page| page.get(25) == Some(&P_OVERFLOW))?;
            let len = usize::from(self.order.u16(contents, 22)?).min(size - bytes.len());
            // A page of nothing could lead to itself for ever.
            let part =
                contents.get(PAGE_HEADER..PAGE_HEADER + len).filter(|part| !part.is_empty())?;
            bytes.extend_from_slice(part);
            page = self.order.size(contents, 16)?;
        }
        Some(bytes)
    }
}
