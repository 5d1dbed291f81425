//! What a device itself measures of a pass.

use std::time::Duration;

use cubecl::client::Client;

use super::limits::device;
use crate::Error;

/// The device's own time for what `pass` launches.
pub(super) fn timed(client: &Client, pass: &(dyn Fn() + Send + Sync)) -> Result<Duration, Error> {
    let ((), window) = client.profile(pass, "pass").map_err(device)?;
    let ticks = cubecl::future::block_on(window.resolve());
    Ok(ticks.map(|ticks| ticks.duration()).unwrap_or_default())
}
