//! The target's distribution, from os-release(5).

use super::place::Root;

/// What package URLs say of a distribution.
#[derive(Clone, Debug, Default)]
pub(super) struct OsRelease {
    id: String,
    version: String,
}

impl OsRelease {
    /// Reads `/etc/os-release`, else `/usr/lib/os-release`; nothing is known without them.
    pub(super) fn read(root: &Root) -> Self {
        let bytes = ["/etc/os-release", "/usr/lib/os-release"]
            .iter()
            .find_map(|path| root.read(path))
            .and_then(Result::ok)
            .unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let mut lines = text.lines().rev().filter_map(|line| line.trim().split_once('='));
            let value = lines.find(|(name, _)| *name == key);
            value.map(|(_, value)| value.trim_matches(['"', '\'']).to_owned())
        };
        let version = value("VERSION_ID").or_else(|| value("VERSION_CODENAME"));
        Self {
            id: value("ID").unwrap_or_default().to_lowercase(),
            version: version.unwrap_or_default(),
        }
    }

    /// The namespace of its packages: the vendor, where that has a name of its own.
    pub(super) fn namespace<'a>(&'a self, otherwise: &'a str) -> &'a str {
        match self.id.as_str() {
            "" => otherwise,
            "rhel" => "redhat",
            id if id.starts_with("opensuse") => "opensuse",
            id if id.starts_with("sle") => "suse",
            id => id,
        }
    }

    /// The qualifier `distro`, such as `debian-12`; empty if it is not known.
    pub(super) fn distro(&self) -> String {
        match (self.id.as_str(), self.version.as_str()) {
            ("", _) => String::new(),
            (id, "") => id.to_owned(),
            (id, version) => format!("{id}-{version}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_its_id_and_version() {
        for (text, namespace, distro) in [
            ("ID=debian\nVERSION_ID=\"12\"\n", "debian", "debian-12"),
            ("ID=debian\nVERSION_CODENAME=sid\n", "debian", "debian-sid"),
            ("NAME=x\nID=\"rhel\"\nVERSION_ID='9.4'\n", "redhat", "rhel-9.4"),
            ("ID=\"opensuse-leap\"\nVERSION_ID=\"15.6\"\n", "opensuse", "opensuse-leap-15.6"),
            ("# ID=no\n", "other", ""),
        ] {
            let release = OsRelease::parse(text);
            assert_eq!(release.namespace("other"), namespace);
            assert_eq!(release.distro(), distro);
        }
    }
}
