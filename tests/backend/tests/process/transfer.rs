//! Moving from one database to another, as an administrator does it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::cluster::Cluster;
use crate::collector::Collector;
use crate::sample::headers;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> (Option<i32>, String) {
    let bytes = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(bytes).unwrap())
}

/// A collector with three records, running.
fn filled(database: &str) -> Collector {
    let collector = Collector::start(&["--database", database]);
    for number in 0..3 {
        let key = format!("key-{number}");
        let answer = collector.post("/", &headers(&[("Idempotency-Key", &key)]), number.to_string());
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    collector
}

#[test]
fn a_fleet_moves_from_a_file_to_a_server_and_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let cluster = Cluster::shared();
    let steps = [path("old.db"), cluster.url(&cluster.database()), path("new.db")];
    // Exported while it runs.
    let mut source = filled(&steps[0]);
    let records = source.records("");
    for (number, (from, to)) in steps.iter().zip(&steps[1..]).enumerate() {
        let lines = path(&format!("{number}.jsonl"));
        let out = File::create(&lines).unwrap();
        let exported = program(&["export", "--database", from]).stdout(out).output().unwrap();
        assert_eq!(text(&exported), (Some(0), String::new()));
        let imported = text(&program(&["import", &lines, "--database", to]).output().unwrap());
        let said = "telem-collector: 3 records imported, 0 were here already\n";
        assert_eq!(imported, (Some(0), said.to_owned()));
        source.stop();
        source = Collector::start(&["--database", to]);
        assert_eq!(source.records(""), records, "under the same ids");
        let again = source.post("/", &headers(&[("Idempotency-Key", "key-1")]), "1");
        assert_eq!(again.json(), records[1], "a retry is known here too");
    }
}

#[test]
fn an_import_comes_by_a_pipe_and_only_into_a_database_that_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let source = filled(&path("old.db"));
    let export = program(&["export", "--database", &path("old.db")]).output().unwrap();
    let import = |lines: &[u8]| {
        let mut child =
            program(&["import", "--database", &path("new.db")]).stdin(Stdio::piped()).spawn().unwrap();
        // It may end before it has read all.
        let _ = child.stdin.take().unwrap().write_all(lines);
        text(&child.wait_with_output().unwrap())
    };
    // Groups and counts stand before the records, of which the last is cut off.
    let end = export.stdout.windows(7).rposition(|part| part == b"{\"end\":").unwrap();
    let (code, said) = import(&export.stdout[..end - 9]);
    assert!(code == Some(1) && said.contains("the export is cut off"), "{said}");
    let (code, said) = import(&export.stdout);
    assert!(code == Some(0) && said.contains(" were here already") && !said.contains(" 0 were"), "{said}");
    let (code, said) = import(b"{}\n");
    assert!(code == Some(1) && said.contains("line 1 is not one of an export"), "{said}");

    let _busy = Collector::on(Path::new(&path("new.db")));
    let (code, said) = import(&export.stdout);
    assert!(code == Some(1) && said.contains("another collector has locked it"), "{said}");
    source.stop();
}

#[test]
fn a_flask_database_is_imported_with_what_retention_is_going_to_take() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("t.db");
    let cluster = Cluster::shared();
    let name = cluster.database();
    cluster.sql(
        &name,
        "CREATE TABLE records (id integer, machine_id text, host_type text, severity integer, classification text, \
         build text, architecture text, kernel_version text, record_version integer, timestamp_client numeric, \
         timestamp_server numeric, external boolean, payload text); \
         INSERT INTO records SELECT i, 'm', 'h', 1, 'a/b/c', '1', 'x86_64', '6.1.0', 1, 0, 1000000000, false, 'p' || i \
         FROM generate_series(1, 2500) i; \
         CREATE ROLE flask LOGIN; GRANT SELECT ON records TO flask",
    );
    let url = cluster.url(&name).replace("telem@", "flask@");
    let run = |keep: &str| {
        let args = ["import", "--flask", &url, "--database", to.to_str().unwrap(), "--keep-days", keep];
        text(&program(&args).output().unwrap())
    };
    let (code, said) = run("35");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2500 records imported") && said.contains("2500 of them have outlived"), "{said}");
    assert_eq!(run("0").1, "telem-collector: 0 records imported, 0 were here already\n");
    let collector = Collector::start(&["--database", to.to_str().unwrap(), "--keep-days", "forever"]);
    let page = collector.get("/telemetryui/records?limit=1");
    assert!(page.body.contains("p2500"), "{}", page.body);
}
