//! Where in a Python file code may be put so that it runs first and changes nothing else.
//!
//! A module's docstring is its first statement, `from __future__` may follow only that, comments and
//! other such imports ("Future statements", Python language reference), and the encoding is declared in
//! the first two lines (PEP 263). So the place is behind all of these. It is found by reading tokens and
//! not by running a Python: the file may be for any Python, 2.7 as well as one that is not released yet.
//!
//! What is read are bytes. Every token that matters is ASCII, and so is each byte of it in every encoding
//! that has ASCII as a part; of the encodings with two bytes for one character the second may look like
//! a backslash, so those are stepped over in pairs.

use std::ops::RangeInclusive;

/// A place for new lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What stands before this offset stays in front of the new lines.
    pub(super) end: usize,
    /// What stands from here on comes behind them; between the two are a `;` and blanks.
    pub(super) resume: usize,
}

/// Why no place is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// An encoding that does not have ASCII as a part, or that is not known.
    Encoding(String),
    /// A string literal that nothing ends, at this offset.
    OpenString(usize),
}

/// The first place in `source` where a statement may stand without taking the place of a docstring or
/// of an import from `__future__`.
pub(super) fn place(source: &[u8]) -> Result<Place, Fault> {
    let start = if source.starts_with(BOM) { BOM.len() } else { 0 };
    let scanner = Scanner { source, leads: leads(source)? };
    let mut last = None;
    let mut at = start;
    let mut is_first = true;
    loop {
        let statement = scanner.blank_lines(at);
        let string = if is_first { scanner.strings(statement)? } else { None };
        let Some(end) = string.or_else(|| scanner.future_import(statement)) else { break };
        is_first = false;
        let after = scanner.blanks(end);
        if scanner.byte(after) == Some(b';') {
            let next = scanner.blanks(after + 1);
            if !scanner.is_line_end(next) {
                // Another statement on the same line.
                last = Some(Place { end, resume: next });
                at = next;
                continue;
            }
            at = scanner.line_end(next);
        } else {
            at = scanner.line_end(after);
        }
        last = Some(Place { end: at, resume: at });
    }
    let comments = || {
        let end = scanner.first_comments(start);
        Place { end, resume: end }
    };
    Ok(last.unwrap_or_else(comments))
}

/// The line ending of the first line; a line feed where there is none.
pub(super) fn newline(source: &[u8]) -> &'static [u8] {
    match source.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        Some(at) if source[at..].starts_with(b"\r\n") => b"\r\n",
        Some(at) if source[at] == b'\r' => b"\r",
        _ => b"\n",
    }
}

/// UTF-8 with a signature.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

