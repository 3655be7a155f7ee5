//! The exchanges with servers: requests out, and what their responses mean for the records.

mod response;
mod settling;
mod upload;

pub(crate) use settling::Settling;
pub use upload::ProgramMissing;
pub(crate) use upload::Upload;

use crate::limits::RESPONSE_BYTES;
use crate::queue::InFlight;
use response::{Classified, RetryableFailure, classify};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};
use telempost_upload::limits as upload_limits;
use telempost_upload::protocol::PostResult;
use upload::SendError;

/// How long the upload process lives without work: long enough for the next of a series of records, short
/// against the idle exit.
const UPLOAD_IDLE: Duration = Duration::from_secs(10);

/// When a response of the upload process is overdue: its own limit on a request is 60 seconds. Then it
/// hangs, as in the opening of a file on a file system that is gone, and is replaced.
const UPLOAD_OVERDUE: Duration = Duration::from_secs(75);

const _: () = assert!(upload_limits::REQUEST_TIME.as_secs() < UPLOAD_OVERDUE.as_secs());

/// The exchanges that are going on.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    upload: &'a mut Upload,
    packet: Vec<u8>,
}

impl<'a> Exchange<'a> {
    /// None yet; `upload` is the way to the servers.
    pub(crate) fn new(upload: &'a mut Upload) -> Self {
        Self { upload, packet: Vec::new() }
    }

    /// Has a record posted. Returns whether it is on its way; if not, the record is settled.
    pub(crate) fn post(&mut self, tag: u64, settling: &mut Settling<'_>) -> bool {
        let Some(in_flight) = settling.queue.in_flight(tag) else {
            return false;
        };
        let InFlight { server, record, .. } = in_flight;
        let failure = match self.upload.send(tag, record.id, server, &record.message) {
            Ok(()) => return true,
            Err(SendError::Unsendable(error)) => {
                Classified::Rejected { status: None, reason: error.to_string() }
            }
            Err(SendError::NoProcess(error)) => {
                let reason = format!("the upload process cannot be started: {error}");
                Classified::Retryable(RetryableFailure::from_local(reason))
            }
        };
        settling.settle(tag, failure);
        false
    }

    /// Takes the responses that have come.
    pub(crate) fn take_responses(&mut self, settling: &mut Settling<'_>) {
        let mut packet = std::mem::take(&mut self.packet);
        packet.resize(RESPONSE_BYTES, 0);
        loop {
            match self.upload.receive(&mut packet) {
                Ok(Some(response)) => {
                    if let PostResult::Answered { is_multiplexed, .. } = response.result {
                        settling.queue.set_multiplexed(response.tag, is_multiplexed);
                    }
                    settling.settle(response.tag, classify(response.result));
                }
                Ok(None) => break,
                Err(error) => {
                    retry_all(&error.to_string(), settling);
                    break;
                }
            }
        }
        self.packet = packet;
    }

    /// Replaces an upload process that no longer answers.
    pub(crate) fn end_overdue(&mut self, settling: &mut Settling<'_>) {
        if overdue_at(settling.queue.in_flight_since()).is_some_and(|at| settling.now >= at) {
            self.upload.kill();
            retry_all("the upload process does not answer and was ended", settling);
        }
    }

    /// Lets the upload process end if it has had no work since then for long enough.
    pub(crate) fn close_if_idle(&mut self, idle_since: Instant, now: Instant) {
        if now >= idle_since + UPLOAD_IDLE {
            self.upload.close();
        }
    }

    /// When [`Exchange::end_overdue`] or [`Exchange::close_if_idle`] have something to do.
    pub(crate) fn next_due(
        &self,
        in_flight_since: Option<Instant>,
        idle_since: Option<Instant>,
    ) -> Option<Instant> {
        let close = idle_since.filter(|_| self.upload.is_running()).map(|at| at + UPLOAD_IDLE);
        [overdue_at(in_flight_since), close].into_iter().flatten().min()
    }

    /// Whether the upload process takes requests as fast as they come.
    pub(crate) fn has_room(&self) -> bool {
        self.upload.has_room()
    }

    /// What to wait for from the upload process, and whether requests wait for room.
    pub(crate) fn interest(&self) -> Option<(BorrowedFd<'_>, bool)> {
        self.upload.interest()
    }

    /// Sends the requests that waited for room.
    pub(crate) fn flush(&mut self) {
        self.upload.flush();
    }

    /// Waits for upload processes that have ended.
    pub(crate) fn reap(&mut self) {
        self.upload.reap();
    }

    /// Ends the upload process with whatever is in flight.
    pub(crate) fn kill(&mut self) {
        self.upload.kill();
    }

    /// Gives memory back.
    pub(crate) fn shrink(&mut self) {
        self.packet = Vec::new();
    }
}

fn overdue_at(in_flight_since: Option<Instant>) -> Option<Instant> {
    in_flight_since.map(|since| since + UPLOAD_OVERDUE)
}

/// What was in flight when the upload process ended is tried again.
fn retry_all(reason: &str, settling: &mut Settling<'_>) {
    log::error!("{reason}; what it was sending is sent again");
    for tag in settling.queue.tags_in_flight() {
        let mut failure = RetryableFailure::from_local(reason.to_owned());
        // The record may be what it failed over.
        failure.advice.may_be_the_record = true;
        settling.settle(tag, Classified::Retryable(failure));
    }
}
