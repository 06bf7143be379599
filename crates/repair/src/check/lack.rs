//! A needed library that is not in the wheel: whose business is it?

use super::finding::Finding;
use super::{Check, Severity, rules};

/// What to say of `needed`, which nothing in the wheel is. `on_the_way` is a required project that a
/// search path of a user leads to, `promise` what the tag says of it.
pub(super) fn finding(
    check: &Check<'_>,
    needed: &str,
    users: &str,
    on_the_way: Option<&str>,
    promise: &str,
) -> Finding {
    if let Some(project) = check.requires.given_by(needed) {
        let message = format!("`{needed}` is left to `{project}`, as the SBOM says: {users}");
        return Finding::new(rules::REQUIRED_PACKAGE, message).weighs(Severity::Note);
    }
    if let Some(project) = on_the_way {
        let message =
            format!("`{needed}` is not in the wheel, a search path leads to `{project}`: {users}");
        return Finding::new(rules::REQUIRED_PACKAGE, message).weighs(Severity::Note);
    }
    if let Some(project) = check.requires.of_library(needed) {
        let message = format!(
            "`{needed}` is not in the wheel, and no search path leads to it: {users}; it works if \
             `{project}` has it and is imported first"
        );
        return Finding::new(rules::REQUIRED_PACKAGE, message)
            .remedy(format!("say so with `--exclude {needed}`"));
    }
    let message = format!("`{needed}` is not in the wheel: {users}; {promise}");
    let bring = if check.is_repaired() { "run `truewheel repair`" } else { "bring it along" };
    Finding::new(rules::MISSING_LIBRARY, message)
        .remedy(format!("{bring}, or say who brings it with `--exclude {needed}`"))
}
