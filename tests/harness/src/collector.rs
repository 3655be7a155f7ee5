//! The collector as a peer: a real server with its database in the sandbox.

use crate::{Process, Sandbox, programs, until};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// A running telem-collector.
#[derive(Debug)]
pub struct Collector {
    /// The process.
    pub process: Process,
    /// Where it listens, `http://127.0.0.1:PORT`.
    pub url: String,
    /// Where it speaks TLS, `https://127.0.0.1:PORT`; empty if it does not.
    pub tls_url: String,
}

impl Collector {
    /// Starts a collector on a free port and makes it the sandbox's server.
    ///
    /// # Panics
    /// It does not say where it listens.
    pub fn start(sandbox: &mut Sandbox, api_path: &str) -> Self {
        let collector = Self::spawn(sandbox, &[]);
        sandbox.set("server", format!("{}{api_path}", collector.url));
        collector
    }

    /// Starts one that speaks TLS besides, at this port (0: a free one), there with those alone whom the trust file
    /// `collector.trust` lists, and makes it the sandbox's server. Its identity is in `identity` there.
    ///
    /// # Panics
    /// It does not say where it listens.
    pub fn start_with_tls(sandbox: &mut Sandbox, port: u16) -> Self {
        let trust = sandbox.path("collector.trust").display().to_string();
        let address = format!("127.0.0.1:{port}");
        let options = ["--tls-listen", &address, "--trust", &trust, "--client-certificates", "require"];
        let collector = Self::spawn(sandbox, &options);
        sandbox.set("server", format!("{}/v2/collector", collector.tls_url));
        collector
    }

    fn spawn(sandbox: &Sandbox, more: &[&str]) -> Self {
        let database = sandbox.path("collector.db");
        let mut command = Command::new(programs::path("telem-collector"));
        command
            .args(["--listen", "127.0.0.1:0", "--database"])
            .arg(database)
            .args(more)
            .stdout(Stdio::piped());
        let mut process = Process::spawn(&sandbox.path(""), "telem-collector", &mut command);
        let mut lines = BufReader::new(process.take_stdout().unwrap()).lines();
        let mut next = |scheme: &str| {
            let line = lines.next().and_then(Result::ok).unwrap_or_default();
            let url = line.trim().rsplit(' ').next().unwrap().to_owned();
            assert!(url.starts_with(scheme), "{line:?}: {}", process.log());
            url
        };
        let url = next("http://");
        let tls_url = if more.is_empty() { String::new() } else { next("https://") };
        Self { process, url, tls_url }
    }

    /// The records that it has, newest first.
    ///
    /// # Panics
    /// It does not answer as it should.
    pub fn records(&self) -> Vec<Value> {
        let answer: Value =
            ureq::get(format!("{}/api/records", self.url)).call().unwrap().body_mut().read_json().unwrap();
        answer["records"].as_array().unwrap().clone()
    }

    /// Waits until it has this many.
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        until(&format!("{count} records at the collector"), || {
            Some(self.records()).filter(|records| records.len() >= count)
        })
    }
}
