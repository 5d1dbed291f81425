//! One page of all tables, in one file that asks for no other and needs no script.

pub mod grid;
mod plot;

use std::fmt::Write;

use crate::catalogue::{Choice, OURS, UNIFORM};
use crate::compare::{Summary, Table as Compared, curve};
use crate::html::{Table, document, escaped};
use crate::plan::Name;
use crate::rates;
use crate::statistics::{mean, quantile, value_at};
use crate::store::{Kept, slug};
use crate::table::{self, HEAD, REST, percent};
use grid::{Cell, MARKS, Panel, draw, mark};
use plot::{About, Axis, Line, PLACES, Share, thousands};

const EXTRA: &str = include_str!("extra.css");

/// What is drawn large, where it was run, and in which colour; the last is above the others.
const SHOWN: [(&str, usize); 5] = [(UNIFORM, 1), ("refill-32", 2), ("hand", 3), ("sec", 5), (OURS, 0)];
/// The colour of a reference that is none of them.
const OTHER: usize = 4;
/// Whose shares are drawn, where they were run.
const SHARED: [&str; 6] = ["sec", "default", "hand", "sharp", "mopps", "guarded"];
/// Spans of time of a picture of shares.
const SPANS: usize = 20;
/// A gain of this much has all of its colour.
const FULL: f64 = 0.2;

/// A table of the study, with its runs and what they come to.
#[derive(Debug)]
pub struct Part {
    pub name: Name,
    pub runs: Vec<Kept>,
    pub tables: Vec<Compared>,
}

/// The whole page.
pub fn page(parts: &[Part], curricula: &[Choice]) -> String {
    let mut out = header(parts);
    for part in parts.iter().filter(|part| !part.runs.is_empty()) {
        match part.name {
            Name::Rates => out.push_str(&of_rates(&part.runs)),
            Name::Map => out.push_str(&of_map(&part.tables)),
            _ => out.push_str(&of_workloads(part, curricula)),
        }
    }
    out.push_str(&all_runs(parts));
    document("Does it help? – curricle study", EXTRA, &out)
}

fn header(parts: &[Part]) -> String {
    let runs = || parts.iter().flat_map(|part| &part.runs);
    let different = |mut names: Vec<String>| {
        names.sort();
        names.dedup();
        names
    };
    let workloads = different(runs().map(|run| run.setting.workload.clone()).collect()).len();
    let curricula = different(runs().map(|run| run.setting.curriculum.clone()).collect()).len();
    let streams = different(runs().map(|run| run.stream.to_string()).collect()).join(", ");
    let hours = runs().map(Kept::seconds).sum::<f64>() / 3600.0;
    let tokens = runs().map(Kept::end).sum::<u64>() as f64;
    let tiles = [
        ("runs", runs().count().to_string()),
        ("workloads", workloads.to_string()),
        ("curricula", curricula.to_string()),
        ("rollout tokens", thousands(tokens)),
        ("hours of runs", format!("{hours:.1}")),
        ("decision stream", streams),
    ];
    let mut out = String::from(
        "<header><h1>Does it help?</h1>\n<p>Small models trained by reinforcement, with many curricula. Measured is \
         the area under the held-out pass rate of the learnable arms over rollout tokens, against the best of uniform \
         sampling with and without refill, seed by seed. STUDY.md has the protocol, which was fixed before the runs.\
         </p>\n",
    );
    if runs().next().is_none() {
        out.push_str("<p class=\"note\">There are no runs yet.</p>\n");
    }
    out.push_str("<dl class=\"tiles\">");
    for (what, value) in tiles {
        let _ = write!(out, "<div><dt>{what}</dt><dd>{value}</dd></div>");
    }
    out.push_str("</dl>\n</header>\n");
    out
}

