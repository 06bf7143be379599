//! What a wheel needs, brings along and earns, in words for a packager.
//!
//! First what is to be done, then what is missing or will be vendored, then what keeps the wheel from a
//! tag that more systems take. What is as it should be takes one line, and all of it with `-v`.

use std::collections::BTreeMap;

use truewheel_repair::policy::Obstacle;
use truewheel_repair::target::is_driver;
use truewheel_repair::{
    Finding, Level, LevelState, NeededLibrary, Severity, Show, Status, Verdict,
};

use super::{BAD, FAINT, GOOD, NAME, NOTE, Printer, harmless, megabytes, one_line};
use crate::config::{LookTask, Verbosity};
use crate::frontends::Voice;

/// So many rows of one kind are shown without `-v`.
const FEW: usize = 8;
/// Rules of `check` about what the page shows of needs and tags.
const TOLD_ELSEWHERE: [&str; 4] = ["missing-library", "unreachable-library", "tag", "arch"];
/// So many notes.
const MOST_NOTES: usize = 4;

impl Printer {
    /// Every wheel, in words or as JSON.
    pub(crate) fn shows(&self, shows: &[Show], task: &LookTask) {
        match self.voice {
            Voice::Own | Voice::Delocate => self.own_shows(task.jobs.len(), shows, task.json),
            Voice::Auditwheel => self.auditwheel_shows(shows, task),
            Voice::Delvewheel => self.delvewheel_shows(shows),
        }
    }

    fn own_shows(&self, asked: usize, shows: &[Show], json: bool) {
        if json {
            self.json_of(asked, shows);
            return;
        }
        let is_verbose = self.verbosity == Verbosity::Verbose;
        for (index, show) in shows.iter().enumerate() {
            let mut page = Page { text: String::new(), is_verbose, is_cut: false };
            page.show(show);
            let gap = if index > 0 { "\n" } else { "" };
            self.styled(&format!("{gap}{}", page.text));
        }
    }
}

struct Page {
    text: String,
    is_verbose: bool,
    /// Something was left out for want of `-v`.
    is_cut: bool,
}

impl Page {
    fn show(&mut self, show: &Show) {
        let name = show.wheel.rsplit(['/', '\\']).next().unwrap_or(&show.wheel);
        self.text += &format!("{NAME}{}{NAME:#}\n", one_line(name));
        self.head(show);
        self.needs(show);
        self.bundled(show);
        self.levels(show);
        self.search_paths(show);
        self.faults(show);
        self.others(show);
        if self.is_cut {
            self.text += &format!("  {FAINT}-v shows the rest{FAINT:#}\n");
        }
    }

