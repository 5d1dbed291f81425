//! The file of a log: a header and a chain of records.
//!
//! ```text
//! offset  bytes  content
//!      0      8  signature "CURRILOG"
//!      8      8  schema: the layout of the log
//!     16      8  checksum of the base
//!     24      8  how many events came before the base
//!     32      8  XXH3-64 of the 32 bytes before: the first link of the chain
//!     40      -  records
//!
//! of a record
//!      0      4  size of the event
//!      4      4  the low half of XXH3-64 of these 4 bytes, seeded with the link before
//!      8      8  XXH3-64 of the event, seeded with the link before: the next link
//!     16      -  event, in postcard
//! ```
//! All numbers are little-endian. As each link depends on the one before, a record is good in its place
//! only. The size has a checksum of its own, so that a size which was changed does not look like the
//! end of the log.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::event::Event;
use crate::base::error::{Error, JournalError, Result};
use crate::files::names::SIGNATURE;
use crate::files::whole_file::{Held, TRIES, Whole, at, is_at, is_locked, sync_folder};

/// The layout of logs that this build writes and reads.
const SCHEMA: u32 = 3;
pub(super) const HEADER: usize = 40;
pub(super) const FRAME: usize = 16;

/// What stands behind the header of a first log until its base is there. To a reader of records it is a
/// torn one.
const STARTING: &[u8; 8] = b"STARTING";

/// A locked file that has the name of a log.
///
/// Whoever holds the lock of the file that has the name `.log` now, and no one else, may change that
/// name, the base and `.log.next`. A lock on a file that has lost the name meanwhile counts for
/// nothing.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    file: Held,
}

impl Claim {
    /// Locks the log that is there; `None` if there is none.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        Self::take(path, false)
    }

    /// Locks the log that is there, or makes an empty one.
    pub fn make(path: &Path) -> Result<Option<Self>> {
        Self::take(path, true)
    }

    fn take(path: &Path, create: bool) -> Result<Option<Self>> {
        for _ in 0..TRIES {
            let mut options = File::options();
            let options = options.read(true).write(true).create(create).truncate(false);
            let file = match options.open(path) {
                Err(error) if error.kind() == ErrorKind::NotFound && !create => return Ok(None),
                file => file.map_err(at(path))?,
            };
            if !is_locked(&file).map_err(at(path))? {
                break;
            }
            if is_at(&file, path).map_err(at(path))? {
                return Ok(Some(Self { path: path.to_path_buf(), file: Held::new(file) }));
            }
        }
        Err(JournalError::Locked.into())
    }

    /// Whether nothing was ever acknowledged in this log: it is empty, or the journal was killed before
    /// its first base was there.
    pub fn is_blank(&self) -> Result<bool> {
        let mut start = Vec::new();
        let longest = HEADER + STARTING.len();
        self.read(longest + 1, &mut start)?;
        // A power cut may leave zeros where the end of the data should be.
        let written = start.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let (known, _) = header(0, 0);
        let known = &known[..written.min(16)];
        let is_torn = written < HEADER && start[..written].starts_with(known);
        let is_whole = written == longest && start.starts_with(known) && start.ends_with(STARTING);
        Ok(start.len() <= longest && (is_torn || is_whole))
    }

    /// Writes the header of the first log of a base that is about to appear.
    pub fn start(self, base: u64) -> Result<Log> {
        let (header, link) = header(base, 0);
        let write = || {
            self.file.set_len(0)?;
            (&*self.file).rewind()?;
            (&*self.file).write_all(&[&header[..], STARTING].concat())?;
            self.file.sync_all()
        };
        write().map_err(at(&self.path))?;
        sync_folder(&self.path)?;
        let log = Log::at_header(self.path, self.file, base, link, 0);
        Ok(Log { synced: log.len, ..log })
    }

    /// Reads the header.
    pub fn into_log(self) -> Result<Log> {
        let mut start = Vec::new();
        self.read(HEADER, &mut start)?;
        let Start { base, before, link } = Start::of(&start)?;
        Ok(Log::at_header(self.path, self.file, base, link, before))
    }

    /// Removes the log.
    pub fn give_up(self) {
        let _ = std::fs::remove_file(&self.path);
    }

    fn read(&self, most: usize, into: &mut Vec<u8>) -> Result<()> {
        let read = (&*self.file)
            .rewind()
            .and_then(|()| (&*self.file).take(most as u64).read_to_end(into).map(drop));
        read.map_err(at(&self.path))
    }
}

