//! Numbers and strings of an ELF file, whatever its class and byte order.
//!
//! Chapter 4 of the gABI ("Data Representation"): `e_ident[EI_CLASS]` says whether addresses and
//! offsets have 32 or 64 bits, `e_ident[EI_DATA]` in which order the bytes stand. Everything above
//! this file deals in `u64` and never asks again. No read here can leave the file.

use crate::error::{Error, ErrorKind, Result};

/// `e_ident[EI_CLASS]`: the size of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// 32-bit addresses and offsets (`ELFCLASS32`).
    Elf32,
    /// 64-bit addresses and offsets (`ELFCLASS64`).
    Elf64,
}

/// `e_ident[EI_DATA]`: the order of bytes in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endian {
    /// Least significant byte first (`ELFDATA2LSB`).
    Little,
    /// Most significant byte first (`ELFDATA2MSB`).
    Big,
}

/// How numbers are written in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) class: Class,
    pub(crate) endian: Endian,
}

impl Encoding {
    /// The size of an address in bytes.
    pub(crate) fn word_size(self) -> u64 {
        self.pick(4, 8)
    }

    /// The first for 32-bit files, the second for 64-bit ones.
    pub(crate) fn pick(self, elf32: u64, elf64: u64) -> u64 {
        match self.class {
            Class::Elf32 => elf32,
            Class::Elf64 => elf64,
        }
    }

    pub(crate) fn put_u16(self, out: &mut Vec<u8>, value: u16) {
        match self.endian {
            Endian::Little => out.extend(value.to_le_bytes()),
            Endian::Big => out.extend(value.to_be_bytes()),
        }
    }

    pub(crate) fn put_u32(self, out: &mut Vec<u8>, value: u32) {
        match self.endian {
            Endian::Little => out.extend(value.to_le_bytes()),
            Endian::Big => out.extend(value.to_be_bytes()),
        }
    }

    /// Writes an address, an offset or a size; one that is too large for the class is an error.
    pub(crate) fn put_word(self, out: &mut Vec<u8>, value: u64) -> Result<()> {
        match (self.class, self.endian) {
            (Class::Elf32, _) => {
                let value = u32::try_from(value)
                    .map_err(|_| Error::no_room("an address", "it does not fit in 32 bits"))?;
                self.put_u32(out, value);
            }
            (Class::Elf64, Endian::Little) => out.extend(value.to_le_bytes()),
            (Class::Elf64, Endian::Big) => out.extend(value.to_be_bytes()),
        }
        Ok(())
    }
}

/// The bytes of a file together with how its numbers are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'data> {
    pub(crate) bytes: &'data [u8],
    pub(crate) encoding: Encoding,
}

impl<'data> Bytes<'data> {
    /// The size of the file.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// `size` bytes from `offset`.
    pub(crate) fn range(&self, what: &'static str, offset: u64, size: u64) -> Result<&'data [u8]> {
        let found = || {
            let start = usize::try_from(offset).ok()?;
            let end = usize::try_from(offset.checked_add(size)?).ok()?;
            self.bytes.get(start..end)
        };
        found().ok_or_else(|| Error::truncated(what, offset))
    }

    fn array<const N: usize>(&self, what: &'static str, offset: u64) -> Result<[u8; N]> {
        let bytes = self.range(what, offset, N as u64)?;
        bytes.try_into().map_err(|_| Error::truncated(what, offset))
    }

    pub(crate) fn u8(&self, what: &'static str, offset: u64) -> Result<u8> {
        let [byte] = self.array::<1>(what, offset)?;
        Ok(byte)
    }

    pub(crate) fn u16(&self, what: &'static str, offset: u64) -> Result<u16> {
        let array = self.array(what, offset)?;
        Ok(match self.encoding.endian {
            Endian::Little => u16::from_le_bytes(array),
            Endian::Big => u16::from_be_bytes(array),
        })
    }

    pub(crate) fn u32(&self, what: &'static str, offset: u64) -> Result<u32> {
        let array = self.array(what, offset)?;
        Ok(match self.encoding.endian {
            Endian::Little => u32::from_le_bytes(array),
            Endian::Big => u32::from_be_bytes(array),
        })
    }

    pub(crate) fn u64(&self, what: &'static str, offset: u64) -> Result<u64> {
        let array = self.array(what, offset)?;
        Ok(match self.encoding.endian {
            Endian::Little => u64::from_le_bytes(array),
            Endian::Big => u64::from_be_bytes(array),
        })
    }

    /// An address, an offset or a size: 4 or 8 bytes.
    pub(crate) fn word(&self, what: &'static str, offset: u64) -> Result<u64> {
        match self.encoding.class {
            Class::Elf32 => self.u32(what, offset).map(u64::from),
            Class::Elf64 => self.u64(what, offset),
        }
    }

    /// The string that begins at `offset` and ends with a NUL before `end`, without the NUL.
    pub(crate) fn raw_string(
        &self,
        what: &'static str,
        offset: u64,
        end: u64,
    ) -> Result<&'data [u8]> {
        let size = end.checked_sub(offset).ok_or_else(|| Error::truncated(what, offset))?;
        let bytes = self.range(what, offset, size)?;
        let size = bytes
            .iter()
            .position(|&byte| byte == 0)
            .ok_or(ErrorKind::BadString { what, offset })?;
        bytes.get(..size).ok_or_else(|| Error::truncated(what, offset))
    }

