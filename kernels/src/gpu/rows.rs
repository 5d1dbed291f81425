//! Rows of numbers on a device, as burn holds them.

use burn::backend::DispatchDevice;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::Client;
use cubecl::server::Handle;
use half::{bf16, f16};

use super::limits::device;
use crate::{Element, Error};

/// Rows of numbers `[rows, dim]` in a burn tensor, in one of the three types that the kernels read.
///
/// burn's wgpu backend has no `bf16`, so those numbers come two to a `u32`, the even one in the low
/// half: the bytes of a `bf16` row of even length as they lie in memory on a little-endian machine.
/// A tensor that is not contiguous is copied on the device first; autodiff is dropped. A few
/// devices have no `f16`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Rows {
    /// `f32` or `f16`, `[rows, dim]`.
    Float(Tensor<2>),
    /// `bf16` as `u32` words, `[rows, dim / 2]`.
    Brain(Tensor<2, Int>),
}

impl Rows {
    /// Puts `values`, row after row of `dim`, on a device.
    ///
    /// # Errors
    /// [`Error::Shape`] if `values` is no whole number of rows, [`Error::OddRow`] for `bf16` with an
    /// odd `dim`, [`Error::TooLarge`] for more bytes than the device keeps in one buffer.
    pub fn upload<E: Upload>(values: &[E], dim: usize, device: &Device) -> Result<Self, Error> {
        if dim == 0 || !values.len().is_multiple_of(dim) {
            return Err(Error::Shape { len: values.len(), dim });
        }
        // Other backends than this one may not be in the build.
        #[allow(irrefutable_let_patterns)]
        if let DispatchDevice::Cube(cube) = device.clone().inner().as_dispatch() {
            let most = cube.client().properties().memory.max_page_size;
            let bytes = size_of_val(values) as u64;
            if bytes > most {
                return Err(Error::TooLarge { bytes, most });
            }
        }
        E::upload(values, dim, device)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Rows::Float(tensor) => tensor.dims()[0],
            Rows::Brain(words) => words.dims()[0],
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many numbers a row has.
    pub fn dim(&self) -> usize {
        match self {
            Rows::Float(tensor) => tensor.dims()[1],
            Rows::Brain(words) => 2 * words.dims()[1],
        }
    }

    /// One row, read back.
    pub(super) fn row(&self, row: usize) -> Result<Vec<f32>, Error> {
        match self {
            Rows::Float(tensor) => {
                let row = tensor.clone().inner().slice([row..row + 1, 0..self.dim()]).cast(DType::F32);
                row.try_into_data().map_err(device)?.try_into_vec_as().map_err(device)
            }
            Rows::Brain(words) => {
                let row = words.clone().inner().slice([row..row + 1, 0..self.dim() / 2]);
                let words = row.try_into_data().map_err(device)?.try_into_vec_as().map_err(device)?;
                Ok(unpacked(&words))
            }
        }
    }

    /// The device that the rows lie on, without autodiff.
    pub fn device(&self) -> Device {
        match self {
            Rows::Float(tensor) => tensor.device(),
            Rows::Brain(words) => words.device(),
        }
        .inner()
    }

    /// Whether the rows lie where the kernels run: on a device of burn's cubecl backend.
    pub fn on_gpu(&self) -> bool {
        matches!(self.device().as_dispatch(), DispatchDevice::Cube(_))
    }

    /// The buffer behind the tensor, without a copy if it is contiguous.
    pub(super) fn held(&self) -> Result<Held, Error> {
        let (tensor, kind) = match self {
            Rows::Float(tensor) if !self.device().supports_dtype(tensor.dtype()) => {
                return Err(Error::DType { dtype: tensor.dtype().name() });
            }
            Rows::Float(tensor) => {
                let kind = match tensor.dtype() {
                    DType::F32 => Kind::F32,
                    DType::F16 => Kind::F16,
                    other => return Err(Error::DType { dtype: other.name() }),
                };
                (float(tensor.clone())?, kind)
            }
            Rows::Brain(words) => {
                if words.dtype() != DType::U32 {
                    return Err(Error::DType { dtype: words.dtype().name() });
                }
                (int(words.clone())?, Kind::Brain)
            }
        };
        let tensor = into_contiguous(tensor);
        let bytes = tensor.handle.size_in_used();
        if u32::try_from(self.len()).is_err() || bytes / 2 > u64::from(u32::MAX) {
            return Err(Error::TooLarge { bytes, most: 2 * u64::from(u32::MAX) });
        }
        Ok(Held {
            client: tensor.client,
            handle: tensor.handle,
            rows: self.len(),
            dim: self.dim(),
            kind,
        })
    }
}

/// The numbers in words of two `bf16`.
pub(super) fn unpacked(words: &[u32]) -> Vec<f32> {
    let halves = words.iter().flat_map(|word| [*word as u16, (word >> 16) as u16]);
    halves.map(|bits| bf16::from_bits(bits).to_f32()).collect()
}

/// How a number lies in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    F32,
    F16,
    /// Two `bf16` in a `u32`.
    Brain,
}

