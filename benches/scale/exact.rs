//! That every sample can be drawn, in exact proportion, at any size.

use std::time::Instant;

use curricle::{Purpose, Rng, Round, SumTree};

/// Checks trees of unit weights, of weights over 12 orders of magnitude, and after many updates.
pub fn check(full: bool) {
    let sizes: &[usize] = if full { &[30_000_000, 100_000_000] } else { &[3_000_000] };
    for &samples in sizes {
        let tree = SumTree::from_fn(samples, |_| 1 << 32).expect("small weights");
        every_item("unit weights", &tree);
        uniform(&tree);
    }
    let samples = if full { 10_000_000 } else { 1_000_000 };
    let weight = |index: usize| 10u64.pow((index % 13) as u32);
    let tree = SumTree::from_fn(samples, weight).expect("small weights");
    every_item("weights from 1 to 10^12", &tree);
    proportions(&tree);
    updates(if full { 1_000_000_000 } else { 20_000_000 });
}

/// Each index owns all of its targets: the first and the last of them are found to be its own.
fn every_item(name: &str, tree: &SumTree) {
    let start = Instant::now();
    let (mut before, mut reached) = (0, 0);
    let mut targets = Vec::new();
    for (block, weights) in tree.weights().chunks(4096).enumerate() {
        targets.clear();
        for weight in weights {
            targets.extend([before, before + weight - 1]);
            before += weight;
        }
        tree.find_each(&mut targets);
        let first = block as u64 * 4096;
        let owners = targets.chunks(2).zip(first..);
        reached += owners.filter(|(found, index)| found.iter().all(|found| found == index)).count();
    }
    assert_eq!(before, tree.total());
    let verdict = if reached == tree.len() { "all" } else { "NOT ALL" };
    println!(
        "{name}, {} items: {verdict} own exactly their share of the targets ({reached}; {:.1} s)",
        tree.len(),
        start.elapsed().as_secs_f64()
    );
    assert_eq!(reached, tree.len());
}

/// Draws by residue and by place agree with uniform ones.
fn uniform(tree: &SumTree) {
    let (mut residues, mut places) = (vec![0u64; 1024], vec![0u64; 1000]);
    let draws = 10_000_000;
    each_draw(tree, draws, |item| {
        residues[item as usize % 1024] += 1;
        places[(item as u128 * 1000 / tree.len() as u128) as usize] += 1;
    });
    let even = |cells: &[u64]| {
        let expected = draws as f64 / cells.len() as f64;
        chi_square(cells.iter().map(|&count| (count, expected)), cells.len() - 1)
    };
    println!(
        "  chi-square / df of {draws} draws: residues mod 1024 {}, thousandths {}",
        even(&residues),
        even(&places)
    );
}

/// Draws of the 13 weights agree with their shares, as far as they can be expected.
fn proportions(tree: &SumTree) {
    let mut classes = [0u64; 13];
    let draws = 100_000_000;
    each_draw(tree, draws, |item| classes[item as usize % 13] += 1);
    let mut weights = [0u64; 13];
    tree.weights().iter().enumerate().for_each(|(index, weight)| weights[index % 13] += weight);
    let expected = |class: usize| draws as f64 * weights[class] as f64 / tree.total() as f64;
    let cells: Vec<(u64, f64)> =
        (0..13).map(|class| (classes[class], expected(class))).filter(|cell| cell.1 >= 5.0).collect();
    println!(
        "  chi-square / df of {draws} draws over the {} weights that are drawn often enough: {}",
        cells.len(),
        chi_square(cells.iter().copied(), cells.len() - 1)
    );
}

fn each_draw(tree: &SumTree, draws: usize, mut take: impl FnMut(u64)) {
    let mut rng = Rng::at(5, Round(0), Purpose::User);
    let mut targets = vec![0; 4096];
    let mut left = draws;
    while left > 0 {
        let batch = &mut targets[..left.min(4096)];
        batch.iter_mut().for_each(|target| *target = rng.below(tree.total()));
        tree.find_each(batch);
        batch.iter().for_each(|&item| take(item));
        left -= batch.len();
    }
}

/// Chi-square over its degrees of freedom, with a verdict at five standard deviations.
fn chi_square(cells: impl Iterator<Item = (u64, f64)>, freedom: usize) -> String {
    let sum: f64 = cells.map(|(count, expected)| (count as f64 - expected).powi(2) / expected).sum();
    let ratio = sum / freedom as f64;
    let bound = 1.0 + 5.0 * (2.0 / freedom as f64).sqrt();
    assert!(ratio < bound, "chi-square / df is {ratio}, more than {bound}");
    format!("{ratio:.3} (< {bound:.3})")
}

/// Random updates leave the very sums that a new tree has.
fn updates(count: usize) {
    let start = Instant::now();
    let samples = 1_000_000;
    let mut rng = Rng::at(6, Round(0), Purpose::User);
    let mut tree = SumTree::from_fn(samples, |_| 1 << 32).expect("small weights");
    let mut changes = vec![(0, 0); 4096];
    let mut left = count;
    while left > 0 {
        let batch = &mut changes[..left.min(4096)];
        for change in &mut *batch {
            let bits = rng.bits();
            // Any size from 0 to 2^43.
            *change = (rng.below(samples as u64) as usize, bits >> 21 >> (bits % 44));
        }
        tree.set_each(batch).expect("weights below 2^43");
        left -= batch.len();
    }
    let sum: u64 = tree.weights().iter().sum();
    assert_eq!(tree.total(), sum);
    let anew = SumTree::new(tree.weights()).expect("the same weights");
    assert!(tree == anew, "a sum within the tree differs");
    println!(
        "{count} random updates of {samples} weights: total {} = recomputed {sum}, all inner sums equal ({:.1} s)",
        tree.total(),
        start.elapsed().as_secs_f64()
    );
}
