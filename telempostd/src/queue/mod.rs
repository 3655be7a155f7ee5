//! What is sent next, what is in flight, and how far each file is: the whole state of delivery, as a
//! value. Clock, files and network come in from outside; the loop asks [`Queue::next_send`] and [`Queue::next_file`].
//!
//! ```text
//!             found                read             sent
//!   spool ──────────▶ unread ─┬──────────▶ held ──────────▶ in flight ──▶ settled ──▶ file leaves
//!                             │             ▲ server is wanted     │
//!                             ▼             │                      │ try later
//!                         waiting for a server (files only) ◀──────┘
//! ```
//!
//! A file that waits is a name and a time; its records are in memory only between being read and settled.
//! Each server has a lane of its own (`lane`), so that one that is down holds up nobody else's records; one that a record's
//! configuration names has a lane for each user who sends to it.

mod aging;
mod backoff;
mod failover;
mod file_name;
mod file_state;
mod files;
mod lane;
mod orders;
mod outage;
mod position;
mod sending;
mod slots;

pub(crate) use failover::{FailoverMemory, FailoverRules, Probes, ServerChange, ServerMemory};
pub(crate) use file_name::FileName;
pub(crate) use files::Route;
pub(crate) use lane::LaneId;
pub(crate) use outage::Outage;
pub(crate) use position::Position;
pub(crate) use sending::{InFlight, NamedBy, NextSend, Permission, RetryAdvice};

use crate::limits::{SERVERS, SERVERS_OF_USER};
use file_state::OpenFile;
use files::{Files, bit};
use lane::{Held, Lane, LaneSet, LaneSize};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;
use telemetry_config::ServerSettings;
use telemetry_store::shares::Holder;

/// The state of delivery. `R` is a record, which it only passes on.
#[derive(Debug)]
pub(crate) struct Queue<R> {
    files: Files,
    lanes: Vec<Lane<R>>,
    in_flight: HashMap<u64, InFlight<R>>,
    /// Files all of whose records are settled. They stay open, so that no scan finds them, until they are removed.
    finished: Vec<FileName>,
    /// Requests that failed so far, by which failures are numbered.
    failures: u64,
    /// The failures that [`Queue::take_expired`] has dealt with.
    failures_seen: u64,
    has_too_old: bool,
    last_tag: u64,
    /// Records of the system's list that a server may have, though it has not said so, and which.
    unanswered: HashMap<(FileName, u32), usize>,
    /// Records that were sent to a second server after that, and not counted yet.
    maybe_twice: u64,
}

impl<R> Queue<R> {
    /// Nothing to deliver yet; `servers` are the system's.
    pub(crate) fn new(servers: Vec<ServerSettings>, rules: FailoverRules) -> Self {
        let servers = servers.into_iter().map(Rc::new).collect();
        Self::with_lane(Lane::new(servers, rules, None, LaneSize::SYSTEM), 0)
    }

    /// The same for one server that gets each record besides. Its tags follow on this one.
    pub(crate) fn for_copy(server: ServerSettings, last_tag: u64) -> Self {
        let servers = vec![Rc::new(server)];
        Self::with_lane(Lane::new(servers, FailoverRules::default(), None, LaneSize::COPY), last_tag)
    }

    fn with_lane(lane: Lane<R>, last_tag: u64) -> Self {
        Self {
            files: Files::default(),
            lanes: vec![lane],
            in_flight: HashMap::new(),
            finished: Vec::new(),
            failures: 0,
            failures_seen: 0,
            has_too_old: false,
            last_tag,
            unanswered: HashMap::new(),
            maybe_twice: 0,
        }
    }

    /// What is known of the system's servers.
    pub(crate) fn failover_memory(&self) -> FailoverMemory {
        self.lanes.first().map(|lane| lane.failover.memory()).unwrap_or_default()
    }

    /// Goes on from what was known of the system's servers.
    pub(crate) fn restore_failover(&mut self, memory: &FailoverMemory) {
        if let Some(lane) = self.lanes.first_mut() {
            lane.failover.restore(memory);
        }
    }

