//! Runs as Parquet: a row a point, the setting of its run before it, what is by arm as lists.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};
use xxhash_rust::xxh3::Xxh3;

use crate::catalogue::Arm;
use crate::fault::Fault;
use crate::guarded::guarded;
use crate::run::{Point, Setting};
use crate::store::Kept;

const SCHEMA: &str = "message runs {
    required binary workload (STRING);
    required binary curriculum (STRING);
    required int64 seed (INTEGER(64, false));
    required double rate;
    required int64 budget (INTEGER(64, false));
    required int64 stream (INTEGER(64, false));
    required group arms (LIST) { repeated group list { required binary element (STRING); } }
    required group learnable (LIST) { repeated group list { required boolean element; } }
    required int64 tokens (INTEGER(64, false));
    required int64 rollouts (INTEGER(64, false));
    required int64 steps (INTEGER(64, false));
    required int64 useful (INTEGER(64, false));
    required double pass;
    required double worst;
    required double harder;
    required double entropy;
    required group passes (LIST) { repeated group list { required double element; } }
    required group drawn (LIST) { repeated group list { required int64 element (INTEGER(64, false)); } }
    required double seconds;
}";
/// The keys of what stands beside the columns.
const FORMAT: (&str, &str) = ("study.format", "1");
const DIGEST: &str = "study.digest";
/// How the format begins.
const MAGIC: &[u8] = b"PAR1";
/// Values that a byte of a file can stand for at most; a file that claims more is damaged.
const VALUES_OF_A_BYTE: u64 = 4096;

/// The values of a column: of each row, one or, in a list, any number.
enum Cells {
    Text(Vec<Vec<ByteArray>>),
    Count(Vec<Vec<i64>>),
    Number(Vec<Vec<f64>>),
    Flag(Vec<Vec<bool>>),
}

/// The columns of the schema, in its order.
fn columns(runs: &[Kept]) -> Vec<Cells> {
    fn each<T>(runs: &[Kept], of: impl Fn(&Kept, &Point) -> Vec<T>) -> Vec<Vec<T>> {
        runs.iter().flat_map(|run| run.points.iter().map(|point| of(run, point))).collect()
    }
    let text = |of: &dyn Fn(&Kept) -> &str| Cells::Text(each(runs, |run, _| vec![of(run).into()]));
    let of_run =
        |of: &dyn Fn(&Kept) -> u64| Cells::Count(each(runs, |run, _| vec![of(run).cast_signed()]));
    let count =
        |of: &dyn Fn(&Point) -> u64| Cells::Count(each(runs, |_, point| vec![of(point).cast_signed()]));
    let number = |of: &dyn Fn(&Point) -> f64| Cells::Number(each(runs, |_, point| vec![of(point)]));
    let names = |run: &Kept| run.arms.iter().map(|arm| arm.name.as_str().into()).collect();
    let signed = |counts: &[u64]| counts.iter().map(|count| count.cast_signed()).collect();
    vec![
        text(&|run| &run.setting.workload),
        text(&|run| &run.setting.curriculum),
        of_run(&|run| run.setting.seed),
        Cells::Number(each(runs, |run, _| vec![run.setting.rate])),
        of_run(&|run| run.setting.tokens),
        of_run(&|run| run.stream.into()),
        Cells::Text(each(runs, |run, _| names(run))),
        Cells::Flag(each(runs, |run, _| run.arms.iter().map(|arm| arm.learnable).collect())),
        count(&|point| point.tokens),
        count(&|point| point.rollouts),
        count(&|point| point.steps),
        count(&|point| point.useful),
        number(&|point| point.pass),
        number(&|point| point.worst),
        number(&|point| point.harder),
        number(&|point| point.entropy),
        Cells::Number(each(runs, |_, point| point.passes.clone())),
        Cells::Count(each(runs, |_, point| signed(&point.drawn))),
        number(&|point| point.seconds),
    ]
}

