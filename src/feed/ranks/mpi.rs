//! Ranks that are processes of MPI.

use mpi::Count;
use mpi::datatype::PartitionMut;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

use super::Exchange;
use crate::base::error::{Error, Result};

/// A rank of a communicator of MPI (feature `mpi`), by two all-gathers: of lengths, and of frames.
///
/// A communicator of its own, as `duplicate` makes it, keeps the frames apart from what the trainer sends. Whoever
/// initialises MPI says what its threads may do; this rank stays on one. MPI ends all processes where it fails,
/// unless it is told otherwise; so does a process that dies.
///
/// ```no_run
/// use curricle::feed::ranks::{Mpi, Replicated};
/// use curricle::{Curriculum, Feed};
/// use mpi::traits::Communicator;
///
/// # fn main() -> curricle::Result<()> {
/// let universe = mpi::initialize().expect("the first call of MPI");
/// let world = universe.world();
/// let mut feed = Replicated::new(Curriculum::builder(100).build()?, Mpi::new(world.duplicate()));
/// let batch = feed.draw(4)?;
/// # Ok(()) }
/// ```
pub struct Mpi<C = SimpleCommunicator> {
    communicator: C,
    lengths: Vec<Count>,
    starts: Vec<Count>,
}

impl<C: Communicator> Mpi<C> {
    /// This process as a rank of a communicator.
    pub fn new(communicator: C) -> Self {
        let size = communicator.size() as usize;
        Self { communicator, lengths: vec![0; size], starts: vec![0; size] }
    }
}

impl<C: Communicator> Exchange for Mpi<C> {
    fn rank(&self) -> usize {
        self.communicator.rank() as usize
    }

    fn size(&self) -> usize {
        self.lengths.len()
    }

    /// # Errors
    /// [`Error::Transport`] on all ranks, if the frames together are 2 GiB or more.
    fn all_gather(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>> {
        let Self { communicator, lengths, starts } = self;
        // One that is too long is told to all, as none may stay away.
        let length = Count::try_from(frame.len()).unwrap_or(Count::MAX);
        communicator.all_gather_into(&length, &mut lengths[..]);
        let mut end: Count = 0;
        for (start, length) in starts.iter_mut().zip(&*lengths) {
            *start = end;
            let too_long = || Error::Transport("the frames do not fit one all-gather of MPI".into());
            end = end.checked_add(*length).filter(|&end| end < Count::MAX).ok_or_else(too_long)?;
        }
        let mut bytes = vec![0u8; end as usize];
        let mut parts = PartitionMut::new(&mut bytes[..], &lengths[..], &starts[..]);
        communicator.all_gather_varcount_into(frame, &mut parts);
        let part = |(start, length): (&Count, &Count)| {
            bytes[*start as usize..(*start + *length) as usize].to_vec()
        };
        Ok(starts.iter().zip(&*lengths).map(part).collect())
    }
}

impl<C> std::fmt::Debug for Mpi<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mpi").field("size", &self.lengths.len()).finish_non_exhaustive()
    }
}
