//! A fleet with samples and checks, stored as posts are.

use std::time::{Duration, Instant};

use telem_collector::record::Record;
use telem_collector::storage::{Address, Appended, Arrival, Purpose};
use telem_collector::timestamp::{format_utc, now_secs};

const CHECKS: [&str; 5] = ["disk-root", "load", "memory", "mail-queue", "gateway"];
const DAY: i64 = 86_400;

/// Days of the machine with long lines, and its samples a day.
const LONG_DAYS: i64 = 760;
const LONG_SAMPLES: i64 = 24;

/// A machine in twenty has a name.
pub(crate) fn config(machines: usize) -> String {
    let machine =
        |number: usize| format!("[machine name{number}]\nid=m{number}\ngroup=group{}\n", number % 40);
    (0..machines).step_by(20).skip(1).map(machine).collect()
}

pub(crate) fn fill(database: &str, machines: usize) {
    let engine = database.parse::<Address>().unwrap().open().unwrap();
    let mut session = engine.open(Purpose::Append).unwrap();
    let mut store = |batch: &[Arrival]| {
        let appended = session.append(batch).unwrap();
        assert!(appended.iter().all(|one| matches!(one, Appended::Stored { .. })), "{:?}", appended.first());
    };
    let now = now_secs();
    let long: Vec<Arrival> = (0..LONG_DAYS * LONG_SAMPLES)
        .map(|number| sample("m0", now - LONG_DAYS * DAY + number * DAY / LONG_SAMPLES, number))
        .collect();
    long.chunks(500).for_each(&mut store);
    for first in (0..machines).step_by(100) {
        let batch: Vec<Arrival> =
            (first..(first + 100).min(machines)).flat_map(|number| of_machine(number, now)).collect();
        store(&batch);
    }
}

/// Its newest sample, and its checks: of two hundred machines one has something that is not OK.
fn of_machine(number: usize, now: i64) -> Vec<Arrival> {
    let id = format!("m{number}");
    let mut all = vec![sample(&id, now - 60, 1)];
    for (place, name) in CHECKS.into_iter().enumerate() {
        let state = match (number % 200, place) {
            (0, 0) => "CRITICAL",
            (0, 1) => "WARNING",
            (100, 4) => "UNKNOWN",
            _ => "OK",
        };
        let since = format_utc(now - 3600).replace(" UTC", "Z").replace(' ', "T");
        let payload = format!(
            "Check: {name}\nKind: plugin\nState: {state}\nSince: {since}\nValue: 2.5\nOutput: {name} is {state}, as far as it goes\n"
        );
        all.push(record(&id, "org.telemetrics/check/state", now - 60, payload));
    }
    all
}

/// The usual series of a machine with three file systems: 66.
fn sample(id: &str, taken: i64, step: i64) -> Arrival {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, lines: &[(String, f64)]| {
        text.push_str(&format!("# TYPE {name} {kind}\n"));
        let ending = if kind == "counter" { "_total" } else { "" };
        for (labels, value) in lines {
            text.push_str(&format!("{name}{ending}{labels} {value}\n"));
        }
    };
    let wave = (step % 97) as f64;
    let each = |label: &str, values: &[&str], base: f64| -> Vec<(String, f64)> {
        values
            .iter()
            .enumerate()
            .map(|(n, value)| (format!("{{{label}=\"{value}\"}}"), base * (n + 1) as f64 + wave))
            .collect()
    };
    let modes = ["user", "system", "nice", "idle", "iowait", "interrupt", "steal"];
    family("system_cpu_time_seconds", "counter", &each("mode", &modes, step as f64));
    family("system_load", "gauge", &each("minutes", &["1", "5", "15"], 1.0));
    family("system_memory_usage_bytes", "gauge", &each("state", &["used", "free", "cached", "buffers"], 1e9));
    family("system_disk_io_bytes", "counter", &each("direction", &["read", "write"], step as f64 * 1e6));
    family(
        "system_network_io_bytes",
        "counter",
        &each("direction", &["receive", "transmit"], step as f64 * 1e6),
    );
    let states = ["used", "free", "reserved"];
    for name in ["system_filesystem_usage_bytes", "system_filesystem_inodes"] {
        let mounts = ["/", "/var", "/home"].iter().flat_map(|mount| {
            states
                .iter()
                .map(move |state| (format!("{{mountpoint=\"{mount}\",state=\"{state}\"}}"), 1e9 + wave))
        });
        family(name, "gauge", &mounts.collect::<Vec<_>>());
    }
    let more: Vec<String> = (0..30).map(|number| number.to_string()).collect();
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    family("telemetry_spool_things", "gauge", &each("kind", &more, 1.0));
    family("telemetry_environment_interval_seconds", "gauge", &[(String::new(), 300.0)]);
    text.push_str("# EOF\n");
    record(id, "org.telemetrics/environment/sample", taken, text)
}

fn record(id: &str, class: &str, taken: i64, payload: String) -> Arrival {
    let record = Record {
        record_format_version: 4,
        severity: 1,
        classification: class.to_owned(),
        machine_id: id.to_owned(),
        captured_secs: taken,
        arch: "x86_64".into(),
        host_type: "a|b|c".into(),
        build: "12".into(),
        kernel_version: "6.1.0-18".into(),
        payload_format_version: Some(1),
        system_name: Some("debian".into()),
        board_name: None,
        cpu_model: Some("cpu".into()),
        bios_version: Some("bios".into()),
        event_id: None,
        external: false,
        payload,
    };
    Arrival { record, key: None, received_secs: taken, origin: None }
}

/// Until the program has made all hours and days.
pub(crate) fn wait_until_rolled_up(database: &str) {
    let engine = database.parse::<Address>().unwrap().open_reading().unwrap();
    let begin = Instant::now();
    loop {
        let mut session = engine.open(Purpose::Query).unwrap();
        // The hour that goes on is made once it has ended.
        let due = session.select("SELECT count(*) FROM sample_due WHERE machine = 1", &[]).unwrap()[0]
            .int()
            .unwrap();
        if due <= 1 {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(900), "{due} hours are still due");
        std::thread::sleep(Duration::from_millis(500));
    }
}
