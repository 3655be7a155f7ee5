//! The runner itself.

use super::answer::Answer;
use super::{descendants, plugin};
use crate::definition::{Definition, Kind};
use crate::measure::measure;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::socket::{MsgFlags, send};
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
    let answer = match &definition.kind {
        Kind::Plugin(_) if !is_subreaper => Answer::Error("its children could not be followed".to_owned()),
        Kind::Plugin(command) => plugin::run(command, definition.timeout),
        _ => measure(definition, state_dir).map_or_else(Answer::Error, Answer::Measured),
    };
    descendants::end_all_but(&[], ENDING);
    send_whole(socket, &answer.bytes());
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
