//! Load commands: each with its number, its place and its bytes.
//!
//! `<mach-o/loader.h>`: `ncmds` commands follow the header, `sizeofcmds` bytes together; each starts with `cmd`
//! and `cmdsize`. dyld refuses a table whose commands do not add up to `sizeofcmds`, so we do.

use object::Endianness;
use object::macho as m;
use object::pod::Pod;

use crate::error::{ErrorKind, Result};
use crate::window::Window;

/// One load command as it stands in the file.
#[derive(Debug, Clone, Copy)]
pub struct LoadCommand<'a> {
    /// Its number, `LC_*`, with the `LC_REQ_DYLD` bit where it has one.
    pub command: u32,
    /// Where it starts, in bytes from the start of its slice.
    pub offset: u64,
    window: Window<'a>,
}

impl<'a> LoadCommand<'a> {
    /// All its bytes, `cmd` and `cmdsize` included.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.window.bytes()
    }

    /// Whether this is the command `number`.
    pub(crate) fn is(&self, number: m::LoadCommandType) -> bool {
        self.command == number.0
    }

    /// Where it starts, in bytes from the start of the file.
    pub(crate) fn position(&self) -> u64 {
        self.window.position(0)
    }

    /// Its fixed part.
    pub(crate) fn read<T: Pod>(&self) -> Result<&'a T> {
        match self.window.read(0, "load command") {
            Ok(value) => Ok(value),
            Err(_) => Err(self.bad_size()),
        }
    }

    /// The structure `T` at `offset` in the command.
    pub(crate) fn read_at<T: Pod>(&self, offset: u64, what: &'static str) -> Result<&'a T> {
        self.window.read(offset, what)
    }

    /// The string (`lc_str`) that starts `string` bytes into the command, behind its fixed part.
    pub(crate) fn string(&self, string: u32, fixed: usize, what: &'static str) -> Result<&'a str> {
        if (string as usize) < fixed || u64::from(string) >= self.window.size() {
            return Err(ErrorKind::StringOffset { offset: self.position(), string }.into());
        }
        self.window.string(u64::from(string), what)
    }

    fn bad_size(&self) -> crate::Error {
        // The window was cut to `cmdsize`, which is 32 bits wide.
        let size = u32::try_from(self.window.size()).unwrap_or(u32::MAX);
        ErrorKind::CommandSize { offset: self.position(), command: self.command, size }.into()
    }
}

/// Reads the `count` commands that fill `size` bytes at `start`.
pub(crate) fn read_commands(
    slice: Window<'_>,
    endian: Endianness,
    start: u64,
    (count, size): (u32, u32),
) -> Result<Vec<LoadCommand<'_>>> {
    let table = slice.part(start, u64::from(size), "load commands")?;
    let mut commands = Vec::new();
    let mut offset = 0_u64;
    // A lying count cannot cost more than the table: every command takes at least eight bytes of it.
    for _ in 0..count {
        let head: &m::LoadCommand<Endianness> = table.read(offset, "load command")?;
        let (command, size) = (head.cmd.get(endian).0, head.cmdsize.get(endian));
        let position = table.position(offset);
        let fits = table.size().saturating_sub(offset) >= u64::from(size);
        // 32-bit files round commands to 4 bytes, 64-bit files to 8; dyld asks for neither, so old tools'
        // 64-bit files with 4 are read.
        if (size as usize) < size_of_val(head) || !size.is_multiple_of(4) || !fits {
            return Err(ErrorKind::CommandSize { offset: position, command, size }.into());
        }
        let window = table.part(offset, u64::from(size), "load command")?;
        commands.push(LoadCommand { command, offset: start.saturating_add(offset), window });
        offset = offset.saturating_add(u64::from(size));
    }
    if offset != table.size() {
        return Err(ErrorKind::CommandsSize { stated: table.size(), found: offset }.into());
    }
    Ok(commands)
}
