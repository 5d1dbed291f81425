//! The figures of a report: each a picture, and the numbers behind it as a table.

use curricle::{AnyCurriculum, Reason};

use super::columns::Column;
use super::html::Table;
use super::plot::{About, Axes, Series, bands, bars, lines, quantiles, short};
use super::shown::{Shown, arm_name};
use super::sums::{Sums, part};
use super::told::{ARMS, Told};
use crate::inspect::number;

/// How many arms a table has at most, those with the most tickets.
const ROWS: usize = 1000;

/// A picture under its title, with what is to be known of it, and its table.
#[derive(Debug)]
pub struct Figure {
    pub id: &'static str,
    pub title: &'static str,
    pub text: String,
    pub picture: String,
    pub table: Table,
}

/// Figures under a common heading.
#[derive(Debug)]
pub struct Section {
    pub title: &'static str,
    /// What is said in the place of a figure that would be all of one colour.
    pub text: String,
    pub figures: Vec<Figure>,
}

/// All sections, without what there is nothing to show of.
pub fn sections(told: &Told, curriculum: &AnyCurriculum) -> Vec<Section> {
    let own = Figures { told, curriculum, shown: Shown::of(told, curriculum), reasons: told.reasons() };
    let section = |title, text: String, figures: Vec<Option<Figure>>| {
        let figures: Vec<Figure> = figures.into_iter().flatten().collect();
        (!figures.is_empty() || !text.is_empty()).then_some(Section { title, text, figures })
    };
    let none = String::new;
    let shares = vec![own.requested(), own.drawn(), own.requested_and_drawn()];
    let all = [
        section("Shares of the arms", none(), shares),
        section("Learning", none(), vec![own.success(), own.difficulty(), own.scores()]),
        section("Admission", own.all_admitted(), vec![own.verdicts(), own.verdicts_by_arm()]),
        section("Age of feedback", own.no_age(), vec![own.rounds(), own.versions()]),
        section("Waste and cost", own.no_waste(), vec![own.waste(), own.cost()]),
    ];
    all.into_iter().flatten().collect()
}

struct Figures<'a> {
    told: &'a Told,
    curriculum: &'a AnyCurriculum,
    shown: Vec<Shown>,
    reasons: Vec<Reason>,
}

