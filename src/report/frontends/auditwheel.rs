//! auditwheel's manner: lines of Python's logging on standard error, `show` on standard output.

mod json;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use truewheel_repair::policy::{Obstacle, ObstacleKind};
use truewheel_repair::target::is_loader;
use truewheel_repair::{Error, ErrorKind, LevelState, NeededLibrary, Report, Show, Tree, plain};

use json::{as_json, indented, tree_as_json};

use super::super::{Printer, harmless, one_line};
use crate::config::{LookTask, Verbosity};

/// What is said of a wheel that has nothing for its platform.
fn no_platform_wheel(show: &Show) -> String {
    match show.problems.first() {
        Some(problem) => format!("Invalid binary wheel: {problem}"),
        None => "This does not look like a platform wheel: it has no ELF file".to_owned(),
    }
}

/// auditwheel wraps its paragraphs there.
const WIDTH: usize = 70;

impl Printer {
    fn log(&self, level: &str, logger: &str, text: &str) {
        self.say(&format!("{level}:{logger}:{}\n", harmless(text)));
    }

    /// What was done to each wheel.
    pub(crate) fn auditwheel_reports(&self, reports: &[Report]) {
        for report in reports {
            self.auditwheel_report(report);
        }
    }

    fn auditwheel_report(&self, report: &Report) {
        let info = |logger: &str, text: &str| self.log("INFO", logger, text);
        info("auditwheel.main_repair", &format!("Repairing {}", file_name(&report.wheel)));
        for name in &report.left_out {
            info("auditwheel.lddtree", &format!("Excluding {}", one_line(name)));
        }
        if self.verbosity == Verbosity::Verbose {
            for library in &report.vendored {
                let (source, member) = (plain(&library.source), one_line(&library.member));
                let text = format!("Grafting: {} -> {member}", one_line(&source));
                self.log("DEBUG", "auditwheel.repair", &text);
            }
        }
        for note in &report.notes {
            info("truewheel", &one_line(note));
        }
        if report.new_tags == ["any"] {
            info("truewheel", "auditwheel refuses wheels without binaries; this one is copied");
        }
        self.auditwheel_tags(report);
        let output = std::path::absolute(&report.output);
        let output = output.unwrap_or_else(|_| report.output.clone());
        info("auditwheel.main_repair", &format!("\nFixed-up wheel written to {}", plain(&output)));
    }

    fn auditwheel_tags(&self, report: &Report) {
        let logger = "auditwheel.wheeltools";
        let info = |text: &str| self.log("INFO", logger, &one_line(text));
        info(&format!("Previous filename tags: {}", report.old_tags.join(", ")));
        match report.old_tags == report.new_tags {
            true => info("No filename tags change needed."),
            false => info(&format!("New filename tags: {}", as_they_came(report).join(", "))),
        }
        let (old, new) = (&report.old_wheel_tags, &report.new_wheel_tags);
        if old.is_empty() && new.is_empty() {
            return;
        }
        info(&format!("Previous WHEEL info tags: {}", old.join(", ")));
        match old == new {
            true => info("No WHEEL info change needed."),
            false => info(&format!("New WHEEL info tags: {}", new.join(", "))),
        }
    }

    /// What is wrong, with auditwheel's own sentence first where it has one.
    pub(crate) fn auditwheel_error(&self, wheel: Option<&Path>, error: &Error) {
        let shown = wheel.map(|wheel| wheel.display().to_string()).unwrap_or_default();
        let sentence = match error.kind() {
            ErrorKind::NotEarned { requested, nearest, kinds, reasons, .. } => {
                let tag = requested.as_ref().unwrap_or(nearest);
                Some(format!(
                    "cannot repair \"{shown}\" to \"{tag}\" ABI because {}",
                    reason(kinds, reasons)
                ))
            }
            ErrorKind::Missing(libraries) => libraries.first().map(|library| {
                let name = &library.needed;
                format!(
                    "Cannot repair wheel, because required library \"{name}\" could not be located"
                )
            }),
            _ => None,
        };
        if let Some(sentence) = sentence {
            self.say(&format!("auditwheel: error: {}\n", one_line(&sentence)));
        }
        self.plain_error(wheel, error);
    }

    /// `show`: one wheel.
    pub(crate) fn auditwheel_shows(&self, shows: &[Show], task: &LookTask) {
        for show in shows {
            if show.levels.is_empty() {
                self.log("INFO", "auditwheel.main_show", &no_platform_wheel(show));
            }
            match task.json {
                true => self.data(&format!("{}\n", indented(&as_json(show, task.is_pure_fine)))),
                false if show.levels.is_empty() => {}
                false => self.data(&harmless(&paragraphs(show))),
            }
        }
    }

