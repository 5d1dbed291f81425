//! `curricle monitor`: of tables and of journals, against the library and numbers worked out by hand.

use std::path::Path;

use curricle::monitor::{CurveFit, Forgetting, TrendAlarm, kendall_tau, seed_noise};
use curricle::{Config, Feedback, Journal, Outcome};
use serde_json::Value;

use crate::rows::{Field, curricle, done, refused, write_jsonl, write_parquet};

fn read(folder: &Path, command: &str) -> Value {
    serde_json::from_str(&done(folder, &format!("{command} --json"))).unwrap()
}

fn near(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} {expected}");
}

/// Steps, a curve that rises to 0.9, and one that was learned first and is forgotten.
fn curves() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (1..=24).map(|step| 100.0 * f64::from(step)).collect();
    let y = x.iter().map(|x| 0.9 - 40.0 / x).collect();
    let old = (1..=24).map(|step| if step < 10 { 0.8 } else { 0.8 - 0.05 * f64::from(step % 9) });
    let old = old.collect();
    (x, y, old)
}

#[test]
fn a_table_is_read_as_the_library_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (x, y, old) = curves();
    let fields = [
        ("step", Field::Numbers(x.clone())),
        ("new", Field::Numbers(y.clone())),
        ("old", Field::Numbers(old.clone())),
    ];
    write_jsonl(&folder.join("in.jsonl"), &fields);
    write_parquet(&folder.join("in.parquet"), &fields);
    let rows = (0..24).map(|at| format!("{:?},{},{:?}\n", y[at], x[at], old[at]));
    std::fs::write(folder.join("in.csv"), format!("new,step,old\n{}", rows.collect::<String>()))
        .unwrap();
    let options = "--x step --y new,old --left old=950 --dip-window 5 --threshold 0.03";
    let all = read(folder, &format!("monitor in.jsonl {options}"));
    for other in ["in.parquet", "in.csv"] {
        assert_eq!(all, read(folder, &format!("monitor {other} {options}")), "{other}");
    }
    for (place, y) in [&y, &old].into_iter().enumerate() {
        let series = &all["series"][place];
        let trend = TrendAlarm { least_t: 2.0, ..TrendAlarm::default() }.read(&x, y).unwrap();
        near(&series["trend"]["slope"], trend.slope);
        near(&series["trend"]["t"], trend.t.unwrap());
        assert_eq!(series["trend"]["alarm"], trend.alarm);
        assert_eq!(series["trend"]["shape"], trend.shape.unwrap().name());
        near(&series["tau_b"], kendall_tau(y, None).unwrap().tau_b.unwrap());
        let limit = CurveFit::share().fit(&x, y).unwrap();
        near(&series["curve"]["limit"], limit.limit);
        near(&series["curve"]["remaining"], limit.remaining);
        near(&series["curve"]["bound"], 1.0);
        let last: f64 = y[14..].iter().sum::<f64>() / 10.0;
        near(&series["last"]["mean"], last);
        let [low, high] = ["low", "high"].map(|end| series["last"][end].as_f64().unwrap());
        assert!(low < last && last < high && high - low < 0.5, "{low} {last} {high}");
    }
    // 40 / x is 0.03 from x = 1333 on.
    near(&all["series"][0]["curve"]["limit"], 0.9);
    near(&all["series"][0]["curve"]["stop_x"], 1400.0);
    assert_eq!(all["series"][1]["trend"]["alarm"], true);
    let dips = Forgetting { window: 5 }.read(&[&y, &old], &[None, Some(9)]).unwrap();
    near(&all["series"][1]["dip"]["drop"], dips.drop[1]);
    near(&all["series"][1]["dip"]["worst_since_left"], dips.min_accuracy[1].unwrap());
    let [from, to] = ["from", "to"].map(|end| all["series"][1]["dip"][end].as_f64().unwrap());
    let at = |x: f64| old[(x / 100.0) as usize - 1];
    assert!(to - from < 500.0 && (at(from) - at(to) - dips.drop[1]).abs() < 1e-12, "{from} {to}");
    assert!(all["series"][0]["dip"]["from"].is_null());
    near(&all["all"]["worst_case"], dips.worst_case);
    near(&all["all"]["final_mean"], dips.final_mean);
    // The other way round: losses.
    let loss = read(folder, "monitor in.csv --x step --y new --falling --bound -1");
    assert_eq!(loss["series"][0]["trend"]["alarm"], true);
    near(&loss["series"][0]["dip"]["drop"], y[9] - y[0]);
    near(&loss["series"][0]["curve"]["bound"], -1.0);
}

