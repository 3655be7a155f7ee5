//! The parts of a setup, on a real server of each kind.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::super::steps::take;
use super::*;
use crate::storage::Engine;
use crate::storage::postgres::Postgres;
use crate::storage::test_server::Cluster;

fn found(has_certificate: bool) -> Found {
    Found {
        missing_packages: vec!["nginx"],
        program: "/usr/bin/telem-collector".into(),
        host: "telemetry.example.org".into(),
        has_certificate,
        views_password: "0123abcd".into(),
    }
}

/// The steps that change files.
fn on_files(plan: &Plan) -> Vec<Step> {
    let is_file = |step: &&Step| !matches!(step, Step::Run { .. } | Step::Feed { .. } | Step::Served { .. });
    let here = |step: Step| match step {
        // The user of the unit is not there where tests run.
        Step::Secret { path, text, .. } => Step::Secret { path, text, owner: "root" },
        other => other,
    };
    plan.steps.iter().filter(is_file).cloned().map(here).collect()
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
        assert!(
            unit.contains(start)
                && unit.contains("--host telemetry.example.org ")
                && unit.contains(" $OPTIONS\n"),
            "{unit}"
        );
        assert_eq!(
            fs::read_link(path(SITE_LINK)).unwrap(),
            Path::new("/etc/nginx/sites-available/telemetrics")
        );
        assert!(!path(DEFAULT_LINK).is_symlink());
        let secret = path(VIEWS_FILE);
        assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o400);
        let url = fs::read_to_string(secret).unwrap();
        assert_eq!(password_in(&url).as_deref(), Some("0123abcd"), "it stays: {url}");
        assert!(
            path(PLUGINS).is_dir()
                && unit.contains("--views-database-file /etc/telemetrics-collector/views-database")
        );
    }
    for _ in 0..2 {
        take(&on_files(&remove(&found(false))), root.path()).unwrap();
        for gone in [DROP_IN, SITE, SITE_LINK, VIEWS_FILE] {
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

/// With the tables of a collector between, as a setup does it; twice, and the login of views may read what is published alone.
#[test]
fn a_server_makes_and_drops_roles_and_database_as_often_as_asked() {
    let cluster = Cluster::shared();
    let owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'telemetrics'";
    let url = cluster.url(DATABASE);
    for _ in 0..2 {
        cluster.script(&create_sql("0123abcd"));
        assert_eq!(cluster.sql("postgres", owner), USER);
        Postgres::open(&url.parse().unwrap()).unwrap();
        cluster.sql(DATABASE, &grant_sql());
    }
    let login = url.replace("telem@", &format!("{VIEWS_ROLE}@"));
    let views = Postgres::for_views(&login.parse().unwrap()).unwrap();
    for view in PUBLISHED {
        let table = views.run_view(&format!("SELECT count(*) AS n FROM {view}")).unwrap();
        assert_eq!(table.rows.len(), 1, "{view}");
    }
    for attack in [
        "SELECT count(*) FROM records",
        "SELECT count(*) FROM decisions",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT set_config('role', 'telemetrics-collector', false), (SELECT count(*) FROM records)",
        "SELECT passwd FROM pg_shadow",
    ] {
        assert!(views.run_view(attack).is_err(), "{attack}");
    }
    drop(views);
    for _ in 0..2 {
        cluster.script(&drop_sql());
        assert_eq!(cluster.sql("postgres", owner), "");
        let roles = format!("SELECT count(*) FROM pg_roles WHERE rolname IN ('{USER}', '{VIEWS_ROLE}')");
        assert_eq!(cluster.sql("postgres", &roles), "0");
    }
}
