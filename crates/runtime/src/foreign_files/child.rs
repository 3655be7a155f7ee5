//! The file helper itself: opens and reads what it is asked for, and answers. Each call here may take as long as a file
//! system of somebody else's pleases.

use super::ForeignFile;
use super::packet::{self, PATH_BYTES, PIECE_BYTES};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use telemetry_files::bounded_file;

/// Answers until the daemon closes its end.
pub(super) fn serve(socket: &OwnedFd) {
    let mut request = vec![0; PATH_BYTES + size_of::<u32>()];
    loop {
        let length = match recv(socket.as_raw_fd(), &mut request, MsgFlags::empty()) {
            Err(Errno::EINTR) => continue,
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        let Some((path, limit)) = request.get(..length).and_then(packet::parse_request) else { return };
        if answer(socket, read(path, limit)).is_err() {
            return;
        }
    }
}

fn answer(socket: &OwnedFd, result: io::Result<ForeignFile>) -> nix::Result<()> {
    send_whole(socket, &packet::head(&result))?;
    for piece in result.iter().flat_map(|file| file.bytes.chunks(PIECE_BYTES)) {
        send_whole(socket, piece)?;
    }
    Ok(())
}

fn send_whole(socket: &OwnedFd, packet: &[u8]) -> nix::Result<()> {
    loop {
        match send(socket.as_raw_fd(), packet, MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EINTR) => {}
            sent => return sent.map(drop),
        }
    }
}

/// The whole of a regular file of up to `limit` bytes, and whose it is: all by one open descriptor, and closed again.
fn read(path: &Path, limit: u32) -> io::Result<ForeignFile> {
    let file = bounded_file::open_regular_without_magic(path)?;
    let metadata = file.metadata()?;
    let bytes = bounded_file::read_all(&file, limit.into())?;
    Ok(ForeignFile { owner: metadata.uid(), mode: metadata.mode(), bytes })
}
