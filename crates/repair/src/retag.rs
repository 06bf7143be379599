//! More platform tags for a wheel, by the user's word: its contents stay, and nobody looks whether they
//! keep what the tags promise.

use std::path::Path;

use truewheel_wheel::{PlatformTag, Wheel};

use crate::error::{Error, Result};
use crate::options::Options;
use crate::{Libraries, Prepared, carry_out, plan, scan};

/// Adds `tags` to those of the wheel at `path`, in its file name and in WHEEL.
///
/// # Errors
///
/// The wheel cannot be read, or is for any platform.
pub fn add_platforms(path: &Path, tags: &[PlatformTag], options: &Options) -> Result<Prepared> {
    let wheel = Wheel::open(path)?;
    let scan = scan::scan(&wheel)?;
    if wheel.filename().platforms.contains(&PlatformTag::Any) {
        return Err(Error::refused("the wheel is for any platform already"));
    }
    let plan = plan::with_platforms(&wheel, &scan, tags, options)?;
    carry_out(path, &wheel, &scan, plan, Libraries::new(), options)
}
