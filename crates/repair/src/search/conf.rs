//! The directories a system's loader searches when nothing in the binary names one.
//!
//! glibc takes them from `/etc/ld.so.conf` by way of a cache that `ldconfig` builds, and then from a
//! list made when it was built; musl from `/etc/ld-musl-<arch>.path`, or three directories if there is
//! no such file. The cache is not read: it belongs to one machine and is no part of a sysroot made by
//! unpacking packages, while the text it is made from is the same for both.
//!
//! `glibc-hwcaps` directories (and the `hwcap` lines of old) are left out on purpose. They hold builds
//! of a library for newer processors; a copy of one in a wheel would need that processor everywhere,
//! which the tag does not say. The plain build that every such directory is a variant of is taken.
//!
//! Pure functions: files are read through the closures of the caller. Paths given to those and paths
//! returned are of this machine, below the sysroot; only [`default_directories`] are the target's own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::target::{Arch, Libc};

/// Where glibc's `ldconfig` starts.
const LD_SO_CONF: &str = "/etc/ld.so.conf";

/// How deep `include` may nest. Distributions use one level; a file that names itself must end.
const MAX_DEPTH: usize = 8;

/// How many files all `include`s together may name; a distribution has some dozens.
const MAX_FILES: usize = 1024;

/// Reads a file of this machine as text; `None` if it is not there or is no file.
pub(crate) type Read<'a> = dyn Fn(&Path) -> Option<String> + 'a;

/// The files of this machine that a pattern with `*`, `?` and `[…]` matches.
pub(crate) type Glob<'a> = dyn Fn(&Path) -> Vec<PathBuf> + 'a;

/// The directories of `/etc/ld.so.conf` below `root`, in the order in which they are searched.
///
/// The rules are those of `ldconfig` (glibc, `parse_conf` of `elf/ldconfig.c`): one directory a line;
/// `#` ends a line anywhere; `include` takes patterns, relative ones from the including file's
/// directory, and reads what they match in sorted order. A missing file is an empty one. `read` and
/// `glob` are given paths of this machine, below `root`.
pub(crate) fn ld_so_conf(root: &Path, read: &Read<'_>, glob: &Glob<'_>) -> Vec<PathBuf> {
    let mut conf = Conf { root, read, glob, files: BTreeSet::new(), directories: Vec::new() };
    conf.add_file(LD_SO_CONF, 0);
    unique(root, conf.directories)
}

/// What has been read so far.
struct Conf<'a> {
    root: &'a Path,
    read: &'a Read<'a>,
    glob: &'a Glob<'a>,
    /// Files already read; one that is named twice adds nothing new.
    files: BTreeSet<String>,
    directories: Vec<String>,
}

impl Conf<'_> {
    /// Reads one file; `path` is the target's.
    fn add_file(&mut self, path: &str, depth: usize) {
        let is_over = depth > MAX_DEPTH || self.files.len() >= MAX_FILES;
        if is_over || !self.files.insert(path.to_owned()) {
            return;
        }
        let Some(text) = (self.read)(&on_this_machine(self.root, path)) else { return };
        for line in text.lines() {
            match parse_line(line) {
                Line::Nothing => {}
                Line::Directory(directory) => self.directories.push(tidy(directory)),
                Line::Include(patterns) => {
                    for pattern in patterns.split_ascii_whitespace() {
                        self.include(path, pattern, depth);
                    }
                }
            }
        }
    }

    fn include(&mut self, includer: &str, pattern: &str, depth: usize) {
        let directory = includer.rsplit_once('/').map_or("", |(directory, _)| directory);
        let pattern = match pattern.starts_with('/') {
            true => normal(pattern),
            false => normal(&format!("{directory}/{pattern}")),
        };
        let mut found: Vec<String> = (self.glob)(&on_this_machine(self.root, &pattern))
            .iter()
            .filter_map(|path| on_the_target(self.root, path))
            .collect();
        // As glob(3) does, so that `10-a.conf` comes before `20-b.conf`.
        found.sort_unstable();
        for path in found {
            self.add_file(&path, depth + 1);
        }
    }
}

/// One line of `ld.so.conf`.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    /// Blank, a comment, a `hwcap` line, or a directory that is not absolute.
    Nothing,
    Directory(&'a str),
    /// The patterns, separated by blanks.
    Include(&'a str),
}

fn parse_line(line: &str) -> Line<'_> {
    let line = line.split('#').next().unwrap_or("").trim();
    if let Some((keyword, rest)) = line.split_once([' ', '\t']) {
        match keyword {
            "include" => return Line::Include(rest),
            _ if keyword.eq_ignore_ascii_case("hwcap") => return Line::Nothing,
            _ => {}
        }
    }
    // glibc before 2.34 let a line say which libc its libraries are for.
    let types = ["=libc4", "=libc5", "=libc6", "=glibc2"];
    let directory = types.iter().find_map(|kind| line.strip_suffix(kind)).unwrap_or(line);
    // A relative directory would be one of whoever runs ldconfig.
    if directory.starts_with('/') { Line::Directory(directory.trim_end()) } else { Line::Nothing }
}

