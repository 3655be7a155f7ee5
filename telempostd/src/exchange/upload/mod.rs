//! The way to the network: builds requests and has them posted by `telempost-upload`, a process of
//! its own that lives only while there is something to deliver. What goes to servers that single records name is posted
//! by a second one, with certificates that are read here.
//!
//! It is apart since libcurl with its TLS takes 7 MB that an idle daemon must not, and since what comes
//! from the network is then never read by a process that can touch the spool.

mod passed;
mod v2;
mod v3;

use crate::queue::NamedBy;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recv, sendmsg, socketpair,
};
use nix::unistd::{AccessFlags, access};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use telemetry_config::{Compression, ServerApi, ServerSettings};
use telemetry_record::hex_id::HexId;
use telemetry_record::message::Message;
use telemetry_store::spool::StoredRecord;
use telempost_upload::protocol::{
    self, Coding, FOREIGN_OPTION, OPENING_PACKET, Opening, PACKET_BYTES, Request, Response,
};

const PROGRAM: &str = "telempost-upload";
const INSTALLED: &str = concat!(env!("TELEMETRICS_LIBEXECDIR"), "/telemetrics/telempost-upload");

/// What the forms of the interface differ in.
#[derive(Debug)]
struct Post<'a> {
    headers: Vec<(&'static str, Cow<'a, str>)>,
    body: Cow<'a, str>,
}

/// Why a request did not go to the upload process.
#[derive(Debug)]
pub(crate) enum SendError {
    /// No request can carry this record.
    Unsendable(EncodeError),
    /// The upload process cannot be started.
    NoProcess(io::Error),
    /// It is not known whom to trust.
    NoTrust(String),
}

/// Why there is no request for a record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// Its JSON form cannot be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The packet cannot be written.
    #[error(transparent)]
    Packet(#[from] protocol::CodecError),
    /// The certificates that its own configuration names cannot be read, or are not to be trusted.
    #[error("{}: cainfo={}: {source}", config.display(), cainfo.display())]
    Cainfo {
        /// The configuration.
        config: PathBuf,
        /// The file of certificates.
        cainfo: PathBuf,
        /// What the system said, or why they do not count.
        source: Box<dyn std::error::Error>,
    },
    /// It is too long.
    #[error("the request would have {0} bytes, more than {PACKET_BYTES}")]
    TooLong(usize),
}

/// Why the upload process is gone though it was not asked to end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadEnded {
    /// It ended by itself.
    #[error("{PROGRAM} ended by itself{}", .0.map(|status| format!(" ({status})")).unwrap_or_default())]
    ByItself(Option<ExitStatus>),
    /// It was ended here, since it does not keep to the protocol.
    #[error("{PROGRAM} sent a packet that is no response: {0}")]
    NoResponse(protocol::CodecError),
}

/// The upload program is not installed.
#[derive(Debug, thiserror::Error)]
#[error(
    "{PROGRAM} is neither at {} nor at {INSTALLED}, and nothing can be delivered without it; install it again",
    .beside.display()
)]
pub struct ProgramMissing {
    /// Where it would stand beside this program.
    pub beside: PathBuf,
}

/// An upload process, while one runs, and the way to it.
#[derive(Debug)]
pub(crate) struct Upload {
    program: PathBuf,
    /// Whose configuration names the servers that it posts to.
    named_by: NamedBy,
    running: Option<Running>,
    /// Processes that are to end, or were killed, and are still to be reaped.
    ending: Vec<Child>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    socket: OwnedFd,
    /// Packets that the socket had no room for.
    unsent: VecDeque<Packet>,
}

/// A request as it is sent to the upload process.
#[derive(Debug)]
struct Packet {
    bytes: Vec<u8>,
    passed: Option<OwnedFd>,
}

impl Upload {
    /// Finds the program: beside this one, or where it is installed.
    ///
    /// # Errors
    /// It is at neither path.
    pub(crate) fn locate(named_by: NamedBy) -> Result<Self, ProgramMissing> {
        let beside = std::env::current_exe().map(|path| path.with_file_name(PROGRAM)).unwrap_or_default();
        let paths = [beside.as_path(), Path::new(INSTALLED)];
        match paths.iter().find(|path| path.is_file() && access(**path, AccessFlags::X_OK).is_ok()) {
            Some(path) => {
                Ok(Self { program: path.to_path_buf(), named_by, running: None, ending: Vec::new() })
            }
            None => Err(ProgramMissing { beside }),
        }
    }

