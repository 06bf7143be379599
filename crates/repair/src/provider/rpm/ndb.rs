//! SUSE's database of packages (rpm, `lib/backend/ndb/rpmpkg.c`).
//!
//! Little-endian everywhere. Pages of slots at the front say where each header lies, in blocks of 16
//! bytes: `Slot`, number, first block, blocks. A slot whose first block is 0 is free. The header stands
//! behind `BlbS`, its number, a date and its size.

use super::Visit;
use super::field::Order;

const PAGE_SIZE: usize = 4096;
const BLOCK_SIZE: usize = 16;
const HEAD_SIZE: usize = 16;

/// Hands each header to `visit`.
pub(super) fn each_package(file: &[u8], visit: Visit<'_>) -> Result<(), String> {
    if !file.starts_with(b"RpmP") {
        return Err("it does not begin with `RpmP`".to_owned());
    }
    match Order::Little.u32(file, 4) {
        Some(0) => {}
        version => return Err(format!("its version is {version:?}, not 0")),
    }
    let pages = Order::Little.size(file, 12).unwrap_or_default();
    let slots = pages.checked_mul(PAGE_SIZE).and_then(|end| file.get(32..end));
    let slots = slots.ok_or_else(|| format!("{pages} pages of slots run past its end"))?;
    // Slots may share blocks in a file that was made to be slow.
    let mut budget = file.len();
    for slot in slots.chunks_exact(16) {
        if !slot.starts_with(b"Slot") {
            return Err("a slot does not begin with `Slot`".to_owned());
        }
        let block = Order::Little.size(slot, 8).unwrap_or_default();
        if block != 0 {
            let number = Order::Little.u32(slot, 4).unwrap_or_default();
            let header = header(file, number, block);
            let header =
                header.ok_or_else(|| format!("header {number} is not where its slot says"))?;
            budget = budget.checked_sub(header.len()).ok_or("its headers overlap")?;
            visit(header);
        }
    }
    Ok(())
}

fn header(file: &[u8], number: u32, block: usize) -> Option<&[u8]> {
    let at = block.checked_mul(BLOCK_SIZE)?;
    let blob = file.get(at..)?;
    let is_it = blob.starts_with(b"BlbS") && Order::Little.u32(blob, 4)? == number;
    let size = Order::Little.size(blob, 12)?;
    is_it.then(|| blob.get(HEAD_SIZE..HEAD_SIZE.checked_add(size)?)).flatten()
}
