//! The helper itself. Each call here may never return.

use super::packet::packet;
use super::question::Question;
use crate::disks::own_mounts;
use crate::source::Source;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::socket::{MsgFlags, send};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use telemetry_files::{Owner, open_lock_file};

/// Asks these in their order, each under its lock, and sends what came of it.
pub(super) fn serve<'a>(
    socket: &OwnedFd,
    source: &Source,
    questions: impl Iterator<Item = (usize, &'a Question)>,
    lock: Option<&Path>,
) {
    let own = own_mounts();
    // Without the file nobody else is known to hang there.
    let lock = lock.and_then(|path| open_lock_file(path, Owner::OfDirectory).ok());
    for (place, question) in questions {
        let is_free = lock.as_ref().is_none_or(|file| set_lock(file, question.key(), libc::F_WRLCK));
        let asked = is_free.then(|| question.ask(source, &own));
        if is_free && let Some(file) = &lock {
            set_lock(file, question.key(), libc::F_UNLCK);
        }
        if !send_whole(socket, &packet(place, asked)) {
            return;
        }
    }
}

/// Takes or releases one byte, which is this process's until it ends. False if it is somebody else's.
pub(super) fn set_lock(file: &File, key: u64, kind: libc::c_int) -> bool {
    let Ok(start) = libc::off_t::try_from(key) else { return true };
    let range = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: 1,
        l_pid: 0,
    };
    !matches!(fcntl(file, FcntlArg::F_SETLK(&range)), Err(Errno::EACCES | Errno::EAGAIN))
}

fn send_whole(socket: &OwnedFd, packet: &[u8]) -> bool {
    loop {
        match send(socket.as_raw_fd(), packet, MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EINTR) => {}
            sent => return sent.is_ok(),
        }
    }
}
