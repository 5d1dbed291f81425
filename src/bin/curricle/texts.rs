//! Texts of a file, one by one, and their tokens.

use std::path::Path;

use crate::fault::Fault;
use crate::rows::{self, Cell, Row};

/// A text as a file has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Text {
    Words(String),
    Tokens(Vec<u32>),
}

impl Text {
    /// Takes the text out of a field of a row.
    pub fn of(row: &mut Row, field: usize) -> Result<Self, Fault> {
        match std::mem::replace(&mut row.cells[field], Cell::Nothing) {
            Cell::Text(text) | Cell::Written(text) => Ok(Self::Words(text)),
            Cell::List(tokens) => {
                let token = |cell: &Cell| cell.whole().and_then(|token| u32::try_from(token).ok());
                let tokens: Option<Vec<u32>> = tokens.iter().map(token).collect();
                tokens.map(Self::Tokens).ok_or_else(|| row.is_no(field, "list of token ids"))
            }
            Cell::Nothing => Err(row.lacks(field)),
            _ => Err(row.is_no(field, "string, and no list of token ids")),
        }
    }

    /// How much memory it takes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Words(text) => text.len(),
            Self::Tokens(tokens) => size_of_val(tokens.as_slice()),
        }
    }
}

/// The texts of a file in their order, from the rows of it.
pub struct Reader<'a> {
    rows: rows::Reader,
    kind: &'a mut Kind,
}

impl<'a> Reader<'a> {
    /// Opens a file; `field` has the text, which is of the kind of those before it.
    pub fn open(path: &Path, field: &str, kind: &'a mut Kind) -> Result<Self, Fault> {
        Ok(Self { rows: rows::Reader::open(path, &[field.to_owned()])?, kind })
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Text, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut text = |mut row: Row| {
            let text = Text::of(&mut row, 0)?;
            self.kind.check(&text, &row).map(|()| text)
        };
        Some(self.rows.next()?.and_then(&mut text))
    }
}

/// Whether texts are words or token ids, as the first one was.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kind {
    are_words: Option<bool>,
}

impl Kind {
    /// Refuses words beside token ids: their numbers have nothing to do with each other.
    pub fn check(&mut self, text: &Text, row: &Row) -> Result<(), Fault> {
        let is_words = matches!(text, Text::Words(_));
        if *self.are_words.get_or_insert(is_words) != is_words {
            return Err(row.fault("words beside token ids: the numbers of the two are not the same"));
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
    let mut is_ascii = true;
    for letter in text.chars().chain([' ']) {
        if letter.is_ascii_alphanumeric() {
            word.push(letter.to_ascii_lowercase());
        } else if letter.is_alphanumeric() {
            word.push(letter);
            is_ascii = false;
        } else if !word.is_empty() {
            // The last letter of a word may be another one than within it.
            if is_ascii {
                take(&word)
            } else {
                take(&word.to_lowercase())
            }
            word.clear();
            is_ascii = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let mut found = Vec::new();
        each_word("  Don't—STOP, Übergröße 3.14! ΣΑΣ σας", |word| {
            found.push(word.to_owned())
        });
        assert_eq!(found, ["don", "t", "stop", "übergröße", "3", "14", "σας", "σας"]);
    }

    #[test]
    fn strange_words_are_alike() {
        let mut vocabulary = Vocabulary::default();
        assert_eq!(vocabulary.learn(&Text::Words("a b A".into())), [0, 1, 0]);
        assert_eq!(vocabulary.tokens(&Text::Words("b c d a".into())), [1, STRANGE, STRANGE, 0]);
    }
}
