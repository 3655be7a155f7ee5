//! Readings of this machine. Every reader of `/proc` and `/sys` that belongs to the environment stands here, once.
//!
//! ```text
//!  /proc, /sys ──▶ system/   ─┐
//!  mountinfo, statvfs ──▶ disks/ (in a child: helper/) ─┼──▶ Snapshot: families, and how each sensor fared
//!  state files of the daemons ──▶ daemons.rs ─┘               │
//!                                                openmetrics/ ──▶ text, parted where it has to be
//! ```
//!
//! A parser is a function of text: it gives what whole lines say, and nothing of a line that is cut. What the kernel does
//! not have is left out; what cannot be read is the error of one sensor, and the others go on. The caller asks for consent
//! before it comes here.

pub mod catalogue;
pub mod certificates;
pub mod daemons;
pub mod disks;
mod error;
mod helper;
mod kept;
pub mod limits;
mod metric;
pub mod moment;
pub mod openmetrics;
pub mod packages;
pub mod process_list;
mod sampler;
mod snapshot;
mod source;
pub mod system;
pub mod text;
pub mod values;

pub use error::SensorError;
pub use helper::Helpers;
pub use metric::{Family, Group, Kind, Metric, Number, Sample, Sensitivity};
pub use sampler::{Moment, Sampler};
pub use snapshot::{LastRead, SensorReport, Snapshot, Wishes};
pub use source::Source;
