//! The files of the queue: one map from a file to what is known of it, and the orders that follow from the map.
//!
//! ```text
//!            found            read                    all settled
//!   (unknown) ───▶ Unread ──────────▶ Open ─────────────────────────▶ (unknown: removed)
//!                    ▲                │  ▲
//!      found again,  │         closed │  │ read again
//!      if no lane    │                ▼  │
//!                    └────────── Waiting(lanes)
//! ```
//!
//! A file stands in the order of the unread while it is `Unread`, in that of each of its lanes while it is `Waiting`, and in
//! none while it is `Open`. [`Files::update`] alone changes what this depends on, and puts it right in all orders.
//!
//! 50,000 files take about 8 MB: through an outage nearly all of them wait without a history, so what is rarely there stands
//! in a box of its own.

use super::file_name::FileName;
use super::lane::{LaneId, LaneSet};
use super::position::Position;
use std::collections::{BTreeMap, BTreeSet};
use telemetry_store::limits::RECORDS_PER_FILE;

// A bit for each record.
const _: () = assert!(RECORDS_PER_FILE <= u64::BITS as usize);

/// What is to be done with a record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// It goes to this server.
    To(LaneId),
    /// It is settled already, without a server.
    Settled,
    /// There is no room for its server now; the next scan of the spool finds it again.
    Later,
}

impl Route {
    /// To the system's server.
    pub(crate) const SYSTEM: Route = Route::To(LaneId::SYSTEM);
}

/// A file whose records are being dealt with.
#[derive(Debug, Default)]
pub(super) struct OpenFile {
    /// Where each record goes.
    pub(super) routes: Vec<Route>,
    /// Records that are held or in flight.
    pub(super) busy: usize,
    /// Lanes that had no room for a record of it. For the sake of order they hold nothing of a later file
    /// before this one is read again.
    pub(super) left_out: LaneSet,
}

#[derive(Debug)]
enum Stage {
    Unread,
    /// For these servers. With none it waits to be found again, and its history is remembered.
    Waiting(LaneSet),
    Open(Box<OpenFile>),
}

/// What happened to the records of a file so far.
#[derive(Debug, Default)]
struct History {
    put_back: u16,
    /// A bit for each record that is settled.
    settled: u64,
    /// Since which failure of a server it has been known as too old.
    too_old_since: Option<u64>,
}

#[derive(Debug)]
struct FileState {
    modified_ns: i64,
    stage: Stage,
    history: Option<Box<History>>,
}

impl FileState {
    fn position(&self, name: &FileName) -> Position {
        let put_back = self.history.as_ref().map_or(0, |history| history.put_back);
        Position { put_back, modified_ns: self.modified_ns, name: name.clone() }
    }

    fn history(&mut self) -> &mut History {
        self.history.get_or_insert_default()
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    fn waits_to_be_found(&self) -> bool {
        matches!(self.stage, Stage::Waiting(lanes) if lanes.is_empty())
    }
}

/// The orders: which files stand where.
#[derive(Debug, Default)]
struct Orders {
    unread: BTreeSet<Position>,
    /// By lane.
    waiting: Vec<BTreeSet<Position>>,
}

impl Orders {
    /// Changes the orders that a file in this stage stands in.
    fn change(&mut self, stage: &Stage, mut change: impl FnMut(&mut BTreeSet<Position>)) {
        match stage {
            Stage::Unread => change(&mut self.unread),
            Stage::Open(_) => {}
            Stage::Waiting(lanes) => {
                for LaneId(lane) in lanes.iter() {
                    if self.waiting.len() <= lane {
                        self.waiting.resize_with(lane + 1, BTreeSet::new);
                    }
                    self.waiting.get_mut(lane).into_iter().for_each(&mut change);
                }
            }
        }
    }

    fn insert(&mut self, name: &FileName, state: &FileState) {
        self.change(&state.stage, |order| {
            order.insert(state.position(name));
        });
    }

    fn remove(&mut self, name: &FileName, state: &FileState) {
        self.change(&state.stage, |order| {
            order.remove(&state.position(name));
        });
    }
}

/// All files that are known.
#[derive(Debug, Default)]
pub(super) struct Files {
    states: BTreeMap<FileName, FileState>,
    orders: Orders,
    /// Number of those that are open.
    open: usize,
}

impl Files {
    /// Changes what is known of a file, and with it where it stands in the orders. One that is unknown stays so.
    fn update(&mut self, name: &FileName, change: impl FnOnce(&mut FileState)) {
        let Some(state) = self.states.get_mut(name) else {
            return;
        };
        self.orders.remove(name, state);
        self.open -= usize::from(state.is_open());
        change(state);
        self.open += usize::from(state.is_open());
        if state.waits_to_be_found() && state.history.is_none() {
            self.states.remove(name);
        } else {
            self.orders.insert(name, state);
        }
    }

    /// A file is in the spool, and was written then.
    pub(super) fn found(&mut self, name: FileName, modified_ns: i64) {
        match self.states.get(&name) {
            None => {
                let state = FileState { modified_ns, stage: Stage::Unread, history: None };
                self.orders.insert(&name, &state);
                self.states.insert(name, state);
            }
            Some(state) if state.is_open() => {}
            Some(state) if state.modified_ns == modified_ns && !state.waits_to_be_found() => {}
            Some(_) => self.update(&name, |state| {
                state.modified_ns = modified_ns;
                if state.waits_to_be_found() {
                    state.stage = Stage::Unread;
                }
            }),
        }
    }

    /// Forgets all about a file.
    pub(super) fn remove(&mut self, name: &FileName) {
        if let Some(state) = self.states.remove(name) {
            self.orders.remove(name, &state);
            self.open -= usize::from(state.is_open());
        }
    }

