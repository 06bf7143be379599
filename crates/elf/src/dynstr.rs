//! Finds places in `.dynstr` for new names.
//!
//! First choice: the name is there already, whole or as the end of a longer one. Second: the space of
//! names that this edit drops, as far as it is proven that nothing else points there (linkers share
//! ends of strings, so a dropped name may be the end of one in use). Third: behind the last string.

use std::collections::BTreeMap;

use object::elf::{self, DynamicTag, SectionType};

use crate::dynamic::is_address;
use crate::error::Result;
use crate::image::Image;
use crate::symbols::SymbolTable;
use crate::versions;
use crate::wanted::{Value, Wanted};

/// Where each new name goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Index into `.dynstr` by name.
    pub(crate) index: BTreeMap<String, u64>,
    /// Names with their NUL for the space of dropped ones, by index.
    pub(crate) inside: Vec<(u64, Vec<u8>)>,
    /// What goes behind the last string.
    pub(crate) behind: Vec<u8>,
}

/// Places all names of `wanted`.
pub(crate) fn place(image: &Image<'_>, wanted: &Wanted) -> Result<Names> {
    let table = image.string_bytes()?;
    let mut names = Names::default();
    let mut homeless = Vec::new();
    for name in wanted.names() {
        match find(table, name) {
            Some(index) => {
                names.index.insert(name.to_owned(), index);
            }
            None => homeless.push(name),
        }
    }
    if homeless.is_empty() {
        return Ok(names);
    }
    let mut spaces = dropped_spaces(image, wanted, table, names.index.values().copied())?;
    // Longest first, so that a name that ends another can share with it.
    homeless.sort_by_key(|name| (std::cmp::Reverse(name.len()), *name));
    for name in homeless {
        let size = name.len() as u64 + 1;
        let mut string = name.as_bytes().to_vec();
        string.push(0);
        let space = spaces
            .iter_mut()
            .filter(|(start, end)| end - start >= size)
            .min_by_key(|(start, end)| end - start);
        let index = match (find(&names.behind, name), space) {
            (Some(index), _) => image.strings.size + index,
            (None, Some((start, _))) => {
                let index = *start;
                *start += size;
                names.inside.push((index, string));
                index
            }
            (None, None) => {
                let index = image.strings.size + names.behind.len() as u64;
                names.behind.extend(string);
                index
            }
        };
        names.index.insert(name.to_owned(), index);
    }
    Ok(names)
}

/// The index of `name` in a string table, also as the end of a longer string.
fn find(table: &[u8], name: &str) -> Option<u64> {
    let name = name.as_bytes();
    let mut end = 0;
    for string in table.split_inclusive(|&byte| byte == 0) {
        end += string.len();
        if string.strip_suffix(&[0]).is_some_and(|string| string.ends_with(name)) {
            return Some((end - 1 - name.len()) as u64);
        }
    }
    None
}

/// The parts of `.dynstr`, as (start, end), that only dropped names used.
fn dropped_spaces(
    image: &Image<'_>,
    wanted: &Wanted,
    table: &[u8],
    reused: impl Iterator<Item = u64>,
) -> Result<Vec<(u64, u64)>> {
    if wanted.dropped.is_empty() || has_unknown_users(image) {
        return Ok(Vec::new());
    }
    let mut used = used_indices(image, wanted)?;
    used.extend(reused);
    used.sort_unstable();
    let mut spaces: Vec<(u64, u64)> = Vec::new();
    for &start in &wanted.dropped {
        let Ok(at) = usize::try_from(start) else { continue };
        let Some((before, behind)) = table.split_at_checked(at) else { continue };
        // Who points before `start` but behind the last NUL uses this string too.
        let first = before.iter().rposition(|&byte| byte == 0).map_or(0, |nul| nul as u64 + 1);
        let size = behind.iter().position(|&byte| byte == 0).unwrap_or(behind.len());
        let rest = behind.get(size..).unwrap_or_default();
        let zeros = rest.iter().position(|&byte| byte != 0).unwrap_or(rest.len());
        let mut end = start + (size + zeros) as u64;
        let next = used.partition_point(|&index| index < first);
        if let Some(&index) = used.get(next) {
            if index <= start {
                continue;
            }
            end = end.min(index);
        }
        match spaces.last_mut() {
            Some(last) if last.1 > start => last.1 = last.1.max(end),
            _ => spaces.push((start, end)),
        }
    }
    // Index 0 is the empty name (gABI), and stays it.
    Ok(spaces.into_iter().filter(|&(start, _)| start > 0).collect())
}

