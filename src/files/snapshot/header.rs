//! The first bytes of a snapshot.

use xxhash_rust::xxh3::Xxh3;

use super::Changes;
use super::{ALGORITHM, SCHEMA};
use crate::base::error::SnapshotError;
use crate::curriculum::identity::{Identity, Part, is_edge};

const SIGNATURE: &[u8; 8] = b"CURRICLE";

/// How many bytes the header has.
pub const HEADER: usize = 80;

/// What a header says that is not the same in all snapshots of a curriculum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The size of the payload, in bytes.
    pub stored: u64,
    /// The size of the state in postcard.
    pub size: u64,
    /// How the payload is compressed: 0 not at all, 1 zstd.
    pub compression: u64,
    /// The checksum of the snapshot, which tells it from all others.
    pub checksum: u64,
}

impl Header {
    /// The bytes of the header, whose checksum is worked out from a hash of the payload.
    pub fn seal(&mut self, identity: &Identity, payload: &Xxh3) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(SIGNATURE);
        bytes[8..12].copy_from_slice(&SCHEMA.to_le_bytes());
        bytes[12..16].copy_from_slice(&ALGORITHM.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.stored.to_le_bytes());
        bytes[32..48].copy_from_slice(&identity.dataset.to_le_bytes());
        bytes[48..64].copy_from_slice(&identity.configuration.to_le_bytes());
        bytes[64..72].copy_from_slice(&self.size.to_le_bytes());
        bytes[72..80].copy_from_slice(&self.compression.to_le_bytes());
        self.checksum = checksum(&bytes, payload);
        bytes[24..32].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// Reads the header of a snapshot of `found` bytes. Whether it is what was written is known when
    /// the payload has been read, and so is hashed: [`check_sum`].
    pub fn open(start: &[u8], found: u64) -> Result<(Self, [u8; HEADER]), SnapshotError> {
        if !start.starts_with(SIGNATURE) {
            return Err(SnapshotError::NotASnapshot);
        }
        let short = SnapshotError::Size { expected: HEADER as u64, found };
        // Older layouts have shorter headers.
        let schema = start.get(8..12).ok_or(short.clone())?;
        let schema = schema.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
        if schema != SCHEMA {
            return Err(SnapshotError::Schema { found: schema, supported: SCHEMA });
        }
        let bytes: [u8; HEADER] = *start.first_chunk().ok_or(short)?;
        let stored = number(&bytes, 16, 8) as u64;
        let expected = stored.saturating_add(HEADER as u64);
        if expected != found {
            return Err(SnapshotError::Size { expected, found });
        }
        let [checksum, size, compression] = [24, 64, 72].map(|place| number(&bytes, place, 8) as u64);
        Ok((Self { stored, size, compression, checksum }, bytes))
    }
}

/// Checks the checksum, when all of the payload has been hashed.
pub fn check_sum(header: &[u8; HEADER], payload: &Xxh3) -> Result<(), SnapshotError> {
    let (expected, found) = (number(header, 24, 8) as u64, checksum(header, payload));
    if expected == found { Ok(()) } else { Err(SnapshotError::Checksum { expected, found }) }
}

/// Checks that this build would go on as the one that wrote a snapshot.
pub fn check_algorithm(header: &[u8; HEADER]) -> Result<(), SnapshotError> {
    match number(header, 12, 4) as u32 {
        ALGORITHM => Ok(()),
        found => Err(SnapshotError::Algorithm { found, supported: ALGORITHM }),
    }
}

/// What a snapshot says that it is of.
pub fn identity(header: &[u8; HEADER], parts: Vec<Part>) -> Identity {
    Identity { dataset: number(header, 32, 16), configuration: number(header, 48, 16), parts }
}

/// Checks that a snapshot is one of this build and of a curriculum.
pub fn check_identity(header: &[u8; HEADER], identity: &Identity) -> Result<(), SnapshotError> {
    check_algorithm(header)?;
    let (expected, found) = (identity.dataset, number(header, 32, 16));
    if expected != found {
        return Err(SnapshotError::Dataset { expected, found });
    }
    Ok(())
}

/// Checks that a snapshot of these parts is one of a curriculum that was built in the same way, or, if so wanted, but
/// for options that no learned state depends on.
pub fn check_parts(
    header: &[u8; HEADER],
    parts: &[Part],
    identity: &Identity,
    changes: Changes,
) -> Result<(), SnapshotError> {
    let (expected, found) = (identity.configuration, number(header, 48, 16));
    let differences = identity.differences(parts);
    match (expected == found, differences.is_empty()) {
        (true, true) => Ok(()),
        (true, false) => Err(SnapshotError::Inconsistent("the parts")),
        (false, false) if changes == Changes::Edge && is_edge(&differences) => Ok(()),
        (false, _) => Err(SnapshotError::Configuration { expected, found, differences }),
    }
}

/// A number of `size` bytes, of 16 at most, at a place in a header.
fn number(header: &[u8; HEADER], place: usize, size: usize) -> u128 {
    header[place..place + size].iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// XXH3-64 of the payload and then of the header, but for the 8 bytes of the checksum itself. The
/// payload comes first because its size is known last.
fn checksum(header: &[u8; HEADER], payload: &Xxh3) -> u64 {
    let mut hash = payload.clone();
    hash.update(&header[..24]);
    hash.update(&header[32..]);
    hash.digest()
}
