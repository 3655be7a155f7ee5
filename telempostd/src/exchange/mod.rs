//! The exchanges with servers: requests out, and what their responses mean for the records.

mod ledger;
mod response;
mod settling;
mod trust;
mod upload;

pub(crate) use response::is_about_certificate;
pub(crate) use settling::Settling;
use trust::Renewal;
pub(crate) use trust::TrustFiles;
pub use trust::identity_program;
pub use upload::ProgramMissing;
pub(crate) use upload::{SendError, Upload};

use crate::copies::Copies;
use crate::foreign::{Files, Purpose};
use crate::limits::RESPONSE_BYTES;
use crate::queue::{InFlight, NamedBy, Queue};
use crate::settings::Settings;
use ledger::Ledger;
use response::{Classified, RetryableFailure, classify};
use settling::in_flight_since;
use std::error::Error;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};
use telemetry_record::header::Header;
use telemetry_runtime::foreign_files::{FileError, ForeignFile};
use telemetry_store::spool::StoredRecord;
use telempost_upload::limits as upload_limits;
use telempost_upload::protocol::PostResult;
use upload::EncodeError;

/// How long the upload process lives without work: long enough for the next of a series of records, short
/// against the idle exit.
const UPLOAD_IDLE: Duration = Duration::from_secs(10);

/// When a response of the upload process is overdue: its own limit on a request is 60 seconds. Then it
/// hangs, as in the opening of a file on a file system that is gone, and is replaced.
const UPLOAD_OVERDUE: Duration = Duration::from_secs(75);

/// The bound of certificates, as it is passed to who reads them.
const CERTIFICATES_BYTES: u32 = upload_limits::CERTIFICATES_BYTES as u32;

const _: () = assert!(CERTIFICATES_BYTES as u64 == upload_limits::CERTIFICATES_BYTES);
const _: () = assert!(upload_limits::REQUEST_TIME.as_secs() < UPLOAD_OVERDUE.as_secs());

/// The two ways to servers.
#[derive(Debug)]
pub(crate) struct Uploads {
    /// To the system's server.
    system: Way,
    /// To servers that records' own configurations name.
    foreign: Way,
}

/// An upload process, and since when it has had no work.
#[derive(Debug)]
struct Way {
    named_by: NamedBy,
    upload: Upload,
    idle_since: Option<Instant>,
}

impl Uploads {
    /// Finds the program; no process runs yet.
    ///
    /// # Errors
    /// It is not installed.
    pub(crate) fn locate() -> Result<Self, ProgramMissing> {
        let way =
            |named_by| Upload::locate(named_by).map(|upload| Way { named_by, upload, idle_since: None });
        Ok(Self { system: way(NamedBy::System)?, foreign: way(NamedBy::Record)? })
    }

    fn both(&mut self) -> [&mut Way; 2] {
        [&mut self.system, &mut self.foreign]
    }
}

/// The exchanges that are going on.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    uploads: &'a mut Uploads,
    trust: TrustFiles,
    renewal: Renewal,
    ledger: Ledger,
    packet: Vec<u8>,
}

impl<'a> Exchange<'a> {
    /// None yet; `uploads` are the ways to the servers.
    pub(crate) fn new(uploads: &'a mut Uploads, settings: &Settings) -> Self {
        // What an earlier configuration said of certificates does not hold any more.
        uploads.system.upload.close();
        Self {
            uploads,
            trust: TrustFiles::new(settings),
            renewal: Renewal::default(),
            ledger: Ledger::new(settings),
            packet: Vec::new(),
        }
    }

    /// Has a record posted, once `files` has read the certificates that it may name itself. Returns whether it is on its way;
    /// if not, the record is settled.
    pub(crate) fn post(&mut self, tag: u64, files: &mut Files, settling: &mut Settling<'_>) -> bool {
        let Some(in_flight) = settling.in_flight(tag) else {
            return false;
        };
        let cainfo = &in_flight.server.cainfo;
        let (NamedBy::Record, Some(path)) = (in_flight.named_by(), cainfo) else {
            return self.send(tag, None, settling);
        };
        let (reader, purpose) = (in_flight.user_id(), Purpose::Certificates(tag));
        match files.ask(reader, path, CERTIFICATES_BYTES, purpose, settling.now) {
            Ok(()) => true,
            Err(no_answer) => {
                let reason = format!("cainfo={}: {no_answer}", path.display());
                settling.settle(tag, Classified::Retryable(RetryableFailure::from_local(reason)));
                false
            }
        }
    }

