//! The rules of a site: what others would do is previewed, then they are taken, and records follow.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::collector::{Collector, DEADLINE};
use crate::http::{Answer, Client};
use crate::sample::headers;

const RULES: &str = "/telemetryui/rules";

fn crash(collector: &Collector, inner: &str, outer: &str) {
    let payload = format!(
        "Process: /usr/bin/app\nSignal: 11\n\nBacktrace (TID 1):\n#0 {inner}() - [libwrap.so.1]\n#1 {outer}() - [/usr/bin/app]\n"
    );
    let changes =
        [("Classification", "org.clearlinux/crash/clr"), ("System-Name", "debian"), ("Build", "13")];
    assert_eq!(collector.post("/", &headers(&changes), payload).status, 201);
}

fn post(collector: &Collector, body: &Value) -> Answer {
    let kind = ("Content-Type".to_owned(), "application/json".to_owned());
    let path = format!("{RULES}?format=json");
    Client::connect(collector.address).request("POST", &path, &[kind], body.to_string().as_bytes())
}

fn groups(collector: &Collector) -> Vec<(String, i64)> {
    let list = collector.get("/telemetryui/groups?format=json").json();
    let row =
        |group: &Value| (group["name"].as_str().unwrap().to_owned(), group["records"].as_i64().unwrap());
    let mut groups: Vec<_> = list["groups"].as_array().unwrap().iter().map(row).collect();
    groups.sort_unstable();
    groups
}

fn wait_for(collector: &Collector, expected: &[(&str, i64)]) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let found = groups(collector);
        let found: Vec<_> = found.iter().map(|(name, records)| (name.as_str(), *records)).collect();
        if found == expected && collector.get(&format!("{RULES}?format=json")).json()["regrouping"].is_null()
        {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} in place of {expected:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn preview_take_and_bring_back(collector: &Collector) {
    for (inner, outer) in [("wrap_a", "load"), ("wrap_a", "load"), ("wrap_b", "load"), ("wrap_b", "save")] {
        crash(collector, inner, outer);
    }
    wait_for(collector, &[("app: wrap_a", 2), ("app: wrap_b", 2)]);
    let text = "skip libwrap.so* wrap_* *  # only hands on\n";
    let form = format!(
        "rules={}&do=preview",
        text.replace('*', "%2A").replace(' ', "+").replace('#', "%23").replace('\n', "%0D%0A")
    );
    let page = Client::connect(collector.address).request("POST", RULES, &[], form.as_bytes());
    assert_eq!(page.status, 200);
    for shown in
        ["What these rules would do", "app: load", "app: save", "would be joined", "skip libwrap.so* wrap_*"]
    {
        assert!(page.body.contains(shown), "{shown}:\n{}", page.body);
    }
    let preview = post(collector, &json!({ "rules": text, "do": "preview" })).json()["preview"].clone();
    assert_eq!(preview["joined"][0]["name"], "app: load", "{preview}");
    assert_eq!(preview["joined"][0]["groups"].as_array().unwrap().len(), 2, "{preview}");
    assert_eq!(preview["split"][0]["group"]["name"], "app: wrap_b", "{preview}");
    assert!(preview["moved_records"].as_i64().unwrap() > 0, "{preview}");
    wait_for(collector, &[("app: wrap_a", 2), ("app: wrap_b", 2)]);

    let taken = post(collector, &json!({ "rules": text, "do": "take" }));
    assert_eq!(taken.status, 200, "{taken:?}");
    wait_for(collector, &[("app: load", 3), ("app: save", 1)]);
    crash(collector, "wrap_c", "save");
    wait_for(collector, &[("app: load", 3), ("app: save", 2)]);
    let page = collector.get(&format!("{RULES}?format=json")).json();
    assert_eq!(
        (page["site_rules"].as_str(), page["version"].as_str()),
        (Some(text), taken.json()["version"].as_str())
    );
    let change = &page["changes"][0];
    assert_eq!(
        (change["who"].as_str(), change["before"].as_str(), change["after"].as_str()),
        (Some("(local)"), Some(""), Some(text))
    );

    assert_eq!(post(collector, &json!({ "rules": "", "do": "take" })).status, 200);
    wait_for(collector, &[("app: wrap_a", 2), ("app: wrap_b", 2), ("app: wrap_c", 1)]);
    let before = collector.get(&format!("{RULES}?change={}", change["id"])).body;
    assert!(before.contains("only hands on"), "{before}");
}

#[test]
fn rules_are_previewed_taken_and_brought_back_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let collector = Collector::on(&database);
    preview_take_and_bring_back(&collector);
    assert_eq!(
        post(&collector, &json!({ "rules": "skip libwrap.so* wrap_* *\n", "do": "take" })).status,
        200
    );
    collector.stop();
    // They are in the database.
    let collector = Collector::on(&database);
    wait_for(&collector, &[("app: load", 3), ("app: save", 2)]);
}

