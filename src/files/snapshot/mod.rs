//! Snapshots: the whole state of a curriculum as a file.
//!
//! ```text
//! offset  bytes  content
//!      0      8  signature "CURRICLE"
//!      8      4  schema: the layout of the file
//!     12      4  algorithm: the decision stream; a build continues only its own
//!     16      8  size of the payload
//!     24      8  XXH3-64 of the payload and then of the header but these 8 bytes
//!     32     16  data set fingerprint
//!     48     16  configuration digest: options, policy, signal and sampler as built
//!     64      8  size of the state
//!     72      8  compression: 0 none, 1 zstd
//!     80      -  payload: the parts by name, and the state, in postcard, compressed or not
//! ```
//! All numbers are little-endian.

mod compression;
mod header;
mod stream;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use crate::base::error::{Difference, Error, Result, SnapshotError};
use crate::base::id::SampleId;
use crate::curriculum::identity::Identity;
use crate::curriculum::identity::Part;
use crate::curriculum::options::Options;
use crate::curriculum::pace::Pace;
use crate::curriculum::reconcile::{NO_KEYS, Reconciled};
use crate::curriculum::{Curriculum, Memory};
use crate::files::names::check_free;
use crate::files::whole_file::{Whole, at};
use crate::ledger::{Gaps, Ledger};
use crate::policy::{Allotment, Policy};
use crate::population::Arms;
use crate::population::Population;
use crate::sampler::Sampler;
use crate::signal::Signal;
use compression::{Hashed, WriteError, pack, unpack};
use header::{HEADER, Header};
use stream::Payload;

pub use compression::Compression;

/// The layout of snapshots that this build writes and reads.
pub const SCHEMA: u32 = 10;

/// The decision stream of this build: it changes whenever the same seed and the same feedback would
/// give other batches than before.
pub const ALGORITHM: u32 = 8;

/// In what a curriculum may differ from the one that was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changes {
    None,
    /// In options of which no learned state depends.
    Edge,
}

