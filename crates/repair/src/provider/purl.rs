//! Package URLs: one line that names a package of any ecosystem (ECMA-427).
//!
//! `pkg:deb/debian/zlib1g@1:1.2?arch=amd64`: type, namespace, name, version, qualifiers in the order
//! of their keys. Only unreserved characters and `:` stand as they are.

use std::collections::BTreeMap;
use std::fmt;

/// A package URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Purl<'a> {
    /// `deb`, `rpm`, `pypi` …
    pub(crate) kind: &'a str,
    /// The distribution, if the type has namespaces.
    pub(crate) namespace: Option<&'a str>,
    /// The package's name.
    pub(crate) name: &'a str,
    /// Its version; empty for none.
    pub(crate) version: &'a str,
    /// What else tells it from others; empty values are left out, as the standard asks.
    pub(crate) qualifiers: BTreeMap<&'a str, &'a str>,
}

impl fmt::Display for Purl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        if let Some(namespace) = self.namespace {
            write!(f, "{}/", Encoded(namespace))?;
        }
        write!(f, "{}", Encoded(self.name))?;
        if !self.version.is_empty() {
            write!(f, "@{}", Encoded(self.version))?;
        }
        let qualifiers = self.qualifiers.iter().filter(|(_, value)| !value.is_empty());
        for (index, (key, value)) in qualifiers.enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            write!(f, "{mark}{key}={}", Encoded(value))?;
        }
        Ok(())
    }
}

/// Percent-encoded text.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stand_as_they_are() {
        let purl = Purl {
            kind: "deb",
            namespace: Some("debian"),
            name: "libstdc++6",
            version: "1:12.2.0-14+deb12u1~x",
            qualifiers: [("distro", "debian-12"), ("arch", "amd64"), ("none", "")].into(),
        };
        let text =
            "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bdeb12u1~x?arch=amd64&distro=debian-12";
        assert_eq!(purl.to_string(), text);
        let purl = Purl { kind: "pypi", name: "a/b c", ..Purl::default() };
        assert_eq!(purl.to_string(), "pkg:pypi/a%2Fb%20c");
    }
}
