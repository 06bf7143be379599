//! A reader of Mach-O files for tests, by hand from `<mach-o/loader.h>` and `<mach-o/fat.h>`: it shares nothing with
//! the reader and the editor that are tested. It takes well-formed 64-bit little-endian files, and panics at others.

/// What dyld looks at in one slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MachSlice {
    /// `x86_64` or `arm64`.
    pub(crate) cpu: &'static str,
    /// `MH_*`: 2 a program, 6 a library, 8 a bundle.
    pub(crate) file_type: u32,
    /// `LC_ID_DYLIB`.
    pub(crate) id: Option<String>,
    /// Install names in order, weak ones marked.
    pub(crate) loads: Vec<(String, bool)>,
    /// `LC_RPATH`, in order.
    pub(crate) rpaths: Vec<String>,
    /// Where it starts in its file.
    pub(crate) offset: usize,
    /// Has an `LC_CODE_SIGNATURE`.
    pub(crate) is_signed: bool,
}

const CPU_X86_64: u32 = 0x0100_0007;
const CPU_ARM64: u32 = 0x0100_000c;
const FAT: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];
const THIN: [u8; 4] = [0xcf, 0xfa, 0xed, 0xfe];

/// The slices of a file; none of what is no Mach-O file.
pub(crate) fn slices(bytes: &[u8]) -> Vec<MachSlice> {
    let big =
        |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    if bytes.starts_with(&FAT) {
        let records = (0..big(4)).map(|index| 8 + index * 20);
        return records
            .map(|at| slice(&bytes[big(at + 8)..][..big(at + 12)], big(at + 8)))
            .collect();
    }
    if bytes.starts_with(&THIN) { vec![slice(bytes, 0)] } else { Vec::new() }
}

fn slice(bytes: &[u8], offset: usize) -> MachSlice {
    assert!(bytes.starts_with(&THIN), "a 64-bit little-endian slice");
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let mut slice = MachSlice {
        cpu: match word(4) {
            CPU_X86_64 => "x86_64",
            CPU_ARM64 => "arm64",
            other => panic!("CPU type {other:#x}"),
        },
        file_type: word(12),
        id: None,
        loads: Vec::new(),
        rpaths: Vec::new(),
        offset,
        is_signed: false,
    };
    let mut at = 32;
    for _ in 0..word(16) {
        let size = word(at + 4) as usize;
        let text = || {
            let text = &bytes[at + word(at + 8) as usize..at + size];
            let end = text.iter().position(|byte| *byte == 0).expect("a string that ends");
            String::from_utf8(text[..end].to_vec()).expect("text")
        };
        // LC_REQ_DYLD marks commands that dyld must know.
        match word(at) & 0x7fff_ffff {
            0xd => slice.id = Some(text()),
            0xc | 0x1f | 0x20 | 0x23 => slice.loads.push((text(), false)),
            0x18 => slice.loads.push((text(), true)),
            0x1c => slice.rpaths.push(text()),
            0x1d => slice.is_signed = true,
            _ => {}
        }
        at += size;
    }
    slice
}