/// The directories of musl's path file for `arch` below `root`; `None` if there is no such file.
///
/// The file separates them by `:` or line ends and has no comments. It is read instead of the default
/// directories, so an empty one means none (musl, `load_library` of `ldso/dynlink.c`).
pub(crate) fn musl_path(root: &Path, arch: Arch, read: &Read<'_>) -> Option<Vec<PathBuf>> {
    let loader_arch = crate::policy::musllinux::loader_arch(arch);
    let text = read(&on_this_machine(root, &format!("/etc/ld-musl-{loader_arch}.path")))?;
    let directories = text.split([':', '\n']).filter(|directory| directory.starts_with('/'));
    Some(unique(root, directories.map(tidy).collect()))
}

/// The directories the loader searches without being told, first to last.
///
/// For glibc that is a matter of the distribution: Debian's multiarch directories (multiarch-tuples of
/// dpkg) come first, then `lib64` where it is used (FHS, and the psABI for RISC-V), then `lib`. A file
/// there for another architecture is passed over by the caller, as the loader does. None for Android:
/// its libraries are in no place that a build machine has.
pub(crate) fn default_directories(arch: Arch, libc: Libc) -> Vec<&'static str> {
    match libc {
        Libc::Glibc => glibc_directories(arch).to_vec(),
        Libc::Musl => vec!["/lib", "/usr/local/lib", "/usr/lib"],
        Libc::Bionic => Vec::new(),
    }
}

/// A glibc list: the multiarch directories of `$triplet`, the others, `/lib` and `/usr/lib`.
macro_rules! directories {
    ($triplet:literal $(, $more:literal)*) => {
        &[
            concat!("/lib/", $triplet),
            concat!("/usr/lib/", $triplet),
            $($more,)*
            "/lib",
            "/usr/lib",
        ]
    };
}

fn glibc_directories(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => directories!("x86_64-linux-gnu", "/lib64", "/usr/lib64"),
        Arch::I686 => directories!("i386-linux-gnu", "/lib32", "/usr/lib32"),
        Arch::Aarch64 => directories!("aarch64-linux-gnu", "/lib64", "/usr/lib64"),
        Arch::Armv7l | Arch::Armv6l => directories!("arm-linux-gnueabihf"),
        Arch::Ppc64le => directories!("powerpc64le-linux-gnu", "/lib64", "/usr/lib64"),
        Arch::Ppc64 => directories!("powerpc64-linux-gnu", "/lib64", "/usr/lib64"),
        Arch::S390x => directories!("s390x-linux-gnu", "/lib64", "/usr/lib64"),
        Arch::Riscv64 => directories!(
            "riscv64-linux-gnu",
            "/lib64/lp64d",
            "/usr/lib64/lp64d",
            "/lib64",
            "/usr/lib64"
        ),
        Arch::Loongarch64 => directories!("loongarch64-linux-gnu", "/lib64", "/usr/lib64"),
    }
}

/// Debian's name of a glibc architecture: the directory below `/usr/lib`.
pub(crate) fn triplet(arch: Arch) -> &'static str {
    let first = glibc_directories(arch).first().copied().unwrap_or("");
    first.strip_prefix("/lib/").unwrap_or("")
}

