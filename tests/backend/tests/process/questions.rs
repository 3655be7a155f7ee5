//! The twelve questions that a fleet's administrator has: each is one page, the same as HTML, as JSON and, where it is a list,
//! as CSV, at one path.

use std::process::Command;

use serde_json::Value;

use crate::collector::Collector;

/// A question, its path, the name of its list, and a value of a row that the page shows.
type Question = (&'static str, &'static str, &'static str, &'static str);

const LISTS: &[Question] = &[
    ("what crashes", "groups", "groups", "name"),
    ("is it new", "new", "groups", "name"),
    ("is it fixed", "fixed", "groups", "name"),
    ("is it back", "regressed", "groups", "name"),
    ("how bad", "rates", "rates", "value"),
    ("whom", "machines?group=ID", "machines", "machine_id"),
    ("is it hardware", "hardware?group=ID", "hardware", "value"),
    ("how many machines", "versions", "versions", "build"),
    ("who is silent", "machines?silent=1", "machines", "machine_id"),
    ("take it along", "records", "records", "classification"),
    ("why here", "rules", "rules", "rule"),
];

/// Those that are no list.
const PAGES: &[(&str, &str, &[&str])] = &[
    (
        "since when, on which builds",
        "groups/ID",
        &["first_version", "last_version", "versions", "days", "variants", "history"],
    ),
    ("why is this record here", "records/record_details/RECORD", &["group", "why", "payload"]),
    ("what is wrong", "", &["groups", "new", "regressed", "probably_fixed"]),
    ("the collector itself", "collector", &["database", "problems", "changes"]),
];

fn fleet() -> (tempfile::TempDir, Collector) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("t.db");
    let made = Command::new(env!("CARGO_BIN_EXE_telem-collector"))
        .args(["fleet", "--machines", "150", "--database"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let collector = Collector::on(&file);
    (directory, collector)
}

fn with(path: &str, form: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("/telemetryui{}{path}{separator}format={form}", if path.is_empty() { "" } else { "/" })
}

/// As the template engine writes it.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    text.replace('\'', "&#x27;").replace('/', "&#x2f;")
}

/// The beginning of it, which a table shows.
fn beginning(value: &Value) -> String {
    value.as_str().unwrap().chars().take(60).collect()
}

#[test]
fn each_question_is_one_page_and_the_same_in_every_form() {
    let (_directory, collector) = fleet();
    let first = collector.get("/telemetryui/groups?format=json").json()["groups"][0].clone();
    let group = first["id"].to_string();
    let record = collector.get(&format!("/telemetryui/records?format=json&group={group}")).json();
    let record = record["records"][0]["id"].to_string();
    let all = collector.get("/telemetryui/groups?format=json").json();
    let is_marked = |group: &Value| {
        let path = format!("/telemetryui/groups/{}", group["id"]);
        let form = format!("state=fixed&version={}9", group["last_version"].as_str().unwrap_or("1"));
        crate::http::Client::connect(collector.address).request("POST", &path, &[], form.as_bytes()).status
            == 303
    };
    assert!(all["groups"].as_array().unwrap().iter().any(is_marked), "one is fixed");
    let fill = |path: &str| path.replace("ID", &group).replace("RECORD", &record);
    let mut with_rows = 0;
    for (question, path, name, shown) in LISTS {
        let path = fill(path);
        let json = collector.get(&with(&path, "json"));
        assert_eq!(json.status, 200, "{question}: {json:?}");
        let accepted = ("Accept".to_owned(), "application/json".to_owned());
        let plain = with(&path, "json").replace("?format=json", "").replace("&format=json", "");
        let by_header =
            crate::http::Client::connect(collector.address).request("GET", &plain, &[accepted], b"");
        let json = json.json();
        assert_eq!(
            by_header.json()[name].as_array().map(Vec::len),
            json[name].as_array().map(Vec::len),
            "{question}"
        );
        let rows = json[name].as_array().unwrap_or_else(|| panic!("{question}: no {name} in {json}"));
        let csv = collector.get(&with(&path, "csv"));
        assert!(csv.header("content-type").unwrap().starts_with("text/csv"), "{question}: {csv:?}");
        let head = csv.body.lines().next().unwrap();
        let html = collector.get(&with(&path, "html"));
        assert!(html.status == 200 && !html.body.contains("<script"), "{question}");
        let Some(row) = rows.first() else {
            assert_eq!(csv.body.lines().count(), 1, "{question}: no rows, but {}", csv.body);
            continue;
        };
        with_rows += 1;
        for column in head.split(',') {
            assert!(row.get(column).is_some(), "{question}: the JSON has no {column}: {row}");
        }
        let value = beginning(&row[*shown]);
        assert!(
            csv.body.contains(value.split(['"', ',']).next().unwrap()),
            "{question}: {value} is not in the CSV"
        );
        assert!(
            html.body.contains(&escaped(&value)) || html.body.contains(&value),
            "{question}: {value} is not on the page"
        );
    }
    assert!(with_rows >= 10, "only {with_rows} lists have rows");
    for (question, path, names) in PAGES {
        let path = fill(path);
        let json = collector.get(&with(&path, "json")).json();
        for name in *names {
            assert!(json.get(name).is_some(), "{question}: no {name} in {json}");
        }
        assert_eq!(collector.get(&with(&path, "html")).status, 200, "{question}");
        let csv = collector.get(&with(&path, "csv"));
        // That of the collector is the list of machines that it asks.
        match path.ends_with("collector") {
            true => assert!(csv.status == 200 && csv.body.starts_with("name,state,"), "{question}: {csv:?}"),
            false => assert!(csv.status == 400 && csv.body.contains("no list"), "{question}: {csv:?}"),
        }
    }
    let feed = collector.get("/telemetryui/feed");
    assert!(feed.status == 200 && feed.body.contains("<entry>"), "tell me: {}", feed.body);
}