impl<P: Policy, S, D> Curriculum<P, S, D> {
    /// The whole state as bytes. Cost: O(N).
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the policy cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Cursor::new(Vec::new());
        self.write(&mut bytes, Compression::None, Path::new(""))?;
        Ok(bytes.into_inner())
    }

    /// Takes over the state that [`to_bytes`](Self::to_bytes) gave, or the content of a file that
    /// [`save`](Self::save) wrote. The curriculum must have been built in the same way: the same data,
    /// options, seed, policy, signal and sampler.
    ///
    /// # Errors
    /// [`Error::Snapshot`], saying why; [`Error::Feature`] if the bytes are compressed and this build
    /// does not have what it takes. Then nothing has changed.
    pub fn restore_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.read(bytes, bytes.len() as u64, Path::new(""), Changes::None).map(drop)
    }

    /// Writes a snapshot. The file appears whole or not at all: it is written beside its place, flushed
    /// to the disk and then renamed, so that a good file is never replaced by half of a new one.
    ///
    /// A curriculum of many samples that is saved after every step is better kept in a
    /// [`Journal`](crate::Journal), which writes what has changed.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let file = folder.path().join("curriculum.snapshot");
    /// let build = || curricle::Curriculum::builder(100).seed(1).build();
    /// let mut before = build()?;
    /// before.draw(4)?;
    /// before.save(&file)?;
    ///
    /// let mut after = build()?;
    /// after.restore(&file)?;
    /// assert_eq!(after.unfinished(), before.unfinished());
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: O(N) time; the memory does not depend on N.
    ///
    /// # Errors
    /// [`Error::Io`], naming the file; [`JournalError::Taken`](crate::JournalError::Taken) at the path of a
    /// [`Journal`](crate::Journal), which would be gone: [`compact`](crate::Journal::compact) it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_with(path, Compression::None)
    }

    /// As [`save`](Self::save), compressed. Both kinds are [restored](Self::restore) in the same way.
    ///
    /// # Errors
    /// As `save`; [`Error::Feature`] if the build does not have what it takes; [`Error::OutOfRange`]
    /// for the level.
    pub fn save_with(&self, path: impl AsRef<Path>, compression: Compression) -> Result<()> {
        compression.check()?;
        check_free(path.as_ref())?;
        let mut file = Whole::new(path.as_ref())?;
        self.write(file.file(), compression, path.as_ref())?;
        file.appear().map(drop)
    }

    /// Takes over the state that [`save`](Self::save) wrote; see
    /// [`restore_bytes`](Self::restore_bytes).
    ///
    /// The file is read front to back and not held in memory; what is checked is what is taken over,
    /// even if another program writes to the file meanwhile. While it is read, the states before and
    /// after are both in memory; [`restored`](Self::restored) needs room for one only.
    ///
    /// # Errors
    /// [`Error::Io`], or as `restore_bytes`; then nothing has changed.
    pub fn restore(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.read_file(path.as_ref(), Changes::None).map(drop)
    }

    /// As [`restore`](Self::restore), but this curriculum may have been built with another gate, lag, weighting or
    /// importance, or another answer to missing feedback: options of which nothing that was learned depends. They are
    /// those of this curriculum from now on; open rounds are folded in by its lag, and weights that scores have set
    /// stay until they are set again. Weights by [belief](crate::Belief) begin with what the weights are, and end
    /// with those that were given. The decisions are those of neither curriculum had it run alone, so a log that was
    /// written before cannot be replayed behind such a change: [`compact`](crate::Journal::compact) first.
    ///
    /// # Errors
    /// As `restore`: [`SnapshotError::Configuration`] if the seed, the policy, the signal or the sampler differs.
    pub fn restore_edge(&mut self, path: impl AsRef<Path>) -> Result<()> {
        self.read_file(path.as_ref(), Changes::Edge).map(drop)
    }

    /// Goes on with the state of a run whose data has changed since: samples were added, removed, moved to another
    /// arm, or put in another order. This curriculum, which has drawn nothing yet, is built over the new data in the
    /// same way as the other was over the old, both with [keys](crate::Builder::keys), by which samples are found
    /// again.
    ///
    /// Nothing else is lost: what the policy has learned, records, tickets, bank, passes, schedules, digest. A sample
    /// that is kept has its old weight, and the arm that the new data says; a new one what it was built with, beside
    /// the costs that are given. Tickets keep their numbers and the arms that they were drawn from, and name samples
    /// by their new numbers; a removed sample of which a ticket is under way gets a number behind all others, and is
    /// not drawn. An arm number must mean the same arm; there may be more of them now, and the policy [makes
    /// room](crate::Policy::grow). One that is told something of each arm, such as a mixture, cannot: go on over the
    /// old arms, then [add](Self::add_arm) the new ones and [set](Self::set_mixture) their weights; what goes on from
    /// there later has these arms added before it is handed over.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let file = folder.path().join("curriculum.snapshot");
    /// use curricle::{Curriculum, SampleId};
    ///
    /// let build = |keys: &[&str]| Curriculum::builder(keys.len()).keys(keys.to_vec()).build();
    /// let mut before = build(&["a", "b", "c"])?;
    /// before.draw(3)?;
    /// before.save(&file)?;
    ///
    /// let mut after = build(&["d", "c", "b"])?;
    /// let report = after.reconcile(&file)?;
    /// assert_eq!((report.kept, report.added, report.removed), (2, vec![SampleId(0)], vec!["a".into()]));
    /// assert_eq!(after.unfinished()[0].draws.len(), 3);
    /// # Ok(()) }
    /// ```
    ///
    /// Cost: that of `restore`, and O(N log N).
    ///
    /// # Errors
    /// As `restore`, but that of another data set; [`Error::Unsupported`] without keys, for a curriculum that has
    /// drawn, or for new arms that the policy cannot take; [`Error::Length`] for fewer arms. Then nothing has
    /// changed.
    pub fn reconcile(&mut self, path: impl AsRef<Path>) -> Result<Reconciled>
    where
        S: Signal + Clone,
        D: Sampler,
    {
        let old = self.clone_for(path.as_ref())?.restored(path)?;
        self.go_on_from(old.memory)
    }

    /// A curriculum that is built as this one, for the data set of a snapshot.
    pub(crate) fn clone_for(&self, path: &Path) -> Result<Self>
    where
        S: Signal + Clone,
        D: Sampler,
    {
        if !self.memory.population.has_keys() {
            return Err(NO_KEYS);
        }
        // The policy may differ by the arms that it was made ready for: whether it has the same options is asked of
        // itself.
        let refused = |file: &Identity, differences| {
            let (expected, found) = (self.identity.configuration, file.configuration);
            Error::from(SnapshotError::Configuration { expected, found, differences })
        };
        let describe = |file: &Identity| {
            let differences = self.identity.differences(&file.parts);
            let kind = |text: &str| text.split([' ', '(']).next().map(str::to_owned);
            let is_other =
                |it: &Difference| it.part != "policy" || kind(&it.expected) != kind(&it.found);
            if differences.iter().any(is_other) { Err(refused(file, differences)) } else { Ok(()) }
        };
        let ((), memory, identity) = alone::<P, _>(path, describe)?;
        let mut built = self.memory.policy.clone();
        if built.prepare(&memory.population).is_err() {
            built = self.memory.policy.clone();
        }
        let parts = (&built, &self.signal, &self.sampler);
        let ready = Identity::new(identity.dataset, &self.options, parts)?;
        let learned = |arms| memory.policy.is_learned_from(&built, arms);
        let arms = memory.population.arms().count();
        // Of a policy that takes any number of arms it says nothing about lists by arm, and perhaps nothing at all.
        if !ready.differences(&identity.parts).is_empty() && (!learned(arms) || learned(usize::MAX)) {
            let mut differences = self.identity.differences(&identity.parts);
            if differences.is_empty() {
                differences = ready.differences(&identity.parts);
            }
            return Err(refused(&identity, differences));
        }
        let mut shell = self.clone();
        (shell.identity, shell.memory.policy) = (identity, built);
        Ok(shell)
    }

    /// The curriculum with the state that [`save`](Self::save) wrote; as [`restore`](Self::restore),
    /// but the memory of the present state is free before the other is read.
    ///
    /// ```
    /// # fn main() -> curricle::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a folder for the example");
    /// # let file = folder.path().join("curriculum.snapshot");
    /// let build = || curricle::Curriculum::builder(100).seed(1).build();
    /// build()?.save(&file)?;
    /// let curriculum = build()?.restored(&file)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As `restore`; the curriculum is then gone.
    pub fn restored(self, path: impl AsRef<Path>) -> Result<Self> {
        self.restored_with_checksum(path.as_ref()).map(|(curriculum, _)| curriculum)
    }

    /// As [`restored`](Self::restored), with the checksum of the file.
    pub(crate) fn restored_with_checksum(mut self, path: &Path) -> Result<(Self, u64)> {
        self.forget()?;
        let checksum = self.restore_with_checksum(path)?;
        Ok((self, checksum))
    }

    /// As [`restore`](Self::restore); gives the checksum of the file.
    pub(crate) fn restore_with_checksum(&mut self, path: &Path) -> Result<u64> {
        self.read_file(path, Changes::None)
    }

    /// Frees the memory of the present state, which is to be replaced by another.
    pub(crate) fn forget(&mut self) -> Result<()> {
        let mut none = Population::new(Arms::even(1, 0)?, None)?;
        if self.memory.population.keeps_passes() {
            none.keep_passes(self.options.stop.limit())?;
        }
        self.memory.population = none;
        self.memory.ledger = Ledger::new(0, 0);
        Ok(())
    }

    /// Writes a snapshot to the start of a file; returns its checksum.
    pub(crate) fn write<W: Write + Seek>(
        &self,
        file: &mut W,
        compression: Compression,
        path: &Path,
    ) -> Result<u64> {
        // The sizes in the header are known at the end.
        file.write_all(&[0; HEADER]).map_err(at(path))?;
        let mut payload = Hashed { out: &mut *file, hash: Xxh3::new(), bytes: 0 };
        let size = pack(&(&self.identity.parts, &self.memory), compression, &mut payload).map_err(
            |error| match error {
                WriteError::State => Error::Unsupported { part: "policy", request: "serialise" },
                WriteError::Io(error) => at(path)(error),
            },
        )?;
        let Hashed { hash, bytes: stored, .. } = payload;
        let mut header = Header { stored, size, compression: compression.number(), checksum: 0 };
        let bytes = header.seal(&self.identity, &hash);
        let first = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&bytes));
        first.map_err(at(path))?;
        Ok(header.checksum)
    }

    /// Takes over a snapshot of `size` bytes; returns its checksum.
    fn read<R: Read>(
        &mut self,
        mut reader: R,
        size: u64,
        path: &Path,
        changes: Changes,
    ) -> Result<u64> {
        let (header, bytes) = read_header(&mut reader, size, path)?;
        let mut payload = Payload::new(reader, header.stored);
        let memory =
            header::check_identity(&bytes, &self.identity).map_err(Error::from).and_then(|()| {
                let known = |parts: &Vec<Part>| {
                    Ok(header::check_parts(&bytes, parts, &self.identity, changes)?)
                };
                unpack(&mut payload, header.size, header.compression, known)
            });
        // A checksum that does not hold is the reason of whatever else is wrong.
        payload.finish().map_err(at(path))?;
        header::check_sum(&bytes, &payload.hash)?;
        let mut memory: Memory<P> = memory?;
        if !memory.population.index_keys() {
            return Err(SnapshotError::Inconsistent("the keys").into());
        }
        if changes == Changes::Edge {
            memory.population.keep_beliefs(self.options.weighting.belief().is_some())?;
        }
        memory.check(&self.options, self.memory.population.keeps_passes())?;
        let arms = memory.population.arms().count();
        if !memory.policy.is_learned_from(&self.memory.policy, arms) {
            return Err(SnapshotError::Inconsistent("the policy").into());
        }
        self.replace(memory);
        Ok(header.checksum)
    }

    fn read_file(&mut self, path: &Path, changes: Changes) -> Result<u64> {
        let file = File::open(path).map_err(at(path))?;
        let size = file.metadata().map_err(at(path))?.len();
        self.read(file, size, path, changes)
    }
}