/// A path of the target, below the sysroot.
fn on_this_machine(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Back again; `None` for a path outside the sysroot or one that is no text.
fn on_the_target(root: &Path, path: &Path) -> Option<String> {
    let mut target = String::new();
    for component in path.strip_prefix(root).ok()?.components() {
        target.push('/');
        target.push_str(component.as_os_str().to_str()?);
    }
    Some(normal(&target))
}

/// A directory without what does not change its meaning. `..` stays: after a symlink it leads
/// elsewhere than its text says, and only who opens the directory can follow it.
fn tidy(directory: &str) -> String {
    match directory.split('/').any(|part| part == "..") {
        true => directory.to_owned(),
        false => normal(directory),
    }
}

/// An absolute path without `.`, `..`, empty parts and a slash at its end; never above `/`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The first of each, in order, as directories of this machine.
fn unique(root: &Path, mut directories: Vec<String>) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    directories.retain(|directory| seen.insert(directory.clone()));
    directories.iter().map(|directory| on_this_machine(root, directory)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A machine with these files, seen from `/sysroot`.
    fn directories(files: &[(&str, &str)]) -> Vec<PathBuf> {
        let root = Path::new("/sysroot");
        let files: BTreeMap<PathBuf, String> =
            files.iter().map(|(path, text)| (root.join(path), (*text).to_owned())).collect();
        let read = |path: &Path| files.get(path).cloned();
        // Enough of a glob for the tests: one `*` in the last part; worst order first.
        let glob = |pattern: &Path| -> Vec<PathBuf> {
            let name = pattern.file_name().unwrap().to_str().unwrap();
            let (start, end) = name.split_once('*').unwrap_or((name, ""));
            let matches = |path: &&PathBuf| {
                let name = path.file_name().unwrap().to_str().unwrap();
                let is_beside = path.parent() == pattern.parent();
                is_beside && name.starts_with(start) && name.ends_with(end)
            };
            files.keys().rev().filter(matches).cloned().collect()
        };
        ld_so_conf(root, &read, &glob)
    }

    fn paths(expected: &[&str]) -> Vec<PathBuf> {
        expected.iter().map(|path| on_this_machine(Path::new("/sysroot"), path)).collect()
    }

    #[test]
    fn a_system_without_the_file_names_no_directory() {
        assert_eq!(directories(&[]), paths(&[]));
    }

    #[test]
    fn a_line_is_a_directory_unless_it_says_otherwise() {
        let text = "# comment\n\n  /opt/a/lib \t# why\n/opt/b/lib/\nhwcap 1 nosegneg\nrelative/lib\n\
                    /opt/with space\n/opt/old=libc6\n/opt/a/lib\n/opt/x=y\n/include\nHWCAP 0 x\n";
        let expected =
            ["/opt/a/lib", "/opt/b/lib", "/opt/with space", "/opt/old", "/opt/x=y", "/include"];
        assert_eq!(directories(&[("etc/ld.so.conf", text)]), paths(&expected));
    }

    #[test]
    fn an_include_is_relative_to_its_file_and_read_in_sorted_order() {
        let files = [
            ("etc/ld.so.conf", "/first\ninclude ld.so.conf.d/*.conf\n/last"),
            ("etc/ld.so.conf.d/20-b.conf", "/b"),
            ("etc/ld.so.conf.d/10-a.conf", "/a"),
            ("etc/ld.so.conf.d/readme", "/never"),
        ];
        assert_eq!(directories(&files), paths(&["/first", "/a", "/b", "/last"]));
    }

    #[test]
    fn an_include_takes_several_patterns_and_absolute_ones_stay_below_the_root() {
        let files = [
            ("etc/ld.so.conf", "include\t/opt/one.conf  ../../../opt/t*.conf\n"),
            ("opt/one.conf", "/one"),
            ("opt/two.conf", "/two/../three\n/./four//five/"),
        ];
        assert_eq!(directories(&files), paths(&["/one", "/two/../three", "/four/five"]));
    }

    #[test]
    fn files_that_include_each_other_are_read_once() {
        let files = [
            ("etc/ld.so.conf", "include a.conf\n/end"),
            ("etc/a.conf", "include ld.so.conf a.conf b.conf\n/a"),
            ("etc/b.conf", "include a.conf\n/b"),
        ];
        assert_eq!(directories(&files), paths(&["/b", "/a", "/end"]));
    }

    #[test]
    fn a_chain_of_includes_that_is_too_long_ends() {
        let names: Vec<String> = (0..20).map(|n| format!("etc/{n}.conf")).collect();
        let texts: Vec<String> = (0..20).map(|n| format!("include {}.conf\n/{n}", n + 1)).collect();
        let mut files: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
        files.push(("etc/ld.so.conf", "include 0.conf"));
        let found = directories(&files);
        assert_eq!(found.len(), MAX_DEPTH);
        assert_eq!(found.last(), Some(&PathBuf::from("/sysroot/0")));
    }

    #[test]
    fn an_empty_path_file_of_musl_is_not_an_absent_one() {
        let root = Path::new("/sysroot");
        let of = |arch, text: Option<&str>| {
            let read = |path: &Path| {
                let is_it = path == Path::new("/sysroot/etc/ld-musl-armhf.path");
                text.filter(|_| is_it).map(str::to_owned)
            };
            musl_path(root, arch, &read)
        };
        let text = "/lib:/usr/lib\n/opt/lib/\n\nrelative:/lib";
        let listed = paths(&["/lib", "/usr/lib", "/opt/lib"]);
        assert_eq!(of(Arch::Armv7l, Some(text)), Some(listed));
        assert_eq!(of(Arch::Armv7l, Some("")), Some(paths(&[])));
        assert_eq!(of(Arch::Armv7l, None), None);
        assert_eq!(of(Arch::X86_64, Some(text)), None);
    }

    #[test]
    fn every_glibc_architecture_has_its_multiarch_directories_first() {
        for arch in Arch::ALL {
            let list = default_directories(arch, Libc::Glibc);
            assert_eq!(list[0], format!("/lib/{}", triplet(arch)));
            assert_eq!(list[1], format!("/usr/lib/{}", triplet(arch)));
            assert!(triplet(arch).contains("-linux-gnu"), "{arch}");
            assert_eq!(list[list.len() - 2..], ["/lib", "/usr/lib"]);
        }
        assert_eq!(triplet(Arch::I686), "i386-linux-gnu");
        assert_eq!(default_directories(Arch::Aarch64, Libc::Bionic), [""; 0]);
    }
}
