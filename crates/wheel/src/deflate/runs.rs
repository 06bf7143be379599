//! Many codes of a deflate block skipped in one step (RFC 1951 § 3.2.3).
//!
//! To walk over a block, one needs to know of the next bits only how many of them are whole codes,
//! how many bytes those make, and whether a distance follows. So a table for all values of the next
//! 11 bits tells it of several literals at once, with a match's length behind them. And because a
//! table also tells which table is next, that of literals and lengths or that of distances, there is
//! no branch that depends on the stream: guessing those wrong is what takes time when codes are
//! walked one by one.
//!
//! What has no place here, long codes and the end of the block, is left to the caller.

use super::table::{Entry, FAST, Table};
use super::walk::{END, LITERAL};

/// Both tables, one behind the other.
const SIZE: usize = 2 << FAST;
/// Where the second begins, as bits of a [`Step`] and of an index.
const DISTANCES: u32 = 1 << FAST;

/// The codes that the next bits begin with: how many bits they have, and what they make.
///
/// From the lowest: 6 bits for all bits, 3 for the extra bits that end them; `DISTANCES`; and from 16
/// on, the number of bytes made without what the extra bits add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step(u32);

impl Step {
    /// Not a step.
    const NONE: Self = Self(0);

    fn new(total: u32, extra: u32, made: u32, next: u32) -> Self {
        Self(total | extra << 6 | made << 16 | next)
    }

    /// How many bits to skip, 24 at most.
    #[inline(always)]
    pub(super) fn total(self) -> u32 {
        self.0 & 0x3f
    }

    /// How many bytes they make, given the bits themselves.
    #[inline(always)]
    pub(super) fn made(self, buffer: u64) -> u64 {
        let extra = self.0 >> 6 & 7;
        // Both shifts are of less than 64 bits, which the compiler cannot know.
        let added = buffer.wrapping_shr(self.total().wrapping_sub(extra));
        let added = added & !u64::MAX.wrapping_shl(extra);
        u64::from(self.0 >> 16) + added
    }

    /// The table that tells of the bits behind these.
    #[inline(always)]
    pub(super) fn next(self) -> Next {
        Next(self.0 & DISTANCES)
    }
}

/// What comes next: a literal, length or end, or a distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next(u32);

impl Next {
    pub(super) const LITERAL: Self = Self(0);
    pub(super) const DISTANCE: Self = Self(DISTANCES);
}

/// The steps of one block.
#[derive(Debug)]
pub(super) struct Runs {
    steps: [Step; SIZE],
}

impl Runs {
    pub(super) fn new() -> Self {
        Self { steps: [Step::NONE; SIZE] }
    }

    /// Takes over the codes of a block.
    pub(super) fn set(&mut self, literals: &Table, distances: &Table) {
        let (first, second) = self.steps.split_at_mut(1 << FAST);
        for (bits, step) in first.iter_mut().enumerate() {
            *step = run(literals, bits);
        }
        for (bits, step) in second.iter_mut().enumerate() {
            let entry = distances.short(bits);
            *step =
                entry.map_or(Step::NONE, |entry| Step::new(entry.total(), 0, 0, Next::LITERAL.0));
        }
    }

    /// The step for the bits that `buffer` begins with; `None` for those that have none.
    #[inline(always)]
    pub(super) fn get(&self, buffer: u64, next: Next) -> Option<Step> {
        // 11 bits of the buffer, and the twelfth, which is the table: inside for certain.
        let low = buffer & u64::from(DISTANCES - 1);
        let index = usize::try_from(low | u64::from(next.0)).unwrap_or(0) & (SIZE - 1);
        self.steps.get(index).copied().filter(|step| *step != Step::NONE)
    }
}

/// As many literals as are whole in `bits`, and the length behind them if it is.
fn run(literals: &Table, bits: usize) -> Step {
    let (mut used, mut made) = (0, 0);
    let whole = |used: u32| {
        let fits = |entry: &Entry| (used + entry.width()) as usize <= FAST;
        literals.short(bits >> used).filter(fits)
    };
    while let Some(entry) = whole(used) {
        match entry.value() {
            LITERAL => {
                used += entry.total();
                made += 1;
            }
            END => break,
            length => {
                let (total, extra) = (used + entry.total(), entry.total() - entry.width());
                let made = made + u32::try_from(length).unwrap_or(0);
                return Step::new(total, extra, made, Next::DISTANCE.0);
            }
        }
    }
    if used == 0 { Step::NONE } else { Step::new(used, 0, made, Next::LITERAL.0) }
}
