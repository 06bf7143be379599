//! The archive around the objects: its headers, and the lists of symbols with the offsets of their objects.

use std::collections::BTreeMap;

use crate::error::{ErrorKind, Result};

const MAGIC: &[u8] = b"!<arch>\n";
/// Name, date, user, group, mode, size and `` `\n ``, in ASCII.
const HEADER: usize = 60;

/// What a member is for, told by its name and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The first linker member: offsets and names in big-endian order, by offset.
    First,
    /// The second linker member: offsets, then an index into those for each name, sorted by name.
    Second,
    /// `/<ECSYMBOLS>/`: indices and names as in the second, for ARM64EC.
    Ec,
    /// Long names of members, and what this crate does not know.
    Other,
    Object,
}

/// One member of an archive.
pub(super) struct Member<'a> {
    offset: usize,
    header: &'a [u8],
    role: Role,
    pub(super) body: &'a [u8],
    edited: Option<Vec<u8>>,
}

/// An archive as `ar` and `lib` write it.
pub(super) struct Archive<'a> {
    members: Vec<Member<'a>>,
}

type Renames = BTreeMap<Vec<u8>, Vec<u8>>;

fn wrong(what: &'static str, offset: usize) -> crate::Error {
    ErrorKind::Archive { what, offset: offset as u64 }.into()
}

impl<'a> Archive<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        if !bytes.starts_with(MAGIC) {
            return Err(wrong("`!<arch>`", 0));
        }
        let mut members: Vec<Member<'a>> = Vec::new();
        let mut offset = MAGIC.len();
        while offset < bytes.len() {
            let member = Self::member(bytes, offset, &members)?;
            let end = offset + HEADER + member.body.len();
            members.push(member);
            offset = end.next_multiple_of(2);
        }
        Ok(Self { members })
    }

    fn member(bytes: &'a [u8], offset: usize, before: &[Member<'a>]) -> Result<Member<'a>> {
        let start = offset.saturating_add(HEADER);
        let header = bytes.get(offset..start).filter(|header| header.ends_with(b"`\n"));
        let header = header.ok_or_else(|| wrong("the header of a member", offset))?;
        let size = header.get(48..58).and_then(|field| std::str::from_utf8(field).ok());
        let size = size.and_then(|text| text.trim_end().parse::<usize>().ok());
        let end = size.and_then(|size| start.checked_add(size));
        let body = end.and_then(|end| bytes.get(start..end));
        let body = body.ok_or_else(|| wrong("the size of a member", offset))?;
        let name = header.get(..16).unwrap_or_default().trim_ascii_end();
        let is_there = |role: Role| before.iter().any(|member| member.role == role);
        let role = match name {
            b"/" if !is_there(Role::First) => Role::First,
            b"/" if !is_there(Role::Second) => Role::Second,
            b"/<ECSYMBOLS>/" => Role::Ec,
            b"/" | b"/SYM64/" => return Err(wrong("a list of symbols of an unknown form", offset)),
            _ if name.starts_with(b"__.SYMDEF") || name.starts_with(b"#1/") => {
                return Err(wrong("a member of a BSD archive", offset));
            }
            b"//" => Role::Other,
            _ if name.starts_with(b"/<") => Role::Other,
            _ => Role::Object,
        };
        Ok(Member { offset, header, role, body, edited: None })
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter().filter(|member| member.role == Role::Object)
    }

    pub(super) fn edit_objects(
        &mut self,
        edit: impl Fn(&[u8]) -> Result<Option<Vec<u8>>>,
    ) -> Result<()> {
        for member in self.members.iter_mut().filter(|member| member.role == Role::Object) {
            member.edited = edit(member.body)?;
        }
        Ok(())
    }

    /// The archive with its edits, and symbols of other names.
    pub(super) fn write(&self, renames: &Renames) -> Result<Vec<u8>> {
        // What a list says of offsets does not change its size.
        let mut moved = BTreeMap::new();
        let mut offset = MAGIC.len();
        for member in &self.members {
            moved.insert(member.offset, offset);
            let size = match member.role {
                Role::First | Role::Second | Role::Ec => member.list(renames, &Ok)?.len(),
                Role::Other | Role::Object => member.contents().len(),
            };
            offset += HEADER + size.next_multiple_of(2);
        }
        let to_new = |old: u32| -> Result<u32> {
            let old = usize::try_from(old).unwrap_or(usize::MAX);
            let new = moved.get(&old).ok_or_else(|| wrong("the offset of a symbol", old))?;
            u32::try_from(*new).map_err(|_| ErrorKind::TooLarge.into())
        };
        let mut bytes = MAGIC.to_vec();
        for member in &self.members {
            match member.role {
                Role::First | Role::Second | Role::Ec => {
                    member.write(&member.list(renames, &to_new)?, &mut bytes)?;
                }
                Role::Other | Role::Object => member.write(member.contents(), &mut bytes)?,
            }
        }
        Ok(bytes)
    }
}