    /// Whether another of the system's servers has become the active one since this was last asked.
    pub(crate) fn take_server_change(&mut self) -> Option<ServerChange> {
        self.lanes.first_mut().and_then(|lane| lane.failover.take_change())
    }

    /// Number of records, since this was last asked, that went to a second server though the first may have them.
    pub(crate) fn take_maybe_twice(&mut self) -> u64 {
        std::mem::take(&mut self.maybe_twice)
    }

    /// A file is in the spool. For one that is known this changes no more than the time at which it was written.
    pub(crate) fn add_file(&mut self, name: FileName, modified_ns: i64) {
        self.files.found(name, modified_ns);
    }

    /// A file waits for the first lane's server, and needs not be read to know that.
    pub(crate) fn add_waiting(&mut self, name: FileName, modified_ns: i64) {
        self.files.found_waiting(name, modified_ns);
    }

    /// What is known of the first server.
    pub(crate) fn first_server(&self) -> Option<ServerMemory> {
        self.lanes.first().and_then(|lane| lane.failover.memory().servers.first().copied())
    }

    /// Whether a file is known, and was written then.
    pub(crate) fn knows(&self, name: &FileName, modified_ns: i64) -> bool {
        self.files.knows(name, modified_ns)
    }

    /// Whether the records of a file are held, in flight, or all settled.
    pub(crate) fn is_open(&self, name: &FileName) -> bool {
        self.files.is_open(name)
    }

    /// A file that is not open has gone, or cannot be dealt with: nothing is known of it any more.
    pub(crate) fn forget(&mut self, name: &FileName) {
        if !self.files.is_open(name) {
            self.files.remove(name);
        }
    }

    /// The files all of whose records were settled since the last call. They are known until [`Queue::remove_finished`].
    pub(crate) fn take_finished(&mut self) -> Vec<FileName> {
        std::mem::take(&mut self.finished)
    }

    /// Number of files that [`Queue::take_finished`] would return.
    pub(crate) fn finished_count(&self) -> usize {
        self.finished.len()
    }

    /// A finished file is out of the spool.
    pub(crate) fn remove_finished(&mut self, name: &FileName) {
        self.files.remove(name);
    }

    /// Number of requests that failed so far, by which the failures are known.
    pub(crate) fn failure_count(&self) -> u64 {
        self.failures
    }

    /// The first file that is unread or waits for a server. One that is open does not wait.
    #[cfg(test)]
    pub(crate) fn oldest_waiting(&self) -> Option<Position> {
        self.files.first()
    }

    /// The lane of a server that the configuration of this user's record names, even if it is the system's server; none
    /// while there are too many.
    pub(crate) fn lane_for(&mut self, server: &ServerSettings, user: Holder) -> Option<LaneId> {
        let user = Some(user);
        let mut of_user = 0;
        for (index, lane) in self.lanes.iter().enumerate().skip(1).filter(|(_, lane)| lane.user == user) {
            if lane.servers.first().is_some_and(|known| **known == *server) {
                return Some(LaneId(index));
            }
            of_user += 1;
        }
        let is_share_used = of_user >= SERVERS_OF_USER;
        let lane =
            || Lane::new(vec![Rc::new(server.clone())], FailoverRules::default(), user, LaneSize::OWN_SERVER);
        let new = LaneId(self.lanes.len());
        if new.0 < SERVERS && !is_share_used {
            self.lanes.push(lane());
            return Some(new);
        }
        let may_take =
            |id: &LaneId| !is_share_used || self.lanes.get(id.0).is_some_and(|lane| lane.user == user);
        let mut others = (1..self.lanes.len()).map(LaneId);
        let idle = others.find(|id| may_take(id) && self.is_lane_idle(*id))?;
        *self.lane(idle)? = lane();
        Some(idle)
    }

    fn lane(&mut self, id: LaneId) -> Option<&mut Lane<R>> {
        self.lanes.get_mut(id.0)
    }

    fn is_lane_idle(&self, id: LaneId) -> bool {
        !self.files.is_waited_for(id) && self.lanes.get(id.0).is_none_or(Lane::is_idle)
    }

