//! Tables of scores: files, shards, orders.

use curricle::table::{Column, Provenance, Table, TableError, merge, rank_correlation};
use curricle::{Error, SampleId};
use proptest::prelude::*;

fn made_by() -> Provenance {
    Provenance { signal: "angle".into(), model: "a, \"b\"".into(), revision: "r1".into() }
}

#[cfg(feature = "table")]
fn table() -> impl Strategy<Value = Table> {
    let row = (any::<Option<f64>>(), any::<u64>(), any::<bool>());
    prop::collection::btree_map(any::<u64>(), row, 0..50).prop_map(|rows| {
        let rows: Vec<_> = rows.into_iter().rev().map(|(id, row)| (id, row.0, row.1, row.2)).collect();
        let finite = |x: Option<f64>| x.filter(|x| x.is_finite());
        Table::new(made_by(), rows.iter().map(|row| row.0).collect())
            .and_then(|t| {
                t.column("total", Column::Number(rows.iter().map(|row| finite(row.1)).collect()))
            })
            .and_then(|t| t.column("tokens", Column::Count(rows.iter().map(|row| row.2).collect())))
            .and_then(|t| t.column("selected", Column::Flag(rows.iter().map(|row| row.3).collect())))
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
        let read = Table::read_csv(&csv).unwrap();
        if table.samples().is_empty() {
            // Without rows a CSV file has the names of the columns, not what they hold.
            let names = |table: &Table| -> Vec<String> {
                table.columns().map(|(name, _)| name.to_owned()).collect()
            };
            prop_assert_eq!(names(&read), names(&table));
        } else {
            prop_assert_eq!(&read, &table);
        }
        table.write_parquet(&parquet).unwrap();
        prop_assert_eq!(&Table::read_parquet(&parquet).unwrap(), &table);
    }
}

proptest! {
    #[test]
    fn shards_merge_to_the_whole(len in 1usize..60, shards in 1usize..6) {
        let whole = |samples: Vec<u64>| {
            let scores = samples.iter().map(|&s| Some(s as f64 / 7.0)).collect();
            Table::new(made_by(), samples).unwrap().column("total", Column::Number(scores)).unwrap()
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

fn shard(made_by: Provenance, samples: Vec<u64>, scores: Vec<f64>) -> Table {
    let scores = Column::Number(scores.into_iter().map(Some).collect());
    Table::new(made_by, samples).unwrap().column("total", scores).unwrap()
}

#[test]
fn a_merge_reports_duplicates_and_refuses_strangers() {
    let a = shard(made_by(), vec![5, 2], vec![0.5, 0.2]);
    let b = shard(made_by(), vec![5, 9, 2], vec![0.6, 0.9, 0.2]);
    let merged = merge([a.clone(), b]).unwrap();
    assert_eq!(merged.table.samples(), [2, 5, 9]);
    assert_eq!(merged.table.get("total"), Some(&Column::Number(vec![Some(0.2), Some(0.5), Some(0.9)])));
    assert_eq!((merged.repeated, merged.disagreeing), (vec![SampleId(2)], vec![SampleId(5)]));
    assert_eq!(merged.gaps, [0..2, 3..5, 6..9]);

    let other = Provenance { revision: "r2".into(), ..made_by() };
    let refused = merge([a.clone(), shard(other, vec![1], vec![0.1])]);
    assert!(matches!(refused, Err(Error::Table(TableError::Provenance { .. }))));
    let refused = merge([a.clone(), Table::new(made_by(), vec![1]).unwrap()]);
    assert!(matches!(refused, Err(Error::Table(TableError::Columns { .. }))));

    // A shard that got no sample, read back from a CSV file, knows the names of its columns only.
    let none = Table::new(Provenance::default(), vec![]).unwrap();
    let none = none.column("total", Column::Count(vec![])).unwrap();
    for shards in [[a.clone(), none.clone()], [none.clone(), a.clone()]] {
        assert_eq!(merge(shards).unwrap().table, merge([a.clone()]).unwrap().table);
    }
    let strange = none.column("more", Column::Count(vec![])).unwrap();
    assert!(matches!(merge([strange, a]), Err(Error::Table(TableError::Columns { .. }))));
    assert!(merge([]).unwrap().table.samples().is_empty());
}

#[test]
fn a_sample_in_two_rows_is_refused_with_both() {
    let refused = |samples: Vec<u64>| match Table::new(made_by(), samples) {
        Err(Error::Table(TableError::RepeatedSample { sample, rows })) => (sample.0, rows),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(vec![5, 2, 2]), (2, [1, 2]));
    assert_eq!(refused(vec![u64::MAX, 0, 9, u64::MAX]), (u64::MAX, [0, 3]));
    // Of several, the one whose second row comes first.
    assert_eq!(refused(vec![1, 8, 7, 7, 8, 1, 7]), (7, [2, 3]));
    let said = Table::new(made_by(), vec![3, 4, 3]).unwrap_err().to_string();
    assert!(said.contains("sample 3") && said.contains("row 0") && said.contains("row 2"), "{said}");
    #[cfg(feature = "scores")]
    {
        let found = curricle::signal::Concentration::default();
        let refused = Table::of_concentrations(made_by(), vec![4, 4], &[found, found]);
        assert!(matches!(refused, Err(Error::Table(TableError::RepeatedSample { .. }))));
    }
}

#[test]
fn an_order_must_have_each_sample_of_the_data_set() {
    let some = shard(made_by(), vec![0, 3], vec![0.5, 0.7]);
    let gap = |samples, missing, first| {
        Err(Error::Table(TableError::Gap { samples, missing, first: SampleId(first) }))
    };
    assert_eq!(some.ranks("total", 4), gap(4, 2, 1));
    assert_eq!(shard(made_by(), vec![1, 0], vec![0.5, 0.7]).ranks("total", 3), gap(3, 1, 2));
    // No room is made for a data set that is said to be enormous.
    assert_eq!(some.ranks("total", u64::MAX), gap(u64::MAX, u64::MAX - 2, 1));
    assert_eq!(some.ranks("total", 3), Err(Error::Table(TableError::Stray(SampleId(3)))));
    assert_eq!(some.ranks("total", 0), Err(Error::Table(TableError::Stray(SampleId(0)))));
    assert_eq!(some.order("no such"), Err(Error::Table(TableError::NoColumn("no such".into()))));
    let nan = some.clone().column("bad", Column::Number(vec![Some(f64::NAN), None]));
    assert!(matches!(nan, Err(Error::NonFinite { what: "score", index: 0, .. })));
    assert!(matches!(some.column("more", Column::Count(vec![1])), Err(Error::Length { .. })));
}

#[test]
fn an_order_tells_counts_apart_and_zeros_not() {
    let great = 1u64 << 60;
    let table = Table::new(made_by(), vec![0, 1, 2, 3])
        .and_then(|t| t.column("tokens", Column::Count(vec![great, great + 1, great + 2, 0])))
        .and_then(|t| t.column("zeros", Column::Number(vec![Some(-0.0), Some(0.0), None, Some(-0.0)])))
        .unwrap();
    let order =
        |name| table.order(name).unwrap().into_iter().map(|sample| sample.0).collect::<Vec<_>>();
    assert_eq!(order("tokens"), [2, 1, 0, 3]);
    assert_eq!(order("zeros"), [0, 1, 3, 2]);
}

#[test]
fn statistics_of_extreme_and_undefined_values() {
    let table = Table::new(made_by(), vec![0, 1, 2, 3])
        .and_then(|t| {
            t.column(
                "great",
                Column::Number(vec![Some(f64::MAX), Some(-f64::MAX), Some(f64::MAX), None]),
            )
        })
        .and_then(|t| t.column("none", Column::Number(vec![None; 4])))
        .and_then(|t| t.column("one", Column::Number(vec![None, None, Some(2.0), None])))
        .and_then(|t| t.column("tokens", Column::Count(vec![1, 2, 3, 4])))
        .unwrap();
    assert_eq!(table.statistics("none").unwrap(), None);
    let one = table.statistics("one").unwrap().unwrap();
    assert_eq!((one.count, one.undefined, one.mean, one.sd, one.with_length), (1, 3, 2.0, 0.0, None));
    let great = table.statistics("great").unwrap().unwrap();
    assert!((great.mean / f64::MAX - 1.0 / 3.0).abs() < 1e-12, "{great:?}");
    assert!((great.sd / f64::MAX - (8.0f64 / 9.0).sqrt()).abs() < 1e-12, "{great:?}");
    assert_eq!(great.with_length, Some(0.0));
    assert_eq!(rank_correlation(&[1.0, f64::NAN, 3.0], &[1.0, 2.0, 3.0]), None);
    assert_eq!(rank_correlation(&[1.0, 2.0, 3.0], &[1.0, 2.0, f64::NAN]), None);
}

#[cfg(feature = "table")]
mod files {
    use super::*;
    use curricle::table::FileFault;
    use std::path::{Path, PathBuf};

    fn foreign(name: &str) -> PathBuf {
        Path::new("tests/data/foreign").join(name)
    }

    fn read(path: &Path) -> Result<Table, Error> {
        match path.extension().and_then(|kind| kind.to_str()) {
            Some("csv") => Table::read_csv(path),
            _ => Table::read_parquet(path),
        }
    }

    fn fault(path: &Path) -> FileFault {
        match read(path) {
            Err(Error::Table(TableError::Malformed { what, .. })) => what,
            other => panic!("{}: {other:?}", path.display()),
        }
    }

    /// The frame of the script that made the files.
    fn frame() -> Table {
        let total = Column::Number(vec![Some(0.25), None, Some(-1.5), Some(1e-7)]);
        Table::new(Provenance::default(), vec![7, 409, 3, 1 << 40])
            .and_then(|table| table.column("total", total))
            .and_then(|table| table.column("tokens", Column::Count(vec![12, 0, 20, 5])))
            .and_then(|table| table.column("selected", Column::Flag(vec![true, false, true, true])))
            .unwrap()
    }

    #[test]
    fn tables_of_data_frames_and_databases_are_read() {
        for name in [
            "pandas.parquet",
            "float_ids.parquet",
            "duckdb.parquet",
            "pandas.csv",
            "pandas_index.csv",
            "pandas_windows.csv",
            "float_ids.csv",
            "duckdb.csv",
        ] {
            let table = read(&foreign(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(table, frame(), "{name}");
        }
        let made_by = Table::read_parquet(foreign("made_by.parquet")).unwrap();
        let expected = Provenance { signal: "angle".into(), model: "m1".into(), revision: "".into() };
        assert_eq!(made_by.made_by(), &expected);
        assert!(made_by.columns().eq(frame().columns()));
        let filtered = Table::read_parquet(foreign("pandas_filtered.parquet")).unwrap();
        assert_eq!(filtered.samples(), [7, 409, 1 << 40]);
        assert_eq!(filtered.get("__index_level_0__"), Some(&Column::Count(vec![0, 1, 3])));
    }

    #[test]
    fn every_type_of_number_is_read() {
        let mut files = 0;
        for entry in std::fs::read_dir("tests/data/foreign").unwrap() {
            let path = entry.unwrap().path();
            if !path.file_name().unwrap().to_string_lossy().starts_with("arrow_") {
                continue;
            }
            let table = Table::read_parquet(&path).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(table.samples(), [7, 409, 3, 99]);
            let numbers = |values: [Option<f64>; 4]| Column::Number(values.to_vec());
            let expected = [
                ("total", numbers([Some(0.25), None, Some(-1.5), Some(2.0)])),
                ("tokens", numbers([Some(12.0), None, Some(20.0), Some(5.0)])),
                ("signed", numbers([1.0, -2.0, 3.0, 4.0].map(Some))),
                ("selected", Column::Flag(vec![true, false, true, true])),
            ];
            let found: Vec<(&str, Column)> = table.columns().map(|(n, c)| (n, c.clone())).collect();
            assert_eq!(found, expected, "{}", path.display());
            files += 1;
        }
        assert_eq!(files, 7);
    }

    #[test]
    fn several_groups_encodings_and_codecs_are_read() {
        for (name, rows) in [("groups_v2", 50_000), ("zstd", 300), ("split", 300)] {
            let path = foreign(&format!("{name}.parquet"));
            if name == "zstd" && !cfg!(feature = "zstd") {
                let FileFault::Codec { column, codec } = fault(&path) else { panic!("another fault") };
                assert!(column == "id" && codec.contains("ZSTD"), "{codec}");
                continue;
            }
            let table = Table::read_parquet(path).unwrap();
            assert!(table.samples().iter().copied().eq(0..rows), "{name}");
            let totals = (0..rows).map(|i| Some((i % 7) as f64 / 4.0)).collect();
            assert_eq!(table.get("total"), Some(&Column::Number(totals)), "{name}");
        }
    }

    #[test]
    fn a_bad_parquet_file_names_row_column_and_type() {
        let value = |row, column: &str, kind: &str, value: &str| FileFault::Value {
            row,
            column: column.into(),
            kind: kind.into(),
            value: value.into(),
        };
        let missing = |row, column: &str, kind: &str| FileFault::Missing {
            row,
            column: column.into(),
            kind: kind.into(),
        };
        let column = |column: &str, kind: &str| FileFault::ColumnType {
            column: column.into(),
            kind: kind.into(),
        };
        for (name, expected) in [
            ("null_id", missing(1, "id", "INT64")),
            ("negative_id", value(1, "id", "INT64", "-5")),
            ("half_id", value(1, "id", "DOUBLE", "2.5")),
            ("text_id", column("id", "BYTE_ARRAY (String)")),
            ("made_by", value(2, "signal", "BYTE_ARRAY (String)", "b")),
            ("text", column("total", "BYTE_ARRAY (String)")),
            ("list", column("total.list.element", "nested DOUBLE")),
            ("flag", missing(1, "selected", "BOOLEAN")),
            ("gzip", FileFault::Codec { column: "id".into(), codec: "GZIP(GzipLevel(6))".into() }),
        ] {
            assert_eq!(fault(&foreign(&format!("bad_{name}.parquet"))), expected, "{name}");
        }
        let FileFault::ColumnType { column, kind } = fault(&foreign("bad_time.parquet")) else {
            panic!("another fault");
        };
        assert!(column == "at" && kind.starts_with("INT64 (Timestamp"), "{kind}");
        let twice = Table::read_parquet(foreign("bad_twice.parquet"));
        let expected = TableError::RepeatedSample { sample: SampleId(1), rows: [0, 1] };
        assert_eq!(twice, Err(Error::Table(expected)));
    }

    #[test]
    fn a_bad_csv_file_names_row_and_field() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.csv");
        let text = |row, column: &str, value: &str| FileFault::Value {
            row,
            column: column.into(),
            kind: "text".into(),
            value: value.into(),
        };
        let missing =
            |row, column: &str| FileFault::Missing { row, column: column.into(), kind: "text".into() };
        for (bytes, expected) in [
            (&b""[..], FileFault::NoId),
            (b"sample,total\n1,2\n", FileFault::NoId),
            (b"id;total\n1;2\n", FileFault::NoId),
            (b"id,total\n1,2\n2,two\n", text(1, "total", "two")),
            (b"id,total\n1,true\n2,0.5\n", text(1, "total", "0.5")),
            (b"id,total\n1,0.5\n2,true\n", text(1, "total", "true")),
            (b"id,total\n1,true\n2,\n", missing(1, "total")),
            (b"id,total\n1,\n2,true\n", missing(1, "total")),
            (b"id,total\n1,2\n-3,2\n", text(1, "id", "-3")),
            (b"id,total\n1.5,2\n", text(0, "id", "1.5")),
            (b"id,total\n1e300,2\n", text(0, "id", &format!("{}", 1e300))),
            (b"id,total\nfalse,2\n", text(0, "id", "false")),
            (b"id,total\n1,2\n,2\n", missing(1, "id")),
            (b"id,total,model\n1,2,a\n2,2,b\n", text(1, "model", "b")),
            (b"id,total\n1,2\n2\n", FileFault::Fields { row: 1, expected: 2, found: 1 }),
            (b"id,total\n1,2\n2,3,4\n", FileFault::Fields { row: 1, expected: 2, found: 3 }),
            (b"id,total\n1,2\n2,\xff\n", FileFault::NotUtf8 { row: Some(1) }),
            (b"\xff\xfei\0d\0", FileFault::NotUtf8 { row: None }),
        ] {
            std::fs::write(&file, bytes).unwrap();
            assert_eq!(fault(&file), expected, "{}", String::from_utf8_lossy(bytes));
            assert!(Table::read_parquet(&file).is_err());
        }
        for (bytes, expected) in [
            ("id,total\n1,NaN\n", "NonFinite"),
            ("id,total\n1,inf\n", "NonFinite"),
            ("id,total,total\n1,2,3\n", "RepeatedColumn"),
            ("id,id\n1,2\n", "RepeatedColumn"),
            ("id\n4\n5\n4\n", "RepeatedSample { sample: SampleId(4), rows: [0, 2] }"),
        ] {
            std::fs::write(&file, bytes).unwrap();
            let refused = format!("{:?}", Table::read_csv(&file));
            assert!(refused.contains(expected), "{bytes:?}: {refused}");
        }
        let nowhere = folder.path().join("no/such/folder");
        assert!(matches!(Table::read_parquet(&nowhere), Err(Error::Io { .. })));
        assert!(matches!(Table::read_csv(&nowhere), Err(Error::Io { .. })));
        assert!(matches!(Table::read_csv(folder.path()), Err(Error::Io { .. })));
    }

    #[test]
    fn csv_is_a_header_and_rows_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.csv");
        let made_by =
            Provenance { signal: "angle".into(), model: "a, \"b\"\nc".into(), revision: String::new() };
        let table = Table::new(made_by.clone(), vec![3, 1])
            .and_then(|t| t.column("a total, of all", Column::Number(vec![Some(1.0), None])))
            .and_then(|t| t.column("tokens", Column::Count(vec![u64::MAX, 0])))
            .and_then(|t| t.column("selected", Column::Flag(vec![false, true])))
            .unwrap();
        table.write_csv(&file).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = "id,\"a total, of all\",tokens,selected,signal,model\n\
                        3,1.0,18446744073709551615,false,angle,\"a, \"\"b\"\"\nc\"\n\
                        1,,0,true,angle,\"a, \"\"b\"\"\nc\"\n";
        assert_eq!(text, expected);
        assert_eq!(Table::read_csv(&file).unwrap(), table);
        let own =
            Table::new(made_by, vec![1]).unwrap().column("model", Column::Count(vec![1])).unwrap();
        let refused = own.write_csv(&file);
        assert_eq!(refused, Err(Error::Table(TableError::RepeatedColumn("model".into()))));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    }
}
