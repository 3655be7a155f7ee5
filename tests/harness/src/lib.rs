//! The harness of all tests that start programs: real ones, each test in a private directory that no other one and
//! no installed copy sees.
//!
//! Nothing waits for a clock: [`until`] waits for an event, with a deadline that only a fault reaches.

pub mod certificates;
pub mod collector;
pub mod directory;
pub mod fault;
pub mod frame;
pub mod hung_fs;
pub mod journal;
pub mod machine;
pub mod nginx;
pub mod package;
pub mod printed;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod pstore;
pub mod records;
pub mod sandbox;
pub mod server;
pub mod strace;
pub mod waiting;

pub use collector::Collector;
pub use fault::Fault;
pub use nginx::Nginx;
pub use printed::Printed;
pub use process::Process;
pub use sandbox::Sandbox;

use std::time::{Duration, Instant};

/// Far beyond what anything here takes, so that a slow machine does not fail.
pub const DEADLINE: Duration = Duration::from_secs(40);

/// Waits until `condition` gives something.
///
/// # Panics
/// It did not before the [`DEADLINE`]; `what` says what was waited for.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
