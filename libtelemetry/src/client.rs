//! The sending side: a record goes to telemprobd and its answer comes back.

use crate::error::Error;
use crate::limits::{ANSWER_TIMEOUT_SECS, SEND_TIMEOUT_SECS};
use crate::record::Record;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use telemetry_config::{ConfigError, Configuration, consent, keys};
use telemetry_files::answering_socket;
use telemetry_record::wire::{self, ANSWER_BYTES};

const TIMEOUT: Duration = Duration::from_secs(SEND_TIMEOUT_SECS);

const ANSWER_TIMEOUT: Duration = Duration::from_secs(ANSWER_TIMEOUT_SECS);

/// Sends records to telemprobd. It holds no connection: each record has one of its own, so that a client can be
/// kept for the life of a program and used from several threads.
#[derive(Clone, Debug)]
pub struct Client {
    socket_path: PathBuf,
    etc_dir: PathBuf,
    run_dir: PathBuf,
    config: Option<PathBuf>,
}

impl Client {
    /// A client of the system's telemprobd.
    ///
    /// # Errors
    /// [`Error::Config`] if there is a configuration file and it cannot be used.
    pub fn new() -> Result<Self, Error> {
        Self::from_configuration(&Configuration::load(None)?, None)
    }

    /// A client that follows this configuration file. telemprobd applies the file's `server`, `cainfo`
    /// and `tidheader` to the records, if the file belongs to root or to the sending user and nobody else
    /// may write it.
    ///
    /// # Errors
    /// [`Error::Config`] if the path is not absolute, no regular file, or the file cannot be used.
    pub fn with_config_file(path: &Path) -> Result<Self, Error> {
        let configuration = Configuration::load(Some(path))?;
        if !wire::is_carried(path) {
            return Err(ConfigError::Unusable(path.to_owned()).into());
        }
        Self::from_configuration(&configuration, Some(path.to_owned()))
    }

    /// These three keys are all that a program that sends obeys: no other wrong value stops it.
    fn from_configuration(configuration: &Configuration, config: Option<PathBuf>) -> Result<Self, Error> {
        Ok(Self {
            socket_path: configuration.get(&keys::SOCKET_PATH)?,
            etc_dir: configuration.get(&keys::ETC_DIR)?,
            run_dir: configuration.get(&keys::RUN_DIR)?,
            config,
        })
    }

    /// Whether telemetry is opted in on this machine, as of now.
    pub fn is_opted_in(&self) -> bool {
        consent::is_opted_in(&self.etc_dir)
    }

    /// Fails unless telemetry is opted in.
    ///
    /// # Errors
    /// [`Error::NotOptedIn`]; [`Error::ConsentUnreadable`] if it cannot be seen whether it is.
    pub fn check_consent(&self) -> Result<(), Error> {
        Ok(consent::check(&self.etc_dir)?)
    }

    /// Sends a record, within a second, and waits up to five until telemprobd answers that it is stored.
    /// A daemon of the C implementation closes without an answer, which counts as success; where ours has made or taken over
    /// this very socket ([`answering_socket`]), it means that telemprobd was killed, and is an error.
    ///
    /// # Errors
    /// Those of [`Client::check_consent`]; [`Error::Socket`] if telemprobd is away; [`Error::Refused`] with its reason;
    /// [`Error::NoAnswer`] if it took the record but did not answer.
    pub fn send(&self, record: &Record) -> Result<(), Error> {
        self.check_consent()?;
        let message = wire::encode(self.config.as_deref(), record.headers(), record.payload().unwrap_or(""))
            .map_err(|error| Error::Refused(Errno::from_raw(error.errno())))?;
        let connection = self.connect().map_err(|errno| self.socket_error(errno))?;
        // Refused early, as for its size: telemprobd may have answered and closed before it read all.
        let sent = send_all(&connection, &message);
        match (receive_answer(&connection), sent) {
            (Ok(Some(answer)), _) => answer.map_err(Error::Refused),
            (Ok(None) | Err(Errno::ECONNRESET), Ok(())) if self.daemon_answers() => {
                Err(self.socket_error(Errno::ECONNRESET))
            }
            (Ok(None) | Err(Errno::ECONNRESET), Ok(())) => Ok(()),
            (Err(Errno::EAGAIN), Ok(())) => Err(Error::NoAnswer { path: self.socket_path.clone() }),
            (_, Err(errno)) | (Err(errno), _) => Err(self.socket_error(errno)),
        }
    }

    /// Whether the daemon is known to be one that answers.
    fn daemon_answers(&self) -> bool {
        answering_socket::is_noted(&self.run_dir, &self.socket_path)
    }

    fn connect(&self) -> Result<OwnedFd, Errno> {
        let connection = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        // Bounds the wait for the daemon's accept queue too.
        set_send_timeout(&connection, TIMEOUT)?;
        let address = UnixAddr::new(&self.socket_path)?;
        retry_interrupted(|| connect(connection.as_raw_fd(), &address))?;
        Ok(connection)
    }

    fn socket_error(&self, errno: Errno) -> Error {
        // A timeout of a blocking socket reads "try again" otherwise.
        let errno = if errno == Errno::EAGAIN { Errno::ETIMEDOUT } else { errno };
        Error::Socket { path: self.socket_path.clone(), source: io::Error::from(errno) }
    }
}

/// `MSG_NOSIGNAL`, since a library must not kill its program with `SIGPIPE`.
fn send_all(connection: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    let deadline = Instant::now() + TIMEOUT;
    while !bytes.is_empty() {
        let sent = retry_interrupted(|| send(connection.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL))?;
        bytes = bytes.get(sent..).unwrap_or_default();
        if !bytes.is_empty() {
            set_send_timeout(connection, remaining(deadline)?)?;
        }
    }
    Ok(())
}

/// The answer; none if the daemon closed without one.
fn receive_answer(connection: &OwnedFd) -> Result<Option<Result<(), Errno>>, Errno> {
    let deadline = Instant::now() + ANSWER_TIMEOUT;
    let mut answer = [0; ANSWER_BYTES];
    let mut filled = 0;
    while let Some(space) = answer.get_mut(filled..).filter(|space| !space.is_empty()) {
        let timeout = time_val(remaining(deadline)?);
        setsockopt(connection, sockopt::ReceiveTimeout, &timeout)?;
        match recv(connection.as_raw_fd(), space, MsgFlags::empty()) {
            Ok(0) => return Ok(None),
            Ok(received) => filled += received,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(Some(wire::decode_answer(answer).map_err(Errno::from_raw)))
}

fn set_send_timeout(connection: &OwnedFd, timeout: Duration) -> Result<(), Errno> {
    setsockopt(connection, sockopt::SendTimeout, &time_val(timeout))
}

fn time_val(duration: Duration) -> TimeVal {
    TimeVal::microseconds(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

/// Time to the deadline; a socket option of zero would mean for ever.
fn remaining(deadline: Instant) -> Result<Duration, Errno> {
    match deadline.checked_duration_since(Instant::now()) {
        Some(left) if left >= Duration::from_micros(1) => Ok(left),
        _ => Err(Errno::EAGAIN),
    }
}

fn retry_interrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}
