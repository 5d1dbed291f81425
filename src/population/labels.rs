//! The arm of each sample, in as few bytes as the number of arms allows.

use curricle_kernels::{prefetch, roomy};
use serde::{Deserialize, Serialize};

use crate::files::column;

/// A list of arm numbers: nothing if there is one arm, else one, two or four bytes a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Labels {
    /// All samples are in arm 0; how many there are.
    One(usize),
    Byte(#[serde(deserialize_with = "column::deserialize")] Vec<u8>),
    Word(#[serde(deserialize_with = "column::deserialize")] Vec<u16>),
    Long(#[serde(deserialize_with = "column::deserialize")] Vec<u32>),
}

impl Labels {
    /// `len` labels for so many arms, given by a function.
    pub fn new(arms: u32, len: usize, label: impl Fn(usize) -> u32) -> Self {
        match arms {
            0..=1 => Self::One(len),
            2..=0x100 => Self::Byte(list(len, |sample| label(sample) as u8)),
            0x101..=0x1_0000 => Self::Word(list(len, |sample| label(sample) as u16)),
            _ => Self::Long(list(len, label)),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::One(len) => *len,
            Self::Byte(labels) => labels.len(),
            Self::Word(labels) => labels.len(),
            Self::Long(labels) => labels.len(),
        }
    }

    /// The arm of a sample.
    #[inline]
    pub fn get(&self, sample: usize) -> u32 {
        match self {
            Self::One(_) => 0,
            Self::Byte(labels) => labels[sample].into(),
            Self::Word(labels) => labels[sample].into(),
            Self::Long(labels) => labels[sample],
        }
    }

    /// Asks the processor to fetch the arm of a sample.
    #[inline]
    pub fn fetch(&self, sample: usize) {
        match self {
            Self::One(_) => {}
            Self::Byte(labels) => prefetch(labels, sample),
            Self::Word(labels) => prefetch(labels, sample),
            Self::Long(labels) => prefetch(labels, sample),
        }
    }

    pub fn set(&mut self, sample: usize, arm: u32) {
        match self {
            Self::One(_) => {}
            Self::Byte(labels) => labels[sample] = arm as u8,
            Self::Word(labels) => labels[sample] = arm as u16,
            Self::Long(labels) => labels[sample] = arm,
        }
    }

    pub fn push(&mut self, arm: u32) {
        match self {
            Self::One(len) => *len += 1,
            Self::Byte(labels) => labels.push(arm as u8),
            Self::Word(labels) => labels.push(arm as u16),
            Self::Long(labels) => labels.push(arm),
        }
    }

    /// Becomes the kind of list that so many arms have; there are not fewer than before.
    pub fn widen(&mut self, arms: usize) {
        if !self.fits(arms) {
            *self = Self::new(arms as u32, self.len(), |sample| self.get(sample));
        }
    }

    /// Whether this is the kind of list that so many arms have.
    pub fn fits(&self, arms: usize) -> bool {
        match self {
            Self::One(_) => arms == 1,
            Self::Byte(_) => (2..=0x100).contains(&arms),
            Self::Word(_) => (0x101..=0x1_0000).contains(&arms),
            Self::Long(_) => arms > 0x1_0000,
        }
    }
}

fn list<T>(len: usize, label: impl Fn(usize) -> T) -> Vec<T> {
    let mut labels = roomy(len);
    labels.extend((0..len).map(label));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_keeps_its_greatest_label() {
        for arms in [1, 2, 256, 257, 65_536, 65_537, 1 << 24] {
            let mut labels = Labels::new(arms, 3, |sample| if sample == 1 { arms - 1 } else { 0 });
            assert!(labels.fits(arms as usize));
            assert_eq!(labels.fits(300 * arms as usize), arms > 1 << 16);
            labels.push(arms - 1);
            labels.set(0, arms / 2);
            for more in [arms, arms + 1, arms.saturating_mul(300)] {
                let mut wider = labels.clone();
                wider.widen(more as usize);
                assert!(wider.fits(more as usize));
                assert!((0..labels.len()).all(|sample| wider.get(sample) == labels.get(sample)));
            }
            let all: Vec<u32> = (0..labels.len()).map(|sample| labels.get(sample)).collect();
            assert_eq!(all, [arms / 2, arms - 1, 0, arms - 1]);
        }
    }
}
