//! Groups of similar inputs that share what was learned for one of them.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result, finite, length, within};

/// Leaders of clusters. An input belongs to the leader of greatest cosine, if that is great enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Clusters {
    cosine: f64,
    capacity: usize,
    next: u64,
    clock: u64,
    leaders: Vec<Leader>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Leader {
    cluster: u64,
    used: u64,
    direction: Vec<f32>,
}

impl Clusters {
    pub(super) fn new(cosine: f64, capacity: usize) -> Result<Self> {
        within("cosine of a cluster", cosine, -1.0, 1.0)?;
        within("clusters", capacity as f64, 1.0, f64::MAX)?;
        Ok(Self { cosine, capacity, next: 0, clock: 0, leaders: Vec::new() })
    }

    /// The cluster of an input, if it has one; marks it as used.
    pub(super) fn find(&mut self, embedding: &[f32]) -> Result<Option<u64>> {
        let direction = self.unit(embedding)?;
        let mut best: Option<(f64, usize)> = None;
        for (place, leader) in self.leaders.iter().enumerate() {
            let pairs = leader.direction.iter().zip(&direction);
            let cosine: f64 = pairs.map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
            if cosine >= self.cosine && best.is_none_or(|(most, _)| cosine > most) {
                best = Some((cosine, place));
            }
        }
        Ok(best.map(|(_, place)| {
            self.clock += 1;
            let leader = &mut self.leaders[place];
            leader.used = self.clock;
            leader.cluster
        }))
    }

    /// The number that the next cluster will get.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Begins a cluster with this input; the one that was not used for longest makes room.
    pub(super) fn lead(&mut self, embedding: &[f32]) -> Result<()> {
        let direction = self.unit(embedding)?;
        if self.leaders.len() == self.capacity
            && let Some(oldest) = (0..self.leaders.len()).min_by_key(|&place| self.leaders[place].used)
        {
            self.leaders.remove(oldest);
        }
        self.clock += 1;
        self.leaders.push(Leader { cluster: self.next, used: self.clock, direction });
        self.next += 1;
        Ok(())
    }

    fn unit(&self, embedding: &[f32]) -> Result<Vec<f32>> {
        if let Some(leader) = self.leaders.first() {
            length("embedding", leader.direction.len(), embedding.len())?;
        }
        for (index, &x) in embedding.iter().enumerate() {
            finite("embedding", index as u64, x.into())?;
        }
        let norm = embedding.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        if norm == 0.0 {
            let (low, high) = (f64::MIN_POSITIVE, f64::MAX);
            return Err(Error::OutOfRange { what: "norm of an embedding", value: norm, low, high });
        }
        Ok(embedding.iter().map(|&x| (f64::from(x) / norm) as f32).collect())
    }
}
