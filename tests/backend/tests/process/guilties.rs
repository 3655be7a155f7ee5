//! Crashes by function, as the Flask backend had them: comments, hiding, the blacklist, and guilties that are found again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::collector::{Collector, DEADLINE};
use crate::http::{Answer, Client};
use crate::sample::headers;

const EDIT: &str = "/telemetryui/crashes/guilty_edit/";

fn crash(collector: &Collector, build: &str, machine: &str) {
    let payload = "Process: /usr/bin/x\nSignal: 6\n\nBacktrace (TID 1):\n#0 raise() - [libc.so.6]\n\
                   #1 abort() - [libc.so.6]\n#2 f() - [libm.so.6] - src/f.c:7\n#3 main() - [x]\n#4 _start - [x]\n";
    let changes = [("Classification", "org.clearlinux/crash/clr"), ("Build", build), ("Machine-Id", machine)];
    assert_eq!(collector.post("/", &headers(&changes), payload).status, 201);
}

fn post(collector: &Collector, path: &str, form: &str) -> Answer {
    Client::connect(collector.address).request("POST", path, &[], form.as_bytes())
}

fn get(collector: &Collector, path: &str) -> Value {
    let separator = if path.contains('?') { '&' } else { '?' };
    collector.get(&format!("{path}{separator}format=json")).json()
}

fn guilties(collector: &Collector) -> Vec<(String, i64, i64)> {
    let list = get(collector, "/telemetryui/crashes");
    let guilties = list["guilties"].as_array().unwrap().iter();
    let row = |one: &Value| {
        (
            one["function"].as_str().unwrap().to_owned(),
            one["records"].as_i64().unwrap(),
            one["id"].as_i64().unwrap(),
        )
    };
    guilties.map(row).collect()
}

/// Waits until the guilties are these, whoever finds them again.
fn wait_for(collector: &Collector, expected: &[(&str, i64)]) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let found = guilties(collector);
        let found: Vec<_> =
            found.iter().map(|(function, records, _)| (function.as_str(), *records)).collect();
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} in place of {expected:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn comments_and_hiding_are_kept_with_who_when_before_and_after() {
    let collector = Collector::in_memory();
    crash(&collector, "10", "m1");
    let id = guilties(&collector)[0].2;
    let answer =
        post(&collector, "/telemetryui/crashes?days=3", &format!("guilty_id={id}&comment=known&hide=no"));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/telemetryui/crashes?days=3")));
    assert!(collector.get("/telemetryui/crashes").body.contains("known"));
    let one = format!("/telemetryui/crashes/guilty_details/{id}");
    let kept = get(&collector, &one);
    let change = &kept["changes"][0];
    assert_eq!(
        (
            change["what"].as_str(),
            change["who"].as_str(),
            change["before"].as_str(),
            change["after"].as_str()
        ),
        (Some("comment"), Some("(local)"), Some(""), Some("known")),
        "{kept}"
    );
    assert_eq!(post(&collector, "/telemetryui/crashes", &format!("guilty_id={id}&comment=None")).status, 303);
    assert_eq!(get(&collector, &one)["comment"], "");

    let body = json!({ "guilty_id": id, "hide": true }).to_string();
    let kind = ("Content-Type".to_owned(), "application/json".to_owned());
    let path = "/telemetryui/crashes?format=json";
    let answer = Client::connect(collector.address).request("POST", path, &[kind], body.as_bytes());
    assert_eq!((answer.status, answer.json()["hidden"].as_bool()), (200, Some(true)));
    assert_eq!(guilties(&collector), []);
    assert_eq!(get(&collector, EDIT)["hidden"][0]["id"].as_i64(), Some(id));
    assert_eq!(post(&collector, &format!("{EDIT}hidden"), &format!("guilty_id={id}")).status, 303);
    assert_eq!(guilties(&collector).len(), 1);
    let changes = get(&collector, "/telemetryui/collector")["other_changes"].clone();
    assert_eq!(changes.as_array().unwrap().len(), 4, "{changes}");

    let long = "x".repeat(81);
    for (form, status) in [
        (format!("guilty_id={id}&comment={long}"), 400),
        (format!("guilty_id={id}&comment=a%07b"), 400),
        (format!("guilty_id={id}&hide=perhaps"), 400),
        (format!("guilty_id={id}"), 400),
        ("comment=x".to_owned(), 400),
        ("guilty_id=999&comment=x".to_owned(), 404),
        (format!("guilty_id={id}&colour=red"), 400),
    ] {
        assert_eq!(post(&collector, "/telemetryui/crashes", &form).status, status, "{form}");
    }
    let foreign = ("Sec-Fetch-Site".to_owned(), "cross-site".to_owned());
    let form = format!("guilty_id={id}&comment=evil");
    let answer = Client::connect(collector.address).request(
        "POST",
        "/telemetryui/crashes",
        &[foreign],
        form.as_bytes(),
    );
    assert_eq!(answer.status, 403);
}

#[test]
fn a_blacklist_from_a_record_finds_all_guilties_again() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let collector = Collector::on(&database);
    for number in 0..450 {
        crash(&collector, "10", &format!("m{}", number % 3));
    }
    wait_for(&collector, &[("raise()", 450)]);
    let edit = get(&collector, &format!("{EDIT}?record_id=1"));
    let frames: Vec<_> =
        edit["frames"].as_array().unwrap().iter().map(|frame| frame["function"].as_str()).collect();
    assert_eq!(
        frames,
        [Some("raise()"), Some("abort()"), Some("f()"), Some("main()")],
        "_start is not offered"
    );
    let answer = post(&collector, EDIT, "record_id=1&frame=0&frame=1&action=apply");
    let back = "/telemetryui/crashes/guilty_edit/?record_id=1";
    assert_eq!((answer.status, answer.header("location")), (303, Some(back)), "{answer:?}");
    let page = collector.get(back).body;
    assert!(page.contains("<strong><bdi>f() [libm.so.6]</bdi></strong>"), "{page}");
    let why = get(&collector, "/telemetryui/records/record_details/1")["why"].clone();
    assert_eq!(why["guilty"]["function"], "f()", "at once: {why}");
    // Whoever finds them again is killed.
    collector.signal(nix::sys::signal::Signal::SIGKILL);
    drop(collector);
    let collector = Collector::on(&database);
    crash(&collector, "10", "m1");
    wait_for(&collector, &[("f()", 451)]);

    assert_eq!(post(&collector, &format!("{EDIT}add"), "function=raise()&module=libc.so.6").status, 409);
    assert_eq!(post(&collector, &format!("{EDIT}add"), "function=&module=x").status, 400);
    assert_eq!(post(&collector, &format!("{EDIT}add"), "function=f()&module=libm.so.6").status, 303);
    wait_for(&collector, &[("main()", 451)]);
    let listed = get(&collector, EDIT)["blacklist"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 3);
    let ids: Vec<String> = listed.iter().map(|one| format!("id={}", one["id"])).collect();
    assert_eq!(post(&collector, &format!("{EDIT}remove"), &ids.join("&")).status, 303);
    wait_for(&collector, &[("raise()", 451)]);
    assert_eq!(post(&collector, &format!("{EDIT}reset"), "").status, 303);
    let changes = get(&collector, EDIT)["changes"].as_array().unwrap().clone();
    let words: Vec<_> = changes.iter().map(|change| change["what"].as_str().unwrap()).collect();
    assert_eq!(words, ["recompute", "remove", "remove", "remove", "add", "add", "add"]);
    for (path, form, status) in [
        ("", "record_id=1&frame=9", 400),
        ("", "record_id=1&frame=x", 400),
        ("", "frame=0", 400),
        ("", "record_id=99999", 404),
        ("remove", "id=77", 404),
        ("remove", "", 400),
        ("hidden", "guilty_id=x", 400),
    ] {
        assert_eq!(post(&collector, &format!("{EDIT}{path}"), form).status, status, "{path} {form}");
    }
    assert_eq!(collector.get(&format!("{EDIT}?record_id=99999")).status, 404);
}

