//! The socket: systemd's, or our own at `socket_path`.

use super::client::refuse;
use super::listen_fds;
use crate::limits::ACCEPT_QUEUE;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, getsockopt, listen, socket, sockopt,
};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program listens at the path.
    #[error("socket_path={}: another program listens there; stop it, or set another socket_path", .0.display())]
    Taken(PathBuf),
    /// What is at the path is no socket.
    #[error("socket_path={}: something that is no socket is there; remove it, or set another socket_path", .0.display())]
    NoSocket(PathBuf),
    /// The system refused.
    #[error("socket_path={}: {source}; its directory must exist and be writable for the daemon's user", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What systemd passed is not one listening Unix stream socket.
    #[error("systemd passed {0}; telemprobd.socket must have one ListenStream= path")]
    Inherited(String),
}

/// A listening socket. Dropped, it removes a path of its own.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: UnixListener,
    /// The path of a socket of our own; systemd keeps its own.
    own_path: Option<PathBuf>,
}

impl Listener {
    /// The socket that systemd passed, else a new one at `path`, as [`Self::bind`] makes it.
    pub(crate) fn inherit_or_bind(path: &Path) -> Result<Self, ListenError> {
        let mut inherited =
            listen_fds::take().map_err(|error| ListenError::Inherited(error.to_string()))?.into_iter();
        match (inherited.next(), inherited.next()) {
            (None, _) => Self::bind(path),
            (Some(socket), None) => Self::inherit(socket),
            (Some(_), Some(_)) => Err(ListenError::Inherited("several sockets".to_owned())),
        }
    }

    /// Answers those who wait at the socket that systemd passed, if nobody took it yet: for a daemon that cannot start. Who
    /// is not answered takes that for the end of a daemon that never answers.
    pub(crate) fn refuse_waiting(errno: Errno) {
        let inherited = listen_fds::take().into_iter().flatten();
        for listener in inherited.filter_map(|socket| Self::inherit(socket).ok()) {
            while let Ok(Some(client)) = listener.accept() {
                refuse(&client, errno);
            }
        }
    }

    /// The path that clients connect to, if it is one.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let address = self.socket.local_addr().ok()?;
        address.as_pathname().map(Path::to_owned)
    }

    fn inherit(socket: OwnedFd) -> Result<Self, ListenError> {
        let is_stream = getsockopt(&socket, sockopt::SockType) == Ok(SockType::Stream);
        let listens = getsockopt(&socket, sockopt::AcceptConn) == Ok(true);
        let socket = UnixListener::from(socket);
        if !is_stream || !listens || socket.local_addr().is_err() {
            return Err(ListenError::Inherited("what is no listening Unix stream socket".to_owned()));
        }
        socket.set_nonblocking(true).map_err(|error| ListenError::Inherited(error.to_string()))?;
        Ok(Self { socket, own_path: None })
    }

    /// A new socket at `path`, where nobody can connect before [`Self::listen`]. One that a killed daemon left behind is
    /// replaced.
    pub(crate) fn bind(path: &Path) -> Result<Self, ListenError> {
        let io_error = |source| ListenError::Io { path: path.to_owned(), source };
        let errno_error = |errno: Errno| io_error(io::Error::from(errno));
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(errno_error)?;
        let address = UnixAddr::new(path).map_err(errno_error)?;
        match bind(socket.as_raw_fd(), &address) {
            Err(Errno::EADDRINUSE) => {
                remove_stale(path)?;
                bind(socket.as_raw_fd(), &address).map_err(errno_error)?;
            }
            bound => bound.map_err(errno_error)?,
        }
        // From here on a fault removes the path again.
        let listener = Self { socket: UnixListener::from(socket), own_path: Some(path.to_owned()) };
        // Any user's program may send.
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).map_err(io_error)?;
        Ok(listener)
    }

    /// Lets clients connect; at systemd's socket they can already.
    pub(crate) fn listen(&self) -> Result<(), ListenError> {
        let Some(path) = &self.own_path else { return Ok(()) };
        let queue = Backlog::new(ACCEPT_QUEUE).unwrap_or(Backlog::MAXCONN);
        listen(&self.socket, queue)
            .map_err(|errno| ListenError::Io { path: path.clone(), source: io::Error::from(errno) })
    }

    /// The path of a socket of our own; none for systemd's.
    pub(crate) fn own_path(&self) -> Option<&Path> {
        self.own_path.as_deref()
    }

    /// The next client that waits, if there is one.
    pub(crate) fn accept(&self) -> io::Result<Option<UnixStream>> {
        match self.socket.accept() {
            Ok((stream, _)) => Ok(Some(stream)),
            Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                // The client gave up while it waited.
                Some(Errno::EAGAIN | Errno::ECONNABORTED | Errno::EINTR) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Removes a path of our own, so that nobody else connects; those who wait can still be accepted.
    pub(crate) fn remove_path(&mut self) {
        if let Some(path) = self.own_path.take()
            && let Err(error) = fs::remove_file(&path)
            // One that root made before this became another user stays, and is replaced at the next start.
            && error.kind() != io::ErrorKind::PermissionDenied
        {
            log::warn!("socket_path={}: cannot be removed: {error}", path.display());
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.remove_path();
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Removes a socket that nobody listens on.
fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let io_error = |source| ListenError::Io { path: path.to_owned(), source };
    let metadata = fs::symlink_metadata(path).map_err(io_error)?;
    if !metadata.file_type().is_socket() {
        return Err(ListenError::NoSocket(path.to_owned()));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(io_error)
        }
        _ => Err(ListenError::Taken(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("telem-0");
        // As a daemon that is killed leaves its socket behind.
        let mut first = Listener::bind(&path).unwrap();
        UnixStream::connect(&path).unwrap_err();
        first.listen().unwrap();
        first.own_path = None;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        assert!(matches!(Listener::bind(&path), Err(ListenError::Taken(_))));
        drop(first);
        assert!(path.exists());
        let mut second = Listener::bind(&path).unwrap();
        second.listen().unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        second.remove_path();
        assert!(!path.exists());
        assert!(second.accept().unwrap().is_some());
        assert!(second.accept().unwrap().is_none());
    }

    #[test]
    fn a_listener_that_is_dropped_leaves_no_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("telem-0");
        drop(Listener::bind(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("telem-0");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(Listener::bind(&path), Err(ListenError::NoSocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let nowhere = dir.path().join("none/telem-0");
        assert!(matches!(Listener::bind(&nowhere), Err(ListenError::Io { .. })));
    }
}
