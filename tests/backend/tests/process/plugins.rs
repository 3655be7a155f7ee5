//! Plug-ins: parsers and views in files, and what they must not be able to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::Cluster;
use crate::collector::{Collector, DEADLINE};
use crate::sample::headers;

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).unwrap();
}

fn script(directory: &Path, name: &str, text: &str) {
    write(directory, name, text);
    fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

fn start(plugins: &Path, database: &str, more: &[&str]) -> Collector {
    let args = ["--database", database, "--plugins", plugins.to_str().unwrap()];
    Collector::start(&[&args[..], more].concat())
}

/// Waits until something is there.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn view(collector: &Collector, name: &str) -> Value {
    collector.get(&format!("/telemetryui/views/{name}?format=json")).json()["views"][0].clone()
}

/// Everything at once: patterns, a program, another form, and views of what they found; on either engine.
fn check(database: &str, more: &[&str], prepare: impl Fn()) {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path();
    write(plugins, "speed.parser", "classes = [\"a/b/*\"]\npatterns = ['speed=(?P<speed>\\d+)']\n");
    write(plugins, "packed.parser", "classes = [\"a/packed/c\"]\ndecode = \"base64\"\n");
    write(plugins, "counted.parser", "classes = [\"a/b/c\"]\nprogram = \"count\"\n");
    script(
        plugins,
        "count",
        "#!/bin/sh\nwhile read -r line; do\n  id=${line#*\\\"id\\\":}; id=${id%%,*}; echo \"{\\\"id\\\":${id%\\}},\\\"values\\\":{\\\"length\\\":${#line},\\\"environment\\\":$(env | grep -c =)}}\"\ndone\n",
    );
    write(
        plugins,
        "speeds.view",
        "title = \"Speeds\"\ndraw = \"bars\"\nsql = \"SELECT value, count(*) AS n FROM v_values WHERE name = 'speed' GROUP BY value ORDER BY value\"\n",
    );
    write(plugins, "evil.view", "title = \"Evil\"\nsql = \"SELECT * FROM decisions\"\n");
    write(plugins, "broken.view", "title = 5\n");
    let collector = start(plugins, database, more);
    prepare();
    for (class, payload) in
        [("a/b/c", "speed=7"), ("a/b/d", "speed=7"), ("a/b/c", "none"), ("a/packed/c", "aGVsbG8=")]
    {
        assert_eq!(collector.post("/", &headers(&[("Classification", class)]), payload).status, 201);
    }
    let found = until("values of patterns", || {
        let view = view(&collector, "speeds");
        (view["rows"][0]["n"] == 2).then_some(view)
    });
    assert_eq!(found["rows"][0]["value"], "7", "{found}");
    let page = until("values of a program", || {
        let page = collector.get("/telemetryui/records/record_details/1").body;
        page.contains("counted: <bdi>length</bdi>").then_some(page)
    });
    // A shell sets PWD and the like by itself; nothing of ours is there.
    assert!(!page.contains("PATH=") && page.contains("speed=7"), "{page}");
    let page = until("the other form", || {
        let page = collector.get("/telemetryui/records/record_details/4").body;
        page.contains("as packed reads it").then_some(page)
    });
    assert!(page.contains(">hello</pre>") && page.contains(">aGVsbG8=</pre>"), "both forms: {page}");
    let evil = view(&collector, "evil");
    assert!(evil["error"].is_string() && evil["rows"].as_array().unwrap().is_empty(), "{evil}");
    let state = collector.get("/telemetryui/collector").body;
    for name in ["broken.view", "evil.view"] {
        assert!(state.contains(name), "{name} is not named: {state}");
    }
    assert!(collector.get("/telemetryui/views/speeds").body.contains("<svg class=\"chart\""));
    assert_eq!(collector.get("/telemetryui/views/none").status, 404);
}

#[test]
fn parsers_and_views_of_files_work_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    check(directory.path().join("t.db").to_str().unwrap(), &[], || ());
}

