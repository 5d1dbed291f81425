//! The named worlds.

use super::{Category, Lesson, Mind, World};

/// Logistic skills without forgetting, interference or an effect of repeats.
fn plain(gap: f64) -> Mind {
    Mind::Logistic { gap, forgetting: 3e-5, transfer: 0.05, interference: 0.0, repeats: f64::INFINITY }
}

fn skill(skill: usize, difficulty: f64, needs: &[usize]) -> Category {
    Category::new(Lesson::Skill { skill, difficulty, needs: needs.to_vec() })
}

/// `levels` of `width` skills; each needs the one below it.
fn grid(width: usize, levels: usize, first: f64, step: f64) -> Vec<Category> {
    let place = |at: usize| {
        let level = at / width;
        let needs: Vec<usize> = at.checked_sub(width).into_iter().collect();
        skill(at, first + step * level as f64, &needs)
    };
    (0..width * levels).map(place).collect()
}

/// A grid of three domains with three levels, and other arms beside.
fn beside(lessons: &[Lesson]) -> Vec<Category> {
    let mut arms = grid(3, 3, 0.8, 1.0);
    arms.extend(lessons.iter().cloned().map(Category::new));
    arms
}

fn world(name: &'static str, arms: Vec<Category>, mind: Mind) -> World {
    World { name, arms, mind, batch: 64, lag: 0, noise: 2.0, steps: 800, shift: None, has_order: true }
}

/// The grid beside others, as it is in most worlds.
fn noisy(name: &'static str, lessons: &[Lesson]) -> World {
    world(name, beside(lessons), plain(4.0))
}

/// Softmax chains, and coins beside.
fn soft(name: &'static str, coins: usize, shared: f64) -> World {
    let mut arms: Vec<Category> = (0..15).map(|at| skill(at, 0.0, &[])).collect();
    arms.extend((0..coins).map(|_| Category::new(Lesson::Coin(0.5))));
    world(name, arms, Mind::Softmax { actions: 4, length: 5, shared })
}

const IMPOSSIBLE: Lesson = Lesson::Coin(0.0);
const COIN: Lesson = Lesson::Coin(0.5);
const MIXED: Lesson = Lesson::Mixed(0.15, 0.85);

impl World {
    /// All worlds, each a few lines over the same mechanisms.
    ///
    /// ```
    /// use curricle::simulator::world::World;
    ///
    /// let worlds = World::all();
    /// assert!(worlds.len() >= 30);
    /// assert!(worlds.iter().any(|world| world.name == "saw"));
    /// ```
    pub fn all() -> Vec<Self> {
        let mut worlds = with_an_order();
        worlds.extend(with_noise());
        worlds.extend(in_circumstances());
        worlds
    }
}

/// Where the frontier moves.
fn with_an_order() -> Vec<World> {
    let chain = world("chain", grid(1, 8, 0.4, 0.45), plain(3.4));
    let ladder = World { steps: 1200, ..world("ladder", grid(1, 16, 0.0, 0.3), plain(5.0)) };
    let graph = World { steps: 1200, ..world("graph", layered(), plain(2.0)) };
    vec![
        chain,
        noisy("grid", &[]),
        World { noise: 0.3, ..noisy("grid, quiet", &[]) },
        World { noise: 4.0, steps: 1200, ..noisy("grid, loud", &[]) },
        ladder,
        graph,
        soft("soft chains", 0, 0.0),
        soft("soft chains, coins", 3, 0.0),
        soft("soft chains, shared weights, coins", 3, 0.1),
    ]
}

/// Five layers of four skills; a skill needs two of the layer before.
fn layered() -> Vec<Category> {
    let place = |at: usize| {
        let (level, place) = (at / 4, at % 4);
        let below = |place: usize| (level - 1) * 4 + place % 4;
        let needs = if level == 0 { Vec::new() } else { vec![below(place), below(place + 1)] };
        skill(at, -0.3 + 0.8 * level as f64, &needs)
    };
    (0..20).map(place).collect()
}

