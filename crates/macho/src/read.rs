//! One slice: CPU type, install ID, install names, rpaths, minimum system, signature.
//!
//! Parsing reads the header and the load commands, which is a few kilobytes in a file of any size, and checks
//! that what they point at is in the file. Symbols are read when they are asked for.

use std::ops::Range;

use object::macho as m;
use object::{BigEndian, Endianness};

use crate::command::{LoadCommand, read_commands};
use crate::cpu;
use crate::dylib::{Dylib, DylibKind, read_dylib, read_rpath};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Layout};
use crate::version::{MinimumOs, read_minimum_os};
use crate::window::Window;

/// One CPU of a Mach-O file.
#[derive(Debug, Clone)]
pub struct Slice<'a> {
    /// `cputype`, e.g. `0x0100000c` for ARM64.
    pub cpu_type: u32,
    /// `cpusubtype`, capability bits in the top byte included.
    pub cpu_subtype: u32,
    /// `filetype`, `MH_*`: 2 is a program, 6 a library, 8 a bundle (most Python extensions).
    pub file_type: u32,
    /// `flags`, `MH_*`.
    pub flags: u32,
    /// Where the slice starts, in bytes from the start of the file; 0 for a thin file.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// The power of two it is aligned to in its universal file; 0 for a thin file.
    pub align: u32,
    pub(crate) window: Window<'a>,
    pub(crate) endian: Endianness,
    pub(crate) is_64: bool,
    /// The size of the header, behind which the load commands start.
    pub(crate) header_size: u64,
    /// Where the load commands end, in bytes from the start of the slice.
    pub(crate) commands_end: u64,
    commands: Vec<LoadCommand<'a>>,
    pub(crate) layout: Layout,
    install_id: Option<Dylib<'a>>,
    loads: Vec<Dylib<'a>>,
    rpaths: Vec<&'a str>,
    build_versions: Vec<MinimumOs>,
    uuid: Option<[u8; 16]>,
    code_signature: Option<Range<u64>>,
}

/// What the two headers have in common.
struct Header {
    cpu_type: u32,
    cpu_subtype: u32,
    file_type: u32,
    flags: u32,
    count: u32,
    commands_size: u32,
    size: u64,
    is_64: bool,
    endian: Endianness,
}

impl<'a> Slice<'a> {
    pub(crate) fn parse(window: Window<'a>, offset: u64, align: u32) -> Result<Slice<'a>> {
        let header = read_header(window)?;
        let endian = header.endian;
        let table = (header.count, header.commands_size);
        let commands = read_commands(window, endian, header.size, table)?;
        let layout = layout::check(window, &commands, endian)?;
        let mut slice = Slice {
            cpu_type: header.cpu_type,
            cpu_subtype: header.cpu_subtype,
            file_type: header.file_type,
            flags: header.flags,
            offset,
            size: window.size(),
            align,
            window,
            endian,
            is_64: header.is_64,
            header_size: header.size,
            commands_end: header.size.saturating_add(u64::from(header.commands_size)),
            commands: Vec::new(),
            layout,
            install_id: None,
            loads: Vec::new(),
            rpaths: Vec::new(),
            build_versions: Vec::new(),
            uuid: None,
            code_signature: None,
        };
        for command in &commands {
            slice.take(command)?;
        }
        slice.commands = commands;
        Ok(slice)
    }

    /// Sorts one command into the fields above.
    fn take(&mut self, command: &LoadCommand<'a>) -> Result<()> {
        if let Some(dylib) = read_dylib(command, self.endian)? {
            if dylib.kind != DylibKind::Id {
                self.loads.push(dylib);
            } else if self.install_id.replace(dylib).is_some() {
                // dyld refuses such a file; which of the two is the name cannot be guessed.
                return Err(repeated("LC_ID_DYLIB", command));
            }
        }
        self.rpaths.extend(read_rpath(command, self.endian)?);
        self.build_versions.extend(read_minimum_os(command, self.endian)?);
        if command.is(m::LC_UUID) {
            let raw: &m::UuidCommand<Endianness> = command.read()?;
            if self.uuid.replace(raw.uuid).is_some() {
                return Err(repeated("LC_UUID", command));
            }
        }
        if command.is(m::LC_CODE_SIGNATURE) {
            let place = layout::linkedit_data(command, self.endian)?;
            if self.code_signature.replace(place).is_some() {
                return Err(repeated("LC_CODE_SIGNATURE", command));
            }
        }
        Ok(())
    }

    /// The name Apple's tools give to this CPU: `x86_64`, `x86_64h`, `arm64`, `arm64e`, `i386`, …; `unknown` for
    /// one they have no name for.
    #[must_use]
    pub fn architecture(&self) -> &'static str {
        cpu::architecture(self.cpu_type, self.cpu_subtype)
    }

    /// Whether it is for one of Apple's own processors, which run nothing unsigned.
    #[must_use]
    pub fn is_arm64(&self) -> bool {
        self.cpu_type == m::CPU_TYPE_ARM64.0 || self.cpu_type == m::CPU_TYPE_ARM64_32.0
    }