/// What a table of a part of the study is called, and what it says.
fn title(name: Name) -> (&'static str, &'static str) {
    match name {
        Name::Rates => (
            "Learning rates",
            "The mean area for each rate that was tried, on seeds of their own. The best is taken; one at an end of \
             those tried is marked, as a better one may lie behind it.",
        ),
        Name::Small => (
            "All workloads, all curricula",
            "The gain is the mean over seeds of the ratio of areas to the reference, less 1, with a 95 % bootstrap \
             interval over seeds and the p-value of the exact sign-flip test. A verdict needs six seeds: better is an \
             interval above 0, not worse one above -2 %, worse one below 0.",
        ),
        Name::Parts => (
            "The default without its parts",
            "The same measures, against the default itself: below 0 is what a part gives.",
        ),
        Name::Map => (
            "When it pays",
            "The default at 45 places. In each cell: the median ratio of tokens until the pass rate is where uniform \
             sampling ends, in those that uniform itself needs (below 1 is saved), its 95 % interval, and the gain in \
             area with its verdict.",
        ),
        Name::Quick => {
            ("Quick", "It shows that everything runs. The budgets are too small to say anything.")
        }
    }
}

fn section(name: Name, body: &str) -> String {
    let (title, text) = title(name);
    format!("<section><h2>{title}</h2>\n<p>{}</p>\n{body}</section>\n", escaped(text))
}

fn of_rates(runs: &[Kept]) -> String {
    let mut table = Table::new(["workload", "curriculum", "best", "areas"]);
    for tried in rates::tried(runs) {
        let rate = match tried.best() {
            Some((rate, _, true)) => format!("{rate} (at the end)"),
            Some((rate, ..)) => rate.to_string(),
            None => "–".into(),
        };
        let rates::Tried { workload, curriculum, areas } = tried;
        let each: Vec<String> = areas.iter().map(|(rate, area)| format!("{rate}: {area:.3}")).collect();
        table.row([workload, curriculum, rate, each.join(", ")]);
    }
    section(
        Name::Rates,
        &format!("<article>{}</article>\n", table.html("rates-table", "Areas by rate")),
    )
}

fn of_map(tables: &[Compared]) -> String {
    let picture = crate::map::picture(tables, false);
    let head = ["place", "measured by"].iter().chain(&HEAD).chain(&REST);
    let mut numbers = Table::new(head.map(|head| (*head).to_owned()));
    for table in tables {
        for row in &table.rows {
            let by = table.reference.clone().unwrap_or_else(|| "–".into());
            numbers.row([table.workload.clone(), by].into_iter().chain(table::cells(table, row)));
        }
    }
    let numbers = numbers.html("map-table", "The map in numbers");
    let body = format!(
        "<article><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Map\">{picture}</div>\n\
         <details><summary>The map: the numbers</summary>\n{numbers}</details></article>\n"
    );
    section(Name::Map, &body)
}

/// All gains of a table at a glance; `None` if there is none.
pub fn overview(part: &Part, alone: bool) -> Option<String> {
    let mut names: Vec<&String> = Vec::new();
    for row in part.tables.iter().flat_map(|table| &table.rows) {
        if !names.contains(&&row.curriculum) {
            names.push(&row.curriculum);
        }
    }
    if part.tables.iter().all(|table| table.reference.is_none()) {
        return None;
    }
    let cell = |table: &Compared, name: &String| match (table.row(name)?, &table.reference) {
        (row, Some(reference)) if row.curriculum == *reference => {
            Some(Cell { lines: vec!["reference".into()], hue: 0.0 })
        }
        (row, _) => {
            let gain = row.gain.as_ref()?;
            let first = format!("{} % {}", percent(gain.mean), mark(gain.verdict()));
            let second = table::interval(gain.interval, percent);
            Some(Cell { lines: vec![first, second], hue: (gain.mean / FULL).clamp(-1.0, 1.0) })
        }
    };
    let rows = names
        .into_iter()
        .map(|name| (name.clone(), part.tables.iter().map(|table| cell(table, name)).collect()));
    let panel = Panel {
        title: "Gain in area".into(),
        columns: part.tables.iter().map(|table| table.workload.clone()).collect(),
        rows: rows.collect(),
    };
    let note = format!("Mean over seeds, 95 % interval. {MARKS}");
    Some(draw("Gain in area by curriculum and workload", &[panel], &note, alone))
}

