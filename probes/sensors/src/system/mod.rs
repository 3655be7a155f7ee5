//! The machine as a whole: numbers without names. Each file here is one sensor.

mod descriptors;
mod disk;
pub(crate) mod load;
pub(crate) mod memory;
mod network;
mod pressure;
pub(crate) mod processes;
pub(crate) mod processor;
pub(crate) mod temperature;
#[cfg(test)]
mod tests;
mod uptime;

use crate::error::SensorError;
use crate::metric::Family;
use crate::source::Source;

type Read = fn(&Source) -> Result<Vec<Family>, SensorError>;

/// The sensors that read `/proc`, which answers at once, each with its name. That of temperature is asked in a helper.
const SENSORS: [(&str, Read); 9] = [
    ("processor", processor::read),
    ("load", load::read),
    ("pressure", pressure::read),
    ("memory", memory::read),
    ("descriptors", descriptors::read),
    ("processes", processes::read),
    ("uptime", uptime::read),
    ("disk", disk::read),
    ("network", network::read),
];

/// What each of those sensors reads of this source.
pub fn readings(
    source: &Source,
) -> impl Iterator<Item = (&'static str, Result<Vec<Family>, SensorError>)> + use<'_> {
    SENSORS.into_iter().map(|(name, read)| (name, read(source)))
}