/// Reads the header of a snapshot of `size` bytes.
fn read_header<R: Read>(reader: &mut R, size: u64, path: &Path) -> Result<(Header, [u8; HEADER])> {
    let mut start = Vec::with_capacity(HEADER);
    reader.by_ref().take(HEADER as u64).read_to_end(&mut start).map_err(at(path))?;
    Ok(Header::open(&start, size)?)
}

/// The parts of which the curriculum of a snapshot was built. The state behind them is hashed, not looked at.
#[cfg(feature = "config")]
pub(crate) fn parts(path: &Path) -> Result<Vec<Part>> {
    let mut file = File::open(path).map_err(at(path))?;
    let size = file.metadata().map_err(at(path))?.len();
    let (header, bytes) = read_header(&mut file, size, path)?;
    let mut payload = Payload::new(file, header.stored);
    let mut found = None;
    let known = |parts: &Vec<Part>| {
        found = Some(parts.clone());
        Ok(())
    };
    // There is no state of no bytes behind them.
    let state: Result<()> = unpack(&mut payload, header.size, header.compression, known);
    payload.finish().map_err(at(path))?;
    header::check_sum(&bytes, &payload.hash)?;
    match (found, state) {
        (Some(parts), _) => Ok(parts),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(SnapshotError::Inconsistent("the parts").into()),
    }
}

