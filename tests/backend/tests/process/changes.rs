//! What people change of groups: by forms and by JSON, and who may.

use serde_json::Value;

use crate::collector::Collector;
use crate::http::{Answer, Client};
use crate::sample::headers;

fn crash(collector: &Collector, function: &str, version: &str) {
    let payload = format!(
        "Process: /usr/bin/editor\nPID: 1\nSignal: 11\nPackage: editor {version}\n\nBacktrace (TID 1):\n#0 {function}() - [/usr/bin/editor]\n#1 main() - [/usr/bin/editor]\n"
    );
    let changes =
        [("Classification", "org.clearlinux/crash/clr"), ("System-Name", "debian"), ("Build", "13")];
    let answer = collector.post("/", &headers(&changes), payload);
    assert_eq!(answer.status, 201, "{answer:?}");
}

fn post(collector: &Collector, id: i64, form: &str) -> Answer {
    Client::connect(collector.address).request(
        "POST",
        &format!("/telemetryui/groups/{id}"),
        &[],
        form.as_bytes(),
    )
}

fn group(collector: &Collector, id: i64) -> Value {
    collector.get(&format!("/telemetryui/groups/{id}?format=json")).json()
}

fn ids(collector: &Collector, query: &str) -> Vec<i64> {
    let groups = collector.get(&format!("/telemetryui/groups?format=json{query}")).json();
    groups["groups"].as_array().unwrap().iter().map(|group| group["id"].as_i64().unwrap()).collect()
}

#[test]
fn people_mark_name_merge_and_undo() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::on(&directory.path().join("t.db"));
    crash(&collector, "load", "1.0");
    crash(&collector, "save", "1.1");
    let all = ids(&collector, "");
    assert_eq!(all.len(), 2);
    let (one, other) = (all[0], all[1]);

    let answer = post(&collector, one, "name=The+one");
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(format!("/telemetryui/groups/{one}").as_str()))
    );
    assert_eq!(group(&collector, one)["name"], "The one");
    assert_eq!(post(&collector, one, "note=seen+by+all").status, 303);
    assert_eq!(post(&collector, one, "state=fixed").status, 400, "fixed in which version?");
    assert_eq!(post(&collector, one, "state=fixed&version=1.5").status, 303);
    let marked = group(&collector, one);
    assert_eq!((marked["state"].as_str(), marked["fixed_in"].as_str()), (Some("fixed"), Some("1.5")));
    let history = marked["history"].as_array().unwrap();
    assert_eq!(history.len(), 3, "{history:?}");
    assert_eq!((history[2]["who"].as_str(), history[2]["before"].as_str()), (Some("(local)"), Some("open")));
    assert!(history[2]["after"].as_str().unwrap().contains("fixed in 1.5"), "{history:?}");
    // An older one that comes late changes nothing; one of that version does.
    let function =
        if marked["signature_hash"] == group(&collector, one)["signature_hash"] { "load" } else { "save" };
    for name in ["load", "save"] {
        crash(&collector, name, "1.4");
    }
    assert_eq!(group(&collector, one)["state"], "fixed", "{function}");
    for name in ["load", "save"] {
        crash(&collector, name, "1.5");
    }
    assert_eq!(group(&collector, one)["state"], "regressed");
    assert!(collector.get(&format!("/telemetryui/groups/{one}")).body.contains("It came back"));
    assert_eq!(post(&collector, one, "state=open").status, 303);

    assert_eq!(post(&collector, one, "state=hidden&until=").status, 303);
    assert_eq!((ids(&collector, ""), ids(&collector, "&state=hidden")), (vec![other], vec![one]));
    assert_eq!(post(&collector, one, "state=open").status, 303);

    assert_eq!(post(&collector, one, &format!("merge={one}")).status, 409, "into itself");
    let merged = post(&collector, one, &format!("merge={other}"));
    assert_eq!(
        (merged.status, merged.header("location")),
        (303, Some(format!("/telemetryui/groups/{other}").as_str()))
    );
    let moved = collector.get(&format!("/telemetryui/groups/{one}?days=7"));
    assert_eq!(
        (moved.status, moved.header("location")),
        (308, Some(format!("/telemetryui/groups/{other}?days=7").as_str()))
    );
    let history = group(&collector, other)["history"].clone();
    let merge = history.as_array().unwrap().iter().find(|entry| entry["what"] == "merge").unwrap().clone();
    assert_eq!(post(&collector, other, &format!("undo={}", merge["id"])).status, 303);
    assert_eq!(ids(&collector, "").len(), 2);
    let page = collector.get("/telemetryui/collector").body;
    assert!(page.contains("merge") && page.contains("undone by"), "{page}");
}

#[test]
fn a_change_as_json_is_answered_with_the_group_and_wrong_ones_are_named() {
    let collector = Collector::in_memory();
    crash(&collector, "load", "1.0");
    let id = ids(&collector, "")[0];
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    let change = |body: &str| {
        let path = format!("/telemetryui/groups/{id}?format=json");
        Client::connect(collector.address).request(
            "POST",
            &path,
            std::slice::from_ref(&json),
            body.as_bytes(),
        )
    };
    let answer = change("{\"name\": \"<b>bold</b>\"}");
    assert_eq!((answer.status, answer.json()["name"].as_str()), (200, Some("<b>bold</b>")));
    let page = collector.get(&format!("/telemetryui/groups/{id}")).body;
    assert!(!page.contains("<b>bold") && page.contains("&lt;b&gt;bold"), "{page}");
    for (body, status) in [
        ("{\"state\": \"gone\"}", 400),
        ("{\"merge\": 999}", 404),
        ("{\"undo\": 999}", 400),
        ("{\"state\": \"fixed\", \"version\": \"1\", \"line\": \"kernel\"}", 409),
        ("{\"split\": \"0123456789abcdef0123456789abcdef\"}", 409),
        ("no json", 400),
    ] {
        let answer = change(body);
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(!answer.message().is_empty());
    }
    let none = Client::connect(collector.address).request("POST", "/telemetryui/groups/999", &[], b"note=x");
    assert_eq!(none.status, 404);
    let foreign = ("Sec-Fetch-Site".to_owned(), "cross-site".to_owned());
    let path = format!("/telemetryui/groups/{id}");
    assert_eq!(Client::connect(collector.address).request("POST", &path, &[foreign], b"note=x").status, 403);
}
