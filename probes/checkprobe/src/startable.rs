//! Whether the programs of all plugins can be started, found out before any is: in a child, since one may lie in a file system
//! that does not answer.

use crate::definition::Fault;
use crate::program;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, recv, send};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use telemetry_runtime::fork;

/// How long they are waited for.
const TIME: Duration = Duration::from_secs(3);

/// Longest text of what is in one's way, in bytes.
const TEXT_BYTES: usize = 4096;

/// What is said of the first that nothing was found out about.
const SILENT: &str = "is in a file system that does not answer";

/// The faults of those that cannot be started. Those that a file system keeps back are one fault.
pub(crate) fn faults(programs: Vec<(PathBuf, Fault)>) -> Vec<Fault> {
    if programs.is_empty() {
        return Vec::new();
    }
    let paths: Vec<_> = programs.iter().map(|(path, _)| path.clone()).collect();
    let obstacles = obstacles(&paths);
    // The first that is not answered keeps the others back, of which nothing is known.
    let silent = programs.get(obstacles.len()).map(|(_, fault)| (fault.clone(), Some(SILENT.to_owned())));
    let answered = programs.into_iter().map(|(_, fault)| fault).zip(obstacles);
    let faulty = answered.chain(silent).filter_map(|(fault, text)| {
        let text = format!("{} {}", fault.text, text?);
        Some(Fault { text, ..fault })
    });
    faulty.collect()
}

/// What is in the way of each, in their order, as far as that could be found out.
fn obstacles(programs: &[PathBuf]) -> Vec<Option<String>> {
    let say = |socket: &OwnedFd| {
        for program in programs {
            let text = program::obstacle(program).map(|found| found.to_string()).unwrap_or_default();
            let bytes = text.as_bytes().get(..text.len().min(TEXT_BYTES - 1)).unwrap_or_default();
            // A message of no bytes would be the end.
            if send(socket.as_raw_fd(), &[b" ", bytes].concat(), MsgFlags::MSG_NOSIGNAL).is_err() {
                return;
            }
        }
    };
    let Ok((child, socket)) = fork::start(c"checkprobe-look", say) else { return Vec::new() };
    let (deadline, mut found) = (Instant::now() + TIME, Vec::new());
    while found.len() < programs.len() {
        match receive(&socket, deadline) {
            Some(text) => found.push(Some(text).filter(|text| !text.is_empty())),
            None => break,
        }
    }
    // This process ends soon, and with it what waits for a file system, once that answers.
    let _ = kill(child, Signal::SIGKILL);
    found
}

/// One message; none at the end, and when the time is up.
fn receive(socket: &OwnedFd, deadline: Instant) -> Option<String> {
    let mut piece = [0; TEXT_BYTES];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let time = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], time) {
            Err(Errno::EINTR) => continue,
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        match recv(socket.as_raw_fd(), &mut piece, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Ok(0) | Err(_) => return None,
            Ok(length) => {
                let text = piece.get(1..length).unwrap_or_default();
                return Some(String::from_utf8_lossy(text).into_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_that_cannot_be_started_is_a_fault_where_it_is_named() {
        let fault =
            |line, name: &str| Fault { file: "a.conf".to_owned(), line, text: format!("[c]: {name}") };
        let programs = ["/bin/sh", "/none/such", "/etc"];
        let programs = programs.into_iter().zip(1..).map(|(name, line)| (name.into(), fault(line, name)));
        let found: Vec<_> = faults(programs.collect()).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["a.conf:2: [c]: /none/such is not there", "a.conf:3: [c]: /etc is a directory"]);
        assert_eq!(faults(Vec::new()), []);
    }
}
