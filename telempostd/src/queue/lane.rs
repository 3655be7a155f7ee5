//! What waits for one server.

use crate::limits::{HELD, HELD_OWN_SERVER, IN_FLIGHT, IN_FLIGHT_HTTP_1, IN_FLIGHT_OWN_SERVER, READ_BELOW};
use crate::queue::file_name::{Backlog, FileName, Place};
use crate::queue::retry::{Allowance, Retry};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;
use telemetry_config::ServerSettings;

/// A server's number among the lanes. The system's server has the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LaneId(pub(crate) usize);

impl LaneId {
    /// The lane of the system's server.
    pub(crate) const SYSTEM: LaneId = LaneId(0);
}

/// A record that was read and is to be sent next.
#[derive(Debug)]
pub(crate) struct Held<R> {
    /// Its file.
    pub(crate) file: FileName,
    /// Its position in the file.
    pub(crate) index: u32,
    /// The record.
    pub(crate) record: R,
}

/// One server with what waits for it.
#[derive(Debug)]
pub(crate) struct Lane<R> {
    /// The server.
    pub(crate) server: Rc<ServerSettings>,
    /// Whether and when it may be tried.
    pub(crate) retry: Retry,
    /// Files that are known to hold records for it.
    pub(crate) waiting: Backlog,
    /// Records that were read.
    pub(crate) held: VecDeque<Held<R>>,
    /// Requests in flight to it.
    pub(crate) in_flight: usize,
    /// Files that are being dealt with and have records for which there was no room here.
    pub(crate) left_out: usize,
    most_in_flight: usize,
    most_held: usize,
    read_below: usize,
}

impl<R> Lane<R> {
    /// A lane for a server of which nothing is known.
    pub(crate) fn new(server: Rc<ServerSettings>, id: LaneId) -> Self {
        let (most_in_flight, most_held, read_below) = match id {
            LaneId::SYSTEM => (IN_FLIGHT, HELD, READ_BELOW),
            _ => (IN_FLIGHT_OWN_SERVER, HELD_OWN_SERVER, HELD_OWN_SERVER),
        };
        Self {
            server,
            retry: Retry::new(),
            waiting: Backlog::default(),
            held: VecDeque::new(),
            in_flight: 0,
            left_out: 0,
            most_in_flight,
            most_held,
            read_below,
        }
    }

    /// The server was heard to take many requests on a connection, or one. Any lane but the system's has
    /// less in flight in either case.
    pub(crate) fn answered(&mut self, is_multiplexed: bool, id: LaneId) {
        if id == LaneId::SYSTEM {
            self.most_in_flight = if is_multiplexed { IN_FLIGHT } else { IN_FLIGHT_HTTP_1 };
        }
    }

    /// Whether one more request may be in flight.
    pub(crate) fn may_send(&self, now: Instant) -> bool {
        match self.retry.allowance(now) {
            Allowance::None | Allowance::OneSent => false,
            Allowance::One => true,
            Allowance::Many => self.in_flight < self.most_in_flight,
        }
    }

    /// Whether it is of use to hold records for it.
    pub(crate) fn may_hold_any(&self, now: Instant) -> bool {
        self.retry.allowance(now) != Allowance::None
    }

    /// Whether a record of this file may be held: there is room, and no earlier file waits for it.
    pub(crate) fn may_hold_from(&self, place: &Place, now: Instant) -> bool {
        let is_next = self.left_out == 0 && self.waiting.first().is_none_or(|first| place <= first);
        is_next && self.may_hold_any(now) && self.held.len() < self.most_held
    }

    /// Whether the next file for it should be read.
    pub(crate) fn wants_more(&self, now: Instant) -> bool {
        if self.left_out > 0 {
            return false;
        }
        match self.retry.allowance(now) {
            Allowance::None | Allowance::OneSent => false,
            Allowance::One => self.held.is_empty(),
            Allowance::Many => self.held.len() < self.read_below,
        }
    }

    /// Whether it is working and has enough to send for the moment.
    pub(crate) fn is_busy(&self, now: Instant) -> bool {
        self.retry.allowance(now) == Allowance::Many && self.held.len() >= self.read_below
    }

    /// Whether nothing waits, is held or in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.held.is_empty() && self.in_flight == 0 && self.left_out == 0
    }
}
