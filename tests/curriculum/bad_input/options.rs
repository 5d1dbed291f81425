//! What a description may not say.

use super::*;

#[test]
fn options() {
    fn wrong<P: Policy>(policy: P) -> bool {
        Curriculum::builder(4).labels(&[0, 0, 1, 1]).policy(policy).build().is_err()
    }
    let nan = f64::NAN;
    assert!(wrong(Boltzmann::new().alpha(0.0)) && wrong(Boltzmann::new().alpha(nan)));
    assert!(wrong(Boltzmann::new().temperature(0.0)) && wrong(Boltzmann::new().start(f64::INFINITY)));
    assert!(wrong(Fixed::weights(vec![1.0])) && wrong(Fixed::weights(vec![0.0, 0.0])));
    assert!(wrong(Fixed::weights(vec![nan, 1.0])) && wrong(Fixed::weights(vec![-1.0, 1.0])));
    assert!(wrong(Staged::new(Vec::new(), Advance::Rounds(1))));
    assert!(
        wrong(Staged::one_by_one(3, Advance::Rounds(1)))
            && wrong(Staged::one_by_one(2, Advance::Rounds(0)))
    );
    assert!(wrong(Staged::one_by_one(2, Advance::Mastery(1.5))));
    assert!(wrong(Staged::one_by_one(2, Advance::Mastery(0.5)).review(nan)));
    assert!(wrong(Gaussian::new(MeanRule::paper(nan), Spread::Ranks(1.0))));
    assert!(wrong(Gaussian::new(MeanRule::paper(1.0), Spread::Ranks(0.0))));
    assert!(wrong(Gaussian::new(MeanRule::paper(1.0), Spread::Fraction(0.1)).start(nan)));
    assert!(wrong(Bounded::new(Boltzmann::new()).floor(1.5, Prior::Uniform)));
    assert!(wrong(Bounded::new(Boltzmann::new()).floor(0.1, Prior::Weights(vec![1.0]))));
    assert!(wrong(Bounded::new(Boltzmann::new()).cap(0.0)));
    let window = |window| TeacherStudent::new().teacher(Teacher::Sampling { window });
    assert!(wrong(TeacherStudent::new().epsilon(nan)) && wrong(TeacherStudent::online().epsilon(2.0)));
    assert!(wrong(window(0)) && wrong(window(usize::MAX)));
    assert!(wrong(TeacherStudent::new().teacher(Teacher::Online { alpha: 0.0 })));
    assert!(wrong(Tilt::new().temperature(0.0)));
    assert!(wrong(Tilt::new().temperature(nan)));
    assert!(wrong(Tilt::new().enough(0.0)));
    assert!(wrong(Tilt::new().floor(1.1)));
    assert!(wrong(Tilt::new().target(Prior::Weights(vec![1.0]))));
    assert!(wrong(AbsoluteProgress::new().rates(0.0, 0.1)));
    assert!(wrong(AbsoluteProgress::new().rates(0.1, nan)));
    assert!(wrong(AbsoluteProgress::bidirectional().theta(0.0)));
    assert!(wrong(AbsoluteProgress::new().floor(1.1)));
    assert!(wrong(Dump::new().window(0)) && wrong(Dump::new().temperature(0.0)));
    assert!(wrong(Pac::new().window(0)) && wrong(Pac::new().drift(nan)));
    assert!(wrong(Pac::new().start(nan, 1.0)) && wrong(Pac::new().start(0.0, 0.0)));
    assert!(wrong(LevelReplay::new().beta(0.0)) && wrong(LevelReplay::new().rho(nan)));
    assert!(wrong(LevelReplay::new().nu(-0.1)));
    assert!(wrong(Posterior::new().decay(nan)) && wrong(Posterior::new().prior(0.0, 1.0)));
    assert!(wrong(Posterior::new().target(1.5)) && wrong(Posterior::new().band(0.7, 0.3)));
    assert!(wrong(Posterior::new().band(nan, 0.5)));
    let levels = || Difficulty::new(vec![0.0, 50.0]);
    assert!(wrong(Difficulty::new(vec![1.0])) && wrong(Difficulty::new(vec![1.0, nan])));
    assert!(wrong(levels().eta(-1.0)) && wrong(levels().alpha(nan)) && wrong(levels().beta(2.0)));
    assert!(wrong(levels().range(5.0, 1.0)) && wrong(levels().start(nan)));
    let bell = |beta, sigma| EasyToHard::new(Pacing::Gaussian { beta, sigma }, 10);
    assert!(wrong(EasyToHard::cosine(0)) && wrong(bell(0.0, 1.0)) && wrong(bell(1.0, nan)));
    assert!(wrong(OnlineMixing::new().scale(0.0)));
    assert!(wrong(OnlineMixing::new().estimate(Estimate::Smoothed(1.0))));
    assert!(wrong(ScalingLaw::new().refit(0)) && wrong(ScalingLaw::new().least(nan)));
    assert!(wrong(ScalingLaw::new().prior(Prior::Weights(vec![1.0]))));
    assert!(wrong(Boltzmann::new().effective_arms(0.5)) && wrong(Boltzmann::new().effective_arms(nan)));
    assert!(wrong(Ucb::discounted(0.0)) && wrong(Ucb::discounted(1.1)) && wrong(Ucb::discounted(nan)));
    assert!(wrong(Ucb::sliding_window(0)) && wrong(Ucb::sliding_window(9).width(-1.0)));
    assert!(wrong(Thompson::beta(Forgetting::PerVisit(nan))));
    assert!(wrong(Thompson::new(Belief::Beta { a: 0.0, b: 1.0 }, Forgetting::Never)));
    assert!(wrong(Thompson::new(Belief::Gaussian { sd: 0.0, n0: 1.0, m0: 0.0 }, Forgetting::Never)));
    assert!(wrong(Thompson::new(Belief::Gaussian { sd: 1.0, n0: 1.0, m0: nan }, Forgetting::Never)));
    assert!(wrong(Kalman::new(-1.0)) && wrong(Kalman::new(0.1).noise(0.0)));
    assert!(wrong(Kalman::new(0.1).start(nan, 1.0)) && wrong(Kalman::new(0.1).start(0.0, nan)));
    assert!(wrong(Exp3::new(Update::Auer { gamma: 0.0, share: 0.0 })));
    assert!(wrong(Exp3::new(Update::Graves { eta: nan, epsilon: 0.1, share: None })));
    assert!(wrong(Exp3::new(Update::Graves { eta: 0.1, epsilon: 0.1, share: Some(2.0) })));
    assert!(wrong(Exp3::new(Update::ImplicitExploration { eta: 0.1, gamma: -0.1, share: 0.0 })));
    assert!(wrong(Exp3::graves().restart(0)));
    assert!(wrong(Restart::glr_ucb(Scope::Local).explore(1.5)));
    let glr = Detector::Glr { delta: 0.0, every: 10, grid: 10 };
    let cusum = Detector::Cusum { slack: 0.1, calibration: 0, threshold: 1.0 };
    assert!(wrong(Restart::new(Boltzmann::new(), glr, Scope::Global)));
    assert!(wrong(Restart::new(Boltzmann::new(), cusum, Scope::Global)));
    assert!(wrong(Rescaled::new(Boltzmann::new(), Range::Fixed { low: 1.0, high: 0.0 })));
    let quantiles = Range::Quantiles { low: 0.2, high: 1.8, visits: 10 };
    assert!(wrong(Rescaled::new(Boltzmann::new(), quantiles)));
    assert!(wrong(PerCost::new(Boltzmann::new()).rate(0.0)));
    assert!(wrong(PerCost::new(Boltzmann::new()).limit(0.5)));
    assert!(wrong(Mastered::new(Boltzmann::new(), 1.5)));
    assert!(wrong(Mastered::new(Boltzmann::new(), 0.9).retest(0, 0.1)));
    assert!(wrong(Rehearsed::new(Boltzmann::new()).dip(0.0)));
    assert!(wrong(Rehearsed::new(Boltzmann::new()).share(1.5)));
    assert!(wrong(ColdStart::new(Boltzmann::new().alpha(0.0), 3)));
    let routed = |edges: Vec<f64>| RoutingTable::new(edges, vec![Treatment::TRAIN, Treatment::Retire]);
    assert!(routed(vec![0.1, 0.2]).is_err() && routed(vec![f64::NAN]).is_err());
    let negative = Treatment::Train { weight: -1.0 };
    assert!(RoutingTable::new([0.5], vec![negative, Treatment::Drop]).is_err());
    let gate = || Gate::route(Field::Success, routed(vec![0.9]).unwrap());
    assert!(Curriculum::builder(4).gate(gate()).retest(0).build().is_err());
    // Two treatments of one outcome that both train on it: neither can be heard alone.
    let soft = |high| RoutingTable::new([0.5], vec![Treatment::Soften, high]).unwrap();
    let both = gate()
        .and(Gate::route(Field::Success, soft(Treatment::TRAIN)))
        .and(Gate::route(Field::Loss, soft(Treatment::Train { weight: 0.5 })));
    assert!(matches!(Curriculum::builder(4).gate(both).build(), Err(Error::Unsupported { .. })));
    let falling = Schedule::Geometric { from: 1.0, to: 0.0, rounds: 5 };
    assert!(wrong(Boltzmann::new().temperature(falling)));
    assert!(Curriculum::builder(4).importance(2.0).build().is_err());
    assert!(Curriculum::builder(4).gate(Gate::band(0.9, 0.1)).build().is_err());
    assert!(Curriculum::builder(4).weighting(Weighting::Score { floor: 0.0 }).build().is_err());

    let ranks = Gaussian::new(MeanRule::paper(1.0), Spread::Ranks(2.0));
    let builder = Curriculum::builder(4).signal(Utility).policy(ranks.clone());
    let mut systematic = builder.clone().sampler(Systematic).build().unwrap();
    assert!(matches!(
        systematic.draw(1),
        Err(Error::Unsupported { part: "a sampler that spreads slots over arms", .. })
    ));
    let mut bounded = builder.policy(Bounded::new(ranks)).build().unwrap();
    assert!(matches!(bounded.draw(1), Err(Error::Unsupported { part: "Bounded", .. })));
}
