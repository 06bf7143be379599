//! Edits one ELF file from the command line, for scripts that try the editor on many files.
//!
//! `edit IN OUT [--set-soname S] [--remove-soname] [--replace-needed OLD NEW]... [--remove-needed N]...
//! [--add-needed N]... [--rpath P|--runpath P|--remove-rpath] [--clear-execstack]
//! [--strip|--strip-debug]`
//!
//! Prints how many bytes of the file change and how many are added; exits 1 if the edit is refused.

use std::process::ExitCode;

use truewheel_elf::{
    Edits, SearchPathEdit, SonameEdit, Strip, Strippable, patch, strip, strippable,
};

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
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

fn run(mut arguments: impl Iterator<Item = String>) -> Result<String, Box<dyn std::error::Error>> {
    let input = arguments.next().ok_or("usage: edit IN OUT [EDIT...]")?;
    let output = arguments.next().ok_or("usage: edit IN OUT [EDIT...]")?;
    let mut edits = Edits::default();
    let mut level = None;
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("`{option}` needs a value"));
        match option.as_str() {
            "--set-soname" => edits.soname = Some(SonameEdit::Set(value()?)),
            "--remove-soname" => edits.soname = Some(SonameEdit::Remove),
            "--replace-needed" => {
                edits.replace_needed.insert(value()?, value()?);
            }
            "--remove-needed" => {
                edits.remove_needed.insert(value()?);
            }
            "--add-needed" => edits.add_needed.push(value()?),
            "--rpath" => edits.search_path = Some(SearchPathEdit::Rpath(value()?)),
            "--runpath" => edits.search_path = Some(SearchPathEdit::Runpath(value()?)),
            "--remove-rpath" => edits.search_path = Some(SearchPathEdit::Remove),
            "--strip" => level = Some(Strip::All),
            "--strip-debug" => level = Some(Strip::Debug),
            "--clear-execstack" => edits.clear_executable_stack = true,
            other => return Err(format!("unknown option `{other}`").into()),
        }
    }
    let mut bytes = std::fs::read(&input)?;
    if let Some(level) = level {
        if let Strippable::Unfit(reason) = strippable(&bytes, level)? {
            #[allow(clippy::print_stderr, reason = "an example is a program of its own")]
            {
                eprintln!("{input} is left as it is: {reason}");
            }
        }
        let stripped = strip(&bytes, level).map_err(|error| format!("{input}: {error}"))?;
        bytes = stripped.unwrap_or(bytes);
    }
    let set = patch(&bytes, &edits).map_err(|error| format!("{input}: {error}"))?;
    let changed: usize = set.edits.iter().map(|(_, new)| new.len()).sum();
    let line = format!(
        "{changed} bytes changed in {} places, {} added",
        set.edits.len(),
        set.append.len()
    );
    std::fs::write(&output, set.apply_to(bytes))?;
    std::fs::set_permissions(&output, std::fs::metadata(&input)?.permissions())?;
    Ok(line)
}