    /// As [`Bytes::raw_string`], and in UTF-8.
    pub(crate) fn string(&self, what: &'static str, offset: u64, end: u64) -> Result<&'data str> {
        let bytes = self.raw_string(what, offset, end)?;
        std::str::from_utf8(bytes).map_err(|_| ErrorKind::BadString { what, offset }.into())
    }
}

/// How many bytes of names may be read from one file in all.
///
/// Strings share their ends, so a small file can have many symbols whose names all run through the same
/// megabyte. Honest names come to no more than a few times the size of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    pub(crate) fn new(bytes: &Bytes<'_>) -> Self {
        Budget { left: bytes.size().saturating_mul(4).saturating_add(1 << 16) }
    }

    /// Takes `size` bytes away.
    pub(crate) fn spend(&mut self, what: &'static str, offset: u64, size: usize) -> Result<()> {
        self.left = self
            .left
            .checked_sub(size as u64 + 1)
            .ok_or_else(|| Error::table(what, offset, "has names that overlap without end"))?;
        Ok(())
    }
}

/// `value` raised to a multiple of `align`; 0 and 1 mean no alignment (gABI, `sh_addralign`).
pub(crate) fn align_up(value: u64, align: u64) -> Option<u64> {
    match align {
        0 | 1 => Some(value),
        _ => value.checked_next_multiple_of(align),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: [u8; 4] = [1, 2, 3, 4];

    fn bytes(class: Class, endian: Endian) -> Bytes<'static> {
        Bytes { bytes: &FOUR, encoding: Encoding { class, endian } }
    }

    #[test]
    fn byte_order_is_the_files() {
        assert_eq!(bytes(Class::Elf32, Endian::Little).word("x", 0), Ok(0x0403_0201));
        assert_eq!(bytes(Class::Elf32, Endian::Big).word("x", 0), Ok(0x0102_0304));
        assert_eq!(bytes(Class::Elf64, Endian::Big).u16("x", 2), Ok(0x0304));
    }

    #[test]
    fn a_read_past_the_end_is_an_error_even_when_the_offset_overflows() {
        let bytes = bytes(Class::Elf64, Endian::Little);
        for offset in [1, 4, u64::MAX - 3, u64::MAX] {
            let error = bytes.word("a thing", offset).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("a thing at offset {offset:#x} runs past its end")
            );
        }
    }

    #[test]
    fn a_64_bit_address_is_refused_in_a_32_bit_file() {
        let encoding = Encoding { class: Class::Elf32, endian: Endian::Big };
        assert!(encoding.put_word(&mut Vec::new(), 1 << 32).is_err());
    }

    #[test]
    fn alignment_that_overflows_is_none() {
        assert_eq!(align_up(0x1001, 0x1000), Some(0x2000));
        assert_eq!(align_up(7, 0), Some(7));
        assert_eq!(align_up(u64::MAX, 0x1000), None);
    }
}