#[test]
fn windows_gaps_and_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = "x,a,b\n4,1,0.5\n1,0.25,\n2,0.75,0.25\n3,0.5,0.75\n0,0,\n";
    std::fs::write(folder.join("in.csv"), text).unwrap();
    let all = read(folder, "monitor in.csv --x x --y a,b --window 2");
    assert_eq!(all["series"][0]["points"], serde_json::json!([[1.0, 0.125], [3.0, 0.625], [4.0, 1.0]]));
    assert_eq!(all["series"][1]["points"], serde_json::json!([[3.0, 0.5], [4.0, 0.5]]));
    assert!(all["all"].is_null() && all["series"][1]["curve"].is_null());
    let notes = all["notes"].to_string();
    assert!(notes.contains("3 of 5 rows have a `b`") && notes.contains("b: three points"), "{notes}");
    let said = done(folder, "monitor in.csv --x x --y a");
    assert!(said.contains("a: 1 points of x up to 0 are not in the curve"), "{said}");

    let seeds = [vec![0.5, 0.625, 0.75], vec![0.25, 0.5, 1.0]];
    write_parquet(
        &folder.join("in.parquet"),
        &[
            ("x", Field::Ids(vec![1, 2, 3])),
            ("a", Field::Numbers(seeds[0].clone())),
            ("b", Field::Maybe(seeds[1].iter().copied().map(Some).collect())),
        ],
    );
    let all = read(folder, "monitor in.parquet --x x --y a,b --seeds");
    let noise = seed_noise(&seeds).unwrap();
    near(&all["noise"]["seed_noise"], noise.seed_noise);
    near(&all["noise"]["snr"], noise.snr.unwrap());
    // Seeds that agree at the last x: JSON has no number for an infinite ratio, and none at 0 is another thing.
    for (last, snr) in [("0.5", "\"inf\""), ("-2", "\"-inf\""), ("0", "null")] {
        std::fs::write(folder.join("same.csv"), format!("x,a,b\n1,0,1\n2,{last},{last}\n")).unwrap();
        let all = read(folder, "monitor same.csv --x x --y a,b --seeds");
        assert_eq!(all["noise"]["snr"].to_string(), snr);
    }
    let logs = read(folder, "monitor in.parquet --x x --y a --log-x");
    let trend = TrendAlarm { log_x: true, ..TrendAlarm::default() };
    near(&logs["series"][0]["trend"]["slope"], trend.read(&[1.0, 2.0, 3.0], &seeds[0]).unwrap().slope);
}

/// Every mark of the picture stands where it should: a panel for each series, and what is said above it.
#[test]
fn pictures_show_every_series() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (x, y, old) = curves();
    let fields =
        [("step", Field::Numbers(x)), ("new <1>", Field::Numbers(y)), ("old", Field::Numbers(old))];
    write_jsonl(&folder.join("in.jsonl"), &fields);
    let run = |out: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_curricle"))
            .args(["monitor", "in.jsonl", "--x", "step", "--y", "new <1>,old", "--left", "old=950"])
            .args(["--out", out])
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read_to_string(folder.join(out)).unwrap()
    };
    let svg = run("out.svg");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert_eq!(svg.matches("<circle").count(), 24 + 24 + 2 + 1);
    assert!(
        svg.contains("new &lt;1&gt;, limit 0.9, 0.0167 to gain, dip 0") && svg.contains("old, limit")
    );
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    let page = run("out.html");
    assert!(page.contains(&svg) && page.contains("<th scope=\"row\">new &lt;1&gt;</th>"));
    assert!(page.contains("<p>old: left at 950</p>"));
}

