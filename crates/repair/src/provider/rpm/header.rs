//! One package's header: tagged values (rpm's "Package format", section "Header").
//!
//! In the database it has no magic number: the number of entries and the bytes of data, both big-endian
//! as all that follows; entries of tag, type, offset and count; the data.

use super::field::Order;

/// The tags that are read (rpmtag.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u32);

impl Tag {
    pub(super) const NAME: Self = Self(1000);
    pub(super) const VERSION: Self = Self(1001);
    pub(super) const RELEASE: Self = Self(1002);
    pub(super) const EPOCH: Self = Self(1003);
    pub(super) const LICENSE: Self = Self(1014);
    pub(super) const ARCH: Self = Self(1022);
    const FILEFLAGS: Self = Self(1037);
    pub(super) const SOURCERPM: Self = Self(1044);
    const DIRINDEXES: Self = Self(1116);
    const BASENAMES: Self = Self(1117);
    const DIRNAMES: Self = Self(1118);
}

const RPM_INT32_TYPE: u32 = 4;
const RPM_STRING_TYPE: u32 = 6;
const RPM_STRING_ARRAY_TYPE: u32 = 8;
const RPM_I18NSTRING_TYPE: u32 = 9;

const ENTRY_SIZE: usize = 16;

/// A header that fits into its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let count = Order::Big.size(bytes, 0)?;
        let size = Order::Big.size(bytes, 4)?;
        let data_at = count.checked_mul(ENTRY_SIZE)?.checked_add(8)?;
        let entries = bytes.get(8..data_at)?;
        let data = bytes.get(data_at..data_at.checked_add(size)?)?;
        Some(Self { entries, data })
    }

    /// Type, data from its first byte on, and count of a value.
    fn value(&self, tag: Tag) -> Option<(u32, &'a [u8], usize)> {
        let is_it = |entry: &&[u8]| Order::Big.u32(entry, 0) == Some(tag.0);
        let entry = self.entries.chunks_exact(ENTRY_SIZE).find(is_it)?;
        let data = self.data.get(Order::Big.size(entry, 8)?..)?;
        Some((Order::Big.u32(entry, 4)?, data, Order::Big.size(entry, 12)?))
    }

    /// A value that is one text.
    pub(super) fn text(&self, tag: Tag) -> Option<&'a str> {
        self.texts(tag).next()
    }

    fn texts(&self, tag: Tag) -> impl Iterator<Item = &'a str> + use<'a> {
        let (data, count) = match self.value(tag) {
            Some((RPM_STRING_TYPE, data, _)) => (data, 1),
            Some((RPM_STRING_ARRAY_TYPE | RPM_I18NSTRING_TYPE, data, count)) => (data, count),
            _ => (&[][..], 0),
        };
        // A name that is not UTF-8 keeps its place in the list.
        data.split(|byte| *byte == 0)
            .take(count)
            .map(|text| std::str::from_utf8(text).unwrap_or_default())
    }

    pub(super) fn numbers(&self, tag: Tag) -> Vec<u32> {
        let Some((RPM_INT32_TYPE, data, count)) = self.value(tag) else { return Vec::new() };
        data.chunks_exact(4).take(count).filter_map(|bytes| Order::Big.u32(bytes, 0)).collect()
    }

    /// Directory with its last slash, name and flags of each file.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'a str, &'a str, u32)> + use<'a> {
        let directories: Vec<&str> = self.texts(Tag::DIRNAMES).collect();
        let flags = self.numbers(Tag::FILEFLAGS);
        let indexes = self.numbers(Tag::DIRINDEXES).into_iter();
        let files = self.texts(Tag::BASENAMES).zip(indexes).enumerate();
        files.filter_map(move |(index, (name, directory))| {
            let directory = directories.get(usize::try_from(directory).ok()?)?;
            Some((*directory, name, flags.get(index).copied().unwrap_or(0)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_does_not_fit_is_none() {
        for bytes in [&[][..], &[0, 0, 0, 1, 0, 0, 0, 0], &[0, 0, 0, 0, 0, 0, 0, 1], &[0xff; 64]] {
            assert!(Header::parse(bytes).is_none());
        }
    }

    #[test]
    fn values_end_with_the_data() {
        let entry = |tag: u32, kind: u32, offset: u32, count: u32| {
            [tag, kind, offset, count].map(u32::to_be_bytes).concat()
        };
        let mut bytes = [3_u32, 4].map(u32::to_be_bytes).concat();
        bytes.extend(entry(1000, 6, 0, 1));
        bytes.extend(entry(1117, 8, 1, u32::MAX));
        bytes.extend(entry(1037, 4, 9, 4));
        bytes.extend(b"ab\0c");
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(header.text(Tag::NAME), Some("ab"));
        assert_eq!(header.texts(Tag::BASENAMES).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(header.numbers(Tag::FILEFLAGS), [0; 0]);
        assert_eq!(header.files().count(), 0);
    }
}
