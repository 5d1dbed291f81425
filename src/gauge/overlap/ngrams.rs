//! What of test texts stands in training texts.

use std::collections::BTreeMap;

use crate::base::error::Result;
use crate::base::numbers::{SLACK, count_within, in_range, mean, some};

/// The contamination of test sets by training texts: the share of the tokens of a test text that lie in an n-gram of it
/// which also occurs in a training text.
///
/// All limits are strict, with a slack of 1e-9. [`NgramIndex`] does the same for a stream of training texts, in memory that
/// depends on the test texts only. Cost: O(tests texts) in time and memory for the table of coverages, O(tokens) for the
/// rest, and O(log) for each n-gram that may be there.
///
/// Paper: Lambert et al., *Tülu 3*, arXiv 2411.15124 (n 8, coverage 0.5, rate 0.02). Its code knows the last occurrence of an
/// n-gram only; here all count.
///
/// ```
/// use curricle::gauge::Overlap;
///
/// let (test, train) = ([vec![1, 2, 3, 4]], [vec![9, 1, 2, 3], vec![4, 3, 2, 1]]);
/// let reading = Overlap { n: 3, ..Overlap::default() }.read(&test, &train)?;
/// assert_eq!((reading.score, reading.drop), (vec![0.75], vec![0]));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// Tokens of an n-gram.
    pub n: usize,
    /// A test text is flagged, and a training text dropped, above this coverage.
    pub coverage: f64,
    /// A test set is contaminated if more than this share of it is flagged.
    pub rate: f64,
}

impl Default for Overlap {
    fn default() -> Self {
        Self { n: 8, coverage: 0.5, rate: 0.02 }
    }
}

/// What [`Overlap`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Contamination {
    /// By test text and training text.
    pub coverage: Vec<Vec<f64>>,
    /// The greatest of each test text; 0 without training texts.
    pub score: Vec<f64>,
    /// Whether it is above the limit.
    pub flagged: Vec<bool>,
    /// The share of test texts that are.
    pub rate: f64,
    /// Whether that is above its limit.
    pub contaminated: bool,
    /// The training texts that are above the limit of any test text, in order.
    pub drop: Vec<usize>,
}

impl Overlap {
    /// Checks that both limits lie in [0, 1].
    ///
    /// # Errors
    /// One that does not.
    pub fn check(&self) -> Result<()> {
        in_range("coverage", self.coverage, 0.0, 1.0)?;
        in_range("rate", self.rate, 0.0, 1.0)
    }

    /// Whether a coverage is above its limit: a test text is flagged then, and a training text dropped.
    pub fn is_above(&self, coverage: f64) -> bool {
        coverage > self.coverage + SLACK
    }

    /// Whether test texts are contaminated of which so great a share is flagged.
    pub fn is_contaminated(&self, rate: f64) -> bool {
        rate > self.rate + SLACK
    }

    /// Reads test texts against training texts, as token ids.
    ///
    /// # Errors
    /// No test text; an n of 0; a limit outside [0, 1].
    pub fn read<A: AsRef<[u32]>, B: AsRef<[u32]>>(
        &self,
        tests: &[A],
        train: &[B],
    ) -> Result<Contamination> {
        some("tests", tests)?;
        self.check()?;
        let index = NgramIndex::new(tests, self.n)?;
        let mut coverage = vec![vec![0.0; train.len()]; tests.len()];
        for (document, tokens) in train.iter().enumerate() {
            for (test, share) in index.coverage(tokens.as_ref()) {
                coverage[test][document] = share;
            }
        }
        let score: Vec<f64> =
            coverage.iter().map(|of| of.iter().copied().fold(0.0, f64::max)).collect();
        let flagged: Vec<bool> = score.iter().map(|&score| self.is_above(score)).collect();
        let rate = mean(&flagged.iter().map(|&is| f64::from(is)).collect::<Vec<_>>());
        let is_in_any = |document: &usize| coverage.iter().any(|of| self.is_above(of[*document]));
        let drop = (0..train.len()).filter(is_in_any).collect();
        Ok(Contamination {
            score,
            flagged,
            rate,
            contaminated: self.is_contaminated(rate),
            drop,
            coverage,
        })
    }
}

/// Where every n-gram of test texts stands, to look up those of training texts in.
///
/// It is exact: n-grams are found by a hash and compared token by token. It can be read from many threads, and takes about
/// 25 bytes for each token of the test texts.
///
/// ```
/// use curricle::gauge::NgramIndex;
///
/// let index = NgramIndex::new(&[vec![1, 2, 3, 4], vec![5, 6, 7]], 2)?;
/// assert_eq!(index.coverage(&[0, 3, 4, 5, 6]), [(0, 0.5), (1, 2.0 / 3.0)]);
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NgramIndex {
    n: usize,
    /// All test texts, one behind the other, and where each begins.
    tokens: Vec<u32>,
    starts: Vec<usize>,
    /// The hash of every n-gram and its place among the tokens, in order.
    places: Vec<(u64, u32)>,
    /// A bit for what the high bits of a hash may be: most n-grams of a training text are in no test text.
    maybe: Vec<u64>,
    shift: u32,
}