    /// The tags, the verdict, and what to do.
    fn head(&mut self, show: &Show) {
        let claims = show.tags.iter().map(|claim| match claim.kept {
            Some(false) => format!("{} {BAD}(not kept){BAD:#}", one_line(&claim.tag)),
            _ => one_line(&claim.tag),
        });
        let claims: Vec<String> = claims.collect();
        self.field("tags", &claims.join(", "));
        let target: Vec<&str> =
            [&show.architecture, &show.libc].into_iter().flatten().map(String::as_str).collect();
        let count = show.binaries.len();
        let counted = match count {
            0 => "no binaries".to_owned(),
            1 => "1 binary".to_owned(),
            count => format!("{count} binaries"),
        };
        let system = std::iter::once(show.system).chain(target).collect::<Vec<_>>().join(", ");
        self.field("for", &format!("{system}; {counted}"));
        if let Some(earned) = &show.earned {
            self.field("earned", &format!("{GOOD}{}{GOOD:#}", one_line(earned)));
        }
        self.field("verdict", &verdict(show));
        if let Some(level) = show.levels.iter().find(|level| level.obstacles.is_empty())
            && !level.missing.is_empty()
        {
            let tag = one_line(&level.tag);
            self.field("", &format!("with what is not found it would earn {GOOD}{tag}{GOOD:#}"));
        }
        for problem in &show.problems {
            let mut lines = harmless(problem);
            if !self.is_verbose {
                let kept = lines.lines().filter(|line| !line.starts_with("  searched:"));
                let short = kept.collect::<Vec<_>>().join("\n");
                self.is_cut |= short != lines;
                lines = short;
            }
            self.text +=
                &format!("  {BAD}problem{BAD:#}   {}\n", lines.replace('\n', "\n            "));
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        self.text += &format!("  {FAINT}{name:<9}{FAINT:#} {value}\n");
    }

    fn heading(&mut self, text: &str) {
        self.text += &format!("  {NAME}{text}{NAME:#}\n");
    }

    fn row(&mut self, text: &str) {
        self.text += &format!("    {text}\n");
    }

    /// Prints the first rows, or all of them with `-v`.
    fn rows(&mut self, rows: &[String]) {
        let most = if self.is_verbose { rows.len() } else { FEW };
        for row in rows.iter().take(most) {
            self.row(row);
        }
        if rows.len() > most {
            self.row(&format!("… and {} more", rows.len() - most));
            self.is_cut = true;
        }
    }

    fn needs(&mut self, show: &Show) {
        let is = |status: Status| show.needs.iter().filter(move |need| need.status == status);
        let missing: Vec<String> = is(Status::Missing).map(|need| self.missing(need)).collect();
        if !missing.is_empty() {
            self.heading("not found");
            self.rows(&missing);
        }
        let external: Vec<&NeededLibrary> = is(Status::External).collect();
        if !external.is_empty() {
            self.heading("needed from outside the wheel");
            let rows: Vec<String> = external.iter().map(|need| self.external(need)).collect();
            self.rows(&rows);
        }
        for (status, heading) in [
            (Status::MayBeAbsent, "not found, and may be absent"),
            (Status::Excluded, "left out"),
            (Status::Driver, "part of a driver, and left to the machine"),
            (Status::Interpreter, "brought by Python"),
            (Status::Provided, "provided by the target"),
        ] {
            let names: Vec<String> = is(status).map(|need| one_line(&need.name)).collect();
            if self.is_verbose && !names.is_empty() {
                self.heading(heading);
                let rows: Vec<String> = is(status).map(|need| users(need, true)).collect();
                self.rows(&rows);
            } else if !names.is_empty() {
                self.heading(heading);
                self.row(&list(&names, 10));
            }
        }
    }

    fn missing(&self, need: &NeededLibrary) -> String {
        let mut text = format!("{BAD}{}{BAD:#}", users(need, self.is_verbose));
        if self.is_verbose {
            let searched = need.searched.iter().map(|place| format!("looked in {place}"));
            let passed = need.passed_over.iter().map(|place| format!("passed over {place}"));
            let lines = searched.chain(passed).map(|line| format!("\n      {}", one_line(&line)));
            text.extend(lines);
        }
        text
    }

    fn external(&self, need: &NeededLibrary) -> String {
        let path = one_line(need.path.as_deref().unwrap_or_default());
        let rule = one_line(need.rule.as_deref().unwrap_or_default());
        let size = need.size.map(megabytes).unwrap_or_default();
        format!("{} {FAINT}from {path} ({size}, {rule}){FAINT:#}", users(need, self.is_verbose))
    }

    fn bundled(&mut self, show: &Show) {
        if show.bundled.is_empty() {
            return;
        }
        let total: u64 = show.bundled.iter().map(|library| library.size).sum();
        self.heading(&format!("libraries in the wheel, {}", megabytes(total)));
        let rows: Vec<String> = show
            .bundled
            .iter()
            .map(|library| {
                let users: Vec<String> =
                    library.used_by.iter().map(|user| one_line(user)).collect();
                let users = match users.as_slice() {
                    [] => format!("{NOTE}needed by nothing in the wheel{NOTE:#}"),
                    users => {
                        let most = if self.is_verbose { users.len() } else { 2 };
                        format!("{FAINT}for {}{FAINT:#}", list(users, most))
                    }
                };
                format!("{} {} {users}", one_line(&library.path), megabytes(library.size))
            })
            .collect();
        self.rows(&rows);
    }

    /// What keeps the wheel from each tag below the one it earns, the nearest first; each with what the
    /// tags above it do not mind.
    fn levels(&mut self, show: &Show) {
        let is_reached = |level: &Level| level.obstacles.is_empty();
        let reached = show.levels.iter().position(is_reached).unwrap_or(show.levels.len());
        let mut told: Vec<String> = Vec::new();
        let below = show.levels.get(..reached).unwrap_or_default();
        let mut shown = 0;
        for level in below.iter().rev() {
            let rows = reasons(level, self.is_verbose);
            let new: Vec<String> = rows.into_iter().filter(|row| !told.contains(row)).collect();
            if new.is_empty() {
                continue;
            }
            if shown > 0 && !self.is_verbose {
                self.is_cut = true;
                break;
            }
            self.heading(&format!("keeps it from {}", one_line(&level.tag)));
            self.rows(&new);
            told.extend(new);
            shown += 1;
        }
        // A level that a repair reaches, below one that is kept as it is.
        let kept = show.levels.iter().position(|level| level.state == LevelState::Kept);
        let by_repair = show.levels.iter().position(|level| level.state == LevelState::AfterRepair);
        if let (Some(kept), Some(by_repair)) = (kept, by_repair)
            && by_repair < kept
        {
            let level = &show.levels[by_repair];
            let names: Vec<String> = level.vendor.iter().map(|name| one_line(name)).collect();
            self.heading(&format!("{} would ask for", one_line(&level.tag)));
            self.row(&format!("vendoring {}", list(&names, FEW)));
        }
    }

    fn search_paths(&mut self, show: &Show) {
        let mut files: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
        for path in &show.search_paths {
            files.entry((path.kind, path.entries.join(":"))).or_default().push(&path.file);
        }
        if files.is_empty() {
            return;
        }
        self.heading("search paths");
        let rows: Vec<String> = files
            .into_iter()
            .map(|((kind, entries), files)| {
                let most = if self.is_verbose { files.len() } else { 1 };
                let files: Vec<String> = files.into_iter().map(one_line).collect();
                format!("{kind} {} {FAINT}of {}{FAINT:#}", one_line(&entries), list(&files, most))
            })
            .collect();
        self.rows(&rows);
    }

    /// What a check calls an error and the rest of the page does not tell.
    fn faults(&mut self, show: &Show) {
        let is_told = |finding: &&Finding| {
            show.verdict != Verdict::Faulty && TOLD_ELSEWHERE.contains(&finding.code)
        };
        let rows: Vec<String> = errors(show)
            .filter(|finding| !is_told(finding))
            .map(|finding| {
                let member = finding.member.as_ref().map(|member| format!("{member}: "));
                let text = member.unwrap_or_default() + &finding.message;
                let hint =
                    finding.remedy.iter().map(|hint| format!("\n      hint: {}", one_line(hint)));
                let hint: String = hint.collect();
                format!("{} {FAINT}[{}]{FAINT:#}{hint}", one_line(&text), finding.code)
            })
            .collect();
        if !rows.is_empty() {
            self.heading("errors that `truewheel check` finds");
            self.rows(&rows);
        }
    }

    fn others(&mut self, show: &Show) {
        if !show.executable_stacks.is_empty() {
            self.heading("executable stacks, which glibc 2.41 refuses");
            let rows: Vec<String> =
                show.executable_stacks.iter().map(|file| one_line(file)).collect();
            self.rows(&rows);
        }
        if !show.run_time_names.is_empty() {
            self.heading(
                "names that may be opened at run time; `repair --include` brings them, but for drivers",
            );
            let rows: Vec<String> = show
                .run_time_names
                .iter()
                .map(|name| {
                    let most = if self.is_verbose { name.found_in.len() } else { 2 };
                    let files: Vec<String> =
                        name.found_in.iter().map(|file| one_line(file)).collect();
                    let leaf = name.name.rsplit('/').next().unwrap_or_default();
                    let whose = if is_driver(leaf) { ", of a driver" } else { "" };
                    let files = list(&files, most);
                    format!("{} {FAINT}in {files}{whose}{FAINT:#}", one_line(&name.name))
                })
                .collect();
            self.rows(&rows);
        }
        if self.is_verbose && !show.binaries.is_empty() {
            self.heading("binaries");
            let row = |binary: &truewheel_repair::ShownBinary| {
                let os = binary.minimum_os.iter().map(|os| format!(", {os}")).collect::<String>();
                let size = binary.size.map(megabytes).unwrap_or_default();
                let path = one_line(&binary.path);
                format!("{path} {}, {}{os}, {size}", binary.kind, one_line(&binary.architecture))
            };
            let rows: Vec<String> = show.binaries.iter().map(row).collect();
            self.rows(&rows);
        }
        let most = if self.is_verbose { show.notes.len() } else { MOST_NOTES };
        for note in show.notes.iter().take(most) {
            self.text += &format!("  {NOTE}note{NOTE:#}      {}\n", one_line(note));
        }
        if show.notes.len() > most {
            self.text +=
                &format!("  {NOTE}notes{NOTE:#}     … and {} more\n", show.notes.len() - most);
            self.is_cut = true;
        }
    }
}

fn errors(show: &Show) -> impl Iterator<Item = &Finding> {
    show.findings.iter().filter(|finding| finding.severity == Severity::Error)
}

fn verdict(show: &Show) -> String {
    let external: Vec<&NeededLibrary> =
        show.needs.iter().filter(|need| need.status == Status::External).collect();
    match show.verdict {
        Verdict::Good => format!("{GOOD}good: needs no repair{GOOD:#}"),
        Verdict::Faulty => match errors(show).count() {
            1 => format!("{BAD}faulty: `truewheel check` finds an error{BAD:#}"),
            count => format!("{BAD}faulty: `truewheel check` finds {count} errors{BAD:#}"),
        },
        Verdict::NothingToRepair => match (show.binaries.is_empty(), show.system) {
            (true, _) => "nothing to repair: no binaries".to_owned(),
            (false, "any") => "nothing to repair: its binaries are for several systems".to_owned(),
            (false, _) => "nothing to repair for this system".to_owned(),
        },
        Verdict::Blocked => format!("{BAD}cannot be repaired as it is{BAD:#}"),
        Verdict::NeedsRepair => {
            let size: u64 = external.iter().filter_map(|need| need.size).sum();
            let brings = match external.len() {
                0 => String::new(),
                1 => format!(" brings 1 library ({})", megabytes(size)),
                count => format!(" brings {count} libraries ({})", megabytes(size)),
            };
            let tags = match show.repaired.as_slice() {
                [] => String::new(),
                tags => format!(" makes it {}", one_line(&tags.join(", "))),
            };
            let and = if brings.is_empty() || tags.is_empty() { "" } else { " and" };
            let which = if brings.is_empty() && tags.is_empty() { "" } else { ", which" };
            format!("{NOTE}needs a repair{NOTE:#}{which}{brings}{and}{tags}")
        }
    }
}

/// What keeps a wheel from one level: obstacles by what they are, each with the files that have them.
fn reasons(level: &Level, is_verbose: bool) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<&Obstacle>> = BTreeMap::new();
    for obstacle in &level.obstacles {
        groups.entry(&obstacle.what).or_default().push(obstacle);
    }
    groups.into_values().map(|group| reason(&group, is_verbose)).collect()
}

