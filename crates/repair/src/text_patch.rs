//! A patch in the unified format, applied to the text files of a wheel.
//!
//! As `patch -p1` reads it (POSIX, "patch"; GNU patch for what diff and git write beside that): the first directory
//! of each name is left out, a hunk may fit elsewhere than where it says, and the outer lines of its context need
//! not match, two at most on each side. Either every hunk fits or nothing is written. RECORD is made anew, so what a
//! patch says of it is passed over.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use flickzeug::{
    ApplyConfig, ApplyError, Diff, FileChangeKind, FuzzyConfig, Hunk, Line, ParserConfig, Patch,
};
use truewheel_wheel::{MemberPath, Wheel};

use crate::error::{Error, Result};
use crate::options::Options;
use crate::plan::{self, Plan};
use crate::{Libraries, Prepared, carry_out, scan};

/// Applies the patch in the file `patch` to the files of the wheel at `path`.
///
/// # Errors
///
/// The wheel or the patch cannot be read; a file that the patch changes is not there, or one that it makes is; a
/// hunk does not fit.
pub fn apply_patch(path: &Path, patch: &Path, options: &Options) -> Result<Prepared> {
    let wheel = Wheel::open(path)?;
    let scan = scan::scan(&wheel)?;
    let bytes = fs::read(patch).map_err(|error| Error::io(patch, error))?;
    let mut plan = plan::base(&wheel, &scan, options)?;
    plan.notes.extend(scan.faults.iter().map(ToString::to_string));
    let shown = patch.display().to_string();
    Patching { wheel: &wheel, files: BTreeMap::new(), notes: &mut plan.notes, patch: &shown }
        .run(&bytes)?
        .into_plan(&wheel, &mut plan)?;
    carry_out(path, &wheel, &scan, plan, Libraries::new(), options)
}

/// Files as they are after the hunks so far; `None` is a file that is removed.
type Files = BTreeMap<String, Option<Vec<u8>>>;

struct Patching<'a> {
    wheel: &'a Wheel,
    files: Files,
    notes: &'a mut Vec<String>,
    /// How messages name the patch.
    patch: &'a str,
}

/// What a patch leaves.
struct Patched(Files);

impl Patched {
    fn into_plan(self, wheel: &Wheel, plan: &mut Plan) -> Result<()> {
        for (path, contents) in self.0 {
            let is_there = wheel.member(&path).is_some();
            let member = MemberPath::new(&path)?;
            match contents {
                Some(bytes) if is_there => drop(plan.replaced.insert(member, bytes)),
                Some(bytes) => drop(plan.added.insert(member, bytes)),
                None if is_there => {
                    plan.dropped.insert(member, "the patch removes it".to_owned());
                }
                None => {}
            }
        }
        Ok(())
    }
}

