//! RECORD: every file of the wheel with its hash and size, as CSV (PEP 376, PEP 427).
//!
//! This is the only code that knows the form of a row. Reading takes what Python's `csv` module
//! takes: quotes, and lines ended by CRLF or LF. Writing ends lines by LF and quotes only where it
//! must. RECORD has no hash of itself, and signatures of it (`RECORD.jws`, `RECORD.p7s`) no row.

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The rows of a RECORD, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// One per file.
    pub rows: Vec<RecordRow>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// The member's path.
    pub path: String,
    /// For example `sha256=47DE…`; absent for RECORD itself.
    pub hash: Option<String>,
    /// In bytes; absent for RECORD itself.
    pub size: Option<u64>,
}

/// One thing in which RECORD and the wheel differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disagreement {
    /// A row of a file that the wheel does not have.
    NoFile {
        /// The path in the row.
        path: String,
    },
    /// A file that RECORD does not have.
    NoRow {
        /// The member's path.
        path: String,
    },
    /// More than one row of one file.
    TwoRows {
        /// The path in the rows.
        path: String,
    },
    /// A row without a hash.
    NoHash {
        /// The path in the row.
        path: String,
    },
    /// A hash that is not SHA-256, so that it was not compared.
    OtherHash {
        /// The path in the row.
        path: String,
        /// What stands before the `=`.
        algorithm: String,
    },
    /// Another size.
    Size {
        /// The member's path.
        path: String,
        /// Bytes in the row.
        record: u64,
        /// Bytes in the wheel.
        wheel: u64,
    },
    /// Another hash.
    Hash {
        /// The member's path.
        path: String,
        /// The hash in the row.
        record: String,
        /// The hash of the contents.
        wheel: String,
    },
}

impl Record {
    /// Reads the text of a RECORD file.
    ///
    /// # Errors
    ///
    /// A row without a path, with more than three fields, with a size that is not a number, or a
    /// quote that is not closed.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rows = Vec::new();
        let mut rest = text;
        let mut line = 1;
        while !rest.is_empty() {
            let (fields, after) = split_row(rest).ok_or_else(|| {
                error(line, "a quote that is not closed, or text behind a closing quote")
            })?;
            if fields != [""] {
                rows.push(RecordRow::from_fields(fields, line)?);
            }
            let read = rest.len().saturating_sub(after.len());
            line += rest.get(..read).unwrap_or("").matches('\n').count();
            rest = after;
        }
        Ok(Self { rows })
    }

    /// The text of the file, in UTF-8 with LF.
    #[must_use]
    pub fn print(&self) -> String {
        self.rows.iter().map(|row| format!("{row}\n")).collect()
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print())
    }
}

impl RecordRow {
    /// The row of a file.
    #[must_use]
    pub fn of(path: &str, digest: &Digest) -> Self {
        Self { path: path.to_owned(), hash: Some(digest.record_hash()), size: Some(digest.size) }
    }

    /// The row of RECORD itself.
    #[must_use]
    pub fn of_record(path: &str) -> Self {
        Self { path: path.to_owned(), hash: None, size: None }
    }

    fn from_fields(fields: Vec<String>, line: usize) -> Result<Self> {
        let mut fields = fields.into_iter();
        let path = fields.next().unwrap_or_default();
        let (hash, size) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        if path.is_empty() {
            return Err(error(line, "a row without a path"));
        }
        if fields.next().is_some() {
            return Err(error(line, "a row of more than three fields: path, hash, size"));
        }
        let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
        let size = match (&*size, digits) {
            ("", _) => None,
            (text, true) => Some(text.parse().map_err(|_| error(line, "a size of over 64 bits"))?),
            (_, false) => return Err(error(line, "a size that is not a number of bytes")),
        };
        Ok(Self { path, hash: (!hash.is_empty()).then_some(hash), size })
    }
}

