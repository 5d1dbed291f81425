//! What a reader of CSV does not tell: that a field which was opened with a quote goes to the end of the file.

use std::io::{self, Read};

/// The bytes of a CSV file on their way to its reader. A quote that is never closed makes one field of all rows behind
/// it, which the reader takes for a field like any other.
#[derive(Debug)]
pub struct Quotes<R> {
    from: R,
    /// What a line that is passed over begins with.
    comment: Option<u8>,
    at: At,
    /// How many bytes there were, as far as they may be a byte-order mark.
    begun: usize,
    is_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    /// Before a record, between two lines.
    Line,
    /// Before a field.
    Field,
    /// In a field without quotes, or behind those of one with them.
    Plain,
    /// Between the quotes of a field.
    Quoted,
    /// Behind a quote in such a field: its end, or the first of two that stand for one.
    Quote,
    Comment,
}

const MARK: &[u8] = b"\xef\xbb\xbf";

impl<R: Read> Quotes<R> {
    /// Bytes of fields between commas; lines that begin with `comment` are passed over.
    pub fn new(from: R, comment: Option<u8>) -> Self {
        Self { from, comment, at: At::Line, begun: 0, is_over: false }
    }

    /// Whether the file ended within a quoted field.
    pub fn is_open(&self) -> bool {
        self.is_over && self.at == At::Quoted
    }

    fn step(&mut self, byte: u8) {
        if self.begun < MARK.len() && MARK[self.begun] == byte {
            self.begun += 1;
            return;
        }
        self.begun = MARK.len();
        self.at = match (self.at, byte) {
            (At::Comment, b'\n') => At::Line,
            (At::Comment, _) => At::Comment,
            (At::Quoted, b'"') => At::Quote,
            (At::Quoted, _) | (At::Line | At::Field | At::Quote, b'"') => At::Quoted,
            (_, b'\n' | b'\r') => At::Line,
            (At::Line, byte) if self.comment == Some(byte) => At::Comment,
            (_, b',') => At::Field,
            _ => At::Plain,
        };
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.is_over |= read == 0 && !into.is_empty();
        into[..read].iter().for_each(|byte| self.step(*byte));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends_open(text: &str) -> bool {
        let mut quotes = Quotes::new(text.as_bytes(), Some(b'#'));
        io::copy(&mut quotes, &mut io::sink()).unwrap();
        quotes.is_open()
    }

    #[test]
    fn a_quote_is_open_that_has_no_end() {
        for open in
            ["\"", "a\n\"b\nc\n", "a,b\n1,\"x\n2,y\n", "\"a\"\"", "\u{feff}\"a", "a\n\"b\"\"\nc"]
        {
            assert!(ends_open(open), "{open:?}");
        }
        for closed in [
            "",
            "a\n\"b\nc\"\n",
            "a\n5\" disk\n",
            "\"a\"b\"\n",
            "a\n# don\"t\n1\n",
            "\"a\"\"\"\r\n",
            "\u{feff}\"a\"",
        ] {
            assert!(!ends_open(closed), "{closed:?}");
        }
    }

    /// The reader's own view: one record more at the end, behind whatever was read, tells where it took the file to be.
    #[test]
    fn it_is_open_where_the_reader_takes_it_to_be() {
        let letters = ['"', ',', '\n', 'a', '#', '\r'];
        for number in 0..6usize.pow(6) {
            let text: String = (0..6).map(|at| letters[number / 6usize.pow(at) % 6]).collect();
            let read = |text: &str| -> Vec<Vec<String>> {
                let mut reader = csv::ReaderBuilder::new();
                let reader = reader.has_headers(false).flexible(true).comment(Some(b'#'));
                let records = reader.from_reader(text.as_bytes()).into_records();
                records.map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
            };
            let more = read(&format!("{text}\n\nzz,zz\n"));
            let is_swallowed = more.last().is_none_or(|last| *last != ["zz", "zz"]);
            assert_eq!(ends_open(&text), is_swallowed, "{text:?}");
        }
    }
}
