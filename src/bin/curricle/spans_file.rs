//! The list of samples and where each lies among the token rows.

use std::path::Path;

use curricle::signal::Spans;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fault::Fault;

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
    prefix: [usize; 2],
    question: [usize; 2],
}

/// Reads `[{"id": 7, "prefix": [0, 10], "question": [10, 25]}, ...]` and checks every span against the number
/// of rows.
pub fn read(path: &Path, rows: usize) -> Result<Vec<Entry>, Fault> {
    let text = std::fs::read_to_string(path).map_err(|error| Fault::file(path, error))?;
    let list: Vec<&RawValue> = serde_json::from_str(&text)
        .map_err(|error| Fault::file(path, format!("not a list: {error}")))?;
    let mut entries = Vec::with_capacity(list.len());
    for (number, raw) in list.into_iter().enumerate() {
        let written: Written = serde_json::from_str(raw.get())
            .map_err(|error| Fault::file(path, format!("entry {number}: {error}")))?;
        for (name, [start, end]) in [("prefix", written.prefix), ("question", written.question)] {
            if start > end || end > rows {
                let id = written.id;
                let what = format!("entry {number} (id {id}): {name} [{start}, {end}] of {rows} rows");
                return Err(Fault::file(path, what));
            }
        }
        let [prefix, question] = [written.prefix, written.question].map(|[start, end]| start..end);
        entries.push(Entry { id: written.id, spans: Spans { prefix, question } });
    }
    Ok(entries)
}