impl fmt::Display for RecordRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.hash.as_deref().unwrap_or("");
        write!(f, "{},{},", quote(&self.path), quote(hash))?;
        self.size.iter().try_for_each(|size| write!(f, "{size}"))
    }
}

/// Whether `path` is a RECORD at its place or a signature of it: these have no hash in RECORD.
#[must_use]
pub fn is_record_or_signature(path: &str) -> bool {
    path.split_once('/').is_some_and(|(top, name)| {
        top.ends_with(".dist-info") && matches!(name, "RECORD" | "RECORD.jws" | "RECORD.p7s")
    })
}

/// Everything in which `rows` and the wheel's `files` differ: first by row, in the order of rows,
/// then files without a row, by path. RECORD and its signatures are not asked for.
#[must_use]
pub fn compare(rows: &[RecordRow], files: &BTreeMap<String, Digest>) -> Vec<Disagreement> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for row in rows {
        let path = row.path.clone();
        if !seen.insert(&*row.path) {
            if twice.insert(&*row.path) {
                found.push(Disagreement::TwoRows { path });
            }
        } else if !is_record_or_signature(&row.path) {
            match files.get(&row.path) {
                Some(digest) => compare_row(row, digest, &mut found),
                None => found.push(Disagreement::NoFile { path }),
            }
        }
    }
    let unlisted = files.keys().filter(|path| !seen.contains(&***path));
    let unlisted = unlisted.filter(|path| !is_record_or_signature(path));
    found.extend(unlisted.map(|path| Disagreement::NoRow { path: path.clone() }));
    found
}

fn compare_row(row: &RecordRow, digest: &Digest, found: &mut Vec<Disagreement>) {
    let path = || row.path.clone();
    if let Some(record) = row.size.filter(|size| *size != digest.size) {
        found.push(Disagreement::Size { path: path(), record, wheel: digest.size });
    }
    let Some(hash) = &row.hash else {
        found.push(Disagreement::NoHash { path: path() });
        return;
    };
    let (algorithm, value) = hash.split_once('=').unwrap_or((hash, ""));
    let wheel = digest.record_hash();
    if algorithm != "sha256" {
        found.push(Disagreement::OtherHash { path: path(), algorithm: algorithm.to_owned() });
    } else if wheel.strip_prefix("sha256=") != Some(value.trim_end_matches('=')) {
        found.push(Disagreement::Hash { path: path(), record: hash.clone(), wheel });
    }
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile { path } => write!(f, "RECORD has `{path}`, the wheel does not"),
            Self::NoRow { path } => write!(f, "the wheel has `{path}`, RECORD does not"),
            Self::TwoRows { path } => write!(f, "RECORD has `{path}` more than once"),
            Self::NoHash { path } => write!(f, "RECORD has no hash of `{path}`"),
            Self::OtherHash { path, algorithm } => {
                write!(f, "RECORD has a hash of `{path}` by `{algorithm}`, it should be `sha256`")
            }
            Self::Size { path, record, wheel } => {
                write!(f, "RECORD gives `{path}` {record} bytes, the wheel has {wheel}")
            }
            Self::Hash { path, record, wheel } => {
                write!(f, "RECORD gives `{path}` the hash {record}, the wheel has {wheel}")
            }
        }
    }
}

/// The fields of the first row and the text behind its line end; `None` if quotes are wrong.
fn split_row(text: &str) -> Option<(Vec<String>, &str)> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => split_quoted(quoted)?,
            None => {
                let end = rest.find([',', '\n', '\r']).unwrap_or(rest.len());
                let (field, after) = rest.split_at_checked(end)?;
                (field.to_owned(), after)
            }
        };
        fields.push(field);
        if let Some(next) = after.strip_prefix(',') {
            rest = next;
        } else if after.is_empty() {
            return Some((fields, ""));
        } else {
            let end = ["\r\n", "\n", "\r"].iter().find_map(|end| after.strip_prefix(end));
            return end.map(|after| (fields, after));
        }
    }
}

