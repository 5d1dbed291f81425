//! Hidden states in one file, or in many: the rows of each after those of the one before.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use safetensors::Dtype;

use crate::fault::Fault;
use crate::tensor_file::{TensorFile, Wanted};

/// All rows.
pub struct States {
    parts: Vec<Part>,
    /// Whether each file holds the rows of one request.
    pub by_request: bool,
    /// The type of the numbers.
    pub dtype: Dtype,
    /// How many rows there are.
    pub rows: usize,
    /// Numbers in a row.
    pub dim: usize,
}

struct Part {
    tensor: TensorFile,
    /// Which row of all is its first.
    first: usize,
}

impl States {
    /// Opens files, or those of a folder in the order of their names.
    pub fn open(paths: &[PathBuf], wanted: Wanted<'_>) -> Result<Self, Fault> {
        let (files, by_request) = match paths {
            [folder] if folder.is_dir() => (files_of(folder)?, true),
            files => (files.to_vec(), false),
        };
        let mut parts: Vec<Part> = Vec::with_capacity(files.len());
        let mut rows = 0usize;
        for path in &files {
            let mut tensor = TensorFile::open(path, wanted)?;
            // There may be more files than a process can have open.
            tensor.close();
            if let Some(Part { tensor: before, .. }) = parts.first()
                && (tensor.dtype, tensor.dim) != (before.dtype, before.dim)
            {
                let (found, expected) = ((tensor.dtype, tensor.dim), (before.dtype, before.dim));
                let what = format!(
                    "rows of {} {:?}, those of {} are of {} {:?}",
                    found.1,
                    found.0,
                    before.path().display(),
                    expected.1,
                    expected.0
                );
                return Err(Fault::file(path, what));
            }
            let first = rows;
            rows = rows
                .checked_add(tensor.rows)
                .ok_or_else(|| Fault::file(path, "more rows than can be counted"))?;
            parts.push(Part { tensor, first });
        }
        let Some(Part { tensor, .. }) = parts.first() else {
            return Err(Fault::Input("no file of hidden states".into()));
        };
        let (dtype, dim) = (tensor.dtype, tensor.dim);
        Ok(Self { parts, by_request, dtype, rows, dim })
    }

    /// The rows of each file by the name of the file without its ending, which is the name of its
    /// request.
    pub fn requests(&self) -> Result<BTreeMap<String, Range<usize>>, Fault> {
        let mut all = BTreeMap::new();
        for Part { tensor, first } in &self.parts {
            let name = tensor.path().file_stem().map(|name| name.to_string_lossy().into_owned());
            let rows = *first..first + tensor.rows;
            if all.insert(name.unwrap_or_default(), rows).is_some() {
                return Err(Fault::file(tensor.path(), "another file has the same name"));
            }
        }
        Ok(all)
    }

    /// Which row of which file a row is, as a person should read it.
    pub fn name_of(&self, row: usize) -> (&Path, String) {
        let part = self.parts.partition_point(|part| part.first <= row).saturating_sub(1);
        let Part { tensor, first } = &self.parts[part];
        (tensor.path(), format!("row {} of `{}`", row - first, tensor.name))
    }

    /// Appends some rows to a list.
    pub fn read<E: Pod>(&mut self, rows: Range<usize>, into: &mut Vec<E>) -> Result<(), Fault> {
        let mut from = rows.start;
        let mut part = self.parts.partition_point(|part| part.first + part.tensor.rows <= from);
        while from < rows.end {
            let Part { tensor, first } = &mut self.parts[part];
            let to = rows.end.min(*first + tensor.rows);
            tensor.read(from - *first..to - *first, into)?;
            if self.parts.len() > 1 {
                self.parts[part].tensor.close();
            }
            (from, part) = (to, part + 1);
        }
        Ok(())
    }
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let io = |error: std::io::Error| Fault::file(folder, error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|kind| kind == "safetensors") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Fault::file(folder, "no file whose name ends in .safetensors"));
    }
    Ok(files)
}
