//! A directory of its own for each test, and the program run in it.
//!
//! The program sees nothing of this machine: its environment is empty, and `--sysroot` names an
//! empty directory, so that no library of the host is found by accident.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Elf, Output, Wheel};

/// A temporary directory.
pub(crate) struct Sandbox {
    /// Removes the directory in the end.
    _directory: tempfile::TempDir,
    root: PathBuf,
}

/// What one run of the program left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = fs::canonicalize(directory.path()).expect("its real path");
        fs::create_dir(root.join("sysroot")).expect("an empty root");
        Self { _directory: directory, root }
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path in it, as text.
    pub(crate) fn path(&self, path: &str) -> String {
        self.root.join(path).to_string_lossy().into_owned()
    }

    /// Writes a file, with the directories it is in.
    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("a file");
    }

    /// Writes an ELF file.
    pub(crate) fn elf(&self, path: &str, elf: &Elf) {
        self.write(path, elf.bytes());
    }

    /// Runs the program here with these words.
    pub(crate) fn run(&self, words: &[&str]) -> Run {
        self.run_in(words, &[])
    }

    /// Runs the program here with these words and this environment, which is otherwise empty.
    pub(crate) fn run_in(&self, words: &[&str], environment: &[(&str, &str)]) -> Run {
        self.finished(self.command(words).envs(environment.iter().copied()))
    }

    /// Runs the program here with these words, and standard output to `stdout`.
    pub(crate) fn run_into(&self, words: &[&str], stdout: Stdio) -> Run {
        let child = self.command(words).stdout(stdout).stderr(Stdio::piped()).spawn();
        let output = child.and_then(Child::wait_with_output).expect("the program runs");
        self.read(output)
    }

    /// Runs the program here with these words and a path that need not be text.
    pub(crate) fn run_on(&self, words: &[&str], path: &Path) -> Run {
        self.finished(self.command(words).arg(path))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
        command.args(words).current_dir(&self.root).env_clear();
        command
    }

    fn finished(&self, command: &mut Command) -> Run {
        self.read(command.output().expect("the program starts"))
    }

    fn read(&self, output: std::process::Output) -> Run {
        Run {
            status: output.status.code().unwrap_or(-1),
            stdout: self.relative(&String::from_utf8_lossy(&output.stdout)),
            stderr: self.relative(&String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// `text` with `ROOT` for this directory.
    pub(crate) fn relative(&self, text: &str) -> String {
        text.replace(&*self.root.to_string_lossy(), "ROOT")
    }

    /// Writes `wheel` and repairs it into `out`.
    pub(crate) fn try_repair(&self, wheel: &Wheel, words: &[&str]) -> Run {
        self.try_repair_in(wheel, words, &[])
    }

    /// Writes `wheel` and repairs it into `out`, with this environment.
    pub(crate) fn try_repair_in(
        &self,
        wheel: &Wheel,
        words: &[&str],
        environment: &[(&str, &str)],
    ) -> Run {
        wheel.build(&self.root);
        let name = wheel.file_name();
        let mut all = vec!["repair", "-w", "out", &*name];
        if !words.contains(&"--sysroot") && !words.contains(&"--ldpaths") {
            all.extend(["--sysroot", "sysroot"]);
        }
        all.extend(words);
        self.run_in(&all, environment)
    }

    /// Repairs `wheel`, which must succeed, and reads the one wheel that is in `out` then. Whatever
    /// is repaired has a RECORD that is right.
    pub(crate) fn repair(&self, wheel: &Wheel, words: &[&str]) -> Output {
        self.repair_in(wheel, words, &[])
    }

    /// [`Sandbox::repair`] with this environment.
    pub(crate) fn repair_in(
        &self,
        wheel: &Wheel,
        words: &[&str],
        environment: &[(&str, &str)],
    ) -> Output {
        let run = self.try_repair_in(wheel, words, environment);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let names = self.names("out");
        assert_eq!(names.len(), 1, "{names:?}");
        assert_eq!(run.stdout.trim_end().replace('\\', "/"), format!("out/{}", names[0]));
        let output = Output::open(&self.root.join("out").join(&names[0]));
        assert_eq!(output.record_text(), output.expected_record());
        output
    }

    /// Repairs `wheel`, which must be refused with status 1 and leave nothing; the text of the error
    /// without the wheel's name.
    pub(crate) fn refusal(&self, wheel: &Wheel, words: &[&str]) -> String {
        let run = self.try_repair(wheel, words);
        self.refused(&wheel.file_name(), &wheel.bytes(), &run)
    }

    /// Writes `bytes` as the wheel `name` and wants it to be refused.
    pub(crate) fn refusal_of_bytes(&self, name: &str, bytes: &[u8]) -> String {
        self.write(name, bytes);
        let run = self.run(&["repair", "-w", "out", "--sysroot", "sysroot", name]);
        self.refused(name, bytes, &run)
    }

    fn refused(&self, name: &str, bytes: &[u8], run: &Run) -> String {
        assert_eq!(run.status, 1, "{run:?}");
        assert_eq!(run.stdout, "", "{run:?}");
        assert_eq!(self.names("out"), Vec::<String>::new(), "something is left");
        assert_eq!(fs::read(self.root.join(name)).expect("the input"), bytes, "the input changed");
        let start = format!("error: {name}: ");
        let text = run.stderr.strip_prefix(&start).unwrap_or_else(|| panic!("{}", run.stderr));
        text.strip_suffix('\n').expect("a line").to_owned()
    }

    /// The names in a directory, sorted, hidden ones too; none if there is no such directory.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(directory)).into_iter().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Every file here with its contents.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut directories = vec![self.root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    files.insert(path.clone(), fs::read(&path).expect("a file"));
                }
            }
        }
        files
    }
}
