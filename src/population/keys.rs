//! Names of samples that stay when the data set changes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::arms::Arms;
use crate::base::error::{Error, Result, length};
use crate::base::id::SampleId;
use crate::files::column;

/// The stable name of a sample: 128 bits, by which it is found again when its number has changed.
///
/// A string is hashed (XXH3-128); two strings of a set of 10^9 have the same hash with probability 10^-21, and are refused
/// then as if they were equal. A number, such as a hash or an identifier of the data set's own, is taken as it is.
///
/// ```
/// use curricle::Key;
///
/// assert_eq!(Key::from("math/0001"), Key::from("math/0001".to_owned()));
/// assert_ne!(Key::from("math/0001"), Key::from("math/0002"));
/// assert_eq!(Key::from(255).to_string(), "000000000000000000000000000000ff");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "[u8; 16]", into = "[u8; 16]")]
pub struct Key(pub u128);

impl From<u128> for Key {
    fn from(key: u128) -> Self {
        Self(key)
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        Self(xxh3_128(key.as_bytes()))
    }
}

impl From<String> for Key {
    fn from(key: String) -> Self {
        Self::from(&key[..])
    }
}

impl From<[u8; 16]> for Key {
    fn from(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }
}

impl From<Key> for [u8; 16] {
    fn from(key: Key) -> Self {
        key.0.to_le_bytes()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// The keys of all samples. No two samples that are there have the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Keys {
    /// By sample, those of removed ones included.
    #[serde(deserialize_with = "column::deserialize")]
    keys: Vec<Key>,
    #[serde(skip)]
    index: Index,
}

/// Where keys are found. It follows from the list and from which samples are there, so nothing compares it.
#[derive(Debug, Clone, Default)]
struct Index {
    /// The samples of the beginning, in the order of their keys; some may be gone.
    sorted: Vec<u32>,
    /// Those that came later.
    later: BTreeMap<Key, SampleId>,
}

impl PartialEq for Index {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Keys {
    /// Checks that there is one key for each sample, all different.
    pub fn new(keys: Vec<Key>, samples: usize) -> Result<Self> {
        length("keys", samples, keys.len())?;
        let mut sorted: Vec<u32> = (0..keys.len() as u32).collect();
        sorted.sort_unstable_by_key(|&sample| (keys[sample as usize], sample));
        let is_same = |pair: &[u32]| keys[pair[0] as usize] == keys[pair[1] as usize];
        let second = sorted.windows(2).filter(|pair| is_same(pair)).map(|pair| pair[1]).min();
        if let Some(index) = second {
            return Err(Error::Duplicate { what: "key", index: index.into() });
        }
        Ok(Self { keys, index: Index { sorted, later: BTreeMap::new() } })
    }

    /// The key of a sample, also of one that was removed.
    pub fn get(&self, sample: SampleId) -> Option<Key> {
        self.keys.get(sample.index()).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = Key> + '_ {
        self.keys.iter().copied()
    }

    /// The sample that has a key, if it is there.
    pub fn find(&self, key: Key, arms: &Arms) -> Option<SampleId> {
        let is_there = |sample: &SampleId| arms.slot_of(*sample).is_ok();
        if let Some(&sample) = self.index.later.get(&key) {
            return Some(sample).filter(is_there);
        }
        let sorted = &self.index.sorted;
        let place = sorted.partition_point(|&sample| self.keys[sample as usize] < key);
        let sample = sorted.get(place).map(|&sample| SampleId(sample.into()))?;
        (self.get(sample) == Some(key)).then_some(sample).filter(is_there)
    }

    /// Adds the key of a new sample, which no sample that is there has.
    pub fn push(&mut self, key: Key) {
        self.index.later.insert(key, SampleId(self.keys.len() as u64));
        self.keys.push(key);
    }

    /// Makes the index of what was read from a file; says whether no two samples that are there have the same key.
    pub fn index(&mut self, arms: &Arms) -> bool {
        let keys = &self.keys;
        let is_there = |&sample: &u32| arms.slot_of(SampleId(sample.into())).is_ok();
        let mut sorted: Vec<u32> = (0..keys.len() as u32).filter(is_there).collect();
        sorted.sort_unstable_by_key(|&sample| keys[sample as usize]);
        let is_same = |pair: &[u32]| keys[pair[0] as usize] == keys[pair[1] as usize];
        let are_different = !sorted.windows(2).any(is_same);
        let is_whole = keys.len() == arms.samples();
        self.index = Index { sorted, later: BTreeMap::new() };
        are_different && is_whole
    }
}
