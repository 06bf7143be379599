//! The load commands of one slice while they are being changed.
//!
//! A list of commands, each with its own bytes: what is not changed keeps them to the last one, padding and fields
//! that nobody has named yet included. Only little-endian slices are edited; macOS has run no other since 10.6.

use std::borrow::Cow;

use object::macho as m;

use crate::command::LoadCommand;
use crate::error::{Error, ErrorKind, Result};
use crate::read::Slice;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command<'a> {
    /// Its number, `LC_*`.
    pub(crate) number: u32,
    /// All its bytes, `cmd` and `cmdsize` included.
    pub(crate) bytes: Cow<'a, [u8]>,
}

/// All commands, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table<'a> {
    pub(crate) commands: Vec<Command<'a>>,
    /// What the size of a command is a multiple of.
    align: usize,
}

/// The offset of the string's offset in commands that have one: a `dylib_command`, an `rpath_command`.
const STRING_OFFSET: usize = 8;
/// The size of an `rpath_command` without its string.
const RPATH_SIZE: u32 = 12;

impl<'a> Table<'a> {
    /// The commands as they stand in `slice`.
    pub(crate) fn read(slice: &Slice<'a>) -> Result<Self> {
        if !slice.is_little_endian() {
            return Err(Error::not_editable(slice.architecture(), "it is big-endian"));
        }
        let command = |command: &LoadCommand<'a>| Command {
            number: command.command,
            bytes: Cow::Borrowed(command.bytes()),
        };
        let align = if slice.is_64() { 8 } else { 4 };
        Ok(Self { commands: slice.commands().iter().map(command).collect(), align })
    }

    /// `sizeofcmds`.
    pub(crate) fn size(&self) -> u64 {
        self.commands.iter().map(|command| command.bytes.len() as u64).sum()
    }

    /// All bytes of all commands.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.commands.iter().flat_map(|command| command.bytes.iter().copied()).collect()
    }

    /// An `LC_RPATH`.
    pub(crate) fn rpath(&self, path: &str) -> Result<Command<'static>> {
        let number = m::LC_RPATH.0;
        let mut bytes = number.to_le_bytes().to_vec();
        bytes.extend([0; 4]);
        bytes.extend(RPATH_SIZE.to_le_bytes());
        let bytes = self.with_string(&bytes, path)?;
        Ok(Command { number, bytes: Cow::Owned(bytes) })
    }

    /// `bytes` with another string behind the fixed part, whose size and fields stay: a `dylib_use_command` has
    /// flags there, and an older command has none.
    pub(crate) fn with_string(&self, bytes: &[u8], string: &str) -> Result<Vec<u8>> {
        let start = field(bytes, STRING_OFFSET).and_then(|at| usize::try_from(at).ok());
        let fixed = start.and_then(|start| bytes.get(..start));
        let Some(fixed) = fixed else {
            return Err(Error::unproven("a load command is shorter than its fixed part"));
        };
        let mut new = fixed.to_vec();
        new.extend_from_slice(string.as_bytes());
        // The NUL, and zeros up to the next command.
        let size = new.len().saturating_add(1).next_multiple_of(self.align);
        new.resize(size, 0);
        let size = u32::try_from(size)
            .map_err(|_| ErrorKind::TooLarge { what: "a load command", size: size as u64 })?;
        set_field(&mut new, 4, &size.to_le_bytes())?;
        Ok(new)
    }
}

impl Command<'_> {
    pub(crate) fn is(&self, number: m::LoadCommandType) -> bool {
        self.number == number.0
    }

    /// The string behind the fixed part; parsing has made sure that it is there.
    pub(crate) fn string(&self) -> Option<&str> {
        let start = usize::try_from(field(&self.bytes, STRING_OFFSET)?).ok()?;
        let rest = self.bytes.get(start..)?;
        let end = rest.iter().position(|&byte| byte == 0)?;
        str::from_utf8(rest.get(..end)?).ok()
    }

    /// Whether it names a library that the slice needs.
    pub(crate) fn is_load(&self) -> bool {
        [
            m::LC_LOAD_DYLIB,
            m::LC_LOAD_WEAK_DYLIB,
            m::LC_REEXPORT_DYLIB,
            m::LC_LAZY_LOAD_DYLIB,
            m::LC_LOAD_UPWARD_DYLIB,
        ]
        .iter()
        .any(|&number| self.is(number))
    }
}

/// The 32-bit field at `offset`.
pub(crate) fn field(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// Writes a field that the command is known to have.
pub(crate) fn set_field(bytes: &mut [u8], offset: usize, value: &[u8]) -> Result<()> {
    let end = offset.saturating_add(value.len());
    match bytes.get_mut(offset..end) {
        Some(target) => {
            target.copy_from_slice(value);
            Ok(())
        }
        None => Err(Error::unproven("a load command is shorter than its fixed part")),
    }
}
