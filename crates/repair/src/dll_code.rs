//! What a wheel for Windows does itself so that its modules find DLLs of other directories.

use truewheel_wheel::{MemberPath, Wheel};

/// What Python itself loads, and nobody's code by a path.
pub(crate) fn is_module(path: &MemberPath) -> bool {
    path.file_name().to_ascii_lowercase().ends_with(".pyd")
}

/// Whether some Python file of the wheel names directories of DLLs, or loads them by their paths. What it says
/// there is not understood: it is trusted.
pub(crate) fn names_dll_directories(wheel: &Wheel) -> bool {
    let mut sources = wheel.members().iter().filter(|member| {
        let name = member.path.file_name();
        name.ends_with(".py") || name.ends_with(".pth")
    });
    sources.any(|member| {
        let Ok(source) = wheel.read(member) else { return false };
        let has = |word: &[u8]| source.windows(word.len()).any(|window| window == word);
        has(b"add_dll_directory") || has(b"WinDLL") || has(b"LoadLibrary") || has(b"CDLL(")
    })
}
