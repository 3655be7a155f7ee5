//! All processes, as ps(1) lists them. Read when somebody asks, since 30,000 of them take half a second.
//!
//! ```text
//! /proc/PID/stat    PID (NAME) S PPID ... utime(14) stime(15) ... starttime(22) vsize rss(24)     times in ticks since boot
//! /proc/PID         its owner is the effective user
//! ```
//!
//! Names of users are by `/etc/passwd` alone: a directory service may hang. Arguments are read of one user's processes.

use crate::error::SensorError;
use crate::limits::{ARGUMENTS_BYTES, PASSWD_BYTES, PROCESSES_LISTED};
use crate::source::{self, Source};
use crate::system::memory;
use crate::system::processes;
use crate::system::processor::ticks_per_second;
use crate::text;
use nix::unistd::{SysconfVar, sysconf};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use telemetry_files::bounded_file;

/// More than the kernel writes of a process, whose name is the only part of unbounded form.
const STAT_BYTES: u64 = 4096;

/// A process.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its user's name, or number.
    pub user: String,
    /// What the kernel calls it.
    pub command: String,
    /// The command line with its arguments, of processes of the user that was asked for.
    pub arguments: Option<String>,
    /// Per cent of one processor over its life.
    pub cpu_percent: f64,
    /// Per cent of the machine's memory that it has resident.
    pub memory_percent: f64,
    /// When it was started, in seconds since 1970.
    pub start_unix_secs: u64,
}

/// What all processes are measured by.
struct Machine {
    now_unix_secs: u64,
    uptime_secs: f64,
    ticks: f64,
    page_bytes: f64,
    memory_bytes: Option<f64>,
    users: HashMap<u32, String>,
}

/// The processes, in the order of their numbers. `with_arguments` is the user whose command lines are read.
///
/// # Errors
/// `/proc` cannot be read, or hides the processes of others: a part of them would pass for all. A process that has ended
/// meanwhile is none.
pub fn list(
    source: &Source,
    with_arguments: Option<u32>,
    now_unix_secs: u64,
) -> Result<Vec<Process>, SensorError> {
    let machine = Machine::read(source, now_unix_secs)?;
    let proc = source.proc_path("");
    let names =
        source::names(&proc, PROCESSES_LISTED).map_err(|error| SensorError::file(proc.display(), &error))?;
    let mut pids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    pids.sort_unstable();
    let list: Vec<_> =
        pids.into_iter().filter_map(|pid| machine.process(&proc, pid, with_arguments)).collect();
    // Every machine has that one. With hidepid=1 it is in the directory, and nothing can be read of it.
    if list.first().is_some_and(|first| first.pid == 1) { Ok(list) } else { Err(processes::hidden()) }
}

impl Machine {
    fn read(source: &Source, now_unix_secs: u64) -> Result<Self, SensorError> {
        let uptime = source.proc("uptime")?;
        let uptime = text::whole_lines(&uptime).next().and_then(|line| text::real(line.split(' ').next()?));
        let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096);
        let memory = memory::parse(&source.proc("meminfo")?);
        Ok(Self {
            now_unix_secs,
            uptime_secs: uptime.ok_or_else(|| SensorError::Malformed("/proc/uptime".to_owned()))?,
            ticks: ticks_per_second(),
            page_bytes: page as f64,
            memory_bytes: memory.total.filter(|total| *total > 0).map(|total| total as f64),
            users: users(
                &bounded_file::read_head(&source.path("etc/passwd"), PASSWD_BYTES).unwrap_or_default(),
            ),
        })
    }

    fn process(&self, proc: &Path, pid: u32, with_arguments: Option<u32>) -> Option<Process> {
        let directory = proc.join(pid.to_string());
        let uid = std::fs::metadata(&directory).ok()?.uid();
        let stat = parse(&bounded_file::read_head(&directory.join("stat"), STAT_BYTES).ok()?)?;
        let is_asked = with_arguments == Some(uid);
        let arguments =
            is_asked.then(|| bounded_file::read_head(&directory.join("cmdline"), ARGUMENTS_BYTES).ok());
        let started_secs = stat.start_ticks as f64 / self.ticks;
        let life_secs = (self.uptime_secs - started_secs).max(0.0);
        let cpu_secs = stat.cpu_ticks as f64 / self.ticks;
        let resident = stat.resident_pages as f64 * self.page_bytes;
        Some(Process {
            pid,
            user: self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string()),
            command: stat.command,
            arguments: arguments.flatten().map(|bytes| command_line(&bytes)),
            // The kernel knows no shorter time than a tick.
            cpu_percent: if life_secs * self.ticks >= 1.0 { cpu_secs * 100.0 / life_secs } else { 0.0 },
            memory_percent: self.memory_bytes.map_or(0.0, |all| resident * 100.0 / all),
            start_unix_secs: self.now_unix_secs.saturating_sub(life_secs.round() as u64),
        })
    }
}

/// What is asked for of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    command: String,
    cpu_ticks: u64,
    start_ticks: u64,
    resident_pages: u64,
}

/// The name may hold blanks and parentheses, so that the last one ends it.
fn parse(bytes: &[u8]) -> Option<Stat> {
    let begin = bytes.iter().position(|byte| *byte == b'(')?;
    let end = bytes.iter().rposition(|byte| *byte == b')')?;
    let command = bytes.get(begin + 1..end)?;
    let rest = std::str::from_utf8(bytes.get(end + 1..)?).ok()?;
    // A line that was cut says nothing of its last word.
    let words: Vec<_> = rest.strip_suffix('\n')?.split_ascii_whitespace().collect();
    let number = |field: usize| words.get(field.checked_sub(3)?).copied().and_then(text::whole);
    Some(Stat {
        command: text::name(command).into_owned(),
        cpu_ticks: number(14)?.saturating_add(number(15)?),
        start_ticks: number(22)?,
        resident_pages: number(24)?,
    })
}

