//! Informs the person at the machine what became of a crash: on standard error if somebody is there to read it, else in
//! the system journal, else to syslog, else in the kernel's log.
//!
//! All ways are opened at once, so that [`SystemJournal::log`] needs neither privileges nor any system call but a
//! write. It never waits, and never fails: there would be nobody to inform.

use nix::sys::stat::{SFlag, fstat, makedev};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use telemetry_record::header::cut;
use telemetry_runtime::native_journal::{self, Entry, NativeJournal, one_line};

/// The name that stands before a message.
const PROGRAM: &str = "crashprobe";

/// Longest line for syslog and the kernel, which cuts at about 1000 bytes.
const LINE_BYTES: usize = 900;

/// syslog's facility of daemons.
const FACILITY_DAEMON: u8 = 3 << 3;

/// How much an event matters, as syslog(3) counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A crash was not reported though it should have been.
    Error = 3,
    /// Something is missing from a report, or it was left out by a limit.
    Warning = 4,
    /// All went as it should.
    Info = 6,
}

/// What is logged.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// How much it matters.
    pub priority: Priority,
    /// A sentence. Control characters in it become blanks.
    pub message: &'a str,
    /// Fields for programs, as `TELEMETRY_PID`: capital letters, digits and `_`.
    pub fields: &'a [(&'a str, &'a str)],
}

/// Where the logs of a system are.
#[derive(Clone, Debug)]
pub struct LogPaths {
    /// Socket of the journal.
    pub journal: PathBuf,
    /// Socket of syslog.
    pub syslog: PathBuf,
    /// The kernel's log.
    pub kernel: PathBuf,
}

impl Default for LogPaths {
    fn default() -> Self {
        Self { journal: native_journal::SOCKET.into(), syslog: "/dev/log".into(), kernel: "/dev/kmsg".into() }
    }
}

/// The ways that are open, the best first.
#[derive(Debug)]
pub struct SystemJournal {
    ways: Vec<Way>,
}

#[derive(Debug)]
enum Way {
    Stderr,
    Journal(NativeJournal),
    Syslog(UnixDatagram),
    Kernel(File),
}

impl SystemJournal {
    /// Opens the ways. The kernel starts its handler without a standard error, which the runtime makes /dev/null.
    pub fn open(paths: &LogPaths) -> Self {
        Self::with(is_read(std::io::stderr()), paths)
    }

    fn with(stderr_is_read: bool, paths: &LogPaths) -> Self {
        if stderr_is_read {
            return Self { ways: vec![Way::Stderr] };
        }
        let kernel = OpenOptions::new()
            .append(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(&paths.kernel);
        let ways = [
            NativeJournal::connect(&paths.journal).ok().map(Way::Journal),
            connect(&paths.syslog).map(Way::Syslog),
            kernel.ok().map(Way::Kernel),
        ];
        Self { ways: ways.into_iter().flatten().collect() }
    }

    /// Logs an event, by the first way that takes it.
    pub fn log(&self, event: &Event<'_>) {
        let _ = self.ways.iter().any(|way| way.take(event));
    }
}

impl Way {
    fn take(&self, event: &Event<'_>) -> bool {
        match self {
            Way::Stderr => writeln!(std::io::stderr(), "{PROGRAM}: {}", one_line(event.message)).is_ok(),
            Way::Journal(journal) => journal.send(&entry(event)).is_ok(),
            Way::Syslog(socket) => socket.send(line(event).as_bytes()).is_ok(),
            Way::Kernel(file) => (&*file).write_all(line(event).as_bytes()).is_ok(),
        }
    }
}

fn connect(path: &Path) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(path).ok()?;
    Some(socket)
}

/// Whether what is written here goes anywhere: it is open, and not /dev/null.
fn is_read(file: impl AsFd) -> bool {
    let null = makedev(1, 3);
    fstat(file).is_ok_and(|stat| {
        let is_device = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR;
        !(is_device && stat.st_rdev == null)
    })
}

fn entry<'a>(event: &Event<'a>) -> Entry<'a> {
    Entry {
        priority: event.priority as u8,
        identifier: PROGRAM,
        message: event.message,
        fields: event.fields,
    }
}

/// The line for syslog and the kernel.
fn line(event: &Event<'_>) -> String {
    let priority = FACILITY_DAEMON | event.priority as u8;
    let text = one_line(event.message);
    format!("<{priority}>{PROGRAM}[{}]: {}", std::process::id(), cut(&text, LINE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    const EVENT: Event<'_> = Event {
        priority: Priority::Error,
        message: "crash of x\nnot reported",
        fields: &[("TELEMETRY_PID", "7"), ("TELEMETRY_EXECUTABLE", "/bin/a\nPRIORITY=0")],
    };

    /// LogPaths below a directory: those that exist are bound or made.
    struct Logs {
        dir: tempfile::TempDir,
        paths: LogPaths,
    }

    impl Logs {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = |name: &str| dir.path().join(name);
            let paths = LogPaths { journal: path("journal"), syslog: path("log"), kernel: path("kmsg") };
            Self { dir, paths }
        }

        fn bind(&self, name: &str) -> UnixDatagram {
            let socket = UnixDatagram::bind(self.dir.path().join(name)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        }

        fn log(&self) {
            SystemJournal::with(false, &self.paths).log(&EVENT);
        }
    }

    fn received(socket: &UnixDatagram) -> Vec<u8> {
        let mut bytes = vec![0; 10_000];
        let length = socket.recv(&mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn the_journal_is_first() {
        let logs = Logs::new();
        let (journal, syslog) = (logs.bind("journal"), logs.bind("log"));
        logs.log();
        let start =
            b"MESSAGE=crash of x not reported\nPRIORITY=3\nSYSLOG_IDENTIFIER=crashprobe\nTELEMETRY_PID=7\n";
        assert!(received(&journal).starts_with(start));
        syslog.recv(&mut [0]).unwrap_err();
    }

    #[test]
    fn syslog_is_next_and_then_the_kernel() {
        let logs = Logs::new();
        let line = format!("<27>crashprobe[{}]: crash of x not reported", std::process::id());
        std::fs::write(&logs.paths.kernel, "").unwrap();
        let syslog = logs.bind("log");
        logs.log();
        assert_eq!(received(&syslog), line.as_bytes());
        drop(syslog);
        logs.log();
        let mut text = String::new();
        File::open(&logs.paths.kernel).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, line);
    }

    #[test]
    fn a_journal_that_takes_nothing_more_is_passed_by() {
        let logs = Logs::new();
        let (_full, syslog) = (logs.bind("journal"), logs.bind("log"));
        let filler = connect(&logs.paths.journal).unwrap();
        while filler.send(b"x").is_ok() {}
        logs.log();
        assert!(received(&syslog).starts_with(b"<27>crashprobe["));
    }

    #[test]
    fn without_any_log_nothing_happens() {
        Logs::new().log();
    }

    #[test]
    fn a_long_line_is_cut() {
        assert!(line(&Event { message: &"ü".repeat(100_000), ..EVENT }).len() < 1000);
    }

    #[test]
    fn a_person_is_where_standard_error_is_not_dev_null() {
        assert!(!is_read(OpenOptions::new().write(true).open("/dev/null").unwrap()));
        assert!(is_read(tempfile::tempfile().unwrap()));
        assert!(is_read(UnixDatagram::unbound().unwrap()));
        let stderr = SystemJournal::with(true, &LogPaths::default());
        assert!(matches!(stderr.ways.as_slice(), [Way::Stderr]));
    }
}
