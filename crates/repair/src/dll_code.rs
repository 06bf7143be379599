//! What a wheel for Windows does itself so that its modules find DLLs of other directories.

use truewheel_wheel::{MemberPath, Wheel};

use crate::search::paths::base_name;

/// What Python itself loads, and nobody's code by a path.
pub(crate) fn is_module(path: &MemberPath) -> bool {
    path.file_name().to_ascii_lowercase().ends_with(".pyd")
}

/// Whether some Python file of the wheel names directories of DLLs, or loads them by their paths. What it says
/// there is not understood: it is trusted.
pub(crate) fn names_dll_directories(wheel: &Wheel) -> bool {
    any_source(wheel, &|source| {
        let words = ["add_dll_directory", "WinDLL", "LoadLibrary", "CDLL("];
        words.iter().any(|word| has(source, word))
    })
}

/// Whether the code of an earlier repair names a directory, by the last part of its path.
pub(crate) fn names_directory(wheel: &Wheel, directory: &str) -> bool {
    let name = format!("'{}'", base_name(directory));
    any_source(wheel, &|source| has(source, "# start delvewheel patch") && has(source, &name))
}

fn any_source(wheel: &Wheel, is_it: &dyn Fn(&[u8]) -> bool) -> bool {
    let mut sources = wheel.members().iter().filter(|member| {
        let name = member.path.file_name();
        name.ends_with(".py") || name.ends_with(".pth")
    });
    sources.any(|member| wheel.read(member).is_ok_and(|source| is_it(&source)))
}

fn has(source: &[u8], word: &str) -> bool {
    source.windows(word.len()).any(|window| window == word.as_bytes())
}