impl Figures<'_> {
    fn columns(&self) -> Vec<String> {
        (0..self.told.columns.all.len()).map(|place| self.told.columns.name(place)).collect()
    }

    /// A number of all tickets, by column.
    fn of_all(&self, name: &str, colour: &str, value: impl Fn(&Column) -> Option<f64>) -> Series {
        let values = self.told.columns.all.iter().map(value).collect();
        Series { name: name.into(), colour: colour.into(), values }
    }

    /// A number of each shown arm, by column.
    fn by_arm(&self, value: impl Fn(&Sums, &Column) -> Option<f64>) -> Vec<Series> {
        self.shown.iter().map(|shown| shown.series(self.told, &value)).collect()
    }

    /// The values of some series, a row for each column.
    fn table(&self, series: &[Series]) -> Table {
        let names = series.iter().map(|series| series.name.clone());
        let mut table = Table::new(std::iter::once("rounds".to_owned()).chain(names));
        for (place, name) in self.columns().into_iter().enumerate() {
            let values = series.iter().map(|it| number(it.values.get(place).copied().flatten()));
            table.row(std::iter::once(name).chain(values));
        }
        table
    }

    fn figure(
        &self,
        (id, title): (&'static str, &'static str),
        text: String,
        series: &[Series],
        axes: Option<Axes>,
        draw: impl Fn(About<'_>, &[Series], &Axes) -> String,
    ) -> Option<Figure> {
        if !series.iter().any(|series| series.values.iter().any(Option::is_some)) {
            return None;
        }
        let axes = axes.unwrap_or_else(|| Axes::around(series, self.columns()));
        let picture = draw(About { id, title, description: &text }, series, &axes);
        Some(Figure { id, title, picture, table: self.table(series), text })
    }

    /// From 0 to 1.
    fn unit(&self) -> Option<Axes> {
        Some(Axes::new(0.0, 1.0, self.columns()))
    }

    fn requested(&self) -> Option<Figure> {
        let series = self.by_arm(|arm, column| part(arm.asked, column.all.asked));
        let text = "The probabilities that the policy gave the arms, by the tickets that were drawn \
                    with them.";
        self.figure(("requested", "Requested by the policy"), text.into(), &series, self.unit(), bands)
    }

    fn drawn(&self) -> Option<Figure> {
        let series = self.by_arm(|arm, column| part(arm.drawn as f64, column.all.drawn as f64));
        let text = "The shares of the arms in the tickets that were drawn.";
        self.figure(("drawn", "Drawn"), text.into(), &series, self.unit(), bands)
    }

    fn requested_and_drawn(&self) -> Option<Figure> {
        let (asked, drawn) = (self.told.all.asked, self.told.all.drawn as f64);
        if self.told.all.drawn == 0 {
            return None;
        }
        let is_asked = asked > 0.0;
        let share = |arm: &Sums| (part(arm.asked, asked), part(arm.drawn as f64, drawn));
        // A sum of many arms would make each of the others small.
        let shown: Vec<&Shown> = self.shown.iter().filter(|shown| !shown.is_others()).collect();
        let arms: Vec<Sums> = shown.iter().map(|shown| shown.in_all(self.told)).collect();
        let series = |name: &str, colour: &str, value: &dyn Fn(&Sums) -> Option<f64>| Series {
            name: name.into(),
            colour: colour.into(),
            values: arms.iter().map(value).collect(),
        };
        let mut all = vec![series("drawn", "a0", &|arm| share(arm).1)];
        if is_asked {
            all.insert(0, series("requested", "a1", &|arm| share(arm).0));
        }
        let names: Vec<String> = shown.iter().map(|shown| shown.name.clone()).collect();
        let mut text = String::from(
            "Over all that was told, the share that the policy asked for and the one that was drawn.",
        );
        if !is_asked {
            text = format!(
                "Over all that was told. What the policy asked for is not shown over ranks, or over more \
                 than {ARMS} arms."
            );
        }
        let longest = all.iter().flat_map(|series| series.values.iter().flatten());
        let longest = longest.copied().fold(0.0, f64::max);
        text.push_str(&format!(" The longest bar is {:.1} %.", 100.0 * longest));
        if arms.len() < self.told.arms.len() {
            text.push_str(" Only the arms with the most tickets have bars.");
        }
        let (id, title) = ("by-arm", "Requested and drawn by arm");
        let picture = bars(About { id, title, description: &text }, &names, &all, false);
        let mut table = Table::new([
            "arm",
            "requested share",
            "drawn share",
            "requested",
            "drawn",
            "admitted",
            "rejected",
            "lost",
            "success",
            "score",
            "cost",
        ]);
        for (arm, sums) in self.greatest() {
            let (requested, drawn) = share(sums);
            let asked = is_asked.then_some(sums.asked);
            let counts = [sums.drawn, sums.admitted, sums.rejected(), sums.lost];
            let row = [arm, number(requested), number(drawn), number(asked)];
            let means = [&sums.success, &sums.score, &sums.cost].map(|sum| number(sum.mean()));
            table.row(row.into_iter().chain(counts.map(|count| count.to_string())).chain(means));
        }
        Some(Figure { id, title, text: self.with_rows_left(text), picture, table })
    }

    /// The arms with the most tickets, in the order of their numbers.
    fn greatest(&self) -> Vec<(String, &Sums)> {
        let mut arms: Vec<(u32, &Sums)> = (0u32..).zip(&self.told.arms).collect();
        arms.sort_by_key(|(arm, sums)| (u64::MAX - sums.drawn, *arm));
        arms.truncate(ROWS);
        arms.sort_by_key(|(arm, _)| *arm);
        arms.into_iter().map(|(arm, sums)| (arm_name(self.curriculum, arm), sums)).collect()
    }

    fn with_rows_left(&self, text: String) -> String {
        match self.told.arms.len().saturating_sub(ROWS) {
            0 => text,
            left => format!("{text} The table leaves out the {left} arms with the fewest tickets."),
        }
    }

    fn success(&self) -> Option<Figure> {
        let series = self.by_arm(|arm, _| arm.success.mean());
        let text = "Mean success of the outcomes that came back.";
        self.figure(("success", "Success by arm"), text.into(), &series, self.unit(), lines)
    }

    fn scores(&self) -> Option<Figure> {
        // A curriculum without a signal scores everything 0.
        let is_scored = self.told.arms.iter().any(|arm| arm.score.sum != 0.0 || arm.score.most != 0.0);
        let series = self.by_arm(|arm, _| arm.score.mean().filter(|_| is_scored));
        let text = "Mean score that the signal gave the outcomes, when they were learned from. Of a sample \
                    that was drawn several times in a round, the last score is told.";
        self.figure(("score", "Score by arm"), text.into(), &series, None, lines)
    }

    fn difficulty(&self) -> Option<Figure> {
        let quantile =
            |name: &str, colour: &str, at: f64| self.of_all(name, colour, |it| it.quantile(at));
        let all = [
            quantile("5 %", "wide", 0.05),
            quantile("25 %", "near", 0.25),
            quantile("median", "a0", 0.5),
            quantile("75 %", "near", 0.75),
            quantile("95 %", "wide", 0.95),
        ];
        let text =
            "How the successes of the outcomes are spread: a wide band has easy and hard samples.";
        let draw = |about: About<'_>, all: &[Series], axes: &Axes| match all {
            [lowest, low, middle, high, highest] => {
                let ribbons = [(lowest.clone(), highest.clone()), (low.clone(), high.clone())];
                quantiles(about, (&ribbons, middle), axes)
            }
            _ => String::new(),
        };
        self.figure(("difficulty", "Spread of difficulty"), text.into(), &all, self.unit(), draw)
    }

    fn reason_colour(&self, reason: Reason) -> String {
        let place = self.reasons.iter().position(|other| *other == reason).unwrap_or(0);
        format!("a{}", 1 + place)
    }

    /// Said where the gate rejected nothing.
    fn all_admitted(&self) -> String {
        match (self.told.all.judged(), self.told.all.rejected()) {
            (judged @ 1.., 0) => format!("All {judged} outcomes that came back were admitted."),
            _ => String::new(),
        }
    }

    /// Said where nothing came back late.
    fn no_age(&self) -> String {
        let Sums { age_rounds, age_versions, .. } = &self.told.all;
        let is_fresh = |age: &super::sums::Sum| age.count > 0 && age.most == 0.0;
        let has_versions = self.curriculum.version() > 0;
        match (is_fresh(age_rounds), has_versions && is_fresh(age_versions)) {
            (true, true) => {
                "Each outcome came back before another round was drawn, and before the model had \
                             another version."
            }
            (true, false) => "Each outcome came back before another round was drawn.",
            (false, true) => "Each outcome came back before the model had another version.",
            (false, false) => "",
        }
        .into()
    }

    /// Said where every ticket was of use.
    fn no_waste(&self) -> String {
        let all = &self.told.all;
        let is_all_used = all.judged() > 0 && all.rejected() + all.lost == 0;
        if is_all_used { "No ticket was rejected or lost.".into() } else { String::new() }
    }

    fn verdicts(&self) -> Option<Figure> {
        if self.told.all.rejected() == 0 {
            return None;
        }
        let judged = |column: &Column, count: u64| part(count as f64, column.all.judged() as f64);
        let mut series =
            vec![self.of_all("admitted", "a0", |column| judged(column, column.all.admitted))];
        for &reason in &self.reasons {
            let count = |column: &Column| judged(column, column.all.rejected_for(reason));
            series.push(self.of_all(&reason.to_string(), &self.reason_colour(reason), count));
        }
        let text = "What the gate said of the outcomes, when they came: admitted, or rejected and why.";
        self.figure(("admission", "Admission over time"), text.into(), &series, self.unit(), bands)
    }

    fn verdicts_by_arm(&self) -> Option<Figure> {
        if self.told.all.rejected() == 0 {
            return None;
        }
        let arms: Vec<Sums> = self.shown.iter().map(|shown| shown.in_all(self.told)).collect();
        let rate = |arm: &Sums, count: u64| part(count as f64, arm.judged() as f64);
        let named = |name: String, colour: String, count: &dyn Fn(&Sums) -> u64| Series {
            name,
            colour,
            values: arms.iter().map(|arm| rate(arm, count(arm))).collect(),
        };
        let mut series = vec![named("admitted".into(), "a0".into(), &|arm| arm.admitted)];
        for &reason in &self.reasons {
            let count = |arm: &Sums| arm.rejected_for(reason);
            series.push(named(reason.to_string(), self.reason_colour(reason), &count));
        }
        let text = "Over all that was told, as parts of the outcomes of each arm.";
        let names: Vec<String> = self.shown.iter().map(|shown| shown.name.clone()).collect();
        let (id, title) = ("admission-by-arm", "Admission by arm");
        let picture = bars(About { id, title, description: text }, &names, &series, true);
        let reasons = self.reasons.iter().map(ToString::to_string);
        let head = ["arm", "judged", "admitted"].map(String::from).into_iter().chain(reasons);
        let mut table = Table::new(head.chain(["admission rate".to_owned()]));
        for (arm, sums) in self.greatest() {
            let counts = [sums.judged(), sums.admitted].into_iter();
            let counts = counts.chain(self.reasons.iter().map(|&reason| sums.rejected_for(reason)));
            let counts = counts.map(|count| count.to_string());
            table.row([arm].into_iter().chain(counts).chain([number(sums.admission())]));
        }
        Some(Figure { id, title, text: self.with_rows_left(text.into()), picture, table })
    }

    fn rounds(&self) -> Option<Figure> {
        if self.told.all.age_rounds.most == 0.0 {
            return None;
        }
        let all = [
            self.of_all("mean", "a0", |column| column.all.age_rounds.mean()),
            self.of_all("greatest", "a1", |column| greatest(&column.all.age_rounds)),
        ];
        let text = "How many rounds had been drawn between a ticket and its outcome.";
        self.figure(("age-rounds", "Age in rounds"), text.into(), &all, None, lines)
    }

    fn versions(&self) -> Option<Figure> {
        if self.curriculum.version() == 0 || self.told.all.age_versions.most == 0.0 {
            return None;
        }
        let all = [
            self.of_all("mean", "a0", |column| column.all.age_versions.mean()),
            self.of_all("greatest", "a1", |column| greatest(&column.all.age_versions)),
        ];
        let text = "By how many versions the model had grown between a ticket and its outcome.";
        self.figure(("age-versions", "Age in versions of the model"), text.into(), &all, None, lines)
    }

    fn waste(&self) -> Option<Figure> {
        if self.told.all.rejected() + self.told.all.lost == 0 {
            return None;
        }
        let done = |column: &Column, count: u64| {
            part(count as f64, (column.all.judged() + column.all.lost) as f64)
        };
        let all = [
            self.of_all("useful", "a0", |column| done(column, column.all.admitted)),
            self.of_all("rejected", "a1", |column| done(column, column.all.rejected())),
            self.of_all("lost", "others", |column| done(column, column.all.lost)),
        ];
        let (rollouts, rejected) = (self.told.all.rollouts, self.told.all.rejected_rollouts);
        let text = format!(
            "Tickets that came to an end: admitted, rejected, or given up. Of {rollouts} rollouts that \
             were reported, {rejected} were of rejected tickets{}.",
            part(rejected as f64, rollouts as f64)
                .map_or(String::new(), |part| format!(" ({:.1} %)", 100.0 * part))
        );
        self.figure(("waste", "Wasted tickets"), text, &all, self.unit(), bands)
    }

    fn cost(&self) -> Option<Figure> {
        let useful = self.of_all("by useful ticket", "a0", |column| {
            let is_known = column.all.cost.count > 0;
            part(column.all.cost.sum, column.all.admitted as f64).filter(|_| is_known)
        });
        let reported = self.of_all("by reported ticket", "a1", |column| column.all.cost.mean());
        // Two lines of which one hides the other say less than one.
        let is_same = useful.values == reported.values;
        let series = if is_same { vec![reported] } else { vec![useful, reported] };
        let text = format!(
            "What the trainer reported as cost (tokens, or seconds), of all outcomes, over the admitted \
             ones: what is wasted is paid by the useful. In all {}.",
            short(self.told.all.cost.sum)
        );
        self.figure(("cost", "Cost of a ticket"), text, &series, None, lines)
    }
}

fn greatest(sum: &super::sums::Sum) -> Option<f64> {
    (sum.count > 0).then_some(sum.most)
}
