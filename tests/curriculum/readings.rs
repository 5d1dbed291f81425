//! What must hold of gauges, monitors, weights and routes whatever they read, and naive twins of the fast ones.

use curricle::dial::RewardRange;
use curricle::gauge::{
    Consistency, GainKind, GainNorm, InformationGain, NgramIndex, PairLogps, PreferenceRanking,
    balance_score, density_ratio, edit_distance, implicit_reward, overlap_coefficient, pass_at_k_s,
    slot_guess, step_advantage,
};
use curricle::monitor::{
    CurveFit, Forgetting, TwoParameterLogistic, item_discrimination, kendall_tau, sequence_learning,
};
use curricle::route::{GroupFilter, PreferenceBands, RoutingTable, Treatment};
use curricle::weigh::{OffPolicyShape, RampedWeight, inverse_power, listwise_residual, top_share};
use curricle::{Round, Schedule};
use proptest::collection::vec;
use proptest::prelude::*;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn logps() -> impl Strategy<Value = Vec<f64>> {
    vec(-20.0..0.0f64, 1..6)
}

/// Every token of a test text is covered or not, looked at one by one.
fn naive_coverage(test: &[u32], train: &[u32], n: usize) -> f64 {
    let is_there = |place: usize| {
        let starts = place.saturating_sub(n - 1)..=place;
        starts
            .filter(|start| start + n <= test.len())
            .any(|start| train.windows(n).any(|window| window == &test[start..start + n]))
    };
    let covered = (0..test.len()).filter(|&place| is_there(place)).count();
    if test.is_empty() { 0.0 } else { covered as f64 / test.len() as f64 }
}

/// By recursion over the last tokens.
fn naive_edits(a: &[u8], b: &[u8]) -> usize {
    match (a.split_last(), b.split_last()) {
        (None, _) => b.len(),
        (_, None) => a.len(),
        (Some((x, a_rest)), Some((y, b_rest))) => {
            let replaced = naive_edits(a_rest, b_rest) + usize::from(x != y);
            replaced.min(naive_edits(a_rest, b) + 1).min(naive_edits(a, b_rest) + 1)
        }
    }
}

/// Over all ways to draw k of n, of which the first c are right.
fn naive_at_least(n: u32, c: u32, k: u32, s: u32) -> f64 {
    let drawn = (0..1u32 << n).filter(|ways| ways.count_ones() == k);
    let (mut all, mut enough) = (0u32, 0u32);
    for ways in drawn {
        all += 1;
        enough += u32::from((ways & ((1 << c) - 1)).count_ones() >= s);
    }
    f64::from(enough) / f64::from(all)
}

