//! What is sent next, what is in flight, and how far each file is: the whole state of delivery, as a
//! value. Clock, files and network come in from outside; the loop asks [`Delivery::next_step`] and does it.
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
//! Each server has a lane of its own, so that one that is down holds up nobody else's records.

pub(crate) mod file_name;
pub(crate) mod lane;
pub(crate) mod outage;
mod retry;

use crate::exchange::response::Setback;
use crate::limits::{IN_FLIGHT_OWN_SERVERS, SERVERS};
use crate::queue::file_name::{Backlog, FileName, Place};
use crate::queue::lane::{Held, Lane, LaneId};
use crate::queue::outage::Outage;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;
use telemetry_config::ServerSettings;
use telemetry_store::limits::RECORDS_PER_FILE;

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Read this file and say what was in it: [`Delivery::was_read`] or [`Delivery::forget`].
    Read(Place),
    /// Send the record of this tag, see [`Delivery::sent`].
    Send(u64),
    /// Nothing, until something happens or [`Delivery::next_due`] comes.
    Nothing,
}

/// What is to be done with a record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// It goes to this server.
    To(LaneId),
    /// It is settled already, without a server.
    Settled,
    /// There is no place for its server now; the next look at the spool finds it again.
    Later,
}

/// The fate of a record that was in flight.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It was delivered, or refused for good and kept aside.
    Settled,
    /// The server has to be waited for.
    TryLater(Setback),
}

/// A record in flight.
#[derive(Debug)]
pub(crate) struct InFlight<R> {
    /// Its server.
    pub(crate) server: Rc<ServerSettings>,
    /// The record.
    pub(crate) record: R,
    /// Since when.
    pub(crate) since: Instant,
    lane: LaneId,
    file: FileName,
    index: u32,
    epoch: u64,
}

/// A file whose records are being dealt with.
#[derive(Debug)]
struct OpenFile {
    modified_ns: i64,
    /// Where each record goes.
    routes: Vec<Route>,
    /// A bit for each record that is settled.
    settled: u64,
    /// Records that are held or in flight.
    busy: usize,
    /// Lanes that had no room for a record of it. For the sake of order they hold nothing of a later file
    /// before this one is read again.
    left_out: Vec<LaneId>,
}

/// What is remembered of a file that waits, beyond its place.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// A bit for each record that is settled.
    settled: u64,
    put_back: u16,
}

// A bit a record.
const _: () = assert!(RECORDS_PER_FILE <= u64::BITS as usize);

/// The state of delivery. `R` is a record, which it only passes on.
#[derive(Debug)]
pub(crate) struct Delivery<R> {
    unread: Backlog,
    lanes: Vec<Lane<R>>,
    open: HashMap<FileName, OpenFile>,
    in_flight: HashMap<u64, InFlight<R>>,
    marks: HashMap<FileName, Mark>,
    /// Files all of whose records are settled.
    finished: Vec<FileName>,
    last_tag: u64,
}

impl<R> Delivery<R> {
    /// Nothing to deliver yet; `server` is the system's.
    pub(crate) fn new(server: ServerSettings) -> Self {
        Self {
            unread: Backlog::default(),
            lanes: vec![Lane::new(Rc::new(server), LaneId::SYSTEM)],
            open: HashMap::new(),
            in_flight: HashMap::new(),
            marks: HashMap::new(),
            finished: Vec::new(),
            last_tag: 0,
        }
    }

    /// A file is in the spool. To be told again of one that is known changes nothing.
    pub(crate) fn found(&mut self, name: FileName, modified_ns: i64) {
        if self.open.contains_key(&name) {
            return;
        }
        let place = self.place(name, modified_ns);
        if !self.lanes.iter().any(|lane| lane.waiting.contains(&place)) {
            self.unread.insert(place);
        }
    }

    /// Whether the records of a file are held or in flight.
    pub(crate) fn is_open(&self, name: &FileName) -> bool {
        self.open.contains_key(name)
    }

    /// A file that waits is gone, or is none of ours: nothing is known of it any more.
    pub(crate) fn forget(&mut self, name: FileName, modified_ns: i64) {
        let place = self.place(name, modified_ns);
        self.unread.remove(&place);
        for lane in &mut self.lanes {
            lane.waiting.remove(&place);
        }
        self.marks.remove(&place.name);
    }

