//! Reading a snapshot front to back, without ever holding all of it: its bytes are hashed as they are
//! parsed, so that what was checked is what was read, whatever happens to the file meanwhile.

use std::io::{Read, Result as IoResult};

use postcard::de_flavors::Flavor;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::Xxh3;

use super::compression::CHUNK;
use crate::base::error::Result;

/// A payload of a known size, hashed as it is read.
pub struct Payload<R> {
    reader: R,
    pub hash: Xxh3,
    /// How many bytes are to be read yet.
    pub left: u64,
    /// The error which postcard would swallow.
    failure: Option<std::io::Error>,
}

impl<R: Read> Payload<R> {
    pub fn new(reader: R, size: u64) -> Self {
        Self { reader, hash: Xxh3::new(), left: size, failure: None }
    }

    /// Reads what is left, for the hash, and says if reading has ever failed.
    pub fn finish(&mut self) -> IoResult<()> {
        let mut chunk = vec![0; CHUNK];
        while self.left > 0 && self.failure.is_none() && self.read(&mut chunk)? > 0 {}
        self.failure.take().map_or(Ok(()), Err)
    }
}

impl<R: Read> Read for Payload<R> {
    fn read(&mut self, chunk: &mut [u8]) -> IoResult<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(chunk.len());
        let read = loop {
            match self.reader.read(&mut chunk[..most]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let read = read.inspect_err(|error| self.failure = Some(copy(error)))?;
        self.hash.update(&chunk[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}

/// An error of a disk is its number.
fn copy(error: &std::io::Error) -> std::io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error)
}

/// Reads a state that takes exactly `size` bytes, whatever else the reader holds.
fn read<Q: DeserializeOwned, T: DeserializeOwned, R: Read>(
    reader: R,
    size: u64,
    known: impl FnOnce(&Q) -> Result<()>,
) -> Option<Result<T>> {
    let stream =
        Stream { reader, left: size, chunk: vec![0; CHUNK], from: 0, to: 0, taken: Vec::new() };
    let mut deserializer = postcard::Deserializer::from_flavor(stream);
    let parts = Q::deserialize(&mut deserializer).ok()?;
    if let Err(error) = known(&parts) {
        return Some(Err(error));
    }
    let state = T::deserialize(&mut deserializer).ok()?;
    deserializer.finalize().ok()?.then_some(Ok(state))
}

/// Reads a state that is the whole payload.
pub fn read_plain<Q: DeserializeOwned, T: DeserializeOwned, R: Read>(
    payload: &mut Payload<R>,
    size: u64,
    known: impl FnOnce(&Q) -> Result<()>,
) -> Option<Result<T>> {
    if payload.left != size {
        return None;
    }
    read(payload, size, known)
}

/// Reads a state of `size` bytes from a frame that is the whole payload. No more than `size` bytes are
/// unpacked, whatever the frame holds.
#[cfg(feature = "zstd")]
pub fn read_zstd<Q: DeserializeOwned, T: DeserializeOwned, R: Read>(
    payload: &mut Payload<R>,
    size: u64,
    known: impl FnOnce(&Q) -> Result<()>,
) -> Option<Result<T>> {
    use std::io::BufReader;
    use zstd::stream::read::Decoder;

    let packed = BufReader::with_capacity(CHUNK, payload);
    let mut decoder = Decoder::with_buffer(packed).ok()?.single_frame();
    let state = match read(&mut decoder, size, known)? {
        Ok(state) => state,
        refused => return Some(refused),
    };
    // One more read finds the end of the frame, or that there is more than announced.
    let ended = matches!(decoder.read(&mut [0]), Ok(0));
    let packed = decoder.finish();
    (ended && packed.buffer().is_empty() && packed.get_ref().left == 0).then_some(Ok(state))
}

/// What postcard reads from: a stream of which no more than a chunk is in memory.
struct Stream<R> {
    reader: R,
    /// How many bytes may be asked of the reader yet.
    left: u64,
    chunk: Vec<u8>,
    /// The part of the chunk that was not read yet.
    from: usize,
    to: usize,
    /// The bytes of a text that is being read.
    taken: Vec<u8>,
}

impl<R: Read> Stream<R> {
    /// Fills the empty chunk.
    #[cold]
    fn fill(&mut self) -> postcard::Result<()> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.chunk.len());
        let read = self.reader.read(&mut self.chunk[..most]);
        match read {
            Ok(read) if read > 0 => {
                self.left -= read as u64;
                (self.from, self.to) = (0, read);
                Ok(())
            }
            _ => Err(postcard::Error::DeserializeUnexpectedEnd),
        }
    }
}

impl<'de, R: Read + 'de> Flavor<'de> for Stream<R> {
    /// Whether all was read.
    type Remainder = bool;
    type Source = ();

    #[inline]
    fn pop(&mut self) -> postcard::Result<u8> {
        if self.from == self.to {
            self.fill()?;
        }
        let byte = self.chunk[self.from];
        self.from += 1;
        Ok(byte)
    }

    /// A state outlives the file that it is read from, so nothing in it borrows.
    fn try_take_n(&mut self, _: usize) -> postcard::Result<&'de [u8]> {
        Err(postcard::Error::WontImplement)
    }

    /// Takes as much as there is, so that a forged length does not ask for memory.
    #[inline]
    fn try_take_n_temp<'a>(&'a mut self, count: usize) -> postcard::Result<&'a [u8]>
    where
        'de: 'a,
    {
        if count <= self.to - self.from {
            self.from += count;
            return Ok(&self.chunk[self.from - count..self.from]);
        }
        self.taken.clear();
        while self.taken.len() < count {
            if self.from == self.to {
                self.fill()?;
            }
            let part = (count - self.taken.len()).min(self.to - self.from);
            self.taken.extend_from_slice(&self.chunk[self.from..self.from + part]);
            self.from += part;
        }
        Ok(&self.taken)
    }

    /// How many bytes there are yet: a list that claims more elements gets no room beforehand. That is what stops a
    /// forged length, for a reader that makes room for what is announced.
    fn size_hint(&self) -> Option<usize> {
        let ahead = (self.to - self.from) as u64;
        Some(usize::try_from(self.left.saturating_add(ahead)).unwrap_or(usize::MAX))
    }

    fn finalize(self) -> postcard::Result<bool> {
        Ok(self.left == 0 && self.from == self.to)
    }
}
