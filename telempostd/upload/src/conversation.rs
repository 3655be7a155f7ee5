//! The loop: requests from telempostd in, transfers on, responses out.

use crate::server_trust::ServerTrust;
use crate::transfers::Transfers;
use crate::{foreign, passed_file, recvmsg};
use curl::MultiError;
use curl::multi::WaitFd;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, SockType, getsockopt, send, sockopt};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;
use telemetry_config::HeaderScope;
use telempost_upload::limits::OPENING_BYTES;
use telempost_upload::protocol::{
    self, CodecError, OPENING_PACKET, Opening, PACKET_BYTES, Request, Response,
};

/// Why the program does not start, or ends before telempostd wants it to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConversationError {
    /// Somebody else started it.
    #[error("telempostd starts this program; there is nothing to be done by hand")]
    NotStartedByTelempostd,
    /// The system refuses what it needs.
    #[error("{what}: {source}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: Errno,
    },
    /// The limits of `--foreign` cannot be had.
    #[error("limits: {0}")]
    Confine(std::io::Error),
    /// libcurl does not work.
    #[error("libcurl: {0}")]
    Curl(#[from] MultiError),
    /// telempostd does not keep to the protocol.
    #[error("telempostd sent a packet that is no request: {0}")]
    NoRequest(CodecError),
    /// It began otherwise than by an opening.
    #[error("telempostd did not begin with whom to trust: {0}")]
    NoOpening(String),
    /// A response cannot be encoded.
    #[error("response: {0}")]
    Response(CodecError),
}

/// libcurl wakes earlier by itself where it has something to do.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Serves until telempostd closes the socket; `named_by` is whose configuration names the servers.
///
/// SIGTERM, SIGINT and SIGHUP stay blocked, as telempostd has left them: a service manager sends them to
/// both, and telempostd then waits for what is in flight here.
///
/// # Errors
/// [`ConversationError`].
pub(crate) fn run(named_by: HeaderScope) -> Result<(), ConversationError> {
    let stdin = std::io::stdin();
    match getsockopt(&stdin, sockopt::SockType) {
        Ok(SockType::SeqPacket) => {}
        _ => return Err(ConversationError::NotStartedByTelempostd),
    }
    // Also while libcurl waits for a file system that does not answer.
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|source| ConversationError::System { what: "prctl", source })?;
    let socket = stdin.as_raw_fd();
    if named_by == HeaderScope::Record {
        foreign::confine().map_err(ConversationError::Confine)?;
    }
    let mut packet = vec![0; PACKET_BYTES];
    let trust = match named_by {
        HeaderScope::Record => ServerTrust::default(),
        HeaderScope::System => match opening(socket, &mut packet)? {
            Some(opening) => ServerTrust::new(opening),
            None => return Ok(()),
        },
    };
    let mut transfers = Transfers::new(named_by, trust)?;
    loop {
        if !take_requests(socket, &mut packet, &mut transfers)? {
            return Ok(());
        }
        for response in transfers.perform()? {
            respond(socket, &response)?;
        }
        let descriptors = std::iter::once(socket).chain(transfers.descriptors());
        let mut waitfds: Vec<_> = descriptors.map(readable).collect();
        transfers.wait(&mut waitfds, LONGEST_SLEEP)?;
    }
}

fn readable(descriptor: RawFd) -> WaitFd {
    let mut waitfd = WaitFd::new();
    waitfd.set_fd(descriptor);
    waitfd.poll_on_read(true);
    waitfd
}

/// Waits for whom to trust; none if telempostd has gone.
fn opening(socket: RawFd, packet: &mut [u8]) -> Result<Option<Opening>, ConversationError> {
    let (length, descriptor) = loop {
        match recvmsg::receive(&socket, packet) {
            Ok((0, _)) | Err(Errno::ECONNRESET) => return Ok(None),
            Ok(received) => break received,
            Err(Errno::EAGAIN | Errno::EINTR) => wait_readable()?,
            Err(source) => {
                return Err(ConversationError::System { what: "receiving from telempostd", source });
            }
        }
    };
    let no_opening = |fault: &dyn std::fmt::Display| ConversationError::NoOpening(fault.to_string());
    match (packet.get(..length), descriptor) {
        (Some(OPENING_PACKET), Some(descriptor)) => {
            let bytes = passed_file::read(descriptor, OPENING_BYTES).map_err(|error| no_opening(&error))?;
            protocol::decode(&bytes).map(Some).map_err(|error| no_opening(&error))
        }
        _ => Err(no_opening(&"another packet")),
    }
}

/// Waits for telempostd's next packet.
fn wait_readable() -> Result<(), ConversationError> {
    let stdin = std::io::stdin();
    match poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(source) => Err(ConversationError::System { what: "poll", source }),
    }
}

/// Begins the transfers that are asked for. Returns whether telempostd is still there.
fn take_requests(
    socket: RawFd,
    packet: &mut [u8],
    transfers: &mut Transfers,
) -> Result<bool, ConversationError> {
    loop {
        let (length, certificates) = match recvmsg::receive(&socket, packet) {
            Ok((0, _)) | Err(Errno::ECONNRESET) => return Ok(false),
            Ok(received) => received,
            Err(Errno::EAGAIN) => return Ok(true),
            Err(Errno::EINTR) => continue,
            Err(source) => {
                return Err(ConversationError::System { what: "receiving from telempostd", source });
            }
        };
        let packet = packet.get(..length).unwrap_or_default();
        let request: Request<'_> = protocol::decode(packet).map_err(ConversationError::NoRequest)?;
        if let Err(response) = transfers.begin(&request, packet, certificates) {
            respond(socket, &response)?;
        }
    }
}

/// Waits for room if there is none: telempostd never waits for this side.
fn respond(socket: RawFd, response: &Response) -> Result<(), ConversationError> {
    let packet = protocol::encode(response).map_err(ConversationError::Response)?;
    loop {
        match send(socket, &packet, MsgFlags::MSG_NOSIGNAL) {
            // Gone: the next reading of requests ends this process.
            Ok(_) | Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(source) => return Err(ConversationError::System { what: "sending to telempostd", source }),
        }
    }
}
