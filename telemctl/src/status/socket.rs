//! Whether somebody listens on telemprobd's socket.
//!
//! The kernel is asked by `/proc/net/unix` first: a connection would make systemd start telemprobd, only
//! because somebody asked. A socket that is not listed there (of another network namespace, or bound
//! under another name of the same file) is connected to and left at once.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use serde::Serialize;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The flag of a socket that listens (`__SO_ACCEPTCON` of the kernel).
const LISTENING_FLAG: u32 = 0x1_0000;

/// Number of fields of a line of `/proc/net/unix` before the path.
const FIELDS_BEFORE_PATH: usize = 7;

/// The socket.
#[derive(Debug, Serialize)]
pub(crate) struct SocketStatus {
    #[serde(serialize_with = "crate::json::path")]
    pub(crate) path: PathBuf,
    pub(crate) listening: bool,
    pub(crate) error: Option<String>,
}

impl SocketStatus {
    pub(super) fn from_path(path: &Path) -> Self {
        let tried = if is_listed(path) { Ok(()) } else { connects(path) };
        let error = tried.err().map(|errno| match errno {
            Errno::ENOENT => "there is no such file".to_owned(),
            Errno::ECONNREFUSED => "nobody listens on it".to_owned(),
            Errno::ENOTSOCK | Errno::EPROTOTYPE => "it is not telemprobd's socket".to_owned(),
            errno => errno.desc().to_owned(),
        });
        Self { path: path.to_owned(), listening: error.is_none(), error }
    }
}

fn is_listed(path: &Path) -> bool {
    File::open("/proc/net/unix").is_ok_and(|file| {
        BufReader::new(file).split(b'\n').map_while(Result::ok).any(|line| lists(&line, path))
    })
}

/// Whether a line is that of a socket that listens on `path`.
/// `Num: RefCount Protocol Flags Type St Inode Path`, separated by blanks; see proc_net(5).
fn lists(line: &[u8], path: &Path) -> bool {
    // The path may hold blanks itself.
    let mut rest = line;
    let mut flags = None;
    for field in 0..FIELDS_BEFORE_PATH {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (text, behind) = rest.split_at_checked(end).unwrap_or_default();
        if field == 3 {
            flags = std::str::from_utf8(text).ok().and_then(|text| u32::from_str_radix(text, 16).ok());
        }
        rest = behind;
    }
    let listens = flags.is_some_and(|flags| flags & LISTENING_FLAG != 0);
    listens && rest.strip_prefix(b" ").is_some_and(|name| name == path.as_os_str().as_bytes())
}

fn connects(path: &Path) -> Result<(), Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let connection = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match connect(connection.as_raw_fd(), &UnixAddr::new(path)?) {
        // Somebody listens and has too much to do just now.
        Ok(()) | Err(Errno::EAGAIN) => Ok(()),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_listener_is_distinguished_from_a_connection_and_from_other_paths() {
        for (line, expected) in [
            ("0000000000000000: 00000002 00000000 00010000 0001 01 29219 /run/a b", true),
            ("0000000000000000: 00000003 00000000 00000000 0001 03 29220 /run/a b", false),
            ("0000000000000000: 00000002 00000000 00010000 0001 01 29219 /run/a", false),
            ("0000000000000000: 00000002 00000000 00010000 0001 01 29219", false),
            ("Num       RefCount Protocol Flags    Type St Inode Path", false),
            ("", false),
        ] {
            assert_eq!(lists(line.as_bytes(), Path::new("/run/a b")), expected, "{line}");
        }
    }

    #[test]
    fn looking_makes_no_connection() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let error = |path: &Path| SocketStatus::from_path(path).error.unwrap_or_default();
        assert_eq!(error(&path), "there is no such file");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert!(is_listed(&path));
        assert!(SocketStatus::from_path(&path).listening);
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        // Bound under another name: not listed, but there.
        let other_name = dir.path().join("./link");
        std::os::unix::fs::symlink(&path, &other_name).unwrap();
        assert!(!is_listed(&other_name));
        assert!(SocketStatus::from_path(&other_name).listening);
        drop(listener);
        // A child that another test has just forked holds it until it becomes its program.
        for _ in 0..1000 {
            if error(&path).is_empty() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        assert_eq!(error(&path), "nobody listens on it");
    }
}
