//! The loop: requests from telempostd in, transfers on, reports out.

use crate::transfers::Transfers;
use curl::multi::WaitFd;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, SockType, getsockopt, recv, send, sockopt};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use telempost_upload::protocol::{self, PACKET_BYTES, Report, Request};

/// libcurl wakes earlier by itself where it has something to do.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Serves until telempostd closes the socket.
///
/// SIGTERM, SIGINT and SIGHUP stay blocked, as telempostd has left them: a service manager sends them to
/// both, and telempostd then waits for what is in flight here.
///
/// # Errors
/// It was not telempostd that started it, or libcurl does not work.
pub(crate) fn run() -> Result<(), String> {
    let stdin = std::io::stdin();
    match getsockopt(&stdin, sockopt::SockType) {
        Ok(SockType::SeqPacket) => {}
        _ => return Err("telempostd starts this program; there is nothing to be done by hand".to_owned()),
    }
    // Also while libcurl waits for a file system that does not answer.
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| format!("prctl: {errno}"))?;
    let socket = stdin.as_raw_fd();
    let mut transfers = Transfers::new().map_err(|error| format!("libcurl: {error}"))?;
    let mut packet = vec![0; PACKET_BYTES];
    let mut waitfd = WaitFd::new();
    waitfd.set_fd(socket);
    waitfd.poll_on_read(true);
    let mut waitfds = [waitfd];
    loop {
        if !take_requests(socket, &mut packet, &mut transfers)? {
            return Ok(());
        }
        for report in transfers.perform().map_err(|error| format!("libcurl: {error}"))? {
            tell(socket, &report)?;
        }
        transfers.wait(&mut waitfds, LONGEST_SLEEP).map_err(|error| format!("libcurl: {error}"))?;
    }
}

/// Begins the transfers that are asked for. Returns whether telempostd is still there.
fn take_requests(socket: RawFd, packet: &mut [u8], transfers: &mut Transfers) -> Result<bool, String> {
    loop {
        let length = match recv(socket, packet, MsgFlags::MSG_DONTWAIT) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
            Ok(length) => length,
            Err(Errno::EAGAIN) => return Ok(true),
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(format!("telempostd can not be heard: {errno}")),
        };
        let packet = packet.get(..length).unwrap_or_default();
        let request: Request<'_> = protocol::decode(packet)
            .map_err(|error| format!("telempostd sent what is no request: {error}"))?;
        if let Err(report) = transfers.begin(&request, packet) {
            tell(socket, &report)?;
        }
    }
}

/// Waits for room if there is none: telempostd never waits for this side.
fn tell(socket: RawFd, report: &Report) -> Result<(), String> {
    let packet = protocol::encode(report).map_err(|error| format!("report: {error}"))?;
    loop {
        match send(socket, &packet, MsgFlags::MSG_NOSIGNAL) {
            // Gone: the next reading of requests ends this process.
            Ok(_) | Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(format!("telempostd can not be told: {errno}")),
        }
    }
}
