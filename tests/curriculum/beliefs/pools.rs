//! What weights by belief are worth in pools where most prompts teach nothing.

use curricle::sampler::Distinct;
use curricle::{
    ArmId, Belief, Curriculum, Feedback, Outcome, Policy, Purpose, Rng, Round, SampleId, Sampler,
    Signal, Weighting,
};

const BATCH: usize = 64;

/// A pool of prompts with fixed chances of success, and groups of eight rollouts.
struct Pool {
    rates: Vec<f64>,
    batch: usize,
    rng: Rng,
}

impl Pool {
    fn new(rates: Vec<f64>) -> Self {
        Self { rates, batch: BATCH, rng: Rng::at(9, Round(0), Purpose::User) }
    }

    /// Runs rounds; gives how many groups of each sample were drawn, and how many were mixed.
    fn run<P: Policy, S: Signal, D: Sampler>(
        &mut self,
        curriculum: &mut Curriculum<P, S, D>,
        rounds: usize,
    ) -> (Vec<usize>, usize) {
        let (mut drawn, mut mixed) = (vec![0; self.rates.len()], 0);
        for _ in 0..rounds {
            let batch = curriculum.draw(self.batch).unwrap();
            let mut feedback = Vec::new();
            for draw in &batch.draws {
                let rate = self.rates[draw.sample.index()];
                let won = (0..8).filter(|_| self.rng.unit() < rate).count();
                drawn[draw.sample.index()] += 1;
                mixed += usize::from(won % 8 != 0);
                let outcome = Outcome::default().success(won as f32 / 8.0).rollouts(8);
                feedback.push(Feedback::new(draw.ticket, outcome));
            }
            curriculum.observe(&feedback).unwrap();
            curriculum.fold().unwrap();
        }
        (drawn, mixed)
    }
}

fn belief() -> Belief {
    Belief::new().retest(100)
}

fn share(drawn: &[usize], is_in: impl Fn(usize) -> bool) -> f64 {
    let all: usize = drawn.iter().sum();
    let some: usize = drawn.iter().enumerate().filter(|(it, _)| is_in(*it)).map(|(_, n)| n).sum();
    some as f64 / all as f64
}

/// 45 % solved, 45 % hopeless, 10 % that can be learned: uniform draws have a tenth of useful groups, these most. Then the
/// solved ones become learnable, and are found: all of them are drawn within four re-tests and a sweep.
#[test]
fn what_can_be_learned_is_found_and_found_again() {
    let kind =
        |sample: usize| [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2][sample % 20];
    let rates = (0..2000).map(|sample| [1.0, 0.0, 0.5][kind(sample)]).collect();
    let mut pool = Pool::new(rates);
    // The learnable ones do not move here, so that patience would end: it is tried out below.
    let belief = belief().patience(255);
    let mut curriculum =
        Curriculum::builder(2000).weighting(Weighting::Belief(belief)).seed(1).build().unwrap();
    let mut plain = Curriculum::builder(2000).seed(1).build().unwrap();
    let (_, uniform) = pool.run(&mut plain, 100);
    let uniform = uniform as f64 / (100 * BATCH) as f64;
    assert!((uniform - 0.1).abs() < 0.02, "{uniform}");
    pool.run(&mut curriculum, 100);
    let (_, mixed) = pool.run(&mut curriculum, 100);
    let found = mixed as f64 / (100 * BATCH) as f64;
    println!("useful groups: uniform {uniform:.3}, by belief {found:.3}");
    assert!(found > 5.0 * uniform, "{found}");
    // The tide turns.
    pool.rates.iter_mut().filter(|rate| **rate == 1.0).for_each(|rate| *rate = 0.5);
    let (drawn, _) = pool.run(&mut curriculum, 500);
    let missed = (0..2000).filter(|&sample| kind(sample) == 0 && drawn[sample] == 0).count();
    println!("not seen again within 500 rounds: {missed} of 900");
    assert!(missed < 9, "{missed}");
    let (drawn, mixed) = pool.run(&mut curriculum, 100);
    let turned = share(&drawn, |sample| kind(sample) == 0);
    println!("share of what was solved {turned:.3}, useful {:.3}", mixed as f64 / 6400.0);
    assert!(turned > 0.65, "{turned}");
}

/// What was solved many times is hardly drawn any more, with next to no floor; only the schedule brings it back. With one of
/// 50 rounds nearly all is seen again within six of them, by 1200 draws from 400 samples; without, little is.
#[test]
fn the_schedule_brings_back_what_was_solved() {
    let seen_again = |retest| {
        let mut pool = Pool::new((0..400).map(|sample| if sample < 300 { 1.0 } else { 0.5 }).collect());
        let belief = Belief::new().decay(1.0).floor(0.001).patience(255).retest(retest);
        let builder = Curriculum::builder(400).weighting(Weighting::Belief(belief));
        let mut curriculum = builder.seed(1).build().unwrap();
        pool.run(&mut curriculum, 400);
        pool.batch = 4;
        let (before, _) = pool.run(&mut curriculum, 100);
        pool.rates.fill(0.5);
        let (drawn, _) = pool.run(&mut curriculum, 300);
        let solved = share(&before, |sample| sample < 300);
        let seen = (0..300).filter(|&sample| drawn[sample] > 0).count();
        println!("re-test {retest}: share of solved {solved:.3}, seen again {seen} of 300");
        seen
    };
    let (soon, never) = (seen_again(50), seen_again(1_000_000_000));
    assert!(soon > 240, "{soon}");
    assert!(never < 160, "{never}");
}

