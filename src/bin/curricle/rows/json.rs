//! A line of JSON, of which only the fields that are asked for are kept.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};

use super::cell::Cell;

/// The fields of an object, in their order here; one that is not there is nothing.
pub fn fields(line: &str, names: &[String]) -> Result<Vec<Cell>, String> {
    let mut json = serde_json::Deserializer::from_str(line);
    let cells = Fields(names).deserialize(&mut json).and_then(|cells| json.end().map(|()| cells));
    cells.map_err(said)
}

/// What is wrong with a line, and at which letter: which line it is, is said before.
fn said(error: serde_json::Error) -> String {
    let (said, column) = (error.to_string(), error.column());
    let place = format!(" at line {} column {column}", error.line());
    said.strip_suffix(&place).map_or(said.clone(), |why| format!("{why}, at letter {column}"))
}

/// Adds the names of the fields of an object that are not there yet, in the order of the line.
pub fn names(line: &str, known: &mut Vec<String>) -> Result<(), String> {
    struct Names<'a>(&'a mut Vec<String>);
    impl<'de> Visitor<'de> for Names<'_> {
        type Value = ();

        fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
            into.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
            while let Some((Name(name), IgnoredAny)) = object.next_entry()? {
                if !self.0.iter().any(|known| *known == name) {
                    self.0.push(name.into_owned());
                }
            }
            Ok(())
        }
    }
    serde_json::Deserializer::from_str(line).deserialize_map(Names(known)).map_err(said)
}

struct Fields<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Vec<Cell>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Cell>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Vec<Cell>;

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Vec<Cell>, A::Error> {
        let mut cells: Vec<Option<Cell>> = vec![None; self.0.len()];
        while let Some(Name(name)) = object.next_key()? {
            match self.0.iter().position(|wanted| *wanted == name) {
                None => drop(object.next_value::<IgnoredAny>()?),
                Some(at) if cells[at].is_some() => {
                    return Err(A::Error::custom(format!("`{name}` stands twice")));
                }
                Some(at) => cells[at] = Some(object.next_value()?),
            }
        }
        // A field that is asked for again has what it has where it was asked for first.
        let first = |at: usize| self.0[..at].iter().position(|name| *name == self.0[at]);
        for at in (0..cells.len()).filter(|&at| cells[at].is_none()).collect::<Vec<_>>() {
            cells[at] = first(at).and_then(|first| cells[first].clone());
        }
        Ok(cells.into_iter().map(|cell| cell.unwrap_or(Cell::Nothing)).collect())
    }
}

/// A key, copied only where it is written with escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
