//! An outage's backlog: the start with 50,000 records waiting, and what a record costs then and otherwise.

use super::sink::Sink;
use super::table::Row;
use super::{ROUNDS, median};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use telemetry::Record;
use telemetry_record::message::Message;
use telemetry_store::spool::{Durability, Writer};
use test_harness::{Process, Sandbox, until};

const LONG: usize = 50_000;
const SHORT: usize = 100;
/// Deliveries over which the cost of one is taken.
const MEASURED: usize = 2_000;
/// Keeps a backlog from being over before it is measured.
const ANSWER_DELAY: Duration = Duration::from_millis(10);

pub(super) fn measure(folder: &Path, print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let sink = Sink::start_with_delay(ANSWER_DELAY)?;
    let (mut first, mut long, mut short, mut peak_kib) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS.min(3) {
        let run = Run::with_backlog(&sink, folder, LONG)?;
        first.push(run.first_delivery_secs);
        long.push(run.cost_us(&sink, LONG)?);
        peak_kib = peak_kib.max(run.daemon.status_kib("VmHWM"));
        drop(run);
        let run = Run::with_backlog(&sink, folder, SHORT)?;
        short.push(run.cost_us(&sink, SHORT)?);
    }
    let nothing = f64::NAN;
    print(&Row {
        what: "start with 50,000 waiting: first delivery".to_owned(),
        ours: median(&mut first),
        floor: nothing,
        ratio: None,
        unit: "s",
        goal: "within 1 s",
        c_implementation: "-",
    });
    print(&Row {
        what: "telempostd with 50,000 waiting, at most".to_owned(),
        ours: peak_kib as f64 / 1024.0,
        floor: nothing,
        ratio: None,
        unit: "MB RSS",
        goal: "under 16 MB",
        c_implementation: "-",
    });
    let (long, short) = (median(&mut long), median(&mut short));
    print(&Row {
        what: "processor time a record, 50,000 waiting (floor: 100)".to_owned(),
        ours: long,
        floor: short,
        ratio: Some(long / short),
        unit: "us",
        goal: "within a factor of 2",
        c_implementation: "-",
    });
    Ok(())
}

struct Run {
    sandbox: Sandbox,
    spool: Writer,
    message: Message,
    daemon: Process,
    first_delivery_secs: f64,
}

impl Run {
    /// Fills a spool and starts telempostd on it.
    fn with_backlog(sink: &Sink, folder: &Path, records: usize) -> Result<Self, Box<dyn Error>> {
        let mut sandbox = Sandbox::new_in(folder);
        sandbox.set("server", &sink.url).set("rate_limit_enabled", false);
        sandbox.set("daemon_recycling_enabled", false).set("spool_max_size", -1);
        let spool = Writer::open_or_create(&sandbox.path("spool"))?;
        let mut record = Record::new(1, "org.example/bench/backlog", 1)?;
        record.set_payload(&"x".repeat(200))?;
        let payload = record.payload().unwrap_or_default().to_owned();
        let message = Message { config: None, headers: record.headers().clone(), payload };
        for _ in 0..records {
            spool.store(0, &[&message], Durability::Atomic)?;
        }
        let before = sink.received();
        let start = Instant::now();
        let daemon = sandbox.start("telempostd");
        until("a first delivery", || (sink.received() > before).then_some(()));
        let first_delivery_secs = start.elapsed().as_secs_f64();
        Ok(Self { sandbox, spool, message, daemon, first_delivery_secs })
    }

    /// Processor time of telempostd a record, in microseconds, while about this many wait.
    fn cost_us(&self, sink: &Sink, waiting: usize) -> Result<f64, Box<dyn Error>> {
        let warm = sink.received() + SHORT / 2;
        until("some deliveries", || (sink.received() >= warm).then_some(()));
        let (received, cpu_ns) = (sink.received(), self.cpu_ns()?);
        let mut stored = 0;
        while sink.received() < received + MEASURED {
            // What is delivered is replaced where little waits, so that as much waits all the time.
            let delivered = sink.received() - received;
            while waiting == SHORT && stored < delivered {
                self.spool.store(0, &[&self.message], Durability::Atomic)?;
                stored += 1;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let delivered = sink.received() - received;
        Ok((self.cpu_ns()? - cpu_ns) / 1000.0 / delivered as f64)
    }

    /// Time on a processor, from the scheduler (`/proc/PID/schedstat`, first field, nanoseconds).
    fn cpu_ns(&self) -> Result<f64, Box<dyn Error>> {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.daemon.pid()))?;
        Ok(text.split(' ').next().unwrap_or_default().parse()?)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // The daemon first, or it would see its spool go.
        self.daemon.kill();
        let _ = std::fs::remove_dir_all(self.sandbox.path("spool"));
    }
}