    /// The certificates of a record that is to be posted were read, or will not be.
    pub(crate) fn certificates_read(
        &mut self,
        tag: u64,
        file: &Result<ForeignFile, FileError>,
        settling: &mut Settling<'_>,
    ) {
        let Some(InFlight { server, record, .. }) = settling.in_flight(tag) else {
            return;
        };
        let cainfo = server.cainfo.clone().unwrap_or_default();
        let config = record.message.config.clone().unwrap_or_default();
        let source: Box<dyn Error> = match file {
            Err(FileError::NoAnswer(no_answer)) => {
                let reason = format!("cainfo={}: {no_answer}", cainfo.display());
                return settling.settle(tag, Classified::Retryable(RetryableFailure::from_sender(reason)));
            }
            Err(FileError::Io(error)) => error.to_string().into(),
            Ok(file) => match file.trusted(record.sender) {
                Ok(bytes) => {
                    self.send(tag, Some(bytes), settling);
                    return;
                }
                Err(untrusted) => untrusted.into(),
            },
        };
        let reason = EncodeError::Cainfo { config, cainfo, source }.to_string();
        settling.settle(tag, Classified::Rejected { status: None, reason });
    }

    /// Passes a record to its upload process. Returns whether it is on its way; if not, the record is settled.
    fn send(&mut self, tag: u64, certificates: Option<&[u8]>, settling: &mut Settling<'_>) -> bool {
        self.end_on_changed_trust(settling);
        let now_secs = settling.clock.now().secs();
        let Some(in_flight) = settling.in_flight(tag) else {
            return false;
        };
        let way = match in_flight.named_by() {
            NamedBy::System => &mut self.uploads.system,
            NamedBy::Record => &mut self.uploads.foreign,
        };
        let named_by = in_flight.named_by();
        let InFlight { server, record, .. } = in_flight;
        let id = record.message.headers.value(Header::MachineId);
        if let Err(reason) = self.ledger.note(server, named_by, id, now_secs) {
            settling.settle(tag, Classified::Retryable(RetryableFailure::from_local(reason)));
            return false;
        }
        let failure = match way.upload.send(tag, server, record, certificates, || self.trust.opening()) {
            Ok(()) => return true,
            Err(SendError::Unsendable(error)) => {
                Classified::Rejected { status: None, reason: error.to_string() }
            }
            Err(SendError::NoProcess(error)) => {
                let reason = format!("the upload process cannot be started: {error}");
                Classified::Retryable(RetryableFailure::from_local(reason))
            }
            Err(SendError::NoTrust(reason)) => Classified::Retryable(RetryableFailure::from_local(reason)),
        };
        settling.settle(tag, failure);
        false
    }

    /// Ends the upload process of the system's server where other servers or certificates are trusted since it was started.
    /// What was in flight there is sent again.
    fn end_on_changed_trust(&mut self, settling: &mut Settling<'_>) {
        let way = &mut self.uploads.system;
        if way.upload.is_running() && self.trust.have_changed(settling.now) {
            way.upload.kill();
            for tag in settling.tags_in_flight(way.named_by) {
                settling.take_back(tag);
            }
        }
    }

    /// Takes the responses that have come.
    pub(crate) fn take_responses(&mut self, settling: &mut Settling<'_>) {
        self.packet.resize(RESPONSE_BYTES, 0);
        for way in self.uploads.both() {
            way.take_responses(&mut self.packet, &mut self.trust, settling);
        }
    }

    /// Replaces an upload process that no longer answers, and lets one end that has had no work for long enough.
    pub(crate) fn maintain(&mut self, settling: &mut Settling<'_>) {
        for way in self.uploads.both() {
            way.maintain(settling);
        }
        // Where nothing is delivered, nobody is asked for anything.
        if self.uploads.system.upload.is_running() {
            self.renewal.begin_if_due(&self.trust, settling.now);
        }
    }