/// Where some of what there is cannot be learned, or moves by itself.
fn with_noise() -> Vec<World> {
    let grid_of = |change: &dyn Fn(&mut Category)| {
        let mut arms = grid(3, 3, 0.8, 1.0);
        arms.iter_mut().for_each(change);
        arms
    };
    let sparse = |noise: &[Lesson]| {
        let mut arms: Vec<Category> = (0..4).map(|at| skill(at, 3.6, &[])).collect();
        arms.extend(noise.iter().cloned().map(Category::new));
        arms
    };
    let swing = |period| Lesson::Swing { low: 0.15, high: 0.85, period };
    let jump = Lesson::Jump { low: 0.3, high: 0.7, mean: 80 };
    vec![
        noisy("coin and impossible", &[COIN, IMPOSSIBLE]),
        noisy("nine coins", &vec![COIN; 9]),
        noisy("unfair coins", &[0.05, 0.2, 0.35, 0.8, 0.95].map(Lesson::Coin)),
        noisy("mixed noise", &vec![MIXED; 3]),
        noisy("a third impossible", &vec![IMPOSSIBLE; 5]),
        noisy("swing, period 60", &[swing(60.0)]),
        noisy("swing, period 400", &[swing(400.0)]),
        noisy("jumps", &[jump.clone(), jump]),
        noisy("saw", &[Lesson::Saw { low: 0.1, high: 0.9, period: 600.0 }]),
        noisy("rise by itself", &vec![Lesson::Rise { low: 0.1, high: 0.6, steps: 300.0 }; 3]),
        world("mislabelled", grid_of(&|arm| (arm.mislabelled, arm.spread) = (0.3, 1.5)), plain(4.0)),
        world("half impossible", grid_of(&|arm| arm.hopeless = 0.5), plain(4.0)),
        world("half coins", grid_of(&|arm| arm.tossed = 0.5), plain(4.0)),
        world(
            "solved, learnable, hopeless",
            {
                let mut arms = grid_of(&|arm| (arm.hopeless, arm.spread) = (0.4, 3.0));
                arms.extend([COIN, MIXED].map(Category::new));
                arms
            },
            plain(2.0),
        ),
        world("sparse", sparse(&[COIN, COIN, IMPOSSIBLE, IMPOSSIBLE]), plain(0.0)),
        world("sparse, mixed noise", sparse(&[MIXED, MIXED, IMPOSSIBLE]), plain(0.0)),
        World {
            has_order: true,
            ..world(
                "frontier",
                {
                    let mut arms = grid(1, 3, 1.0, 1.0);
                    arms.extend((3..9).map(|at| skill(at, -4.0, &[])));
                    arms.push(Category::new(COIN));
                    arms
                },
                plain(3.0),
            )
        },
    ]
}

/// The same in other circumstances.
fn in_circumstances() -> Vec<World> {
    let noise = [COIN, IMPOSSIBLE];
    let flat = |first: f64, step: f64| -> Vec<Category> {
        (0..12).map(|at| skill(at, first + step * at as f64, &[])).collect()
    };
    let logistic = |gap, forgetting, interference, repeats| Mind::Logistic {
        gap,
        forgetting,
        transfer: 0.05,
        interference,
        repeats,
    };
    let sized = |by_sample: bool, repeats: f64| {
        let mut arms = beside(&[COIN]);
        let sizes = [20_000, 6_000, 2_000, 600, 200, 60, 2_000, 600, 20, 2_000];
        for (arm, size) in arms.iter_mut().zip(sizes) {
            arm.samples = size;
            arm.weight = if by_sample { size as f64 } else { 1.0 };
        }
        (arms, logistic(4.0, 3e-5, 0.0, repeats))
    };
    let costing = |cost: &dyn Fn(usize) -> f64| {
        let mut arms = beside(&[COIN]);
        arms.iter_mut().enumerate().for_each(|(at, arm)| arm.tokens = cost(at));
        arms
    };
    let (by_sample, twice) = sized(true, 20.0);
    let (by_arm, once) = sized(false, f64::INFINITY);
    let equal = |name, arms: usize| World {
        has_order: false,
        ..world(name, (0..arms).map(|at| skill(at, 1.5, &[])).collect(), plain(0.0))
    };
    let first = vec![1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    let then = vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0];
    let mut shifted = noisy("target shift", &noise);
    shifted.arms.iter_mut().zip(first).for_each(|(arm, weight)| arm.weight = weight);
    shifted.shift = Some((150, then));
    shifted.steps = 800;
    let mut weighted = noisy("target on hard arms", &noise);
    weighted.arms.iter_mut().take(6).for_each(|arm| arm.weight = 0.1);
    vec![
        World { has_order: false, ..world("equal skills", flat(1.5, 0.0), plain(0.0)) },
        World { has_order: false, ..world("rising difficulties", flat(-0.8, 0.4), plain(0.0)) },
        World {
            has_order: false,
            ..world("forgetting", flat(-0.8, 0.4), logistic(0.0, 1e-3, 0.0, f64::INFINITY))
        },
        World { has_order: false, ..equal("100 arms", 100) },
        world("interference", grid(3, 3, 0.8, 1.0), logistic(4.0, 3e-5, 0.02, f64::INFINITY)),
        world("repeats", beside(&noise), logistic(4.0, 3e-5, 0.0, 10.0)),
        world("sizes 1 to 1000, by sample", by_sample, twice),
        world("sizes 1 to 1000, by arm", by_arm, once),
        world(
            "costs 1 to 20",
            costing(&|at| [3.0, 20.0, 1.0, 7.0, 2.0, 12.0, 1.0, 5.0, 16.0, 4.0][at]),
            plain(4.0),
        ),
        world("costs rise with level", costing(&|at| [1.0, 4.0, 16.0, 8.0][at / 3]), plain(4.0)),
        World { batch: 8, steps: 2400, ..noisy("batches of 8", &noise) },
        World { lag: 3, ..noisy("lag 3", &noise) },
        World { lag: 8, ..noisy("lag 8", &noise) },
        shifted,
        weighted,
    ]
}
