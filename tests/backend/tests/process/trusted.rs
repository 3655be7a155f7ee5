//! Who is trusted over TLS, with openssl, curl and nginx as the other side.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use telem_collector::trust::Fingerprint;

use crate::collector::{Collector, DEADLINE, refusal};
use crate::http::Client;
use crate::party::{Party, curl, openssl};
use crate::sample::headers;

/// Starts a collector with TLS beside plain HTTP; its database, identity and trust file are in `directory`.
fn start(directory: &Path, more: &[&str]) -> Collector {
    let database = directory.join("t.db");
    let trust = directory.join("trust");
    let own = ["--database", database.to_str().unwrap(), "--trust", trust.to_str().unwrap()];
    Collector::start(&[&own[..], &["--tls-listen", "127.0.0.1:0"], more].concat())
}

fn trust(directory: &Path, lines: &[String]) {
    // As an editor does: aside, and renamed.
    fs::write(directory.join("trust.new"), lines.join("\n") + "\n").unwrap();
    fs::rename(directory.join("trust.new"), directory.join("trust")).unwrap();
}

fn url(collector: &Collector, path: &str) -> String {
    format!("https://{}{path}", collector.tls.unwrap())
}

/// Posts a record; the status.
fn post(collector: &Collector, party: &[&str]) -> u16 {
    post_to(&url(collector, "/"), party).0
}

fn post_to(url: &str, party: &[&str]) -> (u16, String) {
    let given: Vec<String> = headers(&[]).iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut args = vec!["--data-binary", "payload", url];
    for header in &given {
        args.extend(["--header", header]);
    }
    curl(&[&args[..], party].concat())
}

/// curl's options for a version of TLS and a certificate.
fn shown_with<'a>(version: &[&'a str], party: &'a Party) -> Vec<&'a str> {
    [version, &party.shown()].concat()
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn roles_are_what_the_line_of_a_certificate_says() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let [sender, reader, chief, stranger] =
        ["sender", "reader", "chief", "stranger"].map(|name| Party::ecdsa(directory, name));
    let rsa = Party::new(directory, "rsa", "-newkey rsa:2048");
    let lines = [
        format!("{}", sender.fingerprint),
        format!("{} role=read the page on the wall", reader.fingerprint),
        format!("{} role=administrate", chief.fingerprint),
        format!("{} role=deliver", rsa.fingerprint),
    ];
    trust(directory, &lines);
    let groups = "/telemetryui/groups?format=json";
    let rules = "/telemetryui/groups/1?format=json";
    for (mode, nobody) in [("ask", (201, 200)), ("require", (0, 0))] {
        let collector = start(directory, &["--client-certificates", mode]);
        assert_eq!(
            collector.post("/", &headers(&[]), "plain").status,
            201,
            "{mode}: plain HTTP is as it was"
        );
        for version in ["--tls-max 1.2", "--tlsv1.3"] {
            let version: Vec<&str> = version.split(' ').collect();
            let with = |party| shown_with(&version, party);
            let bound = mode == "require";
            let read = |party: &[&str]| curl(&[&[&*url(&collector, groups)], party].concat());
            assert_eq!((post(&collector, &version), read(&version).0), nobody, "{mode} {version:?}");
            let of_stranger = if bound { 0 } else { 201 };
            assert_eq!(post(&collector, &with(&stranger)), of_stranger, "{mode} {version:?}");
            for party in [&sender, &rsa] {
                assert_eq!(post(&collector, &with(party)), 201, "{mode} {version:?}");
                let (status, body) = read(&with(party));
                assert_eq!(status, if bound { 403 } else { 200 }, "{mode} {version:?}");
                let code = format!("\"code\":\"not_trusted\",\"fingerprint\":\"{}\"", party.fingerprint);
                assert_eq!(body.contains(&code), bound, "{body}");
            }
            assert_eq!(post(&collector, &with(&reader)), if bound { 403 } else { 201 });
            assert_eq!(read(&with(&reader)).0, 200);
            assert_eq!(read(&with(&chief)).0, 200);
            let change = |party: &[&str]| {
                let change =
                    [&*url(&collector, rules), "--data", "note=x", "--header", "Sec-Fetch-Site: none"];
                curl(&[&change[..], party].concat())
            };
            assert_eq!(change(&with(&chief)).0, 404, "no such group, but he may");
            let (status, body) = change(&with(&reader));
            let expected = if bound { (403, true) } else { (404, false) };
            assert_eq!((status, body.contains("not_trusted")), expected, "{mode}: {body}");
        }
        collector.stop();
    }
}

