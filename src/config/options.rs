//! How a part is described: its required options by name, and the others, which fall back on the part's own defaults.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::base::schedule::Schedule;

/// Lets a part that needs no options be named by a word: `uniform` is `{ uniform = {} }`. The part derives the other
/// form, as its own functions.
macro_rules! words {
    ($part:ident) => {
        impl serde::Serialize for $part {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $part::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $part {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Part;
                impl<'de> serde::de::Visitor<'de> for Part {
                    type Value = $part;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str("a name, or a table of one name with its options")
                    }

                    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<$part, E> {
                        let table = std::iter::once((name, crate::config::options::Nothing));
                        let table = serde::de::value::MapDeserializer::new(table);
                        $part::deserialize(serde::de::value::MapAccessDeserializer::new(table))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<$part, A::Error> {
                        let part = serde::de::value::MapAccessDeserializer::new(&mut map);
                        let part = $part::deserialize(part)?;
                        crate::config::options::no_more(map).map(|()| part)
                    }
                }
                deserializer.deserialize_any(Part)
            }
        }
    };
}

pub(super) use words;

/// Declares the description of a part. What is in parentheses must be there and is handed to the constructor; each of
/// the others, if it is there, to its setter. So a default stands in one place, the constructor of the part.
macro_rules! options {
    ($name:ident => $part:ty: ($($must:ident: $kind:ty),*) $new:expr, { $($option:ident: $type:ty => $set:expr,)* }) => {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $(pub $must: $kind,)*
            $(#[serde(default, skip_serializing_if = "Option::is_none")] pub $option: Option<$type>,)*
        }

        impl $name {
            pub fn build(self) -> $part {
                #[allow(unused_mut, reason = "a part without options")]
                let mut part: $part = $new($(self.$must),*);
                $(if let Some(value) = self.$option {
                    part = crate::config::options::with(part, value, $set);
                })*
                part
            }
        }
    };
}

pub(super) use options;

/// Sets one option.
pub(crate) fn with<P, T>(part: P, value: T, set: impl FnOnce(P, T) -> P) -> P {
    set(part, value)
}

/// A table that names one thing has no second name.
pub(crate) fn no_more<'de, A: de::MapAccess<'de>>(mut table: A) -> Result<(), A::Error> {
    match table.next_key::<String>()? {
        Some(name) => Err(de::Error::custom(format!("one name is enough, `{name}` is another"))),
        None => Ok(()),
    }
}

/// No options at all: an empty table, or nothing where a name has no table.
pub(crate) struct Nothing;

impl<'de, E: de::Error> de::IntoDeserializer<'de, E> for Nothing {
    type Deserializer = NothingOf<E>;

    fn into_deserializer(self) -> Self::Deserializer {
        NothingOf(PhantomData)
    }
}

pub(crate) struct NothingOf<E>(PhantomData<E>);

impl<'de, E: de::Error> Deserializer<'de> for NothingOf<E> {
    type Error = E;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        let options = std::iter::empty::<(&str, &str)>();
        visitor.visit_map(de::value::MapDeserializer::new(options))
    }

    fn deserialize_unit<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A [`Schedule`], or the number that is constant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Constant(f64),
    Schedule(Schedule),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl<'de> de::Visitor<'de> for Number {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter
                    .write_str("a number, or a schedule such as `{ linear = { from, to, rounds } }`")
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Constant(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Constant(value as f64))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
                Ok(Value::Constant(value as f64))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let schedule = de::value::MapAccessDeserializer::new(&mut map);
                let schedule = Schedule::deserialize(schedule)?;
                no_more(map).map(|()| Value::Schedule(schedule))
            }
        }

        deserializer.deserialize_any(Number)
    }
}

impl From<Value> for Schedule {
    fn from(value: Value) -> Self {
        match value {
            Value::Constant(value) => Schedule::Constant(value),
            Value::Schedule(schedule) => schedule,
        }
    }
}
