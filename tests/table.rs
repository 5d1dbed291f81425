//! Tables of scores: files, shards, orders.

use curricle::table::{Column, Provenance, Table, TableError, merge, rank_correlation};
use curricle::{Error, SampleId};
use proptest::prelude::*;

fn made_by() -> Provenance {
    Provenance { signal: "angle".into(), model: "a, \"b\"".into(), revision: "r1".into() }
}

#[cfg(feature = "table")]
fn table() -> impl Strategy<Value = Table> {
    prop::collection::vec((any::<u64>(), any::<Option<f64>>(), any::<u64>(), any::<bool>()), 0..50)
        .prop_map(|rows| {
            let finite = |x: Option<f64>| x.filter(|x| x.is_finite());
            Table::new(made_by(), rows.iter().map(|row| row.0).collect())
                .column("total", Column::Number(rows.iter().map(|row| finite(row.1)).collect()))
                .and_then(|t| t.column("tokens", Column::Count(rows.iter().map(|row| row.2).collect())))
                .and_then(|t| {
                    t.column("selected", Column::Flag(rows.iter().map(|row| row.3).collect()))
                })
                .unwrap()
        })
}

#[cfg(feature = "table")]
proptest! {
    #[test]
    fn files_bring_back_every_bit(table in table()) {
        let folder = tempfile::tempdir().unwrap();
        let (csv, parquet) = (folder.path().join("t.csv"), folder.path().join("t.parquet"));
        table.write_csv(&csv).unwrap();
        prop_assert_eq!(&Table::read_csv(&csv).unwrap(), &table);
        table.write_parquet(&parquet).unwrap();
        prop_assert_eq!(&Table::read_parquet(&parquet).unwrap(), &table);
    }
}

proptest! {
    #[test]
    fn shards_merge_to_the_whole(len in 1usize..60, shards in 1usize..6) {
        let whole = |samples: Vec<u64>| {
            let scores = samples.iter().map(|&s| Some(s as f64 / 7.0)).collect();
            Table::new(made_by(), samples).column("total", Column::Number(scores)).unwrap()
        };
        let all: Vec<u64> = (0..len as u64).collect();
        let parts = all.chunks(len.div_ceil(shards)).rev().map(|part| whole(part.to_vec()));
        let merged = merge(parts).unwrap();
        prop_assert_eq!(merged.table, whole(all));
        prop_assert!(merged.repeated.is_empty() && merged.disagreeing.is_empty());
        prop_assert!(merged.gaps.is_empty());
    }

    #[test]
    fn the_rank_correlation_is_that_of_the_ranks(x in prop::collection::vec(0u8..12, 2..30), shift in 1u8..9) {
        let y: Vec<f64> = x.iter().map(|&x| f64::from(x.wrapping_mul(37) % 11)).collect();
        let x: Vec<f64> = x.into_iter().map(f64::from).collect();
        // The naive twin: the rank of a value is the number below it plus half of its equals.
        let ranks = |v: &[f64]| -> Vec<f64> {
            v.iter().map(|a| {
                let below = v.iter().filter(|&b| b < a).count() as f64;
                below + (v.iter().filter(|&b| b == a).count() as f64 - 1.0) / 2.0
            }).collect()
        };
        let pearson = |a: &[f64], b: &[f64]| {
            let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
            let (ma, mb) = (mean(a), mean(b));
            let ab: f64 = a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum();
            let aa: f64 = a.iter().map(|a| (a - ma) * (a - ma)).sum();
            let bb: f64 = b.iter().map(|b| (b - mb) * (b - mb)).sum();
            (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
        };
        match (rank_correlation(&x, &y), pearson(&ranks(&x), &ranks(&y))) {
            (Some(found), Some(expected)) => prop_assert!((found - expected).abs() < 1e-9),
            (found, expected) => prop_assert_eq!(found, expected),
        }
        let stretched: Vec<f64> = x.iter().map(|x| x * f64::from(shift) + 1.0).collect();
        let with_itself = rank_correlation(&x, &stretched);
        prop_assert!(with_itself.is_none_or(|r| (r - 1.0).abs() < 1e-12));
    }
}

#[test]
fn a_merge_reports_duplicates_and_refuses_strangers() {
    let shard = |made_by: Provenance, samples: Vec<u64>, scores: Vec<f64>| {
        let scores = Column::Number(scores.into_iter().map(Some).collect());
        Table::new(made_by, samples).column("total", scores).unwrap()
    };
    let a = shard(made_by(), vec![5, 2, 2], vec![0.5, 0.2, 0.2]);
    let b = shard(made_by(), vec![5, 9], vec![0.6, 0.9]);
    let merged = merge([a.clone(), b]).unwrap();
    assert_eq!(merged.table.samples(), [2, 5, 9]);
    assert_eq!(merged.table.get("total"), Some(&Column::Number(vec![Some(0.2), Some(0.5), Some(0.9)])));
    assert_eq!((merged.repeated, merged.disagreeing), (vec![SampleId(2)], vec![SampleId(5)]));
    assert_eq!(merged.gaps, [0..2, 3..5, 6..9]);

    let other = Provenance { revision: "r2".into(), ..made_by() };
    let refused = merge([a.clone(), shard(other, vec![1], vec![0.1])]);
    assert!(matches!(refused, Err(Error::Table(TableError::Provenance { .. }))));
    let refused = merge([a.clone(), Table::new(made_by(), vec![1])]);
    assert!(matches!(refused, Err(Error::Table(TableError::Columns { .. }))));

    assert!(matches!(a.ranks("total", 6), Err(Error::Table(TableError::Stray(SampleId(2))))));
    let some = shard(made_by(), vec![0, 3], vec![0.5, 0.7]);
    let refused = some.ranks("total", 4);
    let gap = TableError::Gap { samples: 4, missing: 2, first: SampleId(1) };
    assert_eq!(refused, Err(Error::Table(gap)));
    assert_eq!(some.order("no such"), Err(Error::Table(TableError::NoColumn("no such".into()))));
    let nan = some.clone().column("bad", Column::Number(vec![Some(f64::NAN), None]));
    assert!(matches!(nan, Err(Error::NonFinite { what: "score", index: 0, .. })));
    assert!(matches!(some.column("more", Column::Count(vec![1])), Err(Error::Length { .. })));
}

#[cfg(feature = "table")]
#[test]
fn a_file_that_is_no_table_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t");
    let start = "# signal: a\n# model: b\n# revision: c\n";
    for text in [
        String::new(),
        "id,total: number\n".into(),
        format!("{start}id,total\n1,2\n"),
        format!("{start}id,total: number\n1,two\n"),
        format!("{start}id,total: number\n1\n"),
        format!("{start}id,tokens: count\n1,-3\n"),
        format!("{start}id,total: vector\n"),
    ] {
        std::fs::write(&file, &text).unwrap();
        let refused = Table::read_csv(&file);
        assert!(matches!(refused, Err(Error::Table(TableError::Malformed { .. }))), "{text:?}");
        assert!(Table::read_parquet(&file).is_err());
    }
    std::fs::write(&file, format!("{start}id,total: number\n1,NaN\n")).unwrap();
    assert!(matches!(Table::read_csv(&file), Err(Error::NonFinite { .. })));
    let nowhere = folder.path().join("no/such/folder");
    assert!(matches!(Table::read_parquet(&nowhere), Err(Error::Io { .. })));
}
