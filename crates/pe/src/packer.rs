//! Packed files, by the names that packers give to sections.
//!
//! A packer compresses a whole image and leaves a loader of its own with a short import table. When that has
//! unpacked the image it looks up the real imports itself, by names that no edit reaches. So such a file must not
//! be renamed in: its import table would say one name and the hidden one another.

use crate::section::Section;

const PACKERS: [(&[u8], &str); 12] = [
    (b"UPX0", "UPX"),
    (b"UPX1", "UPX"),
    (b"UPX!", "UPX"),
    (b".aspack", "ASPack"),
    (b".MPRESS1", "MPRESS"),
    (b".MPRESS2", "MPRESS"),
    (b".petite", "Petite"),
    (b".nsp0", "NsPack"),
    (b"pec1", "PECompact"),
    (b"PEC2", "PECompact"),
    (b".themida", "Themida"),
    (b".enigma1", "Enigma Protector"),
];

/// Who packed a file with these sections.
pub(crate) fn packer(sections: &[Section<'_>]) -> Option<&'static str> {
    let name = |section: &Section<'_>| {
        let found = PACKERS.iter().find(|(name, _)| *name == section.name);
        found.map(|(_, packer)| *packer)
    };
    sections.iter().find_map(name)
}
