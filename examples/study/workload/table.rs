//! Secret tables, and what is known of them before the training.

use curricle::{Purpose, Rng, Round};

use super::{DIGIT, value};

/// Digits of the tasks with tables.
pub const BASE: usize = 8;
/// How many symbols the warm-up leaves open for a digit whose symbol is not known.
pub const OPEN: usize = 4;

/// What each digit stands for: a permutation of the digits, and for each digit the symbols that it might stand for as far
/// as the warm-up tells, the right one among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    right: [u8; BASE],
    open: [[u8; OPEN]; BASE],
}

impl Table {
    /// The table of a number.
    pub fn new(number: u64) -> Self {
        let mut rng = Rng::at(0x5EC2E7, Round(number), Purpose::User);
        let mut right = std::array::from_fn(|place| DIGIT + place as u8);
        rng.shuffle(&mut right);
        let open = right.map(|right| open(right, &mut rng));
        Self { right, open }
    }

    /// One that agrees with another on the first digits.
    pub fn agreeing(number: u64, common: &Self, digits: usize) -> Self {
        let own = Self::new(number);
        let mut agreed = common.clone();
        // The other digits stand for the same symbols, in the order of the own table.
        let rest = own
            .right
            .iter()
            .copied()
            .filter(|symbol| common.right.iter().skip(digits).any(|it| it == symbol));
        let mut rng = Rng::at(0x5EC2E7, Round(number + (1 << 32)), Purpose::User);
        for ((right, candidates), symbol) in
            agreed.right.iter_mut().zip(&mut agreed.open).skip(digits).zip(rest)
        {
            *right = symbol;
            *candidates = open(symbol, &mut rng);
        }
        agreed
    }

    /// What a digit stands for.
    pub fn of(&self, digit: u8) -> u8 {
        self.right[value(digit) as usize]
    }

    /// One of the symbols that it might stand for: right once in [`OPEN`] times.
    pub fn guess(&self, digit: u8, rng: &mut Rng) -> u8 {
        self.open[value(digit) as usize][rng.below(OPEN as u64) as usize]
    }
}

/// For each pair of digits a wrong answer that the warm-up knows as well as the right one.
pub struct Rivals(u64);

impl Rivals {
    /// Those of a number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// The rival of what is right for a pair: another digit, always the same one.
    pub fn of(&self, a: i64, b: i64, right: i64) -> i64 {
        let place = Round((self.0 << 16) + 10 * a as u64 + b as u64);
        let further = 1 + Rng::at(0x21BA1, place, Purpose::User).below(9) as i64;
        (right + further).rem_euclid(10)
    }
}

/// A symbol and others, all different.
fn open(right: u8, rng: &mut Rng) -> [u8; OPEN] {
    let mut others: Vec<u8> = (DIGIT..DIGIT + BASE as u8).filter(|&symbol| symbol != right).collect();
    rng.shuffle(&mut others);
    std::array::from_fn(|place| if place == 0 { right } else { others[place - 1] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits() -> impl Iterator<Item = u8> {
        DIGIT..DIGIT + BASE as u8
    }

    #[test]
    fn tables_are_permutations_that_agree_as_far_as_they_are_told() {
        let common = Table::new(0);
        for agreed in [0, 4, 8] {
            let tables: Vec<Table> =
                (1..=20).map(|number| Table::agreeing(number, &common, agreed)).collect();
            for table in &tables {
                let mut sorted: Vec<u8> = digits().map(|digit| table.of(digit)).collect();
                sorted.sort_unstable();
                assert!(sorted.into_iter().eq(digits()));
                assert!(digits().take(agreed).all(|digit| table.of(digit) == common.of(digit)));
            }
            let equal = tables.iter().filter(|&table| *table == tables[0]).count();
            assert!(if agreed == BASE { equal == 20 } else { equal < 4 });
        }
    }

    #[test]
    fn a_rival_is_wrong_and_stays() {
        let rivals = Rivals::new(3);
        let all = |rivals: &Rivals| -> Vec<i64> {
            (0..100).map(|pair| rivals.of(pair / 10, pair % 10, pair % 7)).collect()
        };
        let found = all(&rivals);
        assert!(
            found.iter().zip(0..).all(|(&rival, pair)| (0..10).contains(&rival) && rival != pair % 7)
        );
        assert_eq!(found, all(&rivals));
        assert_ne!(found, all(&Rivals::new(4)));
    }

    #[test]
    fn a_guess_is_right_once_in_four_times() {
        let (table, mut rng) = (Table::new(3), Rng::at(1, Round(1), Purpose::User));
        for digit in digits() {
            let guesses: Vec<u8> = (0..2000).map(|_| table.guess(digit, &mut rng)).collect();
            let right =
                guesses.iter().filter(|&&guess| guess == table.of(digit)).count() as f64 / 2000.0;
            assert!((right - 0.25).abs() < 4.0 * (0.25 * 0.75 / 2000.0f64).sqrt(), "{right}");
            let mut different = guesses;
            different.sort_unstable();
            different.dedup();
            assert_eq!(different.len(), OPEN);
        }
    }
}
