//! Which items tell good from bad.

use crate::base::error::{Result, length};
use crate::base::numbers::{
    all_binary, at_least, correlation, count_of, count_within, falling, in_range, rounded, some, sum,
};

/// What [`item_discrimination`] reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Discrimination {
    /// The share of items that each model solves.
    pub ability: Vec<f64>,
    /// How far solving the item goes with ability; `None` if all models solve it or none does, or all are equally able.
    pub r: Vec<Option<f64>>,
    /// The same with the item left out of the ability.
    pub r_rest: Vec<Option<f64>>,
}

/// The point-biserial correlation of solving an item with ability, from `outcomes[item][model]`, each 0 or 1:
///
/// ```text
/// r = (M1 - M0) / s * sqrt(p (1 - p))
/// ```
///
/// with `M1` and `M0` the mean ability of those who solve it or not, `s` the deviation of ability (that divides by n) and `p`
/// the share that solves it: Pearson's correlation. Take the checkpoints of one run as the models, and keep the items that
/// tell late from early. `r` is biased upwards where there are few items, `r_rest` is not. Cost: O(outcomes).
///
/// Paper: DatBench, arXiv 2601.02316. Selected items are noisier (arXiv 2406.10229): decide by them, report the full set.
///
/// ```
/// let outcomes = [vec![1.0, 1.0, 0.0], vec![1.0, 0.0, 0.0], vec![1.0, 1.0, 1.0]];
/// let reading = curricle::monitor::item_discrimination(&outcomes)?;
/// assert!(reading.r[0].unwrap() > 0.8 && reading.r[2].is_none());
/// # Ok::<(), curricle::Error>(())
/// ```
///
/// # Errors
/// No item; fewer than two models; rows of different lengths; an outcome that is neither 0 nor 1.
pub fn item_discrimination<R: AsRef<[f64]>>(outcomes: &[R]) -> Result<Discrimination> {
    some("outcomes", outcomes)?;
    let models = outcomes[0].as_ref().len();
    at_least("outcomes", 2, outcomes[0].as_ref())?;
    for row in outcomes {
        length("outcomes", models, row.as_ref().len())?;
        all_binary("outcomes", row.as_ref())?;
    }
    let solved: Vec<f64> =
        (0..models).map(|model| outcomes.iter().map(|row| row.as_ref()[model]).sum()).collect();
    // What is left of a model's score without an item; counts are exact.
    let ability = |without: Option<&[f64]>| {
        let items = (outcomes.len() - usize::from(without.is_some())) as f64;
        let of = |model: usize| (solved[model] - without.map_or(0.0, |row| row[model])) / items;
        (0..models).map(of).collect::<Vec<f64>>()
    };
    let all = ability(None);
    let r = outcomes.iter().map(|row| correlation(row.as_ref(), &all)).collect();
    let rest = |row: &R| {
        let others = (outcomes.len() > 1).then(|| ability(Some(row.as_ref())))?;
        correlation(row.as_ref(), &others)
    };
    let r_rest = outcomes.iter().map(rest).collect();
    Ok(Discrimination { ability: all, r, r_rest })
}

/// A small set of items to evaluate often: those that discriminate most, with a quota for what no model solves yet.
///
/// Ranking by discrimination alone erases every item that nobody solves; that is what the quota is for, and what
/// `verified` is for, as such items often have a wrong label. Items that are solved without the input they need are left
/// out. Cost: O(outcomes + items log items).
///
/// Paper: DatBench, arXiv 2601.02316 (a limit of 1 for free answers, more for choices; quota 0.2).
///
/// ```
/// use curricle::monitor::Probes;
///
/// let outcomes = [vec![1.0, 0.0], vec![1.0, 1.0], vec![0.0, 0.0]];
/// let probes = Probes { size: 2, blind_limit: 1, quota: 0.5 };
/// let set = probes.select(&outcomes, &[0, 0, 0], &[false, false, true])?;
/// assert_eq!((set.selected, set.frontier), (vec![0], vec![2]));
/// # Ok::<(), curricle::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probes {
    /// How many items, at most.
    pub size: usize,
    /// An item that so many models solve blind is left out.
    pub blind_limit: u64,
    /// The share of the set that may be items which no model solves.
    pub quota: f64,
}

/// What [`Probes`] selects.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProbeSet {
    /// Items by falling discrimination.
    pub selected: Vec<usize>,
    /// Items that no model solves, in order.
    pub frontier: Vec<usize>,
    /// The sum of the discriminations of the selected items.
    pub total_discrimination: f64,
}

impl Probes {
    /// Selects from `outcomes[item][model]`; `blind` counts the models that solve an item without the input it needs, and
    /// `verified` says that a judge has confirmed its label.
    ///
    /// # Errors
    /// Those of [`item_discrimination`]; lists of different lengths; a limit of 0 or a quota outside [0, 1].
    pub fn select<R: AsRef<[f64]>>(
        &self,
        outcomes: &[R],
        blind: &[u64],
        verified: &[bool],
    ) -> Result<ProbeSet> {
        length("blind", outcomes.len(), blind.len())?;
        length("verified", outcomes.len(), verified.len())?;
        in_range("quota", self.quota, 0.0, 1.0)?;
        count_within("blind_limit", self.blind_limit, 1, u64::MAX)?;
        let r = item_discrimination(outcomes)?.r;
        let is_left = |item: &usize| blind[*item] < self.blind_limit;
        let is_unsolved = |item: &usize| outcomes[*item].as_ref().iter().all(|&is| is == 0.0);
        let frontier: Vec<usize> = (0..outcomes.len())
            .filter(|item| is_left(item) && is_unsolved(item) && verified[*item])
            .take(count_of(self.quota, self.size))
            .collect();
        let order = falling(&r.iter().map(|r| r.unwrap_or(f64::NEG_INFINITY)).collect::<Vec<_>>());
        let selected: Vec<usize> = order
            .into_iter()
            .filter(|item| is_left(item) && r[*item].is_some_and(|r| rounded(r) >= 0.0))
            .take(self.size.saturating_sub(frontier.len()))
            .collect();
        let total_discrimination = sum(selected.iter().filter_map(|&item| r[item]));
        Ok(ProbeSet { selected, frontier, total_discrimination })
    }
}
