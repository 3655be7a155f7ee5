//! A collector in a namespace, which is killed and started again on the same database.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::network::Network;

const COLLECTOR: &str = env!("CARGO_BIN_EXE_telem-collector");

pub(crate) struct Party {
    name: &'static str,
    directory: PathBuf,
    namespace: String,
    args: Vec<String>,
    child: Child,
}

impl Party {
    pub(crate) fn start(network: &Network, name: &'static str, args: Vec<String>) -> Self {
        let directory = network.directory().join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("trust"), "# nobody yet\n").unwrap();
        let namespace = network.namespace(name);
        let child = spawn(&directory, &namespace, &args);
        Self { name, directory, namespace, args, child }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join("t.db")
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.directory, &self.namespace, &self.args);
    }

    /// As lines of a trust file have it.
    pub(crate) fn fingerprint(&self, file: &str) -> String {
        let path = self.directory.join("identity").join(file);
        let begun = Instant::now();
        while !path.exists() {
            assert!(begun.elapsed() < super::DEADLINE, "{path:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        let args = ["x509", "-noout", "-fingerprint", "-sha256", "-in"];
        let output = Command::new("openssl").args(args).arg(&path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().rsplit('=').next().unwrap().to_owned()
    }

    pub(crate) fn trust(&self, lines: &[String]) {
        let file = self.directory.join("trust");
        fs::write(file.with_extension("new"), lines.join("\n") + "\n").unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
    }

    /// What waits and what was lost.
    pub(crate) fn status(&self) -> String {
        let output =
            Command::new(COLLECTOR).args(["sync", "status", "--database"]).arg(self.database()).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a collector, and waits until it listens.
fn spawn(directory: &Path, namespace: &str, args: &[String]) -> Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(directory.join("log")).unwrap();
    let mut child = Command::new("ip")
        .args(["netns", "exec", namespace, COLLECTOR, "--database"])
        .arg(directory.join("t.db"))
        .arg("--trust")
        .arg(directory.join("trust"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let log = || fs::read_to_string(directory.join("log")).unwrap();
    assert!(line.starts_with("telem-collector: listening"), "{line:?}: {}", log());
    child
}

/// The payloads of all records of a database, beside the collector that uses it.
pub(crate) fn exported(database: &Path) -> Vec<String> {
    let output = Command::new(COLLECTOR).args(["export", "--database"]).arg(database).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("{\"record\""));
    lines
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["record"]["payload"].as_str().unwrap().to_owned()
        })
        .collect()
}