/// Every outcome of the trials by itself.
fn naive_tail(hits: u32, trials: u32, chance: f64) -> f64 {
    let of = |ways: u32| {
        (0..trials)
            .map(|trial| if ways >> trial & 1 == 1 { chance } else { 1.0 - chance })
            .product::<f64>()
    };
    (0..1u32 << trials).filter(|ways| ways.count_ones() >= hits).map(of).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn ngrams_are_covered_as_one_by_one(
        tests in vec(vec(0..4u32, 0..30), 1..5), train in vec(0..4u32, 0..60), n in 1..7usize,
    ) {
        let found = NgramIndex::new(&tests, n).unwrap().coverage(&train);
        let mut all = vec![0.0; tests.len()];
        found.into_iter().for_each(|(test, share)| all[test] = share);
        for (share, test) in all.iter().zip(&tests) {
            prop_assert_eq!(*share, naive_coverage(test, &train, n));
        }
    }

    #[test]
    fn edits_are_a_distance(
        a in vec(0..3u8, 0..7), b in vec(0..3u8, 0..7), c in vec(0..3u8, 0..7),
    ) {
        prop_assert_eq!(edit_distance(&a, &b), naive_edits(&a, &b));
        prop_assert_eq!(edit_distance(&a, &b), edit_distance(&b, &a));
        prop_assert!(edit_distance(&a, &c) <= edit_distance(&a, &b) + edit_distance(&b, &c));
        prop_assert_eq!(overlap_coefficient(&a, &b), overlap_coefficient(&b, &a));
    }

    #[test]
    fn chances_are_those_of_all_outcomes(n in 1..13u32, c in 0..13u32, k in 1..13u32, s in 1..8u32, chance in 0.01..0.99f64) {
        let (c, k, hits) = (c.min(n), k.min(n), c.min(n));
        let found = pass_at_k_s(&[n.into()], &[c.into()], k.into(), s.into()).unwrap().mean;
        prop_assert!(near(found, naive_at_least(n, c, k, s)));
        let tail = slot_guess(hits.into(), n.into(), chance, 0.01).unwrap().p_value;
        let naive = naive_tail(hits, n, chance);
        prop_assert!((tail - naive).abs() <= 1e-11 * naive, "{} {}", tail, naive);
    }

    /// Gains telescope, and so do the advantages of steps.
    #[test]
    fn gains_telescope(
        states in vec(vec(logps(), 2..5), 2..5), outcomes in vec(0..2u32, 5), successes in vec(0..6u64, 2..8),
    ) {
        let outcomes: Vec<f64> = outcomes.iter().take(states.len()).map(|&it| f64::from(it)).collect();
        for kind in [GainKind::Prob, GainKind::LogProb] {
            let gauge = InformationGain { kind, norm: GainNorm::None, gamma: 1.0 };
            let reading = gauge.read(&states, &outcomes).unwrap();
            for (row, (total, outcome)) in reading.advantage.iter().zip(reading.total_gain.iter().zip(&outcomes)) {
                prop_assert!(near(row[0], total + outcome));
            }
        }
        let joint = InformationGain::default().read(&states, &outcomes).unwrap().normalised.concat();
        prop_assert!(joint.iter().sum::<f64>().abs() < 1e-9 * joint.len() as f64);
        let steps = step_advantage(&successes, &vec![5; successes.len()], 5).unwrap();
        prop_assert!(near(steps.advantage.iter().sum(), steps.total));
    }

    #[test]
    fn log_ratios_are_antisymmetric(a in vec(logps(), 1..5), b in vec(logps(), 5)) {
        let b: Vec<Vec<f64>> = a.iter().zip(&b).map(|(a, b)| (0..a.len()).map(|at| b[at % b.len()]).collect()).collect();
        let [one, other] = [density_ratio(&a, &b, false).unwrap(), density_ratio(&b, &a, false).unwrap()];
        for (one, other) in one.log_ratio.iter().zip(&other.log_ratio) {
            prop_assert_eq!(*one, -*other);
        }
        let (to, back) = (implicit_reward(&a, &b, 0.1, true).unwrap(), implicit_reward(&b, &a, 0.1, true).unwrap());
        for (to, back) in to.reward.iter().zip(&back.reward) {
            prop_assert_eq!(*to, -*back);
        }
        // With the policy at the reference no reward differs, and the loss is that of a coin.
        let sums = |rows: &[Vec<f64>]| rows.iter().map(|row| row.iter().sum()).collect::<Vec<f64>>();
        let (chosen, rejected) = (sums(&a), sums(&b));
        let at_reference = PairLogps {
            ref_chosen: &chosen, ref_rejected: &rejected, policy_chosen: &chosen, policy_rejected: &rejected,
        };
        let ranking = PreferenceRanking::default().read(at_reference, None).unwrap();
        for (loss, right) in ranking.loss.iter().zip(&ranking.reward_right) {
            prop_assert!(near(*loss, std::f64::consts::LN_2) && !right);
        }
    }

    /// A pair is ranked right if and only if its loss is at most that at which it flips.
    #[test]
    fn a_pair_flips_at_its_loss(at in vec((-40.0..0.0f64, -40.0..0.0f64, -40.0..0.0f64, -40.0..0.0f64), 1..20)) {
        let of = |part: fn(&(f64, f64, f64, f64)) -> f64| at.iter().map(part).collect::<Vec<f64>>();
        let lists = [of(|it| it.0), of(|it| it.1), of(|it| it.2), of(|it| it.3)];
        let [ref_chosen, ref_rejected, policy_chosen, policy_rejected] = &lists;
        let pairs = PairLogps { ref_chosen, ref_rejected, policy_chosen, policy_rejected };
        let reading = PreferenceRanking::default().read(pairs, None).unwrap();
        for place in 0..at.len() {
            prop_assert_eq!(reading.ranked[place], reading.loss[place] <= reading.flip_loss[place]);
        }
    }

    #[test]
    fn weights_stay_within_their_bounds(
        ease in vec(0.0..=1.0f64, 1..20), epoch in 0.0..40.0f64, values in vec(0.0..9.0f64, 1..9), gamma in -3.0..300.0f64,
        scores in vec(-800.0..800.0f64, 1..9),
    ) {
        let relevant: Vec<bool> = (0..ease.len()).map(|at| at % 2 == 0).collect();
        for anti in [false, true] {
            let ramp = RampedWeight { anti, ..RampedWeight::default() };
            let weights = ramp.pointwise(&ease, &relevant, epoch).unwrap().weight;
            prop_assert!(weights.iter().all(|weight| (0.0..=1.0 + 1e-7).contains(weight)));
            let late = ramp.pointwise(&ease, &relevant, 20.0).unwrap().weight;
            prop_assert!(late.iter().all(|&weight| weight == 1.0));
        }
        let shares = inverse_power(&values, gamma).unwrap();
        prop_assert!(near(shares.iter().sum(), 1.0) && shares.iter().all(|share| (0.0..=1.0).contains(share)));
        let residual = listwise_residual(&scores, 0, 1.0).unwrap();
        prop_assert!(near(residual.weight[1..].iter().sum(), residual.weight[0]));
    }

    #[test]
    fn shares_of_strata_are_their_best(scores in vec(-9.0..9.0f64, 1..40), share in 0.0..=1.0f64, kinds in vec(0..3i64, 40)) {
        let strata = &kinds[..scores.len()];
        let top = top_share(&scores, strata, share).unwrap();
        for kind in 0..3 {
            let of: Vec<usize> = (0..scores.len()).filter(|&at| strata[at] == kind).collect();
            let taken: Vec<usize> = top.iter().copied().filter(|&at| strata[at] == kind).collect();
            prop_assert_eq!(taken.len(), (share * of.len() as f64 + 1e-9).floor() as usize);
            let least = taken.iter().map(|&at| scores[at]).fold(f64::INFINITY, f64::min);
            prop_assert!(of.iter().all(|at| taken.contains(at) || scores[*at] <= least + 1e-9));
        }
    }

    #[test]
    fn balance_is_one_only_of_enough_right_ones(kept in 0..20u64, correct in 0..20u64) {
        let correct = correct.min(kept);
        let score = balance_score(&[kept], &[correct], 8).unwrap().mean;
        prop_assert!((0.0..=1.0).contains(&score));
        prop_assert_eq!(score == 1.0, kept == correct && correct >= 8);
    }

    #[test]
    fn forgetting_is_bounded_by_what_is_known(
        accuracy in vec(vec(0.0..=1.0f64, 12), 1..5), marks in vec(0..12usize, 5), window in 2..13usize,
    ) {
        let tasks = accuracy.len();
        let left_at: Vec<Option<usize>> = (0..tasks).map(|task| (task + 1 < tasks).then(|| marks[task])).collect();
        let dips = Forgetting { window }.read(&accuracy, &left_at).unwrap();
        prop_assert!(dips.worst_case <= dips.final_mean + 1e-12);
        for (task, row) in accuracy.iter().enumerate() {
            let pairs = (0..12).flat_map(|i| (i + 1..12).map(move |j| (i, j))).filter(|(i, j)| *j < i + window);
            let drop = pairs.clone().map(|(i, j)| row[i] - row[j]).fold(0.0, f64::max);
            let rise = pairs.map(|(i, j)| row[j] - row[i]).fold(0.0, f64::max);
            prop_assert_eq!((dips.drop[task], dips.rise[task]), (drop, rise));
            prop_assert!(dips.min_accuracy[task].is_none_or(|least| least <= row[11]));
        }
    }

    /// The discrimination of an item is Pearson's correlation by its formula with means of both groups.
    #[test]
    fn discrimination_is_point_biserial(rows in vec(vec(0..2u32, 8), 2..7)) {
        let outcomes: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|&it| f64::from(it)).collect()).collect();
        let reading = item_discrimination(&outcomes).unwrap();
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let level = mean(&reading.ability);
        let s = mean(&reading.ability.iter().map(|it| (it - level) * (it - level)).collect::<Vec<_>>()).sqrt();
        for (row, r) in outcomes.iter().zip(&reading.r) {
            let of = |is: f64| (0..8).filter(|&at| row[at] == is).map(|at| reading.ability[at]).collect::<Vec<_>>();
            let (right, wrong, p) = (of(1.0), of(0.0), mean(row));
            match r {
                Some(r) => {
                    let formula = (mean(&right) - mean(&wrong)) / s * (p * (1.0 - p)).sqrt();
                    prop_assert!(near(*r, formula) && r.abs() <= 1.0 + 1e-9);
                }
                None => prop_assert!(right.is_empty() || wrong.is_empty() || s < 1e-9),
            }
        }
    }

    #[test]
    fn curves_are_found_again(limit in 60.0..99.0f64, scale in 5.0..40.0f64, exponent in 0.1..3.0f64, shift in 0..3usize) {
        let x: Vec<f64> = (1..=12).map(|at| f64::from(at) * 3.0).collect();
        let y: Vec<f64> = x.iter().map(|x| limit - scale * libm::pow(*x, -exponent)).collect();
        let fit = CurveFit { bound: None, ..CurveFit::percent() }.fit(&x, &y).unwrap();
        prop_assert!((fit.limit - limit).abs() < 1e-5 && (fit.exponent.unwrap() / exponent - 1.0).abs() < 1e-5);
        // The order of the points says nothing, and a loss is an accuracy upside down.
        let (mut turned_x, mut turned_y) = (x.clone(), y.clone());
        turned_x.rotate_left(shift);
        turned_y.rotate_left(shift);
        let turned = CurveFit { bound: None, ..CurveFit::percent() }.fit(&turned_x, &turned_y).unwrap();
        prop_assert!((turned.limit - fit.limit).abs() < 1e-6);
        let down: Vec<f64> = y.iter().map(|y| -y).collect();
        let loss = CurveFit { bound: None, ..CurveFit::loss() }.fit(&x, &down).unwrap();
        prop_assert_eq!(loss.limit, -fit.limit);
    }

    #[test]
    fn tau_knows_only_the_order(y in vec(-3..4i32, 2..30)) {
        let y: Vec<f64> = y.into_iter().map(f64::from).collect();
        let (tau, cubed) = (kendall_tau(&y, None).unwrap(), y.iter().map(|y| y * y * y + 7.0).collect::<Vec<_>>());
        prop_assert_eq!(kendall_tau(&cubed, None).unwrap(), tau);
        let negated = kendall_tau(&y.iter().map(|y| -y).collect::<Vec<_>>(), None).unwrap();
        prop_assert_eq!((negated.concordant, negated.discordant), (tau.discordant, tau.concordant));
        let pairs = y.len() as u64 * (y.len() as u64 - 1) / 2;
        prop_assert_eq!(tau.concordant + tau.discordant + tau.tied_y, pairs);
        prop_assert!(tau.tau_b.is_none_or(|tau| tau.abs() <= 1.0) && tau.tau_a.abs() <= 1.0);
    }

    /// A right answer more is never worse.
    #[test]
    fn sequences_only_gain_by_what_is_right(rows in vec(vec(0..2u32, 5), 1..5), row in 0..5usize, place in 0..5usize) {
        let read = |rows: &[Vec<u32>]| {
            let rows: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|&it| f64::from(it)).collect()).collect();
            sequence_learning(&rows, None, 2).unwrap()
        };
        let before = read(&rows);
        let mut more = rows.clone();
        let row = row % rows.len();
        more[row][place] = 1;
        let after = read(&more);
        prop_assert!(after.accuracy >= before.accuracy && after.first_success <= before.first_success);
        prop_assert!(after.longest_run >= before.longest_run && after.post_warmup >= before.post_warmup);
    }

    /// The unlikely right answer loses its bonus before the likely one does.
    #[test]
    fn confident_answers_keep_their_bonus(group in vec((0..2u32, -6.0..-0.1f64), 2..9)) {
        let accuracy: Vec<f64> = group.iter().map(|it| f64::from(it.0)).collect();
        let answers: Vec<Vec<f64>> = group.iter().map(|it| vec![it.1]).collect();
        let reading = Consistency::default().read(&accuracy, &answers).unwrap();
        for one in 0..group.len() {
            for other in 0..group.len() {
                let both = reading.accurate[one] && reading.accurate[other];
                if both && group[one].1 > group[other].1 {
                    prop_assert!(reading.bonus[one] >= reading.bonus[other]);
                }
            }
        }
    }

    #[test]
    fn bands_are_as_great_as_they_say(means in vec(-2.0..2.0f64, 1..40)) {
        let rows: Vec<Vec<f64>> = means.iter().map(|&mean| vec![mean]).collect();
        let zeros = vec![vec![0.0]; means.len()];
        let strengths = PreferenceBands::default().route(&rows, &zeros).unwrap();
        let count = |name: &str| strengths.treatment.iter().filter(|it| it.name() == name).count();
        let of = |share: f64| (share * means.len() as f64 + 1e-9).floor() as usize;
        prop_assert_eq!(count("flip") + count("soften"), of(0.4));
        prop_assert_eq!(count("margin"), of(0.9) - of(0.4));
        prop_assert!(strengths.treatment.iter().zip(&means).all(|(it, &mean)| it.name() != "flip" || mean < 0.0));
    }

    #[test]
    fn a_table_routes_as_one_by_one(edges in vec(-3.0..3.0f64, 0..5), reading in -4.0..4.0f64) {
        let mut edges = edges;
        edges.sort_by(f64::total_cmp);
        let treatments: Vec<Treatment> = (0..=edges.len()).map(|at| Treatment::Train { weight: at as f64 }).collect();
        let table = RoutingTable::new(edges.clone(), treatments).unwrap();
        let reached = edges.iter().filter(|&&edge| reading + 1e-9 >= edge).count();
        prop_assert_eq!(table.route(reading, Round(0)).unwrap(), Treatment::Train { weight: reached as f64 });
    }
}

