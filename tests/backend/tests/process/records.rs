//! The list of records and the page of one: what can be asked, how far it looked, and why a record is in its group.

use serde_json::Value;

use crate::collector::Collector;
use crate::sample::headers;

const ON_DEBIAN: [(&str, &str); 2] = [("System-Name", "debian"), ("Build", "13")];

fn post(collector: &Collector, changes: &[(&str, &str)], payload: &str) {
    let answer = collector.post("/", &headers(&[&ON_DEBIAN, changes].concat()), payload);
    assert_eq!(answer.status, 201, "{answer:?}");
}

fn crash(program: &str, version: &str, signal: u8) -> String {
    format!(
        "Process: /usr/bin/{program}\nPID: 1\nSignal: {signal}\nPackage: {program}-bin {version}\n\nBacktrace (TID 1):\n\
         #0 raise() - [libc.so.6]\n#1 abort() - [libc.so.6]\n#2 load_{program}() - [/usr/bin/{program}]\n\
         #3 main() - [/usr/bin/{program}]\n"
    )
}

/// Records 1 to 3 are crashes, 4 a kernel warning, 5 and 6 of no group, 7 a heartbeat.
fn filled() -> Collector {
    let collector = Collector::in_memory();
    let clr = ("Classification", "org.clearlinux/crash/clr");
    post(&collector, &[clr, ("Machine-Id", "m1")], &crash("editor", "1.0", 11));
    post(&collector, &[clr, ("Machine-Id", "m2")], &crash("editor", "1.1", 11));
    post(&collector, &[clr, ("Machine-Id", "m1"), ("Severity", "3")], &crash("player", "1.0", 6));
    let warning = "Reason: WARNING: at a.c:1 f+0x1/0x2\n#1 f - [kernel]\n#2 g - [kernel]\n";
    post(&collector, &[("Classification", "org.clearlinux/kernel/warning")], warning);
    post(&collector, &[("Classification", "a/b/c")], "a needle in hay");
    post(&collector, &[("Classification", "a/b/d"), ("X-CLR-External", "true")], "hay");
    post(&collector, &[("Classification", "org.clearlinux/heartbeat/ping")], "hello");
    collector
}

fn list(collector: &Collector, query: &str) -> Value {
    let answer = collector.get(&format!("/telemetryui/records?format=json&{query}"));
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer.json()
}

