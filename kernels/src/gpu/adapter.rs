//! Whether there is a graphics processor, asked beforehand.

use std::sync::OnceLock;

use burn::tensor::{Device, DeviceType};
use burn_wgpu::graphics::AutoGraphicsApi;
use burn_wgpu::{RuntimeOptions, WgpuDevice, WgpuInitError};
use cubecl::wgpu::WgpuDeviceKind;

use crate::Error;

/// Which adapters a caller takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Accept {
    /// A graphics processor only.
    #[default]
    Hardware,
    /// A driver that runs on the processor too. It is slower there than the kernels for the
    /// processor: good for tests only.
    Any,
}

/// An opened graphics adapter.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// What it calls itself.
    pub name: String,
    /// The interface it is driven through, such as `Vulkan`.
    pub interface: String,
    /// Whether it is a driver that runs on the processor.
    pub software: bool,
    /// The burn device, to put tensors on.
    pub device: Device,
}

/// Opens the best adapter of this machine, once a process, and says what it is. Discrete ones come
/// before integrated ones, those before virtual ones, software drivers last.
///
/// # Errors
/// [`Error::NoAdapter`] without any, [`Error::SoftwareAdapter`] if there is a software one only and
/// `accept` is [`Accept::Hardware`], [`Error::Adapter`] if the driver refuses.
///
/// ```
/// use curricle_kernels::Error;
/// use curricle_kernels::gpu::{Accept, available};
///
/// match available(Accept::Hardware) {
///     Ok(adapter) => assert!(!adapter.software),
///     Err(Error::NoAdapter | Error::SoftwareAdapter { .. } | Error::Adapter { .. }) => {}
///     Err(other) => panic!("{other}"),
/// }
/// ```
pub fn available(accept: Accept) -> Result<Adapter, Error> {
    static BEST: OnceLock<Result<Adapter, Error>> = OnceLock::new();
    let adapter = BEST.get_or_init(open).clone()?;
    if adapter.software && accept == Accept::Hardware {
        return Err(Error::SoftwareAdapter { name: adapter.name });
    }
    Ok(adapter)
}

fn open() -> Result<Adapter, Error> {
    let device = Device::enumerate(DeviceType::Wgpu)
        .iter()
        .filter_map(|device| match device.as_dispatch() {
            burn::backend::DispatchDevice::Cube(cubecl::Device::Wgpu(wgpu)) => Some(wgpu.clone()),
            #[allow(unreachable_patterns)]
            _ => None,
        })
        .min_by_key(|device| rank(&device.kind))
        .ok_or(Error::NoAdapter)?;
    let refused = |error: WgpuInitError| Error::Adapter { reason: error.to_string() };
    let options = RuntimeOptions::with_tasks_max(None).map_err(refused)?;
    let (name, interface) = match burn_wgpu::try_init_setup::<AutoGraphicsApi>(&device, options) {
        Ok(setup) => {
            let info = setup.adapter.get_info();
            (info.name, info.backend.to_string())
        }
        // Someone in this process has opened it before.
        Err(WgpuInitError::Registration { .. }) => {
            let identity = Device::new(device.clone()).identity();
            (identity.map(|identity| identity.name).unwrap_or_default(), interface_of(&device))
        }
        Err(error) => return Err(refused(error)),
    };
    let software = device.kind == WgpuDeviceKind::Cpu;
    Ok(Adapter { name, interface, software, device: Device::new(device) })
}

fn rank(kind: &WgpuDeviceKind) -> usize {
    match kind {
        WgpuDeviceKind::DiscreteGpu(_) => 0,
        WgpuDeviceKind::IntegratedGpu(_) => 1,
        WgpuDeviceKind::VirtualGpu(_) => 2,
        WgpuDeviceKind::Cpu => 4,
        _ => 3,
    }
}

fn interface_of(device: &WgpuDevice) -> String {
    format!("{:?}", device.backend)
}
