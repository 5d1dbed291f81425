//! Batch selections against naive twins, their laws, and bad input.

use crate::common;
use curricle::test_time::select::{
    Badge, DppMap, FacilityLocation, FairTopK, KCenter, Neighbours, PowerTopK, Rows, Select, Sift,
    residuals,
};
use curricle::{Error, Purpose, Rng, Round};
use proptest::prelude::*;

fn rng(round: u64) -> Rng {
    Rng::at(5, Round(round), Purpose::User)
}

/// Small whole numbers: sums of them are exact, and ties are frequent.
fn whole(dim: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((-4i8..=4).prop_map(f32::from), dim..12 * dim).prop_map(move |mut values| {
        values.truncate(values.len() / dim * dim);
        values
    })
}

fn real(dim: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-1.0f32..1.0, dim..10 * dim).prop_map(move |mut values| {
        values.truncate(values.len() / dim * dim);
        values
    })
}

fn first_greatest(values: impl Iterator<Item = (usize, f64)>) -> Option<usize> {
    values
        .fold(None, |best: Option<(usize, f64)>, (item, value)| match best {
            Some((_, most)) if value <= most => best,
            _ => Some((item, value)),
        })
        .map(|(item, _)| item)
}

fn square(points: &[f32], dim: usize, i: usize, j: usize) -> f64 {
    let [x, y] = [i, j].map(|item| &points[item * dim..(item + 1) * dim]);
    x.iter().zip(y).map(|(&x, &y)| f64::from(x - y) * f64::from(x - y)).sum()
}

/// The determinant of a small symmetric matrix, by elimination.
fn determinant(mut m: Vec<Vec<f64>>) -> f64 {
    let mut product = 1.0;
    for k in 0..m.len() {
        let pivot =
            (k..m.len()).max_by(|&a, &b| m[a][k].abs().total_cmp(&m[b][k].abs())).expect("a row");
        if m[pivot][k] == 0.0 {
            return 0.0;
        }
        if pivot != k {
            m.swap(pivot, k);
            product = -product;
        }
        product *= m[k][k];
        let (above, below) = m.split_at_mut(k + 1);
        let pivot = &above[k];
        for row in below {
            let factor = row[k] / pivot[k];
            for (x, p) in row[k..].iter_mut().zip(&pivot[k..]) {
                *x -= factor * p;
            }
        }
    }
    product
}

fn gram(points: &[f32], dim: usize) -> Vec<Vec<f64>> {
    let row = |item: usize| &points[item * dim..(item + 1) * dim];
    let product =
        |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    let count = points.len() / dim;
    (0..count).map(|i| (0..count).map(|j| product(row(i), row(j))).collect()).collect()
}

fn part(matrix: &[Vec<f64>], items: &[usize], ridge: f64) -> Vec<Vec<f64>> {
    let entry = |i: usize, j: usize| matrix[i][j] + if i == j { ridge } else { 0.0 };
    items.iter().map(|&i| items.iter().map(|&j| entry(i, j)).collect()).collect()
}

/// What is left of the variance of the last item given others: `det(K + lambda I) / det(...)` by Schur.
fn variance_given(matrix: &[Vec<f64>], given: &[usize], target: usize, lambda: f64) -> f64 {
    let mut inner = part(matrix, given, 0.0);
    for (k, row) in inner.iter_mut().enumerate() {
        row[k] += lambda;
    }
    // The same item may be given twice: rows of the bordered matrix go by place, not by item.
    let mut bordered = inner.clone();
    for (row, &item) in bordered.iter_mut().zip(given) {
        row.push(matrix[item][target]);
    }
    bordered
        .push(given.iter().map(|&item| matrix[target][item]).chain([matrix[target][target]]).collect());
    determinant(bordered) / determinant(inner)
}

