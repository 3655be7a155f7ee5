//! PostgreSQL over TCP: its certificate has to be trusted and to name it.

use std::path::Path;
use std::process::Command;

use crate::cluster::{Cluster, give};
use crate::collector::{Collector, refusal};
use crate::sample::headers;

fn openssl(directory: &Path, args: &str) {
    let output = Command::new("openssl").current_dir(directory).args(args.split(' ')).output().unwrap();
    assert!(output.status.success(), "openssl {args}: {output:?}");
}

/// An authority `NAME.pem`.
fn authority(directory: &Path, name: &str) {
    openssl(
        directory,
        &format!(
            "req -x509 -newkey rsa:2048 -nodes -subj /CN={name} -days 2 -keyout {name}.key -out {name}.pem"
        ),
    );
}

/// A server with a certificate for `localhost` by the authority `ours`; beside it stands `other`.
fn server(directory: &Path) -> Cluster {
    authority(directory, "ours");
    authority(directory, "other");
    openssl(directory, "req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr");
    std::fs::write(directory.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    openssl(
        directory,
        "x509 -req -in server.csr -CA ours.pem -CAkey ours.key -CAcreateserial -days 2 -extfile names -out server.pem",
    );
    for name in ["", "server.key", "server.pem"] {
        give(&directory.join(name));
    }
    let [certificate, key] = ["cert", "key"].map(|what| {
        let file = directory.join(if what == "key" { "server.key" } else { "server.pem" });
        format!("ssl_{what}_file = '{}'", file.display())
    });
    Cluster::start(&["fsync = off", "ssl = on", &certificate, &key])
}

#[test]
fn a_servers_certificate_has_to_be_trusted_and_for_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = server(directory.path());
    let name = cluster.database();
    let url = |host: &str, authority: &str| {
        let roots = directory.path().join(authority);
        let (port, roots) = (cluster.port(), roots.display());
        format!("postgres://telem@{host}:{port}/{name}?sslmode=verify-full&sslrootcert={roots}")
    };
    let collector = Collector::start(&["--database", &url("localhost", "ours.pem")]);
    assert_eq!(collector.post("/", &headers(&[]), "").status, 201);
    let plain = "SELECT count(*) FILTER (WHERE NOT ssl), count(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity \
                 USING (pid) WHERE application_name = 'telem-collector'";
    assert_eq!(cluster.sql(&name, plain), "0|t");

    for (host, authority) in [("localhost", "other.pem"), ("127.0.0.1", "ours.pem")] {
        let line = refusal(&["--listen", "127.0.0.1:0", "--database", &url(host, authority)]);
        assert!(line.contains("invalid peer certificate"), "{host} {authority}: {line}");
    }
    let line = refusal(&["--listen", "127.0.0.1:0", "--database", &url("localhost", "none.pem")]);
    assert!(line.contains("cannot read certificates from") && line.contains("none.pem"), "{line}");
}

#[test]
fn a_server_without_tls_is_taken_only_where_nothing_leaves_the_machine_or_the_url_says_so() {
    let cluster = Cluster::shared();
    let name = cluster.database();
    let port = cluster.port();
    let on = |query: &str| format!("postgres://telem@127.0.0.1:{port}/{name}{query}");
    for query in ["", "?sslmode=disable"] {
        let collector = Collector::start(&["--database", &on(query)]);
        assert_eq!(collector.post("/", &headers(&[]), "").status, 201);
    }
    let line = refusal(&["--listen", "127.0.0.1:0", "--database", &on("?sslmode=verify-full")]);
    assert!(line.contains("does not support TLS"), "{line}");
}

#[test]
fn a_password_is_in_a_file_and_in_no_message() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("database");
    let cluster = Cluster::shared();
    let name = cluster.database();
    let write = |name: &str| {
        let url = cluster.url(name).replace("telem@", "telem:hush@");
        std::fs::write(&file, format!("{url}\n")).unwrap();
    };
    write(&name);
    let arg = file.to_str().unwrap();
    let collector = Collector::start(&["--database-file", arg]);
    assert_eq!(collector.post("/", &headers(&[]), "").status, 201);
    write("none");
    let line = refusal(&["--listen", "127.0.0.1:0", "--database-file", arg]);
    assert!(line.contains("does not exist") && !line.contains("hush"), "{line}");
}
