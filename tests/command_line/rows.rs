//! Inputs that tests write, row by row, as JSON lines and as Parquet.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

/// A field of all rows.
#[derive(Debug, Clone)]
pub enum Field {
    Numbers(Vec<f64>),
    Maybe(Vec<Option<f64>>),
    Lists(Vec<Vec<f64>>),
    Texts(Vec<String>),
    Ids(Vec<i64>),
}

impl Field {
    fn schema(&self, name: &str) -> String {
        match self {
            Self::Numbers(_) => format!("required double {name};"),
            Self::Maybe(_) => format!("optional double {name};"),
            Self::Texts(_) => format!("required binary {name} (STRING);"),
            Self::Ids(_) => format!("required int64 {name};"),
            Self::Lists(_) => format!(
                "optional group {name} (LIST) {{ repeated group list {{ optional double element; }} }}"
            ),
        }
    }

    fn json(&self, row: usize) -> Value {
        match self {
            Self::Numbers(values) => json!(values[row]),
            Self::Maybe(values) => json!(values[row]),
            Self::Lists(values) => json!(values[row]),
            Self::Texts(values) => json!(values[row]),
            Self::Ids(values) => json!(values[row]),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Maybe(values) => values.len(),
            Self::Lists(values) => values.len(),
            Self::Texts(values) => values.len(),
            Self::Ids(values) => values.len(),
        }
    }

    fn write(&self, into: &mut ColumnWriter<'_>) {
        let written = match (self, into) {
            (Self::Numbers(values), ColumnWriter::DoubleColumnWriter(into)) => {
                into.write_batch(values, None, None)
            }
            (Self::Maybe(values), ColumnWriter::DoubleColumnWriter(into)) => {
                let there: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                let values: Vec<f64> = values.iter().copied().flatten().collect();
                into.write_batch(&values, Some(&there), None)
            }
            (Self::Lists(rows), ColumnWriter::DoubleColumnWriter(into)) => {
                let levels = |row: &Vec<f64>| match row.len() {
                    // A list without elements has levels, and no value.
                    0 => vec![(1, 0)],
                    len => (0..len).map(|at| (3, i16::from(at > 0))).collect(),
                };
                let (there, again): (Vec<i16>, Vec<i16>) = rows.iter().flat_map(levels).unzip();
                into.write_batch(&rows.concat(), Some(&there), Some(&again))
            }
            (Self::Texts(values), ColumnWriter::ByteArrayColumnWriter(into)) => {
                let bytes: Vec<ByteArray> =
                    values.iter().map(|text| text.as_bytes().to_vec().into()).collect();
                into.write_batch(&bytes, None, None)
            }
            (Self::Ids(values), ColumnWriter::Int64ColumnWriter(into)) => {
                into.write_batch(values, None, None)
            }
            _ => panic!("a column of another type"),
        };
        written.unwrap();
    }
}

pub fn write_jsonl(path: &Path, fields: &[(&str, Field)]) {
    let rows = (0..fields[0].1.len()).map(|row| {
        let pairs = fields.iter().map(|(name, field)| ((*name).to_owned(), field.json(row)));
        Value::Object(pairs.collect()).to_string() + "\n"
    });
    std::fs::write(path, rows.collect::<String>()).unwrap();
}

pub fn write_parquet(path: &Path, fields: &[(&str, Field)]) {
    let schema: String = fields.iter().map(|(name, field)| field.schema(name)).collect();
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {schema} }}")).unwrap());
    let mut file =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Default::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    for (_, field) in fields {
        let mut column = group.next_column().unwrap().unwrap();
        field.write(column.untyped());
        column.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
}

/// Runs a command in a folder.
pub fn curricle(folder: &Path, command: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_curricle"))
        .args(command.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What it said on its standard output, if all was well.
pub fn done(folder: &Path, command: &str) -> String {
    let output = curricle(folder, command);
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What it said of bad input; nothing was written.
pub fn refused(folder: &Path, command: &str, says: &str) {
    let output = curricle(folder, command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{command}: {said}");
    assert!(said.contains(says), "{command}: {said:?} lacks {says:?}");
    assert!(!said.contains("panicked"), "{said}");
    for out in ["out.csv", "out.parquet", "out.svg", "out.html"] {
        assert!(!folder.join(out).exists(), "{command} left {out}");
    }
}
