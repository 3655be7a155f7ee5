//! One server, or the system's list of them, with the records that were read for it.

use super::backoff::Allowance;
use super::failover::{Failover, FailoverRules};
use super::file_name::FileName;
use super::position::Position;
use crate::limits::{
    HELD, HELD_COPY, HELD_OWN_SERVER, IN_FLIGHT, IN_FLIGHT_COPY, IN_FLIGHT_COPY_HTTP_1, IN_FLIGHT_HTTP_1,
    IN_FLIGHT_OF_USER, READ_BELOW, SERVERS,
};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;
use telemetry_config::ServerSettings;
use telemetry_store::shares::Holder;

/// A server's number among the lanes. The system's server has the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LaneId(pub(super) usize);

impl LaneId {
    /// The lane of the system's server.
    pub(crate) const SYSTEM: LaneId = LaneId(0);
}

// A bit for each lane.
const _: () = assert!(SERVERS <= u64::BITS as usize);

/// Some of the lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LaneSet(u64);

impl LaneSet {
    pub(super) fn insert(&mut self, lane: LaneId) {
        self.0 |= bit(lane);
    }

    pub(super) fn contains(self, lane: LaneId) -> bool {
        self.0 & bit(lane) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of these are among the others.
    pub(super) fn is_within(self, others: LaneSet) -> bool {
        self.0 & !others.0 == 0
    }

    /// This one alone.
    pub(super) fn from_lane(lane: u8) -> Self {
        let mut lanes = Self::default();
        lanes.insert(LaneId(usize::from(lane)));
        lanes
    }

    /// The one that there is, if it is one.
    pub(super) fn only(self) -> Option<u8> {
        if self.0.is_power_of_two() { u8::try_from(self.0.trailing_zeros()).ok() } else { None }
    }

    /// From the first on.
    pub(super) fn iter(self) -> impl Iterator<Item = LaneId> {
        (0..SERVERS).map(LaneId).filter(move |lane| self.contains(*lane))
    }
}

impl FromIterator<LaneId> for LaneSet {
    fn from_iter<I: IntoIterator<Item = LaneId>>(lanes: I) -> Self {
        let mut set = Self::default();
        lanes.into_iter().for_each(|lane| set.insert(lane));
        set
    }
}

fn bit(LaneId(lane): LaneId) -> u64 {
    u32::try_from(lane).ok().and_then(|lane| 1_u64.checked_shl(lane)).unwrap_or(0)
}

/// A record that was read and is to be sent next.
#[derive(Debug)]
pub(super) struct Held<R> {
    /// Its file.
    pub(super) file: FileName,
    /// Its position in the file.
    pub(super) index: u32,
    /// The record.
    pub(super) record: R,
}

/// How much may be on its way to a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneSize {
    in_flight: usize,
    in_flight_http_1: usize,
    held: usize,
    read_below: usize,
}

impl LaneSize {
    /// To the system's servers.
    pub(super) const SYSTEM: Self =
        Self { in_flight: IN_FLIGHT, in_flight_http_1: IN_FLIGHT_HTTP_1, held: HELD, read_below: READ_BELOW };
    /// To one that gets each record besides.
    pub(super) const COPY: Self = Self {
        in_flight: IN_FLIGHT_COPY,
        in_flight_http_1: IN_FLIGHT_COPY_HTTP_1,
        held: HELD_COPY,
        read_below: IN_FLIGHT_COPY,
    };
    /// To one that records name.
    pub(super) const OWN_SERVER: Self = Self {
        in_flight: IN_FLIGHT_OF_USER,
        in_flight_http_1: IN_FLIGHT_OF_USER,
        held: HELD_OWN_SERVER,
        read_below: HELD_OWN_SERVER,
    };
}

/// One server with the records that were read for it.
#[derive(Debug)]
pub(super) struct Lane<R> {
    /// The server, or those of the system's list, each of which may be sent any record of this lane.
    pub(super) servers: Vec<Rc<ServerSettings>>,
    /// Whose share it is from, where the configuration of a record names it.
    pub(super) user: Option<Holder>,
    /// Which of them may be tried, and when.
    pub(super) failover: Failover,
    /// Records that were read.
    pub(super) held: VecDeque<Held<R>>,
    /// Requests in flight to it.
    pub(super) in_flight: usize,
    /// The last failure of a request to it.
    pub(super) last_failure: u64,
    /// Open files with records for which there was no room here.
    pub(super) left_out: usize,
    max_in_flight: usize,
    size: LaneSize,
}

impl<R> Lane<R> {
    /// A lane for servers of which nothing is known.
    pub(super) fn new(
        servers: Vec<Rc<ServerSettings>>,
        rules: FailoverRules,
        user: Option<Holder>,
        size: LaneSize,
    ) -> Self {
        Self {
            failover: Failover::new(servers.len(), rules),
            servers,
            user,
            held: VecDeque::new(),
            in_flight: 0,
            last_failure: 0,
            left_out: 0,
            max_in_flight: size.in_flight,
            size,
        }
    }

    /// Bounds what is in flight by whether the server takes many requests on a connection, or one.
    pub(super) fn set_multiplexed(&mut self, is_multiplexed: bool) {
        let LaneSize { in_flight, in_flight_http_1, .. } = self.size;
        self.max_in_flight = if is_multiplexed { in_flight } else { in_flight_http_1 };
    }

    /// Whether one more request may be in flight.
    pub(super) fn may_send(&self, now: Instant) -> bool {
        match self.failover.allowance(now) {
            _ if self.failover.is_probe_due(now) => true,
            Allowance::None | Allowance::OneSent => false,
            Allowance::One => true,
            Allowance::Many => self.in_flight < self.max_in_flight,
        }
    }

    /// Whether it is of use to hold records for it.
    pub(super) fn may_hold_any(&self, now: Instant) -> bool {
        self.failover.allowance(now) != Allowance::None
    }

    /// Whether a record of the file at `position` may be held: there is room, and no earlier file waits for this lane, of
    /// which `first_waiting` is the first.
    pub(super) fn may_hold_from(
        &self,
        position: &Position,
        first_waiting: Option<Position>,
        now: Instant,
    ) -> bool {
        let is_next = self.left_out == 0 && first_waiting.is_none_or(|first| *position <= first);
        is_next && self.may_hold_any(now) && self.held.len() < self.size.held
    }

    /// Whether the next file for it should be read.
    pub(super) fn wants_more(&self, now: Instant) -> bool {
        if self.left_out > 0 {
            return false;
        }
        match self.failover.allowance(now) {
            Allowance::None | Allowance::OneSent => false,
            Allowance::One => self.held.is_empty(),
            Allowance::Many => self.held.len() < self.size.read_below,
        }
    }

    /// Whether it is working and has enough to send for the moment.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        self.failover.allowance(now) == Allowance::Many && self.held.len() >= self.size.read_below
    }

    /// Whether nothing is held or in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.held.is_empty() && self.in_flight == 0 && self.left_out == 0
    }
}
