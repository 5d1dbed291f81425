//! Which rows go to which workgroup.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Error;
use crate::angle::{Spans, check};

/// The distinct row ranges of some samples, and which two each sample uses.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) segments: Vec<Range<usize>>,
    /// `[segment of the question, segment of the prefix]` a sample.
    pub(super) samples: Vec<[u32; 2]>,
}

impl Plan {
    /// Plans for the samples in turn, each with at most `most` segments (two at the least). A range
    /// that several samples of a plan share is one segment.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a range that ends after `rows`, [`Error::Backwards`] for one that ends
    /// before it starts.
    pub(super) fn groups(spans: &[Spans], rows: usize, most: usize) -> Result<Vec<Plan>, Error> {
        check(spans, rows)?;
        let mut plans = Vec::new();
        let mut plan = Plan::default();
        let mut known = BTreeMap::new();
        for span in spans {
            if plan.segments.len() + 2 > most.max(2) {
                plans.push(std::mem::take(&mut plan));
                known.clear();
            }
            let mut indices = [0; 2];
            for (index, range) in indices.iter_mut().zip([&span.question, &span.prefix]) {
                let range = if range.is_empty() { 0..0 } else { range.clone() };
                let next = plan.segments.len() as u32;
                *index = *known.entry((range.start, range.end)).or_insert(next);
                if *index == next {
                    plan.segments.push(range);
                }
            }
            plan.samples.push(indices);
        }
        plans.push(plan);
        Ok(plans)
    }

    /// How many rows are read, ranges that overlap counted as often.
    pub(super) fn rows(&self) -> usize {
        self.segments.iter().map(ExactSizeIterator::len).sum()
    }

    /// Cuts what lies within `tile` into equal pieces of at most `most` rows, segment by segment.
    pub(super) fn chunks(&self, tile: Range<usize>, most: usize) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        for (segment, range) in self.segments.iter().enumerate() {
            let start = range.start.max(tile.start);
            let end = range.end.min(tile.end);
            if start >= end {
                continue;
            }
            let rows = end - start;
            let pieces = rows.div_ceil(most);
            for piece in 0..pieces {
                chunks.push(Chunk {
                    segment: segment as u32,
                    first: (start - tile.start + rows * piece / pieces) as u32,
                    end: (start - tile.start + rows * (piece + 1) / pieces) as u32,
                });
            }
        }
        chunks
    }
}

/// Rows of one segment that one workgroup sums, counted from the beginning of the tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) segment: u32,
    pub(super) first: u32,
    pub(super) end: u32,
}

/// `[segment, first chunk, end chunk]` for each run of chunks of one segment.
pub(super) fn jobs(chunks: &[Chunk]) -> Vec<u32> {
    let mut jobs = Vec::new();
    let mut first = 0;
    for run in chunks.chunk_by(|a, b| a.segment == b.segment) {
        jobs.extend([run[0].segment, first, first + run.len() as u32]);
        first += run.len() as u32;
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(prefix: Range<usize>, question: Range<usize>) -> Spans {
        Spans { prefix, question }
    }

    #[test]
    fn a_shared_prefix_is_one_segment() {
        let spans = [span(0..5, 5..9), span(0..5, 9..20), span(0..0, 7..7)];
        let plans = Plan::groups(&spans, 20, 100).unwrap();
        assert_eq!(plans.len(), 1);
        assert_eq!(plans[0].segments, [5..9, 0..5, 9..20, 0..0]);
        assert_eq!(plans[0].samples, [[0, 1], [2, 1], [3, 3]]);
        assert_eq!(plans[0].rows(), 20);
    }

    #[test]
    fn every_row_of_a_segment_is_in_one_chunk() {
        let spans = [span(0..5, 5..90), span(0..5, 90..91)];
        let plan = &Plan::groups(&spans, 100, 9).unwrap()[0];
        for cuts in [&[0, 100][..], &[0, 3, 50, 100]] {
            let mut seen = vec![Vec::new(); plan.segments.len()];
            for tile in cuts.windows(2).map(|cut| cut[0]..cut[1]) {
                let chunks = plan.chunks(tile.clone(), 7);
                for chunk in &chunks {
                    assert!(chunk.end - chunk.first <= 7);
                    let rows = chunk.first as usize + tile.start..chunk.end as usize + tile.start;
                    seen[chunk.segment as usize].extend(rows);
                }
                let total: u32 = jobs(&chunks).chunks(3).map(|job| job[2] - job[1]).sum();
                assert_eq!(total as usize, chunks.len());
            }
            for (rows, segment) in seen.iter().zip(&plan.segments) {
                assert_eq!(rows, &segment.clone().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_plan_is_cut_where_it_is_full() {
        let spans: Vec<_> = (0..10).map(|i| span(0..1, i..i + 1)).collect();
        let plans = Plan::groups(&spans, 11, 4).unwrap();
        assert!(plans.iter().all(|plan| plan.segments.len() <= 4));
        assert_eq!(plans.iter().map(|plan| plan.samples.len()).sum::<usize>(), 10);
        let late = Plan::groups(&spans, 9, 4).unwrap_err();
        assert_eq!(late, Error::OutOfRange { sample: 9, end: 10, rows: 9 });
    }
}
