//! A matrix in a safetensors file, read some rows at a time.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use safetensors::Dtype;
use safetensors::tensor::Metadata;

use crate::fault::Fault;

/// The longest header that is read; the format allows no longer one.
const LONGEST_HEADER: u64 = 100_000_000;

/// An open matrix.
pub struct TensorFile {
    path: PathBuf,
    file: File,
    /// Where its first number stands in the file.
    start: u64,
    /// The type of its numbers.
    pub dtype: Dtype,
    /// How many rows it has.
    pub rows: usize,
    /// Numbers in a row.
    pub dim: usize,
}

impl TensorFile {
    /// Opens the matrix of a name, checking that the file holds all of it.
    pub fn open(path: &Path, name: &str) -> Result<Self, Fault> {
        let fault = |what: String| Fault::file(path, what);
        let mut file = File::open(path).map_err(|error| Fault::file(path, error))?;
        let size = file.metadata().map_err(|error| Fault::file(path, error))?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| fault("not a safetensors file".into()))?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER || length > size - 8 {
            return Err(fault("not a safetensors file".into()));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(|error| Fault::file(path, error))?;
        let header: Metadata = serde_json::from_slice(&header)
            .map_err(|error| fault(format!("not a safetensors file: {error}")))?;
        let tensor = header.info(name).ok_or_else(|| fault(format!("no tensor `{name}`")))?;
        let &[rows, dim] = tensor.shape.as_slice() else {
            return Err(fault(format!(
                "`{name}` has the shape {:?}, not [rows, columns]",
                tensor.shape
            )));
        };
        if dim == 0 {
            return Err(fault(format!("`{name}` has rows of no numbers")));
        }
        let end = 8 + length + tensor.data_offsets.1 as u64;
        if end > size {
            return Err(fault(format!("{size} bytes, `{name}` ends at {end}")));
        }
        let start = 8 + length + tensor.data_offsets.0 as u64;
        Ok(Self { path: path.to_path_buf(), file, start, dtype: tensor.dtype, rows, dim })
    }

    /// Appends some rows to a list.
    pub fn read<E: Pod>(&mut self, rows: Range<usize>, into: &mut Vec<E>) -> Result<(), Fault> {
        let before = into.len();
        into.resize(before + rows.len() * self.dim, E::zeroed());
        let at = self.start + (rows.start * self.dim * size_of::<E>()) as u64;
        let bytes = bytemuck::cast_slice_mut(&mut into[before..]);
        let read = self.file.seek(SeekFrom::Start(at)).and_then(|_| self.file.read_exact(bytes));
        read.map_err(|error| Fault::file(&self.path, error))
    }
}

#[cfg(target_endian = "big")]
compile_error!("the numbers of a safetensors file are little-endian");
