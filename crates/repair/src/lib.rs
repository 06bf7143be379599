//! Finds the shared libraries that a wheel needs and its target does not provide, brings them along
//! under names of their own, and makes each loader find them.
//!
//! [`repair`] is eight steps: open, scan, resolve, assess, plan, patch, write, verify. [`plan()`] is
//! the first five: nothing is changed before the plan, and nothing is decided after it.

mod binary;
mod error;
mod fetch;
mod links;
mod mangle;
mod options;
mod patch;
mod pattern;
mod plan;
pub mod policy;
mod report;
mod scan;
mod search;
pub mod target;
mod verify;
mod wheel_target;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use truewheel_wheel::{MemberPath, Wheel, Written};

use binary::ElfFile;

pub use error::{Error, ErrorKind, MissingLibrary, Result};
pub use options::{Options, RpathStyle, SearchDirectory, SearchOptions};
pub use plan::{Plan, Vendored};
pub use report::{Report, VendoredLibrary};
pub use truewheel_wheel::PlatformTag;

use fetch::{Fetched, Keep};
use scan::Scan;
use search::defaults;
use search::disk::Disk;
use search::elf::Context;
use wheel_target::WheelTarget;

/// Repairs `wheel` and returns what was done. The input is never changed, and the result gets its
/// name when it has been read again and found to be what was planned.
///
/// # Errors
///
/// The wheel cannot be read, needs a library that is not found, or does not earn the tag that was
/// asked for. Nothing is written then.
pub fn repair(path: &Path, options: &Options) -> Result<Report> {
    prepare(path, options)?.persist()
}

/// Works with `threads` threads from now on; without this call, with one for each core. The results
/// are the same.
///
/// # Errors
///
/// The threads are already running, or the system refuses them.
pub fn use_threads(threads: usize) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| Error::refused(error.to_string()))
}

/// The files that `pattern` matches, sorted. Wildcards stand in its last part only.
///
/// # Errors
///
/// `pattern` is not one.
pub fn expand_pattern(pattern: &Path) -> Result<Vec<PathBuf>> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let matcher = pattern::globs(&[name.into_owned()])?;
    let directory = pattern.parent().unwrap_or(Path::new(""));
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut found: Vec<PathBuf> = std::fs::read_dir(here)
        .map_err(|error| Error::io(here, error))?
        .flatten()
        .map(|item| item.file_name())
        .filter(|name| matcher.is_match(Path::new(name)))
        .map(|name| directory.join(name))
        .collect();
    found.sort();
    Ok(found)
}

/// Does all of [`repair`] but give the result its name, so that several wheels can be written
/// together or not at all.
///
/// # Errors
///
/// As [`repair`].
pub fn prepare(path: &Path, options: &Options) -> Result<Prepared> {
    let wheel = Wheel::open(path)?;
    let scan = scan::scan(&wheel)?;
    let keep = Keep::Contents(options.compression_level);
    let (plan, libraries) = decide(&wheel, &scan, options, keep)?;
    refuse_to_replace(path, &plan, options)?;

    // From here on nothing is decided, only done.
    let written = if plan.is_nothing() {
        Written::copy_of(&wheel, &options.output)?
    } else {
        let members = patch::patch(&wheel, &plan, libraries, options)?;
        let written = write::write(&wheel, &scan, &plan, members, &options.output)?;
        verify::verify(&wheel, &written, &plan)?;
        written
    };
    let output = options.output.join(&plan.output_name);
    Ok(Prepared { input: path.to_owned(), output, written, plan })
}

/// A repaired wheel that has been verified and has no name yet; dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Prepared {
    input: PathBuf,
    /// As the caller spelled the directory.
    output: PathBuf,
    written: Written,
    plan: Plan,
}

impl Prepared {
    /// The file name that the wheel will get.
    pub fn output_name(&self) -> &str {
        &self.plan.output_name
    }

    /// Gives the wheel its name, over a file that has it already.
    ///
    /// # Errors
    ///
    /// The operating system refuses the name.
    pub fn persist(self) -> Result<Report> {
        self.written.persist(&self.plan.output_name)?;
        Ok(Report::new(self.input, self.output, self.plan))
    }
}

/// The input stays as it is, also when the result has its name and shall lie beside it.
fn refuse_to_replace(input: &Path, plan: &Plan, options: &Options) -> Result<()> {
    let output = options.output.join(&plan.output_name);
    let is_same = match (std::fs::canonicalize(input), std::fs::canonicalize(&output)) {
        (Ok(input), Ok(output)) => input == output,
        _ => false,
    };
    if is_same && !plan.is_nothing() {
        return Err(Error::refused_with(
            "the repaired wheel has the name of the input and would take its place",
            "choose another directory with `--wheel-dir`",
        ));
    }
    Ok(())
}

