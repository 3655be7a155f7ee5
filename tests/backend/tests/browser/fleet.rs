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

/// The address of the group with most machines.
pub(crate) fn first_group(collector: &Collector) -> String {
    let url = format!("http://{}/telemetryui/groups?format=json&limit=1", collector.address);
    let groups: Value = ureq::get(url).call().unwrap().body_mut().read_json().unwrap();
    format!("/telemetryui/groups/{}", groups["groups"][0]["id"])
}