struct Scanner<'a> {
    source: &'a [u8],
    /// Bytes that are followed by the other half of a character.
    leads: &'static [RangeInclusive<u8>],
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.source.get(at).copied()
    }

    fn starts(&self, at: usize, text: &[u8]) -> bool {
        self.source.get(at..).is_some_and(|rest| rest.starts_with(text))
    }

    /// Behind the character at `at`, be it in a string or in a comment.
    fn next(&self, at: usize) -> usize {
        let is_pair = |byte| self.leads.iter().any(|lead| lead.contains(&byte));
        match self.byte(at) {
            // Half a character at the end of a line is none.
            Some(byte) if is_pair(byte) && self.newline(at + 1) == at + 1 => at + 2,
            _ => at + 1,
        }
    }

    /// Behind the line ending at `at`; `at` itself where none is.
    fn newline(&self, at: usize) -> usize {
        match self.byte(at) {
            Some(b'\r') if self.byte(at + 1) == Some(b'\n') => at + 2,
            Some(b'\r' | b'\n') => at + 1,
            _ => at,
        }
    }

    /// Behind blanks and joined lines.
    fn blanks(&self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                Some(b' ' | b'\t' | b'\x0c') => at += 1,
                Some(b'\\') if self.newline(at + 1) > at + 1 => at = self.newline(at + 1),
                _ => return at,
            }
        }
    }

    /// Behind the comment at `at`, in front of the line's end.
    fn comment(&self, mut at: usize) -> usize {
        while at < self.source.len() && self.newline(at) == at {
            at = self.next(at);
        }
        at.min(self.source.len())
    }

    fn is_line_end(&self, at: usize) -> bool {
        matches!(self.byte(at), None | Some(b'\r' | b'\n' | b'#'))
    }

    /// Behind the rest of a line that has nothing but a comment.
    fn line_end(&self, at: usize) -> usize {
        let end = if self.byte(at) == Some(b'#') { self.comment(at) } else { at };
        self.newline(end)
    }

    /// Behind blanks, comments and line endings.
    fn blank_lines(&self, mut at: usize) -> usize {
        loop {
            let here = self.blanks(at);
            let next = self.line_end(here);
            if next == here {
                return here;
            }
            at = next;
        }
    }

    /// Behind the first lines of comments, which are a licence, a script's interpreter or the encoding.
    fn first_comments(&self, start: usize) -> usize {
        let comment = |line: usize| {
            let at = self.blanks(line);
            (self.byte(at) == Some(b'#')).then(|| self.line_end(at))
        };
        let mut at = start;
        if self.starts(start, b"#!") {
            at = self.line_end(start);
        }
        let mut line = at;
        // A backslash joins lines to a statement, so only bare blanks are looked over.
        while self.newline(self.blanks(line)) > self.blanks(line) {
            line = self.newline(self.blanks(line));
        }
        while let Some(next) = comment(line).filter(|next| *next > line) {
            (line, at) = (next, next);
        }
        at
    }

    /// Behind an expression of string literals alone that is a whole statement. It may be in
    /// parentheses. Literals with code in them (`f""`, `t""`) are no docstrings.
    fn strings(&self, start: usize) -> Result<Option<usize>, Fault> {
        let (mut at, mut depth, mut count) = (start, 0_usize, 0_usize);
        let (mut end, mut is_closed) = (start, false);
        loop {
            at = if depth > 0 { self.blank_lines(at) } else { self.blanks(at) };
            match self.byte(at) {
                Some(b'(') if count == 0 => (at, depth) = (at + 1, depth + 1),
                Some(b')') if count > 0 && depth > 0 => {
                    (at, depth, is_closed) = (at + 1, depth - 1, true);
                    end = at;
                    if depth == 0 {
                        break;
                    }
                }
                // Behind a closing parenthesis only another one leaves the whole a string.
                _ if is_closed => break,
                _ => match self.string(at)? {
                    Some(next) => (at, end, count) = (next, next, count + 1),
                    None => break,
                },
            }
        }
        let after = self.blanks(end);
        let is_whole = self.is_line_end(after) || self.byte(after) == Some(b';');
        Ok((count > 0 && depth == 0 && is_whole).then_some(end))
    }

    /// Behind the string literal at `start`; `None` where none is.
    fn string(&self, start: usize) -> Result<Option<usize>, Fault> {
        let prefix = |byte: &u8| matches!(byte.to_ascii_lowercase(), b'r' | b'u' | b'b');
        let letters = self.source.get(start..).unwrap_or_default().iter();
        let quote_at = start + letters.take_while(|byte| prefix(byte)).count();
        let Some(quote @ (b'"' | b'\'')) = self.byte(quote_at).filter(|_| quote_at - start <= 2)
        else {
            return Ok(None);
        };
        let triple = [quote; 3];
        let is_triple = self.starts(quote_at, &triple);
        let mut at = quote_at + if is_triple { 3 } else { 1 };
        let open = || Fault::OpenString(start);
        loop {
            match self.byte(at) {
                None => return Err(open()),
                // Also in raw strings a backslash keeps the quote behind it from ending them.
                Some(b'\\') => {
                    let behind = self.newline(at + 1);
                    at = if behind > at + 1 { behind } else { self.next(at + 1) };
                }
                Some(b'\r' | b'\n') if !is_triple => return Err(open()),
                Some(byte) if byte == quote && !is_triple => return Ok(Some(at + 1)),
                Some(byte) if byte == quote && self.starts(at, &triple) => return Ok(Some(at + 3)),
                Some(_) => at = self.next(at),
            }
        }
    }

    /// Behind a `from __future__ import …`.
    fn future_import(&self, start: usize) -> Option<usize> {
        let from = self.word(start, b"from")?;
        let module = self.word(self.blanks(from), b"__future__")?;
        let import = self.word(self.blanks(module), b"import")?;
        let (mut at, mut end, mut depth) = (import, import, 0_usize);
        loop {
            at = if depth > 0 { self.blank_lines(at) } else { self.blanks(at) };
            match self.byte(at) {
                None => return Some(end),
                Some(b'\r' | b'\n' | b'#' | b';') if depth == 0 => return Some(end),
                Some(b'(') => depth += 1,
                Some(b')') => depth = depth.saturating_sub(1),
                Some(_) => {}
            }
            at += 1;
            end = at;
        }
    }

    /// Behind `word` where it stands alone.
    fn word(&self, at: usize, word: &[u8]) -> Option<usize> {
        let end = at + word.len();
        let goes_on =
            self.byte(end).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || b > 127);
        (self.starts(at, word) && !goes_on).then_some(end)
    }
}

