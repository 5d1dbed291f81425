//! Which arms have a colour of their own, and what is shown of each over time.

use std::collections::BTreeSet;

use curricle::{AnyCurriculum, ArmId};

use super::columns::Column;
use super::plot::Series;
use super::sums::Sums;
use super::told::Told;

/// How many arms have a colour of their own.
pub const COLOURS: usize = 12;

/// An arm, or all that have no colour of their own.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    pub colour: String,
    /// None stands for the others.
    arm: Option<u32>,
    /// All that have a colour of their own.
    own: BTreeSet<u32>,
}

impl Shown {
    /// The arms with the most tickets, in the order of their numbers, and the others.
    pub fn of(told: &Told, curriculum: &AnyCurriculum) -> Vec<Self> {
        let mut arms: Vec<(u64, u32)> =
            (0u32..).zip(&told.arms).map(|(arm, sums)| (u64::MAX - sums.drawn, arm)).collect();
        arms.sort_unstable();
        let own: BTreeSet<u32> = arms.iter().take(COLOURS).map(|(_, arm)| *arm).collect();
        let each = own.iter().enumerate().map(|(place, &arm)| Self {
            name: arm_name(curriculum, arm),
            colour: format!("a{place}"),
            arm: Some(arm),
            own: own.clone(),
        });
        let mut shown: Vec<Self> = each.collect();
        if arms.len() > own.len() {
            let name = format!("{} others", arms.len() - own.len());
            shown.push(Self { name, colour: "others".into(), arm: None, own });
        }
        shown
    }

    pub fn is_others(&self) -> bool {
        self.arm.is_none()
    }

    fn has(&self, arm: u32) -> bool {
        self.arm.map_or_else(|| !self.own.contains(&arm), |own| own == arm)
    }

    /// What is summed of it within a column.
    pub fn within(&self, column: &Column) -> Sums {
        let mut sums = Sums::default();
        match self.arm {
            Some(arm) => column.arms.get(&arm).into_iter().for_each(|arm| sums.join(arm)),
            None => {
                let others = column.arms.iter().filter(|(arm, _)| self.has(**arm));
                others.for_each(|(_, arm)| sums.join(arm));
            }
        }
        sums
    }

    /// What is summed of it in all.
    pub fn in_all(&self, told: &Told) -> Sums {
        let mut sums = Sums::default();
        let own = (0u32..).zip(&told.arms).filter(|(arm, _)| self.has(*arm));
        own.for_each(|(_, arm)| sums.join(arm));
        sums
    }

    /// A number of it by column.
    pub fn series(&self, told: &Told, value: impl Fn(&Sums, &Column) -> Option<f64>) -> Series {
        let columns = told.columns.all.iter();
        let values = columns.map(|column| value(&self.within(column), column)).collect();
        Series { name: self.name.clone(), colour: self.colour.clone(), values }
    }
}

/// What an arm is called: its name, or its number with the word before it.
pub fn arm_name(curriculum: &AnyCurriculum, arm: u32) -> String {
    let name = curriculum.arm_name(ArmId(arm));
    if name == arm.to_string() { format!("arm {arm}") } else { name }
}