#[test]
fn parsers_and_views_of_files_work_on_postgresql_by_a_login_of_their_own() {
    let cluster = Cluster::shared();
    let name = cluster.database();
    let login = format!("views_{name}");
    cluster.sql(&name, &format!("CREATE ROLE {login} LOGIN"));
    let url = cluster.url(&name);
    let views = url.replace("telem@", &format!("{login}@"));
    let grant = || {
        let all = "v_records, v_groups, v_group_days, v_fleet_days, v_values";
        cluster.sql(&name, &format!("GRANT SELECT ON {all} TO {login}"));
    };
    check(&url, &["--views-database", &views], grant);
}

/// What a view's login could do beyond reading, and what a query could do to be rid of its bounds.
#[test]
fn views_on_postgresql_are_held_by_their_login_and_by_time() {
    let cluster = Cluster::shared();
    let name = cluster.database();
    let login = format!("views_{name}");
    cluster.sql(&name, &format!("CREATE ROLE {login} LOGIN"));
    let (url, plugins) = (cluster.url(&name), tempfile::tempdir().unwrap());
    for (file, sql) in [
        ("slow", "SELECT pg_sleep(60)::text"),
        (
            "endless",
            "WITH RECURSIVE n(i) AS (SELECT 1::bigint UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        ),
        ("unbound", "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)::text"),
        ("two", "SELECT 1; SELECT 2"),
        ("role", "SELECT set_config('role', 'telem', false), (SELECT count(*) FROM records)"),
        ("file", "SELECT pg_read_file('/etc/passwd')"),
        ("table", "SELECT count(*) FROM idempotency"),
    ] {
        write(plugins.path(), &format!("{file}.view"), &format!("title = \"x\"\nsql = \"{sql}\"\n"));
    }
    let views = url.replace("telem@", &format!("{login}@"));
    let collector = start(plugins.path(), &url, &["--views-database", &views]);
    for name in ["slow", "endless", "unbound", "two", "role", "file", "table"] {
        let begin = Instant::now();
        let answer = view(&collector, name);
        assert!(answer["error"].is_string(), "{name}: {answer}");
        assert!(begin.elapsed() < Duration::from_secs(20), "{name} took {:?}", begin.elapsed());
    }
    // A login that may read a table is not used at all.
    cluster.sql(&name, &format!("GRANT SELECT ON records TO {login}"));
    let answer = view(&collector, "slow");
    assert!(answer["error"].as_str().unwrap().contains("has rights on records"), "{answer}");
    // Neither is ours.
    let ours = start(plugins.path(), &url, &["--views-database", &url]);
    assert!(view(&ours, "slow")["error"].as_str().unwrap().contains("rights"), "{}", view(&ours, "slow"));
    let none = start(plugins.path(), &url, &[]);
    assert!(view(&none, "slow")["error"].as_str().unwrap().contains("--views-database"));
}

/// Programs that break each bound: none stops the others, and each is named.
#[test]
fn programs_are_held_within_their_bounds() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path();
    let marks = directory.path().join("marks");
    fs::create_dir(&marks).unwrap();
    let mark = marks.display();
    for (name, text) in [
        ("slow", "sleep 60 & sleep 60".to_owned()),
        ("loud", "yes".to_owned()),
        ("greedy", "exec python3 -c 'x = bytearray(600 * 1024 * 1024); print()'".to_owned()),
        ("chatty", "exec python3 -c 'import socket; socket.socket().connect((\"127.0.0.1\", 1))'".to_owned()),
        ("writer", format!("echo mine > {mark}/written && exit 0; exit 3")),
        ("foreign", "echo '{\"id\": 999999}'".to_owned()),
        ("nonsense", "echo nonsense".to_owned()),
        ("failing", "echo its last words >&2; exit 3".to_owned()),
        ("good", "while read -r line; do id=${line#*\\\"id\\\":}; id=${id%%,*}; echo \"{\\\"id\\\":${id%\\}},\\\"values\\\":{\\\"seen\\\":1}}\"; done".to_owned()),
    ] {
        script(plugins, name, &format!("#!/bin/sh\n{text}\n"));
        write(plugins, &format!("{name}.parser"), &format!("classes = [\"a/b/c\"]\nprogram = \"{name}\"\n"));
    }
    let collector = start(plugins, directory.path().join("t.db").to_str().unwrap(), &[]);
    for _ in 0..2 {
        assert_eq!(collector.post("/", &headers(&[("Classification", "a/b/c")]), "x").status, 201);
    }
    until("values of the good one", || {
        collector
            .get("/telemetryui/records/record_details/2")
            .body
            .contains("good: <bdi>seen</bdi>")
            .then_some(())
    });
    let body = collector.get("/telemetryui/records/record_details/2").body;
    for name in ["slow", "loud", "greedy", "chatty", "writer", "foreign", "nonsense", "failing"] {
        assert!(!body.contains(&format!("{name}: <bdi>")), "{name}: {body}");
    }
    let written = fs::metadata(marks.join("written")).map_or(0, |found| found.len());
    assert_eq!(written, 0, "a file was written");
    // What they have started is gone with them.
    let group = std::process::Command::new("pgrep").args(["-fx", "sleep 60"]).output().unwrap();
    assert!(group.stdout.is_empty(), "{group:?}");
}

