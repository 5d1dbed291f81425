//! Texts of a file, one by one, and their tokens.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;
use serde_json::Value;

use crate::fault::Fault;

/// A text as a file has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Text {
    Words(String),
    Tokens(Vec<u32>),
}

impl Text {
    /// How much memory it takes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Words(text) => text.len(),
            Self::Tokens(tokens) => size_of_val(tokens.as_slice()),
        }
    }
}

/// The texts of a file in their order: an error names the line, counted from 1, or the row of a Parquet file, from 0.
pub struct Reader {
    path: PathBuf,
    field: String,
    row: usize,
    rows: Rows,
}

enum Rows {
    Lines(Lines<BufReader<File>>),
    Parquet(RowIter<'static>),
    /// Nothing behind a damaged row can be believed.
    Over,
}

impl Reader {
    /// Opens a file whose name ends in .jsonl or .parquet; `field` has the text.
    pub fn open(path: &Path, field: &str) -> Result<Self, Fault> {
        let file = File::open(path).map_err(|error| Fault::file(path, error))?;
        let rows = match path.extension().and_then(|kind| kind.to_str()) {
            Some("jsonl") => Rows::Lines(BufReader::new(file).lines()),
            Some("parquet") => Rows::Parquet(
                catch_unwind(AssertUnwindSafe(|| column(file, field)))
                    .unwrap_or_else(|_| Err("damaged".into()))
                    .map_err(|what| Fault::file(path, what))?,
            ),
            _ => return Err(Fault::file(path, "texts are read from .jsonl or .parquet")),
        };
        Ok(Self { path: path.to_path_buf(), field: field.to_owned(), row: 0, rows })
    }

    fn judged(&mut self, read: Result<Text, String>, what: &str, place: usize) -> Result<Text, Fault> {
        if read.is_err() {
            self.rows = Rows::Over;
        }
        read.map_err(|why| Fault::file(&self.path, format!("{what} {place}: {why}")))
    }

    fn line(&self, line: &str) -> Result<Text, String> {
        let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        match value.get(&self.field) {
            Some(Value::String(text)) => Ok(Text::Words(text.clone())),
            Some(Value::Array(tokens)) => {
                let token = |it: &Value| it.as_u64().and_then(|it| u32::try_from(it).ok());
                let tokens: Option<Vec<u32>> = tokens.iter().map(token).collect();
                tokens
                    .map(Text::Tokens)
                    .ok_or_else(|| format!("`{}` has what is no token id", self.field))
            }
            Some(_) => Err(format!("`{}` is neither a string nor a list of token ids", self.field)),
            None => Err(format!("there is no `{}`", self.field)),
        }
    }
}

/// The rows of a Parquet file with this one column.
fn column(file: File, field: &str) -> Result<RowIter<'static>, String> {
    let reader = SerializedFileReader::new(file).map_err(|error| error.to_string())?;
    let schema = reader.metadata().file_metadata().schema().clone();
    let wanted = schema.get_fields().iter().find(|of| of.name() == field);
    let wanted = wanted.ok_or_else(|| format!("there is no column `{field}`"))?;
    let only = Type::group_type_builder(schema.name()).with_fields(vec![Arc::clone(wanted)]).build();
    let only = only.map_err(|error| error.to_string())?;
    RowIter::from_file_into(Box::new(reader)).project(Some(only)).map_err(|error| error.to_string())
}

fn cell(field: &str, cell: &Field) -> Result<Text, String> {
    match cell {
        Field::Str(text) => Ok(Text::Words(text.clone())),
        Field::ListInternal(tokens) => {
            let tokens: Option<Vec<u32>> = tokens.elements().iter().map(token).collect();
            tokens.map(Text::Tokens).ok_or_else(|| format!("`{field}` has what is no token id"))
        }
        Field::Null => Err(format!("there is no `{field}`")),
        _ => Err(format!("`{field}` is neither a string nor a list of token ids")),
    }
}

fn token(cell: &Field) -> Option<u32> {
    match *cell {
        Field::Byte(token) => token.try_into().ok(),
        Field::Short(token) => token.try_into().ok(),
        Field::Int(token) => token.try_into().ok(),
        Field::Long(token) => token.try_into().ok(),
        Field::UByte(token) => Some(token.into()),
        Field::UShort(token) => Some(token.into()),
        Field::UInt(token) => Some(token),
        Field::ULong(token) => token.try_into().ok(),
        _ => None,
    }
}

