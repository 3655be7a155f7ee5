//! The sockets: those that systemd passes, or our own at the addresses of the configuration.

mod listen_fds;

use crate::error::DaemonError;
use nix::sys::stat::{Mode, umask};
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use telemetry_config::pull::LocalAddress;
use telempull_answers::settings::Settings;

/// Everybody but owner and group is kept from a socket of ours.
const SOCKET_MASK: Mode = Mode::from_bits_truncate(0o117);

/// A listening socket, and who comes by it.
pub(crate) enum Listener {
    /// Others, by TLS.
    Remote(TcpListener),
    /// This machine, by loopback.
    Loopback(TcpListener),
    /// This machine, by a path.
    Path(UnixListener),
}

/// All of them.
pub(crate) struct Sockets {
    pub(crate) listeners: Vec<Listener>,
    /// Whether whoever passed them starts this daemon again when somebody comes.
    pub(crate) are_passed: bool,
    /// The path of our own, which goes with us.
    own_path: Option<PathBuf>,
}

impl Drop for Sockets {
    fn drop(&mut self) {
        if let Some(path) = &self.own_path {
            // Who has removed it has wanted that.
            let _ = fs::remove_file(path);
        }
    }
}

/// Takes the sockets that were passed; where there are none, opens those that the settings name.
pub(crate) fn open(settings: &Settings) -> Result<Sockets, DaemonError> {
    let system =
        |source| DaemonError::Listen { key: "sockets of systemd", value: "LISTEN_FDS".to_owned(), source };
    let passed = listen_fds::take().map_err(system)?;
    if !passed.is_empty() {
        let listeners = passed.into_iter().map(|socket| judged(socket, settings)).collect::<Result<_, _>>();
        return Ok(Sockets { listeners: listeners.map_err(system)?, are_passed: true, own_path: None });
    }
    let mut sockets = Sockets { listeners: Vec::new(), are_passed: false, own_path: None };
    if let Some(address) = settings.listen {
        sockets.listeners.push(Listener::Remote(bound("pull_listen", address)?));
    }
    match &settings.local {
        None => {}
        Some(LocalAddress::Loopback(address)) => {
            sockets.listeners.push(Listener::Loopback(bound("pull_local", *address)?));
        }
        Some(LocalAddress::Socket(path)) => {
            let fault =
                |source| DaemonError::Listen { key: "pull_local", value: path.display().to_string(), source };
            sockets.listeners.push(Listener::Path(bound_path(path).map_err(fault)?));
            sockets.own_path = Some(path.clone());
        }
    }
    if sockets.listeners.is_empty() { Err(DaemonError::Off) } else { Ok(sockets) }
}

/// A socket of the network is this machine's only if `pull_local` names its very address: any other asks for certificates.
fn judged(socket: OwnedFd, settings: &Settings) -> io::Result<Listener> {
    let listener = TcpListener::from(socket);
    let Ok(address) = listener.local_addr() else {
        let listener = UnixListener::from(OwnedFd::from(listener));
        listener.local_addr()?;
        listener.set_nonblocking(true)?;
        return Ok(Listener::Path(listener));
    };
    listener.set_nonblocking(true)?;
    let is_local = settings.local == Some(LocalAddress::Loopback(address)) && address.ip().is_loopback();
    Ok(if is_local { Listener::Loopback(listener) } else { Listener::Remote(listener) })
}

fn bound(key: &'static str, address: SocketAddr) -> Result<TcpListener, DaemonError> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|source| DaemonError::Listen { key, value: address.to_string(), source })
}

/// One that nobody listens at is what a killed daemon left.
fn bound_path(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => {
            return Err(io::Error::other(
                "something that is no socket is there; remove it, or set another path",
            ));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(io::Error::other("another program listens there; stop it, or set another path"));
        }
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // This process has one thread yet.
    let before = umask(SOCKET_MASK);
    let listener = UnixListener::bind(path);
    umask(before);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
