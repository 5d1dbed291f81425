//! What a device allows, and how it says that it failed.

use cubecl::client::Client;
use cubecl::prelude::CubeCount;

use crate::Error;

pub(super) fn prev_power_of_two(number: usize) -> usize {
    1 << number.max(1).ilog2()
}

/// The largest buffer of a device.
pub(super) fn page(client: &Client) -> u64 {
    client.properties().memory.max_page_size
}

pub(super) fn device(error: impl std::fmt::Debug) -> Error {
    Error::Device { reason: format!("{error:?}") }
}

/// A grid of at least `count` workgroups, more than 65535 of them over two axes.
pub(super) fn grid(client: &Client, count: usize) -> CubeCount {
    let most = client.properties().hardware.max_cube_count.0 as usize;
    let x = count.clamp(1, most);
    CubeCount::Static(x as u32, count.div_ceil(x).max(1) as u32, 1)
}