fn ids(list: &Value) -> Vec<i64> {
    list["records"].as_array().unwrap().iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

#[test]
fn each_filter_finds_its_records_alone_and_with_others() {
    let collector = filled();
    for (query, expected) in [
        ("", &[6, 5, 4, 3, 2, 1][..]),
        ("heartbeats=yes", &[7, 6, 5, 4, 3, 2, 1]),
        ("kind=crash", &[2, 1]),
        ("kind=abort", &[3]),
        ("kind=kernel_warning", &[4]),
        ("state=new", &[4, 3, 2, 1]),
        ("state=fixed", &[]),
        ("program=editor", &[2, 1]),
        ("package=player-bin", &[3]),
        ("version=1.0", &[3, 1]),
        ("version=1.0&program=editor", &[1]),
        ("q=LOAD_", &[3, 2, 1]),
        ("q=load_e&machine_id=m2", &[2]),
        ("min_machines=2", &[2, 1]),
        ("min_machines=3", &[]),
        ("kind=crash&state=new&q=editor&version=1.1&severity=1&days=1", &[2]),
        ("payload=need.e", &[5]),
        ("not_payload=hay", &[4, 3, 2, 1]),
        ("payload=hay&data_source=external", &[6]),
        ("classification=a/b/*", &[6, 5]),
        ("classification=a/b/%25", &[6, 5]),
        ("min_severity=3", &[3]),
        ("os_name=debian&limit=2", &[6, 5]),
    ] {
        let found = list(&collector, query);
        assert_eq!(ids(&found), expected, "{query}");
    }
    let group = list(&collector, "kind=kernel_warning")["records"][0]["group"].as_i64().unwrap();
    assert_eq!(ids(&list(&collector, &format!("group={group}"))), [4]);
    let row = list(&collector, "q=load_e&version=1.1")["records"][0].clone();
    assert_eq!((row["kind"].as_str(), row["version"].as_str()), (Some("crash"), Some("1.1")), "{row}");
}

#[test]
fn what_is_found_is_counted_and_said() {
    let collector = filled();
    for (query, found) in
        [("limit=2", 6), ("limit=2&kind=crash", 2), ("limit=1&after=4", 6), ("kind=unit", 0)]
    {
        let list = list(&collector, query);
        assert_eq!(
            (list["found"].as_i64(), list["found_is_all"].as_bool()),
            (Some(found), Some(true)),
            "{query}"
        );
    }
    let pattern = list(&collector, "payload=needle");
    assert!(pattern["found"].is_null() && pattern["examined"] == 6 && pattern["examined_to"].is_null());
    let page = collector.get("/telemetryui/records?limit=2").body;
    assert!(page.contains("Records found: <strong>6</strong>"), "{page}");
    assert!(collector.get("/telemetryui/records?payload=needle").body.contains("6 payloads were compared"));
}

#[test]
fn filters_combine_by_links_are_seen_and_can_be_left_out_again() {
    let collector = filled();
    let page = collector.get("/telemetryui/records?kind=crash&q=editor").body.replace("&#x2f;", "/");
    for link in [
        "href=\"/telemetryui/records?kind=crash&amp;q=editor&amp;severity=1\"",
        "href=\"/telemetryui/records?kind=crash&amp;q=editor&amp;version=1.1\"",
        "href=\"/telemetryui/records?q=editor\" aria-label=\"Without the filter kind\"",
        "href=\"/telemetryui/records?kind=crash\" aria-label=\"Without the filter q\"",
        "<option value=\"crash\" selected>",
    ] {
        assert!(page.contains(link), "{link}:\n{page}");
    }
    for (query, word) in [
        ("kind=Crash", "kind is &quot;Crash&quot;; allowed: crash, abort"),
        ("state=odd", "state is &quot;odd&quot;; allowed: new"),
        ("min_machines=x", "min_machines is &quot;x&quot;"),
        ("payload=a(", "unclosed group"),
        ("not_payload=[", "unclosed character class"),
        ("payload=(%5Cw{1000}){1000}", "size limit"),
        ("colour=red", "no parameter of this page"),
        ("after=x", "what `next` has"),
    ] {
        let answer = collector.get(&format!("/telemetryui/records?{query}"));
        assert!(answer.status == 400 && answer.body.contains(word), "{query}: {answer:?}");
    }
}

#[test]
fn paging_goes_on_where_it_ended() {
    let collector = filled();
    let (mut seen, mut path) =
        (Vec::new(), "/telemetryui/records?format=json&limit=2&heartbeats=yes".to_owned());
    loop {
        let page = collector.get(&path).json();
        seen.extend(ids(&page));
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_record_says_why_it_is_in_its_group() {
    let collector = filled();
    let record = collector.get("/telemetryui/records/record_details/2?format=json").json();
    let why = &record["why"];
    assert_eq!((why["group"].as_i64(), why["version"].as_str()), (record["group"].as_i64(), Some("1.1")));
    let frames: Vec<(&str, bool)> = why["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| (frame["text"].as_str().unwrap(), frame["in_name"].as_bool().unwrap()))
        .collect();
    assert_eq!(frames.len(), 4, "{why}");
    assert!(frames[2].0.contains("load_editor") && frames[2].1 && !frames[0].1, "{frames:?}");
    assert!(why["frames"][1]["rule"].as_str().unwrap().contains("by rule"), "{why}");
    let page = collector.get("/telemetryui/records/record_details/2").body.replace("&#x2f;", "/");
    let group = record["group"].to_string();
    let variant = why["variant"].as_str().unwrap();
    for link in [
        format!("href=\"/telemetryui/groups/{group}\""),
        format!("href=\"/telemetryui/groups/{group}#variant-{variant}\""),
        "href=\"/telemetryui/machines/m2\"".to_owned(),
        "href=\"/telemetryui/events/0123456789abcdef0123456789abcdef\"".to_owned(),
        "href=\"/telemetryui/records?build=13\"".to_owned(),
        "href=\"/telemetryui/records?version=1.1\"".to_owned(),
        "href=\"/telemetryui/crashes/guilty_details/".to_owned(),
    ] {
        assert!(page.contains(&link), "{link}:\n{page}");
    }
    assert!(page.contains("left out with all above, by rule"), "{page}");
    assert!(
        collector
            .get(&format!("/telemetryui/groups/{group}"))
            .body
            .contains(&format!("id=\"variant-{variant}\""))
    );
    let plain = collector.get("/telemetryui/records/record_details/5?format=json").json();
    assert!(plain["group"].is_null() && plain["why"]["variant"].is_null(), "{plain}");
}
