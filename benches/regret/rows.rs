//! The rows of the reference, as policies.

use std::collections::BTreeMap;

use curricle::ArmId;
use curricle::policy::{
    Boltzmann, Bound, Bounded, Detector, Exp3, Forget, Forgetting, Kalman, Prior, Restart, Scope,
    Thompson, Ucb, Uniform, Unsampled, Update,
};
use serde::Deserialize;

use crate::problem::{Luck, NAMES, Problem};
use crate::{Estimate, Result};

/// Rows that no policy here corresponds to, and why.
pub const WITHOUT: [(&str, &str); 3] = [
    ("eps-greedy", "a baseline only"),
    ("M-UCB", "not robust; change detection by GLR takes its place"),
    ("SMPyBandits-0.9.7 semantics", "the defect of a library"),
];

pub fn has_counterpart(name: &str) -> bool {
    WITHOUT.iter().all(|(without, _)| !name.contains(without))
}

/// Regrets of an independent implementation, 200 seeds each.
#[derive(Debug, Deserialize)]
pub struct Reference {
    problems: BTreeMap<String, Description>,
    pub rows: BTreeMap<String, BTreeMap<String, Row>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Description {
    k: usize,
    t: usize,
    #[serde(rename = "change_points", default)]
    change_points: Vec<usize>,
    #[serde(rename = "means", default)]
    means: Vec<Vec<f64>>,
}

#[derive(Debug, Deserialize)]
pub struct Row {
    params: Vec<f64>,
    mean: f64,
    se: f64,
}

impl Reference {
    pub fn load() -> Result<Self> {
        Ok(serde_json::from_str(include_str!("reference.json"))?)
    }

    pub fn problems(&self) -> Result<Vec<Problem>> {
        let problem = |name: &&str| {
            let of = self.problems.get(*name).ok_or("no such problem")?;
            match of.means.is_empty() {
                true => Problem::bumps(of.t, of.k),
                false => Problem::piecewise(of.t, &of.change_points, &of.means),
            }
        };
        NAMES.iter().map(problem).collect()
    }

    pub fn parameters(&self, name: &str, problem: usize) -> Option<&[f64]> {
        Some(&self.rows.get(name)?.get(NAMES[problem])?.params)
    }

    pub fn estimate(&self, name: &str, problem: usize) -> Option<Estimate> {
        let row = self.rows.get(name)?.get(NAMES[problem])?;
        Some(Estimate { mean: row.mean, error: row.se })
    }
}

/// The limit of a decision with its update at up to 10 arms, in nanoseconds.
pub fn time_limit(name: &str) -> Option<f64> {
    let families = [
        (["klUCB", "ORACLE", "CUSUM"].as_slice(), None),
        (&["GLR-UCB"], Some(300.0)),
        (&["DTS-Gauss", "KF-TS"], Some(300.0)),
        (&["TS-Beta", "DTS-Beta", "SW-TS"], Some(1100.0)),
        (&["UCB", "Boltzmann", "EXP3", "Rexp3"], Some(100.0)),
    ];
    let family = families.iter().find(|(marks, _)| marks.iter().any(|mark| name.contains(mark)));
    family.and_then(|(_, limit)| *limit)
}

/// The regret of a row's policy in one run.
pub fn regret(
    name: &str,
    reference: &Reference,
    problem: usize,
    of: &Problem,
    seed: u64,
    luck: &Luck,
) -> Result<f64> {
    let p = reference.parameters(name, problem).ok_or("no such row")?;
    let same = |x: f64| x;
    let arms = of.means.first().map_or(0, Vec::len) as u32;
    let ucb = |c: f64, forgetting| Ucb::new(Bound::Hoeffding(c), forgetting);
    let window = |rounds: f64| Forgetting::Window(rounds as u64);
    macro_rules! run {
        ($policy:expr) => {
            of.regret($policy, seed, luck, same, |_| ())
        };
    }
    match name.split([' ', '(']).next().unwrap_or(name) {
        "uniform" => run!(Uniform),
        "UCB1" | "UCB" => run!(ucb(p[0], Forgetting::Never)),
        "klUCB" => run!(Ucb::new(Bound::Entropy(0.0), Forgetting::Never)),
        "ORACLE-restart" => {
            let bound =
                if name.contains("klUCB") { Bound::Entropy(0.0) } else { Bound::Hoeffding(p[0]) };
            let all = |policy: &mut Ucb| (0..arms).for_each(|arm| policy.forget(ArmId(arm)));
            of.regret(Ucb::new(bound, Forgetting::Never), seed, luck, same, all)
        }
        "Boltzmann-TD" => {
            let clock = if p[2] > 0.0 { Unsampled::Decay } else { Unsampled::Keep };
            let plain = Boltzmann::new().alpha(p[0]).temperature(p[1]).start(p[4]).unsampled(clock);
            match p[3] > 0.0 {
                true => run!(Bounded::new(plain).floor(p[3], Prior::Uniform)),
                false => run!(plain),
            }
        }
        "D-UCB" => run!(ucb(p[1], Forgetting::PerRound(p[0]))),
        "SW-UCB" => run!(ucb(p[1], window(p[0]))),
        "TS-Beta" => run!(Thompson::beta(Forgetting::Never)),
        "DTS-Beta" if name.contains("rested") => run!(Thompson::beta(Forgetting::PerVisit(p[0]))),
        "DTS-Beta" => run!(Thompson::beta(Forgetting::PerRound(p[0]))),
        "DTS-Gauss" => run!(Thompson::gaussian(Forgetting::PerRound(p[0]))),
        "SW-TS" => run!(Thompson::beta(window(p[0]))),
        "KF-TS" => run!(Kalman::new(p[0]).noise(p[1]).start(p[2], p[3])),
        "EXP3.S" if name.contains("Graves") => {
            let share = (p[3] >= 0.0).then_some(p[3]);
            let update = Update::Graves { eta: p[0], epsilon: p[1], share };
            of.regret(Exp3::new(update), seed, luck, |x| 2.0 * x - 1.0, |_| ())
        }
        "EXP3" | "EXP3.S" => run!(Exp3::new(Update::Auer { gamma: p[0], share: p[1] })),
        "Rexp3" => {
            run!(Exp3::new(Update::Auer { gamma: p[0], share: p[1] }).restart(p[2] as u64))
        }
        "EXP3-IX" => {
            let update = Update::ImplicitExploration { eta: p[0], gamma: p[1], share: p[2] };
            run!(Exp3::new(update))
        }
        "CUSUM-UCB" => {
            let detector = Detector::Cusum { slack: p[0], calibration: p[1] as u32, threshold: p[2] };
            let policy = Restart::new(ucb(p[4], Forgetting::Never), detector, Scope::Local);
            run!(Bounded::new(policy).floor(p[3], Prior::Uniform))
        }
        "GLR-klUCB" | "GLR-UCB" => {
            let bound = if p[5] > 0.0 { Bound::Entropy(3.0) } else { Bound::Hoeffding(0.5f64.sqrt()) };
            let detector = Detector::Glr { delta: p[0], every: p[3] as u32, grid: p[4] as u32 };
            let scope = if p[2] > 0.0 { Scope::Local } else { Scope::Global };
            run!(Restart::new(Ucb::new(bound, Forgetting::Never), detector, scope).explore(p[1]))
        }
        _ => Err(format!("no policy for the row {name}").into()),
    }
}