impl Patching<'_> {
    fn run(mut self, bytes: &[u8]) -> Result<Patched> {
        // git's binary form is base 85, and reads as a patch without a hunk.
        if lines(bytes).any(|line| line == b"GIT binary patch") {
            let what = format!("{} has a binary patch, and only text is patched", self.patch);
            return Err(Error::refused(what));
        }
        let config = ParserConfig { strip_ab_prefix: false, ..ParserConfig::default() };
        let patch = Patch::from_bytes_with_config(bytes, config)
            .map_err(|error| Error::refused(format!("{}: {error}", self.patch)))?;
        if patch.is_empty() {
            let what = format!("{} has no hunk: it is no patch in the unified format", self.patch);
            return Err(Error::refused_with(what, "`diff -u` and `git diff` write such patches"));
        }
        for diff in &patch {
            self.diff(diff, bytes)?;
        }
        Ok(Patched(self.files))
    }

    fn diff(&mut self, diff: &Diff<'_, [u8]>, patch: &[u8]) -> Result<()> {
        let (old, new) = self.names(diff)?;
        let record = format!("{}/RECORD", self.wheel.dist_info());
        if [&old, &new].iter().any(|name| name.as_deref() == Some(&*record)) {
            self.notes.push(format!("{record} is made anew, whatever the patch says of it"));
            return Ok(());
        }
        let metadata = diff.metadata();
        if metadata.old_mode.is_some()
            && metadata.new_mode.is_some_and(|new| Some(new) != metadata.old_mode)
        {
            let name = new.as_deref().or(old.as_deref()).unwrap_or_default();
            self.notes.push(format!("{name} keeps its mode: only contents are patched"));
        }
        match (metadata.kind, old, new) {
            (FileChangeKind::Create, _, Some(new)) => self.create(diff, &new),
            (FileChangeKind::Delete, Some(old), _) => self.delete(diff, &old),
            (FileChangeKind::Rename, Some(old), Some(new)) => self.rename(diff, &old, &new),
            (_, old, new) => self.modify(diff, old, new, patch),
        }
    }

    fn create(&mut self, diff: &Diff<'_, [u8]>, name: &str) -> Result<()> {
        if self.contents(name)?.is_some_and(|bytes| !bytes.is_empty()) {
            return Err(Error::refused_with(
                format!("{} makes {name}, which is there already", self.patch),
                "the patch may have been applied before",
            ));
        }
        let bytes = self.apply(diff, name, &[])?;
        self.files.insert(name.to_owned(), Some(bytes));
        Ok(())
    }

    fn delete(&mut self, diff: &Diff<'_, [u8]>, name: &str) -> Result<()> {
        let bytes = self.present(name)?;
        let rest = self.apply(diff, name, &bytes)?;
        if !rest.is_empty() {
            return Err(Error::refused(format!(
                "{} removes {name}, of which {} bytes would be left",
                self.patch,
                rest.len()
            )));
        }
        self.files.insert(name.to_owned(), None);
        Ok(())
    }

    fn rename(&mut self, diff: &Diff<'_, [u8]>, old: &str, new: &str) -> Result<()> {
        let bytes = self.present(old)?;
        if self.contents(new)?.is_some() {
            return Err(Error::refused(format!(
                "{} gives {old} the name {new}, which another file has",
                self.patch
            )));
        }
        let bytes = self.apply(diff, old, &bytes)?;
        self.files.insert(old.to_owned(), None);
        self.files.insert(new.to_owned(), Some(bytes));
        Ok(())
    }

    /// The name that is there, of several the one with fewer directories, the shorter one, the old one; and a new
    /// file where neither is and nothing is taken away.
    fn modify(
        &mut self,
        diff: &Diff<'_, [u8]>,
        old: Option<String>,
        new: Option<String>,
        patch: &[u8],
    ) -> Result<()> {
        let mut there = Vec::new();
        for name in old.iter().chain(&new) {
            if self.contents(name)?.is_some() {
                there.push(name.clone());
            }
        }
        there.sort_by_key(|name| (name.matches('/').count(), base_len(name), name.len()));
        let is_new =
            !diff.hunks().is_empty() && diff.hunks().iter().all(|hunk| hunk.old_range().is_empty());
        let name = match (there.into_iter().next(), new.or(old)) {
            (Some(name), _) => name,
            (None, Some(name)) if is_new => return self.create(diff, &name),
            (None, Some(name)) => return Err(self.absent(&name)),
            (None, None) => {
                return Err(Error::refused(format!("{} has a hunk for no file", self.patch)));
            }
        };
        let bytes = self.present(&name)?;
        let bytes = self.apply(diff, &name, &bytes)?;
        let is_gone = bytes.is_empty() && is_dated_never(patch, diff.modified());
        self.files.insert(name, (!is_gone).then_some(bytes));
        Ok(())
    }

    /// Old and new name without their first directory.
    fn names(&self, diff: &Diff<'_, [u8]>) -> Result<(Option<String>, Option<String>)> {
        // git's `rename from` and `rename to` have no such directory.
        let is_bare = diff.metadata().kind == FileChangeKind::Rename && diff.hunks().is_empty();
        let name = |bytes: Option<&[u8]>| {
            let Some(bytes) = bytes else { return Ok(None) };
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Error::refused(format!("{}: a name is not UTF-8", self.patch)))?;
            let text = text.trim_start_matches("./");
            let name =
                if is_bare { text } else { text.split_once('/').map_or(text, |(_, rest)| rest) };
            let name = name.trim_start_matches('/');
            MemberPath::new(name)?;
            Ok::<_, Error>(Some(name.to_owned()))
        };
        Ok((name(diff.original())?, name(diff.modified())?))
    }

    /// The file as it is by now.
    fn contents(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match (self.files.get(name), self.wheel.member(name)) {
            (Some(known), _) => Ok(known.clone()),
            (None, Some(member)) => Ok(Some(self.wheel.read(member)?)),
            (None, None) => Ok(None),
        }
    }

    fn present(&self, name: &str) -> Result<Vec<u8>> {
        self.contents(name)?.ok_or_else(|| self.absent(name))
    }

    fn absent(&self, name: &str) -> Error {
        Error::refused_with(
            format!("{} changes {name}, which is not in the wheel", self.patch),
            "names are taken without their first directory, as `patch -p1` takes them",
        )
    }

    /// `bytes` after every hunk.
    fn apply(&mut self, diff: &Diff<'_, [u8]>, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        if diff.hunks().is_empty() {
            return Ok(bytes.to_vec());
        }
        if let Ok((patched, _)) = flickzeug::apply_bytes_with_config(bytes, diff, &fuzz(0)) {
            return Ok(patched);
        }
        match flickzeug::apply_bytes_with_config(bytes, diff, &fuzz(most_fuzz(diff))) {
            Ok((patched, _)) => {
                self.notes.push(format!(
                    "{name} differs from what the patch was made for; its hunks fit but for outer lines"
                ));
                Ok(patched)
            }
            Err(error) => Err(self.misfit(diff, name, bytes, &error)),
        }
    }

    fn misfit(&self, diff: &Diff<'_, [u8]>, name: &str, bytes: &[u8], error: &ApplyError) -> Error {
        let index = error.hunk_index();
        let hunk = diff.hunks().get(index.saturating_sub(1));
        let lines = hunk.map(|hunk| format!(", for line {}", hunk.old_range().start()));
        let what = format!(
            "{}: hunk {index} of {} for {name}{} does not fit anywhere in it",
            self.patch,
            diff.hunks().len(),
            lines.unwrap_or_default()
        );
        match flickzeug::is_diff_applied_with_config(bytes, diff, &fuzz(0)) {
            true => Error::refused_with(what, "the file is as the patch wants it already"),
            false => Error::refused_with(what, "make the patch from the files of this wheel"),
        }
    }
}