    /// The files all of whose records are settled since the last call. They are known until
    /// [`Delivery::has_left`].
    pub(crate) fn take_finished(&mut self) -> Vec<FileName> {
        std::mem::take(&mut self.finished)
    }

    /// Number of files that [`Delivery::take_finished`] would give.
    pub(crate) fn finished(&self) -> usize {
        self.finished.len()
    }

    /// A finished file is out of the spool.
    pub(crate) fn has_left(&mut self, name: FileName) {
        if let Some(file) = self.open.remove(&name) {
            self.forget(name, file.modified_ns);
        }
    }

    fn place(&self, name: FileName, modified_ns: i64) -> Place {
        let put_back = self.marks.get(&name).map_or(0, |mark| mark.put_back);
        Place { put_back, modified_ns, name }
    }

    /// The lane of a server; none while there are too many.
    pub(crate) fn lane_of(&mut self, server: &ServerSettings) -> Option<LaneId> {
        if let Some(known) = self.lanes.iter().position(|lane| *lane.server == *server) {
            return Some(LaneId(known));
        }
        let new = LaneId(self.lanes.len());
        if new.0 < SERVERS {
            self.lanes.push(Lane::new(Rc::new(server.clone()), new));
            return Some(new);
        }
        let idle = self.lanes.iter().skip(1).position(Lane::is_idle).map(|index| LaneId(index + 1))?;
        *self.lane(idle)? = Lane::new(Rc::new(server.clone()), idle);
        Some(idle)
    }

    fn lane(&mut self, id: LaneId) -> Option<&mut Lane<R>> {
        self.lanes.get_mut(id.0)
    }

    /// The next thing to do.
    pub(crate) fn next_step(&mut self, now: Instant) -> Step {
        if let Some(id) = self.lane_to_send_on(now)
            && let Some(tag) = self.put_in_flight(id, now)
        {
            return Step::Send(tag);
        }
        while let Some(place) = self.file_to_read(now) {
            // A file can stand in several places: a batch with records for several servers does.
            if !self.open.contains_key(&place.name) {
                return Step::Read(place);
            }
        }
        Step::Nothing
    }

    /// The first lane that has a record which may leave now.
    fn lane_to_send_on(&self, now: Instant) -> Option<LaneId> {
        (0..self.lanes.len()).map(LaneId).find(|id| self.may_leave(*id, now))
    }

    /// The record that [`Delivery::next_step`] would have sent next, if it would send one. What limits all
    /// of delivery, as the rate limits do, judges it.
    pub(crate) fn next_record(&self, now: Instant) -> Option<&R> {
        let id = self.lane_to_send_on(now)?;
        self.lanes.get(id.0)?.held.front().map(|held| &held.record)
    }

    /// Takes that record out as settled, without sending it.
    pub(crate) fn drop_next(&mut self, now: Instant) -> Option<R> {
        let id = self.lane_to_send_on(now)?;
        let Held { file: name, index, record } = self.lane(id)?.held.pop_front()?;
        if let Some(file) = self.open.get_mut(&name) {
            file.busy = file.busy.saturating_sub(1);
            file.settled |= bit(index);
        }
        self.close_if_done(&name);
        Some(record)
    }

    /// The oldest file that waits to be read or for a server.
    pub(crate) fn oldest_waiting(&self) -> Option<Place> {
        let waiting = self.lanes.iter().filter_map(|lane| lane.waiting.first());
        self.unread.first().into_iter().chain(waiting).min().cloned()
    }

    /// Whether a record may leave on this lane now, as far as its server is concerned.
    fn may_leave(&self, id: LaneId, now: Instant) -> bool {
        let Some(lane) = self.lanes.get(id.0) else {
            return false;
        };
        if lane.held.is_empty() || !lane.may_send(now) {
            return false;
        }
        let own_servers = || self.lanes.iter().skip(1).map(|lane| lane.in_flight).sum::<usize>();
        id == LaneId::SYSTEM || own_servers() < IN_FLIGHT_OWN_SERVERS
    }

