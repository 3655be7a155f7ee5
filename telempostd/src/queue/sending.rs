//! From a record that is held to what the server made of it.

use super::failover::Sent;
use super::lane::{Held, LaneId};
use super::{FileName, Outage, Queue, Route};
use crate::limits::{IN_FLIGHT_FOREIGN, IN_FLIGHT_OF_USER, UNANSWERED};
use std::rc::Rc;
use std::time::{Duration, Instant};
use telemetry_config::ServerSettings;
use telemetry_store::shares::Holder;

/// A record in flight.
#[derive(Debug)]
pub(crate) struct InFlight<R> {
    /// By which its answer is known.
    pub(crate) tag: u64,
    /// Its server.
    pub(crate) server: Rc<ServerSettings>,
    /// The record.
    pub(crate) record: R,
    /// Since when.
    pub(crate) since: Instant,
    lane: LaneId,
    user: Option<Holder>,
    file: FileName,
    index: u32,
    sent: Sent,
}

/// Whose configuration names a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The system's.
    System,
    /// A record's own.
    Record,
}

impl<R> InFlight<R> {
    /// Whose configuration names its server.
    pub(crate) fn named_by(&self) -> NamedBy {
        if self.lane == LaneId::SYSTEM { NamedBy::System } else { NamedBy::Record }
    }

    /// Where it comes from: its file, and its position there.
    pub(crate) fn record_in_file(&self) -> (&FileName, u32) {
        (&self.file, self.index)
    }

    /// The number of the user whose share its server is from; the system's for the system's.
    pub(crate) fn user_id(&self) -> u32 {
        self.user.unwrap_or(Holder::System).as_id()
    }
}

/// What holds for a record whatever its server, as rate limits decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// It may leave now.
    Send,
    /// It stays in the spool for at least so long.
    Wait(Duration),
    /// It waits until its file is found again: its user has used his share, and others go on.
    SetAside,
    /// It is dropped.
    Drop,
}

/// What comes of the next record.
#[derive(Debug)]
pub(crate) enum NextSend<'a, R> {
    /// It is in flight now, and to be posted.
    Send(&'a InFlight<R>),
    /// It stays held, since it may not leave for so long.
    Wait(&'a R, Duration),
    /// It waits in the spool, and its file for being found again; the next one may leave.
    SetAside(R),
    /// It is settled without being sent, since it may never leave.
    Drop(R),
    /// There is none that its server would be sent now.
    Nothing,
}

/// How a record is tried again that its server did not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetryAdvice {
    /// The shortest wait, when the server named one.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the record itself may be the cause, so that the next try is better made with another one.
    pub(crate) may_be_the_record: bool,
    /// Whether the server, or the way to it, is what failed, and not something here.
    pub(crate) was_tried: bool,
}

