//! Symbolic links and their copies: one file instead of several names for it.
//!
//! Wheels cannot hold links: installers write a link's target into a text file. Build systems
//! therefore pack `libfoo.so → libfoo.so.1 → libfoo.so.1.2` as links that break, or as three copies.
//! A chain of library names becomes the one file that its SONAME names; any other link, to a program or
//! an extension module too, becomes a copy of its target. A name that some text in the wheel mentions, or that a linker would look for
//! because the wheel brings headers, stays as a copy.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::{Member, MemberKind, MemberPath, Wheel};

use crate::error::{Error, Result};
use crate::scan::Scan;
use crate::search::paths::{base_name, join_relative, parent};

/// What becomes of links and copies.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Names that vanish → the member that stays for them, by its new name.
    pub(crate) aliases: BTreeMap<MemberPath, MemberPath>,
    /// Member in the input → its name in the result.
    pub(crate) renamed: BTreeMap<MemberPath, MemberPath>,
    /// Link → the member of the input whose bytes take its place.
    pub(crate) copies: BTreeMap<MemberPath, MemberPath>,
    /// One line for each.
    pub(crate) notes: Vec<String>,
}

/// Decides about every link and every copy of a link's target.
pub(crate) fn links(wheel: &Wheel, scan: &Scan) -> Result<Links> {
    let mut links = Links::default();
    let libraries = libraries(scan);
    let mut groups: BTreeMap<MemberPath, BTreeSet<MemberPath>> = BTreeMap::new();
    for path in scan.links.keys() {
        match target(wheel, scan, path)? {
            Target::File(real) if libraries.contains_key(&real) => {
                groups.entry(real).or_default().insert(path.clone());
            }
            Target::File(real) => links.copy(path, &real),
            Target::Directory(directory) => copy_directory(wheel, path, &directory, &mut links)?,
        }
    }
    for (real, copies) in copied_chains(scan, &libraries) {
        groups.entry(real).or_default().extend(copies);
    }
    if groups.is_empty() {
        return Ok(links);
    }
    let mentioned = Mentioned::read(wheel, scan, &groups)?;
    for (real, names) in groups {
        let own_name = libraries.get(&real).copied().unwrap_or_default();
        links.collapse(scan, (&real, own_name), names, &mentioned);
    }
    Ok(links)
}

impl Links {
    fn copy(&mut self, link: &MemberPath, real: &MemberPath) {
        self.notes.push(format!("{link} is a link to {real}: written as a copy of it"));
        self.copies.insert(link.clone(), real.clone());
    }

    /// One file for `real` and the `names` that lead to it.
    fn collapse(
        &mut self,
        scan: &Scan,
        (real, own_name): (&MemberPath, &str),
        names: BTreeSet<MemberPath>,
        mentioned: &Mentioned,
    ) {
        let kept = std::iter::once(real)
            .chain(&names)
            .find(|path| path.file_name() == own_name)
            .unwrap_or(real)
            .clone();
        for name in std::iter::once(real).chain(&names).filter(|name| **name != kept) {
            if mentioned.has(name) {
                if name != real && scan.links.contains_key(name) {
                    self.copy(name, real);
                } else {
                    self.notes.push(format!(
                        "{name} is a copy of {kept}, and stays because the wheel mentions it"
                    ));
                }
                continue;
            }
            self.notes.push(format!("{name} is another name of {kept}: one file instead of two"));
            self.aliases.insert(name.clone(), kept.clone());
        }
        let real_stays = !self.aliases.contains_key(real);
        if kept != *real && real_stays {
            self.copies.insert(kept, real.clone());
        } else if kept != *real {
            self.renamed.insert(real.clone(), kept);
        }
    }
}

/// The libraries of the wheel, each with the name that it is loaded by: SONAME, or the last part of its
/// install ID. A program is run and a module imported by each of its names.
fn libraries(scan: &Scan) -> BTreeMap<&MemberPath, &str> {
    let elf = scan.elf.iter().filter(|(_, file)| !file.is_extension);
    let elf = elf.filter_map(|(path, file)| Some((path, file.soname.as_deref()?)));
    let macho = scan.macho.iter().filter(|(_, file)| file.is_library());
    let macho = macho.filter_map(|(path, file)| {
        let id = file.slices.iter().find_map(|slice| slice.install_id.as_deref())?;
        Some((path, base_name(id)))
    });
    elf.chain(macho).collect()
}

/// What a link leads to in the end.
enum Target {
    File(MemberPath),
    Directory(String),
}

fn target(wheel: &Wheel, scan: &Scan, link: &MemberPath) -> Result<Target> {
    let mut path = link.as_str().to_owned();
    // As many as Linux follows (path_resolution(7)); a loop ends here as well.
    for _ in 0..40 {
        let member = MemberPath::new(&path)?;
        let Some(to) = scan.links.get(&member) else {
            return match wheel.member(&path) {
                Some(found) if found.kind == MemberKind::File => Ok(Target::File(member)),
                _ if holds_files(wheel, &path) => Ok(Target::Directory(path)),
                _ => break,
            };
        };
        match (to.starts_with('/'), join_relative(parent(&path), to)) {
            (false, Some(next)) if !next.is_empty() => path = next,
            _ => break,
        }
    }
    let to = scan.links.get(link).map(String::as_str).unwrap_or_default();
    Err(Error::refused_with(
        format!("{link} is a symbolic link to `{}`, which is not in the wheel", to.escape_debug()),
        "put the file itself into the wheel; installers do not make links",
    ))
}

