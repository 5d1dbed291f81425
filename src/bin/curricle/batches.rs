//! Samples grouped so that their rows fit a buffer.

use std::collections::BTreeMap;
use std::ops::Range;

use curricle::signal::Spans;

use crate::spans_file::Entry;

/// Samples that are scored together, and the rows they need.
pub struct Batch {
    /// Positions in the list of entries.
    pub samples: Vec<usize>,
    /// What to read, one range after the other.
    pub ranges: Vec<Range<usize>>,
    /// Where each sample lies among the rows as they were read.
    pub spans: Vec<Spans>,
}

impl Batch {
    /// The row of the file that was read as this row.
    pub fn row_of_file(&self, mut row: usize) -> usize {
        for range in &self.ranges {
            if row < range.len() {
                return range.start + row;
            }
            row -= range.len();
        }
        row
    }
}

/// Groups samples, in the order of their rows, into batches of at most `most` rows, or of one sample
/// that needs more. A range of rows that several samples of a batch share is read once.
pub fn group(entries: &[Entry], samples: Range<usize>, most: usize) -> Vec<Batch> {
    let mut order: Vec<usize> = samples.collect();
    order.sort_by_key(|&sample| (entries[sample].spans.question.start, sample));
    let mut batches = Vec::new();
    let mut open = Open::default();
    for sample in order {
        let spans = &entries[sample].spans;
        if !open.batch.samples.is_empty() && open.rows + open.further(spans) > most {
            batches.push(std::mem::take(&mut open).batch);
        }
        open.add(sample, spans);
    }
    if !open.batch.samples.is_empty() {
        batches.push(open.batch);
    }
    batches
}

struct Open {
    batch: Batch,
    /// Where each range of rows was put.
    places: BTreeMap<(usize, usize), usize>,
    rows: usize,
}

impl Default for Open {
    fn default() -> Self {
        let batch = Batch { samples: Vec::new(), ranges: Vec::new(), spans: Vec::new() };
        Self { batch, places: BTreeMap::new(), rows: 0 }
    }
}

impl Open {
    fn further(&self, spans: &Spans) -> usize {
        [&spans.prefix, &spans.question]
            .into_iter()
            .filter(|range| !self.places.contains_key(&(range.start, range.end)))
            .map(ExactSizeIterator::len)
            .sum()
    }

    fn add(&mut self, sample: usize, spans: &Spans) {
        let mut place = |range: &Range<usize>| {
            let start = *self.places.entry((range.start, range.end)).or_insert_with(|| {
                self.batch.ranges.push(range.clone());
                self.rows += range.len();
                self.rows - range.len()
            });
            start..start + range.len()
        };
        let spans = Spans { prefix: place(&spans.prefix), question: place(&spans.question) };
        self.batch.samples.push(sample);
        self.batch.spans.push(spans);
    }
}
