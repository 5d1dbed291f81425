//! A set of numbers that is filled, asked and forgotten.

/// Numbers below 2^64 - 1, by open addressing. Its order is never looked at, so nothing depends on
/// the hash; a set of the standard library costs ten times as much for a batch.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// A number plus one, or 0 where there is none.
    table: Vec<u64>,
    count: usize,
}

impl Seen {
    /// Forgets everything, and makes room for so many numbers.
    pub fn clear(&mut self, expected: usize) {
        let room = (4 * expected).next_power_of_two().max(16);
        self.table.clear();
        self.table.resize(room, 0);
        self.count = 0;
    }

    /// Takes a number in; says whether it is new.
    #[inline]
    pub fn insert(&mut self, number: u64) -> bool {
        if 2 * (self.count + 1) > self.table.len() {
            self.grow();
        }
        let place = self.place(number);
        let new = self.table[place] == 0;
        self.table[place] = number + 1;
        self.count += usize::from(new);
        new
    }

    /// Whether a number has been taken in.
    #[inline]
    pub fn contains(&self, number: u64) -> bool {
        !self.table.is_empty() && self.table[self.place(number)] != 0
    }

    /// Where a number is, or would be.
    #[inline]
    fn place(&self, number: u64) -> usize {
        let last = self.table.len() - 1;
        let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut place = (hash >> 32) as usize & last;
        while self.table[place] != 0 && self.table[place] != number + 1 {
            place = (place + 1) & last;
        }
        place
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.table);
        self.clear((old.len() / 2).max(4));
        old.iter().filter(|entry| **entry != 0).for_each(|entry| {
            self.insert(entry - 1);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_sorted_set(
            numbers in prop::collection::vec(prop_oneof![0..50u64, any::<u64>().prop_map(|n| n / 2)], 0..300),
            expected in 0..100usize,
        ) {
            let mut seen = Seen::default();
            prop_assert!(!seen.contains(1));
            for _ in 0..2 {
                seen.clear(expected);
                let mut twin = BTreeSet::new();
                for &number in &numbers {
                    prop_assert_eq!(seen.insert(number), twin.insert(number));
                    prop_assert!(seen.contains(number));
                    prop_assert_eq!(seen.contains(number + 1), twin.contains(&(number + 1)));
                }
            }
        }
    }
}
