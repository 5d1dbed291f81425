mod model;
mod task;
use burn::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::Device;
use curricle::policy::*;
use curricle::sampler::Systematic;
use curricle::signal::*;
use curricle::*;
use model::Adder;
use task::*;

fn env(k: &str, d: f64) -> f64 {
    std::env::var(k).ok().and_then(|v| v.parse().ok()).unwrap_or(d)
}

fn run<P: Policy, S: Signal<[Trial]> + serde::Serialize>(name: &str, policy: P, signal: S, seed: u64) {
    let arms = env("D", 6.0) as usize;
    let hidden = env("H", 64.0) as usize;
    let n = env("B", 64.0) as usize;
    let lr = env("LR", 0.003);
    let steps = env("STEPS", 2000.0) as usize;
    let every = env("EVERY", 100.0) as usize;
    let device = Device::flex().autodiff();
    let pool = Pool::new(arms, seed);
    let mut c = Curriculum::builder(pool.len())
        .arms(arms as u32, |s| (s.index() / PER_ARM) as u32)
        .policy(policy)
        .signal(signal)
        .sampler(Systematic)
        .seed(seed)
        .build()
        .unwrap();
    let mut model = Adder::new(hidden, seed, &device);
    let mut optim =
        AdamConfig::new().with_grad_clipping(Some(GradientClippingConfig::Norm(1.0))).init();
    let held: Vec<_> = (1..=arms).map(|d| held_out(d, 200)).collect();
    let t0 = std::time::Instant::now();
    let mut reached = vec![0usize; arms + 1];
    for step in 1..=steps {
        let batch = c.draw(n).unwrap();
        let problems: Vec<Problem> = batch.samples().map(|s| pool.get(s)).collect();
        let a = model.forward(&problems, &device);
        let losses: Vec<f32> = a.loss.clone().inner().into_data().try_to_vec().unwrap();
        let digits: usize = problems.iter().map(|p| p.digits + 1).sum();
        let norm = if env("NORM", 0.0) > 0.0 { n as f64 * 3.0 } else { digits as f64 };
        let grads = GradientsParams::from_grads((a.loss.sum() / norm).backward(), &model);
        model = optim.step(lr, model, grads);
        let f: Vec<Feedback> = batch
            .draws
            .iter()
            .zip(&losses)
            .map(|(d, l)| Feedback::new(d.ticket, Outcome::default().success((-l).exp()).loss(*l)))
            .collect();
        c.observe(&f).unwrap();
        if step % every == 0 {
            let dev = Device::flex();
            let m = burn::module::Module::valid(&model);
            let acc: Vec<f32> = held
                .iter()
                .map(|h| {
                    let w: Vec<f32> = m.forward(h, &dev).wrong.into_data().try_to_vec().unwrap();
                    w.iter().filter(|w| **w == 0.0).count() as f32 / w.len() as f32
                })
                .collect();
            let mean: f32 = acc.iter().sum::<f32>() / arms as f32;
            for (i, a) in acc.iter().enumerate() {
                if *a >= 0.9 && reached[i] == 0 {
                    reached[i] = step;
                }
            }
            if mean >= 0.9 && reached[arms] == 0 {
                reached[arms] = step;
            }
            if env("V", 1.0) > 0.0 {
                println!(
                    "{name} {seed} {step} {:.1}s mean {mean:.3} acc {:?} p {:?}",
                    t0.elapsed().as_secs_f32(),
                    acc.iter().map(|a| (a * 100.0) as i32).collect::<Vec<_>>(),
                    c.shares().iter().map(|a| (a * 100.0) as i32).collect::<Vec<_>>()
                );
            }
            if reached.iter().all(|r| *r > 0) {
                break;
            }
        }
    }
    println!("RESULT {name} seed {seed} reached {reached:?} {:.1}s", t0.elapsed().as_secs_f32());
}

fn main() {
    let which = std::env::args().nth(1).unwrap();
    let seed = env("SEED", 1.0) as u64;
    let arms = env("D", 6.0) as u32;
    let bz = Boltzmann::new().alpha(env("ALPHA", 0.5)).temperature(env("TAU", 0.1));
    let sec = Bounded::new(bz).floor(env("EPS", 0.1), Prior::Uniform);
    match which.as_str() {
        "uniform" => run("uniform", Uniform, GroupSpread, seed),
        "hand" => run(
            "hand",
            Staged::one_by_one(arms, Advance::Mastery(env("MASTERY", 0.8))).review(env("REVIEW", 0.3)),
            GroupSpread,
            seed,
        ),
        "sec" => run("sec", sec, GroupSpread, seed),
        "gated" => run("gated", sec, Gated::new(GroupSpread), seed),
        "ramp" => run("ramp", sec, Gated::new(GroupSpread).least(1.0), seed),
        _ => panic!(),
    }
}
