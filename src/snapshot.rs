//! Snapshots: the whole state of a curriculum as a file.
//!
//! ```text
//! offset  bytes  content
//!      0      8  signature "CURRICLE"
//!      8      4  schema: the layout of the file
//!     12      4  algorithm: the decision stream; a build continues only its own
//!     16      8  size of the payload
//!     24      8  XXH3-64 of everything but these 8 bytes
//!     32     16  data set fingerprint
//!     48     16  configuration digest: options, policy, signal and sampler as built
//!     64      -  payload: the state, in postcard
//! ```
//! All numbers are little-endian.

use std::io::Write;
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use crate::curriculum::{Curriculum, Memory};
use crate::error::{Error, Result, SnapshotError};
use crate::policy::{Allotment, Policy};
use crate::whole_file::write_whole;

const SIGNATURE: &[u8; 8] = b"CURRICLE";
const HEADER: usize = 64;

/// The layout of snapshots that this build writes and reads.
pub const SCHEMA: u32 = 2;

/// The decision stream of this build: it changes whenever the same seed and the same feedback would
/// give other batches than before.
pub const ALGORITHM: u32 = 3;

impl<P: Policy, S, D> Curriculum<P, S, D> {
    /// The whole state as bytes. Cost: O(N).
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the policy cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let payload = postcard::to_stdvec(&self.state)
            .map_err(|_| Error::Unsupported { part: "policy", request: "serialise" })?;
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.extend(SIGNATURE);
        bytes.extend(SCHEMA.to_le_bytes());
        bytes.extend(ALGORITHM.to_le_bytes());
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(self.identity.dataset.to_le_bytes());
        bytes.extend(self.identity.configuration.to_le_bytes());
        bytes.extend(payload);
        let checksum = checksum(&bytes);
        bytes[24..32].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// Takes over the state that [`to_bytes`](Self::to_bytes) gave. The curriculum must have been
    /// built in the same way: the same data, options, seed, policy, signal and sampler.
    ///
    /// # Errors
    /// [`Error::Snapshot`], saying why; then nothing has changed.
    pub fn restore_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let payload = self.verify(bytes)?;
        let state: Memory<P> =
            postcard::from_bytes(payload).map_err(|_| SnapshotError::Inconsistent("the payload"))?;
        state.check()?;
        self.state = state;
        Ok(())
    }

    /// Writes a snapshot. The file appears whole or not at all: it is written beside its place, flushed to
    /// the disk and then renamed, so that a good file is never replaced by half of a new one.
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
    /// # Errors
    /// [`Error::Io`], naming the file.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes()?;
        write_whole(path, |file| file.write_all(&bytes))
    }

    /// Takes over the state that [`save`](Self::save) wrote; see [`restore_bytes`](Self::restore_bytes).
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Snapshot`]; then nothing has changed.
    pub fn restore(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = std::fs::read(path)
            .map_err(|error| Error::Io { path: path.to_path_buf(), kind: error.kind() })?;
        self.restore_bytes(&bytes)
    }

    /// Checks the header; returns the payload.
    fn verify<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], SnapshotError> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(SnapshotError::NotASnapshot);
        }
        let short = SnapshotError::Size { expected: HEADER as u64, found: bytes.len() as u64 };
        let (header, payload) = bytes.split_at_checked(HEADER).ok_or(short)?;
        let number = |from: usize, size: usize| {
            let mut number = [0; 16];
            number[..size].copy_from_slice(&header[from..from + size]);
            u128::from_le_bytes(number)
        };
        let schema = number(8, 4) as u32;
        if schema != SCHEMA {
            return Err(SnapshotError::Schema { found: schema, supported: SCHEMA });
        }
        let expected = (number(16, 8) as u64).saturating_add(HEADER as u64);
        if expected != bytes.len() as u64 {
            return Err(SnapshotError::Size { expected, found: bytes.len() as u64 });
        }
        let (expected, found) = (number(24, 8) as u64, checksum(bytes));
        if expected != found {
            return Err(SnapshotError::Checksum { expected, found });
        }
        let algorithm = number(12, 4) as u32;
        if algorithm != ALGORITHM {
            return Err(SnapshotError::Algorithm { found: algorithm, supported: ALGORITHM });
        }
        let (expected, found) = (self.identity.dataset, number(32, 16));
        if expected != found {
            return Err(SnapshotError::Dataset { expected, found });
        }
        let (expected, found) = (self.identity.configuration, number(48, 16));
        if expected != found {
            return Err(SnapshotError::Configuration { expected, found });
        }
        Ok(payload)
    }
}

impl<P> Memory<P> {
    /// Checks that the parts agree with each other.
    fn check(&self) -> Result<(), SnapshotError> {
        let arms = self.population.arms();
        if !self.population.is_consistent() {
            return Err(SnapshotError::Inconsistent("the population"));
        }
        if !self.ledger.is_consistent(arms.samples(), arms.count(), self.round) {
            return Err(SnapshotError::Inconsistent("the ledger"));
        }
        match &self.allotment {
            Allotment::Arms(p) if !(p.is_empty() || p.len() == arms.count()) => {
                Err(SnapshotError::Inconsistent("the allotment"))
            }
            _ => Ok(()),
        }
    }
}

/// The checksum of a snapshot: of all its bytes but those of the checksum itself.
fn checksum(bytes: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&bytes[..24]);
    hash.update(&bytes[32..]);
    hash.digest()
}