    /// `lddtree`: on standard error, as auditwheel logs it.
    pub(crate) fn auditwheel_trees(&self, trees: &[Tree]) {
        for tree in trees {
            let root = tree.roots.first().and_then(|root| tree.files.get(*root));
            let Some(root) = root else { continue };
            let text = indented(&tree_as_json(tree, root));
            self.log("INFO", "auditwheel.main_lddtree", &text);
        }
    }
}

fn paragraphs(show: &Show) -> String {
    let facts = Facts::of(show);
    let mut text = String::new();
    let mut say = |paragraph: &str| text += &format!("\n{}\n", wrapped(paragraph));
    let name = file_name(Path::new(&show.wheel));
    let overall = &facts.overall;
    say(&format!("{name} is consistent with the following platform tag: \"{overall}\"."));
    let python = facts.python_obstacles().map(|what| format!("This wheel uses {what}."));
    let isa = facts.unsupported_isa();
    let isa = isa.then(|| "This wheel depends on unsupported ISA extensions.".to_owned());
    for obstacle in python.chain(isa) {
        say(&obstacle);
    }
    let versions = facts.versions();
    if versions.is_empty() {
        say("The wheel references no external versioned symbols from system-provided shared \
                 libraries.");
    } else {
        let libraries = versions.iter().map(|(library, versions)| {
            let versions: Vec<String> =
                versions.iter().map(|version| format!("'{version}'")).collect();
            format!("{library} with versions {{{}}}", versions.join(", "))
        });
        let libraries: Vec<String> = libraries.collect();
        say(&format!(
            "The wheel references external versioned symbols in these system-provided shared \
                 libraries: {}",
            libraries.join(", ")
        ));
    }
    if facts.is_constrained() {
        say(&format!(
            "This constrains the platform tag to \"{}\". A more compatible tag needs a build \
                 against older versions of these libraries, such as in a manylinux image.",
            facts.by_symbols
        ));
    }
    let external = facts.external(show.levels.len().saturating_sub(1));
    if external.is_empty() {
        say("The wheel requires no external shared libraries! :)");
    } else {
        say("The following external shared libraries are required by the wheel:");
        text += &format!("{}\n", indented(&external));
    }
    text + &upgrades_in_words(&facts)
}

fn upgrades_in_words(facts: &Facts<'_>) -> String {
    let mut text = String::new();
    let mut say = |paragraph: &str| text += &format!("\n{}\n", wrapped(paragraph));
    for (tag, libraries, symbols) in facts.upgrades() {
        let lead = format!("In order to achieve the tag platform tag '{tag}' the following");
        if !libraries.is_empty() {
            say(&format!("{lead} shared library dependencies will need to be eliminated:"));
            say(&libraries.join(", "));
        }
        if !symbols.is_empty() {
            say(&format!("{lead} black-listed symbol dependencies will need to be eliminated:"));
            for (library, names) in symbols {
                let names: Vec<String> = names.into_iter().collect();
                say(&format!("From {library}: {}", names.join(", ")));
            }
        }
    }
    text
}

fn file_name(path: &Path) -> String {
    one_line(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// Tags of the result: those of the input as they were, then the new ones in WHEEL's order; the file name
/// has them sorted.
fn as_they_came(report: &Report) -> Vec<String> {
    let mut tags = report.new_tags.clone();
    tags.sort_by_key(|tag| {
        let in_name = report.old_tags.iter().position(|old| old == tag);
        let is_it = |whole: &String| whole.rsplit('-').next() == Some(tag.as_str());
        let in_wheel = report.new_wheel_tags.iter().position(is_it);
        (in_name.unwrap_or(usize::MAX), in_wheel)
    });
    tags
}

/// Why a tag is not earned; what is in front counts more for auditwheel.
fn reason(kinds: &BTreeSet<ObstacleKind>, reasons: &[String]) -> &'static str {
    let has = |kind| kinds.contains(&kind);
    if has(ObstacleKind::Version) {
        "of the presence of too-recent versioned symbols. You'll need to compile the wheel on an \
         older toolchain."
    } else if reasons.iter().any(|reason| reason.contains("PyUnicodeUCS2")) {
        "it was compiled against a UCS2 build of Python. You'll need to compile the wheel against a \
         wide-unicode build of Python."
    } else if has(ObstacleKind::Symbol) {
        "it depends on black-listed symbols."
    } else if has(ObstacleKind::Instructions) {
        "it depends on unsupported ISA extensions."
    } else if has(ObstacleKind::Python) {
        "it uses what only some builds of Python have (auditwheel repairs such wheels all the same)."
    } else {
        "its content does not allow it."
    }
}

/// What auditwheel tells of a wheel, read out of what truewheel shows.
struct Facts<'a> {
    show: &'a Show,
    overall: String,
    by_symbols: String,
}

