//! Files that are not the same in both wheels and that nothing can join, with what differs.

use truewheel_wheel::MemberPath;

use super::refusals;
use crate::error::Result;

/// More rows hide what they say.
const MAX_ROWS: usize = 40;
/// Characters of a line that are shown.
const MAX_SHOWN: usize = 60;

/// One file, and what differs.
pub(super) struct Difference(String);

impl Difference {
    pub(super) fn of(path: &MemberPath, first: &[u8], second: &[u8]) -> Self {
        let what = match (str::from_utf8(first), str::from_utf8(second)) {
            (Ok(first), Ok(second)) => of_texts(first, second),
            _ => of_bytes(first, second),
        };
        Self(format!("{path}: {what}"))
    }

    /// What to say where the second wheel's file is taken.
    pub(super) fn of_second(&self) -> String {
        format!("{}; the second wheel's is taken", self.0)
    }
}

/// The first line that differs.
fn of_texts(first: &str, second: &str) -> String {
    let (mut ours, mut theirs) = (first.lines(), second.lines());
    let mut number = 1_usize;
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return "the line ends are not the same".to_owned(),
            (left, right) if left != right => {
                let show = |line: Option<&str>| match line {
                    Some(line) => {
                        format!("`{}`", line.trim().chars().take(MAX_SHOWN).collect::<String>())
                    }
                    None => "nothing".to_owned(),
                };
                return format!(
                    "line {number} is {} in one and {} in the other",
                    show(left),
                    show(right)
                );
            }
            _ => number += 1,
        }
    }
}

fn of_bytes(first: &[u8], second: &[u8]) -> String {
    if first.len() != second.len() {
        return format!("{} bytes in one and {} in the other", first.len(), second.len());
    }
    let at = first.iter().zip(second).position(|(left, right)| left != right).unwrap_or_default();
    format!("the bytes differ from offset {at:#x} on")
}

/// All of them, and what can be done.
pub(super) fn refuse(differences: &[Difference]) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<String> =
        differences.iter().take(MAX_ROWS).map(|difference| difference.0.clone()).collect();
    let more = differences.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        rows.push(format!("{more} more"));
    }
    Err(refusals(
        "files that are no binaries differ, and a wheel can have only one of each",
        rows,
        vec![
            "say whose is right for both, with `--take-first GLOB` or `--take-second GLOB`"
                .to_owned(),
            "or make the build write the same file on both machines".to_owned(),
        ],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_by_its_first_line_or_byte() {
        for (first, second, what) in [
            ("a\nb\n", "a\nc\n", "line 2 is `b` in one and `c` in the other"),
            ("a\n", "a\n b\n", "line 2 is nothing in one and `b` in the other"),
            ("a\r\n", "a\n", "the line ends are not the same"),
        ] {
            assert_eq!(of_texts(first, second), what);
        }
        assert_eq!(of_bytes(b"\xff\x00", b"\xff"), "2 bytes in one and 1 in the other");
        assert_eq!(of_bytes(b"\xff\x00", b"\xff\x01"), "the bytes differ from offset 0x1 on");
    }
}
