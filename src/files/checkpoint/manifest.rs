//! The list of the files of a checkpoint.
//!
//! ```text
//! offset  bytes  content
//!      0      8  signature "CURRICKP"
//!      8      4  schema: the layout of the list
//!     12      8  XXH3-64 of the list
//!     20      -  the list, in postcard
//! ```
//! All numbers are little-endian.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::base::error::{CheckpointError, Error, Result};
use crate::files::whole_file::at;

/// The name of the list in its folder.
pub(super) const MANIFEST: &str = "manifest";

const SIGNATURE: [u8; 8] = *b"CURRICKP";
const SCHEMA: u32 = 1;
const HEADER: usize = 20;

/// All that a checkpoint knows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub number: u64,
    pub state: State,
    /// By name.
    pub files: Vec<Entry>,
}

/// Where the state of the curriculum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// In a snapshot among the files.
    Snapshot,
    /// In a journal, at a position, where the decisions have this digest.
    Journal { position: u64, digest: u64 },
}

/// A file: its name, from the folder on with `/` between, and what must be in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub name: String,
    size: u64,
    checksum: u64,
}

impl Entry {
    /// What an open file has in it.
    pub fn of(name: String, mut file: &File, path: &Path) -> Result<Self> {
        let (mut hash, mut size) = (Xxh3::new(), 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer).map_err(at(path))? {
                0 => return Ok(Self { name, size, checksum: hash.digest() }),
                count => {
                    hash.update(buffer.get(..count).unwrap_or_default());
                    size += count as u64;
                }
            }
        }
    }

    /// Checks that the file in a folder is the one that was listed.
    fn check(&self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(CheckpointError::Missing { path }.into());
            }
            file => file.map_err(at(&path))?,
        };
        let found = Self::of(self.name.clone(), &file, &path)?;
        if found.size != self.size {
            let (expected, found) = (self.size, found.size);
            return Err(CheckpointError::Size { path, expected, found }.into());
        }
        if found.checksum != self.checksum {
            let (expected, found) = (self.checksum, found.checksum);
            return Err(CheckpointError::Checksum { path, expected, found }.into());
        }
        Ok(())
    }

    /// Whether the name leads to something in the folder.
    fn is_within(&self) -> bool {
        let mut parts = Path::new(&self.name).components();
        !self.name.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
    }
}

impl Manifest {
    /// Writes the list into its folder, safe on the disk.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(MANIFEST);
        let no_list = |_| Error::Unsupported { part: "list of files", request: "serialise" };
        let list = postcard::to_stdvec(self).map_err(no_list)?;
        let checksum = xxh3_64(&list).to_le_bytes();
        let bytes = [&SIGNATURE[..], &SCHEMA.to_le_bytes(), &checksum, &list].concat();
        let write = || {
            let mut file = File::options().write(true).create_new(true).open(&path)?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write().map_err(at(&path))
    }

    /// Reads the list of a folder, and checks that all files are as listed.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder.is_dir() => {
                return Err(CheckpointError::Missing { path }.into());
            }
            bytes => bytes.map_err(at(&path))?,
        };
        let manifest = Self::of_bytes(&bytes, &path)?;
        manifest.files.iter().try_for_each(|entry| entry.check(folder))?;
        Ok(manifest)
    }

    fn of_bytes(bytes: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        let path = || path.to_path_buf();
        let header = bytes.split_at_checked(HEADER).and_then(|(header, list)| {
            let (signature, rest) = header.split_first_chunk::<8>()?;
            let (schema, checksum) = rest.split_first_chunk::<4>()?;
            Some((signature, u32::from_le_bytes(*schema), *checksum.first_chunk()?, list))
        });
        let Some((&SIGNATURE, schema, checksum, list)) = header else {
            return Err(CheckpointError::NotACheckpoint { path: path() });
        };
        if schema != SCHEMA {
            let (found, supported) = (schema, SCHEMA);
            return Err(CheckpointError::Schema { path: path(), found, supported });
        }
        let (expected, found) = (u64::from_le_bytes(checksum), xxh3_64(list));
        if expected != found {
            return Err(CheckpointError::Checksum { path: path(), expected, found });
        }
        let inconsistent = || CheckpointError::Inconsistent { path: path() };
        let manifest: Self = postcard::from_bytes(list).map_err(|_| inconsistent())?;
        let is_sound = manifest.files.iter().all(Entry::is_within);
        if is_sound { Ok(manifest) } else { Err(inconsistent()) }
    }
}
