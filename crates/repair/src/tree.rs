//! Who needs what, and where it is: of one file, or of every binary in a wheel; of any format.
//!
//! The answer is the loader's of the system the file is for: ld.so's rules for ELF, dyld's for
//! Mach-O, the DLL search of Windows for PE. A tree is kept flat, as files and the indices that their
//! needs lead to: libraries need each other in circles, and a chain of them may be longer than a stack.

mod elf;
mod macho;
mod pe;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::binary::Binary;
use crate::error::{Error, Result};
use crate::left_out;
use crate::options::Options;
use crate::pattern::Unmatched;
use crate::survey::{self, Kind, Survey};

/// What became of a needed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// A file of the wheel.
    Wheel,
    /// A file of this machine, outside the wheel.
    External,
    /// Every system that the wheel is for has it.
    Provided,
    /// The caller left it out.
    Excluded,
    /// It belongs to the machine's drivers.
    Driver,
    /// Python itself brings it.
    Interpreter,
    /// No rule of the loader leads to it, and the file is loaded all the same: a weak load of macOS, a
    /// delay import of Windows.
    MayBeAbsent,
    /// No rule of the loader leads to it.
    Missing,
}

/// A name that a file asks its loader for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// As the file spells it.
    pub name: String,
    /// How the two are tied: `needed`; `load`, `weak`, `reexport`, `lazy`, `upward`; `import`, `delay`,
    /// `forward`.
    pub kind: &'static str,
    /// What became of it.
    pub status: Status,
    /// Index into [`Tree::files`].
    pub file: Option<usize>,
    /// The rule that decided, such as `RUNPATH of demo/_ext.so` or `--lib-path`.
    pub rule: Option<String>,
    /// The places that were looked at, where it is missing.
    pub searched: Vec<String>,
    /// Files that nearly fit, each with the reason it was passed over, where it is missing.
    pub passed_over: Vec<String>,
}

/// One binary; of a universal Mach-O file one slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TreeFile {
    /// The member, or the path on this machine.
    pub path: String,
    /// It is a member of the wheel.
    pub in_wheel: bool,
    /// Bytes of the file, all its slices together.
    pub size: Option<u64>,
    /// `elf`, `mach-o` or `pe`.
    pub format: &'static str,
    /// `extension`, `library`, `program`; a Mach-O bundle is an extension.
    pub kind: &'static str,
    /// It has a signature, right or wrong; not of ELF files.
    pub signed: Option<bool>,
    /// As the system of the file calls it: `x86_64`, `arm64`, `x64`.
    pub architecture: String,
    /// `EI_OSABI`, of ELF files.
    pub os_abi: Option<u8>,
    /// The C library, of ELF files that show it.
    pub libc: Option<String>,
    /// `PT_INTERP`.
    pub interpreter: Option<String>,
    /// SONAME or install ID.
    pub own_name: Option<String>,
    /// The oldest system it runs on, such as `macOS 11.0`; not of ELF files.
    pub minimum_os: Option<String>,
    /// `DT_RPATH`, or the `LC_RPATH` commands.
    pub rpath: Vec<String>,
    /// `DT_RUNPATH`.
    pub runpath: Vec<String>,
    /// What it asks its loader for, in its order.
    pub needs: Vec<Need>,
}

/// The files behind one file or wheel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// `truewheel.tree/1`; the number changes when something that was there changes its meaning.
    pub schema: &'static str,
    /// What was asked about.
    pub input: String,
    /// Every file met.
    pub files: Vec<TreeFile>,
    /// Indices of the files to begin with: the file itself, or what nothing else in the wheel needs.
    pub roots: Vec<usize>,
    /// Binaries that cannot be read, each with the reason, and other things worth knowing.
    pub notes: Vec<String>,
    /// Options that did nothing.
    pub unmatched: Vec<Unmatched>,
}

/// The version of [`Tree`] as JSON.
const SCHEMA: &str = "truewheel.tree/1";

