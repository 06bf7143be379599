//! Every table of a file that names a library, read once for an edit and once for its proof.

use std::collections::BTreeSet;

use object::pe as p;

use crate::dll_name::{dll_key, forwarder_keys, split_forwarder};
use crate::error::Result;
use crate::export::{self, Exports, Forwarder};
use crate::import::Import;
use crate::read::Pe;

/// What a file says of libraries.
#[derive(Debug)]
pub(crate) struct Tables<'a> {
    pub(crate) imports: Vec<Import<'a>>,
    pub(crate) delay_imports: Vec<Import<'a>>,
    pub(crate) exports: Option<Exports<'a>>,
    pub(crate) forwarders: Vec<Forwarder<'a>>,
}

impl<'a> Tables<'a> {
    pub(crate) fn read(pe: &Pe<'a>) -> Result<Self> {
        let exports = pe.directory(p::IMAGE_DIRECTORY_ENTRY_EXPORT);
        let forwarders = exports.map(|directory| export::forwarders(&pe.image, directory));
        Ok(Self {
            imports: pe.imports()?,
            delay_imports: pe.delay_imports()?,
            exports: pe.exports()?,
            forwarders: forwarders.transpose()?.unwrap_or_default(),
        })
    }

    /// The keys of all libraries named.
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        let imports = self.imports.iter().chain(&self.delay_imports);
        let imports = imports.map(|import| dll_key(import.dll));
        let libraries = self.forwarders.iter().filter_map(|found| split_forwarder(found.text));
        let forwarded = libraries.flat_map(|(library, _)| forwarder_keys(library));
        imports.chain(forwarded).collect()
    }
}
