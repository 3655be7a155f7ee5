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
//! 50,000 files take about 3.5 MB: through an outage nearly all of them wait for one server without a history, which stands in
//! their slots (`slots`), and what is rarely there elsewhere. Orders have the numbers of the files, and no names.

use super::file_name::FileName;
use super::file_state::{FileState, History, OpenFile, Stage};
use super::lane::{LaneId, LaneSet};
use super::orders::{Key, Orders, Standing};
use super::position::Position;
use super::slots::{Brief, Number, Slots};
use std::collections::BTreeMap;
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

/// All files that are known.
#[derive(Debug, Default)]
pub(super) struct Files {
    slots: Slots,
    /// The files of which there is more to say than their slots can.
    states: BTreeMap<Number, Box<FileState>>,
    orders: Orders,
    /// Number of those that are open.
    open: usize,
}

impl Files {
    /// Takes what is known of a file, to change it. It has to be put back, or the file removed.
    fn take(&mut self, number: Number) -> Option<Box<FileState>> {
        let slot = self.slots.get(number)?;
        let stage = match slot.brief {
            Brief::Elsewhere => return self.states.remove(&number),
            Brief::Unread => Stage::Unread,
            Brief::Waiting(lane) => Stage::Waiting(LaneSet::from_lane(lane)),
        };
        Some(Box::new(FileState { modified_ns: slot.modified_ns, stage, history: History::default() }))
    }