fn of_workloads(part: &Part, curricula: &[Choice]) -> String {
    let mut body = String::new();
    if let Some(picture) = overview(part, false) {
        let _ = writeln!(
            body,
            "<article><div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Gains\">{picture}</div></article>"
        );
    }
    for table in &part.tables {
        body.push_str(&workload(part, table));
    }
    let about =
        curricula.iter().filter(|choice| part.tables.iter().any(|of| of.row(&choice.name).is_some()));
    let mut names = Table::new(["curriculum", "what it is"]);
    about.for_each(|choice| names.row([choice.name.clone(), choice.about.clone()]));
    let names = names.html(&format!("{}-names", part.name.name()), "The curricula");
    let _ = writeln!(body, "<details><summary>What the curricula are</summary>\n{names}</details>");
    section(part.name, &body)
}

/// The curves, the shares and the table of a workload.
fn workload(part: &Part, table: &Compared) -> String {
    let Compared { workload, budget, reference, .. } = table;
    let id = format!("{}-{}", part.name.name(), slug(workload));
    let of = |curriculum: &str| -> Vec<&Kept> {
        let is =
            |run: &&Kept| run.setting.workload == *workload && run.setting.curriculum == curriculum;
        part.runs.iter().filter(is).collect()
    };
    let line = |name: &str, colour: usize| line(name, colour, &of(name), *budget);
    let is_known = |name: &String| SHOWN.iter().any(|(shown, _)| shown == name);
    let other = reference.iter().filter(|name| !is_known(name)).map(|name| (name.as_str(), OTHER));
    let shown = other.chain(SHOWN).filter(|(name, _)| table.row(name).is_some());
    let mut shown: Vec<Line> = shown.map(|(name, colour)| line(name, colour)).collect();
    if shown.is_empty() {
        shown =
            table.rows.iter().take(4).enumerate().map(|(at, row)| line(&row.curriculum, at)).collect();
    }
    let axis = Axis::around(&shown);
    let text = "Held-out pass rate of the learnable arms over rollout tokens: median over seeds, and the middle half.";
    let about = About { id: &format!("{id}-curves"), title: &format!("{workload}: learning"), text };
    let mut out =
        format!("<article><h3>{}</h3>\n<p>{}.</p>\n", escaped(workload), escaped(&table::about(table)));
    let _ = write!(
        out,
        "<h4>Learning</h4><p>{text}</p>\n{}\n",
        plot::lines(about, &shown, axis, *budget, true)
    );
    let head = HEAD.iter().chain(&REST).map(|head| (*head).to_owned());
    let mut numbers = Table::new(head);
    table.rows.iter().for_each(|row| numbers.row(table::cells(table, row)));
    let _ = writeln!(out, "{}", numbers.html(&format!("{id}-table"), &table::about(table)));
    out.push_str(&drawn(&id, table, &of));
    let others: Vec<&str> = table.rows.iter().map(|row| row.curriculum.as_str()).collect();
    let others = others.into_iter().filter(|name| reference.as_deref() != Some(*name));
    let _ = writeln!(
        out,
        "<details><summary>Each curriculum beside the reference</summary>\n<div class=\"tight\">"
    );
    for (at, name) in others.enumerate() {
        let mut pair = vec![line(name, 0)];
        if let Some(reference) = reference {
            pair.insert(0, line(reference, 1));
        }
        let about = About { id: &format!("{id}-pair-{at}"), title: name, text };
        let axis = Axis::around(&pair);
        let _ = writeln!(
            out,
            "<div><h4>{}</h4>{}</div>",
            escaped(name),
            plot::lines(about, &pair, axis, *budget, true)
        );
    }
    out.push_str("</div></details></article>\n");
    out
}

/// The median and the middle half over seeds, along the tokens.
fn line(name: &str, colour: usize, runs: &[&Kept], budget: f64) -> Line {
    let curves: Vec<Vec<(f64, f64)>> = runs.iter().map(|run| curve(run, |point| point.pass)).collect();
    let (mut middle, mut band) = (Vec::new(), Vec::new());
    for place in 0..=PLACES {
        let at = budget * place as f64 / PLACES as f64;
        let values: Vec<f64> = curves.iter().filter_map(|curve| value_at(curve, at)).collect();
        if let [Some(low), Some(median), Some(high)] =
            [0.25, 0.5, 0.75].map(|part| quantile(&values, part))
        {
            middle.push(median);
            band.push((low, high));
        }
    }
    Line { name: name.into(), colour, middle, band }
}