    /// The records of a file are being dealt with from now on.
    pub(super) fn open(&mut self, name: &FileName, settled: u64, open: OpenFile) {
        self.update(name, |state| {
            state.stage = Stage::Open(Box::new(open));
            if settled != 0 {
                state.history().settled = settled;
            }
        });
    }

    /// What is known of the records of an open file. It stands in no order, so that this can be changed as it is.
    pub(super) fn open_mut(&mut self, name: &FileName) -> Option<&mut OpenFile> {
        match &mut self.states.get_mut(name)?.stage {
            Stage::Open(open) => Some(open),
            _ => None,
        }
    }

    /// An open file waits from now on, for these servers.
    pub(super) fn close(&mut self, name: &FileName, lanes: LaneSet) {
        self.update(name, |state| state.stage = Stage::Waiting(lanes));
    }

    /// A server failed over a record of this file, perhaps through its fault: it goes behind the others.
    pub(super) fn put_back(&mut self, name: &FileName) {
        self.update(name, |state| {
            let history = state.history();
            history.put_back = history.put_back.saturating_add(1);
        });
    }

    /// A record is settled.
    pub(super) fn settle(&mut self, name: &FileName, index: u32) {
        self.update(name, |state| state.history().settled |= bit(index));
    }

    /// A file is too old from now on, which is after this failure.
    pub(super) fn set_too_old(&mut self, name: &FileName, failure: u64) {
        self.update(name, |state| {
            state.history().too_old_since.get_or_insert(failure);
        });
    }

    /// Files that are known as too old, since which failure, and what they wait for.
    pub(super) fn too_old(&self) -> impl Iterator<Item = (&FileName, u64, LaneSet)> {
        self.states.iter().filter_map(|(name, state)| match state.stage {
            Stage::Waiting(lanes) => Some((name, state.history.as_ref()?.too_old_since?, lanes)),
            _ => None,
        })
    }

    /// A bit for each settled record of a file.
    pub(super) fn settled_bits(&self, name: &FileName) -> u64 {
        self.states.get(name).and_then(|state| state.history.as_ref()).map_or(0, |history| history.settled)
    }

    /// Whether a file is known, and was written then.
    pub(super) fn knows(&self, name: &FileName, modified_ns: i64) -> bool {
        self.states.get(name).is_some_and(|state| state.modified_ns == modified_ns)
    }

    /// Where a file stands, or would stand if it were not open.
    pub(super) fn position(&self, name: &FileName) -> Option<Position> {
        self.states.get(name).map(|state| state.position(name))
    }

    /// Whether the records of a file are being dealt with.
    pub(super) fn is_open(&self, name: &FileName) -> bool {
        self.states.get(name).is_some_and(FileState::is_open)
    }

    /// The first file that is unread.
    pub(super) fn first_unread(&self) -> Option<&Position> {
        self.orders.unread.first()
    }

    /// The first file that waits for this server.
    pub(super) fn first_waiting(&self, lane: LaneId) -> Option<&Position> {
        self.orders.waiting.get(lane.0)?.first()
    }

    /// The first file of all that are unread or wait for a server.
    pub(super) fn first(&self) -> Option<&Position> {
        let waiting = self.orders.waiting.iter().filter_map(BTreeSet::first);
        self.first_unread().into_iter().chain(waiting).min()
    }

    /// Whether no file is unread, open, or waits for a server.
    pub(super) fn is_idle(&self) -> bool {
        self.open == 0 && self.first().is_none()
    }

    /// Files of which some records are settled, with a bit for each of them.
    pub(super) fn partly_settled(&self) -> impl Iterator<Item = (&FileName, u64)> {
        self.states.iter().filter_map(|(name, state)| {
            let settled = state.history.as_ref()?.settled;
            (settled != 0).then_some((name, settled))
        })
    }

    /// Gives memory back.
    pub(super) fn shrink(&mut self) {
        while self.orders.waiting.pop_if(|order| order.is_empty()).is_some() {}
        self.orders.waiting.shrink_to_fit();
    }
}

/// The bit of a record in `settled`.
pub(super) fn bit(index: u32) -> u64 {
    1_u64.checked_shl(index).unwrap_or(0)
}

#[cfg(test)]
impl Files {
    /// Whether nothing at all is known.
    pub(super) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Checks that the orders are exactly what follows from the map.
    pub(super) fn check(&self) {
        let mut expected = Orders::default();
        self.states.iter().for_each(|(name, state)| expected.insert(name, state));
        assert_eq!(self.orders.unread, expected.unread);
        let longest = self.orders.waiting.len().max(expected.waiting.len());
        let empty = BTreeSet::new();
        for lane in 0..longest {
            let [known, right] =
                [&self.orders, &expected].map(|orders| orders.waiting.get(lane).unwrap_or(&empty));
            assert_eq!(known, right, "of lane {lane}");
        }
        assert_eq!(self.open, self.states.values().filter(|state| state.is_open()).count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn a_file_without_history_takes_at_most_56_bytes_in_the_map() {
        assert!(size_of::<(FileName, FileState)>() <= 56);
    }

    #[test]
    fn a_file_that_is_written_again_has_one_position() {
        let mut files = Files::default();
        let name = FileName::from(OsStr::new("aB3xY9"));
        for modified_ns in [1, 2, 3] {
            files.found(name.clone(), modified_ns);
            files.check();
        }
        assert_eq!(files.first().map(|position| position.modified_ns), Some(3));
        files.remove(&name);
        assert!(files.is_empty() && files.is_idle());
    }
}