proptest! {
    #[test]
    fn k_center_is_the_farthest_from_all(points in whole(3), share in 0.0f64..1.0, with in 0usize..3) {
        let count = points.len() / 3;
        let chosen: Vec<usize> = (0..with.min(count)).map(|k| (k * 7 + 3) % count).collect();
        let mut all = chosen.clone();
        all.sort_unstable();
        all.dedup();
        let k = ((count - all.len()) as f64 * share) as usize;
        let picked = KCenter::new(Rows::new(&points, 3).unwrap()).select(&chosen, k, &mut rng(0)).unwrap();
        let mut twin: Vec<usize> = chosen.clone();
        for _ in 0..k {
            let open = (0..count).filter(|item| !twin.contains(item));
            let nearest = |item: usize| {
                let distances = twin.iter().map(|&other| square(&points, 3, item, other));
                distances.fold(f64::INFINITY, f64::min)
            };
            let next = first_greatest(open.map(|item| (item, nearest(item)))).unwrap();
            twin.push(next);
        }
        prop_assert_eq!(picked, &twin[chosen.len()..]);
    }

    #[test]
    fn lazy_greedy_is_greedy(values in prop::collection::vec(-2i8..6, 64), side in 1usize..8, k in 0usize..8) {
        let similarity: Vec<f32> = values[..side * side].iter().map(|&x| f32::from(x)).collect();
        let k = k.min(side);
        let dense = FacilityLocation::dense(Rows::new(&similarity, side).unwrap()).unwrap();
        let lists: Vec<Vec<(u32, f32)>> = similarity
            .chunks(side)
            .map(|row| row.iter().enumerate().map(|(i, &s)| (i as u32, s)).rev().collect())
            .collect();
        let neighbours = Neighbours::new(&lists).unwrap();
        let value = |set: &[usize]| -> f64 {
            (0..side)
                .map(|i| set.iter().map(|&s| f64::from(similarity[s * side + i])).fold(0.0, f64::max))
                .sum()
        };
        let mut twin: Vec<usize> = Vec::new();
        for _ in 0..k {
            let open: Vec<usize> = (0..side).filter(|item| !twin.contains(item)).collect();
            let with = |item: usize| value(&[&twin[..], &[item]].concat());
            let next = first_greatest(open.iter().map(|&item| (item, with(item)))).unwrap();
            twin.push(next);
        }
        prop_assert_eq!(&dense.select(&[], k, &mut rng(0)).unwrap(), &twin);
        prop_assert_eq!(&FacilityLocation::sparse(&neighbours).select(&[], k, &mut rng(0)).unwrap(), &twin);
        let half = k / 2;
        let rest = dense.select(&twin[..half], k - half, &mut rng(0)).unwrap();
        prop_assert_eq!(rest, &twin[half..]);
    }

    #[test]
    fn dpp_takes_the_greatest_determinant(points in real(4), k in 1usize..4) {
        let count = points.len() / 4;
        let k = k.min(count);
        let kernel = gram(&points, 4);
        let picked = DppMap::features(Rows::new(&points, 4).unwrap()).select(&[], k, &mut rng(0)).unwrap();
        prop_assert_eq!(picked.len(), k);
        for place in 0..k {
            let with = |item: usize| determinant(part(&kernel, &[&picked[..place], &[item]].concat(), 0.0));
            let open = (0..count).filter(|item| !picked[..place].contains(item));
            let best = open.map(with).fold(0.0, f64::max);
            prop_assert!(with(picked[place]) >= best * (1.0 - 1e-6) - 1e-12);
        }
        // A kernel given as a matrix is the same thing but for its rounding to f32.
        let flat: Vec<f32> = kernel.iter().flatten().map(|&x| x as f32).collect();
        let by_kernel = DppMap::kernel(Rows::new(&flat, count).unwrap()).unwrap();
        prop_assert_eq!(by_kernel.select(&[], 1, &mut rng(0)).unwrap()[0], picked[0]);
        if k > 1 {
            let selection = DppMap::features(Rows::new(&points, 4).unwrap());
            prop_assert_eq!(selection.select(&picked[..1], k - 1, &mut rng(0)).unwrap(), &picked[1..]);
        }
    }

    #[test]
    fn sift_leaves_the_least_variance(
        points in real(3),
        target in prop::collection::vec(-1.0f32..1.0, 3),
        k in 1usize..5,
        repeats: bool,
        lambda in 0.01f64..5.0,
    ) {
        let count = points.len() / 3;
        let k = if repeats { k } else { k.min(count) };
        let kernel = gram(&[&points[..], &target[..]].concat(), 3);
        let mut sift = Sift::new(Rows::new(&points, 3).unwrap(), &target).unwrap().lambda(lambda);
        if repeats {
            sift = sift.repeats();
        }
        let picks = sift.variances(&[], k).unwrap();
        prop_assert_eq!(picks.len(), k);
        let mut given: Vec<usize> = Vec::new();
        for &(item, variance) in &picks {
            let open = (0..count).filter(|other| repeats || !given.contains(other));
            let after = |item: usize| variance_given(&kernel, &[&given[..], &[item]].concat(), count, lambda);
            let best = open.map(after).fold(f64::INFINITY, f64::min);
            prop_assert!((variance - after(item)).abs() <= 1e-8 * kernel[count][count].max(1e-3));
            prop_assert!(after(item) <= best + 1e-9);
            given.push(item);
        }
    }

    #[test]
    fn badge_draws_what_its_formed_gradients_would(logits in real(3), seed in 0u64..50) {
        let count = logits.len() / 3;
        let residuals = residuals(Rows::new(&logits, 3).unwrap());
        let embeddings: Vec<f32> = (0..count * 2).map(|k| ((k * 37 + 11) % 17) as f32 / 8.0 - 1.0).collect();
        let badge =
            Badge::new(Rows::new(&residuals, 3).unwrap(), Rows::new(&embeddings, 2).unwrap()).unwrap();
        let formed: Vec<Vec<f64>> = (0..count)
            .map(|item| {
                let r = &residuals[item * 3..][..3];
                let h = &embeddings[item * 2..][..2];
                r.iter().flat_map(|&r| h.iter().map(move |&h| f64::from(r) * f64::from(h))).collect()
            })
            .collect();
        let distance = |i: usize, j: usize| -> f64 {
            formed[i].iter().zip(&formed[j]).map(|(x, y)| (x - y) * (x - y)).sum()
        };
        let norm = |i: usize| formed[i].iter().map(|x| x * x).sum::<f64>();
        let k = count.min(4);
        let picked = badge.select(&[], k, &mut rng(seed)).unwrap();
        let mut random = rng(seed);
        for place in 0..k {
            let open: Vec<usize> = (0..count).filter(|item| !picked[..place].contains(item)).collect();
            if place == 0 {
                let most = (0..count).map(norm).fold(0.0, f64::max);
                prop_assert!(norm(picked[0]) >= most - 1e-9);
                continue;
            }
            // The pick is where the same random number falls among the formed distances.
            let nearest = |item: usize| {
                picked[..place].iter().map(|&s| distance(item, s)).fold(f64::INFINITY, f64::min)
            };
            let total: f64 = open.iter().map(|&item| nearest(item)).sum();
            let point = random.unit() * total;
            let before: f64 = open.iter().filter(|&&i| i < picked[place]).map(|&i| nearest(i)).sum();
            if total > 1e-3 {
                prop_assert!(before - 1e-5 <= point && point <= before + nearest(picked[place]) + 1e-5);
            }
        }
    }
}

