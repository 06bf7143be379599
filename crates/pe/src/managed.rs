//! .NET code: whether a strong name vouches for the file's bytes.
//!
//! ECMA-335, II.25.3.3, CLI header: bit 3 of `Flags` says that the image is strong-name signed. An edit breaks the
//! signature; .NET Framework checks it only where it is told to, and .NET Core does not.

use std::mem::offset_of;

use object::LittleEndian as LE;
use object::pe as p;

use crate::error::{ErrorKind, Result};
use crate::section::Image;

/// Whether the image is strong-name signed.
pub(crate) fn has_strong_name(image: &Image<'_>, directory: Option<(u32, u32)>) -> Result<bool> {
    let Some((start, _)) = directory else { return Ok(false) };
    let what = "CLI header";
    let field = u32::try_from(offset_of!(p::ImageCor20Header, flags)).ok();
    let outside = ErrorKind::Unmapped { what, rva: start.into() };
    let rva = field.and_then(|field| start.checked_add(field)).ok_or(outside)?;
    let flags: object::U32<LE> = image.read(rva, what)?;
    Ok(flags.get(LE) & p::COMIMAGE_FLAGS_STRONGNAMESIGNED.0 != 0)
}
