//! What a world must be, so that a mind can be trained in it.

use super::{Category, Lesson, Mind, World};
use crate::base::error::{Result, length, within};

const MOST: f64 = 1e12;

impl World {
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a number, [`Error::Length`](crate::Error::Length) for a
    /// shift with weights for another number of arms.
    pub(super) fn check(&self) -> Result<()> {
        within("arms of a world", self.arms.len() as f64, 1.0, 1e6)?;
        within("batch", self.batch as f64, 1.0, 1e6)?;
        within("noise of a gradient", self.noise, 0.0, MOST)?;
        let skills = self.skills();
        for arm in &self.arms {
            check_arm(arm, skills)?;
        }
        if let Some((_, weights)) = &self.shift {
            length("weights of a shift", self.arms.len(), weights.len())?;
        }
        for step in [0, u64::MAX] {
            let target = self.weights(step);
            for (arm, &weight) in self.arms.iter().zip(&target) {
                within("weight of an arm", weight, 0.0, MOST)?;
                within("tokens of a rollout", arm.tokens, 1e-6, MOST)?;
            }
            let learnable = self.arms.iter().zip(&target).filter(|(arm, _)| arm.can_be_learned());
            let learnable: f64 = learnable.map(|(_, weight)| weight).sum();
            within("weight of what can be learned", learnable, f64::MIN_POSITIVE, MOST * 1e6)?;
        }
        match self.mind {
            Mind::Logistic { gap, forgetting, transfer, interference, repeats } => {
                within("gap", gap, 0.0, MOST)?;
                within("transfer", transfer, 0.0, 1.0)?;
                within("forgetting", forgetting, 0.0, 1.0)?;
                within("interference", interference, 0.0, 1.0)?;
                within("visits that halve a gain", repeats, f64::MIN_POSITIVE, f64::INFINITY)?;
            }
            Mind::Softmax { actions, length, shared } => {
                within("actions", actions as f64, 2.0, 1e4)?;
                within("length of a chain", length as f64, 1.0, 1e4)?;
                within("part that other chains get", shared, 0.0, 1.0)?;
            }
        }
        Ok(())
    }

    /// How many skills there are.
    pub(super) fn skills(&self) -> usize {
        let count = |arm: &Category| match arm.lesson {
            Lesson::Skill { skill, .. } => skill.saturating_add(1),
            _ => 0,
        };
        self.arms.iter().map(count).max().unwrap_or(0)
    }
}

fn check_arm(arm: &Category, skills: usize) -> Result<()> {
    within("samples of an arm", arm.samples as f64, 1.0, 1e9)?;
    within("spread of difficulties", arm.spread, 0.0, 1e3)?;
    let special = [arm.hopeless, arm.tossed, arm.mislabelled];
    for share in special {
        within("share of samples", share, 0.0, 1.0)?;
    }
    within("share of special samples", special.iter().sum(), 0.0, 1.0 + 1e-9)?;
    let chances = |low: f64, high: f64| -> Result<()> {
        within("chance", low, 0.0, 1.0)?;
        within("chance", high, 0.0, 1.0)?;
        Ok(())
    };
    match &arm.lesson {
        Lesson::Skill { skill, difficulty, needs } => {
            within("number of a skill", *skill as f64, 0.0, 1e6)?;
            within("difficulty", *difficulty, -1e3, 1e3)?;
            for need in needs {
                within("skill that is needed", *need as f64, 0.0, skills as f64 - 1.0)?;
            }
            Ok(())
        }
        Lesson::Coin(chance) => chances(*chance, *chance),
        Lesson::Mixed(low, high) => chances(*low, *high),
        Lesson::Swing { low, high, period } | Lesson::Saw { low, high, period } => {
            within("period", *period, 1e-6, MOST)?;
            chances(*low, *high)
        }
        Lesson::Rise { low, high, steps } => {
            within("steps of a rise", *steps, 1e-6, MOST)?;
            chances(*low, *high)
        }
        Lesson::Jump { low, high, mean } => {
            within("mean length of a stretch", *mean as f64, 1.0, MOST)?;
            chances(*low, *high)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn refused(change: impl Fn(&mut World)) -> &'static str {
        let mut world = World::named("swing, period 60").unwrap();
        world.check().unwrap();
        change(&mut world);
        match world.check().unwrap_err() {
            Error::OutOfRange { what, .. } | Error::Length { what, .. } => what,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_cannot_be_trained_in_is_named() {
        assert_eq!(refused(|world| world.arms.clear()), "arms of a world");
        assert_eq!(refused(|world| world.batch = 0), "batch");
        assert_eq!(refused(|world| world.noise = f64::NAN), "noise of a gradient");
        assert_eq!(refused(|world| world.arms[0].samples = 0), "samples of an arm");
        assert_eq!(refused(|world| world.arms[0].hopeless = 1.5), "share of samples");
        assert_eq!(refused(|world| world.arms[0].weight = f64::NAN), "weight of an arm");
        assert_eq!(refused(|world| world.arms[0].tokens = 0.0), "tokens of a rollout");
        let nothing = |world: &mut World| world.arms.iter_mut().for_each(|arm| arm.weight = 0.0);
        assert_eq!(refused(nothing), "weight of what can be learned");
        assert_eq!(refused(|world| world.shift = Some((3, vec![1.0]))), "weights of a shift");
        let arm = |lesson: Lesson| move |world: &mut World| world.arms[9].lesson = lesson.clone();
        assert_eq!(refused(arm(Lesson::Coin(1.5))), "chance");
        assert_eq!(refused(arm(Lesson::Saw { low: 0.1, high: 0.9, period: 0.0 })), "period");
        let jump = Lesson::Jump { low: 0.1, high: 0.9, mean: 0 };
        assert_eq!(refused(arm(jump)), "mean length of a stretch");
        let needs = Lesson::Skill { skill: 9, difficulty: 0.0, needs: vec![10] };
        assert_eq!(refused(arm(needs)), "skill that is needed");
        let mind = |mind: Mind| move |world: &mut World| world.mind = mind.clone();
        let softmax = Mind::Softmax { actions: 1, length: 5, shared: 0.0 };
        assert_eq!(refused(mind(softmax)), "actions");
    }
}
