//! Reads a debug file in a process of its own, which has no rights: this program once more, by another word.
//!
//! ```text
//!  collector                         child
//!   open file ────/proc/.../fd/N────▶ maps it, gives up all rights
//!   {"build_id", "addresses"} ──────▶ stdin
//!   names, or what it needs ◀──────── stdout, one line of JSON
//! ```

mod child;
mod mmap;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use serde::{Deserialize, Serialize};

use super::debug_file::{Needed, NeededUnit};
use super::limits::{ANSWER_BYTES, READER_CPU_SECS, READER_TIME};
use crate::groups::reading::FunctionAt;

pub use child::name_addresses;

/// The program that reads a file: this one, though its file may have been replaced since it was started.
const OWN: &str = "/proc/self/exe";

/// By another word.
const WORD: &str = "name-addresses";

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    build_id: String,
    addresses: Vec<u64>,
    is_last: bool,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// Names by address, and the units of split DWARF that were missed.
    Names(Vec<(u64, Vec<FunctionAt>)>, Vec<NeededUnit>),
    /// What the file shares with others.
    Needs(Needed),
    /// Why the file is not used.
    Refused(String),
}

/// A file on its way to be read, and what it shares with others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files<'a> {
    pub(super) file: &'a File,
    pub(super) supplement: Option<&'a File>,
    /// The package of its split DWARF.
    pub(super) package: Option<&'a File>,
    /// Single files of it.
    pub(super) units: &'a [File],
    /// Whether what it shares with others is not to be had.
    pub(super) is_last: bool,
}

/// Reads the names of addresses.
///
/// # Errors
/// Why the file is not used.
pub(super) fn read(files: Files<'_>, build_id: &str, addresses: &[u64]) -> Result<Reply, String> {
    let question =
        Question { build_id: build_id.to_owned(), addresses: addresses.to_vec(), is_last: files.is_last };
    let question = serde_json::to_string(&question).map_err(|error| error.to_string())?;
    let mut command = Command::new(OWN);
    command.arg(WORD).arg("--file").arg(path_of(files.file));
    if let Some(supplement) = files.supplement {
        command.arg("--supplement").arg(path_of(supplement));
    }
    if let Some(package) = files.package {
        command.arg("--package").arg(path_of(package));
    }
    for unit in files.units {
        command.arg("--unit").arg(path_of(unit));
    }
    let mut child = command
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("no process can be started that reads it: {error}"))?;
    let answer = converse(&mut child, question);
    // It may have ended by itself.
    let _ = child.kill();
    let status = child.wait().map_err(|error| error.to_string())?;
    let answer = answer?;
    if answer.is_empty() {
        return Err(how_it_ended(status));
    }
    let reply = serde_json::from_slice(&answer).map_err(|_| how_it_ended(status))?;
    if let Reply::Refused(reason) = reply { Err(reason) } else { Ok(reply) }
}

/// By which a child of ours opens what we have open.
fn path_of(file: &File) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())
}

fn converse(child: &mut Child, question: String) -> Result<Vec<u8>, String> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("the process that reads it has no pipes".to_owned());
    };
    let (done, answered) = channel();
    thread::spawn(move || {
        // One that ended before it was asked says so by its status.
        let _ = stdin.write_all(question.as_bytes());
        drop(stdin);
        let mut bytes = Vec::new();
        let read = stdout.take(ANSWER_BYTES + 1).read_to_end(&mut bytes).map(|_| bytes);
        drop(done.send(read));
    });
    let bytes = match answered.recv_timeout(READER_TIME) {
        Ok(read) => read.map_err(|error| error.to_string())?,
        Err(_) => return Err(format!("reading it took longer than {} s", READER_TIME.as_secs())),
    };
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > ANSWER_BYTES {
        return Err(format!("its names have more than {ANSWER_BYTES} bytes"));
    }
    // Its output is closed: it ends, and its status says how.
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(1) && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(5));
    }
    Ok(bytes)
}

/// Why there is no answer.
fn how_it_ended(status: ExitStatus) -> String {
    match status.signal() {
        Some(libc::SIGXCPU) => format!("reading it took more than {READER_CPU_SECS} s of a processor"),
        Some(libc::SIGABRT | libc::SIGSEGV) => "reading it took too much memory".to_owned(),
        Some(libc::SIGBUS) => "it was cut short while it was read".to_owned(),
        Some(signal) => format!("reading it ended with signal {signal}"),
        None => format!("reading it ended with {status}"),
    }
}
