//! A record alone: from `tm_send_record` to the server, both daemons running and idle.

use super::median;
use super::sink::Sink;
use super::table::Row;
use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use telemetry::{Client, Record};
use test_harness::{DEADLINE, Sandbox};

const RECORDS: usize = 101;

/// From one record to the next: longer than anything that is kept open after one.
const APART: Duration = Duration::from_millis(60);

pub(super) fn measure(folder: &Path, print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let sink = Sink::start()?;
    let mut sandbox = Sandbox::new_in(folder);
    sandbox.set("server", &sink.url).set("rate_limit_enabled", false).set("daemon_recycling_enabled", false);
    let _telemprobd = sandbox.start_telemprobd();
    let _telempostd = sandbox.start("telempostd");
    let client = Client::with_config_file(Path::new(&sandbox.config_arg()))?;
    // The record names no configuration of its own.
    let mut answered = Vec::new();
    let mut received = Vec::new();
    for number in 0..RECORDS {
        thread::sleep(APART);
        let record = Record::new(1, "org.example/bench/lone", 1)?;
        let start = Instant::now();
        client.send(&record)?;
        answered.push(start.elapsed().as_secs_f64() * 1e6);
        while sink.received() <= number {
            if start.elapsed() > DEADLINE {
                return Err("a record did not arrive".into());
            }
            std::hint::spin_loop();
        }
        received.push(start.elapsed().as_secs_f64() * 1e6);
    }
    for (what, figures) in [("answered", &mut answered), ("at the server", &mut received)] {
        print(&Row {
            what: format!("a record alone, synced: {what}"),
            ours: median(figures),
            floor: f64::NAN,
            ratio: None,
            unit: "us",
            goal: "as before",
            c_implementation: "-",
        });
    }
    Ok(())
}
