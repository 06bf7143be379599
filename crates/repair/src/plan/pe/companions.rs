//! What lies beside a DLL and helps others: its symbols (`NAME.pdb`), and what programs are linked with
//! (`NAME.lib`, `NAME.dll.a`), which then name the DLL as it is in the wheel.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use truewheel_pe::{dll_key, imported_dlls, rename_imported_dlls};
use truewheel_wheel::MemberPath;

use super::Planner;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::search::paths::join;

/// What an option brings along: the endings after a DLL's name without its own.
struct Kind {
    option: &'static str,
    endings: &'static [&'static str],
    is_import_library: bool,
}

const SYMBOLS: Kind =
    Kind { option: "--include-symbols", endings: &["pdb"], is_import_library: false };
const IMPORTS: Kind =
    Kind { option: "--include-imports", endings: &["lib", "dll.a"], is_import_library: true };

impl Planner<'_> {
    /// Adds what the options ask for to every directory that has the DLL, under its own name: debuggers and
    /// linkers look for that. A DLL that nothing lies beside is told.
    pub(super) fn companions(&self, plan: &mut Plan) -> Result<()> {
        let options = &self.findings.options.windows;
        let kinds = [(options.include_symbols, SYMBOLS), (options.include_imports, IMPORTS)];
        for (_, kind) in kinds.iter().filter(|(is_wanted, _)| *is_wanted) {
            self.of_kind(kind, plan)?;
        }
        Ok(())
    }

    fn of_kind(&self, kind: &Kind, plan: &mut Plan) -> Result<()> {
        let graph = &self.findings.windows.graph;
        let mut without = Vec::new();
        for (id, members) in self.places {
            let Some(index) = graph.node(*id).place.library() else { continue };
            let dll = &graph.libraries[index].path;
            let found = beside(dll, kind.endings)?;
            if found.is_empty() {
                without.push(graph.file_name(*id));
            }
            for path in found {
                let bytes = fs::read(&path).map_err(|error| Error::io(&path, error))?;
                let bytes = match kind.is_import_library {
                    true => self.import_library(&path, &graph.file_name(*id), bytes, plan)?,
                    false => bytes,
                };
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
                for member in members {
                    let place = MemberPath::new(&join(member.parent(), name))?;
                    self.add(place, &path, &bytes, plan)?;
                }
            }
        }
        if !without.is_empty() {
            let endings: Vec<String> =
                kind.endings.iter().map(|ending| format!("`NAME.{ending}`")).collect();
            plan.notes.push(format!(
                "{}: no {} lies beside {}",
                kind.option,
                endings.join(" or "),
                without.join(", ")
            ));
        }
        Ok(())
    }

    /// An import library with the names that the DLLs have in the wheel.
    fn import_library(
        &self,
        path: &Path,
        dll: &str,
        bytes: Vec<u8>,
        plan: &mut Plan,
    ) -> Result<Vec<u8>> {
        let refused = |error: truewheel_pe::Error| {
            Error::refused_with(
                format!("{}: {error}", path.display()),
                "make the import library anew, or leave out `--include-imports`",
            )
        };
        if !imported_dlls(&bytes).map_err(refused)?.contains(&dll_key(dll)) {
            plan.notes.push(format!(
                "{} names no `{dll}` and comes along as it is: a static library, or one for another DLL",
                path.display()
            ));
        }
        let graph = &self.findings.windows.graph;
        let names: BTreeMap<String, String> =
            self.names.iter().map(|(id, name)| (graph.file_name(*id), name.clone())).collect();
        rename_imported_dlls(&bytes, &names).map_err(refused)
    }

    fn add(&self, place: MemberPath, path: &Path, bytes: &[u8], plan: &mut Plan) -> Result<()> {
        self.refuse_to_replace(&place)?;
        let is_there = |known: &&MemberPath| known.as_str().eq_ignore_ascii_case(place.as_str());
        let known = plan.added.keys().find(is_there).map(|known| plan.added[known] == bytes);
        if known == Some(false) {
            return Err(Error::refused(format!(
                "{} and another file would both be {place} in the wheel",
                path.display()
            )));
        }
        plan.added.insert(place, bytes.to_vec());
        Ok(())
    }
}

/// The files in a DLL's directory that have its name and these endings, in any case.
fn beside(dll: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let (Some(directory), Some(name)) =
        (dll.parent(), dll.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(Vec::new());
    };
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let wanted: Vec<String> = endings.iter().map(|ending| format!("{stem}.{ending}")).collect();
    let mut found = Vec::new();
    for item in fs::read_dir(directory).map_err(|error| Error::io(directory, error))? {
        let path = item.map_err(|error| Error::io(directory, error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if wanted.iter().any(|it| it.eq_ignore_ascii_case(name)) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
