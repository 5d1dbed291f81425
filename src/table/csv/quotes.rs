//! What a reader of CSV does not tell: that a field which was opened with a quote goes to the end of the file.

use std::io::{self, Read};

/// The bytes of a CSV file on their way to its reader. A quote that is never closed makes one field of all rows behind
/// it, which the reader takes for a field like any other. Lines end in `\n` behind it, so that they are counted alike
/// whatever system wrote them; within quotes all stays as it is.
#[derive(Debug)]
pub struct Quotes<R> {
    from: R,
    /// What a line that is passed over begins with.
    comment: Option<u8>,
    at: At,
    /// How many bytes there were, as far as they may be a byte-order mark.
    begun: usize,
    /// Whether the byte before was a `\r` that ended a line.
    is_returned: bool,
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
        Self { from, comment, at: At::Line, begun: 0, is_returned: false, is_over: false }
    }

    /// Whether the file ended within a quoted field.
    pub fn is_open(&self) -> bool {
        self.is_over && self.at == At::Quoted
    }

    /// Takes a byte, and gives what goes on in its place.
    fn step(&mut self, byte: u8) -> Option<u8> {
        if self.begun < MARK.len() && MARK[self.begun] == byte {
            self.begun += 1;
            return Some(byte);
        }
        self.begun = MARK.len();
        let is_second = std::mem::take(&mut self.is_returned) && byte == b'\n';
        let before = self.at;
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
        self.is_returned = byte == b'\r' && self.at == At::Line;
        match (is_second && before == At::Line, self.is_returned) {
            (true, _) => None,
            (_, true) => Some(b'\n'),
            _ => Some(byte),
        }
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.from.read(into)?;
            self.is_over |= read == 0 && !into.is_empty();
            let mut kept = 0;
            for at in 0..read {
                if let Some(byte) = self.step(into[at]) {
                    into[kept] = byte;
                    kept += 1;
                }
            }
            // Nothing means the end.
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
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

    /// A line is a line, however it ends and however the bytes come.
    #[test]
    fn lines_end_alike() {
        struct OneByOne<'a>(&'a [u8]);
        impl Read for OneByOne<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let one = self.0.len().min(into.len()).min(1);
                into[..one].copy_from_slice(&self.0[..one]);
                self.0 = &self.0[one..];
                Ok(one)
            }
        }
        let text = "a,b\r\n1,\"x\r\ny\"\r\n\r\n# c\r\n3\r4\n\n";
        let mut found = String::new();
        Quotes::new(OneByOne(text.as_bytes()), Some(b'#')).read_to_string(&mut found).unwrap();
        assert_eq!(found, "a,b\n1,\"x\r\ny\"\n\n# c\r\n3\n4\n\n");
    }

    /// The reader's own view: one record more at the end, behind whatever was read, tells where it took the file to be.
    #[test]
    fn it_is_open_where_the_reader_takes_it_to_be() {
        let letters = ['"', ',', '\n', 'a', '#', '\r'];
        for number in 0..6usize.pow(5) {
            let text: String = (0..5).map(|at| letters[number / 6usize.pow(at) % 6]).collect();
            let read_from = |from: &mut dyn Read| -> Vec<Vec<String>> {
                let mut reader = csv::ReaderBuilder::new();
                let reader = reader.has_headers(false).flexible(true).comment(Some(b'#'));
                let records = reader.from_reader(from).into_records();
                records.map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
            };
            let read = |text: &str| read_from(&mut text.as_bytes());
            assert_eq!(
                read_from(&mut Quotes::new(text.as_bytes(), Some(b'#'))),
                read(&text),
                "{text:?}"
            );
            let more = read(&format!("{text}\n\nzz,zz\n"));
            let is_swallowed = more.last().is_none_or(|last| *last != ["zz", "zz"]);
            assert_eq!(ends_open(&text), is_swallowed, "{text:?}");
        }
    }
}
