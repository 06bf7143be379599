//! Reads or renames in PE files from the command line, for scripts that try the editor on many files.
//!
//! `pe IN OUT [--rename OLD NEW]... [--clear-flags]`
//! `pe IN` prints what IN names: `import`, `delay`, `bound` and `forward` lines. IN may be an import library, too.
//!
//! Prints what an edit gave up and how many bytes change; exits 1 if the edit is refused.

use std::process::ExitCode;

use truewheel_pe::{
    Edits, PatchSet, Pe, imported_dlls, patch_file, rename_imported_dlls, split_forwarder,
};

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(text) => {
            #[allow(clippy::print_stdout, reason = "an example is a program of its own")]
            {
                println!("{text}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            #[allow(clippy::print_stderr, reason = "an example is a program of its own")]
            {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn run(arguments: Vec<String>) -> Outcome<String> {
    let [input, rest @ ..] = &arguments[..] else {
        return Err("usage: pe IN [OUT [EDIT...]]".into());
    };
    let bytes = std::fs::read(input)?;
    let [output, options @ ..] = rest else {
        return read(&bytes).map_err(|error| format!("{input}: {error}").into());
    };
    let mut edits = Edits::default();
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut value = || options.next().cloned().ok_or(format!("`{option}` needs a value"));
        match option.as_str() {
            "--rename" => {
                let old = value()?;
                edits.dll_names.insert(old, value()?);
            }
            "--clear-flags" => edits.clear_dependent_load_flags = true,
            other => return Err(format!("unknown option `{other}`").into()),
        }
    }
    if is_library(&bytes) {
        let file = rename_imported_dlls(&bytes, &edits.dll_names)
            .map_err(|error| format!("{input}: {error}"))?;
        std::fs::write(output, &file)?;
        return Ok(format!("{} bytes, {} before", file.len(), bytes.len()));
    }
    let (set, file) = patch_file(&bytes, &edits).map_err(|error| format!("{input}: {error}"))?;
    if set.apply_to(bytes) != file {
        return Err(format!("{input}: the patch does not make the file that was proven").into());
    }
    std::fs::write(output, file)?;
    Ok(describe(&set))
}

fn is_library(bytes: &[u8]) -> bool {
    bytes.starts_with(b"!<arch>\n")
}

fn read(bytes: &[u8]) -> Result<String, truewheel_pe::Error> {
    if is_library(bytes) {
        let names = imported_dlls(bytes)?.into_iter();
        return Ok(names.map(|name| format!("import {name}")).collect::<Vec<_>>().join("\n"));
    }
    let pe = Pe::parse(bytes)?;
    let mut lines = vec![format!("machine {}", pe.architecture())];
    lines.extend(pe.imports()?.iter().map(|import| format!("import {}", import.dll)));
    lines.extend(pe.delay_imports()?.iter().map(|import| format!("delay {}", import.dll)));
    lines.extend(pe.bound_imports()?.iter().map(|import| format!("bound {}", import.dll)));
    for symbol in pe.exports()?.iter().flat_map(|exports| &exports.symbols) {
        let library = symbol.forwarder.and_then(split_forwarder);
        lines.extend(library.map(|(library, symbol)| format!("forward {library} {symbol}")));
    }
    Ok(lines.join("\n"))
}

fn describe(set: &PatchSet) -> String {
    let changed: usize = set.edits.iter().map(|(_, new)| new.len()).sum();
    let notes: Vec<String> = set.notes.iter().map(|note| format!("note: {note:?}\n")).collect();
    let places = set.edits.len();
    let tail = match &set.tail {
        Some((offset, tail)) => format!("{} in a new end at {offset:#x}", tail.len()),
        None => "no new end".to_owned(),
    };
    format!("{}{changed} bytes changed in {places} places, {tail}", notes.concat())
}
