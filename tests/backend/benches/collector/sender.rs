//! Machines of a fleet that post what happens to them, each record once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use telem_collector::cli::DEFAULT_TID;
use telem_collector::fleet::{Delivery, Fleet, FleetPlan};

use crate::fill::now_secs;

/// Machines behind one connection.
const MACHINES: u32 = 4000;

/// Connections that post until they are stopped.
pub(crate) struct Senders {
    stop: Arc<AtomicBool>,
    posted: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Senders {
    /// Posts on so many connections; all together so many a second, or as many as are answered.
    pub(crate) fn start(address: SocketAddr, connections: u32, per_sec: Option<u32>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let posted = Arc::new(AtomicU64::new(0));
        let pause = per_sec.map(|rate| Duration::from_secs(connections.into()) / rate);
        let start = |number: u32| {
            let (stop, posted) = (Arc::clone(&stop), Arc::clone(&posted));
            std::thread::spawn(move || post(address, number, pause, &stop, &posted))
        };
        let threads = (0..connections).map(start).collect();
        Self { stop, posted, threads }
    }

    /// Posts that were answered 201 until now.
    pub(crate) fn posted(&self) -> u64 {
        self.posted.load(Ordering::Relaxed)
    }

    /// The posts a second in this time.
    pub(crate) fn rate(&self, time: Duration) -> f64 {
        let (before, start) = (self.posted(), Instant::now());
        std::thread::sleep(time);
        (self.posted() - before) as f64 / start.elapsed().as_secs_f64()
    }

    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        self.posted.load(Ordering::Relaxed)
    }
}

fn post(address: SocketAddr, number: u32, pause: Option<Duration>, stop: &AtomicBool, posted: &AtomicU64) {
    // No two of them have a machine in common.
    let seed = FleetPlan::FULL.seed + 1 + u64::from(number) + now_secs().unsigned_abs() * 1000;
    let fleet = Fleet::new(FleetPlan { machines: MACHINES, loop_crashes: 0, seed, ..FleetPlan::FULL });
    let mut connection = Connection::open(address);
    let mut due = Instant::now();
    // The last days have the versions that the fleet of the database ended with.
    for delivery in (0..fleet.plan().days).rev().cycle().flat_map(|day| fleet.day(day)) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        connection.post(&request(&delivery));
        posted.fetch_add(1, Ordering::Relaxed);
        if let Some(pause) = pause {
            due += pause;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
}

/// A post as clients send it, captured now.
fn request(delivery: &Delivery) -> String {
    let record = &delivery.record;
    format!(
        "POST /v2/collector HTTP/1.1\r\nHost: collector\r\nRecord-Format-Version: {}\r\nClassification: {}\r\n\
         Severity: {}\r\nMachine-Id: {}\r\nCreation-Timestamp: {}\r\nArch: {}\r\nHost-Type: {}\r\nBuild: {}\r\n\
         Kernel-Version: {}\r\nPayload-Format-Version: 1\r\nSystem-Name: {}\r\nBoard-Name: board|vendor\r\n\
         Cpu-Model: {}\r\nBios-Version: 1.2.3\r\nEvent-Id: {}\r\nX-Telemetry-TID: {DEFAULT_TID}\r\n\
         Content-Length: {}\r\n\r\n{}",
        record.record_format_version,
        record.classification,
        record.severity,
        record.machine_id,
        now_secs(),
        record.arch,
        record.host_type,
        record.build,
        record.kernel_version,
        record.system_name.as_deref().unwrap_or("debian"),
        record.cpu_model.as_deref().unwrap_or("cpu"),
        record.event_id.as_deref().unwrap_or("0123456789abcdef0123456789abcdef"),
        record.payload.len(),
        record.payload
    )
}

/// One that is kept.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), line: String::new(), body: Vec::new() }
    }

    fn post(&mut self, request: &str) {
        self.send(request, "HTTP/1.1 201 ");
    }

    /// Loads a page; its bytes.
    pub(crate) fn get(&mut self, path: &str) -> &[u8] {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"), "HTTP/1.1 200 ");
        &self.body
    }

    fn send(&mut self, request: &str, expected: &str) {
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut length = None;
        let mut status = String::new();
        loop {
            self.line.clear();
            self.stream.read_line(&mut self.line).unwrap();
            if status.is_empty() {
                status.clone_from(&self.line);
            }
            if self.line == "\r\n" || self.line.is_empty() {
                break;
            }
            if let Some(value) = self.line.strip_prefix("content-length: ") {
                length = Some(value.trim().parse().unwrap());
            }
        }
        self.body.resize(length.unwrap_or_else(|| panic!("no length: {status}: {request}")), 0);
        self.stream.read_exact(&mut self.body).unwrap();
        let body = String::from_utf8_lossy(&self.body);
        assert!(status.starts_with(expected), "{status}: {request}: {body}");
    }
}