/// Whether something points into `.dynstr` that is not read here.
fn has_unknown_users(image: &Image<'_>) -> bool {
    // Lists of libraries, as prelink and IRIX made them, name them by index.
    if image.dynamic.has(elf::DT_GNU_LIBLIST) || image.dynamic.has(elf::DT_MIPS_LIBLIST) {
        return true;
    }
    let Some((index, _)) = image.section_at(image.strings.address, elf::SHT_STRTAB) else {
        return false;
    };
    let known = |sh_type: SectionType| {
        matches!(
            sh_type,
            elf::SHT_DYNSYM | elf::SHT_DYNAMIC | elf::SHT_GNU_VERNEED | elf::SHT_GNU_VERDEF
        )
    };
    let links = |link: u32| usize::try_from(link).is_ok_and(|link| link == index);
    usize::from(image.elf.header.e_shstrndx) == index
        || image.sections.iter().any(|section| links(section.sh_link) && !known(section.sh_type))
}

/// All indices into `.dynstr` that stay in use.
fn used_indices(image: &Image<'_>, wanted: &Wanted) -> Result<Vec<u64>> {
    let elf = &image.elf;
    let mut used = Vec::new();
    let machine = elf.header.e_machine;
    if let Some(table) = SymbolTable::find(&elf.bytes, machine, &elf.segments, &image.dynamic)? {
        for index in 0..table.count {
            used.push(u64::from(table.get(&elf.bytes, index)?.st_name));
        }
    }
    for record in &wanted.needs {
        if !wanted.renamed.contains_key(&record.offset) {
            used.push(record.vn_file.into());
        }
        let versions = versions::need_versions(&elf.bytes, record)?;
        used.extend(versions.iter().map(|version| u64::from(version.vna_name)));
    }
    for record in versions::definition_records(&elf.bytes, &elf.segments, &image.dynamic)? {
        used.extend(record.vda_names.iter().copied().map(u64::from));
    }
    used.extend(wanted.entries.iter().filter_map(|entry| match entry.value {
        Value::Number(value) if may_be_name(machine, entry.tag) => Some(value),
        _ => None,
    }));
    Ok(used)
}

/// Whether the value of `tag` may be an index into `.dynstr`. A tag that is not known may.
fn may_be_name(machine: u16, tag: DynamicTag) -> bool {
    match tag {
        elf::DT_NEEDED | elf::DT_SONAME | elf::DT_RPATH | elf::DT_RUNPATH => true,
        // The rest of the gABI's own tags are sizes, counts, flags and addresses.
        DynamicTag(0..=37) => false,
        elf::DT_RELACOUNT | elf::DT_RELCOUNT | elf::DT_FLAGS_1 => false,
        elf::DT_VERDEFNUM | elf::DT_VERNEEDNUM => false,
        _ => !is_address(machine, tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_whole_or_as_the_end_of_another() {
        let table = b"\0libfoo.so\0bar\0";
        assert_eq!(find(table, "libfoo.so"), Some(1));
        assert_eq!(find(table, "foo.so"), Some(4));
        assert_eq!(find(table, "bar"), Some(11));
        assert_eq!(find(table, "foo"), None);
        assert_eq!(find(b"\0cut", "cut"), None);
    }

    #[test]
    fn unknown_tags_are_taken_for_names_and_counts_are_not() {
        assert!(may_be_name(62, DynamicTag(0x7fff_fffd)));
        assert!(may_be_name(62, elf::DT_NEEDED));
        assert!(!may_be_name(62, elf::DT_STRSZ));
        assert!(!may_be_name(62, elf::DT_VERNEEDNUM));
    }
}
