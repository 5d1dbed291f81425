//! Reading a state out of a zstd frame without ever holding it unpacked.

use std::io::{BufRead, BufReader, Read, Take};

use postcard::de_flavors::Flavor;
use serde::de::DeserializeOwned;
use zstd::stream::read::Decoder;

use super::compression::CHUNK;

/// What postcard reads from: a stream of which no more than a chunk is in memory.
struct Stream<R> {
    reader: BufReader<R>,
    /// The bytes of the number or the text that is being read.
    taken: Vec<u8>,
}

/// Reads a state of `size` bytes from a frame that is the whole payload. No more than `size` bytes are unpacked,
/// whatever the frame holds.
pub fn read<T: DeserializeOwned>(payload: &[u8], size: u64) -> Option<T> {
    let decoder = Decoder::with_buffer(payload).ok()?.single_frame();
    let reader = BufReader::with_capacity(CHUNK, decoder.take(size));
    let mut deserializer = postcard::Deserializer::from_flavor(Stream { reader, taken: Vec::new() });
    let state = T::deserialize(&mut deserializer).ok()?;
    let rest: Take<Decoder<&[u8]>> = deserializer.finalize().ok()?;
    let used = rest.limit() == 0;
    let mut decoder = rest.into_inner();
    // One more read finds the end of the frame, or that there is more than announced.
    let ended = matches!(decoder.read(&mut [0]), Ok(0));
    (used && ended && decoder.finish().is_empty()).then_some(state)
}

impl<'de, R: Read + 'de> Flavor<'de> for Stream<R> {
    type Remainder = R;
    type Source = ();

    #[inline]
    fn pop(&mut self) -> postcard::Result<u8> {
        if self.reader.buffer().is_empty() {
            self.reader.fill_buf().map_err(|_| postcard::Error::DeserializeUnexpectedEnd)?;
        }
        let byte = self.reader.buffer().first().copied();
        self.reader.consume(usize::from(byte.is_some()));
        byte.ok_or(postcard::Error::DeserializeUnexpectedEnd)
    }

    /// A state outlives the file that it is read from, so nothing in it borrows.
    fn try_take_n(&mut self, _: usize) -> postcard::Result<&'de [u8]> {
        Err(postcard::Error::WontImplement)
    }

    #[inline]
    fn try_take_n_temp<'a>(&'a mut self, count: usize) -> postcard::Result<&'a [u8]>
    where
        'de: 'a,
    {
        self.taken.clear();
        if let Some(bytes) = self.reader.buffer().get(..count) {
            self.taken.extend_from_slice(bytes);
            self.reader.consume(count);
            return Ok(&self.taken);
        }
        // As much as there is, so that a forged length does not ask for memory.
        match self.reader.by_ref().take(count as u64).read_to_end(&mut self.taken) {
            Ok(read) if read == count => Ok(&self.taken),
            _ => Err(postcard::Error::DeserializeUnexpectedEnd),
        }
    }

    /// What was not read yet, if the buffer is used up.
    fn finalize(self) -> postcard::Result<R> {
        match self.reader.buffer() {
            [] => Ok(self.reader.into_inner()),
            _ => Err(postcard::Error::SerdeDeCustom),
        }
    }
}
