//! Servers of `server_copy`, which get every record besides the list's. Each has a queue of its own over the same files:
//!
//! ```text
//!                ┌─▶ the list's queue ──▶ settled, expired, over budget ─┐
//!  spool/FILE ───┤                                                       ├─▶ the copy has it: FILE is removed
//!                └─▶ a copy's queue ────▶ taken ─────────────────────────┤
//!                         ▲                                              └─▶ it has not: FILE moves to .copy/HASH/
//!                         └───────────────────────── .copy/HASH/FILE ◀───────────┘
//! ```
//!
//! So while all keep up nothing is written for a copy, and one that is away costs the list a link for each file, whose directory
//! is synced once for all files of a commit. Its folder has a budget and an expiry of its own.

mod behind;
mod leaving;
mod once;
mod others;
mod server;
mod unlogged;

use crate::accounting::Accounting;
use crate::clock::Clock;
use crate::queue::{FileName, InFlight, NextSend, Outage, Permission, Queue, RetryAdvice};
use crate::settings::Settings;
use once::{Once, RecordInFile};
use others::remove_others;
use server::CopyServer;
use std::ffi::OsString;
use std::rc::Rc;
use std::time::{Duration, Instant};
use telemetry_record::hex_id::HexId;
use telemetry_store::spool::Reader as SpoolReader;
use telemetry_store::spool::StoredRecord;

/// Where the number of a copy stands in the tags of its requests; the list has none.
const TAG_SHIFT: u32 = 56;

/// One of the copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CopyId(usize);

impl CopyId {
    /// Whose request this is; none for the list's.
    pub(crate) fn from_tag(tag: u64) -> Option<Self> {
        usize::try_from(tag >> TAG_SHIFT).ok()?.checked_sub(1).map(Self)
    }
}

/// All copies.
#[derive(Debug)]
pub(crate) struct Copies {
    spool: Rc<SpoolReader>,
    servers: Vec<CopyServer>,
    once: Once,
    expiry: Duration,
    /// Whether files stay in the spool since they could not be kept for a copy.
    holds_files: bool,
}

/// What comes of the next record for a copy.
#[derive(Debug)]
pub(crate) enum CopySend {
    /// It is in flight, and to be posted; `counts` if the rate limits are to count it by that.
    Send {
        /// Its tag.
        tag: u64,
        /// Whether nobody was sent it before.
        counts: bool,
    },
    /// The rate limits dropped it just now.
    Dropped(Box<StoredRecord>),
    /// It is not sent now, and the next one may be.
    Skipped,
    /// There is none.
    Nothing,
}

impl Copies {
    /// Goes on with what waits for the copies of these settings, and removes what waits for any other.
    pub(crate) fn open(
        settings: &Settings,
        spool: Rc<SpoolReader>,
        clock: &mut Clock,
        accounting: &mut Accounting,
        now: Instant,
    ) -> Self {
        remove_others(settings, &spool, accounting, now);
        let wanted = settings.copies.iter().filter(|_| settings.server_delivery_enabled);
        let mut once = Once::default();
        let mut servers = Vec::new();
        for (number, settings_of_it) in (1_u64..).zip(wanted) {
            let (server, limit) = (settings_of_it.clone(), settings.copy_max_bytes);
            let mut server = CopyServer::open(server, number << TAG_SHIFT, limit, &spool, accounting, now);
            server.find_behind(clock, &mut once);
            servers.push(server);
        }
        let mut copies = Self { spool, servers, once, expiry: settings.copy_expiry, holds_files: false };
        copies.read_unlogged(settings.copies.is_empty());
        copies.keep_budgets(accounting, now);
        copies
    }

