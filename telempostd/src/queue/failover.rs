//! Which server of a list a record goes to: a value, asked at each sending.
//!
//! One of the list is active. Each has a wait of its own (`backoff`).
//!
//! ```text
//! state         event                                                    then
//! active k      a record is taken, or rejected                           clock off
//!               a failure                                                clock on, if it was off
//!               clock on for `after` and 2 tries failed, or the server   active = the next in order whose wait is over
//!               asks for a wait longer than `after`
//!               as before, and all wait                                  active = the first whose wait ends
//! active k > 1  the wait of an earlier one is over, a record is due      that record is its probe; one a minute at most
//!               an earlier one took 3 probes over `back`, no failure     active = it
//!               between
//! any           a probe failed                                           count anew
//! any           nothing was sent for an hour                             the next record tries the first
//! ```

use super::backoff::{Allowance, Backoff};
use super::outage::Outage;
use std::time::{Duration, Instant};

/// Shortest time between two probes.
const PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// Probes that a server has to take before it is the active one again.
const PROBES: u32 = 3;

/// Tries that a server has to fail before another one takes its place, so that one lost packet moves nothing.
const FAILED_TRIES: u32 = 2;

/// After so long without a record to send nothing is known any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// How long a server of the list may fail, and has to work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FailoverRules {
    /// `failover_after`.
    pub(crate) after: Duration,
    /// `failback_after`, times what chance chose for this machine, so that a fleet does not come back together.
    pub(crate) back: Duration,
}

/// What a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Its server's place in the list.
    pub(super) server: usize,
    epoch: u64,
    is_probe: bool,
}

/// Another server is the active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerChange {
    /// Place in the list of the one before.
    pub(crate) from: usize,
    /// Place of the one from now on.
    pub(crate) to: usize,
}

/// Probes that a server took without a failure between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Probes {
    /// How many.
    pub(crate) taken: u32,
    /// Since when.
    pub(crate) since: Option<Instant>,
}

/// What is known of a server of the list, to be kept over an idle exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerMemory {
    /// Tries that failed since the last that did not.
    pub(crate) failures: u32,
    /// The end of its wait.
    pub(crate) wait_end: Option<Instant>,
    /// Its probes.
    pub(crate) probes: Probes,
}

/// What is known of a list, likewise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FailoverMemory {
    /// Place of the active one.
    pub(crate) active: usize,
    /// Since when that has failed.
    pub(crate) failing_since: Option<Instant>,
    /// Whether it asked for a longer wait than it is given.
    pub(crate) asks_for_longer: bool,
    /// When a probe was last sent.
    pub(crate) last_probe: Option<Instant>,
    /// When anything was.
    pub(crate) last_request: Option<Instant>,
    /// The servers in their order.
    pub(crate) servers: Vec<ServerMemory>,
}

#[derive(Clone, Debug)]
struct Server {
    backoff: Backoff,
    probes: Probes,
}

/// The servers of a list, of which one is active; or the one server of a record's own configuration.
#[derive(Clone, Debug)]
pub(super) struct Failover {
    servers: Vec<Server>,
    rules: FailoverRules,
    active: usize,
    failing_since: Option<Instant>,
    asks_for_longer: bool,
    /// The server that has a probe in flight.
    probing: Option<usize>,
    last_probe: Option<Instant>,
    last_request: Option<Instant>,
    change: Option<ServerChange>,
}

impl Failover {
    /// So many servers of which nothing is known.
    pub(super) fn new(count: usize, rules: FailoverRules) -> Self {
        let server = Server { backoff: Backoff::new(), probes: Probes::default() };
        Self {
            servers: vec![server; count.max(1)],
            rules,
            active: 0,
            failing_since: None,
            asks_for_longer: false,
            probing: None,
            last_probe: None,
            last_request: None,
            change: None,
        }
    }

    fn allowance_of(&self, server: usize, now: Instant) -> Allowance {
        self.servers.get(server).map_or(Allowance::None, |server| server.backoff.allowance(now))
    }

    fn wait_end_of(&self, server: usize) -> Option<Instant> {
        self.servers.get(server).and_then(|server| server.backoff.wait_end())
    }

    fn failures_of(&self, server: usize) -> u32 {
        self.servers.get(server).map_or(0, |server| server.backoff.failures())
    }

    /// When the active server has failed for long enough, if it goes on failing.
    fn end_of_patience(&self) -> Option<Instant> {
        let has_failed = self.servers.len() > 1 && self.failures_of(self.active) >= FAILED_TRIES;
        self.failing_since.filter(|_| has_failed).map(|since| since + self.rules.after)
    }

    fn is_given_up(&self, now: Instant) -> bool {
        self.servers.len() > 1
            && (self.asks_for_longer || self.end_of_patience().is_some_and(|end| now >= end))
    }

    /// The server that a record goes to now, or once its wait is over.
    fn active_at(&self, now: Instant) -> usize {
        let is_forgotten = self.last_request.is_some_and(|last| now >= last + FORGOTTEN_AFTER);
        if is_forgotten && self.allowance_of(0, now) != Allowance::None {
            return 0;
        }
        if !self.is_given_up(now) {
            return self.active;
        }
        let count = self.servers.len();
        let others = (1..count).map(|step| (self.active + step) % count);
        let all_wait = || (0..count).min_by_key(|server| (self.wait_end_of(*server), *server));
        others
            .into_iter()
            .find(|server| self.allowance_of(*server, now) != Allowance::None)
            .or_else(all_wait)
            .unwrap_or(self.active)
    }

