//! A library that is deflated by whichever threads have nothing better to do.
//!
//! Deflate is most of a repair's work, and nothing before the writing of the wheel waits for it. So
//! it begins when a library is read, and its pieces fill the time in which the other threads would
//! wait for hashes, the plan and the edits. Whoever needs the pieces helps with those that are left.
//!
//! What comes out does not hang on who did it, or when: each piece is deflated for itself.

use std::ops::Range;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Weak};

use rayon::Yield;
use truewheel_wheel::deflate::{self, Piece};

use crate::error::Result;

type Done = std::result::Result<Piece, truewheel_wheel::Error>;

/// Contents, and the pieces of them that are deflated so far. Dropped, those that no thread has
/// begun are left.
#[derive(Debug)]
pub(crate) struct Deflating {
    /// The only owner: jobs that find it gone do nothing.
    bytes: Arc<Vec<u8>>,
    pieces: Receiver<Done>,
}

impl Deflating {
    /// Takes `bytes` and sets about deflating them, all but the first piece and the last: every edit
    /// touches those, for program headers are at the beginning of a file, and section headers and
    /// what is appended at its end.
    pub(crate) fn begin(bytes: Vec<u8>, level: u32) -> Self {
        let len = bytes.len();
        let bytes = Arc::new(bytes);
        let (sender, pieces) = mpsc::channel();
        for range in deflate::pieces(len) {
            if is_begun(&range, len) {
                let (bytes, sender) = (Arc::downgrade(&bytes), sender.clone());
                rayon::spawn_fifo(move || deflate_piece(&bytes, range, level, &sender));
            }
        }
        Self { bytes, pieces }
    }

    /// The contents.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the piece at `range` is among those that were set about.
    pub(crate) fn has(&self, range: &Range<usize>) -> bool {
        is_begun(range, self.bytes.len())
    }

    /// The pieces that were set about, in no order, when all are done.
    pub(crate) fn finish(self) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        loop {
            let next = match self.pieces.try_recv() {
                Ok(piece) => piece,
                Err(TryRecvError::Disconnected) => return Ok(pieces),
                // Nothing left that this thread could do: other threads have the last ones, and a
                // thread that has a piece is not waiting for anything.
                Err(TryRecvError::Empty) if rayon::yield_now() != Some(Yield::Executed) => {
                    match self.pieces.recv() {
                        Ok(piece) => piece,
                        Err(mpsc::RecvError) => return Ok(pieces),
                    }
                }
                Err(TryRecvError::Empty) => continue,
            };
            pieces.push(next?);
        }
    }
}

fn is_begun(range: &Range<usize>, len: usize) -> bool {
    range.start > 0 && range.end < len
}

fn deflate_piece(bytes: &Weak<Vec<u8>>, range: Range<usize>, level: u32, to: &Sender<Done>) {
    if let Some(bytes) = bytes.upgrade() {
        // Nobody to take it: the repair came to another end.
        let _ = to.send(deflate::compress_piece(&bytes, range, level));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pieces_but_the_first_and_the_last_are_deflated() {
        let bytes: Vec<u8> = (0..5_300_000_u32).map(|i| (i / 7 % 251) as u8).collect();
        let ranges = deflate::pieces(bytes.len());
        let begun = Deflating::begin(bytes.clone(), 1);
        assert_eq!(begun.bytes(), bytes);
        let mut pieces = begun.finish().unwrap();
        let whole =
            |range: &Range<usize>| deflate::compress_piece(&bytes, range.clone(), 1).unwrap();
        for end in [0, ranges.len() - 1] {
            pieces.push(whole(&ranges[end]));
        }
        pieces.sort_by_key(|piece| piece.range().start);
        let expected: Vec<Piece> = ranges.iter().map(whole).collect();
        assert_eq!(deflate::join(pieces).unwrap(), deflate::join(expected).unwrap());
    }

    #[test]
    fn contents_of_one_piece_or_none_are_left_to_the_end() {
        for len in [0, 5] {
            assert_eq!(Deflating::begin(vec![0; len], 6).finish().unwrap().len(), 0);
        }
    }

    #[test]
    fn a_level_that_there_is_not_is_refused_at_the_end() {
        let error = Deflating::begin(vec![0; 3_500_000], 13).finish().unwrap_err();
        assert_eq!(error.to_string(), "deflate level 13, it should be 0 to 12");
    }
}
