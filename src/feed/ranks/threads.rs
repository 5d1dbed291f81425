//! Ranks that are threads of one process.

use std::time::Duration;

use super::Exchange;
use crate::base::error::{Error, Result};
use crate::feed::sync::{Arc, Condvar, Mutex};

/// A rank that is a thread of this process, as one for each device. [`group`](Self::group) makes all of them.
///
/// A rank that waits sleeps. When a handle is dropped, be it by a panic of its thread, the others get
/// [`Error::RankGone`] from what they wait for, or from their next call; frames that were all there by then are
/// handed out.
///
/// ```
/// use curricle::feed::ranks::{Exchange, Threads};
///
/// # fn main() -> curricle::Result<()> {
/// let all = std::thread::scope(|scope| {
///     let threads = Threads::group(3).into_iter().map(|mut rank| {
///         scope.spawn(move || rank.all_gather(&vec![7; rank.rank()]))
///     });
///     threads.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
/// });
/// for frames in all {
///     assert_eq!(frames?, [vec![], vec![7], vec![7, 7]]);
/// }
/// # Ok(()) }
/// ```
///
/// Cost: each rank copies all frames.
#[derive(Debug)]
#[must_use = "the other ranks wait for it"]
pub struct Threads {
    rank: usize,
    size: usize,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    table: Mutex<Table>,
    changed: Condvar,
}

/// Where the frames are laid down.
#[derive(Debug)]
struct Table {
    /// By rank, of the gathering under way.
    frames: Vec<Option<Vec<u8>>>,
    /// How many gatherings are done.
    done: u64,
    /// The frames of the last one. The next is not done before all ranks have fetched these.
    last: Arc<Vec<Vec<u8>>>,
    /// The first rank that has gone.
    gone: Option<usize>,
}

impl Threads {
    /// So many ranks, one for each thread; none for 0.
    pub fn group(size: usize) -> Vec<Threads> {
        let (frames, last) = (vec![None; size], Arc::new(Vec::new()));
        let table = Mutex::new(Table { frames, done: 0, last, gone: None });
        let shared = Arc::new(Shared { table, changed: Condvar::new() });
        (0..size).map(|rank| Threads { rank, size, shared: shared.clone() }).collect()
    }
}

impl Exchange for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_gather(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>> {
        let Shared { table, changed } = &*self.shared;
        let mut table = table.lock();
        let own = table.done;
        table.frames[self.rank] = Some(frame.to_vec());
        if table.frames.iter().all(Option::is_some) {
            let frames = table.frames.iter_mut().filter_map(Option::take).collect();
            table.last = Arc::new(frames);
            table.done += 1;
            changed.notify_all();
        }
        while table.done == own {
            if let Some(rank) = table.gone {
                return Err(Error::RankGone { rank });
            }
            changed.wait_for(&mut table, Duration::MAX);
        }
        let last = table.last.clone();
        drop(table);
        Ok(last.to_vec())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.table.lock().gone.get_or_insert(self.rank);
        self.shared.changed.notify_all();
    }
}
