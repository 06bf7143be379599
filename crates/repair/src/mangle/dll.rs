//! The new names of DLLs, which are those that delvewheel gives.
//!
//! Windows takes a DLL that a process has loaded for any other of its name. So a vendored DLL gets a name
//! that only its contents and those of the DLLs below it can produce; and two wheels, repaired by whichever
//! of the two programs, share one loaded copy where they bring the same.
//!
//! The rule is delvewheel's since 1.11: 32 hexadecimal digits of the SHA-256 over the digits of each
//! vendored DLL that is needed, in the order of the import tables, each with a zero byte behind it, and the
//! file as it was found. DLLs that need each other in a circle have no order to begin with, and delvewheel
//! refuses them: here each gets the digits of the whole circle, by name and contents.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

/// A DLL that gets a name of its own.
#[derive(Clone, Debug)]
pub(crate) struct Dll<'a> {
    /// Its file name, as it was found.
    pub(crate) name: &'a str,
    /// Its contents, as they were found.
    pub(crate) bytes: &'a [u8],
    /// Others that it needs, imports before delay imports, in the order of the tables and as often as
    /// they have them; indices.
    pub(crate) needs: Vec<usize>,
}

/// The new name of each DLL.
pub(crate) fn names(dlls: &[Dll<'_>]) -> Vec<String> {
    let mut digits: Vec<String> = vec![String::new(); dlls.len()];
    for circle in circles(dlls) {
        let circle = BTreeSet::from_iter(circle);
        if let (1, Some(index)) = (circle.len(), circle.first())
            && !dlls[*index].needs.contains(index)
        {
            digits[*index] = alone(&dlls[*index], &digits);
            continue;
        }
        let whole = together(dlls, &circle, &digits);
        for index in circle {
            let mut hasher = Sha256::new_with_prefix(whole);
            hasher.update(dlls[index].name.to_ascii_lowercase());
            digits[index] = hexadecimal(&hasher.finalize());
        }
    }
    dlls.iter().zip(digits).map(|(dll, digits)| named(dll.name, &digits)).collect()
}

fn alone(dll: &Dll<'_>, digits: &[String]) -> String {
    let mut hasher = Sha256::new();
    for need in &dll.needs {
        hasher.update(&digits[*need]);
        hasher.update([0]);
    }
    hasher.update(dll.bytes);
    hexadecimal(&hasher.finalize())
}

/// What tells a circle from any other: its members by name and contents, and what they need beside it.
fn together(dlls: &[Dll<'_>], circle: &BTreeSet<usize>, digits: &[String]) -> [u8; 32] {
    let mut members: Vec<Vec<u8>> = Vec::new();
    for index in circle {
        let dll = &dlls[*index];
        let mut member = dll.name.to_ascii_lowercase().into_bytes();
        member.push(0);
        member.extend(Sha256::digest(dll.bytes));
        for need in dll.needs.iter().filter(|need| !circle.contains(need)) {
            member.extend(digits[*need].bytes());
        }
        members.push(member);
    }
    members.sort();
    let mut hasher = Sha256::new();
    for member in members {
        hasher.update(Sha256::digest(member));
    }
    hasher.finalize().into()
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// `name-digits.dll`. The digits of an earlier repair are replaced, so that no name is mangled twice.
fn named(name: &str, digits: &str) -> String {
    let (stem, extension) = match name.rfind('.').filter(|dot| *dot > 0) {
        Some(dot) => name.split_at(dot),
        None => (name, ""),
    };
    format!("{}-{digits}{extension}", without_digits(stem))
}

/// `foo` of `foo-0123456789abcdef0123456789abcdef`.
pub(crate) fn without_digits(stem: &str) -> &str {
    let is_hash = |digits: &str| {
        digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    match stem.rsplit_once('-') {
        Some((base, digits)) if !base.is_empty() && is_hash(digits) => base,
        _ => stem,
    }
}

/// The strongly connected parts of the graph, those that others need first (Tarjan, 1972), without
/// recursion: a chain of DLLs may be longer than a stack.
///
/// 1. Each DLL gets a number when it is met, and remembers the lowest number that it leads back to.
/// 2. It waits on a stack until everything that it leads to is done.
/// 3. One that leads back to none but itself closes a part: it and all that wait above it.
fn circles(dlls: &[Dll<'_>]) -> Vec<Vec<usize>> {
    const UNMET: usize = usize::MAX;
    let mut number = vec![UNMET; dlls.len()];
    let mut lowest = vec![0; dlls.len()];
    let mut is_waiting = vec![false; dlls.len()];
    let (mut waiting, mut path, mut circles) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    for root in 0..dlls.len() {
        if number[root] == UNMET {
            path.push((root, 0));
        }
        while let Some((at, step)) = path.pop() {
            if step == 0 {
                (number[at], lowest[at], is_waiting[at]) = (count, count, true);
                count += 1;
                waiting.push(at);
            } else {
                let need = dlls[at].needs[step - 1];
                if is_waiting[need] {
                    lowest[at] = lowest[at].min(lowest[need]);
                }
            }
            if let Some(need) = dlls[at].needs.get(step).copied() {
                path.push((at, step + 1));
                if number[need] == UNMET {
                    path.push((need, 0));
                }
                continue;
            }
            if lowest[at] == number[at] {
                let start = waiting.iter().rposition(|it| *it == at).unwrap_or(0);
                let circle = waiting.split_off(start);
                circle.iter().for_each(|index| is_waiting[*index] = false);
                circles.push(circle);
            }
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dll<'a>(name: &'a str, bytes: &'a [u8], needs: &[usize]) -> Dll<'a> {
        Dll { name, bytes, needs: needs.to_vec() }
    }

    #[test]
    fn a_dll_without_needs_is_named_for_its_contents() {
        let names = names(&[dll("Foo.Bar.DLL", b"abc", &[])]);
        assert_eq!(names, ["Foo.Bar-ba7816bf8f01cfea414140de5dae2223.DLL"]);
    }

    #[test]
    fn a_dll_with_needs_is_named_for_them_too() {
        let leaf = "ba7816bf8f01cfea414140de5dae2223";
        let mut hasher = Sha256::new();
        hasher.update(format!("{leaf}\0{leaf}\0"));
        hasher.update(b"user");
        let user = hexadecimal(&hasher.finalize());
        let names = names(&[dll("user.dll", b"user", &[1, 1]), dll("leaf.dll", b"abc", &[])]);
        assert_eq!(names, [format!("user-{user}.dll"), format!("leaf-{leaf}.dll")]);
    }

    #[test]
    fn dlls_in_a_circle_get_names_that_hang_on_all_of_them() {
        let circle = |b: &'static [u8], c: &'static [u8]| {
            names(&[
                dll("a.dll", b"a", &[1]),
                dll("b.dll", b, &[2, 3]),
                dll("c.dll", b"c", &[1]),
                dll("d.dll", c, &[]),
                dll("self.dll", b"s", &[4]),
            ])
        };
        let first = circle(b"b", b"d");
        assert_eq!(first, circle(b"b", b"d"));
        let other = circle(b"B", b"d");
        assert_ne!(first[0], other[0]);
        assert_ne!(first[1], other[1]);
        assert_ne!(first[2], other[2]);
        assert_eq!(first[3..], other[3..]);
        assert_ne!(first[1], circle(b"b", b"D")[1]);
        assert!(first[1].starts_with("b-") && first[1].len() == "b-.dll".len() + 32);
    }

    #[test]
    fn the_names_of_a_circle_do_not_hang_on_its_order() {
        let one = names(&[dll("a.dll", b"a", &[1]), dll("b.dll", b"b", &[0])]);
        let two = names(&[dll("b.dll", b"b", &[1]), dll("a.dll", b"a", &[0])]);
        assert_eq!([&one[0], &one[1]], [&two[1], &two[0]]);
    }

    #[test]
    fn no_name_is_mangled_twice() {
        let old = "foo-0123456789abcdef0123456789abcdef.dll";
        assert_eq!(named(old, "01"), "foo-01.dll");
        assert_eq!(named("foo-0123.dll", "01"), "foo-0123-01.dll");
        assert_eq!(named("libstdc++-6.dll", "01"), "libstdc++-6-01.dll");
        assert_eq!(named("noext", "01"), "noext-01");
        assert_eq!(named(".dll", "01"), ".dll-01");
    }

    #[test]
    fn a_long_chain_is_followed_to_its_end() {
        let mut chain: Vec<Dll<'_>> = (1..100_000).map(|next| dll("x.dll", b"", &[next])).collect();
        chain.push(dll("x.dll", b"", &[]));
        assert_eq!(names(&chain).len(), 100_000);
    }
}
