//! `curricle probe`, against the library and numbers worked out by hand.

use curricle::monitor::{Probes, TwoParameterLogistic, item_discrimination, kendall_tau};
use curricle::table::{Column, Table};

use crate::rows::{Field, curricle, done, refused, write_jsonl, write_parquet};

const MODELS: usize = 7;

/// By item and model: some items tell the models apart, some are noise, some are solved by all or by none.
fn outcomes() -> Vec<Vec<f64>> {
    (0..40usize)
        .map(|item| {
            let of = |model: usize| match item % 5 {
                0 => model * 5 >= item % 31,
                1 => (item * 7 + model * 3) % 4 < 2,
                2 => item % 10 == 2,
                3 => model >= item % 7,
                _ => MODELS - model > item % 6,
            };
            (0..MODELS).map(|model| f64::from(of(model))).collect()
        })
        .collect()
}

fn columns(outcomes: &[Vec<f64>]) -> Vec<(String, Field)> {
    let of = |model: usize| outcomes.iter().map(|row| row[model]).collect();
    (0..MODELS).map(|model| (format!("m{model}"), Field::Numbers(of(model)))).collect()
}

fn numbers(values: Vec<Option<f64>>) -> Column {
    Column::Number(values)
}

fn flags(items: usize, chosen: &[usize]) -> Column {
    Column::Flag((0..items).map(|item| chosen.contains(&item)).collect())
}

#[test]
fn probes_are_those_of_the_library_whatever_the_form() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let outcomes = outcomes();
    let names: Vec<String> = (0..40).map(|item| format!("item-{item}")).collect();
    let blind: Vec<i64> = (0..40).map(|item| i64::from(item % 8 == 3)).collect();
    let verified: Vec<f64> = (0..40).map(|item| f64::from(item % 10 == 7)).collect();
    let wide = columns(&outcomes);
    let mut fields = vec![
        ("item", Field::Texts(names.clone())),
        ("blind", Field::Ids(blind.clone())),
        ("sure", Field::Numbers(verified.clone())),
    ];
    fields.extend(wide.iter().map(|(name, field)| (name.as_str(), field.clone())));
    write_jsonl(&folder.join("wide.jsonl"), &fields);
    write_parquet(&folder.join("wide.parquet"), &fields);
    let long = (0..40).flat_map(|item| (0..MODELS).map(move |model| (item, model)));
    let long = long.map(|(item, model)| {
        let (name, outcome) = (&names[item], outcomes[item][model]);
        format!("m{model},{},{name},{outcome},{}\n", blind[item], verified[item])
    });
    let long = format!("who,blind,what,got,sure\n{}", long.collect::<String>());
    std::fs::write(folder.join("long.csv"), long).unwrap();
    let options = "--share 0.21 --blind blind --verified sure --quota 0.25 --irt";
    let said = done(folder, &format!("probe wide.jsonl {options} --out a.parquet"));
    assert_eq!(said, done(folder, &format!("probe wide.parquet {options} --out b.csv")));
    let form = "--item what --model who --outcome got";
    assert_eq!(said, done(folder, &format!("probe long.csv {form} {options} --out c.csv")));
    let table = Table::read_parquet(folder.join("a.parquet")).unwrap();
    assert_eq!(table, Table::read_csv(folder.join("b.csv")).unwrap());
    assert_eq!(table, Table::read_csv(folder.join("c.csv")).unwrap());

    let reading = item_discrimination(&outcomes).unwrap();
    let probes = Probes { size: 8, blind_limit: 1, quota: 0.25 };
    let blind: Vec<u64> = blind.iter().map(|count| count.unsigned_abs()).collect();
    let verified: Vec<bool> = verified.iter().map(|is| *is == 1.0).collect();
    let set = probes.select(&outcomes, &blind, &verified).unwrap();
    assert!(set.frontier.len() == 2 && set.selected.len() == 6, "{set:?}");
    assert_eq!(table.get("discrimination"), Some(&numbers(reading.r)));
    assert_eq!(table.get("discrimination_rest"), Some(&numbers(reading.r_rest)));
    assert_eq!(table.get("frontier"), Some(&flags(40, &set.frontier)));
    let chosen: Vec<usize> = set.selected.iter().chain(&set.frontier).copied().collect();
    assert_eq!(table.get("selected"), Some(&flags(40, &chosen)));
    let persons: Vec<Vec<f64>> =
        (0..MODELS).map(|model| outcomes.iter().map(|row| row[model]).collect()).collect();
    let fit = TwoParameterLogistic::default().fit(&persons, 0).unwrap();
    let all = |values: Vec<f64>| numbers(values.into_iter().map(Some).collect());
    assert_eq!(table.get("irt_discrimination"), Some(&all(fit.discrimination)));
    assert_eq!(table.get("irt_difficulty"), Some(&all(fit.difficulty)));
    let by_probes: Vec<f64> =
        persons.iter().map(|row| chosen.iter().map(|&item| row[item]).sum()).collect();
    let tau = kendall_tau(&by_probes, Some(&reading.ability)).unwrap().tau_b.unwrap();
    assert!(
        said.starts_with("8 of 40 items selected, 2 of them solved by no model; 7 models\n"),
        "{said}"
    );
    assert!(
        said.contains(&format!("tau-b {}", format!("{tau:.4}").trim_end_matches(".0000"))),
        "{said}"
    );

    let listed = done(folder, &format!("probe wide.jsonl {options} --list --out a.parquet"));
    let mut sorted = chosen.clone();
    sorted.sort_unstable();
    assert_eq!(listed, sorted.iter().map(|item| format!("item-{item}\n")).collect::<String>());
}

