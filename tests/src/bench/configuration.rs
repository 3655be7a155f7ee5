//! The worst configuration that a user can name for a record (`CFG:`): what telemprobd and telempostd spend on it.

use super::in_turn;
use super::table::Row;
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::path::Path;
use telemetry_config::limits::CONFIG_FILE_BYTES;
use telemetry_config::server_of;

/// Files as large as they may be: many lines of each kind, and few long ones.
fn worst_files() -> Vec<String> {
    let long = format!("{}=x\n", "spool_di".repeat(8000));
    let lines = ["\n", "a=\n", "=\n", "[x]\n", "server=x\n", "spool_dri=1\n", "server=http://h/\n", &long];
    let whole = |line: &str| {
        let head = "[settings]\nserver=http://h/\n";
        let count = (CONFIG_FILE_BYTES as usize - head.len()) / line.len();
        format!("{head}{}", line.repeat(count))
    };
    lines.map(whole).into()
}

/// The processor time of the slowest, in microseconds.
fn slowest() -> Result<f64, Box<dyn Error>> {
    let mut slowest = 0.0_f64;
    for text in worst_files() {
        let bytes = text.into_bytes();
        let start = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
        let server = server_of(Path::new("/t.conf"), bytes);
        let took = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)? - start;
        drop(server);
        slowest = slowest.max(took.num_nanoseconds() as f64 / 1e3);
    }
    Ok(slowest)
}

/// The processor time of checking as many bytes to be text.
fn floor() -> Result<f64, Box<dyn Error>> {
    let bytes = vec![b'x'; CONFIG_FILE_BYTES as usize];
    let start = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    let text = String::from_utf8(std::hint::black_box(bytes))?;
    let took = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)? - start;
    drop(std::hint::black_box(text));
    Ok(took.num_nanoseconds() as f64 / 1e3)
}

pub(super) fn measure(print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let (ours, floor) = in_turn(slowest, floor)?;
    print(&Row {
        what: "worst foreign configuration (floor: UTF-8)".to_owned(),
        ours,
        floor,
        ratio: None,
        unit: "us CPU",
        goal: "under 1000 us",
        c_implementation: "-",
    });
    Ok(())
}
