//! Random libraries in random directories, before and after the repair.
//!
//! The promise of a repair is that each file uses the very libraries that it would have used unrepaired.
//! Here both are asked of a model of ld.so, for graphs that nobody would think of: equal files beside
//! different ones, links, circles, RPATHs that are inherited and RUNPATHs that are not. The repaired
//! files are all loaded into one process, as a Python does that imports the whole package.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};

use super::ld_so::{Files, Process};
use crate::support::{Elf, Facts, Output, Run, Sandbox, Wheel, skip, without_digits};

/// Each seed is one wheel.
const SEEDS: u64 = 80;

const DIRECTORIES: [&str; 4] = ["a", "b", "c", "sysroot/usr/lib64"];
const NAMES: [&str; 5] = ["libp.so.1", "libq.so.1", "libr.so.1", "libs.so.1", "libt.so.1"];
const SITE: &str = "/env/lib/python3/site-packages";

/// Splitmix64: the same numbers from the same seed, on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("below the end")
    }

    /// Whether a thing of this probability happens.
    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    /// At least `least` and at most `most` names.
    fn names(&mut self, least: usize, most: usize) -> BTreeSet<&'static str> {
        let count = least + self.below(most - least + 1);
        let mut names = BTreeSet::new();
        while names.len() < count {
            names.insert(self.of(&NAMES));
        }
        names
    }
}

/// One wheel, and all that was there when it was built.
struct World {
    sandbox: Sandbox,
    before: Files,
    wheel: Wheel,
    words: Vec<String>,
    environment: Vec<(&'static str, String)>,
    /// Where each file that is loaded by itself is before and after.
    roots: Vec<(String, String)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let dice = &mut Dice(seed);
        let sandbox = Sandbox::new();
        let mut before = Files::default();
        libraries(dice, &sandbox, &mut before);
        let (mut wheel, mut roots) = (Wheel::new("demo"), Vec::new());
        for number in 0..2 + dice.below(2) {
            let extension = Elf::module(&[]).soname(&format!("own{number}"));
            let extension = dice.names(1, 3).into_iter().fold(extension, Elf::needed);
            let has_own = dice.percent(30);
            let extension = if has_own { extension.needed("libw.so.1") } else { extension };
            let path = search_path(dice, &sandbox, 70);
            let path = if has_own { format!("{path}:$ORIGIN/lib") } else { path };
            let extension = with_path(dice, extension, &path);
            let member = format!("demo/e{number}.so");
            before.files.insert(format!("{SITE}/{member}"), extension.bytes());
            roots.push((format!("{SITE}/{member}"), format!("{SITE}/{member}")));
            wheel = wheel.elf(&member, &extension);
        }
        let own = dice.names(0, 2).into_iter().fold(Elf::library("libw.so.1"), Elf::needed);
        let own_path = format!("{SITE}/demo/lib/libw.so.1");
        before.files.insert(own_path.clone(), own.bytes());
        roots.push((own_path.clone(), own_path));
        wheel = wheel.elf("demo/lib/libw.so.1", &own);
        before.system = vec![sandbox.path("sysroot/usr/lib64")];
        let mut environment = Vec::new();
        if dice.percent(30) {
            let directory = sandbox.path(dice.of(&DIRECTORIES));
            before.environment = vec![directory.clone()];
            environment.push(("LD_LIBRARY_PATH", directory));
        }
        let mut world = Self { sandbox, before, wheel, words: Vec::new(), environment, roots };
        world.choose_words(dice);
        world
    }

    fn choose_words(&mut self, dice: &mut Dice) {
        let words: &[&str] = match dice.below(6) {
            0 => &["--rpath-style", "runpath"],
            1 => &["--strip"],
            _ => &[],
        };
        self.words
            .extend(["--json", "--sysroot", "sysroot"].iter().chain(words).map(|&w| w.into()));
        if dice.percent(25) {
            let (directory, name) = (dice.of(&DIRECTORIES), dice.of(&NAMES));
            let path = self.sandbox.path(&format!("{directory}/{name}"));
            if self.before.files.contains_key(&path) {
                self.words.extend(["--include".to_owned(), format!("{path}=demo/plugins")]);
                self.roots.push((path, format!("{SITE}/demo/plugins/{name}")));
            }
        }
    }

    fn repair(&self) -> Run {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.sandbox.try_repair_in(&self.wheel, &words, &environment)
    }
}

