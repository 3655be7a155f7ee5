//! The runner itself.

use super::answer::Answer;
use super::{ending, landlock, plugin};
use crate::definition::{Definition, Kind};
use crate::measure::measure;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// How long it tries to end what a check left behind.
const ENDING: Duration = Duration::from_secs(3);

pub(super) fn serve(definition: &Definition, state_dir: &Path, socket: &OwnedFd) {
    // Signals that end checkprobe are watched there, and blocked here; nothing that is started is to inherit that.
    let _ = telemetry_runtime::signals::unblock_all();
    // What leaves its parent becomes this process's child, and not that of the first process.
    let is_subreaper = prctl::set_child_subreaper(true).is_ok();
    let mut is_inside = false;
    let answer = match &definition.kind {
        Kind::Plugin(_) if !is_subreaper => Answer::Error("its children could not be followed".to_owned()),
        Kind::Plugin(command) => {
            is_inside = landlock::keep_signals_inside().unwrap_or(false);
            plugin::run(command, definition.timeout)
        }
        _ => measure(definition, state_dir).map_or_else(Answer::Error, Answer::Measured),
    };
    let is_over = if is_inside { ending::end_all_inside(ENDING) } else { ending::end_all_but(&[], ENDING) };
    send_whole(socket, &answer.bytes());
    if !is_over {
        let _ = shutdown(socket.as_raw_fd(), Shutdown::Both);
        // The check is not run again before this process ends, so that what cannot be ended is there once.
        ending::wait_for_the_rest();
    }
}

fn send_whole(socket: &OwnedFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match send(socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EINTR) => {}
            Err(_) | Ok(0) => return,
            Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
        }
    }
}