    /// The first of the files that should be read now: the unread ones, unless the system's server is busy (most of
    /// them are for it), and those of servers that want more. Then comes [`Queue::add_records`] or [`Queue::forget`].
    pub(crate) fn next_file(&self, now: Instant) -> Option<Position> {
        let system_is_busy = self.lanes.first().is_some_and(|lane| lane.is_busy(now));
        let unread = self.files.first_unread().filter(|_| !system_is_busy);
        let wanting = self.lanes.iter().enumerate().filter(|(_, lane)| lane.wants_more(now));
        let waiting = wanting.filter_map(|(index, _)| self.files.first_waiting(LaneId(index)));
        unread.into_iter().chain(waiting).min()
    }

    /// What is settled of a file that is about to be read, a bit for each record.
    pub(crate) fn settled_bits(&self, name: &FileName) -> u64 {
        self.files.settled_bits(name)
    }

    /// A file was read: its records, in their order, and where they go.
    pub(crate) fn add_records(&mut self, name: &FileName, records: Vec<(Route, R)>, now: Instant) {
        let Some(position) = self.files.position(name) else {
            return;
        };
        let mut settled = self.files.settled_bits(name);
        let mut open = OpenFile::default();
        for (index, (route, record)) in (0..u64::BITS).zip(records) {
            open.routes.push(route);
            match route {
                _ if settled & bit(index) != 0 => {}
                Route::Settled => settled |= bit(index),
                Route::To(id) if open.left_out.contains(id) => {}
                Route::To(id) => {
                    let first_waiting = self.files.first_waiting(id);
                    match self.lanes.get_mut(id.0) {
                        Some(lane) if lane.may_hold_from(&position, first_waiting, now) => {
                            lane.held.push_back(Held { file: name.clone(), index, record });
                            open.busy += 1;
                        }
                        _ => open.left_out.insert(id),
                    }
                }
                Route::Later => {}
            }
        }
        for id in open.left_out.iter() {
            if let Some(lane) = self.lane(id) {
                lane.left_out += 1;
            }
        }
        self.files.open(name, settled, open);
        self.close_if_done(name);
    }

    /// Ends dealing with a file none of whose records is held or in flight: it leaves, or it waits for
    /// the servers of the records that are left.
    fn close_if_done(&mut self, name: &FileName) {
        let settled = self.files.settled_bits(name);
        let Some(open) = self.files.open_mut(name).filter(|open| open.busy == 0) else {
            return;
        };
        let mut unsettled =
            (0..).zip(&open.routes).filter(|(index, _)| settled & bit(*index) == 0).peekable();
        let is_finished = unsettled.peek().is_none();
        let mut lanes = LaneSet::default();
        for (_, route) in unsettled {
            if let Route::To(id) = route {
                lanes.insert(*id);
            }
        }
        for id in std::mem::take(&mut open.left_out).iter() {
            if let Some(lane) = self.lane(id) {
                lane.left_out = lane.left_out.saturating_sub(1);
            }
        }
        if is_finished {
            self.finished.push(name.clone());
        } else {
            self.files.close(name, lanes);
        }
    }

    /// The end of the first wait for a server that something waits for.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        let lanes = self.lanes.iter().enumerate();
        lanes
            .filter(|(index, _)| self.files.is_waited_for(LaneId(*index)))
            .filter_map(|(_, lane)| lane.failover.wait_end(now))
            .min()
    }

    /// Whether nothing at all is known to wait.
    pub(crate) fn is_idle(&self) -> bool {
        self.files.is_idle() && self.lanes.iter().all(Lane::is_idle)
    }

    /// Files of which some records are settled and others not, with a bit for each settled one.
    pub(crate) fn partly_settled(&self) -> Vec<(FileName, u64)> {
        self.files.partly_settled().collect()
    }

    /// Gives the memory back that a backlog took. To be called while nothing is held or in flight.
    pub(crate) fn shrink(&mut self) {
        self.lanes.truncate(1);
        self.has_too_old &= !self.files.is_idle();
        for lane in &mut self.lanes {
            lane.held.shrink_to_fit();
        }
        self.files.shrink();
        self.in_flight.shrink_to_fit();
        self.unanswered.shrink_to_fit();
        self.finished.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests;