/// How many outer lines of a hunk's context may differ on each side: two, or less where it has less on one side (such
/// a hunk belongs to the beginning or the end of its file, and would slip), or where nothing else would have to match.
fn most_fuzz(diff: &Diff<'_, [u8]>) -> usize {
    let fuzz = |hunk: &Hunk<'_, [u8]>| {
        let is_context = |line: &&Line<'_, [u8]>| matches!(line, Line::Context(_));
        let (before, behind) = (hunk.lines().iter(), hunk.lines().iter().rev());
        let outer =
            before.take_while(is_context).count().min(behind.take_while(is_context).count());
        let takes_away = hunk.lines().iter().any(|line| matches!(line, Line::Delete(_)));
        let all = hunk.lines().iter().filter(is_context).count();
        if takes_away { outer } else { outer.min(all.saturating_sub(1) / 2) }
    };
    diff.hunks().iter().map(fuzz).min().unwrap_or_default().min(2)
}

/// Lines are equal or do not fit; as many of the outer ones as `max_fuzz` may be passed over.
fn fuzz(max_fuzz: usize) -> ApplyConfig {
    let fuzzy_config =
        FuzzyConfig { max_fuzz, similarity_threshold: 1.0, ..FuzzyConfig::default() };
    ApplyConfig { fuzzy_config, ..ApplyConfig::default() }
}

fn base_len(name: &str) -> usize {
    name.rsplit('/').next().map_or(0, str::len)
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether the patch dates the new file to the beginning of 1970, as diff -N does for one that is not there.
fn is_dated_never(patch: &[u8], name: Option<&[u8]>) -> bool {
    let Some(name) = name else { return false };
    lines(patch).any(|line| {
        let date = line.strip_prefix(b"+++ ").and_then(|rest| rest.strip_prefix(name));
        date.is_some_and(|date| {
            // West of Greenwich it is still 1969.
            date.starts_with(b"\t1970-01-01 ") || date.starts_with(b"\t1969-12-31 ")
        })
    })
}