/// Three times 0.1 has a deviation that is not 0 in floats.
#[test]
fn equal_rewards_are_equal() {
    let filter = GroupFilter { max_score: 1.0, retire_rate: Some(0.1) };
    let routes = filter.route(&[vec![0.1; 3], vec![0.1, 0.2, 0.3]]).unwrap();
    assert_eq!((routes.equal, routes.refill), (vec![true, false], 1));
    assert_eq!(routes.retire, [true, true]);
}

#[test]
fn tables_that_make_no_sense_are_refused() {
    assert!(RoutingTable::new(vec![0.5, 0.1], vec![Treatment::Drop; 3]).is_err());
    assert!(RoutingTable::new(vec![0.5], vec![Treatment::Drop]).is_err());
    assert!(RoutingTable::new(vec![f64::NAN], vec![Treatment::Drop; 2]).is_err());
    let table = RoutingTable::new([0.0; 0], vec![Treatment::Stop]).unwrap();
    assert_eq!(table.route(0.0, Round(0)).unwrap(), Treatment::Stop);
    assert!(table.route(f64::NAN, Round(0)).is_err());
}

/// A text that is one token over and over is looked up once.
#[test]
fn repetition_costs_no_more_than_other_texts() {
    let index = NgramIndex::new(&[vec![7; 100_000], vec![7; 3]], 8).unwrap();
    assert_eq!(index.coverage(&vec![7; 100_000]), [(0, 1.0)]);
    // No n-gram of a text is longer than the text, however long it may be.
    assert!(NgramIndex::new(&[vec![1, 2]], usize::MAX).unwrap().coverage(&[1, 2]).is_empty());
}

