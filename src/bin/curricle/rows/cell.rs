//! What a row has in a field.

use std::fmt;

use parquet::record::Field;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value as a file has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Null, or no field of this name.
    Nothing,
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    /// What CSV has: a number, a flag or a text, whichever is asked for. An empty one is a text or nothing.
    Written(String),
    List(Vec<Cell>),
    /// What nothing here is read from: an object, a date, bytes.
    Other,
}

impl Cell {
    /// Whether there is no value, unless a text is asked for.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Written(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Written(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn whole(&self) -> Option<u64> {
        match self {
            Self::Whole(number) => u64::try_from(*number).ok(),
            Self::Written(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A flag, which may be 0 or 1.
    pub fn flag(&self) -> Option<bool> {
        match (self, self.number()) {
            (Self::Flag(flag), _) => Some(*flag),
            (_, Some(0.0)) => Some(false),
            (_, Some(1.0)) => Some(true),
            (Self::Written(text), _) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    /// A text or a whole number, as a name.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Written(text) => {
                Some(text.clone()).filter(|name| !name.trim().is_empty())
            }
            Self::Whole(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

impl From<&Field> for Cell {
    fn from(field: &Field) -> Self {
        match field {
            Field::Null => Self::Nothing,
            Field::Bool(flag) => Self::Flag(*flag),
            Field::Byte(number) => Self::Whole((*number).into()),
            Field::Short(number) => Self::Whole((*number).into()),
            Field::Int(number) => Self::Whole((*number).into()),
            Field::Long(number) => Self::Whole(*number),
            Field::UByte(number) => Self::Whole((*number).into()),
            Field::UShort(number) => Self::Whole((*number).into()),
            Field::UInt(number) => Self::Whole((*number).into()),
            Field::ULong(number) => whole(*number),
            Field::Float16(number) => Self::Number((*number).into()),
            Field::Float(number) => Self::Number((*number).into()),
            Field::Double(number) => Self::Number(*number),
            Field::Str(text) => Self::Text(text.clone()),
            Field::ListInternal(list) => Self::List(list.elements().iter().map(Self::from).collect()),
            _ => Self::Other,
        }
    }
}

/// One that is too great for a whole number is a number.
fn whole(number: u64) -> Cell {
    i64::try_from(number).map_or(Cell::Number(number as f64), Cell::Whole)
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Json)
    }
}

struct Json;

impl<'de> Visitor<'de> for Json {
    type Value = Cell;

    fn expecting(&self, into: &mut fmt::Formatter<'_>) -> fmt::Result {
        into.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Nothing)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Cell, E> {
        Ok(Cell::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Cell, E> {
        Ok(Cell::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Cell, E> {
        Ok(whole(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Cell, E> {
        Ok(Cell::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Cell, E> {
        Ok(Cell::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
        let mut cells = Vec::new();
        while let Some(cell) = list.next_element()? {
            cells.push(cell);
        }
        Ok(Cell::List(cells))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell, A::Error> {
        while object.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
        Ok(Cell::Other)
    }
}