    /// Whether a process runs.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether the process takes requests as fast as they come.
    pub(super) fn has_room(&self) -> bool {
        self.running.as_ref().is_none_or(|running| running.unsent.is_empty())
    }

    /// What to wait for: answers, and room if requests wait for it.
    pub(crate) fn interest(&self) -> Option<(BorrowedFd<'_>, bool)> {
        self.running.as_ref().map(|running| (running.socket.as_fd(), !running.unsent.is_empty()))
    }

    /// Has a record posted, with the certificates that it names itself; starts the process if none runs, and then asks for
    /// whom it is to trust.
    ///
    /// # Errors
    /// The record is not on its way.
    pub(super) fn send(
        &mut self,
        tag: u64,
        server: &ServerSettings,
        record: &StoredRecord,
        certificates: Option<&[u8]>,
        opening: impl FnOnce() -> Result<Opening, String>,
    ) -> Result<(), SendError> {
        let bytes = encode_request(tag, record.id, server, &record.message).map_err(SendError::Unsendable)?;
        self.send_packet(bytes, certificates, opening)
    }

    /// The same of a request that is encoded.
    ///
    /// # Errors
    /// It is not on its way.
    pub(crate) fn send_packet(
        &mut self,
        bytes: Vec<u8>,
        certificates: Option<&[u8]>,
        opening: impl FnOnce() -> Result<Opening, String>,
    ) -> Result<(), SendError> {
        let passed = certificates.map(passed::sealed).transpose().map_err(SendError::NoProcess)?;
        let running = match &mut self.running {
            Some(running) => running,
            none => {
                let opening = match self.named_by {
                    NamedBy::System => Some(opening().map_err(SendError::NoTrust)?),
                    NamedBy::Record => None,
                };
                none.insert(start(&self.program, opening.as_ref()).map_err(SendError::NoProcess)?)
            }
        };
        running.unsent.push_back(Packet { bytes, passed });
        running.flush();
        Ok(())
    }

    /// Sends what waited for room.
    pub(crate) fn flush(&mut self) {
        if let Some(running) = &mut self.running {
            running.flush();
        }
    }

    /// The next response, if one is there.
    ///
    /// # Errors
    /// The process is gone. No response comes for what was in flight.
    pub(crate) fn receive(&mut self, scratch: &mut [u8]) -> Result<Option<Response>, UploadEnded> {
        let Some(running) = &mut self.running else {
            return Ok(None);
        };
        let length = match recv(running.socket.as_raw_fd(), scratch, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            // End of file, or a reset since requests were left unread.
            Ok(0) | Err(_) => return Err(self.ended_by_itself()),
            Ok(length) => length,
        };
        match protocol::decode(scratch.get(..length).unwrap_or_default()) {
            Ok(response) => Ok(Some(response)),
            Err(error) => {
                self.kill();
                Err(UploadEnded::NoResponse(error))
            }
        }
    }

    fn ended_by_itself(&mut self) -> UploadEnded {
        let status = match &mut self.running {
            Some(running) => running.child.try_wait().ok().flatten(),
            None => None,
        };
        self.kill();
        UploadEnded::ByItself(status)
    }

    /// Lets the process end: its socket closes. To be called when nothing is in flight.
    pub(super) fn close(&mut self) {
        if let Some(running) = self.running.take() {
            self.ending.push(running.child);
        }
    }

    /// Ends the process at once, whatever it is doing.
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It fails only if the process has ended and was reaped.
            let _ = running.child.kill();
            self.ending.push(running.child);
        }
    }

    /// Waits for processes that have ended.
    pub(super) fn reap(&mut self) {
        self.ending.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}

impl Drop for Upload {
    /// Nothing goes on sending once the daemon is gone.
    fn drop(&mut self) {
        self.kill();
        self.reap();
    }
}

