//! How a training went, in tokens.

/// How a training went.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Course {
    /// Tokens spent, and the ability by the target, after each step, from none on.
    pub curve: Vec<(f64, f64)>,
    /// Tokens spent on arms that cannot be learned, after each step, from none on.
    pub wasted: Vec<f64>,
    /// Tokens spent on each arm.
    pub tokens: Vec<f64>,
    /// The step from which on an ability counts as reached: that of the shift of the target, or 0.
    pub from: usize,
}

impl Course {
    /// The tokens after which an ability was reached, between steps by a straight line; none if it was not.
    ///
    /// Where the target shifts, abilities by the old one count as 0: only what is reached by the new one is.
    /// The tokens are always those of the whole training.
    pub fn reaches(&self, ability: f64) -> Option<f64> {
        let mut counted = self.curve.iter().skip(self.from);
        let (mut before, mut below) = *counted.next()?;
        if below >= ability {
            return Some(before);
        }
        for &(tokens, found) in counted {
            if found >= ability {
                // `below` is less than `ability`, which is at most `found`: nothing is divided by 0.
                return Some(before + (tokens - before) * (ability - below) / (found - below));
            }
            (before, below) = (tokens, found);
        }
        None
    }

    /// The ability after this part, in `[0, 1]`, of a budget of tokens, or of what was left of it when the target
    /// shifted; that at the end, if it ended before.
    pub fn level(&self, part: f64, budget: f64) -> f64 {
        let start = self.curve.get(self.from).map_or(0.0, |(tokens, _)| *tokens);
        let tokens = start + part * (budget - start);
        let steps = self.curve.partition_point(|(spent, _)| *spent <= tokens);
        self.curve.get(steps.saturating_sub(1)).map_or(0.0, |(_, ability)| *ability)
    }

    /// The mean ability over the tokens spent; 0 if there were none.
    pub fn area(&self) -> f64 {
        let pieces = self.curve.windows(2);
        let sum: f64 = pieces.map(|pair| (pair[1].0 - pair[0].0) * pair[0].1).sum();
        let tokens = self.curve.last().map_or(0.0, |(tokens, _)| *tokens);
        if tokens > 0.0 { sum / tokens } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(curve: &[(f64, f64)], from: usize) -> Course {
        Course { curve: curve.to_vec(), wasted: vec![0.0; curve.len()], tokens: Vec::new(), from }
    }

    #[test]
    fn an_ability_is_reached_between_two_steps() {
        let found = course(&[(0.0, 0.1), (10.0, 0.3), (20.0, 0.2), (30.0, 0.6)], 0);
        assert_eq!(found.reaches(0.1), Some(0.0));
        assert!((found.reaches(0.2).unwrap() - 5.0).abs() < 1e-9);
        assert!((found.reaches(0.4).unwrap() - 25.0).abs() < 1e-9);
        assert_eq!(found.reaches(0.7), None);
        assert!((found.area() - 0.2).abs() < 1e-9);
        assert_eq!([0.0, 0.5, 1.0].map(|part| found.level(part, 30.0)), [0.1, 0.3, 0.6]);
    }

    /// What was reached by another target is not what is asked for.
    #[test]
    fn before_the_target_shifts_nothing_is_reached() {
        let found = course(&[(0.0, 0.5), (10.0, 0.9), (20.0, 0.2), (30.0, 0.4), (40.0, 0.6)], 2);
        assert_eq!(found.reaches(0.1), Some(20.0));
        assert_eq!(found.reaches(0.5), Some(35.0));
        assert_eq!(found.reaches(0.9), None);
        assert_eq!([0.0, 0.5, 1.0].map(|part| found.level(part, 40.0)), [0.2, 0.4, 0.6]);
        // It ended before the target shifted.
        assert_eq!(course(&[(0.0, 0.5)], 2).reaches(0.1), None);
        assert_eq!(course(&[], 0).area(), 0.0);
    }
}