/// A tenth of the pool are coin tosses, a tenth is learned by being drawn: at first both are drawn alike; then the coins
/// are found out, and have no more than a share like that of their number.
#[test]
fn coin_tosses_do_not_take_the_batch() {
    let is_coin = |sample: usize| sample % 10 == 3;
    let is_learnable = |sample: usize| sample % 10 == 7;
    let run = |patience: u8| {
        let rates = (0..1000)
            .map(|sample| match sample % 10 {
                3 => 0.5,
                7 => 0.1,
                even if even % 2 == 0 => 1.0,
                _ => 0.0,
            })
            .collect();
        let mut pool = Pool::new(rates);
        let weighting = Weighting::Belief(belief().patience(patience));
        let mut curriculum = Curriculum::builder(1000).weighting(weighting).seed(1).build().unwrap();
        let mut shares = Vec::new();
        for _ in 0..6 {
            let mut total = (vec![0; 1000], 0);
            for _ in 0..50 {
                let (drawn, mixed) = pool.run(&mut curriculum, 1);
                total.1 += mixed;
                for (sample, &times) in drawn.iter().enumerate() {
                    total.0[sample] += times;
                    if is_learnable(sample) {
                        let rate = &mut pool.rates[sample];
                        *rate = (*rate + 0.02 * times as f64).min(0.97);
                    }
                }
            }
            shares.push(share(&total.0, is_coin));
        }
        shares
    };
    let (guarded, trusting) = (run(16), run(255));
    println!("share of coin tosses by 50 rounds: {guarded:.3?}; without patience {trusting:.3?}");
    assert!(guarded[3..].iter().all(|share| *share < 0.2), "{guarded:?}");
    assert!(trusting[3..].iter().all(|share| *share > 0.4), "{trusting:?}");
}

/// Half of each of two arms is hopeless: a policy over arms sees two equal arms, the beliefs two halves.
#[test]
fn arms_of_two_kinds_are_told_apart_within() {
    let rates = (0..800).map(|sample| if sample % 2 == 0 { 0.0 } else { 0.5 }).collect();
    let mut pool = Pool::new(rates);
    let base = || Curriculum::builder(800).arms(2, |sample| (sample.0 / 400) as u32).seed(1);
    let weighting = Weighting::Belief(belief().patience(255));
    let mut curriculum = base().weighting(weighting).build().unwrap();
    pool.run(&mut curriculum, 40);
    let (drawn, mixed) = pool.run(&mut curriculum, 40);
    println!(
        "useful groups {:.3}, of one half {:.3}",
        mixed as f64 / 2560.0,
        share(&drawn, |it| it % 2 == 1)
    );
    assert!(share(&drawn, |sample| sample % 2 == 1) > 0.8);
    for arm in [0, 1] {
        assert!((share(&drawn, |sample| sample / 400 == arm) - 0.5).abs() < 0.05);
        let hopeless = curriculum.population().weight(SampleId(400 * arm as u64)).unwrap();
        let learnable = curriculum.population().weight(SampleId(400 * arm as u64 + 1)).unwrap();
        assert!(learnable > 3.0 * hopeless, "{learnable} {hopeless}");
    }
}

/// The preset: a pool that grows, and is not captured by what is luck.
#[test]
fn the_preset_takes_new_prompts_and_is_not_captured() {
    let is_coin = |sample: usize| sample.is_multiple_of(4);
    let rate = |sample: usize| if is_coin(sample) { 0.5 } else { [1.0, 0.0, 0.05][sample % 3] };
    let mut pool = Pool::new((0..400).map(rate).collect());
    let mut curriculum = Curriculum::builder(400).prompts().seed(3).build().unwrap();
    pool.run(&mut curriculum, 150);
    let (drawn, _) = pool.run(&mut curriculum, 50);
    let coins = share(&drawn, is_coin);
    println!("share of coin tosses in the preset: {coins:.3}");
    assert!(coins < 0.35, "{coins}");
    let new: Vec<SampleId> = (0..100).map(|_| curriculum.insert(ArmId(0), 1.0).unwrap()).collect();
    pool.rates.resize(500, 0.4);
    let (drawn, _) = pool.run(&mut curriculum, 40);
    let seen = new.iter().filter(|sample| drawn[sample.index()] > 0).count();
    assert!(seen > 95, "{seen}");
    assert!(share(&drawn, |sample| sample >= 400) > 0.35, "they are what can be learned");
    let _: &curricle::preset::Prompts = &curriculum;
    let _ = Distinct;
}
