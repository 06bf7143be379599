//! The export trie: the names dyld can bind to.
//!
//! `LC_DYLD_EXPORTS_TRIE` or `export_off` of `LC_DYLD_INFO`. A node is a ULEB128 size of its terminal part (0 for
//! none), that part, a count of edges, and for each edge a NUL-terminated piece of name and the ULEB128 offset of
//! the node it leads to. A name is the pieces from the root to a node with a terminal part.
//!
//! A trie is a tree by its definition, so each node is entered once: an offset that comes a second time is a lie,
//! and without this rule a loop would never end. Names may be far longer together than the trie, as in any prefix
//! tree; their sum is bounded.

use crate::error::{ErrorKind, Result};
use crate::window::Window;

/// How many times its own size a trie's names may have together. In 553 slices of numpy, scipy, pillow and h5py the
/// largest is 2.4; long C++ names that differ at the end reach more.
const MAX_EXPANSION: u64 = 64;
/// A single deep trie of a few bytes is allowed this many bytes of names.
const MIN_NAMES: u64 = 1 << 16;

/// An edge still to be followed.
struct Edge<'a> {
    /// Where the node starts, in bytes from the start of the trie.
    node: u64,
    /// How much of the current name stands before this edge.
    prefix: usize,
    /// The piece of name that the edge adds.
    piece: &'a [u8],
}

/// Every exported name, in the order of the trie.
pub(crate) fn read_trie(trie: Window<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    if trie.size() == 0 {
        return Ok(names);
    }
    let limit = trie.size().saturating_mul(MAX_EXPANSION).max(MIN_NAMES);
    let mut left = limit;
    let mut seen = vec![false; trie.bytes().len()];
    let mut name = Vec::new();
    let mut edges = vec![Edge { node: 0, prefix: 0, piece: b"" }];
    while let Some(edge) = edges.pop() {
        enter(trie, &mut seen, edge.node)?;
        name.truncate(edge.prefix);
        name.extend_from_slice(edge.piece);
        let mut cursor = Cursor { trie, offset: edge.node };
        let terminal_size = cursor.uleb128()?;
        let children = cursor.offset.saturating_add(terminal_size);
        trie.part(cursor.offset, terminal_size, "export")?;
        // Work as well as memory: a name is also paid for when it is only passed through.
        left = left.checked_sub(edge.piece.len() as u64).ok_or(too_long(trie, limit))?;
        if terminal_size != 0 {
            left = left.checked_sub(name.len() as u64).ok_or(too_long(trie, limit))?;
            let text = str::from_utf8(&name).map_err(|_| ErrorKind::NotUtf8 {
                what: "exported name",
                offset: trie.position(edge.node),
            })?;
            names.push(text.to_owned());
        }
        cursor.offset = children;
        push_children(&mut cursor, name.len(), &mut edges)?;
    }
    Ok(names)
}

/// Marks a node as entered.
fn enter(trie: Window<'_>, seen: &mut [bool], node: u64) -> Result<()> {
    // The offset is inside the trie, or there is no such node.
    trie.part(node, 1, "export trie node")?;
    let mark = usize::try_from(node).ok().and_then(|node| seen.get_mut(node));
    match mark {
        Some(mark) if !*mark => {
            *mark = true;
            Ok(())
        }
        _ => Err(ErrorKind::TrieNotATree { offset: trie.position(node) }.into()),
    }
}

fn push_children<'a>(
    cursor: &mut Cursor<'a>,
    prefix: usize,
    edges: &mut Vec<Edge<'a>>,
) -> Result<()> {
    let first = edges.len();
    for _ in 0..cursor.byte()? {
        let piece = cursor.piece()?;
        let node = cursor.uleb128()?;
        edges.push(Edge { node, prefix, piece });
    }
    // The last one pushed is the first to be followed.
    if let Some(pushed) = edges.get_mut(first..) {
        pushed.reverse();
    }
    Ok(())
}

fn too_long(trie: Window<'_>, limit: u64) -> ErrorKind {
    ErrorKind::NamesTooLong { what: "export trie", offset: trie.position(0), limit }
}

/// A place in the trie that moves on as it is read.
struct Cursor<'a> {
    trie: Window<'a>,
    offset: u64,
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Result<u8> {
        let byte: &u8 = self.trie.read(self.offset, "export trie node")?;
        self.offset = self.offset.saturating_add(1);
        Ok(*byte)
    }

    /// A piece of a name. It need not be text of its own: names may part within a character.
    fn piece(&mut self) -> Result<&'a [u8]> {
        let text = self.trie.until_nul(self.offset, "exported name")?;
        self.offset = self.offset.saturating_add(text.len() as u64).saturating_add(1);
        Ok(text)
    }

    /// A ULEB128 number: seven bits a byte, lowest first, the top bit says that more follow.
    fn uleb128(&mut self) -> Result<u64> {
        let start = self.trie.position(self.offset);
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has one bit left to give.
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ErrorKind::NumberTooLong { offset: start }.into())
    }
}