#[test]
fn a_certificate_without_its_key_or_behind_another_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let listed = Party::ecdsa(directory, "listed");
    let _other = Party::ecdsa(directory, "other");
    trust(directory, &[format!("{} role=read", listed.fingerprint)]);
    let collector = start(directory, &["--client-certificates", "require"]);
    let page = url(&collector, "/telemetryui/groups");
    assert_eq!(curl(&[&[&*page], &listed.shown()[..]].concat()).0, 200);
    // The listed certificate appended to the chain of a stranger.
    let chain = directory.join("chain.pem");
    let parts = ["other.key", "other.crt", "listed.crt"].map(|name| fs::read(directory.join(name)).unwrap());
    fs::write(&chain, parts.concat()).unwrap();
    assert_eq!(curl(&[&page, "--cert", chain.to_str().unwrap()]).0, 0);
    // Its certificate with the key of a stranger: curl would not send that, a client without scruples does.
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (key, is_let_in) in [("listed", true), ("other", false)] {
            let party = Party::of_files(directory, "listed", key);
            let answer = unscrupulous(&collector, &party.pem, version);
            assert_eq!(answer.starts_with("HTTP/1.1 200"), is_let_in, "{key} {version:?}: {answer}");
        }
    }
}

/// The answer to a client that shows any certificate and signs with any key.
fn unscrupulous(
    collector: &Collector,
    pem: &Path,
    version: &'static rustls::SupportedProtocolVersion,
) -> String {
    use rustls::client::ResolvesClientCert;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    use std::io::Write;
    use std::sync::Arc;

    #[derive(Debug)]
    struct Shows(Arc<rustls::sign::CertifiedKey>);
    impl ResolvesClientCert for Shows {
        fn resolve(
            &self,
            _: &[&[u8]],
            _: &[rustls::SignatureScheme],
        ) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let bytes = fs::read(pem).unwrap();
    let certificate = CertificateDer::from_pem_slice(&bytes).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&bytes).unwrap();
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let shows = Shows(Arc::new(rustls::sign::CertifiedKey::new(vec![certificate], key)));
    let provider = telem_collector::trust::provider();
    let own = fs::read(pem.parent().unwrap().join("identity/srv_certificate.pem")).unwrap();
    let own = Fingerprint::of_der(&CertificateDer::from_pem_slice(&own).unwrap());
    let verifier = telem_collector::trust::ServerVerifier::new(vec![own]);
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(shows));
    let name = "localhost".try_into().unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(collector.tls.unwrap()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let request = b"GET /telemetryui/groups HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let _ = stream.write_all(request);
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_role_is_there_within_seconds_and_who_loses_it_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let party = Party::ecdsa(directory, "party");
    trust(directory, &["# nobody".to_owned()]);
    let collector = start(directory, &["--client-certificates", "require"]);
    assert_eq!(post(&collector, &party.shown()), 0);
    trust(directory, &[party.fingerprint.to_string().to_lowercase().replace(':', "")]);
    until("the new line is in force", || post(&collector, &party.shown()) == 201);
    // A fault: the old list stays in force, after a signal too.
    trust(directory, &[party.fingerprint.to_string(), "12:34".to_owned()]);
    collector.signal(Signal::SIGHUP);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(post(&collector, &party.shown()), 201);
    // An idle connection ends with the role.
    let mut idle = s_client(&collector, &party);
    trust(directory, &["# nobody".to_owned()]);
    until("the idle connection is cut", || idle.try_wait().unwrap().is_some());
    assert_eq!(post(&collector, &party.shown()), 0);
    collector.signal(Signal::SIGTERM);
    let log = String::from_utf8(collector.end().stderr).unwrap();
    assert!(log.contains("trust: line 2: a fingerprint is 64 hexadecimal digits"), "{log}");
    let refused = format!("with its role=:\n{}\n", party.fingerprint);
    assert_eq!(log.matches(&refused).count(), 1, "once an hour: {log}");
}

