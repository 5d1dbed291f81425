//! Rows of a tensor in a safetensors file, read some at a time.

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

/// Which tensor of a file to read.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its name, or several of which the first that is there is taken.
    pub names: &'a [&'a str],
    /// Which layer of one that has several.
    pub layer: Option<usize>,
    /// Whether it may have layers at all: `[tokens, layers, dim]`.
    pub layers: bool,
}

/// The rows of one tensor.
pub struct TensorFile {
    path: PathBuf,
    /// Open between reads, unless it was closed.
    file: Option<File>,
    /// What the tensor is called.
    pub name: String,
    /// Where its first row stands in the file.
    start: u64,
    /// Numbers from the start of a row to that of the next.
    stride: usize,
    /// The type of its numbers.
    pub dtype: Dtype,
    /// How many rows it has.
    pub rows: usize,
    /// Numbers in a row.
    pub dim: usize,
}

impl TensorFile {
    /// Opens a tensor, checking that the file holds all that it says, and nothing else.
    pub fn open(path: &Path, wanted: Wanted<'_>) -> Result<Self, Fault> {
        let fault = |what: String| Fault::file(path, what);
        let io = |error: std::io::Error| Fault::file(path, error);
        let about = std::fs::metadata(path).map_err(io)?;
        if !about.is_file() {
            let what = if about.is_dir() { "a folder" } else { "a pipe or a device" };
            return Err(fault(format!("{what}; rows are read in any order, which takes a file")));
        }
        let mut file = File::open(path).map_err(io)?;
        let size = about.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| fault("not a safetensors file".into()))?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER || length > size - 8 {
            return Err(fault("not a safetensors file".into()));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(io)?;
        let header: Metadata = serde_json::from_slice(&header)
            .map_err(|error| fault(format!("not a safetensors file: {error}")))?;
        let found = wanted.names.iter().find_map(|&name| Some((name, header.info(name)?)));
        let Some((name, tensor)) = found else {
            let [wanted, there] =
                [wanted.names.to_vec(), header.offset_keys().iter().map(String::as_str).collect()].map(
                    |names| {
                        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
                    },
                );
            let there = if there.is_empty() { "none".into() } else { there };
            return Err(fault(format!("no tensor {wanted}, there is {there}")));
        };
        let end = 8 + length + tensor.data_offsets.1 as u64;
        if end > size {
            return Err(fault(format!("{size} bytes, `{name}` ends at {end}")));
        }
        let all = 8 + length + header.data_len() as u64;
        if all != size {
            return Err(fault(format!("{size} bytes, the last tensor ends at {all}")));
        }
        let tokens = header.info("token_ids").map(|ids| ids.shape.iter().product());
        let shape = Shape::of(&tensor.shape, tokens, wanted)
            .map_err(|what| fault(format!("`{name}` has the shape {:?}, {what}", tensor.shape)))?;
        let bytes = tensor.dtype.bitsize() / 8;
        Ok(Self {
            path: path.to_path_buf(),
            file: Some(file),
            name: name.to_owned(),
            start: 8 + length + (tensor.data_offsets.0 + shape.first * bytes) as u64,
            stride: shape.stride,
            dtype: tensor.dtype,
            rows: shape.rows,
            dim: shape.dim,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file until the next read.
    pub fn close(&mut self) {
        self.file = None;
    }

    /// Appends some rows to a list.
    pub fn read<E: Pod>(&mut self, rows: Range<usize>, into: &mut Vec<E>) -> Result<(), Fault> {
        let Self { path, file, start, stride, dim, .. } = self;
        let io = |error: std::io::Error| Fault::file(path, error);
        let file = match file {
            Some(file) => file,
            closed => closed.insert(File::open(&*path).map_err(io)?),
        };
        let before = into.len();
        into.resize(before + rows.len() * *dim, E::zeroed());
        let at = |row: usize| *start + (row * *stride * size_of::<E>()) as u64;
        let mut read = |row: usize, into: &mut [E]| {
            file.seek(SeekFrom::Start(at(row))).map_err(io)?;
            file.read_exact(bytemuck::cast_slice_mut(into)).map_err(io)
        };
        if stride == dim {
            return read(rows.start, &mut into[before..]);
        }
        for (row, into) in rows.zip(into[before..].chunks_exact_mut(*dim)) {
            read(row, into)?;
        }
        Ok(())
    }
}

/// Where the rows of a tensor lie, in numbers.
struct Shape {
    first: usize,
    stride: usize,
    rows: usize,
    dim: usize,
}

impl Shape {
    /// The rows of a tensor; `tokens` says how many there are, if the file knows.
    fn of(shape: &[usize], tokens: Option<usize>, wanted: Wanted<'_>) -> Result<Self, String> {
        let expected = if wanted.layers {
            "not [tokens, dim] or [tokens, layers, dim]"
        } else {
            "not [rows, columns]"
        };
        let found = match *shape {
            [rows, dim] => Self { first: 0, stride: dim, rows, dim },
            [a, b, dim] if wanted.layers => {
                // Which axis comes first is told by the number of tokens alone; by the format it is
                // theirs.
                let tokens_first = tokens.is_none_or(|tokens| a == tokens || b != tokens);
                let (rows, layers) = if tokens_first { (a, b) } else { (b, a) };
                let layer = match wanted.layer {
                    Some(layer) if layer < layers => layer,
                    Some(layer) => return Err(format!("there is no layer {layer}")),
                    None if layers == 1 => 0,
                    None => return Err(format!("one of {layers} layers must be chosen by --layer")),
                };
                let (first, stride) =
                    if tokens_first { (layer * dim, layers * dim) } else { (layer * rows * dim, dim) };
                Self { first, stride, rows, dim }
            }
            _ => return Err(expected.into()),
        };
        match (tokens, wanted.layer, shape.len()) {
            _ if found.dim == 0 => Err("rows of no numbers".into()),
            (Some(tokens), ..) if tokens != found.rows => {
                Err(format!("and there are {tokens} `token_ids`"))
            }
            (_, Some(layer), 2) => Err(format!("there is no layer {layer}")),
            _ => Ok(found),
        }
    }
}

#[cfg(target_endian = "big")]
compile_error!("the numbers of a safetensors file are little-endian");
