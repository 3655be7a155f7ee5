//! The program against servers of OpenSSL: each version of TLS, a demand for a certificate of ours, certificates of version 1.

// Outside of the test functions too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn openssl(dir: &Path, arguments: &str) -> String {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// `openssl s_server` on a free port.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn new(dir: &Path, options: &str) -> Self {
        let arguments = format!("s_server -accept 127.0.0.1:0 -cert c -key k {options}");
        let mut process = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.trim().parse().ok())
            .expect("openssl s_server says its port");
        Self { process, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn look(port: u16) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_telempost-identity"))
        .args(["look", &format!("127.0.0.1:{port}")])
        .env_remove("https_proxy")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn fingerprint_and_pin_are_those_that_openssl_prints() {
    for certificate in
        ["req -x509 -new -key k -subj /CN=x -days 9 -out c", "x509 -req -in r -signkey k -days 9 -out c"]
    {
        let dir = tempfile::tempdir().unwrap();
        openssl(dir.path(), "ecparam -name prime256v1 -genkey -noout -out k");
        openssl(dir.path(), "req -new -key k -subj /CN=x -out r");
        openssl(dir.path(), certificate);
        let fingerprint = fingerprint_of(dir.path(), "c");
        for options in ["-tls1_2", "-tls1_3", "-tls1_2 -Verify 1", "-tls1_3 -Verify 1"] {
            let server = Server::new(dir.path(), options);
            let (is_success, text) = look(server.port);
            assert!(is_success, "{options}: {text}");
            let words: Vec<_> = text.trim_end().split(' ').collect();
            let version = if options.starts_with("-tls1_2") { "TLSv1.2" } else { "TLSv1.3" };
            assert_eq!((words[0], words[2], words.len()), (fingerprint.as_str(), version, 3), "{options}");
            assert!(words[1].starts_with("sha256//"), "{text}");
        }
    }
}

fn fingerprint_of(dir: &Path, certificate: &str) -> String {
    let printed = openssl(dir, &format!("x509 -in {certificate} -noout -fingerprint -sha256"));
    printed.trim_end().split_once('=').unwrap().1.to_owned()
}

/// Dates, sizes and kinds of key that are rare. What is appended to a chain is not what the server has the key of.
#[test]
fn of_any_certificate_the_leaf_is_seen_whatever_its_dates_size_and_company() {
    let dir = tempfile::tempdir().unwrap();
    let large = format!("1.2.3.4=ASN1:UTF8String:{}\n", "a".repeat(60_000));
    std::fs::write(dir.path().join("large"), large).unwrap();
    openssl(dir.path(), "ecparam -name prime256v1 -genkey -noout -out other");
    openssl(dir.path(), "req -x509 -new -key other -subj /CN=other -days 9 -out pinned");
    for (key, certificate, options) in [
        ("prime256v1", "x509 -req -in r -signkey k -days 9 -extfile large -out c", "-tls1_3"),
        ("prime256v1", "x509 -req -in r -signkey k -days -1 -out c", "-tls1_3"),
        ("prime256v1", "x509 -req -in r -signkey k -days 9 -out c", "-tls1_3 -cert_chain pinned"),
        ("prime256v1", "x509 -req -in r -signkey k -days 9 -out c", "-tls1_2 -cert_chain pinned"),
        ("secp384r1", "x509 -req -in r -signkey k -days 36500 -out c", "-tls1_2"),
    ] {
        openssl(dir.path(), &format!("ecparam -name {key} -genkey -noout -out k"));
        openssl(dir.path(), "req -new -key k -subj /CN=x -out r");
        openssl(dir.path(), certificate);
        let server = Server::new(dir.path(), options);
        let (is_success, text) = look(server.port);
        assert!(is_success && text.starts_with(&fingerprint_of(dir.path(), "c")), "{certificate}: {text}");
        assert!(!text.contains(&fingerprint_of(dir.path(), "pinned")), "{text}");
    }
    openssl(dir.path(), "ecparam -name secp521r1 -genkey -noout -out k");
    openssl(dir.path(), "req -x509 -new -key k -subj /CN=x -days 9 -out c");
    for options in ["-tls1_2", "-tls1_3"] {
        let server = Server::new(dir.path(), options);
        let (is_success, text) = look(server.port);
        assert!(!is_success && text.contains("P-521 is not"), "{options}: {text}");
    }
}

/// Neither holds it up for longer than it gives a server.
#[test]
fn a_server_that_stalls_or_drips_is_given_up() {
    for byte_each in [None, Some(std::time::Duration::from_millis(300))] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().unwrap();
            let mut hello = [0; 4096];
            let _ = stream.read(&mut hello);
            // The head of a record of TLS that is never whole.
            let mut record = vec![22, 3, 3, 64, 0];
            record.resize(16_000, 2);
            for byte in record {
                let Some(pause) = byte_each else { break };
                std::thread::sleep(pause);
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
            }
            let _ = stream.read(&mut hello);
        });
        let (is_success, text) = look(port);
        assert!(!is_success && text.contains("no answer in 10 seconds"), "{text}");
        serving.join().unwrap();
    }
}

#[test]
fn who_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (is_success, text) = look(port);
    assert!(!is_success && text.starts_with(&format!("telempost-identity: 127.0.0.1:{port}: ")), "{text}");
}
