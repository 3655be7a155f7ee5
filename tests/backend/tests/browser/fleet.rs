//! Collectors with something in them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::collector::Collector;
use crate::sample::headers;

/// A collector on a database with five weeks of a fleet.
pub(crate) fn filled(directory: &Path, machines: u32) -> Collector {
    filled_on(directory.join("fleet.db").to_str().unwrap(), machines)
}

/// The same, wherever the database is.
pub(crate) fn filled_on(database: &str, machines: u32) -> Collector {
    let made = Command::new(env!("CARGO_BIN_EXE_telem-collector"))
        .args(["fleet", "--machines", &machines.to_string(), "--database", database])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    Collector::start(&["--database", database])
}

/// Sends what a form of a page sends; what the browser then sees is another page.
pub(crate) fn changed(collector: &Collector, path: &str, form: &str) {
    let answer = ureq::post(format!("http://{}{path}", collector.address))
        .content_type("application/x-www-form-urlencoded")
        .send(form)
        .unwrap();
    assert!(answer.status().is_success(), "{path}: {answer:?}");
}

/// Posts a record; the status of the answer.
pub(crate) fn posted(collector: &Collector, changes: &[(&str, &str)], payload: &str) -> u16 {
    let mut request = ureq::post(format!("http://{}/v2/collector", collector.address));
    for (name, value) in headers(changes) {
        request = request.header(name, value);
    }
    request.send(payload).unwrap().status().as_u16()
}

/// A collector that knows two machines by name, of which one is never heard, with what `report` sends of machines.
pub(crate) fn watched(directory: &Path) -> Collector {
    let config = directory.join("collector.conf");
    let text = "[machine mail]\nid=mail\ngroup=office\ndowntime=Sun 02:00-04:00\n[machine gone]\nid=gone\n";
    std::fs::write(&config, text).unwrap();
    let database = directory.join("watched.db");
    let args = ["--database", database.to_str().unwrap(), "--config", config.to_str().unwrap()];
    let collector = Collector::start(&args);
    for (machine, name) in [("mail", "/var"), ("other", "/")] {
        report(&collector, machine, "disk-root", name, "2.5 percent free");
    }
    // It reckons what runs out at its start.
    collector.stop();
    Collector::start(&args)
}

/// A day of samples of a disk that fills, and a check that fails.
pub(crate) fn report(collector: &Collector, machine: &str, check: &str, mountpoint: &str, output: &str) {
    let now = telem_collector::timestamp::now_secs();
    let label = mountpoint.replace('\\', "\\\\").replace('"', "\\\"");
    for hour in 0..24 {
        let taken = now - hour * 3600;
        let free = (now + 7 * 86_400 - taken) * 1000;
        let mut payload = String::from("# TYPE system_filesystem_usage_bytes gauge\n");
        for (state, value) in [("free", free), ("used", 1_000_000_000 - free)] {
            payload.push_str(&format!(
                "system_filesystem_usage_bytes{{mountpoint=\"{label}\",state=\"{state}\"}} {value}\n"
            ));
        }
        payload.push_str(&format!("# TYPE system_load gauge\nsystem_load{{minutes=\"5\"}} {hour}\n"));
        payload.push_str(
            "# TYPE system_memory_linux_available_bytes gauge\nsystem_memory_linux_available_bytes 1e9\n",
        );
        payload.push_str("# TYPE telemetry_environment_interval_seconds gauge\ntelemetry_environment_interval_seconds 3600\n# EOF\n");
        let taken = taken.to_string();
        let class = ("Classification", "org.telemetrics/environment/sample");
        let changes = [("Machine-Id", machine), class, ("Creation-Timestamp", &taken)];
        assert_eq!(posted(collector, &changes, &payload), 201);
    }
    for (name, state) in [(check, "CRITICAL"), ("queue", "OK"), ("gateway", "UNKNOWN"), ("load", "WARNING")] {
        let payload = format!(
            "Check: {name}\nState: {state}\nSince: 2026-11-01T00:00:00Z\nValue: 2.5\nGroup: disks\nOutput: {output}\n"
        );
        let changes = [("Machine-Id", machine), ("Classification", "org.telemetrics/check/state")];
        assert_eq!(posted(collector, &changes, &payload), 201);
    }
}

/// The address of the group with most machines.
pub(crate) fn first_group(collector: &Collector) -> String {
    let url = format!("http://{}/telemetryui/groups?format=json&limit=1", collector.address);
    let groups: Value = ureq::get(url).call().unwrap().body_mut().read_json().unwrap();
    format!("/telemetryui/groups/{}", groups["groups"][0]["id"])
}