impl Iterator for Reader {
    type Item = Result<Text, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match &mut self.rows {
            Rows::Over => return None,
            Rows::Lines(lines) => {
                let line = loop {
                    self.row += 1;
                    match lines.next()? {
                        Ok(line) if line.trim().is_empty() => (),
                        line => break line,
                    }
                };
                let read = line.map_err(|error| error.to_string()).and_then(|line| self.line(&line));
                return Some(self.judged(read, "line", self.row));
            }
            Rows::Parquet(rows) => {
                // A file that is damaged can make its reader panic.
                match catch_unwind(AssertUnwindSafe(|| rows.next())) {
                    Err(_) => Err("damaged".into()),
                    Ok(None) => return None,
                    Ok(Some(Err(error))) => Err(error.to_string()),
                    Ok(Some(Ok(row))) => match row.get_column_iter().next() {
                        Some((_, value)) => cell(&self.field, value),
                        None => Err(format!("there is no `{}`", self.field)),
                    },
                }
            }
        };
        self.row += 1;
        Some(self.judged(read, "row", self.row - 1))
    }
}

/// Whether texts are words or token ids, as the first one was.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kind {
    are_words: Option<bool>,
}

impl Kind {
    /// Refuses words beside token ids: their numbers have nothing to do with each other.
    pub fn check(&mut self, text: &Text, path: &Path) -> Result<(), Fault> {
        let is_words = matches!(text, Text::Words(_));
        if *self.are_words.get_or_insert(is_words) != is_words {
            let what = "words beside token ids: the numbers of the two are not the same";
            return Err(Fault::file(path, what));
        }
        Ok(())
    }
}

/// The words of the test texts by number: words of a training text that are in none of them are all alike.
///
/// It is only ever looked up, so that its order does not matter.
#[derive(Debug, Default)]
pub struct Vocabulary {
    #[expect(clippy::disallowed_types, reason = "looked up, never gone through")]
    words: std::collections::HashMap<String, u32>,
}

/// A word that no test text has.
const STRANGE: u32 = u32::MAX;

impl Vocabulary {
    /// The tokens of a test text.
    pub fn learn(&mut self, text: &Text) -> Vec<u32> {
        let mut tokens = Vec::new();
        match text {
            Text::Tokens(given) => tokens.extend(given),
            Text::Words(text) => each_word(text, |word| {
                let next = self.words.len() as u32;
                match self.words.get(word) {
                    Some(&known) => tokens.push(known),
                    None => {
                        self.words.insert(word.to_owned(), next);
                        tokens.push(next);
                    }
                }
            }),
        }
        tokens
    }

    /// The tokens of a training text.
    pub fn tokens(&self, text: &Text) -> Vec<u32> {
        match text {
            Text::Tokens(given) => given.clone(),
            Text::Words(text) => {
                let mut tokens = Vec::with_capacity(text.len() / 5);
                each_word(text, |word| tokens.push(self.words.get(word).copied().unwrap_or(STRANGE)));
                tokens
            }
        }
    }
}

/// Runs of letters and digits, in lower case.
fn each_word(text: &str, mut take: impl FnMut(&str)) {
    let mut word = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            word.push(letter.to_ascii_lowercase());
        } else if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        } else if !word.is_empty() {
            take(&word);
            word.clear();
        }
    }
    if !word.is_empty() {
        take(&word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let mut found = Vec::new();
        each_word("  Don't—STOP, Übergröße 3.14!", |word| found.push(word.to_owned()));
        assert_eq!(found, ["don", "t", "stop", "übergröße", "3", "14"]);
    }

    #[test]
    fn strange_words_are_alike() {
        let mut vocabulary = Vocabulary::default();
        assert_eq!(vocabulary.learn(&Text::Words("a b A".into())), [0, 1, 0]);
        assert_eq!(vocabulary.tokens(&Text::Words("b c d a".into())), [1, STRANGE, STRANGE, 0]);
    }
}
