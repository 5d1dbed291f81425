//! Where the sums are made.

use clap::ValueEnum;
use curricle_kernels::angle::{Dots, Spans};

/// The device that a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Asked {
    /// All cores of the processor.
    Cpu,
    /// A graphics processor; an error where there is none.
    Gpu,
    /// A graphics processor, or a driver that runs on the processor in its place: slow, for tests.
    SoftwareGpu,
}

/// Bytes that are put on a graphics processor at a time: every adapter has buffers as large.
#[cfg(feature = "gpu")]
const TILE: usize = 64 << 20;

/// An opened device.
pub enum Device {
    Cpu,
    #[cfg(feature = "gpu")]
    Gpu(curricle_kernels::gpu::Adapter),
}

impl Device {
    /// Opens what was asked for, or says why not.
    pub fn open(asked: Asked) -> Result<Self, String> {
        match asked {
            Asked::Cpu => Ok(Self::Cpu),
            #[cfg(feature = "gpu")]
            Asked::Gpu | Asked::SoftwareGpu => {
                use curricle_kernels::gpu::{Accept, available};
                let software = asked == Asked::SoftwareGpu;
                let accept = if software { Accept::Any } else { Accept::Hardware };
                available(accept).map(Self::Gpu).map_err(|error| error.to_string())
            }
            #[cfg(not(feature = "gpu"))]
            Asked::Gpu | Asked::SoftwareGpu => Err("built without the feature `gpu`".into()),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Cpu => "cpu",
            #[cfg(feature = "gpu")]
            Self::Gpu(adapter) => &adapter.name,
        }
    }

    /// The sums over each sample.
    pub fn dots<E: Number>(
        &self,
        states: &[E],
        dim: usize,
        spans: &[Spans],
    ) -> Result<Vec<Dots>, curricle_kernels::Error> {
        match self {
            Self::Cpu => curricle_kernels::angle::dots(states, dim, spans),
            #[cfg(feature = "gpu")]
            Self::Gpu(adapter) => {
                let tile = (TILE / (dim * size_of::<E>())).max(1);
                curricle_kernels::gpu::angle::dots_in_tiles(states, dim, spans, &adapter.device, tile)
            }
        }
    }
}

/// A number that every device reads.
#[cfg(feature = "gpu")]
pub trait Number: curricle_kernels::gpu::Upload + bytemuck::Pod {}
#[cfg(feature = "gpu")]
impl<E: curricle_kernels::gpu::Upload + bytemuck::Pod> Number for E {}
/// A number that every device reads.
#[cfg(not(feature = "gpu"))]
pub trait Number: curricle_kernels::Element + bytemuck::Pod {}
#[cfg(not(feature = "gpu"))]
impl<E: curricle_kernels::Element + bytemuck::Pod> Number for E {}