/// Fills the directories: new files, copies of those of other directories, and links.
fn libraries(dice: &mut Dice, sandbox: &Sandbox, before: &mut Files) {
    let mut made: BTreeMap<&str, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for directory in DIRECTORIES {
        for name in NAMES {
            if !dice.percent(80) {
                continue;
            }
            let path = sandbox.path(&format!("{directory}/{name}"));
            let known = made.entry(name).or_default();
            let other = known.get(dice.below(known.len().max(1))).cloned();
            match other {
                // No link leads out of the target's file system.
                Some((target, _)) if cfg!(unix) && directory.len() == 1 && dice.percent(20) => {
                    link(sandbox, &format!("{directory}/{name}"), &target);
                    before.links.insert(path, target);
                    continue;
                }
                Some((_, bytes)) if dice.percent(60) => {
                    sandbox.write(&format!("{directory}/{name}"), &bytes);
                    before.files.insert(path.clone(), bytes);
                }
                _ => {
                    let library = if dice.percent(50) { Elf::library } else { Elf::other_library };
                    let library = dice.names(0, 2).into_iter().fold(library(name), Elf::needed);
                    let search = search_path(dice, sandbox, 50);
                    let library = with_path(dice, library, &search);
                    sandbox.elf(&format!("{directory}/{name}"), &library);
                    before.files.insert(path.clone(), library.bytes());
                }
            }
            let bytes = before.files[&path].clone();
            known.push((path, bytes));
        }
    }
}

