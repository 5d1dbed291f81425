//! A log that is read, without its lock, while a journal may write to it.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::event::Event;
use super::log::{FRAME, HEADER, Next, Start, read_record};
use crate::base::error::{JournalError, Result};
use crate::files::whole_file::{at, is_at};

/// An open log, and how far it was read.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    pub start: Start,
    /// What the next record is seeded with.
    link: u64,
    /// How many bytes were read: where the next record begins.
    pub len: u64,
    /// How many records were read.
    pub events: u64,
    /// How many bytes the file has, or had when this was last looked at.
    size: u64,
    /// The record being read; its memory is kept.
    record: Vec<u8>,
}

impl Reader {
    /// Opens the log at a path; none if there is none.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(at(path))?,
        };
        let mut header = Vec::new();
        file.by_ref().take(HEADER as u64).read_to_end(&mut header).map_err(at(path))?;
        let start = Start::of(&header)?;
        let (link, len) = (start.link, HEADER as u64);
        let file = BufReader::with_capacity(1 << 16, file);
        let (path, record) = (path.to_path_buf(), Vec::new());
        Ok(Some(Self { path, file, start, link, len, events: 0, size: len, record }))
    }

    /// The number of the next event, since the journal was started.
    pub fn position(&self) -> u64 {
        self.start.before + self.events
    }

    /// The next event; none at the end, as long as the log does not grow.
    pub fn next(&mut self) -> Result<Option<Event<'static>>> {
        if let Ok(Some(event)) = self.read() {
            return Ok(Some(event));
        }
        self.size = self.file.get_ref().metadata().map_err(at(&self.path))?.len();
        match self.read() {
            Ok(event) => Ok(event),
            Err(error) if self.is_intact()? => Err(error),
            Err(_) => Err(JournalError::TakenBack { position: self.position() }.into()),
        }
    }

    /// Whether the path still leads to the log that is read. Where files have no number, only the header tells.
    pub fn is_in_place(&self) -> Result<bool> {
        let is_same = |other: Self| other.start.link == self.start.link;
        Ok(is_at(self.file.get_ref(), &self.path).map_err(at(&self.path))?
            && Self::open(&self.path)?.is_some_and(is_same))
    }

    /// Goes on where another reader stands, if this log has the same records up to there.
    pub fn go_on_from(&mut self, other: &Self) -> Result<bool> {
        while self.len < other.len && self.next()?.is_some() {}
        Ok((self.len, self.link, self.events) == (other.len, other.link, other.events))
    }

    /// Reads the next record, as far as the size is known; none if it is not there to its end.
    fn read(&mut self) -> Result<Option<Event<'static>>> {
        let damaged = JournalError::Damaged { offset: self.len };
        let left = self.size.checked_sub(self.len).ok_or_else(|| damaged.clone())?;
        let next = read_record(&mut self.file, left, self.link, &mut self.record);
        let next = next.map_err(at(&self.path))?;
        let Next::Event(link) = next else {
            // What was read ahead may be cut off, and other records written in its place.
            self.rewind(self.len)?;
            return if matches!(next, Next::Torn) { Ok(None) } else { Err(damaged.into()) };
        };
        let Ok((event, [])) = postcard::take_from_bytes(&self.record) else {
            return Err(damaged.into());
        };
        self.link = link;
        self.len += (FRAME + self.record.len()) as u64;
        self.events += 1;
        Ok(Some(event))
    }

    /// Whether the records that were read still stand in the file.
    fn is_intact(&mut self) -> Result<bool> {
        let (mut link, mut len) = (self.start.link, HEADER as u64);
        self.rewind(len)?;
        while len < self.len.min(self.size) {
            let next = read_record(&mut self.file, self.size - len, link, &mut self.record);
            let Next::Event(next) = next.map_err(at(&self.path))? else { break };
            link = next;
            len += (FRAME + self.record.len()) as u64;
        }
        self.rewind(self.len)?;
        Ok((link, len) == (self.link, self.len))
    }

    /// Goes to a place in the file itself, past what was read ahead.
    fn rewind(&mut self, place: u64) -> Result<()> {
        self.file.seek(SeekFrom::Start(place)).map(drop).map_err(at(&self.path))
    }
}