#[test]
fn a_guilty_has_its_machines_by_build_and_its_backtraces() {
    let collector = Collector::in_memory();
    for (build, machine) in [("10", "m1"), ("9", "m1"), ("10", "m2"), ("10", "m2")] {
        crash(&collector, build, machine);
    }
    let list = collector.get("/telemetryui/crashes").body;
    assert!(
        list.find("crashes&#x2f;10\"").or(list.find("crashes/10\"")) < list.find("crashes/9\""),
        "{list}"
    );
    let id = guilties(&collector)[0].2;
    let one = format!("/telemetryui/crashes/guilty_details/{id}");
    let machines = get(&collector, &one)["machines"].clone();
    assert_eq!(machines[0], json!({ "build": "10", "machine_id": "m2", "records": 2 }), "{machines}");
    assert_eq!(machines.as_array().unwrap().len(), 3);
    for (query, ids) in
        [("", vec![4, 3, 2, 1]), ("?machine_id=m2", vec![4, 3]), ("?machine_id=m1&build=9", vec![2])]
    {
        let traces = get(&collector, &format!("{one}/backtraces{query}"))["backtraces"].clone();
        let found: Vec<_> =
            traces.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
        assert_eq!(found, ids, "{query}");
        let first = &traces[0];
        assert_eq!((first["signal"].as_i64(), first["guilty_frame"].as_i64()), (Some(6), Some(0)));
        let third = json!({ "function": "f()", "module": "libm.so.6", "file": "f.c:7" });
        assert_eq!(first["frames"][2], third);
    }
    let page = collector.get(&format!("{one}/backtraces")).body;
    assert!(page.contains("guilty</span>") && page.contains("update blacklist"), "{page}");
    let rows = collector.get("/telemetryui/crashes/page/1").body;
    assert!(rows.trim_start().starts_with("<tr>") && rows.contains("raise()"), "{rows}");
    assert!(!collector.get("/telemetryui/crashes/offset/1").body.contains("<tr>"));
    assert_eq!(collector.get("/telemetryui/crashes/overall").status, 200);
    assert_eq!(collector.get("/telemetryui/crashes/guilty_details/99/backtraces").status, 404);
}
