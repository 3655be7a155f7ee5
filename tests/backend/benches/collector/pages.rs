//! How long the pages take.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use serde_json::Value;

use crate::median;
use crate::sender::Connection;

/// Loads of each page that are measured, after those that warm it.
const LOADS: usize = 20;
const WARMING: usize = 3;

/// What each page answers, and its path; ID is the group with most machines, MACHINE a machine of it, EVENT and RECORD of a
/// record of it.
const PAGES: [(&str, &str); 21] = [
    ("what is wrong", ""),
    ("what crashes", "/groups"),
    ("the same in 400 days", "/groups?days=400"),
    ("since when, on which builds", "/groups/ID"),
    ("is it new", "/new"),
    ("is it fixed", "/fixed"),
    ("is it back", "/regressed"),
    ("how bad", "/rates"),
    ("whom", "/machines?group=ID"),
    ("whom", "/machines"),
    ("whom", "/machines/MACHINE"),
    ("is it hardware", "/hardware?group=ID"),
    ("why here", "/records/record_details/RECORD"),
    ("why here", "/rules"),
    ("how many machines", "/versions"),
    ("how many machines", "/machines?silent=3"),
    ("tell me", "/feed"),
    ("take it along", "/groups?format=csv&limit=1000"),
    ("take it along", "/records"),
    ("what happened together", "/events/EVENT"),
    ("the collector itself", "/collector"),
];

/// The paths, filled in.
fn paths(address: SocketAddr) -> Vec<(&'static str, String)> {
    let mut connection = Connection::open(address);
    let mut json = |path: &str| -> Value {
        let joint = if path.contains('?') { '&' } else { '?' };
        serde_json::from_slice(connection.get(&format!("/telemetryui{path}{joint}format=json"))).unwrap()
    };
    let group = json("/groups?limit=1")["groups"][0]["id"].to_string();
    let record = json(&format!("/records?limit=1&group={group}"))["records"][0].clone();
    let text = |name: &str| record[name].as_str().unwrap().to_owned();
    let fill = |path: &str| {
        let path = path.replace("MACHINE", &text("machine_id")).replace("EVENT", &text("event_id"));
        format!("/telemetryui{}", path.replace("RECORD", &record["id"].to_string()).replace("ID", &group))
    };
    PAGES.iter().map(|(name, path)| (*name, fill(path))).collect()
}

/// Measures each page, and prints it. Returns the slowest.
pub(crate) fn measure(address: SocketAddr) -> f64 {
    let mut connection = Connection::open(address);
    let mut slowest: f64 = 0.0;
    for (name, path) in paths(address) {
        let mut load = || {
            let start = Instant::now();
            let bytes = connection.get(&path).len();
            (start.elapsed().as_secs_f64() * 1000.0, bytes)
        };
        for _ in 0..WARMING {
            load();
        }
        let loads: Vec<(f64, usize)> = (0..LOADS).map(|_| load()).collect();
        let millis = median(loads.iter().map(|load| load.0).collect());
        let worst = loads.iter().map(|load| load.0).fold(0.0, f64::max);
        slowest = slowest.max(millis);
        let path = path.replace("/telemetryui", "");
        let bytes = loads[0].1;
        println!(
            "  {name:<28} {path:<60} {millis:>7.1} ms   worst {worst:>7.1}   {bytes:>8} bytes   goal 100 ms"
        );
    }
    slowest
}

/// Somebody who loads one page after the other.
pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Reader {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let paths = paths(address);
        let thread = std::thread::spawn(move || {
            let mut connection = Connection::open(address);
            let mut loads = 0;
            for (_, path) in paths.iter().cycle() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                connection.get(path);
                loads += 1;
            }
            loads
        });
        Self { stop, thread }
    }

    /// The pages that were loaded.
    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
