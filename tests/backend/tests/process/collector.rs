//! A collector that a test has started.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Far beyond what anything here takes; who waits so long has found a fault.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Does `work` on a thread of its own; if it takes too long, the process is killed and the test fails.
fn within_deadline<T: Send + 'static>(id: u32, what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    result.recv_timeout(DEADLINE).unwrap_or_else(|_| {
        send(id, Signal::SIGKILL);
        panic!("waited too long: {what}")
    })
}

fn send(id: u32, signal: Signal) {
    kill(Pid::from_raw(id.try_into().unwrap()), signal).unwrap();
}

pub(crate) struct Collector {
    child: Option<Child>,
    pub(crate) address: SocketAddr,
    /// Where it speaks TLS, with `--tls-listen`.
    pub(crate) tls: Option<SocketAddr>,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telem-collector"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Collector {
    /// Starts one on a free port with a database in memory.
    pub(crate) fn in_memory() -> Self {
        Self::start(&["--database", ":memory:"])
    }

    /// Starts one on a free port with this database file.
    pub(crate) fn on(database: &Path) -> Self {
        Self::start(&["--database", database.to_str().unwrap()])
    }

    /// Starts one on a free port, and waits until it says that it listens.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", args)
    }

    /// Starts one at an address, and waits until it says that it listens.
    pub(crate) fn start_at(address: &str, args: &[&str]) -> Self {
        Self::wait(&mut command(&[&["--listen", address], args].concat()))
    }

    /// Starts one on a free port that trusts the authorities of a file, as the system's.
    pub(crate) fn start_trusting(authorities: &Path, args: &[&str]) -> Self {
        let mut command = command(&[&["--listen", "127.0.0.1:0"], args].concat());
        Self::wait(command.env("SSL_CERT_FILE", authorities))
    }

    fn wait(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let count = 1 + command.get_args().filter(|arg| *arg == "--tls-listen").count();
        let lines = within_deadline(child.id(), "the lines that say where it listens", move || {
            let mut lines = String::new();
            for _ in 0..count {
                stdout.read_line(&mut lines).unwrap();
            }
            lines
        });
        let (line, rest) = lines.split_at(lines.find('\n').map_or(lines.len(), |end| end + 1));
        let Some(address) = line.strip_prefix("telem-collector: listening on http://") else {
            let output = child.wait_with_output().unwrap();
            panic!("first line {line:?}, stderr {}", String::from_utf8_lossy(&output.stderr));
        };
        let address = address.strip_suffix('\n').unwrap().parse().unwrap();
        let tls = rest
            .strip_prefix("telem-collector: listening on https://")
            .map(|rest| rest.trim().parse().unwrap());
        Self { child: Some(child), address, tls }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.child.as_ref().unwrap().id(), signal);
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Output {
        let child = self.child.take().unwrap();
        within_deadline(child.id(), "the end of the collector", || child.wait_with_output().unwrap())
    }

    /// Stops it, and makes sure that it went well.
    pub(crate) fn stop(self) {
        self.signal(Signal::SIGTERM);
        let output = self.end();
        assert!(output.status.success(), "{output:?}");
    }

    /// Its peak memory so far, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.as_ref().unwrap().id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The next line on stderr.
    pub(crate) fn next_complaint(&mut self) -> String {
        let child = self.child.as_mut().unwrap();
        let stderr = child.stderr.take().unwrap();
        within_deadline(child.id(), "a line on stderr", move || {
            let mut line = String::new();
            BufReader::new(stderr).read_line(&mut line).unwrap();
            line
        })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts one that must not come up: exit code 1, nothing on stdout, one line on stderr, which is returned.
pub(crate) fn refusal(args: &[&str]) -> String {
    let child = command(args).spawn().unwrap();
    let output = within_deadline(child.id(), "the refusal to start", || child.wait_with_output().unwrap());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(output.stdout, b"", "{stderr}");
    assert!(stderr.ends_with('\n') && stderr.lines().count() == 1, "not one line: {stderr:?}");
    assert!(stderr.starts_with("telem-collector: "), "{stderr}");
    stderr
}