#[cfg(unix)]
fn link(sandbox: &Sandbox, path: &str, target: &str) {
    let path = sandbox.root().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[cfg(not(unix))]
fn link(_: &Sandbox, _: &str, _: &str) {}

/// One or two directories, or, in the other cases of a hundred, none.
fn search_path(dice: &mut Dice, sandbox: &Sandbox, chance: usize) -> String {
    if !dice.percent(chance) {
        return String::new();
    }
    let mut entries = Vec::new();
    for _ in 0..1 + dice.below(2) {
        entries.push(match dice.below(3) {
            0 => "$ORIGIN".to_owned(),
            _ => sandbox.path(dice.of(&DIRECTORIES)),
        });
    }
    entries.join(":")
}

fn with_path(dice: &mut Dice, elf: Elf, path: &str) -> Elf {
    match (path.trim_matches(':'), dice.percent(50)) {
        ("", _) => elf,
        (path, true) => elf.rpath(path),
        (path, false) => elf.runpath(path),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The repaired wheel as it is installed, and where each of its files comes from.
struct Repaired {
    output: Output,
    files: Files,
    /// Path → SHA-256 of what it was made from; of a file of the wheel its path.
    sources: BTreeMap<String, String>,
    notes: String,
}

impl Repaired {
    fn new(world: &World, run: &Run) -> Self {
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let name = world.sandbox.names("out").remove(0);
        let output = Output::open(&world.sandbox.root().join("out").join(name));
        let mut files = Files::default();
        let mut sources = BTreeMap::new();
        for member in output.order.iter().filter(|member| member.contains(".so")) {
            let path = format!("{SITE}/{member}");
            files.files.insert(path.clone(), output.bytes(member).to_vec());
            sources.insert(path.clone(), path);
        }
        for library in report["vendored"].as_array().unwrap() {
            let path = format!("{SITE}/{}", library["member"].as_str().unwrap());
            sources.insert(path, library["sha256"].as_str().unwrap().to_owned());
        }
        Self { output, files, sources, notes: report["notes"].to_string() }
    }
}

/// Walks both processes side by side: what one file leads to before must be what it leads to after.
fn compare(
    seed: u64,
    before: (&Process<'_>, &Files),
    (after, root): (&Process<'_>, usize),
    repaired: &Repaired,
) {
    let (before, files) = before;
    let mut queue = vec![(0, root)];
    let mut seen = BTreeSet::from([(0, root)]);
    while let Some((old, new)) = queue.pop() {
        let (old, new) = (&before.objects[old], &after.objects[new]);
        let source = match old.real.starts_with(SITE) {
            true => old.real.clone(),
            false => hexadecimal(&files.files[&old.real]),
        };
        assert_eq!(
            repaired.sources[&new.real], source,
            "seed {seed}: {} is {}",
            old.path, new.path
        );
        assert_eq!(old.needs.len(), new.needs.len(), "seed {seed}: {} and {}", old.path, new.path);
        for ((needed, target), (name, copy)) in old.needs.iter().zip(&new.needs) {
            let target = target.expect("a root that lacks nothing");
            let copy = copy.unwrap_or_else(|| panic!("seed {seed}: no {name} for {}", new.path));
            let is_told = repaired.notes.contains(&format!("demo/lib/libw.so.1: `{needed}` leads"));
            // A file of the wheel is one file for all that load it; what is not for all of them is told.
            if old.real.ends_with("/libw.so.1") && is_told {
                continue;
            }
            if seen.insert((target, copy)) {
                queue.push((target, copy));
            }
        }
    }
}

/// Whether every need of every loaded file was found.
fn is_whole(process: &Process<'_>) -> bool {
    process.objects.iter().flat_map(|object| &object.needs).all(|(_, at)| at.is_some())
}

/// No two vendored libraries are made from the same bytes and lead to the same files.
fn assert_none_is_there_twice(seed: u64, repaired: &Repaired) {
    let mut seen: BTreeMap<(String, Vec<String>), &String> = BTreeMap::new();
    for member in repaired.output.order.iter().filter(|member| member.starts_with("demo.libs/")) {
        let facts = Facts::of(repaired.output.bytes(member));
        let key = (repaired.sources[&format!("{SITE}/{member}")].clone(), facts.needed);
        if let Some(other) = seen.insert(key, member) {
            panic!("seed {seed}: {member} and {other} are one library");
        }
    }
}

#[test]
fn every_file_of_a_repaired_wheel_uses_the_libraries_that_it_used_before() {
    let mut contents: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let (mut compared, mut split) = (0, 0);
    for seed in 0..SEEDS {
        let world = World::new(seed);
        let run = world.repair();
        let processes: Vec<(Process<'_>, &str)> = world
            .roots
            .iter()
            .map(|(root, after)| {
                let mut process = Process::new(&world.before);
                process.open(root);
                (process, after.as_str())
            })
            .collect();
        if run.status != 0 {
            assert!(run.stderr.contains("was not found"), "seed {seed}: {}", run.stderr);
            assert!(
                !processes.iter().all(|(process, _)| is_whole(process)),
                "seed {seed}: {}",
                run.stderr
            );
            continue;
        }
        let repaired = Repaired::new(&world, &run);
        assert_none_is_there_twice(seed, &repaired);
        assert_is_whole(seed, &world.sandbox, &repaired.output);
        let mut after = Process::new(&repaired.files);
        let opened: Vec<usize> = processes.iter().map(|(_, path)| after.open(path)).collect();
        for ((before, _), root) in processes.iter().zip(opened) {
            if is_whole(before) {
                compare(seed, (before, &world.before), (&after, root), &repaired);
                compared += 1;
            }
        }
        let names = repaired.output.names_in("demo.libs");
        split += usize::from(names.windows(2).any(|pair| pair[0] == pair[1]));
        for member in repaired.output.order.iter().filter(|member| member.starts_with("demo.libs/"))
        {
            assert_ne!(*member, without_digits(member));
            let sum = hexadecimal(repaired.output.bytes(member));
            let (other, known) = contents.entry(member.clone()).or_insert((seed, sum.clone()));
            assert_eq!(*known, sum, "{member} of seed {other} is another one in seed {seed}");
        }
    }
    // The seeds are worth their time only as long as they come to something.
    assert!(
        compared > 100 && split > 10,
        "{compared} roots compared, {split} wheels with two of a name"
    );
}

/// The result is good by itself: a check says so, and another repair finds nothing to do, with none of
/// the libraries at hand.
fn assert_is_whole(seed: u64, sandbox: &Sandbox, output: &Output) {
    let path = format!("out/{}", output.file_name());
    let words = ["repair", "-w", "again", "--sysroot", "empty", "--json", &path];
    sandbox.write("empty/none", "");
    let run = sandbox.run(&words);
    assert!(run.stdout.contains("\"unchanged\": true"), "seed {seed}: {run:?}");
    let run = sandbox.run(&["check", &path]);
    assert_eq!(run.status, 0, "seed {seed}: {}", run.stdout);
}

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// The paths that this machine's loader comes to, in its order, for the file at `path`; `None` when it
/// does not find everything.
fn listed(sandbox: &Sandbox, files: &Files, path: &str) -> Option<Vec<String>> {
    let run = Command::new(LOADER)
        .args(["--inhibit-cache", "--list", path])
        .env_clear()
        .env("LD_LIBRARY_PATH", files.environment.join(":"))
        .output()
        .expect("the loader runs");
    let text = String::from_utf8(run.stdout).expect("text");
    let paths = text.lines().filter_map(|line| line.split_once(" => ")?.1.rsplit_once(" ("));
    let root = sandbox.path("");
    let paths = paths.map(|(path, _)| path.to_owned()).filter(|path| path.starts_with(&root));
    run.status.success().then(|| paths.collect())
}

#[test]
fn the_model_finds_what_this_machines_loader_finds() {
    if !Path::new(LOADER).exists() {
        return skip("the_model_finds_what_this_machines_loader_finds", "no glibc for x86_64");
    }
    let mut compared = 0;
    for seed in 0..20 {
        let world = World::new(seed);
        let files = Files { system: Vec::new(), ..world.before.clone() };
        let root = world.sandbox.path("");
        let paths = files.files.keys().chain(files.links.keys());
        for path in paths.filter(|path| path.starts_with(&root)) {
            let mut process = Process::new(&files);
            process.open(path);
            let paths = process.objects.iter().skip(1).map(|object| object.path.clone());
            let model: Option<Vec<String>> = is_whole(&process).then(|| paths.collect());
            assert_eq!(listed(&world.sandbox, &files, path), model, "seed {seed}: {path}");
            compared += model.map_or(0, |paths| paths.len());
        }
    }
    assert!(compared > 100, "{compared}");
}
