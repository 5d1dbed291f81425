//! The tables of the study as lists of settings.

use crate::Result;
use crate::catalogue::{BASELINES, Choice, OURS, Place, TOGETHER, Task, UNIFORM, is_part};
use crate::rates::Rates;
use crate::run::Setting;

/// The rates that are tried, for uniform sampling and for the default, on seeds that no table has.
pub const RATES: [f64; 5] = [2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3];
/// The same, by imitation from nothing.
pub const RATES_BY_IMITATION: [f64; RATES.len()] = [1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2];
const TUNED_ON: [u64; 2] = [101, 102];
/// What the quick table is made with: it shows that everything runs, and says nothing.
const QUICK: (f64, u64) = (1e-3, 6000);
/// Without noise and with it; of all workloads, those with the shortest warm-up.
const QUICKEST: [&str; 2] = ["chain", "chain-noise"];

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The rates: five for uniform sampling and for the default, in every workload.
    Rates,
    /// All workloads, all curricula, eight seeds.
    Small,
    /// When it pays: 45 places, uniform sampling and the default, six seeds.
    Map,
    /// The default without each of its parts, eight seeds.
    Parts,
    /// Two workloads, three curricula, two seeds, few tokens.
    Quick,
}

impl Name {
    pub const ALL: [Self; 5] = [Self::Rates, Self::Small, Self::Map, Self::Parts, Self::Quick];

    pub fn name(self) -> &'static str {
        match self {
            Self::Rates => "rates",
            Self::Small => "small",
            Self::Map => "map",
            Self::Parts => "parts",
            Self::Quick => "quick",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The seeds unless others are asked for.
    fn seeds(self) -> Vec<u64> {
        match self {
            Self::Rates => TUNED_ON.to_vec(),
            Self::Small | Self::Parts => (1..=8).collect(),
            Self::Map => (1..=6).collect(),
            Self::Quick => vec![1, 2],
        }
    }
}

/// What there is to choose from.
#[derive(Debug, Clone)]
pub struct All {
    pub tasks: Vec<Task>,
    /// The tasks of the map, in the order of [`Place::all`].
    pub map: Vec<Task>,
    pub curricula: Vec<Choice>,
}

/// A part of a table.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Names; one that ends in `*` is the beginning of names. None of them: all.
    pub workloads: Vec<String>,
    pub curricula: Vec<String>,
    /// So many seeds, from the first of the table on.
    pub seeds: Option<u64>,
}

impl Filter {
    fn seeds(&self, of: Name) -> Vec<u64> {
        let all = of.seeds();
        let first = all.first().copied().unwrap_or(1);
        self.seeds.map_or(all, |count| (first..first.saturating_add(count)).collect())
    }
}

/// Whether a name is among those that are asked for.
fn is_meant(name: &str, asked: &[String]) -> bool {
    let is = |asked: &String| match asked.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == asked,
    };
    asked.is_empty() || asked.iter().any(is)
}