/// `openssl s_client` with a connection that is open, and has had an answer.
fn s_client(collector: &Collector, party: &Party) -> std::process::Child {
    use std::io::{BufRead, BufReader, Write};
    let mut command = Command::new("openssl");
    let address = collector.tls.unwrap().to_string();
    let pem = party.pem.to_str().unwrap();
    command.args(["s_client", "-quiet", "-connect", &address, "-cert", pem, "-key", pem]);
    let piped = || std::process::Stdio::piped();
    let mut child =
        command.stdin(piped()).stdout(piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 404"), "{line}");
    // Kept open by the child's own end: s_client ends where the server does.
    std::mem::forget((stdin, stdout));
    child
}

#[test]
fn suites_without_forward_secrecy_and_authenticated_encryption_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    trust(directory, &[]);
    let keys = [("ecdsa", "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"), ("rsa", "-newkey rsa:2048")];
    let mut taken = 0;
    for (name, key) in keys {
        let party = Party::new(directory, name, key);
        let collector = start(directory, &["--certificate", party.pem.to_str().unwrap()]);
        let address = collector.tls.unwrap().to_string();
        for suite in openssl(directory, "ciphers -tls1_2 ALL:@SECLEVEL=0").trim().split(':') {
            let mut command = Command::new("openssl");
            command.args([
                "s_client",
                "-connect",
                &address,
                "-tls1_2",
                "-cipher",
                &format!("{suite}:@SECLEVEL=0"),
            ]);
            let output = command.stdin(std::process::Stdio::null()).output().unwrap();
            let is_taken = String::from_utf8_lossy(&output.stdout).contains(&format!("Cipher is {suite}"));
            let may_be =
                suite.starts_with("ECDHE-") && (suite.contains("-GCM-") || suite.contains("-CHACHA20-"));
            assert!(may_be || !is_taken, "{name}: {suite}");
            taken += u32::from(is_taken);
        }
        for version in ["-tls1", "-tls1_1"] {
            let mut command = Command::new("openssl");
            command.args(["s_client", "-connect", &address, version, "-cipher", "ALL:@SECLEVEL=0"]);
            assert!(
                !command.stdin(std::process::Stdio::null()).output().unwrap().status.success(),
                "{version}"
            );
        }
    }
    assert_eq!(taken, 6, "three suites a kind of key");
}

#[test]
fn sessions_are_not_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    trust(directory, &[]);
    let collector = start(directory, &[]);
    for version in ["-tls1_2", "-tls1_3"] {
        let address = collector.tls.unwrap().to_string();
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &address, version, "-reconnect"]);
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("New, TLSv1.") && !text.contains("Reused, TLSv1."), "{version}: {text}");
    }
}

#[test]
fn who_stalls_in_the_handshake_holds_up_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    trust(directory, &[]);
    let collector = start(directory, &[]);
    let mut stalling: Vec<TcpStream> =
        (0..600).map(|_| TcpStream::connect(collector.tls.unwrap()).unwrap()).collect();
    assert_eq!(post(&collector, &[]), 201);
    // The oldest made room, and the newest is ended by its time.
    for stream in [stalling.swap_remove(0), stalling.pop().unwrap()] {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        assert_eq!((&stream).read(&mut [0]).unwrap_or(0), 0);
    }
    // Plain HTTP is no handshake.
    let mut plain = Client::connect(collector.tls.unwrap());
    plain.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut rest = Vec::new();
    let _ = plain.into_stream().read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP/"), "{rest:?}");
}

#[test]
fn a_broken_set_up_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let database = directory.join("t.db");
    let file = directory.join("trust");
    let begin = ["--listen", "127.0.0.1:0", "--tls", "--database", database.to_str().unwrap()];
    let party = Party::ecdsa(directory, "party");
    let _p521 = Party::new(directory, "p521", "-newkey ec -pkeyopt ec_paramgen_curve:secp521r1");
    let p521 = directory.join("p521-p521.pem");
    let mixed = {
        let _other = Party::ecdsa(directory, "other");
        Party::of_files(directory, "other", "party").pem
    };
    let exposed = directory.join("exposed.pem");
    fs::copy(&party.pem, &exposed).unwrap();
    fs::set_permissions(&exposed, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    fs::write(&file, "\u{feff}# trusted\r\nAB:CD\r\n").unwrap();
    for (args, expected) in [
        (vec!["--trust", file.to_str().unwrap()], "trust: line 2: a fingerprint is 64"),
        (vec!["--certificate", p521.to_str().unwrap()], "P-521 is not"),
        (vec!["--certificate", mixed.to_str().unwrap()], "its certificate is about another key"),
        (vec!["--certificate", exposed.to_str().unwrap()], "others can read or write it (mode 0644)"),
        (vec!["--certificate", file.to_str().unwrap()], "others can read or write it"),
        (vec!["--client-ca", file.to_str().unwrap()], "holds no certificate in PEM"),
        (vec!["--client-ca", "/none"], "/none: cannot be read"),
    ] {
        let line = refusal(&[&begin[..], &args].concat());
        assert!(line.contains(expected), "{args:?}: {line}");
    }
    let line = refusal(&["--listen", "127.0.0.1:0", "--tls", "--database", ":memory:"]);
    assert!(line.contains("--identity DIR"), "{line}");
}