/// What a header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// The checksum of the base.
    pub base: u64,
    /// How many events came before the base.
    pub before: u64,
    /// What the first record is seeded with.
    pub link: u64,
}

impl Start {
    /// Reads the header at the start of a log.
    pub fn of(start: &[u8]) -> Result<Self, JournalError> {
        if !start.starts_with(SIGNATURE) {
            return Err(JournalError::NotALog);
        }
        let damaged = JournalError::Damaged { offset: 0 };
        let number = |place: usize| {
            let bytes = start.get(place..).and_then(|bytes| bytes.first_chunk());
            bytes.map(|bytes: &[u8; 8]| u64::from_le_bytes(*bytes)).ok_or(damaged.clone())
        };
        let found = number(8)? as u32;
        if found != SCHEMA {
            return Err(JournalError::Schema { found, supported: SCHEMA });
        }
        let (base, before, link) = (number(16)?, number(24)?, number(32)?);
        if start.get(..32).map(xxh3_64) != Some(link) {
            return Err(damaged);
        }
        Ok(Self { base, before, link })
    }
}

/// The header of a log and its link.
fn header(base: u64, before: u64) -> ([u8; HEADER], u64) {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(SIGNATURE);
    header[8..16].copy_from_slice(&u64::from(SCHEMA).to_le_bytes());
    header[16..24].copy_from_slice(&base.to_le_bytes());
    header[24..32].copy_from_slice(&before.to_le_bytes());
    let link = xxh3_64(&header[..32]);
    header[32..].copy_from_slice(&link.to_le_bytes());
    (header, link)
}

/// An open log, locked for this value alone.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Held,
    /// The checksum of the base.
    pub base: u64,
    /// How many events came before the base.
    pub before: u64,
    /// What the next record is seeded with.
    link: u64,
    /// How many bytes of the file are good.
    pub len: u64,
    /// How many records there are.
    pub events: u64,
    /// How many of them were appended and may not have reached the disk.
    pub unsynced: u64,
    /// How many bytes have reached the disk for certain.
    synced: u64,
    /// The record being written; its memory is kept.
    record: Vec<u8>,
    /// Lets the next flush fail.
    #[cfg(test)]
    pub fails: bool,
}

/// A place in a log that it can be taken back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    link: u64,
    len: u64,
    events: u64,
    unsynced: u64,
}

/// What stands behind the events that have happened again.
pub(super) enum Rest {
    /// So many bytes of a record that was not written to its end.
    Torn(u64),
    /// So many bytes with an event that was not to happen.
    Later(u64),
}

impl Log {
    /// Makes an empty log, safe on the disk, in the place of whatever is there.
    pub fn create(path: &Path, base: u64, before: u64) -> Result<Self> {
        let (header, link) = header(base, before);
        let mut whole = Whole::new(path)?;
        whole.file().write_all(&header).map_err(at(path))?;
        let file = Held::new(whole.appear()?);
        let log = Self::at_header(path.to_path_buf(), file, base, link, before);
        Ok(Self { synced: log.len, ..log })
    }

    fn at_header(path: PathBuf, file: Held, base: u64, link: u64, before: u64) -> Self {
        Self {
            path,
            file,
            base,
            before,
            link,
            len: HEADER as u64,
            events: 0,
            unsynced: 0,
            synced: 0,
            record: Vec::new(),
            #[cfg(test)]
            fails: false,
        }
    }

    /// Whether this process has opened it.
    pub fn is_own(&self) -> bool {
        self.file.is_own()
    }

    /// Lets it look like that of another process.
    #[cfg(test)]
    pub fn disown(&mut self) {
        self.file.disown();
    }

    /// Gives the file another name.
    pub fn rename(&mut self, path: &Path) -> Result<()> {
        std::fs::rename(&self.path, path).map_err(at(path))?;
        sync_folder(path)?;
        self.path = path.to_path_buf();
        Ok(())
    }