#[test]
fn rules_taken_at_one_collector_hold_at_all_on_postgresql() {
    let cluster = Cluster::shared();
    let url = cluster.url(&cluster.database());
    let collector = Collector::start(&["--database", &url]);
    preview_take_and_bring_back(&collector);
    let pages = Collector::start(&["--database", &url, "--serve", "pages"]);
    assert_eq!(post(&pages, &json!({ "rules": "skip libwrap.so* wrap_* *\n", "do": "take" })).status, 200);
    wait_for(&pages, &[("app: load", 3), ("app: save", 2)]);
    let version = |of: &Collector| of.get(&format!("{RULES}?format=json")).json()["version"].clone();
    assert_eq!(version(&pages), version(&collector));
}

#[test]
fn wrong_rules_are_named_and_a_file_wins() {
    let collector = Collector::in_memory();
    for (body, word) in [
        (json!({ "rules": "skip a b *\nskop a b *\n" }), "rules of the site:2: "),
        (json!({ "rules": "", "do": "burn" }), "allowed: preview, take"),
        (json!({ "do": "take" }), "rules is missing"),
        (json!({ "rules": "", "colour": "red" }), "colour is no field here"),
    ] {
        let answer = post(&collector, &body);
        assert!(answer.status == 400 && answer.message().contains(word), "{body}: {answer:?}");
    }
    let page = Client::connect(collector.address).request("POST", RULES, &[], b"rules=skop+a+b");
    assert!(
        page.status == 400
            && page.body.contains("cannot be taken")
            && page.body.contains(">skop a b</textarea>"),
        "{page:?}"
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("site.rules");
    std::fs::write(&file, "skip libwrap.so* wrap_* *\n").unwrap();
    let collector = Collector::start(&["--database", ":memory:", "--rules", file.to_str().unwrap()]);
    crash(&collector, "wrap_a", "load");
    assert_eq!(groups(&collector), [("app: load".to_owned(), 1)]);
    assert_eq!(post(&collector, &json!({ "rules": "" })).json()["preview"]["renamed_total"], 1);
    let refused = post(&collector, &json!({ "rules": "", "do": "take" }));
    assert!(refused.status == 409 && refused.message().contains("site.rules"), "{refused:?}");
}

/// Two collectors of one database whose files differ: the one that was changed last holds for both, and neither undoes what the
/// other did.
#[test]
fn files_of_rules_that_differ_do_not_fight_on_postgresql() {
    let cluster = Cluster::shared();
    let url = cluster.url(&cluster.database());
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let skips = "skip libwrap.so* wrap_* *\n";
    let [ours, theirs] = [file("ours", "# none yet\n"), file("theirs", skips)];
    let first = Collector::start(&["--database", &url, "--rules", &ours]);
    crash(&first, "wrap_a", "load");
    wait_for(&first, &[("app: wrap_a", 1)]);
    let second = Collector::start(&["--database", &url, "--rules", &theirs]);
    wait_for(&second, &[("app: load", 1)]);
    let version = |of: &Collector| of.get(&format!("{RULES}?format=json")).json()["version"].clone();
    let deadline = Instant::now() + DEADLINE;
    while version(&first) != version(&second) {
        assert!(Instant::now() < deadline, "the first does not follow");
        std::thread::sleep(Duration::from_millis(50));
    }
    // By either, a new failure is in the same group; and it stays there.
    crash(&first, "wrap_b", "load");
    crash(&second, "wrap_c", "load");
    wait_for(&first, &[("app: load", 3)]);
    let troubles =
        |of: &Collector| of.get("/telemetryui/collector?format=json").json()["problems"].to_string();
    let names_file = |of: &Collector, path: &str| troubles(of).contains(path);
    assert!(names_file(&first, &ours), "{}", troubles(&first));
    assert!(!names_file(&second, &theirs), "{}", troubles(&second));
    let changes = || first.get(&format!("{RULES}?format=json")).json()["changes"].as_array().unwrap().len();
    let before = changes();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(changes(), before, "nobody takes rules that nobody changed");
}
