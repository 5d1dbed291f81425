//! The command line.

use std::path::PathBuf;

use crate::Result;
use crate::plan::{Filter, Name};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Run,
    Names,
    Table(Name),
    Page,
    Merge,
    /// Takes the runs of a record into the folder of runs.
    Unpack,
}

#[derive(Debug, Clone)]
pub struct Options {
    pub verb: Verb,
    /// Of a page or of a record.
    pub tables: Vec<Name>,
    pub filter: Filter,
    pub jobs: usize,
    pub list: bool,
    pub out: PathBuf,
    rates: Option<PathBuf>,
    pub svg: Option<PathBuf>,
    pub read: Option<PathBuf>,
    /// Where the models are; `model::DEVICES`.
    pub device: String,
    /// Records whose runs are taken over.
    pub unpacked: Vec<PathBuf>,
    pub record: PathBuf,
    pub note: String,
    // Of a single run.
    pub workload: String,
    pub curriculum: String,
    pub seed: u64,
    pub rate: f64,
    pub tokens: Option<u64>,
}

impl Options {
    /// # Errors
    /// What cannot be understood, by name.
    pub fn of(mut arguments: lexopt::Parser) -> Result<Self> {
        use lexopt::prelude::*;

        let mut said: Vec<String> = Vec::new();
        let (mut workloads, mut curricula) = (Vec::new(), Vec::new());
        let mut found = Self {
            verb: Verb::Names,
            tables: Vec::new(),
            filter: Filter::default(),
            jobs: 2,
            list: false,
            out: "target/study".into(),
            rates: None,
            svg: None,
            read: None,
            device: "cpu".into(),
            unpacked: Vec::new(),
            record: "benches/record".into(),
            note: String::new(),
            workload: "sequence".into(),
            curriculum: crate::catalogue::OURS.into(),
            seed: 1,
            rate: 1e-3,
            tokens: None,
        };
        while let Some(argument) = arguments.next()? {
            match argument {
                Value(word) => said.push(word.string()?),
                Long("workload") => workloads = names(&arguments.value()?.string()?),
                Long("curriculum") => curricula = names(&arguments.value()?.string()?),
                Long("seeds") => found.filter.seeds = Some(arguments.value()?.parse()?),
                Long("jobs") => found.jobs = arguments.value()?.parse::<usize>()?.max(1),
                Long("list") => found.list = true,
                Long("out") => found.out = arguments.value()?.into(),
                Long("rates") => found.rates = Some(arguments.value()?.into()),
                Long("svg") => found.svg = Some(arguments.value()?.into()),
                Long("read") => found.read = Some(arguments.value()?.into()),
                Long("device") => found.device = arguments.value()?.string()?,
                Long("record") => found.record = arguments.value()?.into(),
                Long("note") => found.note = arguments.value()?.string()?,
                Long("seed") => found.seed = arguments.value()?.parse()?,
                Long("rate") => found.rate = arguments.value()?.parse()?,
                Long("tokens") => found.tokens = Some(arguments.value()?.parse()?),
                other => return Err(other.unexpected().into()),
            }
        }
        let mut said = said.into_iter();
        let verb = said
            .next()
            .ok_or("say run, names, rates, small, map, parts, quick, page, merge or unpack")?;
        found.verb = match verb.as_str() {
            "run" => Verb::Run,
            "names" => Verb::Names,
            "page" => Verb::Page,
            "merge" => Verb::Merge,
            "unpack" => Verb::Unpack,
            name => Verb::Table(Name::of(name).ok_or_else(|| format!("{name:?} is nothing to do"))?),
        };
        if found.verb == Verb::Unpack {
            found.unpacked = said.by_ref().map(PathBuf::from).collect();
            if found.unpacked.is_empty() {
                return Err("say which records to unpack".into());
            }
        }
        for name in said {
            let table = Name::of(&name).ok_or_else(|| format!("there is no table {name:?}"))?;
            match found.verb {
                Verb::Page | Verb::Merge => found.tables.push(table),
                _ => return Err(format!("{name:?} is one table too many").into()),
            }
        }
        if found.tables.is_empty() {
            found.tables = Name::ALL.into_iter().filter(|table| *table != Name::Quick).collect();
        }
        if found.verb == Verb::Run {
            found.workload = workloads.pop().unwrap_or(found.workload);
            found.curriculum = curricula.pop().unwrap_or(found.curriculum);
        }
        (found.filter.workloads, found.filter.curricula) = (workloads, curricula);
        Ok(found)
    }

    /// The folder of the runs: those of one device, as each rounds otherwise.
    pub fn runs(&self) -> PathBuf {
        match self.device.as_str() {
            "cpu" => self.out.join("runs"),
            device => self.out.join(format!("runs-{device}")),
        }
    }

    /// The folder of the warm-ups.
    pub fn starts(&self) -> PathBuf {
        self.out.join("starts")
    }

    /// The file of the tuned rates.
    pub fn rates(&self) -> PathBuf {
        self.rates.clone().unwrap_or_else(|| self.out.join("rates.csv"))
    }
}

fn names(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<Options> {
        Options::of(lexopt::Parser::from_args(line.split(' ')))
    }

    #[test]
    fn verbs_and_tables() {
        let small = of("small --workload chain,seq* --seeds 3 --jobs 0").unwrap();
        assert_eq!(small.verb, Verb::Table(Name::Small));
        assert_eq!(small.filter.workloads, ["chain", "seq*"]);
        assert_eq!((small.filter.seeds, small.jobs), (Some(3), 1));
        let page = of("page map quick --out here").unwrap();
        assert_eq!((page.verb, page.tables.clone()), (Verb::Page, vec![Name::Map, Name::Quick]));
        assert_eq!(page.rates(), PathBuf::from("here/rates.csv"));
        assert_eq!(of("merge").unwrap().tables.len(), 4);
        let unpack = of("unpack small.parquet a/map.parquet").unwrap();
        assert_eq!(unpack.unpacked, ["small.parquet", "a/map.parquet"].map(PathBuf::from));
        let run = of("run --workload chain --curriculum sec").unwrap();
        assert_eq!((run.workload.as_str(), run.curriculum.as_str()), ("chain", "sec"));
        assert_eq!(of("small --device gpu --out here").unwrap().runs(), PathBuf::from("here/runs-gpu"));
        for bad in ["small map", "tiny", "page tiny", "small --seeds many", "small --sed 3", "unpack"] {
            assert!(of(bad).is_err(), "{bad}");
        }
        assert!(Options::of(lexopt::Parser::from_args([""; 0])).is_err());
    }
}