/// The tree of a wheel, or of one file in any of the three formats.
///
/// # Errors
///
/// There is no such file, it is neither a wheel nor a binary, or it cannot be read.
pub fn tree(path: &Path, options: &Options) -> Result<Tree> {
    if is_archive(path)? {
        return of_survey(&survey::survey(path, options)?, options);
    }
    let bytes = fs::read(path).map_err(|error| Error::io(path, error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut found = match Binary::read(&bytes, &name) {
        Some(Binary::Elf(file)) => elf::of_file(path, &file, options)?,
        Some(Binary::MachO(_)) => macho::of_file(path, options)?,
        Some(Binary::Pe(_)) => pe::of_file(path, options)?,
        Some(Binary::Unreadable(_, fault)) => {
            return Err(Error::refused(fault.to_string()));
        }
        None => {
            return Err(Error::refused_with(
                "is neither a wheel nor an ELF, Mach-O or PE file",
                "name a wheel, an extension module, a library or a program",
            ));
        }
    };
    if let Some(root) = found.roots.first().and_then(|root| found.files.get_mut(*root)) {
        root.size = Some(bytes.len() as u64);
    }
    found.input = path.display().to_string();
    Ok(found)
}

/// Wheels are zip archives, whatever their names; a missing file is told here.
fn is_archive(path: &Path) -> Result<bool> {
    use std::io::Read as _;
    let mut magic = Vec::new();
    let file = fs::File::open(path).map_err(|error| Error::io(path, error))?;
    file.take(4).read_to_end(&mut magic).map_err(|error| Error::io(path, error))?;
    let is_named = path.extension().is_some_and(|extension| extension == "whl");
    Ok(is_named || magic.starts_with(b"PK\x03\x04"))
}

/// The tree of a wheel that was surveyed.
pub(crate) fn of_survey(survey: &Survey, options: &Options) -> Result<Tree> {
    let mut found = Tree::empty();
    let of_elf = match &survey.kind {
        Kind::Linux(linux) => elf::of_graph(linux, &survey.scan),
        _ => {
            let unmatched = left_out::Choices::new(options)?.unmatched();
            Tree { unmatched, ..elf::unresolved(&survey.scan) }
        }
    };
    let of_macho = match &survey.kind {
        Kind::Macos(macos) => macho::of_graph(&macos.graph),
        _ => macho::of_wheel(&survey.scan, options)?,
    };
    let of_pe = match &survey.kind {
        Kind::Windows(windows) => pe::of_survey(windows, &survey.scan),
        _ => pe::of_wheel(&survey.wheel, &survey.scan, options)?,
    };
    let trees = [of_elf, of_macho, of_pe];
    found.unmatched = Unmatched::in_all(trees.iter().map(|tree| tree.unmatched.as_slice()));
    for tree in trees {
        found.add(tree);
    }
    for (path, format, fault) in &survey.scan.unreadable {
        let format = format.name();
        found.notes.push(format!("{path}: a damaged {format} file: {fault}"));
    }
    found.input = survey.wheel.path().display().to_string();
    for file in &mut found.files {
        let member = survey.wheel.member(&file.path).filter(|_| file.in_wheel);
        file.size = file.size.or(member.map(|member| member.size));
    }
    Ok(found)
}

impl Tree {
    fn empty() -> Self {
        Self {
            schema: SCHEMA,
            input: String::new(),
            files: Vec::new(),
            roots: Vec::new(),
            notes: Vec::new(),
            unmatched: Vec::new(),
        }
    }

    /// Takes the files of another tree in.
    fn add(&mut self, other: Self) {
        let shift = self.files.len();
        self.roots.extend(other.roots.into_iter().map(|root| root + shift));
        self.notes.extend(other.notes);
        self.files.extend(other.files.into_iter().map(|mut file| {
            for need in &mut file.needs {
                need.file = need.file.map(|index| index + shift);
            }
            file
        }));
    }

    /// Makes roots of the wheel's files that no other file needs, and of one file in each circle that
    /// nothing else leads to.
    fn choose_roots(&mut self) {
        let needed: BTreeSet<usize> = self
            .files
            .iter()
            .enumerate()
            .flat_map(|(index, file)| {
                file.needs.iter().filter_map(|need| need.file).filter(move |to| *to != index)
            })
            .collect();
        let mut seen = BTreeSet::new();
        let members = || (0..self.files.len()).filter(|index| self.files[*index].in_wheel);
        let free = members().filter(|index| !needed.contains(index));
        let mut roots = Vec::new();
        for root in free.chain(members()) {
            if seen.insert(root) {
                roots.push(root);
                self.mark_reached(root, &mut seen);
            }
        }
        self.roots = roots;
    }

    fn mark_reached(&self, root: usize, seen: &mut BTreeSet<usize>) {
        let mut queue = vec![root];
        while let Some(index) = queue.pop() {
            let needs = self.files.get(index).map_or(&[][..], |file| &file.needs);
            queue.extend(needs.iter().filter_map(|need| need.file).filter(|to| seen.insert(*to)));
        }
    }
}

impl Need {
    /// A need that no search decides.
    fn settled(name: &str, kind: &'static str, status: Status, rule: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            status,
            file: None,
            rule,
            searched: Vec::new(),
            passed_over: Vec::new(),
        }
    }
}
