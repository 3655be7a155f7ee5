//! What is known of one file of the queue.

use super::files::Route;
use super::lane::LaneSet;
use super::orders::{Key, Standing};
use super::slots::{Brief, Number};

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

/// What is known of what is to be done with a file.
#[derive(Debug)]
pub(super) enum Stage {
    /// It has to be read.
    Unread,
    /// For these servers. With none it waits to be found again, and its history is remembered.
    Waiting(LaneSet),
    /// It was read, and its records are being dealt with.
    Open(Box<OpenFile>),
}

/// What happened to the records of a file so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    /// How often a server failed over a record of it.
    pub(super) put_back: u16,
    /// A bit for each record that is settled.
    pub(super) settled: u64,
    /// Since which failure of a server it has been known as too old.
    pub(super) too_old_since: Option<u64>,
    /// The last failure to read the configuration that names its server, of those since it is too old.
    pub(super) unread_configuration: u64,
}

/// All that is known of a file.
#[derive(Debug)]
pub(super) struct FileState {
    /// When it was written.
    pub(super) modified_ns: i64,
    /// What is to be done with it.
    pub(super) stage: Stage,
    /// What happened to it.
    pub(super) history: History,
}

impl FileState {
    /// Whether its records are being dealt with.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    /// Whether it waits for no server.
    pub(super) fn waits_to_be_found(&self) -> bool {
        matches!(self.stage, Stage::Waiting(lanes) if lanes.is_empty())
    }

    /// Whether anything happened to its records.
    pub(super) fn has_history(&self) -> bool {
        self.history != History::default()
    }

    /// Where it stands in an order.
    pub(super) fn key(&self, number: Number) -> Key {
        Key::new(self.history.put_back, self.modified_ns, number)
    }

    /// In which orders it stands.
    pub(super) fn standing(&self) -> Standing {
        match self.stage {
            Stage::Unread => Standing::Unread,
            Stage::Waiting(lanes) => Standing::Waiting(lanes),
            Stage::Open(_) => Standing::Nowhere,
        }
    }

    /// It in short, if there is no more to it.
    pub(super) fn brief(&self) -> Brief {
        match self.stage {
            _ if self.has_history() => Brief::Elsewhere,
            Stage::Unread => Brief::Unread,
            Stage::Waiting(lanes) => lanes.only().map_or(Brief::Elsewhere, Brief::Waiting),
            Stage::Open(_) => Brief::Elsewhere,
        }
    }
}