const CONFIG: &str = "
    seed = 5
    signal = 'mean_advantage'
    policy.bounded = { inner = 'boltzmann', floor = { epsilon = 0.2, prior = 'uniform' } }";

/// Two arms: the first is solved after some rounds and has nothing to teach any more, the second is learned slowly.
fn lived(path: &Path, has_success: bool) -> Vec<[Vec<f32>; 2]> {
    let curriculum =
        Config::from_toml(CONFIG).unwrap().builder(40).arms(2, |sample| (sample.0 % 2) as u32);
    let mut journal = Journal::open(path, curriculum.build().unwrap()).unwrap();
    let mut all = Vec::new();
    for round in 0..60u32 {
        let batch = journal.draw(16).unwrap();
        let mut seen = [Vec::new(), Vec::new()];
        let feedback: Vec<Feedback> = batch
            .draws
            .iter()
            .map(|draw| {
                let arm = draw.arm.index();
                let success = if arm == 0 && round > 9 { 1.0 } else { (round as f32 / 128.0).min(1.0) };
                let advantage = if success == 1.0 { 0.0 } else { 0.75 };
                seen[arm].push(if has_success { success } else { advantage });
                let outcome = Outcome::default().abs_advantage(advantage).rollouts(8);
                Feedback::new(draw.ticket, if has_success { outcome.success(success) } else { outcome })
            })
            .collect();
        journal.observe(&feedback).unwrap();
        all.push(seen);
    }
    journal.sync().unwrap();
    all
}

#[test]
fn the_arms_of_a_journal_are_series() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let seen = lived(&folder.join("run"), true);
    let all = read(folder, "monitor run --window 4 --left-below 0.3");
    assert_eq!((&all["x"], &all["y"]), (&"rounds".into(), &"mean success".into()));
    for arm in 0..2 {
        let windows = seen.chunks(4).zip(1..).filter_map(|(rounds, window)| {
            let scores: Vec<f64> =
                rounds.iter().flat_map(|seen| &seen[arm]).map(|&score| score.into()).collect();
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            (!scores.is_empty()).then_some((4.0 * f64::from(window), mean))
        });
        let windows: Vec<(f64, f64)> = windows.collect();
        let points = all["series"][arm]["points"].as_array().unwrap();
        assert_eq!(points.len(), windows.len());
        for (point, (x, y)) in points.iter().zip(windows) {
            near(&point[0], x);
            near(&point[1], y);
        }
    }
    // What taught nothing any more was left, soon after the tenth round.
    let left = all["series"][0]["dip"]["left"].as_f64().unwrap();
    assert!((12.0..40.0).contains(&left), "{left}");
    assert!(all["series"][1]["dip"]["left"].is_null());
    near(&all["series"][0]["dip"]["worst_since_left"], 1.0);
    assert!(all["series"][1]["trend"]["slope"].as_f64().unwrap() > 0.0);

    lived(&folder.join("rewards"), false);
    let all = read(folder, "monitor rewards --window 4 --arms 1");
    assert_eq!(all["y"], "mean reward of the signal");
    assert_eq!(all["series"].as_array().unwrap().len(), 1);
    assert!(all["notes"].to_string().contains("1 arms with fewer tickets"));
    done(folder, "monitor run --out out.html");
}

/// Losses of two tasks, one of which was left: what is said of all is said in losses.
#[test]
fn the_summary_of_losses_is_one_of_losses() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("in.csv"), "x,old,new\n1,0.5,3\n2,0.75,2\n3,0.625,1.5\n").unwrap();
    let base = "monitor in.csv --x x --y old,new --falling --left old=1";
    let all = &read(folder, base)["all"];
    near(&all["final_mean"], (0.625 + 1.5) / 2.0);
    near(&all["mean_min"], 0.75);
    near(&all["worst_case"], 1.125);
    near(&all["mean_drop"], 0.125);
    let said = done(folder, base);
    assert!(
        said.contains(
            "final mean 1.0625, mean of the worst since they were left 0.7500, worst case 1.125"
        ),
        "{said}"
    );
}

