//! Texts seen before, exactly or nearly: MinHash with locality-sensitive hashing.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::base::error::{Result, within};

/// Characters in a shingle.
const SHINGLE: usize = 5;
const PERMUTATIONS: usize = 128;
const BANDS: usize = 16;
const ROWS: usize = PERMUTATIONS / BANDS;

/// A memory of texts that knows one again, or one much like it.
///
/// A text is the set of its substrings of 5 characters. Similarity is that of Jaccard: shared
/// substrings over all substrings. 128 minimum hashes estimate it with a standard error of at most
/// 0.044; texts are compared if one of 16 bands of 8 hashes is the same, which happens with probability
/// 0.95 at similarity
/// 0.8 and 0.06 at 0.5. Exactly equal texts are found by a 128-bit hash.
///
/// The oldest text is forgotten when there are more than the [`capacity`](Self::capacity), by default
/// 100 000. Cost of a text of `c` characters: O(128 c) time and 1.5 kB.
///
/// Papers: Broder, *On the resemblance and containment of documents*, 1997; Indyk and Motwani, 1998.
///
/// ```
/// use curricle::test_time::self_improvement::NearDuplicates;
///
/// let mut seen = NearDuplicates::new(0.8)?;
/// seen.insert("what is the capital of the country that lies north of Italy?");
/// assert!(seen.contains("what is the capital of the country that lies north of Italy"));
/// assert!(!seen.contains("who wrote the play about the moor of Venice?"));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearDuplicates {
    threshold: f64,
    capacity: usize,
    /// The number of the first text that is still known.
    first: u64,
    known: VecDeque<Known>,
    exact: BTreeMap<u128, u64>,
    bands: BTreeMap<(u8, u64), Vec<u64>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    exact: u128,
    signature: Vec<u32>,
}

impl NearDuplicates {
    /// An empty memory that calls texts of at least this similarity duplicates; `threshold` in `[0.5,
    /// 1]`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange).
    pub fn new(threshold: f64) -> Result<Self> {
        Ok(Self {
            threshold: within("similarity of duplicates", threshold, 0.5, 1.0)?,
            capacity: 100_000,
            first: 0,
            known: VecDeque::new(),
            exact: BTreeMap::new(),
            bands: BTreeMap::new(),
        })
    }

    /// Sets how many texts are kept, at least 1.
    #[must_use]
    pub fn capacity(mut self, texts: usize) -> Self {
        self.capacity = texts.max(1);
        self
    }

    /// How many texts are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether no text is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the text, or one like it, is known.
    pub fn contains(&self, text: &str) -> bool {
        if self.exact.contains_key(&xxh3_128(text.as_bytes())) {
            return true;
        }
        let signature = signature(&shingles(text));
        let near = bands(&signature).filter_map(|band| self.bands.get(&band)).flatten();
        let known = |number: &u64| self.known.get(number.checked_sub(self.first)? as usize);
        near.filter_map(known).any(|known| {
            let same = known.signature.iter().zip(&signature).filter(|(a, b)| a == b).count();
            same as f64 >= self.threshold * PERMUTATIONS as f64
        })
    }

    /// Remembers a text.
    pub fn insert(&mut self, text: &str) {
        let (exact, signature) = (xxh3_128(text.as_bytes()), signature(&shingles(text)));
        let number = self.first + self.known.len() as u64;
        self.exact.insert(exact, number);
        for band in bands(&signature) {
            self.bands.entry(band).or_default().push(number);
        }
        self.known.push_back(Known { exact, signature });
        if self.known.len() > self.capacity {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some(known) = self.known.pop_front() else { return };
        // A later insertion of the same text has its own number, and stays.
        if self.exact.get(&known.exact) == Some(&self.first) {
            self.exact.remove(&known.exact);
        }
        for band in bands(&known.signature) {
            if let Some(numbers) = self.bands.get_mut(&band) {
                numbers.retain(|&number| number != self.first);
                if numbers.is_empty() {
                    self.bands.remove(&band);
                }
            }
        }
        self.first += 1;
    }
}

/// The share of 5-character substrings that two texts have in common, exactly; 1 for equal texts.
///
/// ```
/// use curricle::test_time::self_improvement::jaccard;
///
/// assert_eq!(jaccard("abcdef", "abcdef"), 1.0);
/// assert_eq!(jaccard("abcdef", "bcdefg"), 1.0 / 3.0);
/// ```
pub fn jaccard(a: &str, b: &str) -> f64 {
    let [a, b] = [a, b].map(shingles);
    let shared = a.iter().filter(|shingle| b.binary_search(shingle).is_ok()).count();
    shared as f64 / (a.len() + b.len() - shared) as f64
}

/// The hashes of all substrings of 5 characters, sorted; that of the text if it is shorter.
fn shingles(text: &str) -> Vec<u64> {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let windows = starts.windows(SHINGLE + 1).map(|window| &text[window[0]..window[SHINGLE]]);
    let mut hashes: Vec<u64> = windows.map(|shingle| xxh3_64(shingle.as_bytes())).collect();
    if hashes.is_empty() {
        hashes.push(xxh3_64(text.as_bytes()));
    }
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// Multipliers and offsets of the hash functions.
const HASHES: [(u64, u64); PERMUTATIONS] = {
    const fn mixed(n: u64) -> u64 {
        let z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    let mut hashes = [(0, 0); PERMUTATIONS];
    let mut k = 0;
    while k < PERMUTATIONS {
        hashes[k] = (mixed(2 * k as u64 + 1) | 1, mixed(2 * k as u64 + 2));
        k += 1;
    }
    hashes
};

fn signature(shingles: &[u64]) -> Vec<u32> {
    let least = |&(multiplier, offset): &(u64, u64)| {
        let hash =
            |&shingle: &u64| (shingle.wrapping_mul(multiplier).wrapping_add(offset) >> 32) as u32;
        shingles.iter().map(hash).min().unwrap_or(u32::MAX)
    };
    HASHES.iter().map(least).collect()
}

fn bands(signature: &[u32]) -> impl Iterator<Item = (u8, u64)> {
    signature.chunks(ROWS).enumerate().map(|(band, rows)| {
        let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
        (band as u8, xxh3_64(&bytes))
    })
}
