//! The file of a log: a header and a chain of records.
//!
//! ```text
//! offset  bytes  content
//!      0      8  signature "CURRILOG"
//!      8      8  schema: the layout of the log
//!     16      8  checksum of the base
//!     24      8  XXH3-64 of the 24 bytes before: the first link of the chain
//!     32      -  records
//!
//! of a record
//!      0      4  size of the event
//!      4      4  the low half of XXH3-64 of these 4 bytes, seeded with the link before
//!      8      8  XXH3-64 of the event, seeded with the link before: the next link
//!     16      -  event, in postcard
//! ```
//! All numbers are little-endian. As each link depends on the one before, a record is good in its place only. The size
//! has a checksum of its own, so that a size which was changed does not look like the end of the log.

use std::fs::{File, TryLockError};
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::event::Event;
use crate::base::error::{Error, JournalError, Result};
use crate::files::whole_file::{Whole, at};

const SIGNATURE: &[u8; 8] = b"CURRILOG";
const SCHEMA: u32 = 1;
const HEADER: usize = 32;
const FRAME: usize = 16;

/// An open log, locked for this value alone.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// The checksum of the base.
    pub base: u64,
    /// What the next record is seeded with.
    link: u64,
    /// How many bytes of the file are good.
    pub len: u64,
    /// How many records there are.
    pub events: u64,
    /// How many of them may not have reached the disk.
    pub unsynced: u64,
    /// The record being written; its memory is kept.
    record: Vec<u8>,
}

impl Log {
    /// Makes an empty log, safe on the disk, in the place of whatever is there.
    pub fn create(path: &Path, base: u64) -> Result<Self> {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(SIGNATURE);
        header[8..16].copy_from_slice(&u64::from(SCHEMA).to_le_bytes());
        header[16..24].copy_from_slice(&base.to_le_bytes());
        let link = xxh3_64(&header[..24]);
        header[24..].copy_from_slice(&link.to_le_bytes());
        let mut whole = Whole::new(path)?;
        lock(whole.file(), path)?;
        whole.file().write_all(&header).map_err(at(path))?;
        let file = whole.appear()?;
        Ok(Self::at_header(path, file, base, link))
    }

    /// Opens a log and reads its header; `None` if there is no file.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let file = match File::options().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(path)(error)),
        };
        lock(&file, path)?;
        let mut header = Vec::new();
        (&file).take(HEADER as u64).read_to_end(&mut header).map_err(at(path))?;
        if !header.starts_with(SIGNATURE) {
            return Err(JournalError::NotALog.into());
        }
        let damaged = Error::Journal(JournalError::Damaged { offset: 0 });
        let header: [u8; HEADER] = header.try_into().map_err(|_| damaged.clone())?;
        let number = |place: usize| {
            header[place..].first_chunk().map_or(0, |bytes: &[u8; 8]| u64::from_le_bytes(*bytes))
        };
        let found = number(8) as u32;
        if found != SCHEMA {
            return Err(JournalError::Schema { found, supported: SCHEMA }.into());
        }
        let link = xxh3_64(&header[..24]);
        if link != number(24) {
            return Err(damaged);
        }
        Ok(Some(Self::at_header(path, file, number(16), link)))
    }

    fn at_header(path: &Path, file: File, base: u64, link: u64) -> Self {
        let (path, len) = (path.to_path_buf(), HEADER as u64);
        Self { path, file, base, link, len, events: 0, unsynced: 0, record: Vec::new() }
    }

    /// Gives the file another name.
    pub fn rename(&mut self, path: &Path) -> Result<()> {
        std::fs::rename(&self.path, path).map_err(at(path))?;
        crate::files::whole_file::sync_folder(path)?;
        self.path = path.to_path_buf();
        Ok(())
    }

    /// Hands the events to `happen`, with their numbers, and cuts off a record that was not written to its end;
    /// returns how many bytes that were. Afterwards, and only then, the log can be appended to.
    pub fn replay(&mut self, mut happen: impl FnMut(Event, u64) -> Result<()>) -> Result<u64> {
        let size = self.file.metadata().map_err(at(&self.path))?.len();
        let mut reader = BufReader::with_capacity(1 << 16, &self.file);
        reader.seek(SeekFrom::Start(self.len)).map_err(at(&self.path))?;
        let (mut link, mut len, mut events) = (self.link, self.len, 0);
        loop {
            let read = read_record(&mut reader, size - len, link, &mut self.record);
            let next = match read.map_err(at(&self.path))? {
                Next::Event(next) => next,
                Next::Torn => break,
                Next::Damaged => return Err(JournalError::Damaged { offset: len }.into()),
            };
            let Ok((event, [])) = postcard::take_from_bytes(&self.record) else {
                return Err(JournalError::Damaged { offset: len }.into());
            };
            happen(event, events)?;
            link = next;
            len += (FRAME + self.record.len()) as u64;
            events += 1;
        }
        let torn = size - len;
        if torn > 0 {
            // The next flush covers this too; until then the file may come back with its torn end, to be cut again.
            self.file.set_len(len).map_err(at(&self.path))?;
        }
        (&self.file).seek(SeekFrom::Start(len)).map_err(at(&self.path))?;
        (self.link, self.len, self.events) = (link, len, events);
        Ok(torn)
    }

    /// Writes an event behind the others, in one call of the system.
    pub fn append(&mut self, event: &Event) -> Result<()> {
        self.record.clear();
        self.record.resize(FRAME, 0);
        let unsupported = Error::Unsupported { part: "event", request: "serialise" };
        postcard::to_io(event, &mut self.record).map_err(|_| unsupported.clone())?;
        let (frame, body) = self.record.split_at_mut(FRAME);
        let size = u32::try_from(body.len()).map_err(|_| unsupported)?.to_le_bytes();
        let link = xxh3_64_with_seed(body, self.link);
        frame[..4].copy_from_slice(&size);
        frame[4..8].copy_from_slice(&size_check(size, self.link));
        frame[8..].copy_from_slice(&link.to_le_bytes());
        self.file.write_all(&self.record).map_err(at(&self.path))?;
        self.link = link;
        self.len += self.record.len() as u64;
        self.events += 1;
        self.unsynced += 1;
        Ok(())
    }

    /// Puts another file in the place of the open one.
    #[cfg(test)]
    pub fn exchange_file(&mut self, file: File) -> File {
        std::mem::replace(&mut self.file, file)
    }

    /// Waits until all events have reached the disk.
    pub fn sync(&mut self) -> Result<()> {
        if self.unsynced > 0 {
            self.file.sync_data().map_err(at(&self.path))?;
            self.unsynced = 0;
        }
        Ok(())
    }
}