/// Says what [`repair`] would do to `wheel`, and changes nothing.
///
/// # Errors
///
/// As [`repair`], as far as they show before anything is written.
pub fn plan(path: &Path, options: &Options) -> Result<Plan> {
    let wheel = Wheel::open(path)?;
    let scan = scan::scan(&wheel)?;
    decide(&wheel, &scan, options, Keep::Digest).map(|(plan, _)| plan)
}

/// Vendored libraries as they were found, by their path in the wheel.
type Libraries = BTreeMap<MemberPath, Fetched>;

/// Steps 3 to 5, for the loader that the wheel's tags name.
fn decide(wheel: &Wheel, scan: &Scan, options: &Options, keep: Keep) -> Result<(Plan, Libraries)> {
    let alone = |plan: Plan| (plan, Libraries::new());
    let tags = &wheel.filename().platforms;
    if let Some(tag) = tags.iter().find(|tag| is_foreign(tag)) {
        return match tag {
            PlatformTag::Macosx { .. } | PlatformTag::Windows { .. } => Err(Error::refused_with(
                format!(
                    "this version repairs wheels for Linux; the tag `{tag}` is for another system"
                ),
                "repair it with the tool of that system until truewheel can",
            )),
            _ => plan::base(wheel, scan, options).map(alone),
        };
    }
    let links = links::links(wheel, scan)?;
    let files = elf_members(scan, &links);
    let is_any = tags.iter().all(|tag| *tag == PlatformTag::Any);
    if is_any && (files.is_empty() || is_for_many_systems(scan)) {
        return plan::base(wheel, scan, options).map(alone);
    }
    let Some(target) = wheel_target::of_wheel(tags, &files, options.platform.as_ref())? else {
        return plan::without_binaries(wheel, scan, &links, options).map(alone);
    };
    let graph = resolve(files, &links, &target, options)?;
    let assessment = policy::assess(&graph, &target, tags, options)?;
    let mut fetched = fetch::fetch(&graph, &assessment, keep)?;
    let (plan, paths) = plan::plan(&plan::Findings {
        wheel,
        scan,
        links: &links,
        graph: &graph,
        target: &target,
        assessment: &assessment,
        fetched: &fetched,
        options,
    })?;
    let libraries =
        paths.into_iter().filter_map(|(id, path)| Some((path, fetched.remove(&id)?))).collect();
    Ok((plan, libraries))
}

/// The ELF files of the result, by their names there.
fn elf_members(scan: &Scan, links: &links::Links) -> Vec<(MemberPath, ElfFile)> {
    let copies = scan.elf.iter().flat_map(|(path, file)| {
        let copies = links.copies.iter().filter(move |(_, source)| *source == path);
        copies.map(move |(copy, _)| (copy.clone(), file.clone()))
    });
    scan.elf
        .iter()
        .filter(|(path, _)| !links.aliases.contains_key(path) || links.renamed.contains_key(path))
        .map(|(path, file)| (links.renamed.get(path).unwrap_or(path).clone(), file.clone()))
        .chain(copies)
        .collect()
}

/// Tags whose binaries another loader reads.
fn is_foreign(tag: &PlatformTag) -> bool {
    matches!(
        tag,
        PlatformTag::Macosx { .. }
            | PlatformTag::Ios { .. }
            | PlatformTag::Windows { .. }
            | PlatformTag::Wasm(_)
    )
}

/// A wheel for any platform may carry helpers for each of several: data, which no tag can narrow.
fn is_for_many_systems(scan: &Scan) -> bool {
    let has_extension = scan.elf.iter().any(|(_, file)| file.is_extension);
    !has_extension && (!scan.pe.is_empty() || !scan.macho.is_empty())
}

/// Step 3 with the search path of the wheel's target.
fn resolve(
    files: Vec<(MemberPath, ElfFile)>,
    links: &links::Links,
    target: &WheelTarget,
    options: &Options,
) -> Result<search::Graph> {
    let (fitting, other): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(_, file)| target.machine.loads(&file.machine));
    let matcher = pattern::globs(&options.exclude)?;
    let excluded = |name: &str| {
        matcher.matches(name).first().and_then(|index| options.exclude.get(*index)).cloned()
    };
    let search = &options.search;
    let context = Context {
        options: search,
        defaults: defaults::directories(target, search),
        is_provided: &|name| policy::is_always_provided(target, name),
        excluded: &excluded,
    };
    let disk = Disk::new(search.sysroot.clone(), target.machine, target.libc);
    let mut graph = search::elf::resolve(fitting, &links.aliases, &context, disk)?;
    for (path, file) in other {
        graph.notes.push(format!(
            "{path} is for {} and left as it is, the wheel is for {}",
            file.machine.describe(),
            target.arch
        ));
    }
    Ok(graph)
}