impl Running {
    fn flush(&mut self) {
        while let Some(packet) = self.unsent.front() {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let parts = [IoSlice::new(&packet.bytes)];
            let descriptor = packet.passed.as_ref().map(|file| [file.as_raw_fd()]);
            let rights = descriptor.as_ref().map(|descriptor| [ControlMessage::ScmRights(descriptor)]);
            let control = rights.as_ref().map_or([].as_slice(), |rights| rights.as_slice());
            match sendmsg::<()>(self.socket.as_raw_fd(), &parts, control, flags, None) {
                Ok(_) => drop(self.unsent.pop_front()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ETOOMANYREFS) => return,
                // The process is gone: the next `receive` reports that.
                Err(_) => return self.unsent.clear(),
            }
        }
    }
}

/// Starts a process; one for the system's server is sent whom to trust first.
fn start(program: &Path, opening: Option<&Opening>) -> io::Result<Running> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    // A group of its own: ^C at a terminal is for the daemon, which then waits for what is in flight.
    let option = opening.is_none().then_some(FOREIGN_OPTION);
    let child = Command::new(program)
        .args(option)
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .current_dir("/")
        .process_group(0)
        .spawn()?;
    let first = match opening {
        Some(opening) => {
            let bytes = protocol::encode(opening).map_err(io::Error::other)?;
            Some(Packet { bytes: OPENING_PACKET.to_owned(), passed: Some(passed::sealed(&bytes)?) })
        }
        None => None,
    };
    Ok(Running { child, socket: ours, unsent: first.into_iter().collect() })
}

/// The packet that has a record posted to a server.
fn encode_request(
    tag: u64,
    id: HexId,
    server: &ServerSettings,
    message: &Message,
) -> Result<Vec<u8>, EncodeError> {
    let Post { mut headers, body } = match server.api {
        ServerApi::V2 => v2::post(message),
        ServerApi::V3 => v3::post(message)?,
    };
    let (name, value) = server.tid_header.split_once(':').unwrap_or((&server.tid_header, ""));
    headers.push(("Idempotency-Key", Cow::Owned(id.to_string())));
    let ca_file = server.cainfo.as_deref().and_then(Path::to_str);
    let coding = match server.compression {
        Compression::Off => None,
        Compression::Gzip => Some(Coding::Gzip),
        Compression::Zstd => Some(Coding::Zstd),
    };
    let (url, tid_header) = (server.url.with_password(), (name, value.trim()));
    let request = Request { tag, url, ca_file, coding, tid_header, headers, body };
    let packet = protocol::encode(&request)?;
    if packet.len() > PACKET_BYTES {
        return Err(EncodeError::TooLong(packet.len()));
    }
    Ok(packet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_config::{HeaderScope, ServerUrl};
    use telemetry_record::header::{Header, HeaderBlock};

    fn server(api: ServerApi) -> ServerSettings {
        let url = ServerUrl::unchecked("http://h/");
        let (cainfo, tid_header) = (Some("/ca.pem".into()), "X-TID: a b".to_owned());
        ServerSettings { url, api, cainfo, tid_header, compression: Compression::Gzip }
    }

    fn message(payload: String) -> Message {
        Message { config: None, headers: HeaderBlock::from_values(Header::ALL.map(Header::name)), payload }
    }

    #[test]
    fn every_request_names_the_telemetry_set_and_the_record() {
        let message = message("hello\n".to_owned());
        let id = HexId::from_bytes([7; 16]);
        for (api, headers) in [(ServerApi::V2, 17), (ServerApi::V3, 2)] {
            let packet = encode_request(5, id, &server(api), &message).unwrap();
            let request: Request<'_> = protocol::decode(&packet).unwrap();
            assert_eq!((request.tag, request.url, request.ca_file), (5, "http://h/", Some("/ca.pem")));
            assert_eq!(request.coding, Some(Coding::Gzip));
            assert_eq!(request.tid_header, ("X-TID", "a b"));
            let key = ("Idempotency-Key", Cow::Borrowed(&*"07".repeat(16)));
            assert_eq!((request.headers.last(), request.headers.len()), (Some(&key), headers));
            for (name, _) in &request.headers {
                assert!(!HeaderScope::System.allows(name, "1"), "tidheader may not name {name}");
            }
        }
    }

    #[test]
    fn the_largest_record_fits_and_a_larger_one_is_an_error() {
        let id = HexId::from_bytes([7; 16]);
        let send = |payload| encode_request(1, id, &server(ServerApi::V3), &message(payload));
        assert!(send("\u{1}".repeat(crate::limits::PAYLOAD_BYTES)).is_ok());
        assert!(send("x".repeat(PACKET_BYTES)).is_err());
    }
}
