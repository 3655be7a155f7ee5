//! A private directory with a daemon in it, and a server that answers by script.
// Each test file uses its own part of it; a helper that fails ends its test.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub use test_harness::server;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use telemetry_record::header::{Header, HeaderBlock};
use telemetry_record::message::Message;
use telemetry_store::counters::Counts;
use telemetry_store::delivery_status::DeliveryStatus;
use telemetry_store::spool::{Durability, Writer, file};

/// Nothing that is waited for takes this long.
pub const DEADLINE: Duration = Duration::from_secs(40);

/// Waits until `condition` gives something.
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The user whose records these are.
const SENDER: u32 = 1000;

/// A record with a payload to know it by.
pub fn record(payload: &str) -> Message {
    let headers = HeaderBlock::from_values(Header::ALL.map(|header| match header {
        Header::RecordFormatVersion => "4".to_owned(),
        Header::Classification => "org.example/test/record".to_owned(),
        Header::CpuModel => "Example(R) CPU @ 2 GHz".to_owned(),
        Header::BoardName => String::new(),
        Header::EventId => "5de9de8d5f3c6a7d445d75ba01cc3322".to_owned(),
        other => format!("<{}>", other.name()),
    }));
    Message { config: None, headers, payload: payload.to_owned() }
}

/// The same for the server that this configuration names.
pub fn record_for(config: &Path, payload: &str) -> Message {
    Message { config: Some(config.to_owned()), ..record(payload) }
}

/// A private directory: opted in, with a spool.
pub struct Sandbox {
    directory: tempfile::TempDir,
    pub spool: Writer,
}

impl Sandbox {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("etc")).unwrap();
        let spool = Writer::open_or_create(&directory.path().join("spool")).unwrap();
        let sandbox = Self { directory, spool };
        sandbox.opt_in();
        // As if it had run since the machine started: only what waited through that is delayed.
        sandbox.write_state(SystemTime::now());
        sandbox
    }

    /// Writes the state that a daemon left at this time.
    pub fn write_state(&self, at: SystemTime) {
        let updated_unix_secs = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        fs::create_dir_all(self.path("state")).unwrap();
        let status = DeliveryStatus { updated_unix_secs, ..DeliveryStatus::default() };
        status.write(&self.path("state")).unwrap();
    }

    pub fn counts(&self) -> Counts {
        Counts::read(&self.path("state"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn opt_in(&self) {
        fs::write(self.path("etc/opt-in"), "").unwrap();
    }

    /// Writes the configuration: this server, and these lines.
    pub fn configure(&self, server: &str, more: &str) -> PathBuf {
        let mut text = format!("[settings]\nserver={server}\n{more}\n");
        for key in ["etc_dir", "state_dir", "log_dir", "cache_dir", "run_dir", "spool_dir"] {
            let path = self.path(key.strip_suffix("_dir").unwrap());
            text.push_str(&format!("{key}={}\n", path.display()));
        }
        self.write_config("telemetrics.conf", &text)
    }

    /// Writes a configuration for single records.
    pub fn configure_record(&self, name: &str, server: &str, more: &str) -> PathBuf {
        self.write_config(name, &format!("[settings]\nserver={server}\n{more}\n"))
    }

    fn write_config(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        let new = self.path("config.new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).unwrap();
        fs::rename(new, &path).unwrap();
        path
    }

    /// Stores one record as telemprobd does; returns its id.
    pub fn store(&self, payload: &str) -> String {
        self.store_message(record(payload))
    }

    pub fn store_message(&self, message: Message) -> String {
        let name = self.spool.store(SENDER, &[&message], Durability::Atomic).unwrap().name;
        name.strip_suffix(&format!(".{SENDER}")).unwrap().to_owned()
    }

    /// Stores several records as telemprobd does when they come at once; returns the file's name.
    pub fn store_batch(&self, payloads: impl IntoIterator<Item = String>) -> String {
        let messages: Vec<_> = payloads.into_iter().map(|payload| record(&payload)).collect();
        let messages: Vec<_> = messages.iter().collect();
        self.spool.store(SENDER, &messages, Durability::Atomic).unwrap().name
    }

    /// Stores a record as the C daemons do: under six characters, written in place.
    pub fn store_as_c(&self, name: &str, message: &Message) {
        fs::write(self.path("spool").join(name), file::encode_single(message)).unwrap();
    }

    /// Makes the file of the spool whose name begins so as old as this.
    pub fn age(&self, name: &str, age: Duration) {
        let name = self.waiting().into_iter().find(|found| found.starts_with(name)).unwrap();
        let path = self.path("spool").join(name);
        let times = fs::FileTimes::new().set_modified(SystemTime::now() - age);
        File::options().write(true).open(path).unwrap().set_times(times).unwrap();
    }

    pub fn names(&self, directory: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(directory)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Names of records that wait.
    pub fn waiting(&self) -> Vec<String> {
        self.names("spool").into_iter().filter(|name| !name.starts_with('.')).collect()
    }

    pub fn wait_until_empty(&self) {
        eventually("an empty spool", || self.waiting().is_empty().then_some(()));
    }

    pub fn delivery_log(&self) -> Vec<telemetry_store::delivery_log::DeliveryEntry> {
        telemetry_store::delivery_log::DeliveryLog::new(&self.path("log")).entries().unwrap()
    }

    pub fn status(&self) -> DeliveryStatus {
        DeliveryStatus::read(&self.path("state")).unwrap().unwrap_or_default()
    }

    pub fn start(&self) -> Daemon {
        Daemon::start(&self.path("telemetrics.conf"))
    }

    /// Runs the daemon where it is to end by itself; returns its status and what it said.
    pub fn run(&self) -> (ExitStatus, String) {
        let daemon = self.start();
        daemon.wait()
    }
}

/// A running telempostd.
pub struct Daemon {
    pub child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Daemon {
    pub fn start(config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_telempostd"))
            .arg("-f")
            .arg(config)
            .env_remove("JOURNAL_STREAM")
            .env_remove("http_proxy")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let lines = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = lines.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, log, reader: Some(reader) }
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn wait_for_log(&self, text: &str) {
        eventually(text, || self.log().contains(text).then_some(()));
    }

    /// The process ids of the upload process, while it runs.
    pub fn children(&self) -> Vec<i32> {
        let id = self.child.id();
        let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = eventually("the daemon's end", || self.child.try_wait().unwrap());
        self.reader.take().unwrap().join().unwrap();
        (status, self.log())
    }

    /// Stops it cleanly.
    pub fn stop(self) -> String {
        self.signal(Signal::SIGTERM);
        let (status, log) = self.wait();
        assert!(status.success(), "{log}");
        log
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- telempostd said:\n{}", self.log());
        }
    }
}
