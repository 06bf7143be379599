//! Which promises a wheel may make, and which of them are tried.

use std::collections::{BTreeMap, BTreeSet};

use truewheel_wheel::PlatformTag;

use super::manylinux::{self, Level};
use super::{Outcome, Policy, Promise, android, promise_of};
use crate::error::{Error, Result};
use crate::target::Libc;
use crate::wheel_target;

impl Policy<'_> {
    /// Whether `tag` is one that a wheel for this target can have.
    pub(super) fn fits(&self, tag: &PlatformTag) -> bool {
        let arch = self.target.arch;
        match (promise_of(tag), self.target.libc) {
            (Some(Promise::Manylinux(level)), Some(Libc::Glibc) | None) => {
                manylinux::exists(level, arch) && tag.to_string().ends_with(&format!("_{arch}"))
            }
            (Some(Promise::Musllinux(..)), Some(Libc::Musl)) => {
                tag.to_string().ends_with(&format!("_{arch}"))
            }
            (Some(Promise::Android(_)), Some(Libc::Bionic)) => {
                android::abi(arch).is_some_and(|abi| tag.to_string().ends_with(abi))
            }
            _ => false,
        }
    }

    /// The promise behind a tag of the wheel's own family; `None` for `linux_*`.
    pub(super) fn promise(&self, tag: &PlatformTag) -> Result<Option<Promise>> {
        let promise = promise_of(tag);
        let exists = match promise {
            Some(Promise::Manylinux(level)) => manylinux::exists(level, self.target.arch),
            Some(_) => true,
            None => matches!(tag, PlatformTag::Linux { .. }),
        };
        // `manylinux_2_28_amd64` reads as a tag, of an architecture that no installer on Linux names.
        if exists && wheel_target::of_tag(tag).0.is_some() {
            return Ok(promise);
        }
        Err(Error::refused_with(
            format!("`{tag}` is no tag that a wheel for {} can have", self.target.arch),
            "ask for `auto`, or for a tag such as `manylinux_2_28_x86_64` or `musllinux_1_2_aarch64`",
        ))
    }

    /// Every promise worth trying, weakest demand on the system last.
    pub(super) fn candidates(&self, existing: &[PlatformTag]) -> Vec<Promise> {
        let promises = existing.iter().filter_map(promise_of);
        match self.target.libc {
            Some(Libc::Musl) => {
                // musl's symbols have no versions: contents can rule 1.1 out but not prove it. So a
                // tag that the builder chose is not bettered.
                let chosen = promises.filter(|promise| matches!(promise, Promise::Musllinux(..)));
                let lowest = chosen.min().unwrap_or(Promise::Musllinux(1, 1));
                let mut candidates =
                    vec![Promise::Musllinux(1, 1), Promise::Musllinux(1, 2), lowest];
                candidates.retain(|promise| *promise >= lowest);
                candidates.sort();
                candidates.dedup();
                candidates
            }
            Some(Libc::Bionic) => {
                promises.filter(|promise| matches!(promise, Promise::Android(_))).collect()
            }
            Some(Libc::Glibc) | None => self.glibc_levels(promises),
        }
    }

    /// The lowest API level above `at` that the contents keep. The level of a wheel for Android is its
    /// builder's choice and never raised in silence, but the one that would do is worth a word.
    pub(super) fn higher_api(&self, at: Promise) -> Option<Promise> {
        let Promise::Android(api) = at else { return None };
        let levels: BTreeSet<u32> =
            android::levels().chain([android::RUNPATH_API, android::RELR_API]).collect();
        let higher = levels.into_iter().filter(|level| *level > api).map(Promise::Android);
        higher.into_iter().find(|at| self.try_promise(*at).is_kept())
    }

    /// The strictest promise of tags that stay, as far as a repair can keep it.
    pub(super) fn kept_promise(
        &self,
        existing: &[PlatformTag],
        outcomes: &[Outcome],
    ) -> Option<Promise> {
        let claimed = existing.iter().filter(|tag| self.options.keep_tags && self.fits(tag));
        let strictest = claimed.filter_map(promise_of).min()?;
        let is_kept = |outcome: &&Outcome| outcome.at == strictest && outcome.is_kept();
        outcomes.iter().find(is_kept).map(|outcome| outcome.at)
    }

    /// Whether no promise exists for the wheel's architecture.
    pub(super) fn has_no_policy(&self) -> bool {
        matches!(self.target.libc, Some(Libc::Glibc) | None)
            && manylinux::levels(self.target.arch).is_empty()
    }

    /// The listed levels, those that the input already claims, and above the listed ones each glibc
    /// version that some file asks for. A level between two listed ones is as good a tag, but says
    /// nothing that installers meet in practice, and other tools do not write it.
    fn glibc_levels(&self, existing: impl Iterator<Item = Promise>) -> Vec<Promise> {
        let mut levels: BTreeSet<Level> = manylinux::levels(self.target.arch).into_iter().collect();
        let last = levels.last().copied();
        for promise in existing {
            if let Promise::Manylinux(level) = promise {
                levels.insert(level);
            }
        }
        for node in &self.graph.nodes {
            for version in node.file.version_needs.values().flat_map(BTreeMap::keys) {
                levels.extend(glibc_level(version).filter(|level| Some(*level) > last));
            }
        }
        levels.retain(|level| manylinux::exists(*level, self.target.arch));
        levels.into_iter().map(Promise::Manylinux).collect()
    }
}

fn glibc_level(version: &str) -> Option<Level> {
    let (major, rest) = version.strip_prefix("GLIBC_")?.split_once('.')?;
    let minor = rest.split('.').next()?;
    Some(Level::new(major.parse().ok()?, minor.parse().ok()?))
}
