//! The loop: requests from telempostd in, transfers on, responses out.

use crate::transfers::Transfers;
use crate::{foreign, recvmsg};
use curl::MultiError;
use curl::multi::WaitFd;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, SockType, getsockopt, send, sockopt};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use telemetry_config::HeaderScope;
use telempost_upload::protocol::{self, CodecError, PACKET_BYTES, Request, Response};

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
    let mut transfers = Transfers::new(named_by)?;
    let mut packet = vec![0; PACKET_BYTES];
    let mut waitfd = WaitFd::new();
    waitfd.set_fd(socket);
    waitfd.poll_on_read(true);
    let mut waitfds = [waitfd];
    loop {
        if !take_requests(socket, &mut packet, &mut transfers)? {
            return Ok(());
        }
        for response in transfers.perform()? {
            respond(socket, &response)?;
        }
        transfers.wait(&mut waitfds, LONGEST_SLEEP)?;
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
