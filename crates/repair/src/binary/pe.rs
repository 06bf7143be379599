//! The facts of one PE file.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_pe::{Import, ImportedSymbol, Pe, dll_key, split_forwarder};

/// What ties an import to an export.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PeSymbol {
    Name(String),
    Ordinal(u32),
}

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
    /// What it takes from each DLL, when it is loaded or later, and what its exports pass on; names as they are
    /// compared.
    pub imported: BTreeMap<String, BTreeSet<PeSymbol>>,
    /// What it gives to others.
    pub exported: BTreeSet<PeSymbol>,
    /// Every name of both lists, imports first, as often as the tables have them.
    pub tables: Vec<String>,
    /// `DependentLoadFlags` is set: the loader looks for what it needs in some directories alone.
    pub limits_search: bool,
    /// The linker's version: 14.x is Microsoft's toolset of that number.
    pub linker_version: (u8, u8),
    /// The file's own version, of its resources.
    pub file_version: Option<(u16, u16, u16, u16)>,
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
        let forwarders = || {
            let symbols = exports.iter().flat_map(|exports| &exports.symbols);
            symbols.filter_map(|symbol| symbol.forwarder)
        };
        let forwards = forwarders().filter_map(|text| Some(split_forwarder(text)?.0));
        let (imports, delay_imports) = (pe.imports()?, pe.delay_imports()?);
        let tables = imports.iter().chain(&delay_imports).map(|import| import.dll.to_owned());
        let flags = pe.load_config()?.and_then(|config| config.dependent_load_flags);
        // A version that cannot be read is none: nothing but a choice between copies hangs on it.
        let version = pe.version_resource().ok().flatten();
        let mut imported: BTreeMap<String, BTreeSet<PeSymbol>> = BTreeMap::new();
        for import in imports.iter().chain(&delay_imports) {
            let symbols = import.symbols.iter().map(|symbol| match symbol {
                ImportedSymbol::Name { name, .. } => PeSymbol::Name((*name).to_owned()),
                ImportedSymbol::Ordinal(ordinal) => PeSymbol::Ordinal(u32::from(*ordinal)),
            });
            imported.entry(dll_key(import.dll)).or_default().extend(symbols);
        }
        for (library, symbol) in forwarders().filter_map(split_forwarder) {
            let ordinal = symbol.strip_prefix('#').and_then(|number| number.parse().ok());
            let symbol =
                ordinal.map_or_else(|| PeSymbol::Name(symbol.to_owned()), PeSymbol::Ordinal);
            imported.entry(dll_key(library)).or_default().insert(symbol);
        }
        let exported = exports.iter().flat_map(|exports| &exports.symbols).flat_map(|symbol| {
            let name = symbol.name.map(|name| PeSymbol::Name(name.to_owned()));
            name.into_iter().chain([PeSymbol::Ordinal(symbol.ordinal)])
        });
        Ok(Self {
            imported,
            exported: exported.collect(),
            tables: tables.collect(),
            limits_search: flags.is_some_and(|flags| flags != 0),
            linker_version: pe.linker_version(),
            file_version: version.map(|version| version.file_version),
            architecture: pe.architecture(),
            is_dll: pe.is_dll(),
            export_name: exports.as_ref().map(|exports| exports.dll_name.to_owned()),
            imports: names(&imports),
            delay_imports: names(&delay_imports),
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