/// A field up to its closing quote (`""` is a quote), and what follows.
fn split_quoted(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, after)),
        }
    }
}

fn quote(field: &str) -> String {
    // U+FEFF as the first character of the file would be read as a byte order mark.
    if field.starts_with('\u{feff}') || field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

fn error(line: usize, what: &str) -> Error {
    ErrorKind::Line { line, what: what.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, hash: &str, size: Option<u64>) -> RecordRow {
        let hash = (!hash.is_empty()).then(|| hash.to_owned());
        RecordRow { path: path.to_owned(), hash, size }
    }

    #[test]
    fn rows_are_read_as_csv_with_either_line_end() {
        let text = "a.py,sha256=x,12\r\n\"b,\"\"c\"\".py\",sha256=y,0\n\nd/RECORD,,\n\"\n.py\",,";
        let record = Record::parse(text).unwrap();
        assert_eq!(
            record.rows,
            [
                row("a.py", "sha256=x", Some(12)),
                row("b,\"c\".py", "sha256=y", Some(0)),
                row("d/RECORD", "", None),
                row("\n.py", "", None),
            ]
        );
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let rows = ["a", "b,c", "d\"e", "f\ng", " h ", "ü"].map(|path| row(path, "h=1", Some(1)));
        let record = Record { rows: rows.to_vec() };
        assert_eq!(Record::parse(&record.print()).unwrap(), record);
        assert_eq!(record.print().lines().next(), Some("a,h=1,1"));
    }

    #[test]
    fn a_byte_order_mark_that_begins_the_first_path_is_read_back() {
        let record = Record { rows: vec![row("\u{feff}a", "h=1", Some(1))] };
        assert_eq!(Record::parse(&record.print()).unwrap(), record);
    }

    #[test]
    fn rows_that_are_not_rows_are_refused_with_their_line() {
        for (text, message) in [
            ("a,,\nb,,12x\n", "line 2: a size that is not a number of bytes"),
            ("a,,\n,x,1\n", "line 2: a row without a path"),
            ("\"a\nb\",,\nc,d,1,e\n", "line 3: a row of more than three fields: path, hash, size"),
            ("\"a", "line 1: a quote that is not closed, or text behind a closing quote"),
            ("\"a\"b,,", "line 1: a quote that is not closed, or text behind a closing quote"),
            ("a,,99999999999999999999", "line 1: a size of over 64 bits"),
            ("a,,-1", "line 1: a size that is not a number of bytes"),
        ] {
            assert_eq!(Record::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn every_disagreement_is_found_and_told() {
        let digest = Digest::of(b"twelve bytes");
        let names = ["same", "size", "hash", "none", "md5", "unlisted", "d.dist-info/RECORD"];
        let files = names.map(|name| (name.to_owned(), digest)).into_iter().collect();
        let good = digest.record_hash();
        let rows = [
            row("same", &format!("{good}="), Some(12)),
            row("size", &good, Some(15)),
            row("hash", "sha256=x", Some(12)),
            row("none", "", None),
            row("md5", "md5=x", None),
            row("absent", &good, Some(12)),
            row("same", &good, Some(12)),
            row("same", &good, Some(12)),
        ];
        let told: Vec<String> = compare(&rows, &files).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "RECORD gives `size` 15 bytes, the wheel has 12".to_owned(),
                format!("RECORD gives `hash` the hash sha256=x, the wheel has {good}"),
                "RECORD has no hash of `none`".to_owned(),
                "RECORD has a hash of `md5` by `md5`, it should be `sha256`".to_owned(),
                "RECORD has `absent`, the wheel does not".to_owned(),
                "RECORD has `same` more than once".to_owned(),
                "the wheel has `unlisted`, RECORD does not".to_owned(),
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_printed_as_it_reads(text in "[a,\"\r\n0-9=]{0,60}") {
            if let Ok(record) = Record::parse(&text) {
                proptest::prop_assert_eq!(Record::parse(&record.print()).unwrap(), record);
            }
        }
    }
}