#[test]
fn a_rising_series_has_a_tau_of_one() {
    for n in 2..40 {
        let series: Vec<f64> = (0..n).map(f64::from).collect();
        assert_eq!(kendall_tau(&series, None).unwrap().tau_b, Some(1.0));
    }
}

/// What an option may be at its ends is refused, or gives numbers.
#[test]
fn options_at_their_ends() {
    let dips = Forgetting { window: usize::MAX }.read(&[[0.9, 0.1, 0.8]], &[None]).unwrap();
    assert_eq!((dips.drop[0], dips.rise[0]), (0.8, 0.7000000000000001));

    assert!(pass_at_k_s(&[u64::MAX], &[1], 1, 1).is_err());
    assert!(pass_at_k_s(&[1 << 40], &[1 << 39], 1 << 30, 1).is_err());
    assert!(near(pass_at_k_s(&[1 << 40], &[1 << 39], 2, 1).unwrap().mean, 0.75));
    assert!(slot_guess(1, u64::MAX, 0.5, 0.01).is_err());

    let ends = [
        (-2.0, 2.0),
        (0.0, 0.0),
        (1e-300, 1e300),
        (-f64::MAX, f64::MAX),
        (f64::NAN, 1.0),
        (1.0, f64::INFINITY),
    ];
    for (from, to) in ends {
        for rounds in [0, 1, u64::MAX] {
            for end in [
                Schedule::Linear { from, to, rounds },
                Schedule::Geometric { from, to, rounds },
                Schedule::Step { from, to, rounds },
            ] {
                let range = RewardRange { low: end, high: Schedule::Constant(1.0) };
                if let Ok(read) = range.read(&[0, 1, 7, u64::MAX], &[0.0, 0.3, 0.7, 1.0]) {
                    assert!(read.reward.iter().all(|reward| reward.is_finite()), "{end:?}: {read:?}");
                }
            }
        }
    }

    let outcomes = [[1.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for number in [0.0, f64::from_bits(1), 1e-170, 1e-6, 1.0, 1e6, 1e300, f64::INFINITY, f64::NAN] {
        for model in [
            TwoParameterLogistic { span: number, ..TwoParameterLogistic::default() },
            TwoParameterLogistic { sd_b: number, ..TwoParameterLogistic::default() },
            TwoParameterLogistic { sd_log_a: number, ..TwoParameterLogistic::default() },
        ] {
            if let Ok(read) = model.fit(&outcomes, 2) {
                let all = read.discrimination.iter().chain(&read.difficulty);
                assert!(
                    all.copied().all(f64::is_finite) && read.log_posterior.is_finite(),
                    "{model:?}"
                );
            }
        }
        for exponent in [(0.01, number), (number, 10.0), (number, number)] {
            let fit = CurveFit { exponent, ..CurveFit::percent() };
            if let Ok(limit) = fit.fit(&[1e-3, 1.0, 1e4, 1e9], &[1.0, 2.0, 3.0, 3.5]) {
                assert!(limit.limit.is_finite() && limit.sse.is_finite(), "{exponent:?}: {limit:?}");
            }
        }
        let weights = [
            RampedWeight { length: number, ..RampedWeight::default() }.pointwise(&[0.5], &[true], 1.0),
            RampedWeight { smooth: number, ..RampedWeight::default() }.pointwise(&[0.5], &[true], 1.0),
            RampedWeight::default().pointwise(&[0.5], &[true], number),
        ];
        assert!(weights.into_iter().flatten().all(|read| read.weight[0].is_finite()), "{number}");
        let shape = OffPolicyShape { floor: number, ..OffPolicyShape::default() };
        let shaped = shape.read(&[-1.0, -2.0], &[-700.0, -2.0], &[true, false]);
        assert!(shaped.is_err() || shaped.unwrap().ratio.iter().all(|ratio| ratio.is_finite()));
        let listwise = listwise_residual(&[1.0, -1e300, 1e300], 0, number);
        assert!(listwise.is_err() || listwise.unwrap().p.iter().all(|p| (0.0..=1.0).contains(p)));
    }
    let unsayable = vec![Treatment::Train { weight: f64::NAN }];
    assert!(RoutingTable::new([0.0; 0], unsayable).is_err());
}