/// The first bytes of characters that have two, in the encoding that the file declares.
fn leads(source: &[u8]) -> Result<&'static [RangeInclusive<u8>], Fault> {
    const JAPANESE: &[&str] = &[
        "shift",
        "sjis",
        "s-jis",
        "csshiftjis",
        "cp932",
        "932",
        "ms932",
        "mskanji",
        "ms-kanji",
        "windows-31j",
    ];
    const CHINESE_AND_KOREAN: &[&str] = &[
        "gb", "936", "cp936", "ms936", "big5", "csbig5", "950", "cp950", "ms950", "949", "cp949",
        "ms949", "uhc", "johab", "cp1361",
    ];
    const ONE_BYTE: &[&str] = &[
        "utf-8",
        "utf8",
        "u8",
        "ascii",
        "us-ascii",
        "646",
        "latin",
        "l1",
        "iso-8859",
        "iso8859",
        "8859",
        "cp125",
        "windows-125",
        "125",
        "koi8",
        "mac",
        "euc",
        "cp437",
        "cp85",
        "cp86",
        "ibm",
        "tis-620",
        "tis620",
        "cp874",
        "mbcs",
    ];
    let Some(name) = encoding(source) else { return Ok(&[]) };
    let plain = name.to_ascii_lowercase().replace('_', "-");
    let is_of = |names: &[&str]| names.iter().any(|name| plain.starts_with(name));
    if is_of(JAPANESE) {
        Ok(&[0x81..=0x9f, 0xe0..=0xfc])
    } else if is_of(CHINESE_AND_KOREAN) {
        Ok(&[0x81..=0xfe])
    } else if is_of(ONE_BYTE) {
        Ok(&[])
    } else {
        Err(Fault::Encoding(name))
    }
}

/// What a comment in the first two lines declares; the second counts when the first is no code (PEP 263).
fn encoding(source: &[u8]) -> Option<String> {
    let source = source.strip_prefix(BOM).unwrap_or(source);
    let end = source.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(source.len());
    let (first, rest) = source.split_at(end);
    declared(first).or_else(|| {
        let is_blank = |line: &[u8]| line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\x0c'));
        let is_no_code = is_blank(first) || first.trim_ascii_start().starts_with(b"#");
        let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
        let rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        let second = rest.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
        declared(second).filter(|_| is_no_code)
    })
}

fn declared(line: &[u8]) -> Option<String> {
    let comment = line.trim_ascii_start().strip_prefix(b"#")?;
    let at = comment.windows(7).position(|w| matches!(w, b"coding:" | b"coding="))?;
    let value = comment[at + 7..].trim_ascii_start();
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let name: Vec<u8> = value.iter().take_while(is_part).copied().collect();
    String::from_utf8(name).ok().filter(|name| !name.is_empty())
}