/// What stands at a place in a log.
enum Next {
    /// An event, now in the buffer, and the link after it.
    Event(u64),
    /// The end, or a record that was not written to its end: whatever follows is no record.
    Torn,
    /// Neither.
    Damaged,
}

/// Reads one record out of the `left` bytes that remain of the file.
///
/// A process that is killed leaves the first part of a record. A machine that loses power may leave a record of full
/// size some of whose content is missing, or zeros where there should be records.
fn read_record(
    reader: &mut BufReader<&File>,
    left: u64,
    link: u64,
    body: &mut Vec<u8>,
) -> std::io::Result<Next> {
    body.clear();
    if left < FRAME as u64 {
        return Ok(Next::Torn);
    }
    let mut frame = [0; FRAME];
    reader.read_exact(&mut frame)?;
    let [size, check, low, high] = [0, 4, 8, 12].map(|place| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&frame[place..place + 4]);
        bytes
    });
    let left = left - FRAME as u64;
    if check != size_check(size, link) {
        let zeros = frame == [0; FRAME] && only_zeros(reader)?;
        return Ok(if zeros { Next::Torn } else { Next::Damaged });
    }
    let size = u64::from(u32::from_le_bytes(size));
    if size > left {
        return Ok(Next::Torn);
    }
    // The size is checked, so it is no more than was once written.
    reader.take(size).read_to_end(body)?;
    let expected = u64::from(u32::from_le_bytes(high)) << 32 | u64::from(u32::from_le_bytes(low));
    if body.len() as u64 == size && xxh3_64_with_seed(body, link) == expected {
        return Ok(Next::Event(expected));
    }
    Ok(if only_zeros(reader)? { Next::Torn } else { Next::Damaged })
}

fn size_check(size: [u8; 4], link: u64) -> [u8; 4] {
    (xxh3_64_with_seed(&size, link) as u32).to_le_bytes()
}

/// Whether nothing but zeros follows.
fn only_zeros(reader: &mut BufReader<&File>) -> std::io::Result<bool> {
    for byte in reader.bytes() {
        if byte? != 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes the log for this process, where the file system has locks.
fn lock(file: &File, path: &Path) -> Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked.into()),
        Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => {
            Err(at(path)(error))
        }
        _ => Ok(()),
    }
}