/// The words, parted by blanks.
fn command_line(bytes: &[u8]) -> String {
    let words: Vec<_> = bytes.split(|byte| *byte == 0).map(text::name).collect();
    words.join(" ").trim_end().to_owned()
}

/// Names by their numbers; the first of several counts.
fn users(passwd: &[u8]) -> HashMap<u32, String> {
    let mut users = HashMap::new();
    for line in passwd.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b':');
        let (Some(name), Some(uid)) = (fields.next(), fields.nth(1)) else { continue };
        if let Some(uid) = std::str::from_utf8(uid).ok().and_then(|uid| uid.parse().ok()) {
            users.entry(uid).or_insert_with(|| text::name(name).into_owned());
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    const STAT: &str = "7 (a (b) c\n) S 1 7 7 0 -1 0 0 0 0 0 300 200 0 0 20 0 1 0 5000 1000 256 rest 0\n";

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = parse(STAT.as_bytes()).unwrap();
        let expected = Stat {
            command: "a (b) c\u{fffd}".to_owned(),
            cpu_ticks: 500,
            start_ticks: 5000,
            resident_pages: 256,
        };
        assert_eq!(stat, expected);
        assert_eq!(parse(b"7 (x) S 1\n"), None);
        assert_eq!(parse(b""), None);
        assert_eq!(command_line(b"/bin/a\0-x\0b\xff\n\0"), "/bin/a -x b\u{fffd}\u{fffd}");
        let users = users(b"root:x:0:0::/:/\ntoor:x:0:\nbad\nx:y:z\nlast:x:7");
        assert_eq!(
            (users.get(&0).unwrap().as_str(), users.get(&7).unwrap().as_str(), users.len()),
            ("root", "last", 2)
        );
    }

    #[test]
    fn a_made_up_machine_is_listed() {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("proc/uptime", "100.00 1.00\n"),
            ("proc/meminfo", "MemTotal: 102400 kB\n"),
            ("proc/1/stat", STAT),
            ("proc/7/stat", STAT),
            ("proc/7/cmdline", "/bin/a\0secret\0"),
            ("proc/self/stat", STAT),
            ("proc/8/cmdline", "no stat"),
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let uid = fs::metadata(root.path()).unwrap().uid();
        let source = Source::below(root.path());
        let [first, process] = <[_; 2]>::try_from(list(&source, Some(uid), 1_000_000).unwrap()).unwrap();
        assert_eq!((first.pid, first.arguments), (1, None), "its line cannot be read");
        // 5 s of processor in 50 s, and 1 MiB of 100.
        assert_eq!((process.pid, process.cpu_percent, process.memory_percent), (7, 10.0, 1.0));
        assert_eq!(process.start_unix_secs, 999_950);
        assert_eq!((process.user, process.arguments.as_deref()), (uid.to_string(), Some("/bin/a secret")));
        let others = list(&source, Some(uid + 1), 0).unwrap();
        assert!(others.iter().all(|process| process.arguments.is_none()));
        // With hidepid=2 others are not there at all, with hidepid=1 nothing can be read of them.
        fs::remove_file(root.path().join("proc/1/stat")).unwrap();
        let error = list(&source, Some(uid), 0).unwrap_err();
        assert!(error.to_string().contains("hidepid"), "{error}");
        fs::write(root.path().join("proc/1/stat"), STAT).unwrap();
        // Of a machine without memory, as a file that is cut may have it, nothing is a part.
        fs::write(root.path().join("proc/meminfo"), "MemTotal: 0 kB\n").unwrap();
        assert_eq!(list(&source, None, 0).unwrap()[1].memory_percent, 0.0);
    }

    #[test]
    fn thirty_thousand_processes_are_listed() {
        let root = tempfile::tempdir().unwrap();
        let proc = root.path().join("proc");
        fs::create_dir_all(proc.join("1")).unwrap();
        fs::write(proc.join("uptime"), "100.00 1.00\n").unwrap();
        fs::write(proc.join("meminfo"), "MemTotal: 102400 kB\n").unwrap();
        fs::write(proc.join("1/stat"), STAT).unwrap();
        for pid in 2..=30_000 {
            fs::create_dir(proc.join(pid.to_string())).unwrap();
            fs::hard_link(proc.join("1/stat"), proc.join(pid.to_string()).join("stat")).unwrap();
        }
        let list = list(&Source::below(root.path()), None, 0).unwrap();
        assert!(list.iter().map(|process| process.pid).eq(1..=30_000));
    }

    #[test]
    fn this_process_is_among_those_of_this_machine() {
        let list = list(&Source::machine(), None, 1_000_000_000).unwrap();
        assert!(list.iter().any(|process| process.pid == std::process::id()));
        assert!(list.windows(2).all(|pair| pair[0].pid < pair[1].pid));
    }

    proptest! {
        #[test]
        fn a_line_that_is_cut_is_no_process(cut in 0..STAT.len()) {
            prop_assert_eq!(parse(&STAT.as_bytes()[..cut]), None);
        }

        #[test]
        fn noise_is_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
            let _ = users(&bytes);
            prop_assert!(!command_line(&bytes).contains(char::is_control));
        }
    }
}