fn below<'a>(wheel: &'a Wheel, directory: &'a str) -> impl Iterator<Item = (&'a Member, &'a str)> {
    wheel.members().iter().filter_map(move |member| {
        let rest = member.path.as_str().strip_prefix(directory)?.strip_prefix('/')?;
        (member.kind == MemberKind::File).then_some((member, rest))
    })
}

fn holds_files(wheel: &Wheel, directory: &str) -> bool {
    below(wheel, directory).next().is_some()
}

fn copy_directory(
    wheel: &Wheel,
    link: &MemberPath,
    directory: &str,
    links: &mut Links,
) -> Result<()> {
    if link.as_str().starts_with(&format!("{directory}/")) {
        return Err(Error::refused_with(
            format!("{link} is a symbolic link to a directory that holds it"),
            "put the files themselves into the wheel; installers do not make links",
        ));
    }
    links
        .notes
        .push(format!("{link} is a link to the directory {directory}: its files are copied"));
    for (member, rest) in below(wheel, directory) {
        links.copies.insert(link.join(rest)?, member.path.clone());
    }
    // The link itself must not stay: a directory takes its name.
    links.aliases.insert(link.clone(), MemberPath::new(directory)?);
    Ok(())
}

/// Equal libraries of one directory whose names continue each other, such as `libfoo.so` and
/// `libfoo.so.1.2`, or `libfoo.dylib` and `libfoo.1.2.dylib`: the longest name with the others.
fn copied_chains(
    scan: &Scan,
    libraries: &BTreeMap<&MemberPath, &str>,
) -> BTreeMap<MemberPath, BTreeSet<MemberPath>> {
    let mut same: BTreeMap<([u8; 32], &str), Vec<&MemberPath>> = BTreeMap::new();
    for path in libraries.keys() {
        if let Some(digest) = scan.digests.get(path) {
            same.entry((digest.sha256, path.parent())).or_default().push(path);
        }
    }
    let mut chains = BTreeMap::new();
    for (_, mut paths) in same {
        paths.sort_by_key(|path| std::cmp::Reverse(path.as_str().len()));
        let Some((longest, others)) = paths.split_first() else { continue };
        let shorter: BTreeSet<MemberPath> = others
            .iter()
            .filter(|path| is_continued(path.file_name(), longest.file_name()))
            .map(|path| (*path).clone())
            .collect();
        if !shorter.is_empty() {
            chains.insert((*longest).clone(), shorter);
        }
    }
    chains
}

fn is_continued(name: &str, longer: &str) -> bool {
    let (name, longer) = match (name.strip_suffix(".dylib"), longer.strip_suffix(".dylib")) {
        (Some(name), Some(longer)) => (name, longer),
        _ => (name, longer),
    };
    longer.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
}

/// File names that something in the wheel may open by name.
struct Mentioned {
    names: BTreeSet<String>,
    has_headers: bool,
}

/// Texts above this are data.
const LARGEST_TEXT: u64 = 4 << 20;

impl Mentioned {
    fn read(
        wheel: &Wheel,
        scan: &Scan,
        groups: &BTreeMap<MemberPath, BTreeSet<MemberPath>>,
    ) -> Result<Self> {
        let all: BTreeSet<&str> = groups
            .iter()
            .flat_map(|(real, names)| std::iter::once(real).chain(names))
            .map(MemberPath::file_name)
            .collect();
        let mut mentioned = Self { names: BTreeSet::new(), has_headers: false };
        for member in wheel.members().iter().filter(|member| member.kind == MemberKind::File) {
            let name = member.path.file_name();
            mentioned.has_headers |=
                [".h", ".hpp", ".pc", ".cmake"].iter().any(|ending| name.ends_with(ending));
            let is_text = member.size <= LARGEST_TEXT
                && !scan.elf.iter().any(|(path, _)| *path == member.path)
                && !scan.macho.iter().any(|(path, _)| *path == member.path)
                && !member.path.as_str().starts_with(&format!("{}/", wheel.dist_info()));
            if is_text {
                let bytes = wheel.read(member)?;
                let text = String::from_utf8_lossy(&bytes);
                let names = all.iter().filter(|name| names_exactly(&text, name));
                mentioned.names.extend(names.map(|name| (*name).to_owned()));
            }
        }
        Ok(mentioned)
    }

    fn has(&self, path: &MemberPath) -> bool {
        let name = path.file_name();
        self.names.contains(name)
            || (self.has_headers && [".so", ".dylib"].iter().any(|ending| name.ends_with(ending)))
    }
}

/// Whether `text` has `name` and not only a longer name that it begins.
fn names_exactly(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let rest = &text.as_bytes()[at + name.len()..];
        !matches!(rest, [b'.', next, ..] if next.is_ascii_alphanumeric())
            && !matches!(rest, [next, ..] if next.is_ascii_alphanumeric() || *next == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_name_is_no_mention_of_a_shorter_one() {
        assert!(names_exactly("CDLL('libfoo.so')", "libfoo.so"));
        assert!(names_exactly("loads libfoo.so.", "libfoo.so"));
        assert!(!names_exactly("CDLL('libfoo.so.1')", "libfoo.so"));
    }
}
