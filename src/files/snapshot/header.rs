//! The first bytes of a snapshot.

use xxhash_rust::xxh3::Xxh3;

use super::{ALGORITHM, SCHEMA};
use crate::base::error::SnapshotError;
use crate::curriculum::Identity;

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
    pub fn seal(&mut self, identity: Identity, payload: &Xxh3) -> [u8; HEADER] {
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

    /// Checks a whole snapshot up to its content; gives header and payload.
    pub fn open(bytes: &[u8], identity: Identity) -> Result<(Self, &[u8]), SnapshotError> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(SnapshotError::NotASnapshot);
        }
        let short = SnapshotError::Size { expected: HEADER as u64, found: bytes.len() as u64 };
        let number = |from: usize, size: usize| {
            let mut number = [0; 16];
            number[..size].copy_from_slice(bytes.get(from..from + size)?);
            Some(u128::from_le_bytes(number))
        };
        // Older layouts have shorter headers.
        let schema = number(8, 4).ok_or(short.clone())? as u32;
        if schema != SCHEMA {
            return Err(SnapshotError::Schema { found: schema, supported: SCHEMA });
        }
        let (header, payload) = bytes.split_first_chunk::<HEADER>().ok_or(short.clone())?;
        let number = |from, size| number(from, size).ok_or(short.clone());
        let stored = number(16, 8)? as u64;
        let expected = stored.saturating_add(HEADER as u64);
        if expected != bytes.len() as u64 {
            return Err(SnapshotError::Size { expected, found: bytes.len() as u64 });
        }
        let mut hash = Xxh3::new();
        hash.update(payload);
        let (checksum, found) = (number(24, 8)? as u64, checksum(header, &hash));
        if checksum != found {
            return Err(SnapshotError::Checksum { expected: checksum, found });
        }
        let algorithm = number(12, 4)? as u32;
        if algorithm != ALGORITHM {
            return Err(SnapshotError::Algorithm { found: algorithm, supported: ALGORITHM });
        }
        let (expected, found) = (identity.dataset, number(32, 16)?);
        if expected != found {
            return Err(SnapshotError::Dataset { expected, found });
        }
        let (expected, found) = (identity.configuration, number(48, 16)?);
        if expected != found {
            return Err(SnapshotError::Configuration { expected, found });
        }
        let (size, compression) = (number(64, 8)? as u64, number(72, 8)? as u64);
        Ok((Self { stored, size, compression, checksum }, payload))
    }
}

/// XXH3-64 of the payload and then of the header, but for the 8 bytes of the checksum itself. The payload
/// comes first because its size is known last.
fn checksum(header: &[u8; HEADER], payload: &Xxh3) -> u64 {
    let mut hash = payload.clone();
    hash.update(&header[..24]);
    hash.update(&header[32..]);
    hash.digest()
}
