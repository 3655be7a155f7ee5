//! What all connections share.

use crate::limits::{CONNECTIONS, CONNECTIONS_OF_ONE, CONNECTIONS_OF_THIS_MACHINE};
use crate::parameters::Parameters;
use crate::passwords::Login;
use crate::rate::Paces;
use crate::readings::Readings;
use crate::trust::{Own, Trust};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use telemetry_trust::Fingerprint;
use telempull_answers::settings::Settings;
use tokio::sync::{Mutex, watch};

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    /// This machine.
    Local,
    /// Who has proven this certificate's key.
    Certificate(Fingerprint),
    /// Who has shown none.
    Nobody(IpAddr),
}

/// What all connections share. One thread.
pub(crate) struct Shared {
    settings: RefCell<Rc<Settings>>,
    pub(crate) trust: Arc<Trust>,
    pub(crate) own: Arc<Own>,
    pub(crate) parameters: RefCell<Parameters>,
    pub(crate) readings: Readings,
    pub(crate) paces: RefCell<Paces<Peer>>,
    /// A password that was right, and the file in which: comparing it is slow on purpose.
    pub(crate) known_login: RefCell<Option<(Login, Vec<u8>)>>,
    /// Who compares passwords: one at a time.
    pub(crate) comparing: Mutex<()>,
    pub(crate) stopping: watch::Sender<bool>,
    changes: watch::Sender<()>,
    connections: Cell<usize>,
    by_peer: RefCell<HashMap<Peer, usize>>,
    last_activity: Cell<Instant>,
}

/// A connection that is there. It is gone when this is.
pub(crate) struct Counted {
    shared: Rc<Shared>,
    peer: Option<Peer>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, trust: Arc<Trust>, own: Arc<Own>) -> Self {
        let readings = Readings::new(&settings.run_dir);
        Self {
            settings: RefCell::new(Rc::new(settings)),
            trust,
            own,
            parameters: RefCell::default(),
            readings,
            paces: RefCell::new(Paces::new()),
            known_login: RefCell::default(),
            comparing: Mutex::default(),
            stopping: watch::Sender::new(false),
            changes: watch::Sender::new(()),
            connections: Cell::new(0),
            by_peer: RefCell::default(),
            last_activity: Cell::new(Instant::now()),
        }
    }

    pub(crate) fn settings(&self) -> Rc<Settings> {
        Rc::clone(&self.settings.borrow())
    }

    /// Obeys other settings from now on.
    pub(crate) fn obey(&self, settings: Settings) {
        self.trust.obey(&settings);
        *self.settings.borrow_mut() = Rc::new(settings);
        self.changes.send_replace(());
    }

    /// Says when other settings hold.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Counts a connection; none if there are too many.
    pub(crate) fn count(self: &Rc<Self>) -> Option<Counted> {
        self.last_activity.set(Instant::now());
        if self.connections.get() >= CONNECTIONS {
            return None;
        }
        self.connections.set(self.connections.get() + 1);
        Some(Counted { shared: Rc::clone(self), peer: None })
    }

    /// Since when nobody has asked; none while a connection is there.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        (self.connections.get() == 0).then(|| self.last_activity.get())
    }
}

impl Counted {
    /// Counts it as one of somebody's; whether he may have so many.
    pub(crate) fn is_of(&mut self, peer: Peer) -> bool {
        let mut by_peer = self.shared.by_peer.borrow_mut();
        let count = by_peer.entry(peer).or_default();
        *count += 1;
        self.peer = Some(peer);
        *count <= if peer == Peer::Local { CONNECTIONS_OF_THIS_MACHINE } else { CONNECTIONS_OF_ONE }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.shared.connections.set(self.shared.connections.get().saturating_sub(1));
        self.shared.last_activity.set(Instant::now());
        let Some(peer) = self.peer else { return };
        let mut by_peer = self.shared.by_peer.borrow_mut();
        if let Some(count) = by_peer.get_mut(&peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_peer.remove(&peer);
            }
        }
    }
}
