//! The same sums by burn's own operations, on any of its devices.
//!
//! For rows that lie on a backend without the kernels, and the reference that the kernels are tested
//! against. Several passes over memory; the kernels take one.

use burn::tensor::{DType, Int, Tensor, TensorData};

use super::Rows;
use super::limits::device;
use super::logits::{faulty, sums};
use super::plan::Plan;
use super::rows::unpacked;
use crate::Error;
use crate::angle::{Dots, EPSILON, Spans};
use crate::logits::RowSums;

/// `2^40` and `2^-90`: an element of at most the one has a square that can be summed, and so has any other times the
/// other.
const LARGE: f32 = 1.099_511_6e12;
const SCALE: f32 = 8.077_936e-28;

/// [`super::angle::dots`] by burn's operations, in `f32`: rows with an element above `2^40` are made smaller by a
/// power of two before they are squared. (Not by their greatest element: a device may divide by way of the
/// reciprocal, and that of a number above `2^126` is 0 where small numbers are flushed.)
///
/// # Errors
/// [`Error::OutOfRange`] and [`Error::NonFinite`] as there, [`Error::Device`].
pub fn dots(states: &Rows, spans: &[Spans]) -> Result<Vec<Dots>, Error> {
    let rows = states.len();
    let plan = Plan::groups(spans, rows, usize::MAX)?.remove(0);
    if rows == 0 || states.dim() == 0 || spans.is_empty() {
        return Ok(vec![Dots::default(); spans.len()]);
    }
    let x = widened(states)?;
    let greatest = x.clone().abs().max_dim(1);
    let finite = numbers(x.clone().is_finite().all_dim(1).int().float())?;
    for range in &plan.segments {
        if let Some(row) = range.clone().find(|&row| finite[row] == 0.0) {
            let first =
                plan.segments.iter().flat_map(Clone::clone).filter(|&row| finite[row] == 0.0).min();
            return Err(Error::NonFinite { row: first.unwrap_or(row) });
        }
    }
    let is_large = greatest.clone().greater_elem(LARGE);
    let scale = Tensor::ones_like(&greatest).mask_fill(is_large, SCALE);
    let y = x * scale.clone();
    // The length in the scale of `y`, where its square does not overflow.
    let least = scale * EPSILON as f32;
    let norm = y.clone().square().sum_dim(1).sqrt();
    let u = y / norm.max_pair(least);
    let squares = numbers(u.clone().square().sum_dim(1))?;
    let sum = |range: &std::ops::Range<usize>| {
        if range.is_empty() {
            Tensor::zeros([1, states.dim()], (&u.device(), DType::F32))
        } else {
            u.clone().slice([range.clone(), 0..states.dim()]).sum_dim(0)
        }
    };
    let sums = Tensor::cat(plan.segments.iter().map(sum).collect(), 0);
    let chosen = |which: usize| {
        let indices: Vec<i32> = plan.samples.iter().map(|sample| sample[which] as i32).collect();
        let indices = TensorData::new(indices, [plan.samples.len()]);
        sums.clone().select(0, Tensor::<1, Int>::from_data(indices, (&sums.device(), DType::I32)))
    };
    let (question, prefix) = (chosen(0), chosen(1));
    let intra = numbers(question.clone().square().sum_dim(1))?;
    let inter = numbers((question * prefix).sum_dim(1))?;
    let sample = |(index, sample): (usize, &[u32; 2])| {
        let range = plan.segments[sample[0] as usize].clone();
        Dots {
            question: f64::from(intra[index]),
            diagonal: range.map(|row| f64::from(squares[row])).sum(),
            inter: f64::from(inter[index]),
        }
    };
    Ok(plan.samples.iter().enumerate().map(sample).collect())
}

/// [`super::logits::row_sums`] by burn's operations, in `f32`.
///
/// # Errors
/// [`Error::Shape`] for rows without a value, [`Error::Device`].
pub fn row_sums(logits: &Rows) -> Result<Vec<RowSums>, Error> {
    let (rows, dim) = (logits.len(), logits.dim());
    if dim == 0 {
        return Err(Error::Shape { len: 0, dim });
    }
    if rows == 0 {
        return Ok(Vec::new());
    }
    let z = widened(logits)?;
    let masked = z.clone().equal_elem(f32::NEG_INFINITY);
    let unsound = z.clone().is_nan().int() + z.clone().equal_elem(f32::INFINITY).int();
    let unsound = numbers(unsound.sum_dim(1).float())?;
    let finite = numbers(masked.bool_not().int().sum_dim(1).float())?;
    let max = z.clone().max_dim(1);
    let range = TensorData::new((0..dim as i32).collect::<Vec<_>>(), [1, dim]);
    let index = Tensor::<2, Int>::from_data(range, (&z.device(), DType::I32)).repeat_dim(0, rows);
    let elsewhere = z.clone().not_equal(max.clone().repeat_dim(1, dim));
    let argmax = index.clone().mask_fill(elsewhere, dim as i32).min_dim(1);
    let top = index.equal(argmax.clone().repeat_dim(1, dim));
    // -1e4 stands for a difference whose exponential is zero.
    let d = (z.clone() - max.clone()).clamp_min(-1e4);
    let e = d.clone().exp().mask_fill(top.clone(), 0.0);
    let r = numbers(e.clone().sum_dim(1))?;
    let a = numbers((e.clone() * d).sum_dim(1))?;
    let q = numbers(e.square().sum_dim(1))?;
    let second = numbers(z.mask_fill(top, f32::NEG_INFINITY).max_dim(1))?;
    let max = numbers(max)?;
    let argmax = numbers(argmax.float())?;
    let one = |row: usize| {
        if unsound[row] > 0.0 {
            return faulty(logits, row);
        }
        let floats = [max[row], second[row], r[row], a[row], q[row]];
        Ok(sums(&floats, argmax[row] as u64, finite[row] as u64))
    };
    (0..rows).map(one).collect()
}

/// The rows as `f32` on their device. burn has no operation that takes words apart, so `bf16` words
/// go through the host.
fn widened(rows: &Rows) -> Result<Tensor<2>, Error> {
    match rows {
        Rows::Float(tensor) => Ok(tensor.clone().inner().cast(DType::F32)),
        Rows::Brain(words) => {
            let data = words.clone().inner().try_into_data().map_err(device)?;
            let words: Vec<u32> = data.try_into_vec_as().map_err(device)?;
            let data = TensorData::new(unpacked(&words), [rows.len(), rows.dim()]);
            Ok(Tensor::from_data(data, (&rows.device(), DType::F32)))
        }
    }
}

fn numbers(tensor: Tensor<2>) -> Result<Vec<f32>, Error> {
    tensor.cast(DType::F32).try_into_data().map_err(device)?.try_into_vec_as().map_err(device)
}