#[test]
fn nearest_by_cosine_are_the_nearest() {
    let mut random = rng(3);
    let points: Vec<f32> = (0..40 * 5).map(|_| random.normal() as f32).collect();
    let kernel = gram(&points, 5);
    let neighbours = Neighbours::by_cosine(Rows::new(&points, 5).unwrap(), 6);
    let cosine = |i: usize, j: usize| kernel[i][j] / (kernel[i][i] * kernel[j][j]).sqrt();
    for (i, row) in kernel.iter().enumerate() {
        let mut others: Vec<usize> = (0..40).filter(|&j| j != i && row[j] > 0.0).collect();
        others.sort_by(|&a, &b| cosine(i, b).total_cmp(&cosine(i, a)));
        others.truncate(6);
        let covering: Vec<usize> = (0..40)
            .filter(|&j| j != i && neighbours.of(j).iter().any(|&(covered, _)| covered as usize == i))
            .collect();
        others.sort_unstable();
        assert_eq!(covering, others, "{i}");
        assert!(neighbours.of(i).contains(&(i as u32, 1.0)));
    }
}

#[test]
fn power_sampling_follows_the_power_of_the_score() {
    let scores = [0.1, 0.0, 0.4, 0.2];
    let weights: Vec<f64> = scores.iter().map(|score| score * score).collect();
    let total: f64 = weights.iter().sum();
    let mut counts = vec![0u64; 4];
    let selection = PowerTopK::new(&scores).unwrap().power(2.0);
    for round in 0..20_000 {
        counts[selection.select(&[], 1, &mut rng(round)).unwrap()[0]] += 1;
    }
    let shares: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    common::chi_square(&counts, &shares, "the first pick");
}

#[test]
fn equal_items_are_not_taken_while_others_are_left() {
    let residuals = [0.3f32, -0.3, 0.3, -0.3, 0.3, -0.3, -0.5, 0.5];
    let embeddings = [0.1f32, 0.7, 0.1, 0.7, 0.1, 0.7, 0.2, 0.2];
    let badge =
        Badge::new(Rows::new(&residuals, 2).unwrap(), Rows::new(&embeddings, 2).unwrap()).unwrap();
    for seed in 0..50 {
        let picked = badge.select(&[], 4, &mut rng(seed)).unwrap();
        assert_eq!(picked, [0, 3, 1, 2]);
    }
}

