//! How rows are laid over a device.

use super::limits::prev_power_of_two;
use super::rows::{Held, Kind};
use crate::Error;

/// Vectors of a row that one unit may hold: beyond, registers spill.
const MOST_HELD: usize = 64;
/// Bytes of partial sums that one launch writes at most.
pub(super) const BATCH_BYTES: u64 = 64 << 20;
/// Rows of a chunk at most; a driver may end longer loops.
pub(super) const MOST_ROWS: usize = 1 << 15;

/// How the rows are laid over the device. What is not set is chosen by the row's length, the
/// number of rows and the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tuning {
    /// Units of a workgroup: a power of two from 32 to what the device allows.
    pub units: Option<usize>,
    /// Rows that are measured together: 1 to 4.
    pub together: Option<usize>,
    /// Rows of a chunk at most, which one workgroup sums: 1 to 32768.
    pub chunk: Option<usize>,
    /// Whether to reduce by planes (subgroups). Not chosen unless the device reports them, of one
    /// size; [`Error::Device`] where they are asked for and there are none.
    pub planes: Option<bool>,
}

/// How rows of one length and type are laid over a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) kind: Kind,
    pub(super) dim: usize,
    /// Scalars of a vector, and vectors of a row.
    pub(super) width: usize,
    pub(super) words: usize,
    pub(super) units: usize,
    pub(super) together: usize,
    pub(super) chunk: Option<usize>,
    /// Planes of a workgroup at most, 0 not to use them.
    pub(super) planes: usize,
    /// Whether rows are measured at a second scale, for those whose squares overflow.
    pub(super) scaled: bool,
}

impl Layout {
    pub(super) fn new(held: &Held, tuning: &Tuning) -> Result<Self, Error> {
        let properties = held.client.properties();
        let hardware = &properties.hardware;
        let scalars = held.dim / held.kind.parts();
        let widest = hardware.max_vector_size.min(4);
        let width =
            [4, 2, 1].into_iter().find(|&w| w <= widest && scalars.is_multiple_of(w)).unwrap_or(1);
        let words = scalars / width;
        let most_units = prev_power_of_two(hardware.max_units_per_cube as usize).min(1024);
        let units = match tuning.units {
            Some(units) => units.next_power_of_two().clamp(32, most_units),
            None => {
                // Few words a unit leave registers to several rows; many units are many barriers.
                let fits = |most: usize| (64..=most).find(|u| u.is_power_of_two() && words <= 4 * u);
                fits(256.min(most_units)).unwrap_or(if words <= 16 * 256 {
                    256.min(most_units)
                } else {
                    most_units
                })
            }
        };
        let held_words = words.div_ceil(units);
        if held_words > MOST_HELD {
            let most = MOST_HELD * most_units * width * held.kind.parts();
            return Err(Error::TooWide { dim: held.dim, most });
        }
        let one_size = hardware.plane_size_min == hardware.plane_size_max;
        let offered = one_size && properties.features.plane.contains(cubecl::features::Plane::Ops);
        let planes = if tuning.planes.unwrap_or(offered) {
            units.div_ceil((hardware.plane_size_min as usize).max(1))
        } else {
            0
        };
        Ok(Layout {
            kind: held.kind,
            dim: held.dim,
            width,
            words,
            units,
            together: tuning.together.unwrap_or((8 / held_words).max(1)).clamp(1, 4),
            chunk: tuning.chunk,
            planes,
            scaled: false,
        })
    }

    pub(super) fn may_overflow(&self) -> bool {
        self.kind != Kind::F16
    }

    /// Vectors of a sum.
    pub(super) fn row(&self) -> usize {
        self.words * self.kind.parts()
    }

    pub(super) fn row_bytes(&self) -> u64 {
        (self.row() * self.width * size_of::<f32>()) as u64
    }

    /// A sum and its compensation.
    pub(super) fn segment_bytes(&self) -> u64 {
        2 * self.row_bytes()
    }
}
