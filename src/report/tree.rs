//! Trees of needed libraries, drawn for people.

use std::collections::BTreeSet;

use truewheel_repair::{Need, Status, Tree, TreeFile};

use super::{BAD, FAINT, GOOD, NAME, NOTE, Printer, one_line};
use crate::config::Verbosity;
use crate::frontends::Voice;

/// A chain of libraries longer than this is somebody's joke, and would be wider than any screen.
const DEEPEST: usize = 60;

impl Printer {
    /// Every tree, in words or as JSON; `asked` is the number of files that were named.
    pub(crate) fn trees(&self, asked: usize, trees: &[Tree], json: bool) {
        match self.voice {
            Voice::Own | Voice::Delocate | Voice::Delvewheel => self.own_trees(asked, trees, json),
            Voice::Auditwheel => self.auditwheel_trees(trees),
        }
    }

    fn own_trees(&self, asked: usize, trees: &[Tree], json: bool) {
        if json {
            self.json_of(asked, trees);
            return;
        }
        for (index, tree) in trees.iter().enumerate() {
            let gap = if index > 0 { "\n" } else { "" };
            self.styled(&format!("{gap}{}", self.words_of_tree(tree)));
        }
    }

    fn words_of_tree(&self, tree: &Tree) -> String {
        let mut drawing =
            Drawing { tree, is_verbose: self.verbosity == Verbosity::Verbose, text: String::new() };
        let mut shown = BTreeSet::new();
        let is_one_file =
            tree.roots.first().is_some_and(|root| tree.files[*root].path == tree.input);
        if !is_one_file {
            drawing.text += &format!("{NAME}{}{NAME:#}\n", one_line(&tree.input));
        }
        if tree.files.is_empty() {
            drawing.text += "no binaries\n";
        }
        for root in &tree.roots {
            if drawing.is_verbose {
                shown.clear();
            }
            drawing.root(*root, &mut shown);
        }
        for note in &tree.notes {
            drawing.text += &format!("{NOTE}note:{NOTE:#} {}\n", one_line(note));
        }
        drawing.text
    }
}

struct Drawing<'a> {
    tree: &'a Tree,
    is_verbose: bool,
    text: String,
}

/// One line that is still to be drawn.
struct Line<'a> {
    need: &'a Need,
    /// What stands in front of it and of all below it.
    indent: String,
    is_last: bool,
    depth: usize,
}

impl<'a> Drawing<'a> {
    fn root(&mut self, root: usize, shown: &mut BTreeSet<usize>) {
        let file = &self.tree.files[root];
        self.text += &format!("{NAME}{}{NAME:#}{}\n", one_line(&file.path), facts(file));
        if self.is_verbose {
            self.text += &search_paths(file, "");
        }
        shown.insert(root);
        let mut lines: Vec<Line<'a>> = Vec::new();
        push(&mut lines, file, "", 1);
        // The files between the root and the line, by depth.
        let mut ancestors = vec![root];
        while let Some(line) = lines.pop() {
            ancestors.truncate(line.depth);
            let indent = self.line(&line, &ancestors, shown);
            let Some(target) = line.need.file.filter(|target| !shown.contains(target)) else {
                continue;
            };
            if line.depth >= DEEPEST {
                self.text += &format!("{indent}└─ … and deeper\n");
                continue;
            }
            shown.insert(target);
            ancestors.push(target);
            push(&mut lines, &self.tree.files[target], &indent, line.depth + 1);
        }
    }

    /// Draws one line and gives the indent of what is below it.
    fn line(&mut self, line: &Line<'a>, ancestors: &[usize], shown: &BTreeSet<usize>) -> String {
        let (corner, below) = if line.is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let below = format!("{}{below}", line.indent);
        let need = line.need;
        let kind = match need.kind {
            "needed" | "load" | "import" => String::new(),
            kind => format!(" {kind}"),
        };
        let rule = need.rule.as_deref().map(one_line).unwrap_or_default();
        let file = need.file.map(|index| (index, &self.tree.files[index]));
        let place = match (need.status, file) {
            (Status::MayBeAbsent, _) => {
                format!("{NOTE}not found{NOTE:#}, and may be absent")
            }
            (Status::Missing, _) if need.rule.is_some() => format!("{FAINT}{rule}{FAINT:#}"),
            (Status::Missing, _) => format!("{BAD}not found{BAD:#}"),
            (_, Some((index, file))) => {
                let repeat = match ancestors.contains(&index) {
                    true => ", a circle",
                    false if shown.contains(&index) && has_files(file) => ", shown above",
                    false => "",
                };
                let path = one_line(&file.path);
                format!("{GOOD}{path}{GOOD:#} {FAINT}({rule}){FAINT:#}{repeat}")
            }
            _ => format!("{FAINT}{rule}{FAINT:#}"),
        };
        let name = one_line(&need.name);
        self.text += &format!("{}{corner}{name}{kind} → {place}\n", line.indent);
        if self.is_verbose {
            let searched = need.searched.iter().map(|place| format!("looked in {place}"));
            let passed = need.passed_over.iter().map(|place| format!("passed over {place}"));
            let lines = searched.chain(passed).map(|line| one_line(&line));
            self.text.extend(lines.map(|line| format!("{below}{FAINT}{line}{FAINT:#}\n")));
            if let Some((_, file)) = file.filter(|(index, _)| !shown.contains(index)) {
                self.text += &search_paths(file, &below);
            }
        }
        below
    }
}

/// Whether a second drawing of the file would leave something out.
fn has_files(file: &TreeFile) -> bool {
    file.needs.iter().any(|need| need.file.is_some())
}

/// The needs of `file`, so that the first is popped first.
fn push<'a>(lines: &mut Vec<Line<'a>>, file: &'a TreeFile, indent: &str, depth: usize) {
    let count = file.needs.len();
    lines.extend(file.needs.iter().enumerate().rev().map(|(index, need)| Line {
        need,
        indent: indent.to_owned(),
        is_last: index + 1 == count,
        depth,
    }));
}

fn facts(file: &TreeFile) -> String {
    let interpreter = file.interpreter.as_ref().map(|path| format!("interpreter {path}"));
    let words = [
        Some(file.kind.to_owned()),
        Some(file.architecture.clone()),
        file.libc.clone(),
        file.minimum_os.as_ref().map(|os| format!("{os} or later")),
        interpreter,
    ];
    let words: Vec<String> = words.into_iter().flatten().map(|word| one_line(&word)).collect();
    format!("  {FAINT}{}{FAINT:#}", words.join(", "))
}

fn search_paths(file: &TreeFile, indent: &str) -> String {
    let names = if file.format == "mach-o" { ("LC_RPATH", "") } else { ("RPATH", "RUNPATH") };
    let lists = [(names.0, &file.rpath), (names.1, &file.runpath)];
    let lists = lists.iter().filter(|(_, entries)| !entries.is_empty());
    let line = |(name, entries): &(&str, &Vec<String>)| {
        format!("{indent}{FAINT}{name} {}{FAINT:#}\n", one_line(&entries.join(":")))
    };
    lists.map(line).collect()
}