    /// The earlier server that the next record is to find out about.
    fn probe_due(&self, now: Instant) -> Option<usize> {
        let is_early = self.last_probe.is_some_and(|last| now < last + PROBE_INTERVAL);
        if self.probing.is_some() || is_early {
            return None;
        }
        let may_be_sent =
            |server: &usize| matches!(self.allowance_of(*server, now), Allowance::One | Allowance::Many);
        (0..self.active_at(now)).find(may_be_sent)
    }

    /// Whether the next record is a probe, which goes besides what the active server is sent.
    pub(super) fn is_probe_due(&self, now: Instant) -> bool {
        self.probe_due(now).is_some()
    }

    /// How many requests may be in flight now.
    pub(super) fn allowance(&self, now: Instant) -> Allowance {
        match self.allowance_of(self.active_at(now), now) {
            Allowance::None | Allowance::OneSent if self.is_probe_due(now) => Allowance::One,
            allowance => allowance,
        }
    }

    /// When a record may be sent that may not be now.
    pub(super) fn wait_end(&self, now: Instant) -> Option<Instant> {
        let end = self.wait_end_of(self.active_at(now));
        let patience = self.end_of_patience().filter(|patience| *patience > now);
        match (end, patience) {
            (Some(end), Some(patience)) => Some(end.min(patience)),
            (end, _) => end,
        }
    }

    /// Whether there is no server of the list that might still take what another one failed over.
    pub(super) fn have_all_failed(&self) -> bool {
        self.servers.len() == 1 || self.servers.iter().all(|server| server.backoff.failures() > 0)
    }

    /// Takes note that a request is sent, and says where to.
    pub(super) fn note_request(&mut self, now: Instant) -> Sent {
        let probed = self.probe_due(now);
        let server = probed.unwrap_or_else(|| self.active_at(now));
        match probed {
            Some(server) => {
                self.probing = Some(server);
                self.last_probe = Some(now);
            }
            None => self.activate(server),
        }
        self.last_request = Some(now);
        let epoch = self.servers.get_mut(server).map_or(0, |server| server.backoff.note_request());
        Sent { server, epoch, is_probe: probed.is_some() }
    }

    fn activate(&mut self, server: usize) {
        if server == self.active {
            return;
        }
        // Of two changes that nobody has asked about, it is where the first began that counts.
        let from = self.change.map_or(self.active, |change| change.from);
        self.change = Some(ServerChange { from, to: server }).filter(|change| change.from != change.to);
        self.active = server;
        self.failing_since = None;
        self.asks_for_longer = false;
        for server in &mut self.servers {
            server.probes = Probes::default();
        }
    }

    /// The server took or rejected a record.
    pub(super) fn note_success(&mut self, sent: Sent, now: Instant) -> Option<Outage> {
        let server = self.servers.get_mut(sent.server)?;
        let outage = server.backoff.note_success(sent.epoch);
        if sent.is_probe {
            self.probing = None;
            server.probes.taken = server.probes.taken.saturating_add(1);
            let since = *server.probes.since.get_or_insert(now);
            let has_proven = server.probes.taken >= PROBES && now >= since + self.rules.back;
            if has_proven && sent.server < self.active {
                self.activate(sent.server);
            }
        } else if sent.server == self.active {
            self.failing_since = None;
            self.asks_for_longer = false;
        }
        outage
    }

    /// A request failed; `was_tried` if the server, or the way to it, is what failed. `chance` is from 0 to below 1.
    pub(super) fn note_failure(
        &mut self,
        sent: Sent,
        retry_after: Option<Duration>,
        was_tried: bool,
        now: Instant,
        chance: f64,
    ) -> Option<Outage> {
        let server = self.servers.get_mut(sent.server)?;
        let outage = server.backoff.note_failure(sent.epoch, retry_after, now, chance);
        if sent.is_probe {
            self.probing = None;
            server.probes = Probes::default();
        } else if sent.server == self.active && was_tried {
            self.failing_since.get_or_insert(now);
            self.asks_for_longer |= retry_after.is_some_and(|wait| wait > self.rules.after);
        }
        outage
    }

    /// Nothing came of a request, and nothing is known by that.
    pub(super) fn note_nothing(&mut self, sent: Sent) {
        if sent.is_probe {
            self.probing = None;
        }
        if let Some(server) = self.servers.get_mut(sent.server) {
            server.backoff.note_nothing(sent.epoch);
        }
    }

    /// The change that happened since this was last asked.
    pub(super) fn take_change(&mut self) -> Option<ServerChange> {
        self.change.take()
    }

    /// What is known.
    pub(super) fn memory(&self) -> FailoverMemory {
        let of_server = |server: &Server| ServerMemory {
            failures: server.backoff.failures(),
            wait_end: server.backoff.wait_end(),
            probes: server.probes,
        };
        FailoverMemory {
            active: self.active,
            failing_since: self.failing_since,
            asks_for_longer: self.asks_for_longer,
            last_probe: self.last_probe,
            last_request: self.last_request,
            servers: self.servers.iter().map(of_server).collect(),
        }
    }

    /// Goes on from what was known; what is about another list is not taken.
    pub(super) fn restore(&mut self, memory: &FailoverMemory) {
        if memory.servers.len() != self.servers.len() || memory.active >= self.servers.len() {
            return;
        }
        for (server, known) in self.servers.iter_mut().zip(&memory.servers) {
            server.backoff = Backoff::restored(known.failures, known.wait_end);
            server.probes = known.probes;
        }
        self.active = memory.active;
        self.failing_since = memory.failing_since;
        self.asks_for_longer = memory.asks_for_longer;
        self.last_probe = memory.last_probe;
        self.last_request = memory.last_request;
    }
}

#[cfg(test)]
mod tests;