/// What was drawn of each arm over time.
fn drawn<'a>(id: &str, table: &Compared, of: &dyn Fn(&str) -> Vec<&'a Kept>) -> String {
    let is_there = |name: &&str| table.row(name).is_some();
    let names: Vec<&str> = SHARED.into_iter().filter(is_there).take(4).collect();
    let mut out = String::new();
    let mut key = None;
    for (at, name) in names.iter().enumerate() {
        let shares = shares(&of(name), table.budget);
        let text = "Shares of the rollouts by arm, in spans of the tokens; mean over seeds.";
        let about =
            About { id: &format!("{id}-shares-{at}"), title: &format!("{name}: what it drew"), text };
        let lost: Option<f64> = table.row(name).and_then(|row| row.mean(|run| run.unlearnable));
        let lost = match lost {
            Some(lost) if lost > 0.0 => format!(", {:.0} % on the unlearnable", 100.0 * lost),
            _ => String::new(),
        };
        let picture = plot::shares(about, &shares, table.budget);
        let _ = writeln!(out, "<div><h4>{}{lost}</h4>{picture}</div>", escaped(name));
        key.get_or_insert_with(|| plot::arms(&shares, &format!("{id}-arms")));
    }
    match key {
        None => String::new(),
        Some(key) => format!(
            "<h4>What was drawn</h4><p>Shares of the rollouts by arm over tokens, from the first arm below to the last; \
             mean over seeds. What cannot be learned is hatched.</p>\n<div class=\"tight\">{out}</div>{key}\n"
        ),
    }
}

/// The mean over runs of each arm's part of the rollouts in each span of the tokens.
fn shares(runs: &[&Kept], budget: f64) -> Vec<Share> {
    let Some(first) = runs.first() else { return Vec::new() };
    let learnable = first.arms.iter().filter(|arm| arm.learnable).count();
    let mut before = 0;
    let by_arm = |run: &Kept, arm: usize| {
        curve(run, |point| point.drawn.get(arm).map_or(f64::NAN, |&drawn| drawn as f64))
    };
    let curves: Vec<Vec<Vec<(f64, f64)>>> =
        runs.iter().map(|run| (0..first.arms.len()).map(|arm| by_arm(run, arm)).collect()).collect();
    // Of each run and span, the rollouts of each arm.
    let counts = |run: &Vec<Vec<(f64, f64)>>, span: usize| -> Vec<f64> {
        let at = |span: usize| budget * span as f64 / SPANS as f64;
        let grown = |arm: &Vec<(f64, f64)>| {
            value_at(arm, at(span + 1)).unwrap_or(0.0) - value_at(arm, at(span)).unwrap_or(0.0)
        };
        let counts: Vec<f64> = run.iter().map(grown).collect();
        let all: f64 = counts.iter().sum();
        counts.into_iter().map(|count| if all > 0.0 { count / all } else { 0.0 }).collect()
    };
    let by_span: Vec<Vec<Vec<f64>>> =
        (0..SPANS).map(|span| curves.iter().map(|run| counts(run, span)).collect()).collect();
    let share = |(number, arm): (usize, &crate::catalogue::Arm)| {
        let place = arm.learnable.then(|| {
            before += 1;
            (before - 1) as f64 / learnable.saturating_sub(1).max(1) as f64
        });
        let of = |runs: &Vec<Vec<f64>>| {
            let parts: Vec<f64> = runs.iter().filter_map(|run| run.get(number).copied()).collect();
            mean(&parts).unwrap_or(0.0)
        };
        Share { name: arm.name.clone(), place, values: by_span.iter().map(of).collect() }
    };
    first.arms.iter().enumerate().map(share).collect()
}

