//! The facts of one PE file.

use std::collections::BTreeSet;

use truewheel_pe::{Import, Pe};

/// What the Windows loader sees in one file.
#[derive(Clone, Debug)]
pub(crate) struct PeFile {
    /// `x64`, `x86`, `arm64` and so on.
    pub architecture: &'static str,
    /// A library or an extension module, and no program.
    pub is_dll: bool,
    /// The name it was linked under, which the loader does not read.
    pub export_name: Option<String>,
    /// DLLs that must be there when it is loaded, each once, in the order of the import directory.
    pub imports: Vec<String>,
    /// DLLs that are loaded at the first call of one of their functions.
    pub delay_imports: Vec<String>,
    /// DLLs that some of its exports are passed on to, as the forwarders spell them: without `.dll`.
    pub forwards: Vec<String>,
    /// The oldest Windows that the loader takes it on, major and minor.
    pub subsystem_version: (u16, u16),
    /// Has Authenticode certificates, which any edit makes void.
    pub is_signed: bool,
}

impl PeFile {
    /// Reads everything the engine asks of a PE file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, truewheel_pe::Error> {
        let pe = Pe::parse(bytes)?;
        let exports = pe.exports()?;
        let forwards = exports.iter().flat_map(|exports| &exports.symbols);
        let forwards = forwards.filter_map(|symbol| Some(symbol.forwarder?.rsplit_once('.')?.0));
        Ok(Self {
            architecture: pe.architecture(),
            is_dll: pe.is_dll(),
            export_name: exports.as_ref().map(|exports| exports.dll_name.to_owned()),
            imports: names(&pe.imports()?),
            delay_imports: names(&pe.delay_imports()?),
            forwards: each_once(forwards),
            subsystem_version: pe.subsystem_version(),
            is_signed: pe.certificates().is_some(),
        })
    }
}

fn names(imports: &[Import<'_>]) -> Vec<String> {
    each_once(imports.iter().map(|import| import.dll))
}

/// In their order, without regard to case, as the loader compares them.
fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(name.to_ascii_lowercase())).map(str::to_owned).collect()
}
