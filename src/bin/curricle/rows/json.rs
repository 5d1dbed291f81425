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
    cells.map_err(|error| error.to_string())
}

/// The names of the fields of an object, in the order of the line.
pub fn names(line: &str) -> Result<Vec<String>, String> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;

        fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
            into.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
            let mut names = Vec::new();
            while let Some((name, IgnoredAny)) = object.next_entry()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    let names = serde_json::Deserializer::from_str(line).deserialize_map(Names);
    names.map_err(|error| error.to_string())
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
        Ok(cells.into_iter().map(|cell| cell.unwrap_or(Cell::Nothing)).collect())
    }
}

/// A key, copied only where it is written with escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
