//! The collector before a PostgreSQL server that is killed, stopped, full, replaced, or not the one it seems.

use nix::sys::signal::Signal;

use crate::cluster::Cluster;
use crate::collector::{Collector, refusal};
use crate::sample::headers;
use crate::senders::Senders;

fn on(url: &str) -> Collector {
    Collector::start(&["--database", url])
}

#[test]
fn two_collectors_set_an_empty_database_up_and_store_a_record_once() {
    let cluster = Cluster::shared();
    let name = cluster.database();
    let url = cluster.url(&name);
    let starting: Vec<_> = (0..2)
        .map(|_| {
            let url = url.clone();
            std::thread::spawn(move || on(&url))
        })
        .collect();
    let collectors: Vec<_> = starting.into_iter().map(|thread| thread.join().unwrap()).collect();
    for number in 0..20 {
        let key = format!("key-{number}");
        let headers = headers(&[("Idempotency-Key", &key)]);
        let [first, second] = [0, 1].map(|index| {
            let answer = collectors[index].post("/", &headers, format!("{number}\0\u{1f600}"));
            assert_eq!(answer.status, 201, "{answer:?}");
            answer.json()
        });
        assert_eq!(first, second);
    }
    assert_eq!(collectors[0].records("").len(), 20);
    assert_eq!(collectors[0].records(""), collectors[1].records(""));
    let text = cluster.sql(&name, "SELECT payload, severity, ts_capture FROM records ORDER BY id LIMIT 1");
    assert_eq!(text, "0\u{2400}\u{1f600}|1|1443573575", "other programs read it");
    assert_eq!(
        cluster.sql(&name, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'records'::regclass"),
        "5"
    );
    for collector in collectors {
        collector.stop();
    }
}

#[test]
fn a_killed_server_loses_no_answered_record_and_doubles_none() {
    let mut cluster = Cluster::start(&[]);
    let url = cluster.url(&cluster.database());
    let collectors = [on(&url), on(&url)];
    let senders = Senders::start(16, collectors.iter().map(|collector| collector.address).collect());
    for _ in 0..3 {
        senders.wait_for(200);
        cluster.kill();
        cluster.run();
    }
    senders.wait_for(200);
    senders.check(&collectors[0]);
}

#[test]
fn a_killed_collector_loses_no_answered_record_and_doubles_none() {
    let cluster = Cluster::shared();
    let url = cluster.url(&cluster.database());
    let (dying, living) = (on(&url), on(&url));
    let senders = Senders::start(16, vec![dying.address, living.address]);
    senders.wait_for(200);
    dying.signal(Signal::SIGKILL);
    dying.end();
    senders.wait_for(200);
    senders.check(&living);
}

#[test]
fn a_standby_that_takes_over_has_all_that_was_answered() {
    let mut cluster = Cluster::start(&["wal_level = replica"]);
    let name = cluster.database();
    let standby = cluster.standby();
    cluster.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
    cluster.sql("postgres", "SELECT pg_reload_conf()");
    let hosts = |cluster: &Cluster| {
        let url = cluster.url("");
        url.trim_start_matches("postgres://telem@").trim_end_matches('/').to_owned()
    };
    let url = format!("postgres://telem@{},{}/{name}", hosts(&cluster), hosts(&standby));
    let collector = on(&url);
    let senders = Senders::start(16, vec![collector.address]);
    senders.wait_for(200);
    cluster.kill();
    standby.promote();
    senders.wait_for(200);
    senders.check(&collector);
}

#[test]
fn a_full_disk_is_503_and_pages_go_on() {
    let mut cluster = Cluster::start(&[]);
    let name = cluster.database();
    cluster.stop();
    // 4 MiB.
    cluster.bound_files("8192");
    cluster.run();
    let collector = on(&cluster.url(&name));
    let large: String =
        (0..20_000_u32).map(|number| char::from(b' ' + (number * number % 7919 % 90) as u8)).collect();
    let mut stored = 0;
    let refused = loop {
        let answer = collector.post("/", &headers(&[]), &large);
        match answer.status {
            201 => stored += 1,
            _ => break answer,
        }
        assert!(stored < 2000, "nothing is full");
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("30")), "{refused:?}");
    assert!(refused.message().contains("the database failed: "), "{}", refused.message());
    assert_eq!(collector.records("?limit=1").len(), 1);
    assert_eq!(cluster.sql(&name, "SELECT count(*) FROM records"), stored.to_string());
    cluster.sql(&name, "TRUNCATE records");
    assert_eq!(collector.post("/", &headers(&[]), &large).status, 201);
}

#[test]
fn a_server_that_stops_is_503_until_it_is_back() {
    let mut cluster = Cluster::start(&["fsync = off"]);
    let collector = on(&cluster.url(&cluster.database()));
    assert_eq!(collector.post("/", &headers(&[]), "").status, 201);
    cluster.stop();
    assert_eq!(collector.get("/api/records").status, 503);
    assert_eq!(collector.post("/", &headers(&[]), "").status, 503);
    cluster.run();
    assert_eq!(collector.post("/", &headers(&[]), "").status, 201);
    assert_eq!(collector.records("").len(), 2);
}

#[test]
fn databases_that_cannot_be_used_are_refused_in_one_line() {
    let cluster = Cluster::shared();
    let refused = |name: &str| {
        let line = refusal(&["--listen", "127.0.0.1:0", "--database", &cluster.url(name)]);
        assert!(line.contains(&format!("/{name}\": ")), "{line}");
        line
    };
    let line = refused("none");
    assert!(line.contains("does not exist; create it"), "{line}");
    let theirs = cluster.database();
    cluster.sql(&theirs, "CREATE TABLE records (a integer)");
    let line = refused(&theirs);
    assert!(line.contains("another program; give another --database"), "{line}");
    assert_eq!(cluster.sql(&theirs, "SELECT count(*) FROM pg_class WHERE relname LIKE 'telem%'"), "0");
    let later = cluster.database();
    cluster.sql(&later, "CREATE TABLE telem_schema (version integer); INSERT INTO telem_schema VALUES (99)");
    let line = refused(&later);
    assert!(line.contains("a later collector made it (schema 99)"), "{line}");
}