/// `GLIBC_2.34 of libc.so.6 (pthread_create, dlsym) needed by demo/_core.so`.
fn reason(group: &[&Obstacle], is_verbose: bool) -> String {
    let Some(first) = group.first() else { return String::new() };
    let mut symbols: Vec<String> =
        group.iter().flat_map(|obstacle| &obstacle.symbols).map(|name| one_line(name)).collect();
    symbols.sort();
    symbols.dedup();
    let symbols = match symbols.as_slice() {
        [] => String::new(),
        some => format!(" ({})", list(some, if is_verbose { some.len() } else { 4 })),
    };
    let files: Vec<String> = group.iter().map(|obstacle| one_line(&obstacle.file)).collect();
    let files = list(&files, if is_verbose { files.len() } else { 3 });
    format!("{}{symbols} {FAINT}needed by {files}{FAINT:#}", one_line(&first.what))
}

fn users(need: &NeededLibrary, is_verbose: bool) -> String {
    let users: Vec<String> = need.needed_by.iter().map(|user| one_line(user)).collect();
    let most = if is_verbose { users.len() } else { 2 };
    format!("{} {FAINT}needed by {}{FAINT:#}", one_line(&need.name), list(&users, most))
}

/// `a, b and 4 more`.
fn list(names: &[String], most: usize) -> String {
    match names.len().saturating_sub(most) {
        0 => names.join(", "),
        // One more takes no more room than saying so.
        1 => names.join(", "),
        more => format!("{} and {more} more", names[..most].join(", ")),
    }
}
