//! The identifier of an ad-hoc signature: what codesign calls a file that nobody has named.
//!
//! codesign takes the `CFBundleIdentifier` of an Info.plist where the file has one. Else it takes the file's name
//! without its last extension, and without a version but its first number (`libz.1.3.2.dylib` is `libz.1`). A name
//! without a dot could be anybody's, so it gets the UUID of the slice for the Mac at hand; there is no Mac at hand
//! here, so that is the slice which the Macs of today take.

use crate::digest::HashType;
use crate::fat::MachO;
use crate::read::Slice;

/// The file's own UUID is written with these letters before it.
const UUID_MARK: &[u8; 4] = b"UUID";

/// The identifier for the signature of `slice` in `file`. `former` is the one that codesign gave it before, if it
/// did.
pub(crate) fn identifier(
    file: &MachO<'_>,
    slice: &Slice<'_>,
    file_name: &str,
    former: Option<&str>,
) -> String {
    if let Some(name) = slice.info_plist().and_then(bundle_identifier) {
        return name;
    }
    let name = canonical(file_name);
    if name.contains('.') {
        return name.to_owned();
    }
    // A signature made on an Intel Mac has the UUID of that slice, which is as good.
    let named = |slice: &Slice<'_>| format!("{name}-{}", unique(slice));
    let is_former = |slice: &&Slice<'_>| former == Some(&named(slice));
    match file.slices().iter().find(is_former) {
        Some(slice) => named(slice),
        None => named(native(file).unwrap_or(slice)),
    }
}

/// The slice that a Mac with Apple's own processor runs; on a file without one, what an Intel Mac runs.
fn native<'f, 'a>(file: &'f MachO<'a>) -> Option<&'f Slice<'a>> {
    let order = ["arm64e", "arm64", "x86_64h", "x86_64"];
    let find = |name: &str| file.slices().iter().find(|slice| slice.architecture() == name);
    order.into_iter().find_map(find).or(file.slices().first())
}

/// The UUID in hexadecimal, or where there is none the SHA-1 of the header and load commands.
fn unique(slice: &Slice<'_>) -> String {
    let mut bytes = Vec::new();
    match slice.uuid() {
        Some(uuid) => {
            bytes.extend(UUID_MARK);
            bytes.extend(uuid);
        }
        None => {
            let end = usize::try_from(slice.commands_end).unwrap_or(usize::MAX);
            let commands = slice.bytes().get(..end).unwrap_or_default();
            bytes.extend(HashType::Sha1.of(commands));
        }
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is left of a file name, by codesign's rule.
fn canonical(file_name: &str) -> &str {
    let is_version = |c: char| c.is_ascii_digit() || c == '.';
    let name = match file_name.rsplit_once('.') {
        // The last extension goes, unless it is a number (or nothing).
        Some((stem, extension)) if extension.starts_with(|c: char| !c.is_ascii_digit()) => stem,
        _ => file_name,
    };
    if name.is_empty() || name.starts_with(is_version) {
        return name;
    }
    // `libz3.5`, `libz.3.5` and `libz.` end in a version: of it the first number stays.
    let stem = name.trim_end_matches(is_version);
    let version = name.strip_prefix(stem).unwrap_or_default();
    let dot = usize::from(version.starts_with('.'));
    let digits = version.get(dot..).unwrap_or_default();
    let number =
        digits.len().saturating_sub(digits.trim_start_matches(|c: char| c.is_ascii_digit()).len());
    let size = stem.len().saturating_add(dot).saturating_add(number);
    name.get(..size).unwrap_or(name)
}

/// The `CFBundleIdentifier` of a property list. Only the XML form is read, which is the one that linkers embed.
fn bundle_identifier(plist: &[u8]) -> Option<String> {
    let text = str::from_utf8(plist).ok()?;
    let (_, rest) = text.split_once("<key>CFBundleIdentifier</key>")?;
    let (name, _) = rest.trim_start().strip_prefix("<string>")?.split_once("</string>")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    (!name.is_empty() && name.chars().all(is_plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{bundle_identifier, canonical};

    #[test]
    fn a_file_name_loses_its_extension_and_its_version_but_the_first_number() {
        for (name, expected) in [
            ("libz.1.3.2.dylib", "libz.1"),
            ("libhdf5.320.0.0.dylib", "libhdf5"),
            ("libfrotz7.3.5.dylib", "libfrotz7"),
            ("mumble.77.plugin", "mumble.77"),
            ("rumble.rb", "rumble"),
            ("module2.abi3.so", "module2.abi3"),
            ("_x.cpython-311-darwin.so", "_x.cpython-311-darwin"),
            ("libpng16.16.dylib", "libpng16"),
            ("libz", "libz"),
            ("libz.", "libz."),
            ("libz.1", "libz.1"),
            ("3d.so", "3d"),
            (".hidden.dylib", ".hidden"),
            ("a.1.b.2", "a.1.b.2"),
            ("", ""),
        ] {
            assert_eq!(canonical(name), expected, "{name}");
        }
    }

    #[test]
    fn a_property_list_gives_the_bundle_identifier() {
        let plist = |value: &str| {
            format!("<plist><dict>\n<key>CFBundleIdentifier</key>\n\t{value}\n</dict></plist>")
        };
        let name = |value: &str| bundle_identifier(plist(value).as_bytes());
        assert_eq!(name("<string>org.demo.x-1</string>").as_deref(), Some("org.demo.x-1"));
        assert_eq!(name("<integer>1</integer>"), None);
        assert_eq!(name("<string></string>"), None);
        assert_eq!(bundle_identifier(b"bplist00"), None);
    }
}
