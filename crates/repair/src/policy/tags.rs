//! Platform tags and the promises they make.

use truewheel_wheel::{ManylinuxAlias, PlatformTag};

use super::manylinux::{self, Level};
use super::{Outcome, Policy, Promise};
use crate::options::Options;
use crate::target::Arch;
use crate::wheel_target;

/// The tags of the result: the earned one and what the caller asked for, with their older names;
/// tags of the input stay where they are true.
pub(super) struct Tags<'a> {
    pub(super) policy: &'a Policy<'a>,
    pub(super) requested: Option<&'a PlatformTag>,
    pub(super) promised: Option<Promise>,
    pub(super) earned: Option<Promise>,
    /// The earned tag is not added to the requested one.
    pub(super) is_alone: bool,
}

/// Whether a tag that was asked for is not joined by a better one that the content earns too.
pub(super) fn stands_alone(
    requested: Option<&PlatformTag>,
    earned: Option<&Outcome>,
    options: &Options,
) -> bool {
    let brings_libraries = earned.is_some_and(|outcome| !outcome.vendor.is_empty());
    let is_older_name = matches!(requested, Some(PlatformTag::ManylinuxAlias { .. }));
    options.only_platform || options.older_name_stands_alone && is_older_name && brings_libraries
}

impl Tags<'_> {
    pub(super) fn choose(&self, existing: &[PlatformTag]) -> Vec<PlatformTag> {
        let options = self.policy.options;
        if options.keep_tags {
            return existing.to_vec();
        }
        let mut tags: Vec<PlatformTag> = Vec::new();
        if let Some(requested) = self.requested {
            tags.push(requested.clone());
        }
        tags.extend(self.promised.iter().flat_map(|promise| self.spellings(*promise)));
        if self.policy.has_no_policy() && self.requested.is_none() {
            return vec![parse_tag(&format!("linux_{}", self.policy.target.arch))];
        }
        let is_asked = self.requested.is_some() || self.promised.is_some();
        if !(self.is_alone && is_asked) && (self.promised.is_some() || self.requested.is_none()) {
            tags.extend(self.earned.iter().flat_map(|promise| self.spellings(*promise)));
        }
        if !options.only_platform {
            tags.extend(existing.iter().filter(|tag| self.is_true(tag)).cloned());
        }
        tags
    }

    fn spellings(&self, promise: Promise) -> Vec<PlatformTag> {
        let arch = self.policy.target.arch;
        let mut tags = vec![tag_of(promise, arch)];
        if let Promise::Manylinux(level) = promise {
            tags.extend(
                manylinux::aliases(level).iter().map(|alias| parse_tag(&format!("{alias}_{arch}"))),
            );
        }
        tags
    }

    /// Whether a tag of the input keeps its promise: a newer system than the earned one has no less.
    fn is_true(&self, tag: &PlatformTag) -> bool {
        let has_files = |arch: Arch| {
            arch == self.policy.target.arch || self.policy.graph.other_arches.contains(&arch)
        };
        let is_of_arch = match wheel_target::of_tag(tag).0 {
            Some(arch) => has_files(arch),
            // An architecture that no installer names, or no tag at all; that of a system names none.
            None => promise_of(tag).is_none() && !matches!(tag, PlatformTag::Other(_)),
        };
        if !is_of_arch {
            return false;
        }
        if self.policy.target.libc.is_none() {
            // Static binaries run with either C library.
            return !matches!(tag, PlatformTag::Linux { .. } | PlatformTag::Any);
        }
        match (promise_of(tag), self.earned) {
            (Some(promise), Some(earned)) => {
                std::mem::discriminant(&promise) == std::mem::discriminant(&earned)
                    && promise >= earned
                    // The set of vendored libraries was made for the strictest tag of the result.
                    && self.promised.is_none_or(|promised| promise >= promised)
            }
            _ => false,
        }
    }
}

fn parse_tag(text: &str) -> PlatformTag {
    text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

/// The tags with the oldest system first, the number of a level before its older name.
pub(crate) fn oldest_first(tags: &[PlatformTag]) -> Vec<PlatformTag> {
    let mut tags = tags.to_vec();
    tags.sort_by_key(|tag| (promise_of(tag), matches!(tag, PlatformTag::ManylinuxAlias { .. })));
    tags
}

/// The tag that makes this promise.
pub(crate) fn tag_of(promise: Promise, arch: Arch) -> PlatformTag {
    let arch = arch.as_str();
    match promise {
        Promise::Manylinux(level) => parse_tag(&format!("manylinux_{level}_{arch}")),
        Promise::Musllinux(major, minor) => parse_tag(&format!("musllinux_{major}_{minor}_{arch}")),
        Promise::Android(api) => parse_tag(&format!("android_{api}_{}", android_abi(arch))),
    }
}

/// Android names its ABIs (PEP 738, "Platform tags").
fn android_abi(arch: &str) -> &str {
    match arch {
        "aarch64" => "arm64_v8a",
        "armv7l" => "armeabi_v7a",
        "i686" => "x86",
        other => other,
    }
}

/// The promise a tag makes, for the families that have policies.
pub(crate) fn promise_of(tag: &PlatformTag) -> Option<Promise> {
    match tag {
        PlatformTag::Manylinux { major, minor, .. } => {
            Some(Promise::Manylinux(Level::new(*major, *minor)))
        }
        PlatformTag::ManylinuxAlias { year, .. } => {
            let (major, minor) = ManylinuxAlias::glibc(*year);
            Some(Promise::Manylinux(Level::new(major, minor)))
        }
        PlatformTag::Musllinux { major, minor, .. } => Some(Promise::Musllinux(*major, *minor)),
        PlatformTag::Android { api, .. } => Some(Promise::Android(*api)),
        _ => None,
    }
}