/// The most tokens of test texts: places are counted by 32 bits.
const MOST: u64 = u32::MAX as u64;
/// An odd number with no pattern in its bits.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl NgramIndex {
    /// Of test texts, as token ids.
    ///
    /// # Errors
    /// An n of 0; 2^32 tokens or more.
    pub fn new<A: AsRef<[u32]>>(tests: &[A], n: usize) -> Result<Self> {
        count_within("n", n as u64, 1, u64::MAX)?;
        let (mut tokens, mut starts, mut places) = (Vec::new(), vec![0], Vec::new());
        for test in tests {
            let start = tokens.len();
            tokens.extend_from_slice(test.as_ref());
            starts.push(tokens.len());
            count_within("tokens of the test texts", tokens.len() as u64, 0, MOST)?;
            places.extend(hashes(test.as_ref(), n).map(|(place, hash)| (hash, (start + place) as u32)));
        }
        places.sort_unstable();
        places.shrink_to_fit();
        // Sixteen bits for each n-gram, so that about one in sixteen of the others has to be looked up.
        let bits = (places.len().max(4) as u64 * 16).next_power_of_two().trailing_zeros();
        let (mut maybe, shift) = (vec![0u64; 1 << (bits - 6)], 64 - bits);
        for (hash, _) in &places {
            let bit = hash >> shift;
            maybe[(bit >> 6) as usize] |= 1 << (bit & 63);
        }
        Ok(Self { n, tokens, starts, places, maybe, shift })
    }

    /// The share of the tokens of each test text that lie in an n-gram which stands in this training text, too; those of
    /// which none does are left out. In the order of the test texts.
    pub fn coverage(&self, train: &[u32]) -> Vec<(usize, f64)> {
        let mut found: Vec<u32> = Vec::new();
        // Where each n-gram that was looked up stood first: a text that repeats itself finds nothing twice.
        let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
        for (place, hash) in hashes(train, self.n) {
            let bit = hash >> self.shift;
            if self.maybe[(bit >> 6) as usize] & (1 << (bit & 63)) == 0 {
                continue;
            }
            let of = &train[place..place + self.n];
            let first = self.places.partition_point(|&(other, _)| other < hash);
            let before = *taken.entry(first).or_insert(place);
            if before < place && &train[before..before + self.n] == of {
                continue;
            }
            let alike = self.places[first..].iter().take_while(|(other, _)| *other == hash);
            found.extend(
                alike
                    .map(|&(_, place)| place)
                    .filter(|&place| &self.tokens[place as usize..place as usize + self.n] == of),
            );
        }
        found.sort_unstable();
        found.dedup();
        let mut shares: Vec<(usize, f64)> = Vec::new();
        let (mut covered, mut end) = (0, 0);
        for place in found {
            let place = place as usize;
            let test = self.starts.partition_point(|&start| start <= place) - 1;
            if shares.last().is_none_or(|(other, _)| *other != test) {
                (covered, end) = (0, 0);
                shares.push((test, 0.0));
            }
            covered += place + self.n - place.max(end);
            end = place + self.n;
            if let Some((_, share)) = shares.last_mut() {
                *share = covered as f64 / (self.starts[test + 1] - self.starts[test]) as f64;
            }
        }
        shares
    }
}

/// The place and the hash of every n-gram: a polynomial in the tokens, moved on by a token at a time.
fn hashes(tokens: &[u32], n: usize) -> impl Iterator<Item = (usize, u64)> {
    let mixed = |token: u32| (u64::from(token) + 1).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    // A text that is shorter has none, however long they are.
    let longer = n.min(tokens.len() + 1);
    let leaving = (1..longer).fold(1u64, |power, _| power.wrapping_mul(FACTOR));
    let mut hash = 0u64;
    tokens.iter().enumerate().filter_map(move |(place, &token)| {
        if let Some(first) = place.checked_sub(n) {
            hash = hash.wrapping_sub(mixed(tokens[first]).wrapping_mul(leaving));
        }
        hash = hash.wrapping_mul(FACTOR).wrapping_add(mixed(token));
        // The high bits of a product depend on all bits of its factors.
        let spread = (hash ^ (hash >> 32)).wrapping_mul(FACTOR);
        (place + 1 >= n).then(|| (place + 1 - n, spread))
    })
}