impl Member<'_> {
    fn contents(&self) -> &[u8] {
        self.edited.as_deref().unwrap_or(self.body)
    }

    fn write(&self, contents: &[u8], bytes: &mut Vec<u8>) -> Result<()> {
        let size = format!("{:<10}", contents.len());
        if size.len() > 10 {
            return Err(ErrorKind::TooLarge.into());
        }
        bytes.extend_from_slice(self.header.get(..48).unwrap_or_default());
        bytes.extend_from_slice(size.as_bytes());
        bytes.extend_from_slice(self.header.get(58..).unwrap_or_default());
        bytes.extend_from_slice(contents);
        if contents.len() % 2 == 1 {
            bytes.push(b'\n');
        }
        Ok(())
    }

    /// A list of symbols with other names and offsets.
    fn list(&self, renames: &Renames, to_new: &dyn Fn(u32) -> Result<u32>) -> Result<Vec<u8>> {
        let mut cursor = Cursor { rest: self.body, offset: self.offset };
        let mut bytes = Vec::with_capacity(self.body.len());
        if self.role == Role::First {
            let count = u32::from_be_bytes(cursor.take()?);
            bytes.extend(count.to_be_bytes());
            for _ in 0..count {
                bytes.extend(to_new(u32::from_be_bytes(cursor.take()?))?.to_be_bytes());
            }
            for _ in 0..count {
                push(&mut bytes, renamed(cursor.name()?, renames));
            }
            return Ok(bytes);
        }
        if self.role == Role::Second {
            let count = u32::from_le_bytes(cursor.take()?);
            bytes.extend(count.to_le_bytes());
            for _ in 0..count {
                bytes.extend(to_new(u32::from_le_bytes(cursor.take()?))?.to_le_bytes());
            }
        }
        let count = u32::from_le_bytes(cursor.take()?);
        bytes.extend(count.to_le_bytes());
        let mut indices = Vec::new();
        for _ in 0..count {
            indices.push(cursor.take::<2>()?);
        }
        let mut symbols = Vec::new();
        for index in indices {
            symbols.push((renamed(cursor.name()?, renames), index));
        }
        // Linkers look names up by halves; a name that is there twice keeps its order.
        symbols.sort_by(|a, b| a.0.cmp(b.0));
        bytes.extend(symbols.iter().flat_map(|(_, index)| *index));
        for (name, _) in symbols {
            push(&mut bytes, name);
        }
        Ok(bytes)
    }
}

fn renamed<'a>(name: &'a [u8], renames: &'a Renames) -> &'a [u8] {
    renames.get(name).map_or(name, Vec::as_slice)
}

fn push(bytes: &mut Vec<u8>, name: &[u8]) {
    bytes.extend_from_slice(name);
    bytes.push(0);
}

/// What of a list was not read yet.
struct Cursor<'a> {
    rest: &'a [u8],
    /// Of the member in the archive, for errors.
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (first, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| wrong("a list of symbols that ends early", self.offset))?;
        self.rest = rest;
        Ok(*first)
    }

    fn name(&mut self) -> Result<&'a [u8]> {
        let mut parts = self.rest.splitn(2, |byte| *byte == 0);
        let (Some(name), Some(rest)) = (parts.next(), parts.next()) else {
            return Err(wrong("a list of symbols that ends early", self.offset));
        };
        self.rest = rest;
        Ok(name)
    }
}