    /// Hands the events to `happen`, with their numbers, until it declines one; says what is left.
    /// Changes nothing in the file; afterwards [`cut`](Self::cut) must be called.
    pub fn replay(&mut self, mut happen: impl FnMut(Event, u64) -> Result<bool>) -> Result<Rest> {
        let size = self.file.metadata().map_err(at(&self.path))?.len();
        let mut reader = BufReader::with_capacity(1 << 16, &*self.file);
        reader.seek(SeekFrom::Start(self.len)).map_err(at(&self.path))?;
        let (mut link, mut len, mut events) = (self.link, self.len, 0);
        let rest = loop {
            let read = read_record(&mut reader, size - len, link, &mut self.record);
            let next = match read.map_err(at(&self.path))? {
                Next::Event(next) => next,
                Next::Torn => break Rest::Torn(size - len),
                Next::Damaged => return Err(JournalError::Damaged { offset: len }.into()),
            };
            let Ok((event, [])) = postcard::take_from_bytes(&self.record) else {
                return Err(JournalError::Damaged { offset: len }.into());
            };
            if !happen(event, events)? {
                break Rest::Later(size - len);
            }
            link = next;
            len += (FRAME + self.record.len()) as u64;
            events += 1;
        };
        (self.link, self.len, self.events) = (link, len, events);
        Ok(rest)
    }

    /// Copies the whole file, with what would be cut off.
    pub fn keep(&self, path: &Path) -> Result<()> {
        let mut kept = Whole::new(path)?;
        let copied = (&*self.file).rewind().and_then(|()| std::io::copy(&mut &*self.file, kept.file()));
        copied.map_err(at(path))?;
        kept.appear().map(drop)
    }

    /// Cuts off what stands behind the last good record, so that the log can be appended to.
    pub fn cut(&mut self) -> Result<()> {
        let size = self.file.metadata().map_err(at(&self.path))?.len();
        if size > self.len {
            // The next flush covers this too; until then the file may come back with its end, to be cut
            // again.
            self.file.set_len(self.len).map_err(at(&self.path))?;
        }
        (&*self.file).seek(SeekFrom::Start(self.len)).map_err(at(&self.path))?;
        Ok(())
    }

    /// The present end of the log.
    pub fn mark(&self) -> Mark {
        let &Self { link, len, events, unsynced, .. } = self;
        Mark { link, len, events, unsynced }
    }

    /// Cuts off what was written after a mark.
    pub fn take_back(&mut self, mark: Mark) -> Result<()> {
        (self.link, self.len) = (mark.link, mark.len);
        (self.events, self.unsynced) = (mark.events, mark.unsynced);
        self.cut()
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
        (&*self.file).write_all(&self.record).map_err(at(&self.path))?;
        self.link = link;
        self.len += self.record.len() as u64;
        self.events += 1;
        self.unsynced += 1;
        Ok(())
    }

    /// Puts another file in the place of the open one.
    #[cfg(test)]
    pub fn exchange_file(&mut self, file: File) -> Held {
        std::mem::replace(&mut self.file, Held::new(file))
    }

    /// Waits until all events have reached the disk.
    pub fn sync(&mut self) -> Result<()> {
        if self.synced < self.len {
            self.flush().map_err(at(&self.path))?;
            (self.unsynced, self.synced) = (0, self.len);
        }
        Ok(())
    }

    fn flush(&self) -> std::io::Result<()> {
        #[cfg(test)]
        if self.fails {
            return Err(std::io::Error::from_raw_os_error(5));
        }
        self.file.sync_data()
    }

    /// Writes what may not have reached the disk once more. A system whose flush has failed may take
    /// the pages for clean, and a later flush would then answer for what it has not written.
    pub fn rewrite(&mut self) -> Result<()> {
        self.rewrite_pages().map_err(at(&self.path))
    }

    fn rewrite_pages(&self) -> std::io::Result<()> {
        let (mut file, mut place) = (&*self.file, self.synced);
        let mut page = Vec::new();
        while place < self.len {
            page.clear();
            file.seek(SeekFrom::Start(place))?;
            let read = file.take((self.len - place).min(1 << 16)).read_to_end(&mut page)?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            file.seek(SeekFrom::Start(place))?;
            file.write_all(&page)?;
            place += read as u64;
        }
        file.seek(SeekFrom::Start(self.len)).map(drop)
    }
}

/// What stands at a place in a log.
pub(super) enum Next {
    /// An event, now in the buffer, and the link after it.
    Event(u64),
    /// The end, or a record that was not written to its end: whatever follows is no record.
    Torn,
    /// Neither.
    Damaged,
}

/// Reads one record out of the `left` bytes that remain of the file.
///
/// A process that is killed leaves the first part of a record. A machine that loses power may leave a
/// record of full size some of whose content is missing, or zeros where there should be records.
pub(super) fn read_record(
    reader: &mut BufReader<impl Read>,
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
fn only_zeros(reader: &mut BufReader<impl Read>) -> std::io::Result<bool> {
    for byte in reader.bytes() {
        if byte? != 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
