//! Where the lines go, and that nothing else changes.

use super::*;

fn patch(lowest_python: (u32, u32)) -> InitPatch {
    InitPatch {
        directories: vec![vec!["..".to_owned(), "demo.libs".to_owned()]],
        lowest_python,
        load_order: ".load-order-demo-1.0".to_owned(),
        preload: Vec::new(),
    }
}

/// The patched source with the lines as `PATCH`.
fn patched(source: &[u8]) -> String {
    let patch = patch((3, 12));
    let bytes = patch.apply(source).unwrap();
    let lines = patch.lines(source::newline(source));
    let at = bytes.windows(lines.len()).position(|window| window == lines).unwrap();
    let (before, after) = (&bytes[..at], &bytes[at + lines.len()..]);
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    format!("{}PATCH{}", text(before), text(after))
}

#[test]
fn the_lines_stand_behind_docstrings_and_imports_from_the_future() {
    for (source, result) in [
        ("", "PATCH\n"),
        ("x = 1", "PATCH\n\nx = 1"),
        ("import a\nimport b\n", "PATCH\n\nimport a\nimport b\n"),
        ("'''doc'''\nx = 1\n", "'''doc'''\n\nPATCH\n\nx = 1\n"),
        ("'''doc'''", "'''doc'''\n\nPATCH\n"),
        ("'''doc'''; x = 1\n", "'''doc'''\n\nPATCH\n\nx = 1\n"),
        ("'''doc''';  # note\nx\n", "'''doc''';  # note\n\nPATCH\n\nx\n"),
        ("'a' \"b\"\nx\n", "'a' \"b\"\n\nPATCH\n\nx\n"),
        ("('a'  # one\n 'b')\nx\n", "('a'  # one\n 'b')\n\nPATCH\n\nx\n"),
        ("'a' \\\n 'b'\nx\n", "'a' \\\n 'b'\n\nPATCH\n\nx\n"),
        ("'a' + 'b'\nx\n", "PATCH\n\n'a' + 'b'\nx\n"),
        ("'a' % 1\n", "PATCH\n\n'a' % 1\n"),
        ("('a',)\n", "PATCH\n\n('a',)\n"),
        ("f'a'\n", "PATCH\n\nf'a'\n"),
        ("b'a'\nx\n", "b'a'\n\nPATCH\n\nx\n"),
        ("r'a\\'b'\nx\n", "r'a\\'b'\n\nPATCH\n\nx\n"),
        ("u'''a\\'''b'''\nx\n", "u'''a\\'''b'''\n\nPATCH\n\nx\n"),
        ("'''a''' # c\n# d\nx\n", "'''a''' # c\n\nPATCH\n\n# d\nx\n"),
        (
            "'doc'\nfrom __future__ import a\nfrom __future__ import (b,  # )\n  c)\nx\n",
            "'doc'\nfrom __future__ import a\nfrom __future__ import (b,  # )\n  c)\n\nPATCH\n\nx\n",
        ),
        ("from __future__ import a; x = 1\n", "from __future__ import a\n\nPATCH\n\nx = 1\n"),
        (
            "from __future__ import a \\\n , b\nx\n",
            "from __future__ import a \\\n , b\n\nPATCH\n\nx\n",
        ),
        (
            "# c\n\n'doc'\n\n# d\nfrom __future__ import a\nx\n",
            "# c\n\n'doc'\n\n# d\nfrom __future__ import a\n\nPATCH\n\nx\n",
        ),
        ("from __future__x import a\n", "PATCH\n\nfrom __future__x import a\n"),
        (
            "#!/bin/python\n# coding: utf-8\n\nx\n",
            "#!/bin/python\n# coding: utf-8\n\nPATCH\n\n\nx\n",
        ),
        ("\n# licence\n\n# of x\nx\n", "\n# licence\n\nPATCH\n\n\n# of x\nx\n"),
        ("\x0c'doc'\nx\n", "\x0c'doc'\n\nPATCH\n\nx\n"),
        ("'doc'\r\nx\r\n", "'doc'\r\n\r\nPATCH\r\n\r\nx\r\n"),
        ("'doc'\rx\r", "'doc'\r\rPATCH\r\rx\r"),
    ] {
        assert_eq!(patched(source.as_bytes()), result, "{source:?}");
    }
}