    /// The file's own name, `LC_ID_DYLIB`. Libraries have one, bundles and programs have none.
    #[must_use]
    pub fn install_id(&self) -> Option<Dylib<'a>> {
        self.install_id
    }

    /// The libraries this slice names, in the order of their commands, which is the order of the ordinals by
    /// which its symbols say where they come from.
    #[must_use]
    pub fn loads(&self) -> &[Dylib<'a>] {
        &self.loads
    }

    /// The `LC_RPATH` entries, in the order dyld tries them.
    #[must_use]
    pub fn rpaths(&self) -> Vec<&'a str> {
        self.rpaths.clone()
    }

    /// The oldest system this slice runs on: macOS where the slice is for macOS and another platform,
    /// otherwise the first platform it names. `None` when it names none.
    #[must_use]
    pub fn minimum_os(&self) -> Option<MinimumOs> {
        let is_macos = |found: &&MinimumOs| found.platform == m::PLATFORM_MACOS.0;
        self.build_versions.iter().find(is_macos).or(self.build_versions.first()).copied()
    }

    /// Every platform the slice names, in order; two in libraries for macOS and Mac Catalyst.
    #[must_use]
    pub fn build_versions(&self) -> &[MinimumOs] {
        &self.build_versions
    }

    /// `PLATFORM_*` of [`minimum_os`](Self::minimum_os).
    #[must_use]
    pub fn platform(&self) -> Option<u32> {
        self.minimum_os().map(|found| found.platform)
    }

    /// The `LC_UUID`. dyld asks for one in libraries and bundles whose SDK is 12 or newer.
    #[must_use]
    pub fn uuid(&self) -> Option<[u8; 16]> {
        self.uuid
    }

    /// Bytes between the end of the load commands and the first content behind them: by how much the commands
    /// may grow. dyld does not notice commands that overlap a section, so nothing may ever grow beyond this.
    #[must_use]
    pub fn header_pad(&self) -> u64 {
        self.layout.first_content.saturating_sub(self.commands_end)
    }

    /// How many bytes the load commands may take, those that are there included.
    pub(crate) fn commands_room(&self) -> u64 {
        self.layout.first_content.saturating_sub(self.header_size)
    }

    /// Whether the slice has an `LC_CODE_SIGNATURE`, valid or not.
    #[must_use]
    pub fn has_code_signature(&self) -> bool {
        self.code_signature.is_some()
    }

    /// Where the signature lies, in bytes from the start of the slice. It is inside the slice.
    #[must_use]
    pub fn code_signature(&self) -> Option<Range<u64>> {
        self.code_signature.clone()
    }

    /// Every load command, in order.
    #[must_use]
    pub fn commands(&self) -> &[LoadCommand<'a>] {
        &self.commands
    }

    /// The slice's own bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.window.bytes()
    }

    /// The byte order of everything in the slice but its signature, which is always big-endian.
    #[must_use]
    pub fn is_little_endian(&self) -> bool {
        self.endian == Endianness::Little
    }

    /// Whether addresses have 64 bits.
    #[must_use]
    pub fn is_64(&self) -> bool {
        self.is_64
    }
}

fn repeated(what: &'static str, command: &LoadCommand<'_>) -> Error {
    ErrorKind::Repeated { what, offset: command.position() }.into()
}

fn read_header(window: Window<'_>) -> Result<Header> {
    let magic: &object::U32<BigEndian> = window.read(0, "magic number")?;
    let magic = magic.get(BigEndian);
    match magic {
        m::MH_MAGIC => header_32(window.read(0, "header")?, Endianness::Big),
        m::MH_CIGAM => header_32(window.read(0, "header")?, Endianness::Little),
        m::MH_MAGIC_64 => header_64(window.read(0, "header")?, Endianness::Big),
        m::MH_CIGAM_64 => header_64(window.read(0, "header")?, Endianness::Little),
        _ => Err(ErrorKind::NotMachO.into()),
    }
}

fn header_32(raw: &m::MachHeader32<Endianness>, endian: Endianness) -> Result<Header> {
    Ok(Header {
        cpu_type: raw.cputype.get(endian).0,
        cpu_subtype: raw.cpusubtype.get(endian).0,
        file_type: raw.filetype.get(endian).0,
        flags: raw.flags.get(endian).0,
        count: raw.ncmds.get(endian),
        commands_size: raw.sizeofcmds.get(endian),
        size: size_of_val(raw) as u64,
        is_64: false,
        endian,
    })
}

fn header_64(raw: &m::MachHeader64<Endianness>, endian: Endianness) -> Result<Header> {
    Ok(Header {
        cpu_type: raw.cputype.get(endian).0,
        cpu_subtype: raw.cpusubtype.get(endian).0,
        file_type: raw.filetype.get(endian).0,
        flags: raw.flags.get(endian).0,
        count: raw.ncmds.get(endian),
        commands_size: raw.sizeofcmds.get(endian),
        size: size_of_val(raw) as u64,
        is_64: true,
        endian,
    })
}
