//! How a wheel stands to the tags that it has.
//!
//! `repair` looks for the tags that it can give; here they are given, and each is held against its
//! policy by itself.

use truewheel_wheel::PlatformTag;

use super::{Outcome, Policy, Promise, best, promise_of, tag_of};
use crate::options::Options;
use crate::policy::manylinux;
use crate::search::Graph;
use crate::wheel_target::{self, WheelTarget};

/// One tag and how the contents stand to it.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// As the file name has it.
    pub tag: PlatformTag,
    /// What keeps the wheel from it.
    pub outcome: Outcome,
    /// Whether systems of this architecture accept such a tag at all.
    pub exists: bool,
}

/// A wheel against its tags.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Tags with a policy, for the wheel's own architecture.
    pub claims: Vec<Claim>,
    /// The best promise that the contents keep, without any library brought along.
    pub earned: Option<Promise>,
    /// How the contents stand to the newest systems that are known.
    pub newest: Outcome,
}

impl Standing {
    /// The tag that the contents earn.
    pub(crate) fn earned_tag(&self, target: &WheelTarget) -> Option<PlatformTag> {
        self.earned.map(|promise| tag_of(promise, target.arch))
    }
}

/// Holds the graph, which has no library outside the wheel, against `tags`.
pub(crate) fn stand(
    graph: &Graph,
    target: &WheelTarget,
    tags: &[PlatformTag],
    options: &Options,
) -> Standing {
    let policy = Policy { graph, target, options };
    let claim = |tag: &PlatformTag| {
        let promise = promise_of(tag)?;
        let is_for_arch = wheel_target::of_tag(tag).0 == Some(target.arch);
        let exists = match promise {
            Promise::Manylinux(level) => manylinux::exists(level, target.arch),
            _ => true,
        };
        let outcome = policy.try_promise(promise);
        is_for_arch.then(|| Claim { tag: tag.clone(), outcome, exists })
    };
    let outcomes: Vec<Outcome> =
        policy.candidates(tags).into_iter().map(|at| policy.try_promise(at)).collect();
    let earned = best(&outcomes).map(|outcome| outcome.at);
    let newest_claim = outcomes.last().map(|outcome| outcome.at);
    let earned = earned.or_else(|| policy.higher_api(newest_claim?));
    let newest = outcomes.into_iter().next_back().unwrap_or_else(|| policy.without_policy());
    Standing { claims: tags.iter().filter_map(claim).collect(), earned, newest }
}