/// A number that another content does not have: what is read must be what was written.
fn digest(columns: &[Cells]) -> String {
    fn add<T>(hash: &mut Xxh3, rows: &[Vec<T>], bytes: impl Fn(&mut Xxh3, &T)) {
        for row in rows {
            hash.update(&(row.len() as u64).to_le_bytes());
            row.iter().for_each(|value| bytes(hash, value));
        }
    }
    let mut hash = Xxh3::new();
    for cells in columns {
        match cells {
            Cells::Text(rows) => add(&mut hash, rows, |hash, text| {
                hash.update(&(text.len() as u64).to_le_bytes());
                hash.update(text.data());
            }),
            Cells::Count(rows) => add(&mut hash, rows, |hash, count| hash.update(&count.to_le_bytes())),
            Cells::Number(rows) => {
                add(&mut hash, rows, |hash, number| hash.update(&number.to_bits().to_le_bytes()));
            }
            Cells::Flag(rows) => add(&mut hash, rows, |hash, flag| hash.update(&[u8::from(*flag)])),
        }
    }
    format!("{:016x}", hash.digest())
}

/// The runs as a Parquet file.
pub fn bytes(runs: &[Kept]) -> Result<Vec<u8>, Fault> {
    let columns = columns(runs);
    written(&columns).map_err(|error| {
        let source = std::io::Error::other(error);
        Fault::Io { path: "a Parquet file in memory".into(), source }
    })
}

fn written(columns: &[Cells]) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let pair = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
    let said = vec![pair(FORMAT.0, FORMAT.1), pair(DIGEST, &digest(columns))];
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(said))
        .build();
    let about = SchemaDescriptor::new(schema.clone());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (cells, about) in columns.iter().zip(about.columns()) {
        let mut into = group.next_column()?.ok_or(ParquetError::EOF("a column".into()))?;
        let is_list = about.max_rep_level() > 0;
        match (into.untyped(), cells) {
            (ColumnWriter::ByteArrayColumnWriter(into), Cells::Text(rows)) => {
                let (values, levels) = flat(rows);
                into.write_batch(&values, levels.defined(is_list), levels.repeated(is_list))?;
            }
            (ColumnWriter::Int64ColumnWriter(into), Cells::Count(rows)) => {
                let (values, levels) = flat(rows);
                into.write_batch(&values, levels.defined(is_list), levels.repeated(is_list))?;
            }
            (ColumnWriter::DoubleColumnWriter(into), Cells::Number(rows)) => {
                let (values, levels) = flat(rows);
                into.write_batch(&values, levels.defined(is_list), levels.repeated(is_list))?;
            }
            (ColumnWriter::BoolColumnWriter(into), Cells::Flag(rows)) => {
                let (values, levels) = flat(rows);
                into.write_batch(&values, levels.defined(is_list), levels.repeated(is_list))?;
            }
            _ => return Err(ParquetError::General("a column of another type".into())),
        }
        into.close()?;
    }
    group.close()?;
    writer.into_inner()
}

/// How lists are told from each other: 1 where there is a value, 0 for a list without; 0 where a list begins.
struct Levels {
    defined: Vec<i16>,
    repeated: Vec<i16>,
}

impl Levels {
    fn defined(&self, is_list: bool) -> Option<&[i16]> {
        is_list.then_some(&self.defined)
    }

    fn repeated(&self, is_list: bool) -> Option<&[i16]> {
        is_list.then_some(&self.repeated)
    }
}

fn flat<T: Clone>(rows: &[Vec<T>]) -> (Vec<T>, Levels) {
    let mut levels = Levels { defined: Vec::new(), repeated: Vec::new() };
    for row in rows {
        for place in 0..row.len().max(1) {
            levels.defined.push(i16::from(!row.is_empty()));
            levels.repeated.push(i16::from(place > 0));
        }
    }
    (rows.concat(), levels)
}