    fn put_in_flight(&mut self, id: LaneId, now: Instant) -> Option<u64> {
        let lane = self.lane(id)?;
        let Held { file, index, record } = lane.held.pop_front()?;
        lane.in_flight += 1;
        let (server, epoch) = (Rc::clone(&lane.server), lane.retry.sent());
        let in_flight = InFlight { server, record, since: now, lane: id, file, index, epoch };
        self.last_tag += 1;
        self.in_flight.insert(self.last_tag, in_flight);
        Some(self.last_tag)
    }

    /// Takes the first file of those that may be read now: the unread ones, unless the system's server is
    /// busy (most of them are for it), and the ones of servers that want more.
    fn file_to_read(&mut self, now: Instant) -> Option<Place> {
        let system_is_busy = self.lanes.first().is_some_and(|lane| lane.is_busy(now));
        let unread = if system_is_busy { None } else { self.unread.first() };
        let mut best = unread.map(|place| (place, None));
        for (index, lane) in self.lanes.iter().enumerate() {
            if lane.wants_more(now)
                && let Some(place) = lane.waiting.first()
                && best.as_ref().is_none_or(|(first, _)| place < *first)
            {
                best = Some((place, Some(LaneId(index))));
            }
        }
        match best?.1 {
            None => self.unread.pop_first(),
            Some(id) => self.lane(id)?.waiting.pop_first(),
        }
    }

    /// What is settled of a file that is about to be read, a bit for each record.
    pub(crate) fn settled_of(&self, name: &FileName) -> u64 {
        self.marks.get(name).map_or(0, |mark| mark.settled)
    }

    /// A file was read: its records, in their order, and where they go.
    pub(crate) fn was_read(&mut self, place: Place, records: Vec<(Route, R)>, now: Instant) {
        let mut settled = self.settled_of(&place.name);
        let mut busy = 0;
        let mut routes = Vec::with_capacity(records.len());
        let mut left_out = Vec::new();
        for (index, (route, record)) in (0..u64::BITS).zip(records) {
            routes.push(route);
            if settled & bit(index) != 0 {
                continue;
            }
            match route {
                Route::Settled => settled |= bit(index),
                Route::To(id) if left_out.contains(&id) => {}
                Route::To(id) => match self.lane(id) {
                    Some(lane) if lane.may_hold_from(&place, now) => {
                        lane.held.push_back(Held { file: place.name.clone(), index, record });
                        busy += 1;
                    }
                    _ => left_out.push(id),
                },
                Route::Later => {}
            }
        }
        for id in &left_out {
            if let Some(lane) = self.lane(*id) {
                lane.left_out += 1;
            }
        }
        let file = OpenFile { modified_ns: place.modified_ns, routes, settled, busy, left_out };
        self.open.insert(place.name.clone(), file);
        self.close_if_done(&place.name);
    }

    /// A record that is in flight.
    pub(crate) fn sent(&self, tag: u64) -> Option<&InFlight<R>> {
        self.in_flight.get(&tag)
    }

    /// An answer came, over a connection that carries many requests at once, or one.
    pub(crate) fn answered(&mut self, tag: u64, is_multiplexed: bool) {
        if let Some(id) = self.in_flight.get(&tag).map(|in_flight| in_flight.lane)
            && let Some(lane) = self.lane(id)
        {
            lane.answered(is_multiplexed, id);
        }
    }

    /// Decides over a record that was in flight. `chance` is from 0 to below 1. Returns what is worth a
    /// line in the log. A tag that is not in flight changes nothing.
    pub(crate) fn settle(&mut self, tag: u64, fate: Fate, now: Instant, chance: f64) -> Option<Outage> {
        let InFlight { lane: id, file: name, index, epoch, .. } = self.in_flight.remove(&tag)?;
        if let Some(file) = self.open.get_mut(&name) {
            file.busy = file.busy.saturating_sub(1);
            if matches!(fate, Fate::Settled) {
                file.settled |= bit(index);
            }
        }
        let notice = match fate {
            Fate::Settled => {
                let lane = self.lane(id)?;
                lane.in_flight = lane.in_flight.saturating_sub(1);
                lane.retry.succeeded(epoch)
            }
            Fate::TryLater(setback) => {
                if setback.may_be_the_record {
                    let mark = self.marks.entry(name.clone()).or_default();
                    mark.put_back = mark.put_back.saturating_add(1);
                }
                let lane = self.lane(id)?;
                lane.in_flight = lane.in_flight.saturating_sub(1);
                let notice = lane.retry.failed(epoch, setback.retry_after, now, chance);
                self.let_go_of_held(id, now);
                notice
            }
        };
        self.close_if_done(&name);
        notice
    }

