//! The program, and what it answers.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) struct Server {
    child: Child,
    url: String,
    agent: ureq::Agent,
}

impl Server {
    pub(crate) fn start(database: &str, config: &Path) -> Self {
        let args = ["--listen", "127.0.0.1:0", "--database", database, "--config", config.to_str().unwrap()];
        let mut child = Command::new(env!("CARGO_BIN_EXE_telem-collector"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("telem-collector: listening on ").unwrap().to_owned();
        Self { child, url, agent: ureq::Agent::new_with_defaults() }
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        let mut answer = self.agent.get(format!("{}{path}", self.url)).call().unwrap();
        answer.body_mut().with_config().limit(256 << 20).read_to_vec().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
