//! How ranks hand each other their frames.

use crate::base::error::Result;

/// The all-gather of the trainer's own engine: what ranks hand each other their frames with. curricle opens no
/// socket.
///
/// A transport of one's own is one `impl`, as over a process group of the trainer. Bytes have to arrive as they were
/// sent, in the order of ranks; what does not is found out by checksum, place and digest, and reported by rank.
///
/// ```
/// use curricle::Result;
/// use curricle::feed::ranks::{Alone, Exchange};
///
/// /// Counts what goes over the wire.
/// struct Counted<X> {
///     inner: X,
///     bytes: usize,
/// }
///
/// impl<X: Exchange> Exchange for Counted<X> {
///     fn rank(&self) -> usize {
///         self.inner.rank()
///     }
///
///     fn size(&self) -> usize {
///         self.inner.size()
///     }
///
///     fn all_gather(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>> {
///         let frames = self.inner.all_gather(frame)?;
///         self.bytes += frames.iter().map(Vec::len).sum::<usize>();
///         Ok(frames)
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let mut counted = Counted { inner: Alone, bytes: 0 };
/// assert_eq!(counted.all_gather(b"frame")?, [b"frame"]);
/// assert_eq!(counted.bytes, 5);
/// # Ok(()) }
/// ```
pub trait Exchange {
    /// The number of this rank, from 0, below [`size`](Self::size).
    fn rank(&self) -> usize;

    /// How many ranks there are, at least 1; the same on all of them.
    fn size(&self) -> usize;

    /// Gives a frame to all ranks and returns the frames of all, by rank, this one's among them. Every rank calls it
    /// equally often; it returns when all have. Frames may differ in length.
    ///
    /// # Errors
    /// [`Error::Transport`](crate::Error::Transport) with what the engine says,
    /// [`Error::RankGone`](crate::Error::RankGone) where a rank will not come any more.
    fn all_gather(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>>;
}

/// One rank, which has nobody to talk to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Alone;

impl Exchange for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn all_gather(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>> {
        Ok(vec![frame.to_vec()])
    }
}