#[test]
fn a_signature_stays_in_front() {
    assert_eq!(patched(b"\xef\xbb\xbfx\n"), "\u{ef}\u{bb}\u{bf}PATCH\n\nx\n");
    assert_eq!(patched(b"\xef\xbb\xbf'd'\nx\n"), "\u{ef}\u{bb}\u{bf}'d'\n\nPATCH\n\nx\n");
}

#[test]
fn half_of_a_character_is_no_backslash() {
    // In Shift JIS the second byte of this character is that of a backslash.
    let source = b"# -*- coding: shift_jis -*-\n'\x83\x5c'\nx\n";
    assert!(patched(source).ends_with("'\n\nPATCH\n\nx\n"));
    let kana = b"# coding: cp932\n'\xb1'\nx\n";
    assert!(patched(kana).ends_with("'\n\nPATCH\n\nx\n"));
}

#[test]
fn what_cannot_be_read_is_refused() {
    for (source, refusal) in [
        (&b"# coding: utf-7\nx\n"[..], "its encoding `utf-7` is not known to have ASCII as a part"),
        (b"'''doc\n", "the string literal at offset 0x0 has no end"),
        (b"x\n 'doc\n", ""),
        (
            b"# start delvewheel patch\nx\n",
            "it has `# start delvewheel patch` and no `# end delvewheel patch`",
        ),
    ] {
        let words = patch((3, 12)).apply(source).err().map(|refusal| refusal.to_string());
        assert_eq!(words.unwrap_or_default(), refusal);
    }
}

#[test]
fn no_file_is_patched_twice() {
    let old = "'doc'\n\n\n# start delvewheel patch\ndef _delvewheel_patch_1_13_2():\n    import os\n    \
               libs_dir = os.path.abspath(os.path.join(os.path.dirname(__file__), os.pardir, 'demo.libs'))\n\
               # end delvewheel patch\n\nx = 1\n";
    let once = patch((3, 12)).apply(old.as_bytes()).unwrap();
    let text = String::from_utf8(once.clone()).unwrap();
    assert!(
        text.starts_with("'doc'\n\n\n# start delvewheel patch\ndef _truewheel_patch():\n"),
        "{text}"
    );
    assert!(
        text.ends_with("# end delvewheel patch\n\nx = 1\n") && !text.contains("1_13_2"),
        "{text}"
    );
    assert_eq!(patch((3, 12)).apply(&once).unwrap(), once);
    let mut other = patch((3, 12));
    other.directories = vec![vec!["lib".to_owned()]];
    assert_eq!(other.apply(&once), Err(Refusal::OtherDirectory));
}

#[test]
fn comments_that_ask_for_the_lines_get_them() {
    let source =
        b"x\r\n#DelveWheel : patch\r\n# truewheel: patch\r\n # delvewheel: patch\r\n# delvewheel: no\r\n";
    let (patched, count) = patch((3, 12)).apply_at_marks(source);
    assert_eq!(count, 2);
    let text = String::from_utf8(patched).unwrap();
    assert!(text.starts_with("x\r\n# start delvewheel patch\r\n"));
    assert!(
        text.ends_with("# end delvewheel patch\r\n # delvewheel: patch\r\n# delvewheel: no\r\n")
    );
}

#[test]
fn names_are_literals_of_every_python() {
    for (name, text) in [
        ("demo.libs", "'demo.libs'"),
        ("it's\\", "'it\\'s\\\\'"),
        ("é", "u'\\u00e9'"),
        ("😀", "u'\\U0001f600'"),
    ] {
        assert_eq!(literal(name), text);
    }
}
