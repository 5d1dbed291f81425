//! The time of a run, in at most so many columns of equally many rounds.

use std::collections::BTreeMap;

use super::sums::Sums;

/// How many columns there are at most. When there would be more, each takes in its neighbour.
pub const MOST: usize = 200;

/// Into how many classes successes are sorted, from 0 to 1.
const CLASSES: f64 = 1000.0;

/// What happened within some rounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Column {
    pub all: Sums,
    pub arms: BTreeMap<u32, Sums>,
    /// How many outcomes had a success, by its class.
    successes: BTreeMap<u16, u64>,
}

impl Column {
    pub fn arm(&mut self, arm: u32) -> &mut Sums {
        self.arms.entry(arm).or_default()
    }

    pub fn succeeded(&mut self, success: f32) {
        let class = (f64::from(success) * CLASSES).round() as u16;
        *self.successes.entry(class).or_default() += 1;
    }

    /// The least success that at least a part of the outcomes do not exceed.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let all: u64 = self.successes.values().sum();
        let rank = (part * all as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let class = self.successes.iter().find(|(_, count)| {
            below += *count;
            below >= rank
        });
        class.map(|(class, _)| f64::from(*class) / CLASSES)
    }

    fn join(&mut self, other: &Self) {
        self.all.join(&other.all);
        other.arms.iter().for_each(|(arm, sums)| self.arm(*arm).join(sums));
        for (class, count) in &other.successes {
            *self.successes.entry(*class).or_default() += count;
        }
    }
}

/// The columns of a run, from its first round on.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    pub first: u64,
    /// How many rounds a column has.
    pub width: u64,
    pub all: Vec<Column>,
    /// The last round that anything happened in.
    last: u64,
}

impl Columns {
    pub fn new(first: u64, width: u64) -> Self {
        Self { first, width, all: Vec::new(), last: first }
    }

    /// The column of a round.
    pub fn at(&mut self, round: u64) -> &mut Column {
        let rounds = round.saturating_sub(self.first);
        self.last = self.last.max(round);
        while rounds / self.width >= MOST as u64 {
            self.width *= 2;
            let halved = self.all.chunks(2).map(|pair| {
                let mut sum = Column::default();
                pair.iter().for_each(|column| sum.join(column));
                sum
            });
            self.all = halved.collect();
        }
        let place = (rounds / self.width) as usize;
        if self.all.len() <= place {
            self.all.resize_with(place + 1, Column::default);
        }
        &mut self.all[place]
    }

    /// The last round of a column.
    pub fn last(&self, place: usize) -> u64 {
        let next = (place as u64 + 1).saturating_mul(self.width).saturating_add(self.first);
        (next - 1).min(self.last)
    }

    /// The rounds of a column, as a person should read them.
    pub fn name(&self, place: usize) -> String {
        let (first, last) = (self.first + place as u64 * self.width, self.last(place));
        if last <= first { first.to_string() } else { format!("{first}–{last}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However many rounds there are, what is summed is kept, and there are not too many columns.
    #[test]
    fn columns_take_in_their_neighbours() {
        let mut columns = Columns::new(7, 1);
        for round in 0..1234u64 {
            let column = columns.at(7 + round);
            column.all.drawn += round;
            column.arm((round % 3) as u32).drawn += 1;
            column.succeeded((round % 11) as f32 / 10.0);
        }
        assert_eq!((columns.width, columns.all.len()), (8, 155));
        assert_eq!(columns.all.iter().map(|column| column.all.drawn).sum::<u64>(), 1233 * 1234 / 2);
        assert_eq!(columns.all[1].all.drawn, (8..16).sum::<u64>());
        assert_eq!(columns.all[1].arms.values().map(|sums| sums.drawn).sum::<u64>(), 8);
        // Of 8 to 15: 0.8, 0.9, 1, 0, 0.1, 0.2, 0.3, 0.4.
        let quantiles = [0.0, 0.5, 0.51, 1.0].map(|part| columns.all[1].quantile(part));
        assert_eq!(quantiles, [Some(0.0), Some(0.3), Some(0.4), Some(1.0)]);
        let names = [columns.name(1), columns.name(154), Columns::new(3, 1).name(0)];
        assert_eq!(names, ["15–22", "1239–1240", "3"]);
        assert_eq!(Column::default().quantile(0.5), None);
        columns.at(7 + 199 * 8);
        assert_eq!((columns.width, columns.all.len()), (8, 200));
    }
}