/// The first item tells the models apart and the second tells them apart the wrong way: the order by the first is
/// that of all.
#[test]
fn one_probe_that_decides() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = "item,a,b,c\nx,0.9,true,0\ny,0.2,0,1\nz,1,0.6,0.5\nw,1,1,0\nv,0,0,0\n";
    std::fs::write(folder.join("in.csv"), text).unwrap();
    let said = done(folder, "probe in.csv --count 1 --list --out out.csv");
    assert_eq!(said, "x\n");
    let table = Table::read_csv(folder.join("out.csv")).unwrap();
    let solved = [2.0 / 3.0, 1.0 / 3.0, 1.0, 2.0 / 3.0, 0.0].map(Some);
    assert_eq!(table.get("solved"), Some(&numbers(solved.to_vec())));
    let r = |at: usize| match table.get("discrimination") {
        Some(Column::Number(values)) => values[at],
        _ => None,
    };
    // Abilities 3, 3 and 2 of 5: the first goes with them, the second against them.
    assert!((r(0).unwrap() - 1.0).abs() < 1e-12 && (r(1).unwrap() + 1.0).abs() < 1e-12);
    assert_eq!((r(2), r(4)), (None, None));
    let said = done(folder, "probe in.csv --count 1 --out out.csv");
    assert!(said.contains("Kendall's tau-b 1,"), "{said}");
    // Nobody is told from anybody by what all or none solve.
    let said = done(folder, "probe in.csv --count 0 --out out.csv");
    assert!(said.contains("0 of 5 items selected") && said.contains("nothing was selected"), "{said}");
    let said =
        done(folder, "probe in.csv --models a,c --solved-from 0.95 --count 5 --list --out out.csv");
    assert_eq!(said, "z\nw\n");
}

#[test]
fn bad_outcomes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "in.jsonl",
        "{\"item\": \"a\", \"m\": 1, \"n\": 0}\n{\"item\": \"b\", \"m\": 1.5, \"n\": 0}\n",
    );
    write("lacks.jsonl", "{\"item\": \"a\", \"m\": 1, \"n\": 0}\n{\"item\": \"b\", \"m\": 1}\n");
    // A model that only a later line has is a model.
    write(
        "late.jsonl",
        "{\"item\": \"a\", \"m\": 1, \"o\": 0}\n{\"item\": \"b\", \"m\": 1, \"o\": 1, \"n\": 0}\n",
    );
    write("text.csv", "item,m,n\na,1,0\nb,yes,1\n");
    write("nan.csv", "item,m,n\na,nan,0\n");
    write("twice.csv", "item,m,n\na,1,0\na,1,1\n");
    write("one.csv", "item,m\na,1\nb,0\n");
    write("empty.csv", "item,m,n\n");
    write("long.csv", "item,model,got\na,m,1\na,n,0\nb,m,1\n");
    write("again.csv", "item,model,got\na,m,1\na,n,0\na,m,1\n");
    write("good.csv", "item,m,n,blind\na,1,0,-1\nb,0,1,0\n");
    write("cut.parquet", "PAR1");
    for (command, says) in [
        ("in.jsonl", "in.jsonl: line 2: `m` is no outcome in [0, 1]: 1.5"),
        ("lacks.jsonl", "lacks.jsonl: line 2: `n` has no value"),
        ("text.csv", "text.csv: line 3: `m` is no outcome"),
        ("nan.csv", "nan.csv: line 2: `m` is no outcome in [0, 1]: NaN"),
        ("twice.csv", "twice.csv: line 3: item `a` stands in a row before"),
        ("one.csv", "one.csv: there are fewer than two models"),
        ("empty.csv", "empty.csv: there is no item"),
        ("long.csv --outcome got", "long.csv: there is no outcome of `n` on `b`"),
        (
            "again.csv --outcome got",
            "again.csv: line 4: the outcome of `m` on `a` stands in a row before",
        ),
        ("good.csv --blind blind", "good.csv: line 2: `blind` is no count"),
        ("good.csv --item name", "there is no column `name`"),
        ("late.jsonl", "late.jsonl: line 1: `n` has no value"),
        ("good.csv --models m,n --count 3", "--count 3, where there are 2 items"),
        ("good.csv --models m,n --share 0.5 --count 1", "cannot be used with"),
        ("cut.parquet", "cut.parquet: "),
        ("none.csv", "none.csv: "),
    ] {
        refused(folder, &format!("probe {command} --out out.parquet"), says);
    }
    let output = curricle(folder, "probe good.csv --models m,n --out none/out.csv");
    assert_eq!(output.status.code(), Some(1));
}
