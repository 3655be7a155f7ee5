//! The end: requests in flight are finished, the database is closed, the exit code is 0.

use nix::sys::signal::Signal;

use crate::collector::Collector;
use crate::http::{Client, head};
use crate::sample::headers;

#[test]
fn either_signal_ends_it_cleanly() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let directory = tempfile::tempdir().unwrap();
        let collector = Collector::on(&directory.path().join("t.db"));
        let mut idle = Client::connect(collector.address);
        assert_eq!(idle.request("POST", "/", &headers(&[]), b"").status, 201);
        collector.signal(signal);
        let output = collector.end();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(idle.line(), "", "the idle connection is closed");
        let mut left: Vec<_> =
            directory.path().read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["t.db", "t.db.lock"], "no log of the database is left over");
    }
}

#[test]
fn a_request_in_flight_is_finished() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let collector = Collector::on(&database);
    let mut client = Client::connect(collector.address);
    client.send(head("POST", "/", &headers(&[("Expect", "100-continue")]), 6).as_bytes());
    // It now waits for the body.
    assert_eq!((client.line().as_str(), client.line().as_str()), ("HTTP/1.1 100 Continue", ""));
    collector.signal(Signal::SIGTERM);
    client.send(b"hello\n");
    let answer = client.answer();
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(collector.end().status.success());
    assert_eq!(Collector::on(&database).records(""), [answer.json()]);
}