impl Kind {
    /// What it is called, as burn calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::F32 => "f32",
            Kind::F16 => "f16",
            Kind::Brain => "bf16",
        }
    }

    /// Numbers in one scalar of the buffer.
    pub(super) fn parts(self) -> usize {
        if self == Kind::Brain { 2 } else { 1 }
    }
}

/// Contiguous rows on a device, as a kernel binds them.
pub(super) struct Held {
    pub(super) client: Client,
    pub(super) handle: Handle,
    pub(super) rows: usize,
    pub(super) dim: usize,
    pub(super) kind: Kind,
}

fn float(tensor: Tensor<2>) -> Result<CubeTensor, Error> {
    let dtype = tensor.dtype();
    let tensor = tensor
        .inner()
        .try_into_primitive::<burn_wgpu::Wgpu>()
        .map_err(|_| Error::DType { dtype: dtype.name() })?;
    let client = tensor.client.clone();
    Ok(client.resolve_tensor_float::<CubeBackend>(tensor))
}

fn int(tensor: Tensor<2, Int>) -> Result<CubeTensor, Error> {
    let dtype = tensor.dtype();
    let tensor = tensor
        .inner()
        .try_into_primitive::<burn_wgpu::Wgpu>()
        .map_err(|_| Error::DType { dtype: dtype.name() })?;
    let client = tensor.client.clone();
    Ok(client.resolve_tensor_int::<CubeBackend>(tensor))
}

/// A type of number that can be put on a device as [`Rows`].
pub trait Upload: Element {
    /// Puts `values` on a device as rows of `dim`, which divides their number.
    ///
    /// # Errors
    /// If the type cannot be laid out in rows of `dim`.
    fn upload(values: &[Self], dim: usize, device: &Device) -> Result<Rows, Error>;
}

impl Upload for f32 {
    fn upload(values: &[f32], dim: usize, device: &Device) -> Result<Rows, Error> {
        let data = TensorData::new(values.to_vec(), [values.len() / dim, dim]);
        Ok(Rows::Float(Tensor::from_data(data, (device, DType::F32))))
    }
}

impl Upload for f16 {
    fn upload(values: &[f16], dim: usize, device: &Device) -> Result<Rows, Error> {
        let data = TensorData::new(values.to_vec(), [values.len() / dim, dim]);
        Ok(Rows::Float(Tensor::from_data(data, (device, DType::F16))))
    }
}

impl Upload for bf16 {
    fn upload(values: &[bf16], dim: usize, device: &Device) -> Result<Rows, Error> {
        if !dim.is_multiple_of(2) {
            return Err(Error::OddRow { dim });
        }
        let pack = |pair: &[bf16]| u32::from(pair[0].to_bits()) | u32::from(pair[1].to_bits()) << 16;
        let words: Vec<u32> = values.chunks_exact(2).map(pack).collect();
        let data = TensorData::new(words, [values.len() / dim, dim / 2]);
        Ok(Rows::Brain(Tensor::from_data(data, (device, DType::U32))))
    }
}
