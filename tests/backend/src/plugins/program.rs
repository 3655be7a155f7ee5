//! Runs the program of a parser.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde_json::json;

use super::crowd::Crowd;
use super::output;
use crate::confine::SECONDS;
use crate::storage::values::{Parsed, Unparsed};

/// Bytes of an answer.
const OUTPUT_BYTES: u64 = 1024 * 1024;

/// Bytes of its last words that are repeated.
const COMPLAINT_BYTES: u64 = 300;

/// Between two looks at how many its processes are: what takes less has no time to grow.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The program that confines another: this one, by another word.
const CONFINE: &str = "confine";

/// Gives records to a program, and reads what it makes of them.
///
/// # Errors
/// If it fails, takes too long, or answers what was not agreed.
pub(super) fn run(program: &Path, records: &[Unparsed]) -> Result<Vec<Parsed>, String> {
    let own =
        std::env::current_exe().map_err(|error| format!("the collector cannot find itself: {error}"))?;
    let mut child = Command::new(own)
        .arg(CONFINE)
        .arg(program)
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let result = converse(&mut child, records);
    end(&mut child);
    output::read(&result?, records)
}

/// Ends it with all that it has started: none of them can leave its group.
fn end(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.wait();
}

fn converse(child: &mut Child, records: &[Unparsed]) -> Result<Vec<u8>, String> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("it has no pipes".to_owned());
    };
    let lines: String = records
        .iter()
        .map(|record| {
            format!(
                "{}\n",
                json!({ "id": record.id, "classification": record.classification, "payload": record.payload })
            )
        })
        .collect();
    // One that does not read is no fault if it answers.
    thread::spawn(move || drop(stdin.write_all(lines.as_bytes())));
    let complaint = thread::spawn(move || {
        let mut text = Vec::new();
        let mut stderr = stderr;
        let _ = (&mut stderr).take(COMPLAINT_BYTES).read_to_end(&mut text);
        // The rest is read, so that it does not wait for us.
        let _ = std::io::copy(&mut stderr, &mut std::io::sink());
        text
    });
    let (done, answered) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(OUTPUT_BYTES + 1).read_to_end(&mut bytes).map(|_| bytes);
        drop(done.send(read));
    });
    let bytes = answer(child.id(), &answered)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > OUTPUT_BYTES {
        return Err(format!("it answered more than {OUTPUT_BYTES} bytes"));
    }
    // Its output is closed: it ends, or is ended.
    let status = wait(child)?;
    if !status.success() {
        let words = complaint.join().unwrap_or_default();
        let words = String::from_utf8_lossy(&words).trim().replace('\n', " ");
        return Err(format!("it ended with {status}: {words}"));
    }
    Ok(bytes)
}

/// Its answer, if it comes in time and its processes are not too many or too large meanwhile.
fn answer(group: u32, answered: &Receiver<std::io::Result<Vec<u8>>>) -> Result<Vec<u8>, String> {
    let deadline = Instant::now() + Duration::from_secs(SECONDS);
    loop {
        match answered.recv_timeout(BETWEEN_LOOKS) {
            Ok(Ok(bytes)) => return Ok(bytes),
            Ok(Err(error)) => return Err(format!("its answer cannot be read: {error}")),
            Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
            Err(_) => return Err(format!("it took longer than {SECONDS} s")),
        }
        if let Some(excess) = Crowd::of_group(group).excess(page_bytes()) {
            return Err(excess);
        }
    }
}

fn page_bytes() -> u64 {
    let bytes = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(4096)
}

/// Waits for an end that is due.
fn wait(child: &mut Child) -> Result<std::process::ExitStatus, String> {
    for _ in 0..100 {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("it closed its output and did not end".to_owned())
}
