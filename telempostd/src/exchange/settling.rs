//! What the end of an exchange changes.

mod copies;

use super::response::{Classified, RetryableFailure};
use crate::accounting::Accounting;
use crate::chance::chance;
use crate::clock::Clock;
use crate::copies::{Copies, CopyId};
use crate::delivery_log::DeliveryLogWriter;
use crate::janitor::Janitor;
use crate::queue::{InFlight, NamedBy, Queue};
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
    /// Where it is in flight to a copy.
    pub(crate) copies: &'a mut Copies,
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
    /// The request of this tag, whoever it goes to.
    pub(super) fn in_flight(&self, tag: u64) -> Option<&InFlight<StoredRecord>> {
        match CopyId::from_tag(tag) {
            Some(id) => self.copies.in_flight(id, tag),
            None => self.queue.in_flight(tag),
        }
    }

    /// Tags of all that is in flight to such servers, and to copies where these are the system's.
    pub(super) fn tags_in_flight(&self, named_by: NamedBy) -> Vec<u64> {
        let copies = self.copies.queues().flat_map(|queue| queue.tags_in_flight(named_by));
        self.queue.tags_in_flight(named_by).into_iter().chain(copies).collect()
    }

    /// Since when the request that is in flight for longest is, likewise.
    pub(super) fn in_flight_since(&self, named_by: NamedBy) -> Option<Instant> {
        in_flight_since(self.queue, self.copies, named_by)
    }

    /// A record is sent again, since the way to its server is made anew.
    pub(super) fn take_back(&mut self, tag: u64) {
        if let Some(queue) = self.queue_of(tag) {
            queue.take_back(tag);
        }
    }

    /// The server of a request takes many on a connection, or one.
    pub(super) fn set_multiplexed(&mut self, tag: u64, is_multiplexed: bool) {
        if let Some(queue) = self.queue_of(tag) {
            queue.set_multiplexed(tag, is_multiplexed);
        }
    }

    fn queue_of(&mut self, tag: u64) -> Option<&mut Queue<StoredRecord>> {
        match CopyId::from_tag(tag) {
            Some(id) => self.copies.queue_mut(id),
            None => Some(self.queue),
        }
    }

    /// Does what follows for a record in flight. A tag that is not in flight changes nothing.
    pub(super) fn settle(&mut self, tag: u64, mut classified: Classified) {
        if let Classified::Retryable(failure) = &mut classified
            && failure.is_about_clock
            && !self.clock.is_synchronised()
        {
            failure.reason.push_str(UNSYNCHRONISED);
        }
        match CopyId::from_tag(tag) {
            Some(id) => self.settle_copy(id, tag, classified),
            None => self.settle_list(tag, classified),
        }
    }

    fn settle_list(&mut self, tag: u64, classified: Classified) {
        let Some(in_flight) = self.queue.in_flight(tag) else {
            return;
        };
        let server = in_flight.server.url.to_string();
        match classified {
            Classified::Delivered => {
                if self.copies.is_first_of_list(in_flight.record_in_file(), in_flight.record.id) {
                    self.log.add(&in_flight.record);
                }
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
            Classified::Retryable(failure) => {
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

/// Since when the request to such a server that is in flight for longest is, to a copy or to another one.
pub(super) fn in_flight_since(
    queue: &Queue<StoredRecord>,
    copies: &Copies,
    named_by: NamedBy,
) -> Option<Instant> {
    let of_copies = copies.queues().filter_map(|queue| queue.in_flight_since(named_by));
    queue.in_flight_since(named_by).into_iter().chain(of_copies).min()
}