    /// Drops the records that are held for a server which has to be waited for; their files wait.
    fn let_go_of_held(&mut self, id: LaneId, now: Instant) {
        let held = match self.lane(id) {
            Some(lane) if !lane.may_hold_any(now) => std::mem::take(&mut lane.held),
            _ => return,
        };
        for Held { file, .. } in held {
            if let Some(file) = self.open.get_mut(&file) {
                file.busy = file.busy.saturating_sub(1);
            }
            self.close_if_done(&file);
        }
    }

    /// Ends dealing with a file none of whose records is held or in flight: it leaves, or it waits for
    /// the servers of the records that are left.
    fn close_if_done(&mut self, name: &FileName) {
        let Some(file) = self.open.get_mut(name).filter(|file| file.busy == 0) else {
            return;
        };
        for id in std::mem::take(&mut file.left_out) {
            if let Some(lane) = self.lanes.get_mut(id.0) {
                lane.left_out = lane.left_out.saturating_sub(1);
            }
        }
        let left = |(index, route): (u32, &Route)| match route {
            Route::To(id) if file.settled & bit(index) == 0 => Some(*id),
            _ => None,
        };
        let all_settled = (0..).zip(&file.routes).all(|(index, _)| file.settled & bit(index) != 0);
        if all_settled {
            // It stays open, so that no look at the spool finds it, until it is removed.
            self.finished.push(name.clone());
            return;
        }
        let mut lanes: Vec<LaneId> = (0..).zip(&file.routes).filter_map(left).collect();
        lanes.sort_unstable();
        lanes.dedup();
        let (settled, modified_ns) = (file.settled, file.modified_ns);
        self.open.remove(name);
        if settled != 0 {
            self.marks.entry(name.clone()).or_default().settled = settled;
        }
        let place = self.place(name.clone(), modified_ns);
        for id in lanes {
            if let Some(lane) = self.lane(id) {
                lane.waiting.insert(place.clone());
            }
        }
    }

    /// Tags of all that is in flight.
    pub(crate) fn tags_in_flight(&self) -> Vec<u64> {
        self.in_flight.keys().copied().collect()
    }

    /// Number of requests in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Since when the request that is in flight for longest is.
    pub(crate) fn in_flight_since(&self) -> Option<Instant> {
        self.in_flight.values().map(|in_flight| in_flight.since).min()
    }

    /// The end of the first wait for a server that something waits for.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.lanes
            .iter()
            .filter(|lane| !lane.waiting.is_empty())
            .filter_map(|lane| lane.retry.waits_until())
            .min()
    }

    /// Whether nothing at all is known to wait.
    pub(crate) fn is_idle(&self) -> bool {
        self.unread.is_empty() && self.open.is_empty() && self.lanes.iter().all(Lane::is_idle)
    }

    /// Files of which some records are settled and others not, with a bit for each settled one.
    pub(crate) fn partly_settled(&self) -> Vec<(FileName, u64)> {
        let open = self.open.iter().map(|(name, file)| (name, file.settled));
        let marked = self.marks.iter().map(|(name, mark)| (name, mark.settled));
        open.chain(marked.filter(|(name, _)| !self.open.contains_key(name)))
            .filter(|(_, settled)| *settled != 0)
            .map(|(name, settled)| (name.clone(), settled))
            .collect()
    }

    /// Gives the memory back that a backlog took.
    pub(crate) fn shrink(&mut self) {
        self.lanes.truncate(1);
        for lane in &mut self.lanes {
            lane.held.shrink_to_fit();
        }
        self.open.shrink_to_fit();
        self.in_flight.shrink_to_fit();
        self.marks.shrink_to_fit();
        self.finished.shrink_to_fit();
    }
}

fn bit(index: u32) -> u64 {
    1_u64.checked_shl(index).unwrap_or(0)
}

#[cfg(test)]
mod tests;