/// Reads what [`bytes`] made.
///
/// # Errors
/// [`Fault::Foreign`] for what the study did not write, [`Fault::Damaged`] for what is not as it was written.
pub fn read(path: &Path) -> Result<Vec<Kept>, Fault> {
    let mut file = File::open(path).map_err(Fault::io(path))?;
    let mut head = Vec::new();
    (&mut file).take(MAGIC.len() as u64).read_to_end(&mut head).map_err(Fault::io(path))?;
    let foreign = |what: String| Fault::Foreign { path: path.to_path_buf(), what };
    let damaged = |what: String| Fault::Damaged { path: path.to_path_buf(), what };
    if head != MAGIC {
        return Err(foreign("it is no Parquet file".into()));
    }
    match guarded(|| Reading::of(file)) {
        None => Err(damaged("it cannot be read".into())),
        Some(Err(Refusal::Foreign(what))) => Err(foreign(what)),
        Some(Err(Refusal::Damaged(what))) => Err(damaged(what)),
        Some(Ok(runs)) => match runs.iter().find_map(Kept::disorder) {
            None => Ok(runs),
            Some(what) => Err(damaged(what)),
        },
    }
}

enum Refusal {
    Foreign(String),
    Damaged(String),
}

impl From<ParquetError> for Refusal {
    fn from(error: ParquetError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// The columns of a file that were not taken yet.
struct Reading(std::vec::IntoIter<Cells>);

impl Reading {
    fn of(file: File) -> Result<Vec<Kept>, Refusal> {
        let size = file.metadata().map_err(|error| Refusal::Damaged(error.to_string()))?.len();
        let file = SerializedFileReader::new(file)?;
        let about = file.metadata().file_metadata();
        let said = |key: &str| {
            let all = about.key_value_metadata().into_iter().flatten();
            all.filter(|pair| pair.key == key).find_map(|pair| pair.value.clone())
        };
        match said(FORMAT.0) {
            Some(format) if format == FORMAT.1 => {}
            Some(format) => return Err(Refusal::Foreign(format!("its format is {format:?}"))),
            None => return Err(Refusal::Foreign("it does not name its format".into())),
        }
        let expected = parse_message_type(SCHEMA)?;
        let expected = SchemaDescriptor::new(Arc::new(expected));
        let kinds = |of: &SchemaDescriptor| -> Vec<_> {
            let kind = |column: &ColumnDescPtr| {
                let levels = (column.max_def_level(), column.max_rep_level());
                (column.path().string(), column.physical_type(), levels)
            };
            of.columns().iter().map(kind).collect()
        };
        if kinds(about.schema_descr()) != kinds(&expected) {
            return Err(Refusal::Foreign("its columns are others".into()));
        }
        let rows: u64 =
            file.metadata().row_groups().iter().map(|group| group.num_rows().max(0) as u64).sum();
        if rows.saturating_mul(expected.num_columns() as u64) > size.saturating_mul(VALUES_OF_A_BYTE) {
            return Err(Refusal::Damaged(format!("it claims {rows} rows")));
        }
        let mut columns = Vec::new();
        for index in 0..expected.num_columns() {
            columns.push(column(&file, index)?);
        }
        if said(DIGEST) != Some(digest(&columns)) {
            return Err(Refusal::Damaged("its values are not those that were written".into()));
        }
        Self(columns.into_iter()).runs()
    }

    fn runs(mut self) -> Result<Vec<Kept>, Refusal> {
        let workloads = self.texts()?;
        let mut curricula = self.texts()?.into_iter();
        let mut seeds = self.counts()?.into_iter();
        let mut rates = self.numbers()?.into_iter();
        let mut budgets = self.counts()?.into_iter();
        let mut streams = self.counts()?.into_iter();
        let mut names = self.texts()?.into_iter();
        let mut learnable = match self.0.next() {
            Some(Cells::Flag(rows)) => rows.into_iter(),
            _ => return Err(missing()),
        };
        let [mut tokens, mut rollouts, mut steps, mut useful] =
            [self.counts()?, self.counts()?, self.counts()?, self.counts()?].map(Vec::into_iter);
        let [mut pass, mut worst, mut harder, mut entropy] =
            [self.numbers()?, self.numbers()?, self.numbers()?, self.numbers()?].map(Vec::into_iter);
        let mut passes = self.numbers()?.into_iter();
        let mut drawn = self.counts()?.into_iter();
        let mut seconds = self.numbers()?.into_iter();
        let mut runs: Vec<Kept> = Vec::new();
        for workload in workloads {
            let setting = Setting {
                workload: one(Some(workload))?,
                curriculum: one(curricula.next())?,
                seed: one(seeds.next())?,
                rate: one(rates.next())?,
                tokens: one(budgets.next())?,
            };
            let stream = u32::try_from(one(streams.next())?).map_err(|_| missing())?;
            let names = names.next().ok_or_else(missing)?;
            let learnable = learnable.next().ok_or_else(missing)?;
            if names.len() != learnable.len() {
                return Err(missing());
            }
            let arm = |(name, learnable)| Arm { name, learnable };
            let arms: Vec<Arm> = names.into_iter().zip(learnable).map(arm).collect();
            let point = Point {
                tokens: one(tokens.next())?,
                rollouts: one(rollouts.next())?,
                steps: one(steps.next())?,
                useful: one(useful.next())?,
                pass: one(pass.next())?,
                worst: one(worst.next())?,
                harder: one(harder.next())?,
                entropy: one(entropy.next())?,
                passes: passes.next().ok_or_else(missing)?,
                drawn: drawn.next().ok_or_else(missing)?,
                seconds: one(seconds.next())?,
            };
            match runs.last_mut() {
                Some(run) if crate::store::is_same(&run.setting, &setting) => run.points.push(point),
                _ => runs.push(Kept { setting, stream, arms, points: vec![point] }),
            }
        }
        Ok(runs)
    }

    fn texts(&mut self) -> Result<Vec<Vec<String>>, Refusal> {
        let Some(Cells::Text(rows)) = self.0.next() else { return Err(missing()) };
        let text = |text: ByteArray| String::from_utf8(text.data().to_vec()).map_err(|_| missing());
        rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect()
    }

    fn counts(&mut self) -> Result<Vec<Vec<u64>>, Refusal> {
        let Some(Cells::Count(rows)) = self.0.next() else { return Err(missing()) };
        Ok(rows.into_iter().map(|row| row.into_iter().map(i64::cast_unsigned).collect()).collect())
    }

    fn numbers(&mut self) -> Result<Vec<Vec<f64>>, Refusal> {
        match self.0.next() {
            Some(Cells::Number(rows)) => Ok(rows),
            _ => Err(missing()),
        }
    }
}

fn missing() -> Refusal {
    Refusal::Damaged("a value is missing".into())
}

/// The one value of a row.
fn one<T>(row: Option<Vec<T>>) -> Result<T, Refusal> {
    row.and_then(|row| row.into_iter().next()).ok_or_else(missing)
}

/// A column of all groups of rows.
fn column(file: &SerializedFileReader<File>, index: usize) -> Result<Cells, Refusal> {
    let about = file.metadata().file_metadata().schema_descr().column(index);
    let mut cells = match about.physical_type() {
        Physical::BYTE_ARRAY => Cells::Text(Vec::new()),
        Physical::INT64 => Cells::Count(Vec::new()),
        Physical::DOUBLE => Cells::Number(Vec::new()),
        Physical::BOOLEAN => Cells::Flag(Vec::new()),
        _ => return Err(missing()),
    };
    let is_list = about.max_rep_level() > 0;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        let rows = group.metadata().num_rows().max(0) as usize;
        match (&mut cells, group.get_column_reader(index)?) {
            (Cells::Text(cells), ColumnReader::ByteArrayColumnReader(reader)) => {
                cells.extend(lists(reader, rows, is_list)?);
            }
            (Cells::Count(cells), ColumnReader::Int64ColumnReader(reader)) => {
                cells.extend(lists(reader, rows, is_list)?);
            }
            (Cells::Number(cells), ColumnReader::DoubleColumnReader(reader)) => {
                cells.extend(lists(reader, rows, is_list)?);
            }
            (Cells::Flag(cells), ColumnReader::BoolColumnReader(reader)) => {
                cells.extend(lists(reader, rows, is_list)?);
            }
            _ => return Err(missing()),
        }
    }
    Ok(cells)
}

/// The values of each row: one, or those of its list.
fn lists<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    is_list: bool,
) -> Result<Vec<Vec<T::T>>, Refusal> {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = 0;
    while seen < rows {
        let (records, ..) =
            reader.read_records(rows - seen, Some(&mut defined), Some(&mut repeated), &mut values)?;
        if records == 0 {
            return Err(missing());
        }
        seen += records;
    }
    let mut values = values.into_iter();
    if !is_list {
        return Ok(values.map(|value| vec![value]).collect());
    }
    let mut lists: Vec<Vec<T::T>> = Vec::new();
    for (is_there, is_further) in defined.into_iter().zip(repeated) {
        if is_further == 0 {
            lists.push(Vec::new());
        }
        if is_there > 0 {
            lists
                .last_mut()
                .zip(values.next())
                .map(|(list, value)| list.push(value))
                .ok_or_else(missing)?;
        }
    }
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn runs() -> Vec<Kept> {
        let run = |workload: &str, seed| {
            let (workload, curriculum) = (workload.to_owned(), "default".to_owned());
            synthetic::kept(&Setting { workload, curriculum, seed, rate: 0.1 + 0.2, tokens: 6000 })
        };
        vec![run("steps", 1), run("steps", 2), run("ladder with noise", u64::MAX)]
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.parquet");
        for runs in [runs(), runs()[2..].to_vec(), Vec::new()] {
            std::fs::write(&path, bytes(&runs).unwrap()).unwrap();
            assert_eq!(read(&path).unwrap(), runs);
        }
    }

    /// What is not known is not a number, and stays so; a workload may have no arms.
    #[test]
    fn unknown_values_and_empty_lists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.parquet");
        let mut run = runs().swap_remove(0);
        run.arms.clear();
        for point in &mut run.points {
            point.passes.clear();
            point.drawn.clear();
            point.harder = f64::NAN;
        }
        std::fs::write(&path, bytes(&[run]).unwrap()).unwrap();
        let back = read(&path).unwrap();
        assert!(back[0].points.iter().all(|point| point.harder.is_nan() && point.passes.is_empty()));
    }

    /// A bit that is another is seen, or is of no matter.
    #[test]
    fn damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.parquet");
        let run = &runs()[..1];
        let good = bytes(run).unwrap();
        let mut seen = 0;
        for at in (0..good.len()).step_by(4) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at / 4 % 8);
            std::fs::write(&path, &bad).unwrap();
            match read(&path) {
                Ok(read) => assert_eq!(read, run, "byte {at}"),
                Err(Fault::Damaged { path: named, .. } | Fault::Foreign { path: named, .. }) => {
                    assert_eq!(named, path);
                    seen += 1;
                }
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
        assert!(8 * seen > good.len(), "{seen} of {}", good.len());
        for length in (0..good.len()).step_by(97) {
            std::fs::write(&path, &good[..length]).unwrap();
            assert!(read(&path).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn files_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.parquet");
        let table = curricle::table::Table::new(Default::default(), vec![1, 2]).unwrap();
        table.write_parquet(&path).unwrap();
        assert!(matches!(read(&path), Err(Fault::Foreign { .. })));
        let missing = folder.path().join("missing");
        assert!(matches!(read(&missing), Err(Fault::Io { path, .. }) if path == missing));
    }
}