    /// Whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        self.servers.is_empty()
    }

    /// All of them.
    pub(crate) fn ids(&self) -> impl Iterator<Item = CopyId> + use<> {
        (0..self.servers.len()).map(CopyId)
    }

    /// The queue of one of them.
    pub(crate) fn queue(&self, CopyId(index): CopyId) -> Option<&Queue<StoredRecord>> {
        self.servers.get(index).map(|server| &server.queue)
    }

    /// The same, to change it.
    pub(crate) fn queue_mut(&mut self, CopyId(index): CopyId) -> Option<&mut Queue<StoredRecord>> {
        self.servers.get_mut(index).map(|server| &mut server.queue)
    }

    /// All queues.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &Queue<StoredRecord>> {
        self.servers.iter().map(|server| &server.queue)
    }

    /// A file is in the spool.
    pub(crate) fn found(&mut self, file: &FileName, modified_ns: i64, clock: &mut Clock) {
        if self.is_none() {
            return;
        }
        let is_too_old = clock.is_older(file, modified_ns, self.expiry);
        for server in &mut self.servers {
            server.found(file, modified_ns, is_too_old);
        }
    }

    /// The list has read a file: which of its records copies get.
    pub(crate) fn note_read(
        &mut self,
        file: &FileName,
        records: impl Iterator<Item = HexId>,
        for_copies: u64,
    ) {
        if !self.is_none() {
            self.once.note_read(file, &records.collect::<Vec<_>>(), for_copies);
        }
    }

    /// A scan of the spool begins.
    pub(crate) fn begin_scan(&mut self, clock: &mut Clock) {
        let Self { spool, servers, once, expiry, .. } = self;
        let is_there = |file: &FileName| spool.entry(&OsString::from(file)).is_ok();
        if servers.is_empty() {
            return;
        }
        // What somebody else removed.
        once.retain(|file| is_there(file) || servers.iter().any(|server| server.queue.is_open(file)));
        let is_behind = |file: &FileName| servers.iter().any(|server| server.behind.contains(file));
        once.unlogged.retain(|file| is_behind(file) || is_there(file));
        for server in servers {
            server.taken.retain(is_there);
            server.begin_scan(clock, *expiry);
        }
    }

    /// Whether the list's next record was counted by the rate limits when a copy was sent it.
    pub(crate) fn is_free_for_list(&self, which: Option<RecordInFile<'_>>) -> bool {
        which.is_some_and(|which| self.once.is_free_for_list(which))
    }

    /// Whether the rate limits dropped a record when a copy was to be sent it.
    pub(crate) fn is_dropped(&self, which: Option<RecordInFile<'_>>) -> bool {
        which.is_some_and(|which| self.once.is_dropped(which))
    }

    /// The list sends a record.
    pub(crate) fn note_sent_by_list(&mut self, (file, index): (FileName, u32)) {
        if !self.is_none() {
            self.once.note_sent_by_list((&file, index));
        }
    }

    /// The rate limits drop a record: no server gets it.
    pub(crate) fn note_dropped(&mut self, (file, index): (FileName, u32)) {
        if !self.is_none() {
            self.once.drop((&file, index));
        }
    }

    /// The list has delivered a record. Returns whether no copy had it before.
    pub(crate) fn is_first_of_list(&mut self, which: RecordInFile<'_>, id: HexId) -> bool {
        self.is_none() || self.once.is_first_delivery(which, id, false)
    }

    /// A copy has taken a record. Returns whether no other server had it before.
    pub(crate) fn is_first_of_copy(
        &mut self,
        CopyId(index): CopyId,
        (file, record): (FileName, u32),
        id: HexId,
    ) -> bool {
        let has_left = self.servers.get(index).is_some_and(|server| server.behind.contains(&file));
        self.once.is_first_delivery((&file, record), id, has_left)
    }

    /// The next record that a copy is sent now. `permission` is asked where nobody was sent it before.
    pub(crate) fn next_send(
        &mut self,
        CopyId(index): CopyId,
        now: Instant,
        permission: impl FnOnce(&StoredRecord) -> Permission,
    ) -> CopySend {
        let Self { servers, once, .. } = self;
        let Some(server) = servers.get_mut(index) else { return CopySend::Nothing };
        if server.hold_end.is_some_and(|end| end > now) {
            return CopySend::Nothing;
        }
        let Some((file, record)) = server.queue.next_record_in_file(now) else { return CopySend::Nothing };
        let which = (file.clone(), record);
        let (is_dropped, is_free) = match server.behind.contains(&which.0) {
            // It has left the spool, and was counted before.
            true => (false, true),
            false => (once.is_dropped((&which.0, record)), once.is_free_for_copy((&which.0, record))),
        };
        let next = server.queue.next_send(now, |record| match (is_dropped, is_free) {
            (true, _) => Permission::Drop,
            (_, true) => Permission::Send,
            _ => permission(record),
        });
        match next {
            NextSend::Send(in_flight) => CopySend::Send { tag: in_flight.tag, counts: !is_free },
            NextSend::Drop(_) if is_dropped => CopySend::Skipped,
            NextSend::Drop(record) => {
                once.drop((&which.0, which.1));
                CopySend::Dropped(Box::new(record))
            }
            NextSend::SetAside(_) => CopySend::Skipped,
            NextSend::Wait(_, wait) => {
                server.hold_end = Some(now + wait);
                CopySend::Nothing
            }
            NextSend::Nothing => CopySend::Nothing,
        }
    }

    /// A copy is sent a record that the rate limits have counted by that.
    pub(crate) fn note_sent_by_copy(&mut self, (file, index): (FileName, u32)) {
        self.once.note_sent_by_copy((&file, index));
    }

    /// Reads the next file that a copy has room for. Returns whether there was one.
    pub(crate) fn read_next(
        &mut self,
        CopyId(index): CopyId,
        accounting: &mut Accounting,
        now: Instant,
    ) -> bool {
        let Self { spool, servers, once, .. } = self;
        let Some(server) = servers.get_mut(index) else { return false };
        let Some(position) = server.queue.next_file(now) else { return false };
        server.read(&position, spool, once, accounting, now);
        true
    }

    /// Whether [`Copies::remove_expired`] may have more to do.
    pub(crate) fn may_have_expired(&self) -> bool {
        self.queues().any(Queue::may_have_expired)
    }

    /// Number of files that [`Copies::commit`] would deal with.
    pub(crate) fn finished_count(&self) -> usize {
        self.queues().map(Queue::finished_count).sum()
    }

    /// A copy has taken a record, or never will.
    pub(crate) fn settle(&mut self, id: CopyId, tag: u64, now: Instant) -> Option<Outage> {
        self.queue_mut(id)?.settle(tag, now)
    }

    /// A record is tried again.
    pub(crate) fn retry(
        &mut self,
        id: CopyId,
        tag: u64,
        advice: RetryAdvice,
        now: Instant,
        chance: f64,
    ) -> Option<Outage> {
        self.queue_mut(id)?.retry(tag, advice, now, chance)
    }

    /// The request of this tag.
    pub(crate) fn in_flight(&self, id: CopyId, tag: u64) -> Option<&InFlight<StoredRecord>> {
        self.queue(id)?.in_flight(tag)
    }

    /// Whether files stay in the spool since they could not be kept for a copy, as on a full disk.
    pub(crate) fn holds_files(&self) -> bool {
        self.holds_files
    }

    /// Number of requests in flight.
    pub(crate) fn in_flight_count(&self) -> usize {
        self.queues().map(Queue::in_flight_count).sum()
    }

    /// Whether nothing waits for any of them.
    pub(crate) fn is_idle(&self) -> bool {
        self.queues().all(Queue::is_idle)
    }

    /// When one of them may be sent something that may not be now.
    pub(crate) fn next_due(&self, now: Instant) -> Option<Instant> {
        let due =
            |server: &CopyServer| server.queue.next_due(now).max(server.hold_end.filter(|end| *end > now));
        self.servers.iter().filter_map(due).min()
    }

    /// What is known of each, for people: its URL, and how often it has failed since it last worked.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&str, u32)> {
        let failures = |server: &CopyServer| server.queue.first_server().map_or(0, |known| known.failures);
        self.servers.iter().map(move |server| (server.url.as_str(), failures(server)))
    }

    /// Gives memory back.
    pub(crate) fn shrink(&mut self) {
        for server in &mut self.servers {
            server.queue.shrink();
            server.taken.shrink_to_fit();
        }
        self.once.shrink();
    }
}