impl<'a> Facts<'a> {
    fn of(show: &'a Show) -> Self {
        let architecture = show.architecture.as_deref().unwrap_or("unknown");
        let plain = format!("linux_{architecture}");
        let best = show.levels.iter().find(|level| {
            !level.obstacles.iter().any(|obstacle| obstacle.kind == ObstacleKind::Version)
        });
        let kept = show.levels.iter().find(|level| level.state == LevelState::Kept);
        Self {
            show,
            overall: kept.map_or(plain.clone(), |level| level.tag.clone()),
            by_symbols: best.map_or(plain, |level| level.tag.clone()),
        }
    }

    /// Of the level that asks most of a system: what stands in the way of every tag.
    fn obstacles_of_all(&self) -> &[Obstacle] {
        self.show.levels.last().map_or(&[], |level| &level.obstacles)
    }

    fn python_obstacles(&self) -> impl Iterator<Item = &str> {
        let is_python = |obstacle: &&Obstacle| obstacle.kind == ObstacleKind::Python;
        self.obstacles_of_all().iter().filter(is_python).map(|obstacle| &*obstacle.what)
    }

    fn unsupported_isa(&self) -> bool {
        let mut obstacles = self.obstacles_of_all().iter();
        obstacles.any(|obstacle| obstacle.kind == ObstacleKind::Instructions)
    }

    fn is_constrained(&self) -> bool {
        self.show.levels.first().is_some_and(|level| level.tag != self.by_symbols)
    }

    /// Versions of symbols, without those of the loader, which is no library for auditwheel.
    fn versions(&self) -> BTreeMap<&'a String, &'a BTreeSet<String>> {
        self.show.symbol_versions.iter().filter(|(library, _)| !is_loader(library)).collect()
    }

    /// Libraries outside of the wheel at one level, each with its path.
    fn external(&self, level: usize) -> Externals<'a> {
        let Some(level) = self.show.levels.get(level) else { return Externals::new() };
        let path = |name: &String| {
            let is_it = |need: &&NeededLibrary| need.name == *name;
            self.show.needs.iter().find(is_it).and_then(|need| need.path.as_deref())
        };
        let names = level.vendor.iter().chain(&level.missing);
        names.map(|name| (name.as_str(), path(name))).collect()
    }

    /// What stands between the wheel and each better tag, the worst first.
    fn upgrades(&self) -> Vec<Upgrade<'a>> {
        let levels = self.show.levels.iter().enumerate();
        let better = levels.take_while(|(_, level)| level.tag != self.overall);
        let upgrades = better.map(|(index, level)| {
            let libraries = self.external(index).into_keys().collect();
            (&*level.tag, libraries, forbidden(&level.obstacles))
        });
        let is_any = |upgrade: &Upgrade<'_>| !upgrade.1.is_empty() || !upgrade.2.is_empty();
        let mut upgrades: Vec<Upgrade<'a>> = upgrades.filter(is_any).collect();
        upgrades.reverse();
        upgrades
    }
}

/// Libraries by name, each with its path where it was found.
type Externals<'a> = BTreeMap<&'a str, Option<&'a str>>;

/// A tag, libraries that it does not allow, and symbols by library.
type Upgrade<'a> = (&'a str, Vec<&'a str>, BTreeMap<String, BTreeSet<String>>);

/// Symbols that some systems do not have, by library: obstacles say `` `symbol` of library, … ``.
fn forbidden(obstacles: &[Obstacle]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for obstacle in obstacles.iter().filter(|obstacle| obstacle.kind == ObstacleKind::Symbol) {
        let parts = obstacle.what.strip_prefix('`').and_then(|rest| rest.split_once("` of "));
        if let Some((symbol, rest)) = parts {
            let library = rest.split(',').next().unwrap_or(rest);
            found.entry(library.to_owned()).or_default().insert(symbol.to_owned());
        }
    }
    found
}

/// Breaks a paragraph between words.
fn wrapped(paragraph: &str) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in paragraph.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
