//! Values of the file as those of Rust, and back.

use curricle::{Error, Result};
use serde_json::Value;

/// What no type of Rust can be: a negative count, an option that there is not.
pub fn unsayable(what: &'static str) -> Error {
    Error::OutOfRange { what, value: f64::NAN, low: 0.0, high: f64::MAX }
}

/// A number; those that are not finite are words.
pub fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(other) => panic!("{other:?} is no number"),
        None => value.as_f64().unwrap_or_else(|| panic!("{value} is no number")),
    }
}

fn list<T>(value: &Value, of: impl FnMut(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list")).iter().map(of).collect()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    list(value, number)
}

pub fn rows(value: &Value) -> Vec<Vec<f64>> {
    list(value, numbers)
}

pub fn tables(value: &Value) -> Vec<Vec<Vec<f64>>> {
    list(value, rows)
}

pub fn maybe<T>(value: &Value, of: impl FnOnce(&Value) -> T) -> Option<T> {
    (!value.is_null()).then(|| of(value))
}

pub fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| panic!("{value} is neither true nor false"))
}

pub fn flags(value: &Value) -> Vec<bool> {
    list(value, flag)
}

/// A whole number that is not negative; else an error, as no such call can be written.
pub fn count(what: &'static str, value: &Value) -> Result<u64> {
    let number = number(value);
    match value.as_u64() {
        Some(count) => Ok(count),
        None if !number.is_finite() => Err(Error::NonFinite { what, index: 0, value: number }),
        None if number >= 0.0 && number.fract() == 0.0 => Ok(number as u64),
        None => Err(unsayable(what)),
    }
}

pub fn counts(what: &'static str, value: &Value) -> Result<Vec<u64>> {
    list(value, |value| count(what, value)).into_iter().collect()
}

pub fn size(what: &'static str, value: &Value) -> Result<usize> {
    count(what, value).map(|count| count as usize)
}

pub fn integers(value: &Value) -> Vec<i64> {
    list(value, |value| value.as_i64().unwrap_or_else(|| panic!("{value} is no whole number")))
}

/// Names as numbers: that of the first name, of the second one, and so on.
pub fn numbered(value: &Value) -> Vec<u64> {
    let names = list(value, Value::to_string);
    let number = |name: &String| names.iter().position(|other| other == name);
    names.iter().filter_map(number).map(|number| number as u64).collect()
}

/// Words or token ids, as words.
pub fn words(value: &Value) -> Vec<Vec<String>> {
    list(value, |row| list(row, Value::to_string))
}

pub fn tokens(value: &Value) -> Vec<u32> {
    list(value, |token| token.as_u64().expect("a token is a number") as u32)
}

pub fn texts(value: &Value) -> Vec<Vec<u32>> {
    list(value, tokens)
}

pub fn each<T>(value: &Value, of: impl FnMut(&Value) -> T) -> Vec<T> {
    list(value, of)
}

/// Numbers that are not finite become words.
pub fn out(number: f64) -> Value {
    match number {
        _ if number.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => number.into(),
    }
}

pub fn outs(numbers: &[f64]) -> Value {
    numbers.iter().copied().map(out).collect()
}

pub fn out_rows(rows: &[Vec<f64>]) -> Value {
    rows.iter().map(|row| outs(row)).collect()
}

pub fn opt(number: Option<f64>) -> Value {
    number.map_or(Value::Null, out)
}

pub fn opts(numbers: &[Option<f64>]) -> Value {
    numbers.iter().copied().map(opt).collect()
}

/// Where two values differ: floats by the tolerance, everything else exactly. Whole numbers of the file may be floats.
pub fn differs(found: &Value, expected: &Value, tolerance: (f64, f64)) -> Option<String> {
    let told = || Some(format!("{found} for {expected}"));
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            if !found.keys().eq(expected.keys()) {
                return Some(format!("{:?} for {:?}", found.keys(), expected.keys()));
            }
            let mut parts = found.iter().map(|(key, value)| (key, value, &expected[key]));
            parts.find_map(|(key, found, expected)| {
                differs(found, expected, tolerance).map(|place| format!("{key}: {place}"))
            })
        }
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            let mut parts = found.iter().zip(expected).enumerate();
            parts.find_map(|(at, (found, expected))| {
                differs(found, expected, tolerance).map(|place| format!("[{at}] {place}"))
            })
        }
        (Value::Number(got), Value::Number(want)) => {
            let (relative, absolute) = tolerance;
            let (got, want) = (got.as_f64()?, want.as_f64()?);
            let is_whole = found.is_u64() || found.is_i64();
            let near = if is_whole { 0.0 } else { absolute + relative * want.abs() };
            if (got - want).abs() <= near { None } else { told() }
        }
        _ if found == expected => None,
        _ => told(),
    }
}

/// A comparison that finds nothing wrong would let everything pass.
#[test]
fn differences_are_found() {
    use serde_json::json;
    let expected = json!({ "a": [1.0, null, "Infinity"], "b": { "c": true, "n": 3 } });
    let of = |found: Value| differs(&found, &expected, (1e-9, 0.0)).is_some();
    assert!(!of(json!({ "a": [1.0 + 1e-10, null, "Infinity"], "b": { "c": true, "n": 3 } })));
    assert!(of(json!({ "a": [1.0 + 1e-8, null, "Infinity"], "b": { "c": true, "n": 3 } })));
    assert!(of(json!({ "a": [1.0, 0.0, "Infinity"], "b": { "c": true, "n": 3 } })));
    assert!(of(json!({ "a": [1.0, null, "-Infinity"], "b": { "c": true, "n": 3 } })));
    assert!(of(json!({ "a": [1.0, null], "b": { "c": true, "n": 3 } })));
    assert!(of(json!({ "a": [1.0, null, "Infinity"], "b": { "c": false, "n": 3 } })));
    assert!(of(json!({ "a": [1.0, null, "Infinity"], "b": { "c": true, "n": 4 } })));
    assert!(of(json!({ "a": [1.0, null, "Infinity"], "b": { "c": true } })));
    assert!(of(json!({ "a": [1.0, null, "Infinity"] })));
}
