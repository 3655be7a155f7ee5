//! The exchanges with servers: requests out, and what their answers mean for the records.

use super::Dispatch;
use crate::accounting::losses::Loss;
use crate::exchange::response::{self as outcome, Outcome, Setback};
use crate::exchange::upload::SendError;
use crate::limits::REPORT_BYTES;
use crate::queue::Fate;
use crate::queue::outage::Outage;
use rand::TryRng;
use rand::rngs::SysRng;
use std::ffi::OsStr;
use std::io;
use std::time::{Duration, Instant, SystemTime};
use telemetry_record::header::Header;
use telemetry_runtime::throttle::and_more;
use telemetry_store::counters::Counter;
use telemetry_store::rejected::Rejection;
use telemetry_store::spool::REJECTED_DIR;
use telemetry_store::spool::file::StoredRecord;
use telempost_upload::protocol::PostResult;

impl Dispatch<'_> {
    /// Keeps a refused record aside.
    ///
    /// # Errors
    /// It could not be kept, and has to stay in the spool; that is logged.
    pub(super) fn reject(
        &mut self,
        record: &StoredRecord,
        refusal: Rejection<'_>,
        now: Instant,
    ) -> io::Result<()> {
        self.status.fault(refusal.server, refusal.reason);
        let kept = self.rejected.keep(&self.spool, record, refusal, SystemTime::now());
        match &kept {
            Ok(()) => {
                let cause = refusal.status.map_or_else(|| "not_sent".to_owned(), |status| status.to_string());
                self.counters.add(Counter::Rejected, &cause, 1, now);
                if self.tally.count(Loss::Refused, now) {
                    let Rejection { server, status, reason } = refusal;
                    let with = status.map(|status| format!(" with status {status}")).unwrap_or_default();
                    let headers = &record.message.headers;
                    log::warn!(
                        record_id:% = record.id,
                        event_id = headers.value(Header::EventId),
                        classification = headers.value(Header::Classification),
                        server = server,
                        status = status.unwrap_or_default();
                        "record {} for {server} is refused for good{with}: {reason}; kept in {}",
                        record.id,
                        self.path(OsStr::new(REJECTED_DIR))
                    );
                }
            }
            Err(error) => {
                log::error!("record {} is refused, but can not be kept aside: {error}", record.id);
            }
        }
        kept
    }

    pub(super) fn send(&mut self, tag: u64, now: Instant) {
        let Some(in_flight) = self.delivery.sent(tag) else {
            return;
        };
        let record = &in_flight.record;
        match self.upload.send(tag, record.id, &in_flight.server, &record.message) {
            Ok(()) => self.gate.passed(record_bytes(record), now),
            Err(SendError::Unsendable(answer)) => {
                self.settle(tag, Outcome::Refused { status: 0, answer }, now)
            }
            Err(SendError::NoProcess(error)) => {
                let reason = format!("the upload process can not be started: {error}");
                self.settle(tag, Outcome::TryLater(local_setback(reason)), now);
            }
        }
    }

    /// Takes the reports that have come.
    pub(crate) fn take_reports(&mut self, now: Instant) {
        let mut packet = std::mem::take(&mut self.packet);
        packet.resize(REPORT_BYTES, 0);
        loop {
            match self.upload.receive(&mut packet) {
                Ok(Some(report)) => {
                    if let PostResult::Answered { is_multiplexed, .. } = report.result {
                        self.delivery.answered(report.tag, is_multiplexed);
                    }
                    self.settle(report.tag, outcome::of(report.result), now);
                }
                Ok(None) => break,
                Err(reason) => {
                    self.lost_upload(&reason, now);
                    break;
                }
            }
        }
        self.packet = packet;
    }

    /// What was in flight when the upload process ended is tried again.
    pub(super) fn lost_upload(&mut self, reason: &str, now: Instant) {
        log::error!("{reason}; what it was sending is sent again");
        for tag in self.delivery.tags_in_flight() {
            // The record may be what it stumbled over.
            let setback = Setback { may_be_the_record: true, ..local_setback(reason.to_owned()) };
            self.settle(tag, Outcome::TryLater(setback), now);
        }
    }

    fn settle(&mut self, tag: u64, outcome: Outcome, now: Instant) {
        let Some(in_flight) = self.delivery.sent(tag) else {
            return;
        };
        let server = in_flight.server.url.to_string();
        let (fate, reason) = match outcome {
            Outcome::Delivered => {
                self.retention.remember(&in_flight.record);
                self.status.delivered();
                self.counters.add(Counter::Delivered, "", 1, now);
                (Fate::Settled, String::new())
            }
            Outcome::Refused { status, answer } => {
                let record = in_flight.record.clone();
                let status = (status != 0).then_some(status);
                match self.reject(&record, Rejection { server: &server, status, reason: &answer }, now) {
                    Ok(()) => (Fate::Settled, String::new()),
                    Err(error) => {
                        let reason = format!("a refused record can not be kept aside: {error}");
                        (Fate::TryLater(local_setback(reason.clone())), reason)
                    }
                }
            }
            Outcome::TryLater(setback) => {
                self.status.fault(&server, &setback.reason);
                let cause =
                    setback.status.map_or_else(|| "no_answer".to_owned(), |status| status.to_string());
                self.counters.add(Counter::Retried, &cause, 1, now);
                let reason = setback.reason.clone();
                (Fate::TryLater(setback), reason)
            }
        };
        // Only a wait needs chance.
        let chance = if matches!(fate, Fate::Settled) { 0.0 } else { chance() };
        match self.delivery.settle(tag, fate, now, chance) {
            Some(Outage::Began) => log::warn!(server; "{server}: {reason}; records wait in the spool"),
            Some(Outage::GoesOn) => log::warn!(server; "{server}: still: {reason}"),
            Some(Outage::Ended) => log::info!(server; "{server}: takes records again"),
            None => {}
        }
    }

    /// The rate limit holds the next record back, and all behind it.
    pub(super) fn hold_back(&mut self, wait: Duration, now: Instant) {
        let Some(record) = self.delivery.next_record(now) else {
            return;
        };
        let class = record.message.headers.value(Header::Classification);
        self.counters.add(Counter::RateLimited, class, 1, now);
        if let Some(untold) = self.waits.note(now) {
            let secs = wait.as_secs();
            log::info!(
                "the rate limit is reached; records wait in the spool for {secs} s{}",
                and_more(untold)
            );
        }
    }

    /// The rate limit takes the next record.
    pub(super) fn drop_limited(&mut self, now: Instant) {
        let Some(record) = self.delivery.drop_next(now) else {
            return;
        };
        let class = record.message.headers.value(Header::Classification);
        self.counters.add(Counter::RateLimited, class, 1, now);
        self.counters.add(Counter::Dropped, "rate_limit", 1, now);
        if self.tally.count(Loss::Limited, now) {
            log::warn!("record {} is past the rate limit, and dropped (rate_limit_strategy=drop)", record.id);
        }
    }
}

/// A setback that is not the server's.
fn local_setback(reason: String) -> Setback {
    Setback { reason, status: None, retry_after: None, may_be_the_record: false }
}

/// A random number from 0 to below 1.
pub(super) fn chance() -> f64 {
    // Without random bytes the middle serves: it only spreads machines out.
    SysRng.try_next_u32().map_or(0.5, |number| f64::from(number) / (f64::from(u32::MAX) + 1.0))
}

/// What a record counts for in the byte limit: its text.
pub(super) fn record_bytes(record: &StoredRecord) -> u64 {
    (record.message.headers.as_str().len() + record.message.payload.len()) as u64
}
