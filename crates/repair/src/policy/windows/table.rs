//! The DLLs of Windows itself: `dlls.txt`, read once.
//!
//! Names stand under a heading that gives for each machine the oldest release that has them, so that the
//! text is short enough to be read, compared and embedded.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Release;

/// The machines that Windows runs on, as far as Python does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// 32-bit processes.
    X86,
    /// `win_amd64`
    X64,
    /// `win_arm64`
    Arm64,
}

impl Machine {
    /// By the name of a file's architecture. Code for x64 that runs on ARM64 alone (`arm64ec`) finds the DLLs
    /// of that machine; what no present Windows runs is held against the commonest one.
    pub(crate) fn of_architecture(architecture: &str) -> Self {
        match architecture {
            "x86" => Self::X86,
            "arm64" | "arm64x" | "arm64ec" | "arm" => Self::Arm64,
            _ => Self::X64,
        }
    }
}

const DLLS: &str = include_str!("dlls.txt");

/// The oldest releases for x86, x64 and ARM64.
type Releases = [Option<Release>; 3];

static TABLE: LazyLock<BTreeMap<&'static str, Releases>> = LazyLock::new(|| {
    let mut table = BTreeMap::new();
    let mut releases: Releases = [None; 3];
    for line in DLLS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(heading) => {
                let mut words = heading.split(' ').map(release);
                releases = std::array::from_fn(|_| words.next().flatten());
            }
            None => table.extend(line.split(' ').map(|name| (name, releases))),
        }
    }
    table
});

fn release(word: &str) -> Option<Release> {
    match word {
        "7" => Some(Release::Seven),
        "8.1" => Some(Release::EightOne),
        "10" => Some(Release::Ten),
        "11" => Some(Release::Eleven),
        _ => None,
    }
}

/// The oldest Windows on `machine` that has `name`, which is in lower case with its extension.
pub(super) fn oldest_release(name: &str, machine: Machine) -> Option<Release> {
    let key = match name.strip_suffix(".dll") {
        Some(stem) => stem,
        None if name.ends_with(".drv") => name,
        None => return None,
    };
    let [x86, x64, arm64] = *TABLE.get(key)?;
    match machine {
        Machine::X86 => x86,
        Machine::X64 => x64,
        Machine::Arm64 => arm64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every DLL is named once, in order, and under a heading that says something.
    #[test]
    fn the_table_of_dlls_is_well_formed() {
        let mut count = 0;
        let mut last = "";
        for line in DLLS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                let words: Vec<&str> = heading.split(' ').collect();
                assert_eq!(words.len(), 3, "{line}");
                assert!(words.iter().all(|word| *word == "-" || release(word).is_some()), "{line}");
                assert!(words.iter().any(|word| *word != "-"), "{line}");
                last = "";
                continue;
            }
            for name in line.split(' ') {
                assert!(last < name, "{last} {name}");
                assert!(!name.is_empty() && !name.ends_with(".dll"), "{name}");
                assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name}");
                assert_eq!(name, name.to_ascii_lowercase());
                (last, count) = (name, count + 1);
            }
        }
        assert_eq!(count, TABLE.len());
    }

    /// delvewheel 1.13.2 counts 1226, 1422 and 2767 names; ours has those and later ones.
    #[test]
    fn each_machine_has_its_dlls() {
        let count = |machine: usize, upto: Release| {
            TABLE.values().filter(|releases| releases[machine].is_some_and(|r| r <= upto)).count()
        };
        assert_eq!(count(0, Release::Seven), 1227);
        assert_eq!(count(1, Release::Seven), 1423);
        assert_eq!(count(2, Release::Eleven), 2772);
        assert!(count(1, Release::EightOne) < count(1, Release::Ten));
    }
}
