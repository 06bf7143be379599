//! Programs that need a library of the wheel, and the scripts that run them.
//!
//! A program of `.data/scripts` is installed into `bin`, and nobody knows from there where
//! site-packages is: the path differs with the Python, the system and the way of installing. So such
//! a program moves to `<distribution>.scripts` in site-packages, beside its libraries, and a Python
//! script takes its place, which finds it there and becomes it (execv(2): same process, arguments,
//! standard streams and exit status). The script begins with `#!python`, which installers replace by
//! their interpreter ("Binary distribution format", PyPA, "Recommended installer features").

use truewheel_wheel::{Installed, MemberPath, Scheme};

use crate::error::Result;

/// A program in site-packages, and the script that runs it from where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shim {
    /// Where the program goes.
    pub program: MemberPath,
    /// Where its script goes.
    pub place: MemberPath,
}

/// Where the program at `path` may move to; `None` if it is not one of `bin`.
pub(crate) fn of(path: &MemberPath, distribution: &str) -> Option<Result<Shim>> {
    let below = below_bin(&path.installed())?.to_owned();
    let top = path.as_str().split('/').next()?;
    let shim = || {
        let program = MemberPath::new(&format!("{distribution}.scripts/{below}"))?;
        let place = MemberPath::new(&format!("{top}/scripts/{below}"))?;
        Ok(Shim { program, place })
    };
    Some(shim())
}

/// Whether the program at `path` may move to site-packages.
pub(crate) fn is_movable(path: &MemberPath) -> bool {
    below_bin(&path.installed()).is_some()
}

/// The path below `bin`; `bin` of the data directory is the same place.
fn below_bin(installed: &Installed) -> Option<&str> {
    match installed.scheme {
        Scheme::Scripts => Some(&installed.path),
        Scheme::Data => installed.path.strip_prefix("bin/"),
        _ => None,
    }
}

impl Shim {
    /// The text of the script. It looks where Python looks for modules, in that order, so that it finds
    /// the program of the same installation, also below `--user`; then where this Python installs to;
    /// then where it installs below the prefix of this `bin` (`pip install --prefix`); then beside `bin`,
    /// where `pip install --target` puts packages.
    pub fn text(&self) -> String {
        let parts: Vec<String> = self.program.as_str().split('/').map(literal).collect();
        format!(
            "#!python
# Written by truewheel: runs a program that lies in site-packages, beside its libraries.
import os
import sys
import sysconfig

PROGRAM = os.path.join({})
HERE = os.path.dirname(os.path.abspath(__file__))
BASE = os.path.dirname(HERE)
PREFIX = {{\"base\": BASE, \"platbase\": BASE}}
PLACES = sys.path + [
    sysconfig.get_path(\"platlib\"),
    sysconfig.get_path(\"purelib\"),
    sysconfig.get_path(\"platlib\", vars=PREFIX),
    sysconfig.get_path(\"purelib\", vars=PREFIX),
    BASE,
]

for place in PLACES:
    program = os.path.join(place, PROGRAM)
    if os.path.isfile(program):
        os.execv(program, sys.argv)
sys.exit(\"%s: there is no %s in %s\" % (sys.argv[0], PROGRAM, os.pathsep.join(PLACES)))
",
            parts.join(", ")
        )
    }
}

/// A Python string. Member paths have neither backslashes nor control characters.
fn literal(part: &str) -> String {
    format!("\"{}\"", part.replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_names_its_program_part_by_part() {
        let path = |path| MemberPath::new(path).unwrap();
        let shim = Shim {
            program: path("de-mo.scripts/sub/say \"é\""),
            place: path("de-mo-1.0.data/scripts/sub/say \"é\""),
        };
        let text = shim.text();
        assert!(text.starts_with("#!python\n"), "{text}");
        let line = "PROGRAM = os.path.join(\"de-mo.scripts\", \"sub\", \"say \\\"é\\\"\")\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn only_what_is_installed_into_bin_has_a_path_below_it() {
        for (member, below) in [
            ("demo-1.data/scripts/tool", Some("tool")),
            ("demo-1.data/scripts/sub/tool", Some("sub/tool")),
            ("demo-1.data/data/bin/tool", Some("tool")),
            ("demo-1.data/data/lib/tool", None),
            ("demo-1.data/platlib/demo/tool", None),
            ("demo/bin/tool", None),
            ("demo/x.data/scripts/tool", None),
        ] {
            let installed = MemberPath::new(member).unwrap().installed();
            assert_eq!(below_bin(&installed), below, "{member}");
        }
    }
}
