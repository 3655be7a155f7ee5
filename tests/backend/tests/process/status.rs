//! The status page: checks of machines, the worst first, who is silent, what runs out, what is planned, and months.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::collector::{Collector, DEADLINE, refusal};
use crate::http::Answer;
use crate::sample::headers;

const STATUS: &str = "/telemetryui/status?format=json";

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn post(collector: &Collector, machine: &str, class: &str, taken: i64, payload: &str) {
    let taken = taken.to_string();
    let changes = [("Machine-Id", machine), ("Classification", class), ("Creation-Timestamp", &taken)];
    let answer = collector.post("/", &headers(&changes), payload);
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// ISO 8601, as checkprobe writes it.
fn iso(secs: i64) -> String {
    let text = Value::from(telem_collector::timestamp::format_utc(secs));
    text.as_str().unwrap().replace(" UTC", "Z").replace(' ', "T")
}

fn check(collector: &Collector, machine: &str, name: &str, state: &str, since: i64, more: &str) {
    let payload = format!("Check: {name}\nKind: plugin\nState: {state}\nSince: {}\n{more}", iso(since));
    post(collector, machine, "org.telemetrics/check/state", since, &payload);
}

fn status(collector: &Collector, query: &str) -> Value {
    let answer = collector.get(&format!("{STATUS}{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Machine, check and state of each row.
fn rows(status: &Value) -> Vec<String> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let row = |row: &Value| [text(row, "machine"), text(row, "check"), text(row, "state")].join(" ");
    status["status"].as_array().unwrap().iter().map(row).collect()
}

fn form(collector: &Collector, path: &str, body: &str, more: &[(&str, &str)]) -> Answer {
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let headers: Vec<_> =
        form.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    collector.post(path, &headers, body)
}

fn config(directory: &Path, text: &str) -> String {
    let path = directory.join("collector.conf");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const MAIL: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn checks_stand_worst_first_with_all_that_the_contract_names() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(
        directory.path(),
        &format!(
            "[machine mail]\nid={MAIL}\ngroup=office\n[machine gone]\nid=77\n[settings]\ntime_zone=Europe/Tallinn\n"
        ),
    );
    let collector = Collector::start(&["--database", ":memory:", "--config", &config]);
    let since = now() - 3600;
    check(&collector, MAIL, "queue", "OK", since, "");
    check(
        &collector,
        MAIL,
        "disk-root",
        "CRITICAL",
        since,
        "Value: 2.5\nOutput: 2.5 percent free\nGroup: disks\n",
    );
    check(&collector, "id2", "load", "WARNING", since - 60, "Group: loads\n");
    check(&collector, "id2", "gateway", "UNKNOWN", since, "Output: <b>no route</b>\n");
    check(&collector, "id2", "fan", "CRITICAL", since - 120, "");

    let found = status(&collector, "");
    assert_eq!(
        rows(&found),
        [
            "id2 fan CRITICAL",
            "mail disk-root CRITICAL",
            "id2 gateway UNKNOWN",
            "id2 load WARNING",
            "mail queue OK"
        ]
    );
    let row = &found["status"][1];
    let age = row["age_seconds"].as_i64().unwrap();
    assert!((0..60).contains(&age), "{row}");
    let since_text = telem_collector::timestamp::format_utc(since);
    let expected = json!({
        "group": "office", "machine": "mail", "check": "disk-root", "state": "CRITICAL", "since": since_text,
        "value": 2.5, "output": "2.5 percent free", "age_seconds": age, "planned": false,
    });
    assert_eq!(*row, expected);
    assert_eq!(found["silent"], json!([{ "machine": "gone", "last_seen": null }]));
    assert_eq!(found["runs_out"], json!([]));
    assert_eq!(found["next"], Value::Null);

    for (query, expected) in [
        ("&group=office", vec!["mail disk-root CRITICAL", "mail queue OK"]),
        // A check's own group counts where its machine has none.
        ("&group=loads", vec!["id2 load WARNING"]),
        ("&group=disks", vec![]),
        ("&machine=mail&state=ok", vec!["mail queue OK"]),
        ("&machine=nobody", vec![]),
        ("&check=gateway", vec!["id2 gateway UNKNOWN"]),
        ("&state=critical", vec!["id2 fan CRITICAL", "mail disk-root CRITICAL"]),
        ("&limit=2&after=3", vec!["id2 load WARNING", "mail queue OK"]),
        ("&limit=1&after=4", vec!["mail queue OK"]),
    ] {
        assert_eq!(rows(&status(&collector, query)), expected, "{query}");
    }
    assert_eq!(status(&collector, "&limit=4")["next"], "/telemetryui/status?limit=4&format=json&after=4");
    let csv = collector.get("/telemetryui/status?format=csv").body;
    let first = "group,machine,check,state,since,value,output,age_seconds,planned\r\n,id2,fan,CRITICAL,";
    assert!(csv.starts_with(first) && csv.lines().count() == 6, "{csv}");
    let page = collector.get("/telemetryui/status").body;
    assert!(page.contains("&lt;b&gt;no route&lt;") && !page.contains("<b>no"), "{page}");
    for shown in ["disk-root", "office", "gone", "never", "Tallinn"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    for (path, named) in
        [("state=gone", "state"), ("silent=3", "silent"), ("limit=0", "limit"), ("after=x", "after")]
    {
        let answer = collector.get(&format!("{STATUS}&{path}"));
        assert!(answer.status == 400 && answer.message().contains(named), "{path}: {answer:?}");
    }
    let first = collector.get("/telemetryui?format=json").json();
    assert_eq!(first["status"]["silent"], json!([{ "machine": "gone", "last_seen": null }]));
    assert_eq!(first["status"]["checks"][0]["check"], "fan");
    collector.stop();
}

#[test]
fn downtime_is_planned_by_people_who_may_and_by_no_other_site() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path(), &format!("[machine mail]\nid={MAIL}\n"));
    let collector = Collector::start(&["--database", ":memory:", "--config", &config]);
    let (since, until) = (now() - 3600, now() + 3600);
    check(&collector, MAIL, "disk", "CRITICAL", since, "");
    check(&collector, MAIL, "queue", "OK", since, "");
    check(&collector, "id2", "load", "WARNING", since, "");
    let path = "/telemetryui/status";
    let foreign =
        form(&collector, path, &format!("machine=mail&until={until}"), &[("Sec-Fetch-Site", "cross-site")]);
    assert_eq!(foreign.status, 403, "{foreign:?}");
    let proxied =
        form(&collector, path, &format!("machine=mail&until={until}"), &[("X-Forwarded-For", "192.0.2.1")]);
    assert_eq!(proxied.status, 403, "{proxied:?}");
    for (body, code, named) in [
        (format!("until={until}"), 400, "machine"),
        ("machine=mail".to_owned(), 400, "until"),
        (format!("machine=mail&until={until}&colour=red"), 400, "colour"),
        (format!("machine=mail&from={until}&until={until}"), 400, "from"),
        (format!("machine=nobody&until={until}"), 404, "nobody"),
        ("end=99".to_owned(), 404, "99"),
        ("end=x".to_owned(), 400, "end"),
    ] {
        let answer = form(&collector, path, &body, &[("Accept", "application/json")]);
        assert!(answer.status == code && answer.message().contains(named), "{body}: {answer:?}");
    }
    assert_eq!(rows(&status(&collector, ""))[0], "mail disk CRITICAL");

    let body = format!("machine=mail&check=disk&from={since}&until={until}&reason=new+%3Cdisk%3E");
    let answer = form(&collector, path, &body, &[]);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/telemetryui/status?machine=mail")),
        "{answer:?}"
    );
    let found = status(&collector, "");
    assert_eq!(rows(&found), ["id2 load WARNING", "mail disk CRITICAL", "mail queue OK"]);
    assert_eq!(
        (&found["status"][1]["planned"], &found["status"][0]["planned"]),
        (&json!(true), &json!(false))
    );
    assert!(collector.get("/telemetryui/status").body.contains("new &lt;disk&gt;"));

    let answer = form(&collector, &format!("{path}?format=json"), &format!("machine=id2&until={until}"), &[]);
    assert_eq!((answer.status, &answer.json()["downtime"]["check"]), (200, &Value::Null), "{answer:?}");
    let planned: Vec<Value> = status(&collector, "&state=planned")["status"].as_array().unwrap().clone();
    assert_eq!(planned.len(), 2, "{planned:?}");
    let id = answer.json()["downtime"]["id"].as_i64().unwrap();
    assert_eq!(form(&collector, path, &format!("end={id}"), &[]).status, 303);
    assert_eq!(rows(&status(&collector, ""))[0], "id2 load WARNING");
    collector.stop();
}

#[test]
fn months_add_up_to_the_second() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!("[machine mail]\nid={MAIL}\ngroup=office\n[settings]\ntime_zone=Europe/Tallinn\n");
    let config = config(directory.path(), &text);
    let collector = Collector::start(&["--database", ":memory:", "--config", &config]);
    let begin = now() - 10 * 86_400;
    for (state, since, was) in
        [("OK", begin, "PENDING"), ("CRITICAL", begin + 1000, "OK"), ("OK", begin + 1600, "CRITICAL")]
    {
        check(&collector, MAIL, "disk", state, since, &format!("Was: {was}\n"));
    }
    check(&collector, "unnamed", "disk", "OK", begin, "");
    let planned = format!("machine=mail&check=disk&from={}&until={}", begin + 1200, begin + 1300);
    assert_eq!(form(&collector, "/telemetryui/status", &planned, &[]).status, 303);

    let answer = collector.get("/telemetryui/status/months?format=json&machine=mail&check=disk").json();
    let months = answer["months"].as_array().unwrap();
    let sum = |name: &str| months.iter().map(|month| month[name].as_u64().unwrap()).sum::<u64>();
    for month in months {
        let names = ["ok", "warning", "critical", "unknown", "none", "planned"];
        let all: u64 = names.iter().map(|name| month[*name].as_u64().unwrap()).sum();
        assert_eq!(Some(all), month["seconds"].as_u64(), "{month}");
    }
    assert_eq!(
        (sum("critical"), sum("planned"), sum("warning"), sum("unknown")),
        (500, 100, 0, 0),
        "{months:?}"
    );
    let known = now() as u64 - begin as u64;
    assert!((known - 605..=known).contains(&(sum("ok") + 600)), "{months:?}");
    assert_eq!(answer["time_zone"], "Europe/Tallinn");

    let all = collector.get("/telemetryui/status/months?format=json").json();
    let machines: Vec<&str> =
        all["months"].as_array().unwrap().iter().map(|row| row["machine"].as_str().unwrap()).collect();
    assert_eq!(machines, ["mail"], "those without a name have no months");
    assert_eq!(collector.get("/telemetryui/status/months?machine=unnamed").status, 404);
    assert_eq!(collector.get("/telemetryui/status/months?month=2026-13").status, 400);
    assert!(collector.get("/telemetryui/status/months").body.contains("office"));
    let csv = collector.get("/telemetryui/status/months?format=csv").body;
    assert!(csv.starts_with("group,machine,check,month,seconds,ok,"), "{csv}");
    collector.stop();
}