/// Rows that tell the same of the target, by symmetry, differ by rounding only; copies of a row do not differ at all. Either
/// way the lowest is first, wherever they stand.
#[test]
fn sift_takes_the_lowest_of_equals() {
    // Each permutation of a row tells the same, summed in another order.
    let row = [0.1f32, 0.7, 0.3, 0.9, 0.2, 0.6, 0.4, 0.8, 0.5];
    let target = [1.0f32; 9];
    let mut random = rng(4);
    let mut were_apart = 0;
    for _ in 0..200 {
        let mut data = Vec::new();
        for _ in 0..6 {
            let mut permuted = row;
            random.shuffle(&mut permuted);
            data.extend(permuted);
        }
        // The products with the target are exact; the squares are rounded as they are summed.
        let square = |item: usize| -> f64 {
            data[9 * item..9 * item + 9].iter().map(|&x| f64::from(x) * f64::from(x)).sum()
        };
        were_apart += usize::from((1..6).any(|item| square(item) < square(0)));
        let sift = Sift::new(Rows::new(&data, 9).unwrap(), &target).unwrap();
        assert_eq!(sift.select(&[], 1, &mut rng(0)).unwrap(), [0]);
    }
    assert!(were_apart > 20, "{were_apart}");
    // Three kinds of rows, four copies of each, in any order: of each kind the copies come in the order of their numbers.
    for seed in 0..200 {
        let mut random = rng(seed);
        let kinds: Vec<[f32; 9]> =
            (0..3).map(|_| std::array::from_fn(|_| random.normal() as f32)).collect();
        let mut order: Vec<usize> = (0..12).map(|item| item % 3).collect();
        random.shuffle(&mut order);
        let data: Vec<f32> = order.iter().flat_map(|&kind| kinds[kind]).collect();
        for lambda in [1e-9, 0.01, 10.0] {
            let sift = Sift::new(Rows::new(&data, 9).unwrap(), &target).unwrap().lambda(lambda);
            let picked = sift.select(&[], 12, &mut rng(0)).unwrap();
            for kind in 0..3 {
                let copies: Vec<usize> =
                    picked.iter().copied().filter(|&item| order[item] == kind).collect();
                assert!(copies.is_sorted(), "seed {seed}, lambda {lambda}: {picked:?} of {order:?}");
            }
            let again = sift.repeats().select(&[], 12, &mut rng(0)).unwrap();
            for item in again {
                let first = order.iter().position(|&kind| kind == order[item]);
                assert_eq!(Some(item), first, "seed {seed}, lambda {lambda}");
            }
        }
    }
}

#[test]
fn sift_stops_when_the_target_is_not_learned_from_the_data() {
    let data = [1.0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.9, 0.1, 0.0];
    let of = |target: &[f32; 3]| {
        let sift = Sift::new(Rows::new(&data, 3).unwrap(), target).unwrap().repeats().stop(0.5);
        sift.select(&[], 100, &mut rng(0)).unwrap().len()
    };
    // sigma stays 1 for what the data say nothing of: 1 > 1 / (0.5 n) first holds at n = 3.
    assert_eq!(of(&[0.0, 0.0, 1.0]), 3);
    assert_eq!(of(&[1.0, 0.0, 0.0]), 100);
}

#[test]
fn a_volume_has_no_more_dimensions_than_the_features() {
    let points: Vec<f32> = (0..30).map(|k| ((k * 7) % 11) as f32).collect();
    let selection = DppMap::features(Rows::new(&points, 3).unwrap());
    assert_eq!(selection.select(&[], 10, &mut rng(0)).unwrap().len(), 3);
    let zeros = [0.0f32; 6];
    let nothing = DppMap::features(Rows::new(&zeros, 3).unwrap());
    assert!(nothing.select(&[], 2, &mut rng(0)).unwrap().is_empty());
}