    fn put(&mut self, number: Number, state: Box<FileState>) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.modified_ns = state.modified_ns;
            slot.brief = state.brief();
            if slot.brief == Brief::Elsewhere {
                self.states.insert(number, state);
            }
        }
    }

    /// Changes what is known of a file, and with it where it stands in the orders. One that is unknown stays so.
    fn update(&mut self, name: &FileName, change: impl FnOnce(&mut FileState)) {
        let Some(number) = self.slots.find(name) else {
            return;
        };
        let Some(mut state) = self.take(number) else {
            return;
        };
        self.orders.remove(state.key(number), state.standing());
        self.open -= usize::from(state.is_open());
        change(&mut state);
        self.open += usize::from(state.is_open());
        if state.waits_to_be_found() && !state.has_history() {
            self.slots.remove(number);
        } else {
            self.orders.insert(state.key(number), state.standing());
            self.put(number, state);
        }
    }

    /// What is known of a file beyond its slot.
    fn state(&self, name: &FileName) -> Option<&FileState> {
        self.states.get(&self.slots.find(name)?).map(Box::as_ref)
    }

    /// A file is in the spool, and was written then.
    pub(super) fn found(&mut self, name: FileName, modified_ns: i64) {
        let Some(number) = self.slots.find(&name) else {
            if let Some(number) = self.slots.insert(name, modified_ns) {
                self.orders.insert(Key::new(0, modified_ns, number), Standing::Unread);
            }
            return;
        };
        let is_same = self.slots.get(number).is_some_and(|slot| slot.modified_ns == modified_ns);
        match self.states.get(&number) {
            Some(state) if state.is_open() => {}
            None if is_same => {}
            Some(state) if is_same && !state.waits_to_be_found() => {}
            _ => self.update(&name, |state| {
                state.modified_ns = modified_ns;
                if state.waits_to_be_found() {
                    state.stage = Stage::Unread;
                }
            }),
        }
    }

    /// A file is there, was written then, and is for the first lane's server alone.
    pub(super) fn found_waiting(&mut self, name: FileName, modified_ns: i64) {
        let lanes = LaneSet::from_lane(0);
        match self.slots.find(&name) {
            Some(number)
                if self.slots.get(number).is_some_and(|slot| {
                    slot.brief == Brief::Waiting(0) && slot.modified_ns == modified_ns
                }) => {}
            Some(_) => self.update(&name, |state| {
                if !state.is_open() {
                    state.modified_ns = modified_ns;
                    state.stage = Stage::Waiting(lanes);
                }
            }),
            None => {
                if let Some(number) = self.slots.insert(name, modified_ns) {
                    if let Some(slot) = self.slots.get_mut(number) {
                        slot.brief = Brief::Waiting(0);
                    }
                    self.orders.insert(Key::new(0, modified_ns, number), Standing::Waiting(lanes));
                }
            }
        }
    }

    /// Forgets all about a file.
    pub(super) fn remove(&mut self, name: &FileName) {
        let Some(number) = self.slots.find(name) else {
            return;
        };
        if let Some(state) = self.take(number) {
            self.orders.remove(state.key(number), state.standing());
            self.open -= usize::from(state.is_open());
        }
        self.slots.remove(number);
    }

    /// The records of a file are being dealt with from now on.
    pub(super) fn open(&mut self, name: &FileName, settled: u64, open: OpenFile) {
        self.update(name, |state| {
            state.stage = Stage::Open(Box::new(open));
            if settled != 0 {
                state.history.settled = settled;
            }
        });
    }

    /// What is known of the records of an open file. It stands in no order, so that this can be changed as it is.
    pub(super) fn open_mut(&mut self, name: &FileName) -> Option<&mut OpenFile> {
        let number = self.slots.find(name)?;
        match &mut self.states.get_mut(&number)?.stage {
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
            state.history.put_back = state.history.put_back.saturating_add(1);
        });
    }

    /// A record is settled.
    pub(super) fn settle(&mut self, name: &FileName, index: u32) {
        self.update(name, |state| state.history.settled |= bit(index));
    }

    /// A file is too old from now on, which is after this failure.
    pub(super) fn set_too_old(&mut self, name: &FileName, failure: u64) {
        self.update(name, |state| {
            state.history.too_old_since.get_or_insert(failure);
        });
    }

    /// The configuration that names the server of a file could not be read: this failure.
    pub(super) fn set_unread_configuration(&mut self, name: &FileName, failure: u64) {
        self.update(name, |state| {
            if state.history.too_old_since.is_some() {
                state.history.unread_configuration = failure;
            }
        });
    }

    /// Files that are known as too old, since which failure, what they wait for, and the last failure to find out.
    pub(super) fn too_old(&self) -> impl Iterator<Item = (FileName, u64, LaneSet, u64)> {
        self.states.iter().filter_map(|(number, state)| match state.stage {
            Stage::Waiting(lanes) => {
                let History { too_old_since, unread_configuration, .. } = state.history;
                Some((self.slots.name(*number)?, too_old_since?, lanes, unread_configuration))
            }
            _ => None,
        })
    }

    /// A bit for each settled record of a file.
    pub(super) fn settled_bits(&self, name: &FileName) -> u64 {
        self.state(name).map_or(0, |state| state.history.settled)
    }

    /// Whether a file is known, and was written then.
    pub(super) fn knows(&self, name: &FileName, modified_ns: i64) -> bool {
        self.slots
            .find(name)
            .and_then(|number| self.slots.get(number))
            .is_some_and(|slot| slot.modified_ns == modified_ns)
    }

    /// Where a file stands, or would stand if it were not open.
    pub(super) fn position(&self, name: &FileName) -> Option<Position> {
        let number = self.slots.find(name)?;
        let put_back = self.states.get(&number).map_or(0, |state| state.history.put_back);
        self.position_of(number, put_back)
    }

    fn position_of(&self, number: Number, put_back: u16) -> Option<Position> {
        let (slot, name) = (self.slots.get(number)?, self.slots.name(number)?);
        Some(Position { put_back, modified_ns: slot.modified_ns, name })
    }

    /// Whether the records of a file are being dealt with.
    pub(super) fn is_open(&self, name: &FileName) -> bool {
        self.state(name).is_some_and(FileState::is_open)
    }

    /// The first file that is unread.
    pub(super) fn first_unread(&self) -> Option<Position> {
        self.position_at(self.orders.unread.first().copied())
    }

    /// The first file that waits for this server.
    pub(super) fn first_waiting(&self, lane: LaneId) -> Option<Position> {
        self.position_at(self.orders.waiting.get(lane.0)?.first().copied())
    }

    /// The files that wait for this server, with all that they wait for.
    pub(super) fn waiting_for(&self, LaneId(lane): LaneId) -> impl Iterator<Item = (FileName, LaneSet)> {
        let order = self.orders.waiting.get(lane).into_iter().flatten();
        order.filter_map(|key| {
            let number = key.number();
            let state = self.states.get(&number).map(|state| &state.stage);
            let lanes = match (self.slots.get(number)?.brief, state) {
                (Brief::Waiting(only), _) => LaneSet::from_lane(only),
                (_, Some(Stage::Waiting(lanes))) => *lanes,
                _ => return None,
            };
            Some((self.slots.name(number)?, lanes))
        })
    }

    fn position_at(&self, key: Option<Key>) -> Option<Position> {
        let key = key?;
        self.position_of(key.number(), key.put_back())
    }

    /// Whether a file waits for this server.
    pub(super) fn is_waited_for(&self, lane: LaneId) -> bool {
        self.orders.waiting.get(lane.0).is_some_and(|order| !order.is_empty())
    }

    /// Whether no file is unread, open, or waits for a server.
    pub(super) fn is_idle(&self) -> bool {
        self.open == 0 && self.orders.first().is_none()
    }

    /// Files of which some records are settled, with a bit for each of them.
    pub(super) fn partly_settled(&self) -> impl Iterator<Item = (FileName, u64)> {
        self.states.iter().filter_map(|(number, state)| {
            let settled = state.history.settled;
            Some((self.slots.name(*number)?, settled)).filter(|(_, settled)| *settled != 0)
        })
    }

    /// Gives memory back.
    pub(super) fn shrink(&mut self) {
        self.orders.shrink();
        self.slots.shrink();
    }
}