/// A sample of a disk of 1 GB of which so many bytes are free, and of a certificate.
fn sample(free: i64, ends: i64) -> String {
    format!(
        "# TYPE system_filesystem_usage_bytes gauge\n# UNIT system_filesystem_usage_bytes bytes\n\
         system_filesystem_usage_bytes{{mountpoint=\"/var\",state=\"free\"}} {free}\n\
         system_filesystem_usage_bytes{{mountpoint=\"/var\",state=\"used\"}} {}\n\
         # TYPE system_load gauge\nsystem_load{{minutes=\"5\"}} 1.5\n\
         # TYPE telemetry_certificate_not_after_timestamp_seconds gauge\n# UNIT telemetry_certificate_not_after_timestamp_seconds seconds\n\
         telemetry_certificate_not_after_timestamp_seconds{{path=\"/etc/<x>.pem\",sha256=\"ab\"}} {ends}\n\
         # TYPE telemetry_environment_interval_seconds gauge\n# UNIT telemetry_environment_interval_seconds seconds\n\
         telemetry_environment_interval_seconds 1800\n# EOF\n",
        1_000_000_000 - free
    )
}

#[test]
fn what_fills_and_what_ends_is_foreseen_and_drawn() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("records.db");
    let collector = Collector::on(&database);
    let now = now();
    // 20 kB a second: the 432 MB that are left are gone in six hours.
    let (full, ends) = (now + 6 * 3600, now + 5 * 86_400);
    for minutes in (0..24 * 60).step_by(30) {
        let taken = now - minutes * 60;
        post(
            &collector,
            "id1",
            "org.telemetrics/environment/sample",
            taken,
            &sample((full - taken) * 10_000, ends),
        );
    }
    collector.stop();
    // It reckons at its start.
    let collector = Collector::on(&database);
    let began = std::time::Instant::now();
    let runs_out = loop {
        let found = status(&collector, "")["runs_out"].clone();
        if found != json!([]) {
            break found;
        }
        assert!(began.elapsed() < DEADLINE);
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let text = telem_collector::timestamp::format_utc;
    let expected = json!([
        { "machine": "id1", "what": "disk /var", "at": text(full), "earliest": text(full), "latest": text(full) },
        { "machine": "id1", "what": "certificate /etc/<x>.pem", "at": text(ends), "earliest": text(ends), "latest": text(ends) },
    ]);
    assert_eq!(runs_out, expected);
    let first = collector.get("/telemetryui").body;
    assert!(
        first.contains("disk &#x2f;var") && first.contains("certificate &#x2f;etc&#x2f;&lt;x&gt;.pem"),
        "{first}"
    );

    for (days, resolution, least) in [(1, "samples", 40), (35, "hours", 20), (760, "days", 1)] {
        let machine = collector.get(&format!("/telemetryui/machines/id1?format=json&days={days}")).json();
        let lines = machine["lines"].as_array().unwrap();
        let free = lines.iter().find(|line| line["labels"] == "mountpoint=\"/var\",state=\"free\"").unwrap();
        assert_eq!(
            (&free["resolution"], &free["name"]),
            (&json!(resolution), &json!("system_filesystem_usage_bytes"))
        );
        let points = free["points"].as_array().unwrap();
        assert!(points.len() >= least, "{days}: {}", points.len());
        for point in points {
            assert!(
                point["min"].as_f64() <= point["mean"].as_f64()
                    && point["mean"].as_f64() <= point["max"].as_f64(),
                "{point}"
            );
        }
        let page = collector.get(&format!("/telemetryui/machines/id1?days={days}")).body;
        assert!(
            page.contains("Free space, bytes") && page.contains("class=\"line k0\"") || days == 760,
            "{page}"
        );
    }
    let page = collector.get("/telemetryui/machines/id1").body;
    assert!(page.contains("series=telemetry_certificate_not_after_timestamp_seconds"), "{page}");
    let others = collector
        .get("/telemetryui/machines/id1?series=telemetry_certificate_not_after_timestamp_seconds")
        .body;
    assert!(others.contains("The usual charts") && !others.contains("<x>"), "{others}");
    assert_eq!(collector.get("/telemetryui/machines/id1?days=761").status, 400);
    assert_eq!(collector.get("/telemetryui/machines/nobody").status, 404);
    collector.stop();
}

#[test]
fn a_wrong_machine_is_refused_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = config(directory.path(), "[machine a]\nid=1\n\n[machine b]\nid=2\ndowntime=Sun 02:00\n");
    let error = refusal(&["--database", ":memory:", "--listen", "127.0.0.1:0", "--config", &path]);
    assert!(error.contains("collector.conf: line 6: downtime: Sun 02:00"), "{error}");
}