#[test]
fn certificates_by_an_authority_may_fetch_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    openssl(directory, "req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -days 2 -keyout ca.key -out ca.pem");
    openssl(directory, "req -newkey rsa:2048 -nodes -subj /CN=centre -keyout centre.key -out centre.csr");
    fs::write(directory.join("ext"), "extendedKeyUsage=clientAuth\nsubjectAltName=DNS:centre\n").unwrap();
    openssl(
        directory,
        "x509 -req -in centre.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out centre.crt",
    );
    let centre = Party::of_files(directory, "centre", "centre");
    let stranger = Party::ecdsa(directory, "stranger");
    trust(directory, &[]);
    let authorities = directory.join("ca.pem");
    let args = ["--client-certificates", "require", "--client-ca", authorities.to_str().unwrap()];
    let collector = start(directory, &args);
    assert_eq!(post(&collector, &centre.shown()), 403);
    assert_eq!(post(&collector, &stranger.shown()), 0);
}

#[test]
fn a_proxy_passes_certificates_on_and_nobody_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let [own, reader, stranger] = ["own", "reader", "stranger"].map(|name| Party::ecdsa(directory, name));
    trust(directory, &[format!("{} role=read", reader.fingerprint)]);
    let header = "X-Client-Certificate";
    let args =
        ["--client-certificates", "require", "--proxy", "127.0.0.1", "--proxy-certificate-header", header];
    let collector = start(directory, &args);
    let nginx = Nginx::start(directory, &collector, header, &own);
    let page = format!("https://127.0.0.1:{}/telemetryui/groups", nginx.port);
    let read = |party: &[&str]| curl(&[&[&*page], party].concat());
    assert_eq!(read(&reader.shown()).0, 200);
    for party in [&stranger.shown()[..], &[]] {
        let (status, body) = read(party);
        assert!(status == 403 && body.contains("not_trusted"), "{status}: {body}");
    }
    // What a client sends under this name does not count: nginx replaces it.
    let escaped: String =
        fs::read(directory.join("reader.crt")).unwrap().iter().map(|byte| format!("%{byte:02X}")).collect();
    let forged = format!("{header}: {escaped}");
    assert_eq!(read(&["--header", &forged]).0, 403);
    // Nor does it at the collector itself, from an address that is no proxy's.
    let direct = format!("http://{}/telemetryui/groups", collector.address);
    let from = |address: &str| curl(&[&direct, "--interface", address, "--header", &forged]).0;
    assert_eq!(from("127.0.0.1"), 200, "the header is believed from here");
    let none = curl(&[&direct, "--header", &format!("{header}: junk")]);
    assert!(none.0 == 403 && none.1.contains("not_trusted"), "{none:?}");
    let elsewhere = [&direct, "--interface", "127.0.0.9", "--header", &forged, "--data", "note=x"];
    assert_eq!(curl(&[&elsewhere[..], &["--header", "Sec-Fetch-Site: none"]].concat()).0, 405);
}

/// Over TLS that is the collector's own, a browser keeps the session for TLS alone.
#[test]
fn a_session_over_tls_is_for_tls_alone() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    trust(directory, &[]);
    let users = directory.join("users");
    fs::write(&users, format!("alice:{}\n", bcrypt::hash("good", 4).unwrap())).unwrap();
    let collector = start(directory, &["--users", users.to_str().unwrap()]);
    let log_in = |url: &str| {
        let (status, head) = curl(&["--include", "--data", "name=alice&password=good", url]);
        assert_eq!(status, 303, "{head}");
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        cookie.unwrap().trim().to_owned()
    };
    let secure = log_in(&url(&collector, "/telemetryui/login"));
    assert!(secure.starts_with("__Host-telem_session=") && secure.ends_with("; Secure"), "{secure}");
    let session = secure.split(';').next().unwrap();
    let page = url(&collector, "/telemetryui/records");
    assert_eq!(curl(&["--cookie", session, &page]).0, 200);
    let plain = log_in(&format!("http://{}/telemetryui/login", collector.address));
    assert!(plain.starts_with("telem_session=") && !plain.contains("Secure"), "{plain}");
}

/// nginx with TLS in front of a collector.
struct Nginx {
    child: std::process::Child,
    port: u16,
}

impl Nginx {
    fn start(directory: &Path, collector: &Collector, header: &str, own: &Party) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let (place, pem, behind) = (directory.display(), own.pem.display(), collector.address);
        let text = format!(
            "daemon off; pid {place}/nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n\
             client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;\n\
             uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n\
             server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {pem}; ssl_certificate_key {pem};\n\
             ssl_verify_client optional_no_ca;\n\
             location / {{ proxy_pass http://{behind}; proxy_set_header Host localhost;\n\
             proxy_set_header {header} $ssl_client_escaped_cert; }} }} }}\n"
        );
        let file = directory.join("nginx.conf");
        fs::write(&file, text).unwrap();
        let mut command = Command::new("/usr/sbin/nginx");
        command.args(["-p", directory.to_str().unwrap(), "-e", "stderr", "-c", file.to_str().unwrap()]);
        let child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
        until("nginx listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        );
        let _ = self.child.wait();
    }
}