/// The runs of a table: seed by seed, so that what is cut short has whole pairs.
///
/// # Errors
/// A name of the filter that the table does not have; [`Fault::NoRate`](crate::fault::Fault::NoRate).
pub fn settings(table: Name, all: &All, rates: &Rates, filter: &Filter) -> Result<Vec<Setting>> {
    let is_in = |curriculum: &str| match table {
        Name::Rates => [UNIFORM, OURS].contains(&curriculum),
        Name::Small => !is_part(curriculum) || TOGETHER.contains(&curriculum),
        Name::Parts => is_part(curriculum) || [UNIFORM, OURS].contains(&curriculum),
        Name::Map | Name::Quick => [UNIFORM, BASELINES[1], OURS].contains(&curriculum),
    };
    let is_of_map = |task: &&Task| Place::of(&task.name).is_some();
    let tasks: Vec<&Task> = match table {
        Name::Rates => all.tasks.iter().collect(),
        Name::Small | Name::Parts => all.tasks.iter().filter(|task| !is_of_map(task)).collect(),
        Name::Map => all.map.iter().collect(),
        Name::Quick => all.tasks.iter().filter(|task| QUICKEST.contains(&&task.name[..])).collect(),
    };
    let curricula = all.curricula.iter().map(|choice| choice.name.as_str());
    let curricula: Vec<&str> = curricula.filter(|curriculum| is_in(curriculum)).collect();
    for (asked, there) in [
        (&filter.workloads, tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>()),
        (&filter.curricula, curricula.clone()),
    ] {
        let is_there = |asked: &&String| {
            let asked = std::slice::from_ref(*asked);
            there.iter().any(|name| is_meant(name, asked))
        };
        if let Some(strange) = asked.iter().find(|asked| !is_there(asked)) {
            let (table, there) = (table.name(), there.join(", "));
            return Err(format!("`{table}` has no {strange:?}; it has {there}").into());
        }
    }
    let tried = if table == Name::Rates { RATES.len() } else { 1 };
    let is_plain =
        |name: &str| all.curricula.iter().any(|choice| choice.name == name && choice.is_plain);
    let asked: Vec<&str> =
        curricula.into_iter().filter(|name| is_meant(name, &filter.curricula)).collect();
    let mut settings = Vec::new();
    // Workload after workload: those that run at a time begin with warm-ups of their own.
    for seed in filter.seeds(table) {
        for (curriculum, tried) in asked.iter().flat_map(|name| (0..tried).map(move |at| (name, at))) {
            let is_of = |task: &&&Task| {
                is_meant(&task.name, &filter.workloads) && (!task.is_supervised || is_plain(curriculum))
            };
            for task in tasks.iter().filter(is_of) {
                let (rate, tokens) = match table {
                    Name::Rates if task.is_supervised => (RATES_BY_IMITATION[tried], task.tokens),
                    Name::Rates => (RATES[tried], task.tokens),
                    Name::Quick => QUICK,
                    _ => (rates.find(&task.name, curriculum)?, task.tokens),
                };
                let (workload, curriculum) = (task.name.clone(), (*curriculum).to_owned());
                settings.push(Setting { workload, curriculum, seed, rate, tokens });
            }
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::Tuned;
    use crate::synthetic;

    fn rates() -> Rates {
        let tuned = |workload: &str, curriculum: &str, rate| Tuned {
            workload: workload.into(),
            curriculum: curriculum.into(),
            rate,
            area: 0.5,
            is_at_end: false,
        };
        let mut all = Vec::new();
        for task in synthetic::all().tasks {
            all.push(tuned(&task.name, UNIFORM, 1e-3));
            all.push(tuned(&task.name, OURS, 2e-3));
        }
        Rates { path: "rates.csv".into(), all }
    }

    fn of(table: Name, filter: &Filter) -> Vec<Setting> {
        settings(table, &synthetic::all(), &rates(), filter).unwrap()
    }

    #[test]
    fn the_sizes_of_the_tables() {
        let sizes = Name::ALL.map(|table| of(table, &Filter::default()).len());
        // Five workloads, one of them a place of the map; eight curricula, one of them a part.
        assert_eq!(sizes, [5 * 2 * 5 * 2, 4 * 7 * 8, 45 * 3 * 6, 4 * 3 * 8, 2 * 3 * 2]);
    }

    /// No run is asked for twice, and none has the name of another.
    #[test]
    fn every_run_has_a_file_of_its_own() {
        for table in Name::ALL {
            let settings = of(table, &Filter::default());
            let mut names: Vec<String> = settings.iter().map(crate::store::name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), settings.len());
        }
    }

    #[test]
    fn rates_are_tuned_on_other_seeds() {
        let tuned = of(Name::Rates, &Filter::default());
        for table in [Name::Small, Name::Map, Name::Parts] {
            let measured = of(table, &Filter::default());
            assert!(measured.iter().all(|run| tuned.iter().all(|other| other.seed != run.seed)));
            let rate = |run: &Setting| if run.curriculum.starts_with(OURS) { 2e-3 } else { 1e-3 };
            assert!(measured.iter().all(|run| run.rate == rate(run)));
        }
    }

    /// All runs of a seed stand before those of the next.
    #[test]
    fn seeds_come_one_by_one() {
        let seeds: Vec<u64> = of(Name::Small, &Filter::default()).iter().map(|run| run.seed).collect();
        assert!(seeds.is_sorted() && seeds.first() == Some(&1) && seeds.last() == Some(&8));
    }

    #[test]
    fn filters() {
        let names = |text: &str| text.split(',').map(str::to_owned).collect();
        let (workloads, curricula) = (names("ladder,cha*"), names("default"));
        let filter = Filter { workloads, curricula, seeds: Some(2) };
        let found = of(Name::Small, &filter);
        let found: Vec<(&str, &str, u64)> =
            found.iter().map(|run| (&run.workload[..], &run.curriculum[..], run.seed)).collect();
        let expected = [1, 2]
            .map(|seed| ["chain", "chain-noise", "ladder"].map(|workload| (workload, "default", seed)));
        assert_eq!(found, expected.concat());
        let strange = Filter { curricula: names("default-no-floor"), ..Filter::default() };
        let refused = settings(Name::Small, &synthetic::all(), &rates(), &strange).unwrap_err();
        assert!(refused.to_string().contains("default-no-floor"), "{refused}");
    }

    #[test]
    fn what_is_imitated_is_not_refilled() {
        let mut all = synthetic::all();
        all.tasks.iter_mut().for_each(|task| task.is_supervised = task.name == "ladder");
        let found = settings(Name::Small, &all, &rates(), &Filter::default()).unwrap();
        let of = |workload: &str, curriculum: &str| {
            found.iter().any(|run| run.workload == workload && run.curriculum == curriculum)
        };
        assert!(of("chain", "refill-32") && of("ladder", UNIFORM) && of("ladder", OURS));
        assert!(!of("ladder", "refill-32"));
    }

    #[test]
    fn without_a_rate_nothing_runs() {
        let none = Rates { path: "rates.csv".into(), all: Vec::new() };
        let of = |table| settings(table, &synthetic::all(), &none, &Filter::default());
        assert!(of(Name::Small).unwrap_err().to_string().contains("rates.csv"));
        assert!(of(Name::Rates).is_ok() && of(Name::Quick).is_ok());
    }
}