#[test]
fn bad_input_has_a_name() {
    let points = [0.0f32, 1.0, 2.0];
    let rows = Rows::new(&points, 1).unwrap();
    let center = KCenter::new(rows);
    let bad = |result: Result<Vec<usize>, Error>| result.expect_err("refused");
    assert_eq!(
        bad(center.select(&[], 4, &mut rng(0))),
        Error::BatchExceedsPool { want: 4, available: 3 }
    );
    assert_eq!(
        bad(center.select(&[1], 3, &mut rng(0))),
        Error::BatchExceedsPool { want: 3, available: 2 }
    );
    assert!(matches!(bad(center.select(&[3], 1, &mut rng(0))), Error::OutOfRange { .. }));
    assert!(matches!(bad(center.first(3).select(&[], 1, &mut rng(0))), Error::OutOfRange { .. }));
    assert!(matches!(Rows::new(&points, 2), Err(Error::Length { expected: 4, found: 3, .. })));
    assert!(matches!(Rows::new(&points, 0), Err(Error::OutOfRange { .. })));
    assert!(matches!(Rows::new(&[1e30], 1), Err(Error::OutOfRange { .. })));
    assert!(matches!(Rows::new(&[0.0, f32::INFINITY], 1), Err(Error::NonFinite { index: 1, .. })));
    assert!(matches!(Badge::new(rows, Rows::new(&[1.0], 1).unwrap()), Err(Error::Length { .. })));
    assert!(matches!(FacilityLocation::dense(rows), Err(Error::Length { .. })));
    assert!(matches!(DppMap::kernel(rows), Err(Error::Length { .. })));
    assert!(matches!(Neighbours::new(&[vec![(1, 1.0)]]), Err(Error::OutOfRange { .. })));
    assert!(matches!(Neighbours::new(&[vec![(0, f32::NAN)]]), Err(Error::NonFinite { .. })));
    assert!(matches!(Sift::new(rows, &[f32::NAN]), Err(Error::NonFinite { .. })));
    assert!(matches!(Sift::new(rows, &[]), Err(Error::Length { .. })));
    let sift = Sift::new(rows, &[1.0]).unwrap();
    assert!(matches!(bad(sift.lambda(0.0).select(&[], 1, &mut rng(0))), Error::OutOfRange { .. }));
    assert!(matches!(bad(sift.stop(f64::NAN).select(&[], 1, &mut rng(0))), Error::OutOfRange { .. }));
    assert!(matches!(PowerTopK::new(&[f64::NAN]), Err(Error::NonFinite { .. })));
    assert!(matches!(PowerTopK::new(&[-0.1]), Err(Error::OutOfRange { .. })));
    let none = PowerTopK::new(&[0.0, 1.0]).unwrap();
    assert_eq!(
        bad(none.select(&[], 2, &mut rng(0))),
        Error::BatchExceedsPool { want: 2, available: 1 }
    );
    let empty = KCenter::new(Rows::new(&[], 4).unwrap());
    assert!(empty.select(&[], 0, &mut rng(0)).unwrap().is_empty());
}

#[test]
fn equal_scores_are_shared_out() {
    // The best for sure, then three of five that tie, never the worst nor the one without a score.
    let scores = [0.5, 0.0, 2.0, 0.5, 0.5, -0.0, 0.5, 0.5].map(Some);
    let scores = [&scores[..], &[None]].concat();
    let selection = FairTopK::new(&scores).unwrap();
    let mut times = [0u32; 9];
    const ROUNDS: u32 = 4000;
    for round in 0..ROUNDS {
        let mut rng = Rng::at(5, Round(round.into()), Purpose::User);
        let picked = selection.select(&[], 4, &mut rng).unwrap();
        assert_eq!((picked[0], picked.len()), (2, 4));
        picked.iter().for_each(|&item| times[item] += 1);
    }
    assert_eq!((times[2], times[1], times[5], times[8]), (ROUNDS, 0, 0, 0));
    // Each of the five in 3/5 of the rounds; 5 standard deviations are 155.
    for item in [0, 3, 4, 6, 7] {
        assert!(times[item].abs_diff(ROUNDS * 3 / 5) < 155, "{times:?}");
    }
    let mut rng = Rng::at(5, Round(0), Purpose::User);
    // Taken ones are passed over, and the zeros tie.
    let rest = selection.select(&[0, 2, 3, 4, 6, 7], 2, &mut rng).unwrap();
    assert!(rest == [1, 5] || rest == [5, 1]);
    let refused = selection.select(&[2], 8, &mut rng);
    assert_eq!(refused, Err(Error::BatchExceedsPool { want: 8, available: 7 }));
    let nan = [Some(0.1), Some(f64::NAN)];
    assert!(matches!(FairTopK::new(&nan), Err(Error::NonFinite { index: 1, .. })));
    let endless = [Some(f64::INFINITY), Some(f64::MAX), Some(f64::NEG_INFINITY)];
    let picked = FairTopK::new(&endless).unwrap().select(&[], 3, &mut rng).unwrap();
    assert_eq!(picked, [0, 1, 2]);

    let hundred = vec![Some(1.0); 100];
    let share = |share| FairTopK::new(&hundred).unwrap().share(share);
    for (part, count) in [(0.0, 0), (0.29, 29), (0.57, 57), (0.999, 99), (1.0, 100)] {
        assert_eq!(share(part), Ok(count));
    }
    assert_eq!(selection.share(1.0), Ok(8));
    for part in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(share(part), Err(Error::OutOfRange { .. })));
    }
}
