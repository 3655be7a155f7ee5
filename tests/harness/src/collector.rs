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
}

impl Collector {
    /// Starts a collector on a free port and makes it the sandbox's server.
    ///
    /// # Panics
    /// It does not say where it listens.
    pub fn start(sandbox: &mut Sandbox, api_path: &str) -> Self {
        let database = sandbox.path("collector.db");
        let mut command = Command::new(programs::path("telem-collector"));
        command.args(["--listen", "127.0.0.1:0", "--database"]).arg(database).stdout(Stdio::piped());
        let mut process = Process::spawn(&sandbox.path(""), "telem-collector", &mut command);
        let mut line = String::new();
        BufReader::new(process.take_stdout().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://"), "{line:?}: {}", process.log());
        sandbox.set("server", format!("{url}{api_path}"));
        Self { process, url }
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
