//! What the engine is told about one file, out of what all sources say.

use std::path::{Path, PathBuf};

use truewheel_repair::{Include, Options, PlatformTag, RpathStyle, Strip};

use super::files::{absolute, expand};
use super::{
    Merged, Result, UsageError, check, groups_of, macos, number, python, search, variable, windows,
    wrong,
};
use crate::cli;

/// For a repair.
pub(super) fn repair(merged: &Merged, warnings: &mut Vec<String>) -> Result<Options> {
    let told = &merged.settings.repairing;
    let is_on = |switch: Option<bool>| switch == Some(true);
    if is_on(told.only_plat) && is_on(told.no_update_tags) {
        warnings.push("`--only-plat` does nothing beside `--no-update-tags`".to_owned());
    }
    let looked = look(merged, warnings)?;
    let usual = Options::default();
    let options = Options {
        output: told.wheel_dir.clone().unwrap_or(usual.output),
        platform: platform(merged)?,
        platform_hint: platform_hint(merged, warnings),
        only_platform: is_on(told.only_plat),
        keep_tags: is_on(told.no_update_tags),
        lib_sdir: told.lib_sdir.clone(),
        force_vendor: told.force_vendor.clone(),
        include: includes(&told.include)?,
        no_mangle: match is_on(told.no_mangle_all) {
            true => vec!["*".to_owned()],
            false => told.no_mangle.clone(),
        },
        macos: macos::options(merged)?,
        expected: check::expected(merged)?,
        rpath_style: match told.rpath_style {
            None | Some(cli::RpathStyle::Target) => RpathStyle::Target,
            Some(cli::RpathStyle::Rpath) => RpathStyle::Rpath,
            Some(cli::RpathStyle::Runpath) => RpathStyle::Runpath,
        },
        clear_executable_stack: is_on(told.clear_execstack),
        strip: match (is_on(told.strip), is_on(told.strip_debug)) {
            (true, _) => Some(Strip::All),
            (false, true) => Some(Strip::Debug),
            (false, false) => None,
        },
        ignore_missing: is_on(told.ignore_missing_dependencies),
        sbom: !is_on(told.no_sbom),
        licenses: is_on(told.licenses),
        source_date_epoch: number("SOURCE_DATE_EPOCH")?,
        compression_level: told.zip_compression_level.unwrap_or(usual.compression_level),
        ..looked
    };
    options.validate().map_err(wrong)?;
    Ok(options)
}

/// For a look: where is looked for libraries, and which are left out; the rest is as usual.
pub(super) fn look(merged: &Merged, warnings: &mut Vec<String>) -> Result<Options> {
    let settings = &merged.settings;
    let options = Options {
        search: search::options(merged, warnings)?,
        windows: windows::options(&merged.settings.windows)?,
        exclude: settings.left_out.exclude.clone(),
        exclude_groups: groups_of(&settings.left_out.exclude_group)?,
        provided_by: python::provided_by(merged)?,
        allow_isa_extensions: settings.processors.disable_isa_ext_check == Some(true),
        ..Options::default()
    };
    options.validate().map_err(wrong)?;
    Ok(options)
}

/// `LIB` or `LIB=DIR`; a path may be a pattern, as the shell expands none in front of `=`.
pub(crate) fn includes(typed: &[String]) -> Result<Vec<Include>> {
    let mut includes = Vec::new();
    for text in typed {
        let (library, directory) = match text.rsplit_once('=') {
            Some((library, directory)) if !Path::new(&text).exists() => {
                (library.to_owned(), Some(directory.to_owned()))
            }
            _ => (text.clone(), None),
        };
        if library.is_empty() || directory.as_deref() == Some("") {
            return Err(UsageError(format!(
                "`--include {text}` should be a library, or a library, `=` and a directory"
            )));
        }
        if !library.contains(std::path::is_separator) {
            includes.push(Include { library, directory });
            continue;
        }
        if Path::new(&library).is_dir() {
            let library = library.trim_end_matches(std::path::is_separator);
            return Err(UsageError(format!(
                "`--include {text}` names a directory, it should be a library\n  hint: \
                 `--include '{library}/*.so'` names those in it"
            )));
        }
        for path in expand(vec![PathBuf::from(library)])? {
            let library = absolute(&path)?.to_string_lossy().into_owned();
            includes.push(Include { library, directory: directory.clone() });
        }
    }
    Ok(includes)
}

fn platform(merged: &Merged) -> Result<Option<PlatformTag>> {
    let text = match merged.settings.repairing.plat.as_deref() {
        None | Some("auto" | "") => return Ok(None),
        Some(text) => text,
    };
    if !matches!(tag(text), PlatformTag::Other(_) | PlatformTag::Any) {
        return Ok(Some(tag(text)));
    }
    // `manylinux_2_28` is how people speak of manylinux_2_28_x86_64.
    let whole = format!("{text}_x86_64");
    let what = match tag(&whole) {
        PlatformTag::Other(_) | PlatformTag::Any => {
            "is no platform tag, such as manylinux_2_28_x86_64 or `auto`".to_owned()
        }
        _ => format!("lacks the architecture, as in {whole}"),
    };
    Err(merged.wrong("plat", text, &what))
}

/// The manylinux images set AUDITWHEEL_PLAT: a wish, not an order, for wheels of their kind.
fn platform_hint(merged: &Merged, warnings: &mut Vec<String>) -> Option<PlatformTag> {
    if merged.settings.repairing.plat.is_some() {
        return None;
    }
    let text = variable("AUDITWHEEL_PLAT").filter(|text| text != "auto")?;
    let hint = tag(&text);
    if matches!(hint, PlatformTag::Other(_) | PlatformTag::Any) {
        warnings
            .push(format!("AUDITWHEEL_PLAT is `{text}`, which is no platform tag: it is not used"));
        return None;
    }
    Some(hint)
}

pub(super) fn tag(text: &str) -> PlatformTag {
    text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}
