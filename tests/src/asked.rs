//! A private instance that is asked how the machine is, and who asks: curl, with certificates that openssl makes.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use test_harness::certificates::make_version_1;
use test_harness::{Process, Sandbox};

/// An instance, with a port for others and one for this machine.
#[derive(Debug)]
pub struct Asked {
    /// The instance.
    pub sandbox: Sandbox,
    /// Where others ask.
    pub port: u16,
    /// Where this machine asks.
    pub local_port: u16,
}

/// What somebody was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// The status; 0: no answer at all.
    pub status: u16,
    /// The headers.
    pub head: String,
    /// The body.
    pub body: String,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Asked {
    /// Opted in, with these keys besides the addresses; nothing runs.
    ///
    /// # Panics
    /// It cannot be made.
    #[must_use]
    pub fn new(keys: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::with_spool();
        let (port, local_port) = (free_port(), free_port());
        sandbox.set("pull_listen", format!("127.0.0.1:{port}"));
        sandbox.set("pull_local", format!("127.0.0.1:{local_port}"));
        for (key, value) in keys {
            sandbox.set(key, value);
        }
        Self { sandbox, port, local_port }
    }

    /// Starts telempulld and waits until it answers.
    ///
    /// # Panics
    /// It does not.
    #[must_use]
    pub fn start(&self) -> Process {
        let process = self.sandbox.start("telempulld");
        process.wait_for_log("answers those who ask");
        process
    }

    /// Key and certificate of somebody, of version 1 as `openssl x509 -req` makes them; returns its fingerprint.
    ///
    /// # Panics
    /// openssl makes none.
    #[must_use]
    pub fn make_certificate(&self, name: &str) -> String {
        fs::create_dir_all(self.sandbox.path("keys")).unwrap();
        make_version_1(&self.sandbox.path("keys"), name)
    }

    /// A file of somebody: `key`, `pem`.
    #[must_use]
    pub fn key_file(&self, name: &str, ending: &str) -> PathBuf {
        self.sandbox.path(&format!("keys/{name}.{ending}"))
    }

    /// telempulld's certificate, as those who ask know it, in a file of its own.
    ///
    /// # Panics
    /// telempulld has none yet.
    #[must_use]
    pub fn server_certificate(&self) -> PathBuf {
        let pem =
            fs::read_to_string(self.sandbox.path("state/identity/telempulld/srv_certificate.pem")).unwrap();
        let begin = pem.find("-----BEGIN CERTIFICATE-----").unwrap();
        let path = self.sandbox.path("keys/server.crt");
        fs::create_dir_all(self.sandbox.path("keys")).unwrap();
        fs::write(&path, pem.get(begin..).unwrap_or_default()).unwrap();
        path
    }

    /// Asks by the network, with the certificate of somebody; empty: none.
    #[must_use]
    pub fn ask(&self, name: &str, path: &str, words: &[&str]) -> Got {
        let (key, certificate) = (self.key_file(name, "key"), self.key_file(name, "pem"));
        let (key, certificate) = (key.display().to_string(), certificate.display().to_string());
        let url = format!("https://127.0.0.1:{}{path}", self.port);
        let mut all = vec![url.as_str()];
        if !name.is_empty() {
            all.extend(["--key", &key, "--cert", &certificate]);
        }
        all.extend(words);
        curl(&all)
    }

    /// Asks by loopback.
    #[must_use]
    pub fn ask_here(&self, path: &str, words: &[&str]) -> Got {
        let url = format!("http://127.0.0.1:{}{path}", self.local_port);
        curl(&[&[url.as_str()], words].concat())
    }

    /// What lies in the directory of the instance, with the sizes.
    ///
    /// # Panics
    /// It cannot be read.
    #[must_use]
    pub fn contents(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        list(&self.sandbox.path(""), &mut found);
        found.sort();
        found
    }
}

fn list(directory: &Path, found: &mut Vec<(PathBuf, u64)>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            list(&entry.path(), found);
        } else {
            found.push((entry.path(), metadata.len()));
        }
    }
}

fn curl(words: &[&str]) -> Got {
    let mut command = Command::new("curl");
    command.args(["-s", "-S", "-i", "-k", "--noproxy", "*", "--max-time", "60"]).args(words);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Behind answers that only say to go on.
    let text = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text).to_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Got { status, head: head.to_owned(), body: body.to_owned() }
}
