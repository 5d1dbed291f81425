//! The list of samples and where each lies among the token rows.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use curricle::signal::Spans;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fault::Fault;
use crate::states::States;

/// A sample and its rows.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The sample's number.
    pub id: u64,
    /// Its rows.
    pub spans: Spans,
}

#[derive(Deserialize)]
struct Written {
    id: u64,
    request: Option<String>,
    prefix: [usize; 2],
    question: [usize; 2],
}

/// Reads `[{"id": 7, "prefix": [0, 10], "question": [10, 25]}, ...]`, or the same without brackets and
/// commas, an entry a line, in a file whose name ends in .jsonl. Each id must stand there once, each
/// span within the rows.
///
/// With a `request`, or where each file holds one, rows are counted from the first of its file: the one
/// of that name, or of the name of the id.
pub fn read(path: &Path, states: &States) -> Result<Vec<Entry>, Fault> {
    let text = std::fs::read_to_string(path).map_err(|error| Fault::file(path, error))?;
    let mut requests = None;
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    let mut entries = Vec::new();
    for (number, raw) in list(path, &text)?.into_iter().enumerate() {
        let fault = |what: String| Fault::file(path, format!("entry {number}{what}"));
        let written: Written =
            serde_json::from_str(raw).map_err(|error| fault(format!(": {error}")))?;
        let id = written.id;
        if let Some(before) = seen.insert(id, number) {
            return Err(Fault::file(path, format!("entries {before} and {number} have the id {id}")));
        }
        let rows = if states.by_request || written.request.is_some() {
            let requests = match &mut requests {
                Some(requests) => requests,
                none => none.insert(states.requests()?),
            };
            let request = written.request.unwrap_or_else(|| id.to_string());
            requests
                .get(&request)
                .cloned()
                .ok_or_else(|| fault(format!(" (id {id}): no file `{request}.safetensors`")))?
        } else {
            0..states.rows
        };
        let [prefix, question] =
            [("prefix", written.prefix), ("question", written.question)].map(|(name, [start, end])| {
                if start > end || end > rows.len() {
                    let what = format!("{name} [{start}, {end}] of {} rows", rows.len());
                    return Err(fault(format!(" (id {id}): {what}")));
                }
                Ok::<Range<usize>, Fault>(rows.start + start..rows.start + end)
            });
        entries.push(Entry { id, spans: Spans { prefix: prefix?, question: question? } });
    }
    Ok(entries)
}

/// The entries, each as it is written, so that an error can tell which one is wrong.
fn list<'a>(path: &Path, text: &'a str) -> Result<Vec<&'a str>, Fault> {
    if path.extension().is_some_and(|kind| kind == "jsonl") {
        return Ok(text.lines().filter(|line| !line.trim().is_empty()).collect());
    }
    let list: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| Fault::file(path, format!("not a list: {error}")))?;
    Ok(list.into_iter().map(RawValue::get).collect())
}