#[test]
fn files_that_others_may_write_are_not_used() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "open.view", "title = \"x\"\nsql = \"SELECT 1\"\n");
    fs::set_permissions(directory.path().join("open.view"), fs::Permissions::from_mode(0o666)).unwrap();
    let collector = start(directory.path(), ":memory:", &[]);
    assert_eq!(collector.get("/telemetryui/views/open").status, 404);
    assert!(collector.get("/telemetryui").body.contains("open.view"));
}

/// The old pages of machine checks, thermal events and updates are plug-ins that ship.
#[test]
fn what_ships_shows_updates_and_machine_checks() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::on(&directory.path().join("t.db"));
    let update = |from: u32, to: u32| format!("a\nb\ncurrent_version={from}\nserver_version={to}\n");
    for payload in [update(10, 20), update(10, 20), update(20, 30), update(30, 30), "short".to_owned()] {
        let changes = [("Classification", "org.clearlinux/swupd-client/update")];
        assert_eq!(collector.post("/", &headers(&changes), payload).status, 201);
    }
    let check = "CPU 1 BANK 2\nSTATUS 8c00004000010090 MCGSTATUS 0\n";
    assert_eq!(
        collector.post("/", &headers(&[("Classification", "org.clearlinux/mce/corrected")]), check).status,
        201
    );
    assert_eq!(
        collector.post("/", &headers(&[("Classification", "org.clearlinux/mce/thermal")]), "hot").status,
        201
    );
    let rows = until("the matrix of updates", || {
        let json = collector.get("/telemetryui/updates?format=json").json();
        let rows = json["views"][0]["rows"].as_array().unwrap().clone();
        (rows.len() == 2).then_some(rows)
    });
    let of = |at: usize| {
        (rows[at]["from_version"].as_i64(), rows[at]["to_version"].as_i64(), rows[at]["updates"].as_i64())
    };
    assert_eq!((of(0), of(1)), ((Some(10), Some(20), Some(2)), (Some(20), Some(30), Some(1))));
    assert!(collector.get("/telemetryui/updates").body.contains("class=\"matrix\""));
    let status = until("the status of machine checks", || {
        let json = collector.get("/telemetryui/mce?format=json").json();
        json["views"][2]["rows"][0]["status"].as_str().map(str::to_owned)
    });
    assert_eq!(status, "00010090");
    let thermal = collector.get("/telemetryui/thermal?format=json").json();
    assert_eq!(thermal["views"][0]["rows"][0]["thermal_events"], 1, "{thermal}");
}
