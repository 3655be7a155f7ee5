//! What the end of an exchange changes.

use super::response::{Classified, RetryableFailure};
use crate::accounting::Accounting;
use crate::chance::chance;
use crate::clock::Clock;
use crate::delivery_log::DeliveryLogWriter;
use crate::janitor::Janitor;
use crate::queue::{NamedBy, Queue};
use std::time::Instant;
use telemetry_record::header::Header;
use telemetry_store::rejected::Rejection;
use telemetry_store::spool::StoredRecord;

/// What is added where a certificate's time does not fit this machine's, which may be the one that is wrong.
const UNSYNCHRONISED: &str =
    "; this machine's clock is not synchronised: set it first, as with `timedatectl set-ntp true`";

/// The collaborators who are involved when an exchange ends.
#[derive(Debug)]
pub(crate) struct Settling<'a> {
    /// Where the record is in flight.
    pub(crate) queue: &'a mut Queue<StoredRecord>,
    /// Keeps it if it is rejected.
    pub(crate) janitor: &'a mut Janitor,
    /// Says when it is.
    pub(crate) clock: &'a mut Clock,
    /// Has it if it is delivered.
    pub(crate) log: &'a mut DeliveryLogWriter,
    /// Counts it.
    pub(crate) accounting: &'a mut Accounting,
    /// When it ends.
    pub(crate) now: Instant,
}

impl Settling<'_> {
    /// Does what follows for a record in flight. A tag that is not in flight changes nothing.
    pub(super) fn settle(&mut self, tag: u64, classified: Classified) {
        let Some(in_flight) = self.queue.in_flight(tag) else {
            return;
        };
        let server = in_flight.server.url.to_string();
        match classified {
            Classified::Delivered => {
                self.log.add(&in_flight.record);
                self.accounting.delivered(self.now);
                self.complete(tag, &server);
            }
            Classified::Forgotten => {
                let id = in_flight.record.message.headers.value(Header::MachineId).to_owned();
                // Any user can name a server, and have it say anything.
                let is_believed = in_flight.named_by() == NamedBy::System;
                self.accounting.forgotten(&in_flight.record, &server, self.now);
                if is_believed {
                    self.accounting.drop_machine_id(&id);
                }
                self.complete(tag, &server);
            }
            Classified::Rejected { status, reason } => {
                let rejection = Rejection { server: &server, status, reason: &reason };
                match self.janitor.reject(
                    &in_flight.record,
                    rejection,
                    self.clock.now(),
                    self.accounting,
                    self.now,
                ) {
                    Ok(()) => self.complete(tag, &server),
                    Err(error) => {
                        let reason = format!("a rejected record cannot be kept: {error}");
                        self.retry(tag, &server, RetryableFailure::from_local(reason));
                    }
                }
            }
            Classified::Retryable(mut failure) => {
                if failure.is_about_clock && !self.clock.is_synchronised() {
                    failure.reason.push_str(UNSYNCHRONISED);
                }
                self.accounting.retried(&server, failure.status, &failure.reason, self.now);
                self.retry(tag, &server, failure);
            }
        }
    }

    fn complete(&mut self, tag: u64, server: &str) {
        let change = self.queue.settle(tag, self.now);
        self.accounting.outage(change, server, "", self.now);
    }

    fn retry(&mut self, tag: u64, server: &str, failure: RetryableFailure) {
        let change = self.queue.retry(tag, failure.advice, self.now, chance());
        self.accounting.outage(change, server, &failure.reason, self.now);
    }
}
