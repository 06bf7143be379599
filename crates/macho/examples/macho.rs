//! Edits, signs or merges Mach-O files from the command line, for scripts that try the editor on many files.
//!
//! `macho IN OUT [--name FILE] [--id ID] [--load SLICE OLD NEW]... [--rpath SLICE PATH]... [--no-rpaths SLICE]...`
//! `macho IN OUT --sign [--name FILE]`, `macho IN OUT --merge OTHER...`
//!
//! SLICE counts from 0; the rpaths named are those of the slice afterwards. FILE is what the file is called, else the
//! name of OUT. Prints what an edit gave up and how many bytes change; exits 1 if the edit is refused.

use std::path::Path;
use std::process::ExitCode;

use truewheel_macho::{Edits, PatchSet, merge, patch, sign};

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(line) => {
            #[allow(clippy::print_stdout, reason = "an example is a program of its own")]
            {
                println!("{line}");
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
    let [input, output, options @ ..] = &arguments[..] else {
        return Err("usage: macho IN OUT [EDIT...]".into());
    };
    let bytes = std::fs::read(input)?;
    let mut edits = Edits::default();
    let name = Path::new(output).file_name().ok_or("OUT has no name")?;
    edits.file_name = name.to_string_lossy().into_owned();
    let mut signs = false;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut value = || options.next().cloned().ok_or(format!("`{option}` needs a value"));
        match option.as_str() {
            "--merge" => return merge_all(bytes, options.as_slice(), output),
            "--sign" => signs = true,
            "--name" => edits.file_name = value()?,
            "--id" => edits.install_id = Some(value()?),
            "--load" => {
                let slice = edits.slices.entry(value()?.parse()?).or_default();
                slice.install_names.insert(value()?, value()?);
            }
            "--rpath" => {
                let slice = edits.slices.entry(value()?.parse()?).or_default();
                slice.rpaths.get_or_insert_default().push(value()?);
            }
            "--no-rpaths" => {
                edits.slices.entry(value()?.parse()?).or_default().rpaths = Some(Vec::new());
            }
            other => return Err(format!("unknown option `{other}`").into()),
        }
    }
    let set = if signs { sign(&bytes, &edits.file_name) } else { patch(&bytes, &edits) };
    let set = set.map_err(|error| format!("{input}: {error}"))?;
    let line = describe(&set);
    std::fs::write(output, set.apply_to(bytes))?;
    Ok(line)
}

fn merge_all(first: Vec<u8>, others: &[String], output: &str) -> Outcome<String> {
    let mut files = vec![first];
    for other in others {
        files.push(std::fs::read(other)?);
    }
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let merged = merge(&files)?;
    std::fs::write(output, &merged)?;
    Ok(format!("{} bytes", merged.len()))
}

fn describe(set: &PatchSet) -> String {
    let changed: usize = set.edits.iter().map(|(_, new)| new.len()).sum();
    let tail = set.tail.as_ref().map_or(0, |(_, tail)| tail.len());
    let notes: Vec<String> = set.notes.iter().map(|note| format!("note: {note:?}\n")).collect();
    let places = set.edits.len();
    format!("{}{changed} bytes changed in {places} places, {tail} in a new end", notes.concat())
}