/// Every run, with what it takes to make it again.
fn all_runs(parts: &[Part]) -> String {
    let mut out = String::from("<section><h2>Every run</h2>\n");
    for part in parts.iter().filter(|part| !part.runs.is_empty()) {
        let name = part.name.name();
        let mut table = Table::new([
            "workload",
            "curriculum",
            "seed",
            "rate",
            "tokens",
            "stream",
            "rollouts",
            "steps",
            "area",
            "end",
            "seconds",
        ]);
        for run in &part.runs {
            let set = &run.setting;
            let Some(of) = Summary::of(run, run.end().min(set.tokens) as f64) else { continue };
            table.row([
                set.workload.clone(),
                set.curriculum.clone(),
                set.seed.to_string(),
                set.rate.to_string(),
                set.tokens.to_string(),
                run.stream.to_string(),
                of.rollouts.to_string(),
                of.steps.to_string(),
                format!("{:.4}", of.area),
                format!("{:.4}", of.pass),
                format!("{:.1}", of.seconds),
            ]);
        }
        let count = part.runs.len();
        let table = table.html(&format!("{name}-runs"), &format!("{name}: {count} runs"));
        let _ = writeln!(out, "<details><summary>{name}: {count} runs</summary>\n{table}</details>");
    }
    out.push_str("</section>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Reference, tables};
    use crate::plan::{Filter, settings};
    use crate::rates::Rates;
    use crate::synthetic;

    fn part() -> Part {
        let rates = Rates { path: "rates.csv".into(), all: Vec::new() };
        let settings = settings(Name::Quick, &synthetic::all(), &rates, &Filter::default()).unwrap();
        let runs: Vec<Kept> = settings.iter().map(synthetic::kept).collect();
        let tables = tables(&runs, (&[], &[]), Reference::Baseline).unwrap();
        Part { name: Name::Quick, runs, tables }
    }

    /// Shares of a span are those of the rollouts between its ends, by hand from the points.
    #[test]
    fn shares_are_those_of_the_rollouts() {
        let part = part();
        let run = part.runs.iter().find(|run| run.setting.workload == "chain-noise").unwrap();
        let budget = run.setting.tokens as f64;
        let shares = shares(&[run], budget);
        assert_eq!(shares.iter().filter(|share| share.place.is_none()).count(), 3);
        for span in 0..SPANS {
            let sum: f64 = shares.iter().map(|share| share.values[span]).sum();
            assert!((sum - 1.0).abs() < 1e-12);
        }
        // The first span lies within the first step.
        let first = &run.points[1].drawn;
        let all: u64 = first.iter().sum();
        for (share, drawn) in shares.iter().zip(first) {
            assert!((share.values[0] - *drawn as f64 / all as f64).abs() < 1e-12);
        }
    }

    #[test]
    fn a_line_is_the_median_over_seeds() {
        let part = part();
        let runs: Vec<&Kept> = part.runs.iter().filter(|run| run.setting.workload == "chain").collect();
        let line = line("x", 0, &runs, 6000.0);
        let mut first: Vec<f64> = runs.iter().map(|run| run.points[0].pass).collect();
        first.sort_by(f64::total_cmp);
        assert_eq!(line.middle.len(), PLACES + 1);
        assert_eq!(Some(line.middle[0]), quantile(&first, 0.5));
    }

    /// It asks for no other file, runs no script, names every run, and every mark that opens is closed.
    #[test]
    fn a_page_alone() {
        let part = part();
        let made = page(&[part], &synthetic::all().curricula);
        for foreign in ["<script", "http://", "https://", "@import", "NaN"] {
            assert!(!made.contains(foreign), "{foreign}");
        }
        for mark in ["section", "article", "details", "div", "svg", "table", "tr", "p", "h4", "ul"] {
            let opened =
                made.matches(&format!("<{mark} ")).count() + made.matches(&format!("<{mark}>")).count();
            assert_eq!(opened, made.matches(&format!("</{mark}>")).count(), "{mark}");
        }
        let mut ids: Vec<&str> =
            made.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(made.contains("quick: 12 runs"));
        assert!(page(&[], &[]).contains("no runs yet"));
    }
}
