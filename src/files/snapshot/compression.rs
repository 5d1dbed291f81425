//! How the state of a snapshot is stored, and the streams that write and read it.

use std::io::{BufWriter, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::Xxh3;

use super::stream::{self, Payload};
use crate::base::error::{Error, Result, SnapshotError, within};

/// How many bytes are handed on at a time.
pub const CHUNK: usize = 1 << 16;

/// How the payload of a snapshot is stored.
///
/// A build reads both; [`Zstd`](Self::Zstd) needs the feature `zstd`, for writing and for reading.
///
/// ```
/// use curricle::Compression;
///
/// # fn main() -> curricle::Result<()> {
/// # let folder = tempfile::tempdir().expect("a folder for the example");
/// # let file = folder.path().join("curriculum.snapshot");
/// let build = || curricle::Curriculum::builder(1000).build();
/// let level = if cfg!(feature = "zstd") { Compression::Zstd(3) } else { Compression::None };
/// build()?.save_with(&file, level)?;
/// assert_eq!(build()?.restored(&file)?.round(), curricle::Round(0));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Compression {
    /// As it is.
    #[default]
    None,
    /// Zstandard (RFC 8878) of this level, from 1, the fastest, to 22.
    Zstd(i32),
}

impl Compression {
    /// The number that stands for it in a header.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Zstd(_) => 1,
        }
    }

    /// Checks the level, and that this build has what it takes.
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Zstd(_) if cfg!(not(feature = "zstd")) => Err(Error::Feature("zstd")),
            Self::Zstd(level) => within("zstd level", f64::from(level), 1.0, 22.0).map(drop),
        }
    }
}

/// A writer that hashes and counts what goes through it.
pub struct Hashed<W> {
    pub out: W,
    pub hash: Xxh3,
    pub bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// A writer that counts, and that keeps the error which postcard would swallow.
struct Counted<W: Write> {
    out: BufWriter<W>,
    bytes: u64,
    failure: Option<std::io::Error>,
}

impl<W: Write> Write for Counted<W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|error| {
            let kind = error.kind();
            self.failure = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Why a state was not written.
pub enum WriteError {
    /// The state refuses to be serialised.
    State,
    /// The writer fails.
    Io(std::io::Error),
}

impl From<std::io::Error> for WriteError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes a state, compressed as told; returns its size uncompressed.
pub fn pack<T: Serialize, W: Write>(
    state: &T,
    compression: Compression,
    out: &mut W,
) -> Result<u64, WriteError> {
    match compression {
        Compression::None => plain(state, out),
        #[cfg(feature = "zstd")]
        Compression::Zstd(level) => {
            let mut encoder = zstd::stream::write::Encoder::new(out, level)?;
            let size = plain(state, &mut encoder)?;
            encoder.finish()?;
            Ok(size)
        }
        #[cfg(not(feature = "zstd"))]
        Compression::Zstd(_) => Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into()),
    }
}

fn plain<T: Serialize, W: Write>(state: &T, out: W) -> Result<u64, WriteError> {
    let out = BufWriter::with_capacity(CHUNK, out);
    let mut counted = Counted { out, bytes: 0, failure: None };
    let written = postcard::to_io(state, &mut counted).map(|_| ());
    match (written, counted.failure.take()) {
        (_, Some(error)) => Err(error.into()),
        (Err(_), None) => Err(WriteError::State),
        (Ok(()), None) => {
            counted.out.flush()?;
            Ok(counted.bytes)
        }
    }
}

/// Reads a state of `size` bytes out of a payload of which all is used.
///
/// Before it stand the parts of which it was built; where they are refused, the state is not looked at.
pub fn unpack<Q: DeserializeOwned, T: DeserializeOwned, R: Read>(
    payload: &mut Payload<R>,
    size: u64,
    compression: u64,
    known: impl FnOnce(&Q) -> Result<()>,
) -> Result<T> {
    let state = match compression {
        0 => stream::read_plain(payload, size, known),
        #[cfg(feature = "zstd")]
        1 => stream::read_zstd(payload, size, known),
        #[cfg(not(feature = "zstd"))]
        1 => return Err(Error::Feature("zstd")),
        _ => None,
    };
    state.unwrap_or(Err(SnapshotError::Inconsistent("the payload").into()))
}
