//! A broken set-up each: the doctor finds it and says the remedy, and the remedy, carried out, ends the finding.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::collector::Collector;
use crate::party::Party;

/// A collector's directory, and the options that it is started with.
struct SetUp {
    root: tempfile::TempDir,
    options: Vec<String>,
}

impl SetUp {
    fn new(options: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let [database, trust] = ["t.db", "trust"].map(|name| root.path().join(name).display().to_string());
        let own = ["--database", &database, "--trust", &trust].map(str::to_owned);
        let options = own.into_iter().chain(options.iter().map(ToString::to_string)).collect();
        fs::write(trust, "").unwrap();
        Self { root, options }
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn run(&self, command: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_telem-collector"))
            .args(command)
            .args(&self.options)
            .output()
            .unwrap()
    }

    /// A command that needs the places alone.
    fn change(&self, command: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_telem-collector"))
            .args(command)
            .args(&self.options[..4])
            .output()
            .unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is wrong; the text for people says the same.
    fn found(&self) -> Vec<String> {
        let lines = self.found_now();
        let text = String::from_utf8(self.run(&["doctor"]).stdout).unwrap();
        assert_eq!(text.lines().filter(|line| !line.starts_with("ok ")).count(), lines.len(), "{text}");
        lines
    }

    /// What is wrong at this moment: level, about, text, remedy in a line each.
    fn found_now(&self) -> Vec<String> {
        let json = self.run(&["doctor", "--json"]);
        let report: Value =
            serde_json::from_slice(&json.stdout).unwrap_or_else(|error| panic!("{error}: {json:?}"));
        let findings = report["findings"].as_array().unwrap().iter();
        let part = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let lines: Vec<String> = findings
            .filter(|finding| finding["level"] != "ok")
            .map(|finding| {
                assert_ne!(part(finding, "remedy"), "", "no remedy: {finding}");
                format!(
                    "{} {}: {}; {}",
                    part(finding, "level"),
                    part(finding, "about"),
                    part(finding, "text"),
                    part(finding, "remedy")
                )
            })
            .collect();
        let errors = lines.iter().filter(|line| line.starts_with("error ")).count();
        assert_eq!(report["errors"], errors);
        assert_eq!(json.status.code(), Some(i32::from(errors > 0)), "{json:?}");
        lines
    }

    #[track_caller]
    fn finds(&self, begin: &str, remedy: &str) {
        let found = self.found();
        let is_it = |line: &String| line.starts_with(begin) && line.contains(remedy);
        assert!(found.iter().any(is_it), "`{begin}` ... `{remedy}`: {found:#?}");
    }

    #[track_caller]
    fn is_well(&self) {
        assert_eq!(self.found(), [""; 0]);
    }
}

fn carry_out(command: &str) {
    assert!(Command::new("sh").args(["-c", command]).status().unwrap().success(), "{command}");
}

#[test]
fn certificates_of_the_collector() {
    let set_up = SetUp::new(&["--tls-listen", "127.0.0.1:0"]);
    let path = set_up.path().join("identity/srv_certificate.pem");
    let shown = path.display();
    fs::create_dir(set_up.path().join("identity")).unwrap();
    set_up.finds(&format!("warning identity: {shown} is not there yet"), "`telem-collector identity`");
    set_up.change(&["identity"]);
    set_up.is_well();

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    set_up.finds(&format!("error identity: {shown}: others can read or write it (mode 0644)"), "`chmod 0600");
    carry_out(&format!("chmod 0600 {shown}"));
    set_up.is_well();

    let good = fs::read_to_string(&path).unwrap();
    let other = fs::read_to_string(set_up.path().join("identity/cli_certificate.pem")).unwrap();
    let from = |pem: &str| pem.find("-----BEGIN CERTIFICATE").unwrap();
    for (pem, fault) in [
        ("half".to_owned(), "holds no certificate"),
        (good[..from(&good)].to_owned(), "holds no certificate"),
        (good[from(&good)..].to_owned(), "holds no private key"),
        (
            format!("{}{}", &good[..from(&good)], &other[from(&other)..]),
            "its certificate is about another key",
        ),
    ] {
        fs::write(&path, pem).unwrap();
        set_up.finds(&format!("error identity: {shown}: {fault}"), &format!("`rm {shown}`"));
        fs::remove_file(&path).unwrap();
        set_up.change(&["identity"]);
        set_up.is_well();
    }

    let short = Party::ecdsa(set_up.path(), "short");
    fs::copy(&short.pem, &path).unwrap();
    set_up.finds(
        "warning identity: srv_certificate.pem: the certificate ends soon",
        "`telem-collector identity renew`",
    );
    set_up.change(&["identity", "renew", "--now"]);
    set_up.is_well();
    set_up.change(&["identity", "renew"]);
    set_up.finds("warning identity: next_certificate.pem: ", "identity renew --now");
    set_up.change(&["identity", "renew", "--now"]);
    set_up.is_well();
}

#[test]
fn the_trust_file() {
    let set_up = SetUp::new(&["--tls-listen", "127.0.0.1:0"]);
    set_up.change(&["identity"]);
    let file = set_up.path().join("trust");
    let name = file.display();
    let fingerprint = vec!["AB"; 32].join(":");
    for (text, fault) in [
        (format!("# x\n{}\n", &fingerprint[..50]), "line 2: a fingerprint is 64 hexadecimal digits"),
        (format!("{fingerprint} rolle=read\n"), "line 1: rolle=: unknown"),
        (format!("{fingerprint}\n{fingerprint} role=read\n"), "line 2: line 1 says other words"),
        ("#\n".repeat(20_001), "more than 20000 lines"),
    ] {
        fs::write(&file, text).unwrap();
        set_up.finds(&format!("error trust: {name}: {fault}"), "mend that line");
    }
    fs::write(&file, format!("{fingerprint} the reader role=read\n")).unwrap();
    set_up
        .finds(&format!("warning trust: {name}: line 1: role=read stands in the comment"), "mend that line");
    fs::remove_file(&file).unwrap();
    set_up.finds(&format!("warning trust: {name} is not there"), "`telem-collector trust add");
    set_up.change(&["trust", "add", &fingerprint]);
    set_up.is_well();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    set_up.finds(
        &format!("error trust: {name} can be written by others (mode 0664)"),
        &format!("`chmod go-w {name}`"),
    );
    carry_out(&format!("chmod go-w {name}"));
    set_up.is_well();

    let next = fingerprint.replace("AB", "CD");
    fs::write(set_up.path().join("identity/trusted_learned.cfg"), format!("{next} next-of={fingerprint}\n"))
        .unwrap();
    let remedy = format!("`telem-collector trust accept {next}`");
    set_up.finds(&format!("warning trust: {next} is trusted since {fingerprint} has announced it"), &remedy);
    set_up.change(&["trust", "accept", &next]);
    set_up.is_well();
}

#[test]
fn who_can_connect() {
    let fingerprint = vec!["AB"; 32].join(":");
    let plain = SetUp::new(&[]);
    plain.change(&["trust", "add", &fingerprint]);
    plain.finds("warning listener: 1 certificates are listed, and no TLS is spoken", "--tls-listen");
    let unasked = SetUp::new(&["--tls-listen", "127.0.0.1:0", "--client-certificates", "none"]);
    unasked.change(&["identity"]);
    unasked.change(&["trust", "add", &fingerprint]);
    unasked.finds(
        "warning listener: 1 certificates are listed, and nobody is asked",
        "--client-certificates ask",
    );
    let nobody = SetUp::new(&["--tls-listen", "127.0.0.1:0", "--client-certificates", "require"]);
    nobody.change(&["identity"]);
    nobody.finds("error listener: everybody is refused", "`telem-collector trust add");
    nobody.change(&["trust", "add", &fingerprint]);
    nobody.is_well();
    let header = SetUp::new(&["--proxy-certificate-header", "X-Cert"]);
    header.finds(
        "error listener: certificates in the header x-cert are believed from nobody",
        "--proxy ADDRESS",
    );
}

#[test]
fn a_buffer_and_the_centre_that_fetches_from_it() {
    let closed = SetUp::new(&["--buffer"]);
    closed.finds("error listener: this buffer speaks no TLS", "--tls-listen");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let buffer = SetUp::new(&["--buffer", "--tls-listen", &address]);
    let centre = SetUp::new(&["--sync-address", &address, "--sync-interval", "1"]);
    let own = |set_up: &SetUp, word: &str| {
        let said = set_up.change(&["identity"]);
        said.lines().find_map(|line| line.strip_prefix(word)).unwrap().to_owned()
    };
    let (listens, connects) = (own(&buffer, "listens: "), own(&centre, "connects: "));
    buffer.finds(
        "error listener: nobody may fetch from this buffer",
        "`telem-collector identity` at the centre",
    );
    let not_trusted = format!("error sync: {address} is not trusted: no line has server={address}");
    centre.finds(&not_trusted, &format!("server={address}`"));
    centre.change(&["trust", "add", &listens, &format!("server={address}")]);
    centre.finds(&format!("error sync: {address}: "), "check its address");
    let start = |set_up: &SetUp| {
        let options: Vec<&str> = set_up.options.iter().map(String::as_str).collect();
        Collector::start(&options)
    };
    let running = start(&buffer);
    centre.finds(
        &format!("error sync: {address} does not know this collector"),
        &format!("`telem-collector trust add {connects} role=fetch`"),
    );
    buffer.change(&["trust", "add", &connects, "role=fetch"]);
    crate::renewal::until("the centre is known there", || {
        !centre.found_now().iter().any(|line| line.contains("does not know"))
    });
    let answer = running.post("/", &crate::sample::headers(&[]), "x");
    assert_eq!(answer.status, 201);
    buffer.finds("error buffer: nobody has fetched the 1 records that wait", "at the collector that fetches");
    let fetching = start(&centre);
    crate::renewal::until("it is fetched", || buffer.found_now().is_empty() && centre.found_now().is_empty());
    fetching.stop();

    // Another certificate is shown there.
    buffer.change(&["identity", "renew", "--now"]);
    crate::renewal::until("the other one is found", || {
        centre.found_now().iter().any(|line| line.contains("which is not the trusted one"))
    });
    let now = own(&buffer, "listens: ");
    centre.finds(&format!("error sync: {address}: "), "`telem-collector trust add`");
    centre.change(&["trust", "remove", &listens]);
    centre.change(&["trust", "add", &now, &format!("server={address}")]);
    centre.is_well();
    running.stop();
}

#[test]
fn whose_certificates_are_and_by_which_file_they_are_known() {
    let set_up = SetUp::new(&["--sync-address", "127.0.0.1:9"]);
    set_up.change(&["identity"]);
    let directory = set_up.path().join("identity");
    let (written, pem) =
        (directory.join("cli_certificate.fingerprint"), directory.join("cli_certificate.pem"));
    let is_silent = |about: &str| !set_up.found().iter().any(|line| line.contains(about));
    for text in [None, Some("half"), Some(&*vec!["AB"; 32].join(":"))] {
        match text {
            None => fs::remove_file(&written).unwrap(),
            Some(text) => fs::write(&written, text).unwrap(),
        }
        let begin = format!("warning identity: {} is not the fingerprint", written.display());
        set_up.finds(&begin, "`telem-collector identity`");
        set_up.change(&["identity"]);
        assert!(is_silent("is not the fingerprint"));
    }
    if std::os::unix::fs::chown(&pem, Some(12345), None).is_err() {
        eprintln!("skipped: only root can give a file to somebody else");
        return;
    }
    let begin = format!("error identity: {}: it belongs to the user with id 12345", pem.display());
    set_up.finds(&begin, &format!("`chown 0 {}`", pem.display()));
    carry_out(&format!("chown 0 {}", pem.display()));
    assert!(is_silent("it belongs to"));
    // A link leads elsewhere.
    fs::rename(&pem, set_up.path().join("elsewhere.pem")).unwrap();
    std::os::unix::fs::symlink(set_up.path().join("elsewhere.pem"), &pem).unwrap();
    set_up.finds(&format!("error identity: {}: cannot be read", pem.display()), "mend that");
}

#[test]
fn a_buffer_that_fills_and_one_that_two_would_free() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let buffer = SetUp::new(&["--buffer", "--buffer-max-size", "1", "--tls-listen", &address]);
    let centres = [(); 2].map(|()| SetUp::new(&["--sync-address", &address, "--sync-interval", "1"]));
    let own = |set_up: &SetUp, word: &str| {
        let said = set_up.change(&["identity"]);
        said.lines().find_map(|line| line.strip_prefix(word)).unwrap().to_owned()
    };
    let listens = own(&buffer, "listens: ");
    let start = |set_up: &SetUp| {
        let options: Vec<&str> = set_up.options.iter().map(String::as_str).collect();
        Collector::start(&options)
    };
    let plain = Collector::in_memory();
    let at = plain.address.to_string();
    let wrong = SetUp::new(&["--sync-address", &at]);
    wrong.change(&["identity"]);
    wrong.change(&["trust", "add", &listens, &format!("server={at}")]);
    wrong.finds(&format!("error sync: {at}: "), "--tls-listen");
    for centre in &centres {
        buffer.change(&["trust", "add", &own(centre, "connects: "), "role=fetch"]);
        centre.change(&["trust", "add", &listens, &format!("server={address}")]);
    }
    let running = start(&buffer);
    let payload = "x".repeat(300_000);
    let statuses = [(); 4].map(|()| running.post("/", &crate::sample::headers(&[]), &payload).status);
    assert_eq!(statuses, [201, 201, 201, 503]);
    buffer.finds("warning buffer: 8", "--buffer-max-size");
    let first = start(&centres[0]);
    crate::renewal::until("it is fetched", || buffer.found_now().is_empty());
    let second = start(&centres[1]);
    crate::renewal::until("the second is refused", || {
        let found = centres[1].found_now();
        found.iter().any(|line| line.starts_with("error sync: ") && line.contains("frees here"))
    });
    assert_eq!(centres[0].found_now(), [""; 0]);
    drop((first, second, running));
}