/// The state and the identity that stand in a snapshot, whatever it is of; `describe` makes of the identity what
/// reads them.
pub(crate) fn alone<P: Policy, T>(
    path: &Path,
    describe: impl FnOnce(&Identity) -> Result<T>,
) -> Result<(T, Memory<P>, Identity)> {
    let mut file = File::open(path).map_err(at(path))?;
    let size = file.metadata().map_err(at(path))?.len();
    let (header, bytes) = read_header(&mut file, size, path)?;
    header::check_algorithm(&bytes)?;
    let mut payload = Payload::new(file, header.stored);
    let mut found = None;
    let known = |parts: &Vec<Part>| {
        let identity = header::identity(&bytes, parts.clone());
        found = Some((describe(&identity)?, identity));
        Ok(())
    };
    let memory = unpack(&mut payload, header.size, header.compression, known);
    payload.finish().map_err(at(path))?;
    header::check_sum(&bytes, &payload.hash)?;
    let mut memory: Memory<P> = memory?;
    if !memory.population.index_keys() {
        return Err(SnapshotError::Inconsistent("the keys").into());
    }
    let (described, identity) = found.ok_or(SnapshotError::Inconsistent("the parts"))?;
    Ok((described, memory, identity))
}

impl<P> Memory<P> {
    /// Checks that the parts agree with each other, and with what the curriculum was built with.
    pub(crate) fn check(&self, options: &Options, keeps_passes: bool) -> Result<(), SnapshotError> {
        let gaps = match options.pace {
            Pace::Lockstep => Gaps::None,
            Pace::Arrival(_) => Gaps::Closed,
        };
        let now = (self.round, self.version);
        let arms = self.population.arms();
        // How many tickets each sample can be held by: with refill it comes back with the last of them, else with each.
        let refills = options.refill.is_some();
        let mut busy: BTreeMap<SampleId, u32> = BTreeMap::new();
        if options.exclude_in_flight {
            let pending = self.ledger.pending.iter().flat_map(|pending| match gaps {
                Gaps::Closed if !refills => pending.open_draws().collect(),
                _ => pending.draws.iter().collect::<Vec<_>>(),
            });
            for sample in pending.map(|draw| draw.sample).chain(self.bank.samples()) {
                *busy.entry(sample).or_default() += 1;
            }
        }
        if let Some(carried) = self.costs.carried {
            *busy.entry(carried.sample).or_default() += 1;
        }
        // What a step under way has drawn rests until it is over.
        let of_step = options.exclude_in_flight && self.bank.step.is_some();
        let can_be_held = |(sample, tickets)| {
            of_step || busy.get(&sample).is_some_and(|most| refills || tickets <= *most)
        };
        if !self.costs.is_consistent(&self.population) {
            return Err(SnapshotError::Inconsistent("the costs"));
        }
        if !self.population.is_consistent()
            || self.population.keeps_passes() != keeps_passes
            || self.population.pass_limit() != options.stop.limit()
            || !self.population.held_by().all(can_be_held)
        {
            return Err(SnapshotError::Inconsistent("the population"));
        }
        if self.population.beliefs().is_some() != options.weighting.belief().is_some()
            || !self.population.are_beliefs_possible(self.round)
        {
            return Err(SnapshotError::Inconsistent("the beliefs"));
        }
        if !self.ledger.is_consistent(arms.samples(), arms.count(), now, gaps) {
            return Err(SnapshotError::Inconsistent("the ledger"));
        }
        let Ledger { counts, .. } = &self.ledger;
        if !self.bank.is_consistent(arms.count(), now, counts, self.ledger.rejections()) {
            return Err(SnapshotError::Inconsistent("the bank"));
        }
        let is_consistent = match &self.allotment {
            Allotment::Arms(p) => {
                let is_share = |share: &f64| (0.0..=1.0 + 1e-9).contains(share);
                p.is_empty() || p.len() == arms.count() && p.iter().all(is_share)
            }
            Allotment::Tree(tree) => tree.is_consistent(arms.count()),
            Allotment::Ranks { mean, sd } => mean.is_finite() && sd.is_finite() && *sd > 0.0,
        };
        if is_consistent { Ok(()) } else { Err(SnapshotError::Inconsistent("the allotment")) }
    }
}