#[test]
fn bad_series_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("in.csv"), "x,a,b\n1,0.5,\n2,abc,\n").unwrap();
    std::fs::write(folder.join("nan.jsonl"), "{\"x\": 1, \"a\": 0.5}\n{\"x\": null, \"a\": 0.5}\n")
        .unwrap();
    std::fs::write(folder.join("twice.csv"), "x,a\n1,0.5\n1,0.75\n").unwrap();
    std::fs::write(folder.join("inf.csv"), "x,a\n1,0.5\ninf,0.75\n").unwrap();
    std::fs::write(folder.join("empty.csv"), "x,a\n").unwrap();
    let long: String = (1..=1001).map(|x| format!("{{\"x\": {x}, \"a\": 0.5}}\n")).collect();
    std::fs::write(folder.join("long.jsonl"), long).unwrap();
    std::fs::write(folder.join("good.csv"), "x,a\n1,0.5\n2,0.75\n3,0.8\n").unwrap();
    std::fs::write(folder.join("cut.parquet"), b"PAR1 and no more PAR1").unwrap();
    for (command, says) in [
        ("in.csv --x x --y a", "in.csv: line 3: `a` is no number"),
        ("in.csv --x x --y b", "no row has a `b`"),
        ("in.csv --x x --y c", "there is no column `c`"),
        ("in.csv --x x", "--y"),
        ("in.csv", "--x and --y name the columns"),
        ("nan.jsonl --x x --y a", "nan.jsonl: line 2: `x` has no value"),
        ("inf.csv --x x --y a", "inf.csv: line 3: `x` is not finite: inf"),
        ("twice.csv --x x --y a", "twice.csv: line 3: `a` has a value at 1, as in line 2"),
        ("empty.csv --x x --y a", "no row has a `a`"),
        ("long.jsonl --x x --y a", "`a` has 1001 points, more than 1000: --window 2"),
        ("cut.parquet --x x --y a", "cut.parquet: "),
        ("none", "none"),
        ("none --x x --y a", "none: columns are read from"),
        ("in.csv --x x --y a --arms 3", "cannot be used with"),
        ("good.csv --x x --y a --left c=3", "--left: there is no `c`"),
        ("good.csv --x x --y a --left a=1 --left a=2", "--left names `a` twice"),
        ("good.csv --x x --y a --left a", "not of the form NAME=X"),
        ("twice.csv --x x --y a --out out.png", "must end in .svg or .html"),
    ] {
        refused(folder, &format!("monitor {command}"), says);
    }
    for (options, says) in [
        ("--bound 0.7", "--bound 0.7: `a` is 0.75 at 2, which is beyond it"),
        ("--bound 0.6 --falling", "--bound 0.6: `a` is 0.5 at 1, which is beyond it"),
        ("--log-x --seeds", "--seeds: --y names one series"),
    ] {
        refused(folder, &format!("monitor good.csv --x x --y a {options} --out out.svg"), says);
    }
    std::fs::write(folder.join("from-0.csv"), "x,a\n1,0.5\n0,0.75\n").unwrap();
    refused(
        folder,
        "monitor from-0.csv --x x --y a --log-x",
        "from-0.csv: line 3: x is 0, of which --log-x",
    );
    std::fs::write(folder.join("huge.csv"), "x,a\n1,1e300\n2,-1e300\n3,0\n").unwrap();
    refused(folder, "monitor huge.csv --x x --y a", "`a`: ");
    let output = curricle(folder, "monitor good.csv --x x --y a --out none/out.svg");
    assert_eq!(output.status.code(), Some(1));
}