impl<R> Queue<R> {
    /// Takes the next record that its server may be sent, and puts it in flight if `permission` allows that.
    pub(crate) fn next_send(
        &mut self,
        now: Instant,
        permission: impl FnOnce(&R) -> Permission,
    ) -> NextSend<'_, R> {
        let Some(id) = self.next_lane(now) else {
            return NextSend::Nothing;
        };
        let Some(permission) = self.first_held(id).map(permission) else {
            return NextSend::Nothing;
        };
        match permission {
            Permission::Send => self.put_in_flight(id, now).map_or(NextSend::Nothing, NextSend::Send),
            Permission::Wait(wait) => {
                self.first_held(id).map_or(NextSend::Nothing, |record| NextSend::Wait(record, wait))
            }
            Permission::SetAside => self.set_aside_first(id).map_or(NextSend::Nothing, NextSend::SetAside),
            Permission::Drop => self.drop_first(id).map_or(NextSend::Nothing, NextSend::Drop),
        }
    }

    /// Where the record comes from that [`Queue::next_send`] would ask about.
    pub(crate) fn next_record_in_file(&self, now: Instant) -> Option<(&FileName, u32)> {
        let held = self.lanes.get(self.next_lane(now)?.0)?.held.front()?;
        Some((&held.file, held.index))
    }

    fn next_lane(&self, now: Instant) -> Option<LaneId> {
        (0..self.lanes.len()).map(LaneId).find(|id| self.may_leave(*id, now))
    }

    fn first_held(&self, id: LaneId) -> Option<&R> {
        self.lanes.get(id.0)?.held.front().map(|held| &held.record)
    }

    fn drop_first(&mut self, id: LaneId) -> Option<R> {
        let Held { file, index, record } = self.lane(id)?.held.pop_front()?;
        self.settle_record(&file, index);
        self.close_if_done(&file);
        Some(record)
    }

    fn set_aside_first(&mut self, id: LaneId) -> Option<R> {
        let Held { file, index, record } = self.lane(id)?.held.pop_front()?;
        let route =
            usize::try_from(index).ok().and_then(|index| self.files.open_mut(&file)?.routes.get_mut(index));
        if let Some(route) = route {
            *route = Route::Later;
        }
        self.release(&file);
        self.close_if_done(&file);
        Some(record)
    }

    /// Whether a record may leave on this lane now, as far as its server is concerned.
    fn may_leave(&self, id: LaneId, now: Instant) -> bool {
        let Some(lane) = self.lanes.get(id.0) else {
            return false;
        };
        if lane.held.is_empty() || !lane.may_send(now) {
            return false;
        }
        let foreign = || self.lanes.iter().skip(1);
        let in_flight = || foreign().map(|lane| lane.in_flight).sum::<usize>();
        let same_user = || foreign().filter(|other| other.user == lane.user);
        let of_user = || same_user().map(|lane| lane.in_flight).sum::<usize>();
        id == LaneId::SYSTEM || (in_flight() < IN_FLIGHT_FOREIGN && of_user() < IN_FLIGHT_OF_USER)
    }

    fn put_in_flight(&mut self, id: LaneId, now: Instant) -> Option<&InFlight<R>> {
        let lane = self.lanes.get_mut(id.0)?;
        let Held { file, index, record } = lane.held.pop_front()?;
        lane.in_flight += 1;
        self.last_tag += 1;
        let tag = self.last_tag;
        let (user, sent) = (lane.user, lane.failover.note_request(now));
        let server = Rc::clone(lane.servers.get(sent.server)?);
        // Only of a list is anything remembered.
        if let Some(before) = self.unanswered.get_mut(&(file.clone(), index))
            && std::mem::replace(before, sent.server) != sent.server
        {
            self.maybe_twice += 1;
        }
        let in_flight = InFlight { tag, server, record, since: now, lane: id, user, file, index, sent };
        Some(self.in_flight.entry(tag).insert_entry(in_flight).into_mut())
    }

    /// A record that is in flight.
    pub(crate) fn in_flight(&self, tag: u64) -> Option<&InFlight<R>> {
        self.in_flight.get(&tag)
    }

    /// The server of a record that is in flight takes many requests on a connection, or one.
    pub(crate) fn set_multiplexed(&mut self, tag: u64, is_multiplexed: bool) {
        if let Some(id) = self.in_flight.get(&tag).map(|in_flight| in_flight.lane)
            && let Some(lane) = self.lane(id)
        {
            lane.set_multiplexed(is_multiplexed);
        }
    }

    /// A record that was in flight is delivered, or rejected by the server and kept elsewhere. Returns what is worth a
    /// line in the log. A tag that is not in flight changes nothing.
    pub(crate) fn settle(&mut self, tag: u64, now: Instant) -> Option<Outage> {
        let InFlight { lane: id, file, index, sent, .. } = self.in_flight.remove(&tag)?;
        self.settle_record(&file, index);
        self.unanswered.remove(&(file.clone(), index));
        let lane = self.lane(id)?;
        lane.in_flight = lane.in_flight.saturating_sub(1);
        let change = lane.failover.note_success(sent, now);
        self.close_if_done(&file);
        change
    }

    /// A record that was in flight has to be tried again. `chance` is from 0 to below 1. Returns what is worth a line
    /// in the log. A tag that is not in flight changes nothing.
    pub(crate) fn retry(
        &mut self,
        tag: u64,
        advice: RetryAdvice,
        now: Instant,
        chance: f64,
    ) -> Option<Outage> {
        let InFlight { lane: id, file, index, sent, .. } = self.in_flight.remove(&tag)?;
        self.release(&file);
        if advice.may_be_the_record {
            self.files.put_back(&file);
            self.note_unanswered(id, &file, index, sent);
        }
        self.failures += u64::from(advice.was_tried);
        let failure = self.failures;
        let lane = self.lane(id)?;
        lane.in_flight = lane.in_flight.saturating_sub(1);
        let change = lane.failover.note_failure(sent, advice.retry_after, advice.was_tried, now, chance);
        if advice.was_tried && lane.failover.have_all_failed() {
            lane.last_failure = failure;
        }
        self.drop_held(id, now);
        self.close_if_done(&file);
        change
    }

    /// A record that was in flight is sent again, since the way to its server is made anew: nothing is known of the server by
    /// that. A tag that is not in flight changes nothing.
    pub(crate) fn take_back(&mut self, tag: u64) {
        let Some(InFlight { lane: id, file, index, sent, .. }) = self.in_flight.remove(&tag) else { return };
        self.release(&file);
        self.note_unanswered(id, &file, index, sent);
        if let Some(lane) = self.lane(id) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
            lane.failover.note_nothing(sent);
        }
        self.close_if_done(&file);
    }

    /// A server may have a record, though it has not said so: if another one gets it next, that counts.
    fn note_unanswered(&mut self, id: LaneId, file: &FileName, index: u32, sent: Sent) {
        let is_of_list = self.lanes.get(id.0).is_some_and(|lane| lane.servers.len() > 1);
        if is_of_list && self.unanswered.len() < UNANSWERED {
            self.unanswered.insert((file.clone(), index), sent.server);
        }
    }

    /// Drops the records that are held for a server which has to be waited for; their files wait.
    fn drop_held(&mut self, id: LaneId, now: Instant) {
        let held = match self.lane(id) {
            Some(lane) if !lane.may_hold_any(now) => std::mem::take(&mut lane.held),
            _ => return,
        };
        for Held { file, .. } in held {
            self.release(&file);
            self.close_if_done(&file);
        }
    }

    fn settle_record(&mut self, file: &FileName, index: u32) {
        self.files.settle(file, index);
        self.release(file);
    }

    /// A record of this file is no longer held or in flight.
    fn release(&mut self, file: &FileName) {
        if let Some(open) = self.files.open_mut(file) {
            open.busy = open.busy.saturating_sub(1);
        }
    }

    /// Tags of all that is in flight to such servers.
    pub(crate) fn tags_in_flight(&self, named_by: NamedBy) -> Vec<u64> {
        self.in_flight_to(named_by).map(|in_flight| in_flight.tag).collect()
    }

    fn in_flight_to(&self, named_by: NamedBy) -> impl Iterator<Item = &InFlight<R>> {
        self.in_flight.values().filter(move |in_flight| in_flight.named_by() == named_by)
    }

    /// Number of requests in flight.
    pub(crate) fn in_flight_count(&self) -> usize {
        self.in_flight.len()
    }

    /// Since when the request to such a server that is in flight for longest is.
    pub(crate) fn in_flight_since(&self, named_by: NamedBy) -> Option<Instant> {
        self.in_flight_to(named_by).map(|in_flight| in_flight.since).min()
    }
}
