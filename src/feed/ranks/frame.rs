//! What a rank tells the others.
//!
//! ```text
//! offset  bytes  content
//!      0      4  signature "CFRM"
//!      4      4  format
//!      8      -  the frame, in postcard
//!      -      8  XXH3-64 of all before
//! ```
//! Numbers are little-endian.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::base::id::Ticket;
use crate::event::Feedback;

const SIGNATURE: [u8; 4] = *b"CFRM";
const FORMAT: u32 = 1;
const HEADER: usize = 8;
const CHECKSUM: usize = 8;

/// What a rank asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    Draw,
    Step,
    Exchange,
}

/// What one rank tells the others at an exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    pub rank: u64,
    pub size: u64,
    pub call: Call,
    /// How many exchanges there were before.
    pub exchanges: u64,
    /// How many rounds are drawn at an exchange.
    pub rounds: u64,
    /// What must be the same on all ranks; see [`standing`](super::agreement::standing).
    pub standing: u64,
    /// The version of the model, if it was set.
    pub version: Option<u64>,
    /// How many samples the rank wants.
    pub want: u64,
    /// Both in the order of tickets.
    pub lost: Vec<Ticket>,
    pub feedback: Vec<Feedback>,
}

/// Why the frame of a rank was refused. Nothing has been taken in or drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes do not begin with the signature of a frame.
    #[error("not a frame")]
    NotAFrame,
    /// The rank runs a build with another layout.
    #[error("format {found}, this build reads {supported}")]
    Format {
        /// The layout of the frame.
        found: u32,
        /// The layout that this build reads.
        supported: u32,
    },
    /// The bytes are not those that were sent.
    #[error("checksum {expected:016x} expected, {found:016x} found")]
    Checksum {
        /// The checksum written in the frame.
        expected: u64,
        /// The checksum of its bytes.
        found: u64,
    },
    /// The checksum holds, but the content makes no sense.
    #[error("inconsistent content")]
    Inconsistent,
    /// The transport handed the frame over as that of another rank, or of a group of another size.
    #[error("it is that of rank {} of {}, handed over as rank {} of {}", found.0, found.1, expected.0, expected.1)]
    Place {
        /// The rank that it was handed over as, and the size of the group.
        expected: (u64, u64),
        /// What it says of itself.
        found: (u64, u64),
    },
}

impl Frame {
    /// As bytes; none if a number cannot be written, which does not happen.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let header = [SIGNATURE, FORMAT.to_le_bytes()].concat();
        let mut bytes = postcard::to_extend(self, header).ok()?;
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        Some(bytes)
    }

    /// Reads the frame that was handed over as that of a rank.
    pub fn decode(bytes: &[u8], rank: usize, size: usize) -> Result<Self, FrameError> {
        let after = bytes.strip_prefix(&SIGNATURE).ok_or(FrameError::NotAFrame)?;
        let (format, _) = after.split_first_chunk().ok_or(FrameError::NotAFrame)?;
        let found = u32::from_le_bytes(*format);
        if found != FORMAT {
            return Err(FrameError::Format { found, supported: FORMAT });
        }
        let (content, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(FrameError::NotAFrame)?;
        let body = content.get(HEADER..).ok_or(FrameError::NotAFrame)?;
        let (expected, found) = (u64::from_le_bytes(*checksum), xxh3_64(content));
        if expected != found {
            return Err(FrameError::Checksum { expected, found });
        }
        let (frame, rest) =
            postcard::take_from_bytes::<Self>(body).map_err(|_| FrameError::Inconsistent)?;
        if !rest.is_empty() {
            return Err(FrameError::Inconsistent);
        }
        let (expected, found) = ((rank as u64, size as u64), (frame.rank, frame.size));
        if expected == found { Ok(frame) } else { Err(FrameError::Place { expected, found }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;

    fn frame() -> Frame {
        let seen = |ticket| Feedback::new(Ticket(ticket), Outcome::default().success(0.25).rollouts(8));
        Frame {
            rank: 2,
            size: 5,
            call: Call::Draw,
            exchanges: 9,
            rounds: 1,
            standing: 0x0123_4567_89ab_cdef,
            version: Some(7),
            want: 33,
            lost: vec![Ticket(5)],
            feedback: vec![seen(3), seen(70_000)],
        }
    }

    #[test]
    fn what_is_sent_is_read() {
        let bytes = frame().encode().unwrap();
        assert_eq!(Frame::decode(&bytes, 2, 5), Ok(frame()));
        let place = |rank, size| Frame::decode(&bytes, rank, size).unwrap_err();
        let wrong = |expected| FrameError::Place { expected, found: (2, 5) };
        assert_eq!((place(1, 5), place(2, 4)), (wrong((1, 5)), wrong((2, 4))));
    }

    /// Each bit counts, and each byte: nothing that was changed, cut off or added is read.
    #[test]
    fn nothing_else_is_read() {
        let good = frame().encode().unwrap();
        let refused = |bytes: &[u8]| Frame::decode(bytes, 2, 5).unwrap_err();
        for bit in 0..8 * good.len() {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = refused(&bytes);
            match bit / 8 {
                0..4 => assert_eq!(error, FrameError::NotAFrame),
                4..8 => assert!(matches!(error, FrameError::Format { supported: 1, .. })),
                _ => assert!(matches!(error, FrameError::Checksum { .. }), "bit {bit}: {error}"),
            }
        }
        for length in 0..good.len() {
            let error = refused(&good[..length]);
            assert!(matches!(error, FrameError::NotAFrame | FrameError::Checksum { .. }), "{error}");
        }
        let longer = [&good[..], &[0]].concat();
        assert!(matches!(refused(&longer), FrameError::Checksum { .. }));
    }

    /// A checksum that holds does not make sense of nonsense.
    #[test]
    fn nonsense_is_told() {
        let good = frame().encode().unwrap();
        let sealed = |content: &[u8]| [content, &xxh3_64(content).to_le_bytes()].concat();
        let content = &good[..good.len() - 8];
        for bytes in [sealed(&content[..content.len() - 1]), sealed(&[content, &[0]].concat())] {
            assert_eq!(Frame::decode(&bytes, 2, 5), Err(FrameError::Inconsistent));
        }
        // A list that claims to be longer than memory.
        let endless = [&content[..8], &[0xff; 40]].concat();
        assert_eq!(Frame::decode(&sealed(&endless), 2, 5), Err(FrameError::Inconsistent));
    }
}
