//! A value as text, for people who compare two.

use std::fmt::{self, Display, Write};

use serde::ser::{self, Serialize};

/// How many elements of a list are shown.
const SHOWN: usize = 8;

/// A value as it would stand in source: `Name { field: value }`. Of a long list the first elements are shown.
pub(crate) fn text<T: Serialize + ?Sized>(value: &T) -> Result<String, fmt::Error> {
    let mut text = Text::default();
    value.serialize(&mut text).map_err(|Refused| fmt::Error)?;
    Ok(text.out)
}

#[derive(Debug)]
pub(crate) struct Refused;

impl Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the value refuses to be serialised")
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

#[derive(Default)]
pub(crate) struct Text {
    out: String,
}

impl Text {
    fn put(&mut self, value: impl Display) -> Result<(), Refused> {
        write!(self.out, "{value}").map_err(|_| Refused)
    }
}

/// A list or a structure that is being written.
pub(crate) struct Open<'a> {
    text: &'a mut Text,
    elements: usize,
    close: &'static str,
}

impl Open<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Refused> {
        self.elements += 1;
        // The fields of a structure are all shown; of a long list the first.
        if name.is_empty() && self.elements > SHOWN {
            return Ok(());
        }
        if self.elements > 1 {
            self.text.put(", ")?;
        }
        if !name.is_empty() {
            self.text.put(name)?;
            self.text.put(": ")?;
        }
        value.serialize(&mut *self.text)
    }

    fn close(self) -> Result<(), Refused> {
        if self.close != " }" && self.elements > SHOWN {
            self.text.put(", ... of ")?;
            self.text.put(self.elements)?;
        }
        self.text.put(self.close)
    }
}

macro_rules! numbers {
    ($($verb:ident $type:ty),*) => {
        $(fn $verb(self, value: $type) -> Result<(), Refused> {
            self.put(value)
        })*
    };
}

impl<'a> ser::Serializer for &'a mut Text {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = Open<'a>;
    type SerializeTuple = Open<'a>;
    type SerializeTupleStruct = Open<'a>;
    type SerializeTupleVariant = Open<'a>;
    type SerializeMap = Open<'a>;
    type SerializeStruct = Open<'a>;
    type SerializeStructVariant = Open<'a>;

    numbers!(
        serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128,
        serialize_f32 f32, serialize_f64 f64, serialize_char char, serialize_str &str
    );

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Refused> {
        self.put(format_args!("{} bytes", bytes.len()))
    }

    fn serialize_none(self) -> Result<(), Refused> {
        self.put("none")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        self.put("()")
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Refused> {
        self.put(name)
    }

    fn serialize_unit_variant(self, _: &str, _: u32, variant: &str) -> Result<(), Refused> {
        self.put(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &str,
        value: &T,
    ) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &str,
        _: u32,
        variant: &str,
        value: &T,
    ) -> Result<(), Refused> {
        self.put(variant)?;
        self.put("(")?;
        value.serialize(&mut *self)?;
        self.put(")")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Open<'a>, Refused> {
        self.put("[")?;
        Ok(Open { text: self, elements: 0, close: "]" })
    }

    fn serialize_tuple(self, _: usize) -> Result<Open<'a>, Refused> {
        self.put("(")?;
        Ok(Open { text: self, elements: 0, close: ")" })
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Open<'a>, Refused> {
        self.put(name)?;
        self.serialize_tuple(0)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'a>, Refused> {
        self.put(variant)?;
        self.serialize_tuple(0)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Open<'a>, Refused> {
        self.serialize_seq(None)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Open<'a>, Refused> {
        self.put(name)?;
        self.put(" { ")?;
        Ok(Open { text: self, elements: 0, close: " }" })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'a>, Refused> {
        self.serialize_struct(variant, 0)
    }
}

macro_rules! elements {
    ($($kind:ident $verb:ident),*) => {
        $(impl ser::$kind for Open<'_> {
            type Ok = ();
            type Error = Refused;

            fn $verb<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
                self.element("", value)
            }

            fn end(self) -> Result<(), Refused> {
                self.close()
            }
        })*
    };
}

elements!(
    SerializeSeq serialize_element, SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field
);

macro_rules! fields {
    ($($kind:ident),*) => {
        $(impl ser::$kind for Open<'_> {
            type Ok = ();
            type Error = Refused;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Refused> {
                self.element(name, value)
            }

            fn end(self) -> Result<(), Refused> {
                self.close()
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Open<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refused> {
        self.element("", key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.element("", value)
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Boltzmann, Bounded, Prior};

    #[test]
    fn as_in_source() {
        let policy = Bounded::new(Boltzmann::new()).floor(0.1, Prior::Weights(vec![0.5; 20]));
        let said = text(&policy).unwrap();
        assert!(said.starts_with("Bounded { inner: Boltzmann { alpha: 0.5, "), "{said}");
        assert!(said.contains("0.5, 0.5, ... of 20]"), "{said}");
        assert_eq!(text(&(1u8, Some("two"), None::<u8>)).unwrap(), "(1, two, none)");
    }
}
