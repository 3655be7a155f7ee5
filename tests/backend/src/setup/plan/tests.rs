//! The parts of a setup, on a real server of each kind.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::super::steps::take;
use super::*;
use crate::storage::test_server::Cluster;

fn found(has_certificate: bool) -> Found {
    Found {
        missing_packages: vec!["nginx"],
        program: "/usr/bin/telem-collector".into(),
        host: "telemetry.example.org".into(),
        has_certificate,
    }
}

/// The steps that change files.
fn on_files(plan: &Plan) -> Vec<Step> {
    let is_file = |step: &&Step| !matches!(step, Step::Run { .. } | Step::Feed { .. });
    plan.steps.iter().filter(is_file).cloned().collect()
}

#[test]
fn files_are_made_again_and_removed_again() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for directory in ["etc/nginx/sites-available", "etc/nginx/sites-enabled"] {
        fs::create_dir_all(path(directory)).unwrap();
    }
    fs::write(path("etc/nginx/sites-available/default"), "theirs").unwrap();
    symlink(DEFAULT_SITE, path(DEFAULT_LINK)).unwrap();
    for _ in 0..2 {
        take(&on_files(&install(&found(false))), root.path()).unwrap();
        let unit = fs::read_to_string(path(DROP_IN)).unwrap();
        let start = "ExecStart=/usr/bin/telem-collector --database postgres://telemetrics-collector@";
        assert!(unit.contains(start) && unit.contains("--host telemetry.example.org $OPTIONS\n"), "{unit}");
        assert_eq!(
            fs::read_link(path(SITE_LINK)).unwrap(),
            Path::new("/etc/nginx/sites-available/telemetrics")
        );
        assert!(!path(DEFAULT_LINK).is_symlink());
    }
    for _ in 0..2 {
        take(&on_files(&remove(&found(false))), root.path()).unwrap();
        for gone in [DROP_IN, SITE, SITE_LINK] {
            assert!(!path(gone).is_symlink() && !path(gone).exists(), "{gone}");
        }
        assert_eq!(fs::read_link(path(DEFAULT_LINK)).unwrap(), Path::new(DEFAULT_SITE));
    }
}

/// The address in the unit, as systemd hands it on, is one that the collector takes.
#[test]
fn the_unit_has_an_address() {
    let unit = drop_in(&found(true));
    let address = unit.split("--database ").nth(1).unwrap().split(' ').next().unwrap().replace("%%", "%");
    let url: crate::storage::postgres::Url = address.parse().unwrap();
    assert_eq!(url.to_string(), "postgres:///var/run/postgresql/telemetrics");
}

#[test]
fn what_is_said_says_whether_there_is_tls() {
    assert!(
        install(&found(true))
            .words
            .starts_with("telem-collector: clients post to https://telemetry.example.org/")
    );
    let words = install(&found(false)).words;
    assert!(
        words.contains("without TLS") && words.contains(" http://telemetry.example.org/telemetryui"),
        "{words}"
    );
}

#[test]
fn a_server_makes_and_drops_role_and_database_as_often_as_asked() {
    let cluster = Cluster::shared();
    let owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'telemetrics'";
    for _ in 0..2 {
        cluster.script(&create_sql());
        assert_eq!(cluster.sql("postgres", owner), USER);
    }
    for _ in 0..2 {
        cluster.script(&drop_sql());
        assert_eq!(cluster.sql("postgres", owner), "");
    }
}
