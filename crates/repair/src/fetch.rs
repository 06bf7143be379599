//! Between steps 4 and 5: reads each library that will be vendored, once.
//!
//! Its name hangs on its SHA-256, so no edit can be made before it is hashed; on one core, while the
//! others would wait. They deflate it meanwhile, as it is, and go on while the plan is made and
//! carried out: an edit touches a few of its pieces, and all others serve in the result as well.
//! What is to be stripped is stripped before that, and hashed as it was found.

use std::collections::BTreeMap;
use std::fs;

use rayon::prelude::*;
use truewheel_elf::{Strip, Strippable};
use truewheel_wheel::Digest;

use crate::binary::ElfFile;
use crate::deflating::Deflating;
use crate::error::{Error, Result};
use crate::search::{Library, NodeId};

/// Libraries above this, all together, are read again when their turn comes instead of being kept.
const MOST_KEPT: u64 = 1 << 29;

/// A library as it was found.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Its digest.
    pub(crate) digest: Digest,
    /// Its contents, stripped if it is to be, where they were kept.
    pub(crate) contents: Option<Deflating>,
}

/// How much is kept of what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The digest is enough: nothing will be written.
    Digest,
    /// The contents, and they are deflated, at this level.
    Contents(u32),
}

/// A library that is wanted, and its contents if they were kept.
type Wanted<'a, T> = (NodeId, &'a Library<T>, Option<Vec<u8>>);

/// Reads the libraries that are `wanted`, each by its index, if the search has not kept them. Nothing is
/// left of what the search has kept. `strip` says which are stripped.
pub(crate) fn fetch<T: Sync>(
    libraries: &mut [Library<T>],
    wanted: Vec<(NodeId, usize)>,
    keep: Keep,
    strip: impl Fn(&T) -> Option<Strip> + Sync,
) -> Result<BTreeMap<NodeId, Fetched>> {
    let mut contents: Vec<Option<Vec<u8>>> =
        libraries.iter_mut().map(|library| library.contents.take()).collect();
    let with_contents =
        |(id, index): (NodeId, usize)| (id, &libraries[index], contents[index].take());
    let wanted: Vec<Wanted<'_, T>> = wanted.into_iter().map(with_contents).collect();
    drop(contents);
    let total: u64 = wanted.iter().map(|(_, library, _)| library.size).sum();
    let keep_of = |library: &Library<T>| match total > MOST_KEPT && !library.is_made {
        true => Keep::Digest,
        false => keep,
    };
    wanted
        .into_par_iter()
        .with_max_len(1)
        .map(|(id, library, contents)| {
            let bytes = contents.map_or_else(|| read(library), Ok)?;
            Ok((id, fetched(bytes, keep_of(library), strip(&library.file))))
        })
        .collect()
}

/// Which ELF files are stripped, if they are to be: those that can be.
pub(crate) fn strippable(file: &ElfFile, level: Option<Strip>) -> Option<Strip> {
    level.filter(|level| matches!(file.strippable(*level), Strippable::Yes { .. }))
}

fn read<T>(library: &Library<T>) -> Result<Vec<u8>> {
    let bytes = fs::read(&library.path).map_err(|error| Error::io(&library.path, error))?;
    if bytes.len() as u64 == library.size { Ok(bytes) } else { Err(Error::changed(&library.path)) }
}

fn fetched(bytes: Vec<u8>, keep: Keep, strip: Option<Strip>) -> Fetched {
    match keep {
        Keep::Contents(level) if strip.is_some() => {
            let digest = Digest::of(&bytes);
            // A file that cannot be stripped stays as it is here; step 6 tries again and says why.
            let stripped = strip.and_then(|strip| truewheel_elf::strip(&bytes, strip).ok()?);
            let contents = Deflating::begin(stripped.unwrap_or(bytes), level);
            Fetched { digest, contents: Some(contents) }
        }
        Keep::Digest => Fetched { digest: Digest::of(&bytes), contents: None },
        Keep::Contents(level) => {
            let contents = Deflating::begin(bytes, level);
            Fetched { digest: Digest::of(contents.bytes()), contents: Some(contents) }
        }
    }
}
