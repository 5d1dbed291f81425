//! The methods of the papers against vectors that were computed independently, twice.
//!
//! `CURRICLE_GOLDEN_SEEDS` may name another file of the same form; all of its cases are run in place of ours.

#[path = "golden_seeds/calls.rs"]
mod calls;
#[path = "golden_seeds/value.rs"]
mod value;

use std::collections::BTreeMap;

use curricle::Error;
use serde_json::Value;
use value::differs;

fn cases() -> Vec<Value> {
    let own = include_str!("data/seeds.json");
    let text = match std::env::var("CURRICLE_GOLDEN_SEEDS") {
        Ok(path) => std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")),
        Err(_) => own.to_owned(),
    };
    let mut file: Value = serde_json::from_str(&text).expect("the file is JSON");
    match file["cases"].take() {
        Value::Array(cases) => cases,
        _ => panic!("the file has no list of cases"),
    }
}

/// As the file calls it.
fn kind(error: &Error) -> &'static str {
    match error {
        Error::Empty { .. } => "empty",
        Error::Length { .. } => "length",
        Error::NonFinite { .. } => "non_finite",
        Error::OutOfRange { .. } => "out_of_range",
        _ => "another",
    }
}

#[test]
fn every_case_of_every_method() {
    let (mut wrong, mut count) = (Vec::new(), BTreeMap::new());
    let cases = cases();
    for case in &cases {
        let (id, method) = (&case["id"], case["method"].as_str().expect("a method has a name"));
        *count.entry(method).or_insert(0) += 1;
        let found = calls::call(method, &case["inputs"]);
        let expected = &case["expected"];
        match (found, expected.get("error").and_then(Value::as_str)) {
            (Ok(found), None) => {
                let number = |key: &str| case["tolerance"][key].as_f64().expect("a tolerance");
                if let Some(place) = differs(&found, expected, (number("rel"), number("abs"))) {
                    wrong.push(format!("{id}: {place}"));
                }
            }
            (Err(error), Some(expected)) if kind(&error) == expected => (),
            (found, _) => wrong.push(format!("{id}: {found:?} for {expected}")),
        }
    }
    println!("{} cases of {} methods", cases.len(), count.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    let is_own = std::env::var_os("CURRICLE_GOLDEN_SEEDS").is_none();
    assert!(!cases.is_empty() && (!is_own || (cases.len(), count.len()) == (456, 44)));
}