    /// When [`Exchange::maintain`] has something to do.
    pub(crate) fn next_due(&self, queue: &Queue<StoredRecord>, copies: &Copies) -> Option<Instant> {
        let ways = [&self.uploads.system, &self.uploads.foreign];
        ways.into_iter().filter_map(|way| way.next_due(queue, copies)).min()
    }

    /// Whether the upload process of the system's server takes requests as fast as they come. Of the other one's few
    /// requests each may wait for room.
    pub(crate) fn has_room(&self) -> bool {
        self.uploads.system.upload.has_room()
    }

    /// What to wait for from each upload process, and whether requests wait for room.
    pub(crate) fn interests(&self) -> [Option<(BorrowedFd<'_>, bool)>; 2] {
        [&self.uploads.system, &self.uploads.foreign].map(|way| way.upload.interest())
    }

    /// Sends the requests that waited for room.
    pub(crate) fn flush(&mut self) {
        for way in self.uploads.both() {
            way.upload.flush();
        }
    }

    /// Waits for upload processes that have ended.
    pub(crate) fn reap(&mut self) {
        for way in self.uploads.both() {
            way.upload.reap();
        }
        self.renewal.reap();
    }

    /// Writes down which servers were sent something, where there was no room for that.
    pub(crate) fn catch_up_ledger(&mut self) {
        self.ledger.catch_up();
    }

    /// Ends the upload processes with whatever is in flight.
    pub(crate) fn kill(&mut self) {
        for way in self.uploads.both() {
            way.upload.kill();
        }
    }

    /// Gives memory back.
    pub(crate) fn shrink(&mut self) {
        self.packet = Vec::new();
    }
}

impl Way {
    fn take_responses(&mut self, packet: &mut [u8], trust: &mut TrustFiles, settling: &mut Settling<'_>) {
        loop {
            match self.upload.receive(packet) {
                Ok(Some(response)) => {
                    // A process answers for its own requests only.
                    let in_flight = settling.in_flight(response.tag);
                    if in_flight.is_none_or(|in_flight| in_flight.named_by() != self.named_by) {
                        continue;
                    }
                    if let PostResult::Answered { is_multiplexed, date_unix_secs, .. } = response.result {
                        settling.set_multiplexed(response.tag, is_multiplexed);
                        // Any user can name a server, and have it say anything.
                        if let (NamedBy::System, Some(date)) = (self.named_by, date_unix_secs) {
                            settling.clock.take_date(date);
                        }
                    }
                    if let (NamedBy::System, PostResult::Untrusted { server, fingerprint, .. }) =
                        (self.named_by, &response.result)
                        && trust.learn(server, fingerprint)
                    {
                        settling.take_back(response.tag);
                        continue;
                    }
                    settling.settle(response.tag, classify(response.result));
                }
                Ok(None) => break,
                Err(error) => {
                    self.retry_all(&error.to_string(), settling);
                    break;
                }
            }
        }
    }

    fn maintain(&mut self, settling: &mut Settling<'_>) {
        let now = settling.now;
        let Some(since) = settling.in_flight_since(self.named_by) else {
            let idle_since = *self.idle_since.get_or_insert(now);
            if now >= idle_since + UPLOAD_IDLE {
                self.upload.close();
            }
            return;
        };
        self.idle_since = None;
        if now >= since + UPLOAD_OVERDUE {
            self.upload.kill();
            self.retry_all("the upload process does not answer and was ended", settling);
        }
    }

    fn next_due(&self, queue: &Queue<StoredRecord>, copies: &Copies) -> Option<Instant> {
        match in_flight_since(queue, copies, self.named_by) {
            Some(since) => Some(since + UPLOAD_OVERDUE),
            None => self.idle_since.filter(|_| self.upload.is_running()).map(|since| since + UPLOAD_IDLE),
        }
    }

    /// What was in flight when the upload process ended is tried again.
    fn retry_all(&self, reason: &str, settling: &mut Settling<'_>) {
        settling.accounting.upload_fault(reason, settling.now);
        for tag in settling.tags_in_flight(self.named_by) {
            let mut failure = RetryableFailure::from_local(reason.to_owned());
            // The record may be what it failed over.
            failure.advice.may_be_the_record = true;
            settling.settle(tag, Classified::Retryable(failure));
        }
    }
}