/// The bit of a record in `settled`.
pub(super) fn bit(index: u32) -> u64 {
    1_u64.checked_shl(index).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    impl Files {
        /// The first file of all that are unread or wait for a server.
        pub(in crate::queue) fn first(&self) -> Option<Position> {
            self.position_at(self.orders.first())
        }

        /// Whether nothing at all is known.
        pub(in crate::queue) fn is_empty(&self) -> bool {
            self.slots.numbers().next().is_none()
        }

        /// Checks that the orders are exactly what follows from what is known of each file.
        pub(in crate::queue) fn check(&mut self) {
            let mut expected = Orders::default();
            let mut open = 0;
            for number in self.slots.numbers().collect::<Vec<_>>() {
                let state = self.take(number).unwrap();
                expected.insert(state.key(number), state.standing());
                open += usize::from(state.is_open());
                self.put(number, state);
            }
            assert_eq!(self.orders.unread, expected.unread);
            let longest = self.orders.waiting.len().max(expected.waiting.len());
            let empty = std::collections::BTreeSet::new();
            for lane in 0..longest {
                let [known, right] =
                    [&self.orders, &expected].map(|orders| orders.waiting.get(lane).unwrap_or(&empty));
                assert_eq!(known, right, "of lane {lane}");
            }
            assert_eq!(self.open, open);
            assert!(self.states.keys().all(|number| self.slots.name(*number).is_some()));
        }
    }

    #[test]
    fn a_file_that_waits_unread_stands_in_the_order_of_its_server() {
        let mut files = Files::default();
        let name = FileName::from(OsStr::new("aB3xY9"));
        for modified_ns in [1, 2, 2] {
            files.found_waiting(name.clone(), modified_ns);
            files.check();
            assert!(files.first_unread().is_none() && files.is_waited_for(LaneId::SYSTEM));
        }
        files.open(&name, 0, OpenFile::default());
        files.found_waiting(name.clone(), 3);
        files.check();
        assert!(files.is_open(&name));
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
