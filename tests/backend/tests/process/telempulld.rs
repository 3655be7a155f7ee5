//! A real telempulld, below a directory of its own, and a collector that asks it.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use telem_collector::trust::Fingerprint;

use crate::collector::{Collector, DEADLINE};

/// The longest that is waited for what takes two tries of ten seconds, on a machine that is busy.
pub(crate) const LONG: Duration = Duration::from_secs(180);

pub(crate) fn within(time: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < time, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A collector's directory: database, identity, configuration.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("collector.conf"), text).unwrap();
    }

    pub(crate) fn args(&self) -> [String; 4] {
        let [config, database] = ["collector.conf", "t.db"].map(|name| self.path(name).display().to_string());
        ["--config".to_owned(), config, "--database".to_owned(), database]
    }

    pub(crate) fn start(&self) -> Collector {
        let args = self.args();
        Collector::start(&args.each_ref().map(String::as_str))
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.path("identity/cli_certificate.pem"))
    }
}

pub(crate) fn fingerprint(pem: &Path) -> Fingerprint {
    Fingerprint::of_der(&CertificateDer::from_pem_slice(&fs::read(pem).unwrap()).unwrap())
}

/// The machines on the page, by name.
pub(crate) fn pulled(collector: &Collector) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut path = "/telemetryui/collector?format=json&limit=1000".to_owned();
    loop {
        let page = collector.get(&path).json();
        for row in page["pulled"].as_array().unwrap() {
            all.insert(row["name"].as_str().unwrap().to_owned(), row.clone());
        }
        match page["next"].as_str() {
            Some(next) => path = next.to_owned(),
            None => return all,
        }
    }
}

/// What the fault of a machine says; empty where it has none.
pub(crate) fn fault(rows: &BTreeMap<String, Value>, name: &str) -> String {
    rows[name]["fault"].as_str().unwrap_or_default().to_owned()
}

/// Ports that nobody has.
fn free_ports() -> [u16; 2] {
    let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    free.each_ref().map(|free| free.local_addr().unwrap().port())
}

/// telempulld as it is installed, below a directory.
pub(crate) struct Telempulld {
    pub(crate) home: Home,
    pub(crate) port: u16,
    /// Where it is asked without TLS.
    pub(crate) local_port: u16,
    child: Child,
}

pub(crate) const MEMBER: &str = "fdev/GOV/1710128-9";

impl Telempulld {
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// With these lines of its configuration besides.
    pub(crate) fn start_with(more: &str) -> Self {
        let [port, local_port] = free_ports();
        Self::run(port, local_port, more)
    }

    /// Where another one was asked without TLS.
    pub(crate) fn start_at(local_port: u16) -> Self {
        let [port, _] = free_ports();
        Self::run(port, local_port, "")
    }

    fn run(port: u16, local_port: u16, more: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_telem-collector")).with_file_name("telempulld");
        assert!(
            program.exists(),
            "{} is missing: build it first, with `cargo build -p telempulld`",
            program.display()
        );
        let home = Home::new();
        for below in ["etc/telempulld", "state", "run"] {
            fs::create_dir_all(home.path(below)).unwrap();
        }
        fs::write(home.path("etc/opt-in"), "").unwrap();
        let root = home.0.path().display();
        let text = format!(
            "[settings]\netc_dir={root}/etc\nstate_dir={root}/state\nrun_dir={root}/run\npull_listen=127.0.0.1:{port}\n\
             pull_local=127.0.0.1:{local_port}\nmember={MEMBER}\nserver_code=node-1\n{more}"
        );
        fs::write(home.path("telemetrics.conf"), text).unwrap();
        let log = fs::File::create(home.path("log")).unwrap();
        let mut command = Command::new(program);
        command.arg("-f").arg(home.path("telemetrics.conf")).stdin(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        let machine = Self { home, port, local_port, child };
        within(DEADLINE, "telempulld serves", || machine.log().contains("answers those who ask"));
        machine
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.path("log")).unwrap_or_default()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.home.path("state/identity/telempulld/srv_certificate.pem"))
    }

    pub(crate) fn trust(&self, line: &str) {
        let file = self.home.path("etc/telempulld/trusted_certificates.cfg");
        fs::write(file.with_extension("new"), format!("{line}\n")).unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
    }

    /// Its section, with these lines besides.
    pub(crate) fn section(&self, name: &str, lines: &str) -> String {
        let Self { port, .. } = self;
        let fingerprint = self.fingerprint();
        format!(
            "[pull {name}]\nurl=https://127.0.0.1:{port}\nfingerprint={fingerprint}\ninterval=10\n{lines}\n"
        )
    }
}

impl Drop for Telempulld {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
