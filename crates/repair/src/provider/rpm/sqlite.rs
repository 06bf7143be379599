//! The table `Packages` of an SQLite database ("Database File Format", sqlite.org/fileformat2.html).
//!
//! Only what reading one table takes: the schema on page 1 names its root, a tree of pages leads to the
//! rows, and a row that does not fit goes on in overflow pages. What a process left in the write-ahead
//! log is newer than the file. A library for this is a megabyte of C, or does not know the log.

mod log;

use super::Visit;
use super::field::Order;

const INTERIOR_TABLE: u8 = 5;
const LEAF_TABLE: u8 = 13;

/// Hands the column `blob` of each row to `visit`.
pub(super) fn each_package(file: &[u8], log: &[u8], visit: Visit<'_>) -> Result<(), String> {
    let mut database = Database::open(file, log)?;
    let mut root = None;
    database.rows(1, &mut |row| {
        let columns = columns(row);
        let text = |index: usize| columns.get(index).and_then(Value::bytes);
        if text(0) == Some(b"table") && text(1) == Some(b"Packages") {
            root = columns.get(3).and_then(Value::number);
        }
    })?;
    let root = root.ok_or("it has no table `Packages`")?;
    database.rows(root, &mut |row| {
        if let Some(blob) = columns(row).get(1).and_then(Value::bytes) {
            visit(blob);
        }
    })
}

struct Database<'a> {
    file: &'a [u8],
    log: log::Pages<'a>,
    page_size: usize,
    /// Bytes of a page that the format may use.
    usable: usize,
    /// Bytes of rows that may still be read: pages may lead in circles, or to each other's.
    budget: usize,
}

impl<'a> Database<'a> {
    fn open(file: &'a [u8], log: &'a [u8]) -> Result<Self, String> {
        if !file.starts_with(b"SQLite format 3\0") {
            return Err("it is no SQLite database".to_owned());
        }
        let page_size = match Order::Big.u16(file, 16) {
            Some(1) => 65536,
            size => usize::from(size.unwrap_or_default()),
        };
        let reserved = usize::from(file.get(20).copied().unwrap_or_default());
        if !page_size.is_power_of_two() || page_size < 512 || page_size - reserved < 480 {
            return Err(format!("its pages have {page_size} bytes"));
        }
        let log = log::Pages::read(log, page_size);
        let budget = file.len().saturating_add(log.size());
        Ok(Self { file, log, page_size, usable: page_size - reserved, budget })
    }

    fn page(&self, number: u32) -> Option<&'a [u8]> {
        self.log.page(number).or_else(|| {
            let at = usize::try_from(number.checked_sub(1)?).ok()?.checked_mul(self.page_size)?;
            self.file.get(at..at.checked_add(self.page_size)?)
        })
    }

    /// Hands each row of the table whose tree begins at page `root` to `visit`, in order.
    fn rows(&mut self, root: u32, visit: Visit<'_>) -> Result<(), String> {
        let mut pages = vec![root];
        let mut pages_left = self.budget / self.page_size;
        while let Some(number) = pages.pop() {
            let broken = || format!("page {number} is broken");
            pages_left = pages_left.checked_sub(1).ok_or("its pages lead in a circle")?;
            let page = self.page(number).ok_or_else(broken)?;
            // Page 1 begins with the header of the file.
            let at = if number == 1 { 100 } else { 0 };
            let len = Order::Big.u16(page, at + 3).map_or(0, usize::from);
            match page.get(at) {
                Some(&INTERIOR_TABLE) => {
                    let mut children: Vec<u32> = (0..len)
                        .map(|index| Order::Big.u32(page, cell(page, at + 12, index)?))
                        .collect::<Option<_>>()
                        .ok_or_else(broken)?;
                    children.push(Order::Big.u32(page, at + 8).ok_or_else(broken)?);
                    pages.extend(children.into_iter().rev());
                }
                Some(&LEAF_TABLE) => {
                    for index in 0..len {
                        let cell = cell(page, at + 8, index).and_then(|cell| page.get(cell..));
                        let row = cell.and_then(|cell| self.row(cell)).ok_or_else(broken)?;
                        visit(&row);
                    }
                }
                _ => return Err(broken()),
            }
        }
        Ok(())
    }

    /// A row of a leaf: its size, its number, what fits, and the first overflow page.
    fn row(&mut self, cell: &[u8]) -> Option<Vec<u8>> {
        let (size, rest) = varint(cell)?;
        let (_, rest) = varint(rest)?;
        let size = usize::try_from(size).ok()?;
        self.budget = self.budget.checked_sub(size)?;
        let here = self.size_in_leaf(size);
        let mut row = rest.get(..here)?.to_vec();
        if here < size {
            let mut next = Order::Big.u32(rest, here)?;
            while row.len() < size {
                let page = self.page(next)?;
                let len = (self.usable - 4).min(size - row.len());
                row.extend_from_slice(page.get(4..4 + len)?);
                next = Order::Big.u32(page, 0)?;
            }
        }
        Some(row)
    }

    /// How many bytes of a row stand in its leaf (section 1.6, "Cell payload").
    fn size_in_leaf(&self, size: usize) -> usize {
        let most = self.usable - 35;
        if size <= most {
            return size;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (size - least) % (self.usable - 4);
        if fitting <= most { fitting } else { least }
    }
}

/// Where in `page` the cell at `index` begins; the pointers begin at `at`.
fn cell(page: &[u8], at: usize, index: usize) -> Option<usize> {
    Order::Big.u16(page, at + index * 2).map(usize::from)
}

/// A number of 1 to 9 bytes, seven bits in each but the last, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for index in 0..9 {
        let byte = *bytes.get(index)?;
        if index == 8 {
            return Some((value << 8 | u64::from(byte), bytes.get(9..)?));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

/// What a column holds, as far as it is asked for.
enum Value<'a> {
    Bytes(&'a [u8]),
    Number(&'a [u8]),
    Other,
}

impl<'a> Value<'a> {
    /// Of a text or blob.
    fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn number(&self) -> Option<u32> {
        match self {
            Self::Number(bytes) => {
                let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
                u32::try_from(bytes.iter().fold(0, add)).ok()
            }
            _ => None,
        }
    }
}

/// The columns of a row, as far as they fit into it (section 2.1, "Record format").
fn columns(row: &[u8]) -> Vec<Value<'_>> {
    let mut columns = Vec::new();
    let Some((header_size, types)) = varint(row) else { return columns };
    let header_size = usize::try_from(header_size).unwrap_or(usize::MAX);
    let types_size = header_size.saturating_sub(row.len() - types.len());
    let Some(mut types) = types.get(..types_size) else { return columns };
    let Some(mut body) = row.get(header_size..) else { return columns };
    // More columns than any table that is asked for has; a row of types alone would take memory.
    while let Some((kind, rest)) = varint(types).filter(|_| columns.len() < 8) {
        types = rest;
        let size = match kind {
            0 | 8..=11 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            _ => (kind - 12) / 2,
        };
        let Some((value, rest)) = usize::try_from(size).ok().and_then(|s| body.split_at_checked(s))
        else {
            break;
        };
        body = rest;
        columns.push(match kind {
            1..=6 => Value::Number(value),
            12.. => Value::Bytes(value),
            _ => Value::Other,
        });
    }
    columns
}
