//! `STATE_DIR/PROBE.json`: where a probe stands in its log, and what it found and telemprobd does not have yet.
//!
//! ```text
//! { "position": WHAT THE PROBE NEEDS TO GO ON,
//!   "repeats": { "groups": [ ... ] },
//!   "outbox": [ { "event_id": "5de9...", "draft": { "class": "...", "severity": 2, "payload": "..." } } ],
//!   "left_out": 0 }
//! ```

use super::limits::{ON_ITS_WAY_MS, RETRY_FIRST_MS, RETRY_LONGEST_MS, STATE_FILE_BYTES, WAITING};
use super::{Finding, RecordPaths, Repeats, UnsentRecord, stored};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use telemetry::{Client, Error, Record};
use telemetry_record::hex_id::HexId;
use telemetry_store::state_file;

/// How far sending came.
#[derive(Debug, PartialEq, Eq)]
pub enum SendStatus {
    /// Nothing waits.
    Done,
    /// Something waits for this time of the clock, in milliseconds.
    RetryAt {
        /// When.
        at_ms: u64,
    },
    /// Consent was withdrawn: nothing more may be collected.
    NoConsent,
}

/// The state of one probe, kept in its file.
#[derive(Debug)]
pub struct ProbeState<P, T> {
    path: PathBuf,
    state: State<P, T>,
    /// Whether `state` differs from what is on disk.
    changed: bool,
    /// Attempts that failed since the last one that did not.
    failures: u32,
    retry_at_ms: u64,
    /// Whether the first waiting record may be with telemprobd already.
    in_doubt: bool,
    /// Whether it may even be on its way into the spool, since the probe was killed a moment ago.
    on_its_way: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct State<P, T> {
    position: P,
    repeats: Repeats<T>,
    outbox: VecDeque<Waiting>,
    /// Records that were left out since too many waited.
    left_out: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    event_id: String,
    #[serde(rename = "draft")]
    record: UnsentRecord,
}

impl<P, T> ProbeState<P, T>
where
    P: Serialize + for<'de> Deserialize<'de> + Default,
    T: Finding + Clone,
{
    /// Opens the state of this probe, or begins one.
    ///
    /// # Errors
    /// The file is there and cannot be read. One that holds something else is no error: it is logged, and begun anew.
    pub fn open(state_dir: &Path, probe: &str) -> io::Result<Self> {
        let path = state_dir.join(format!("{probe}.json"));
        let state = match state_file::read_bounded(&path, STATE_FILE_BYTES) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                log::warn!("{}: {error}; beginning a new one", path.display());
                None
            }
            state => state?,
        };
        let in_doubt = state.is_some();
        let on_its_way = state.as_ref().is_some_and(|state: &State<P, T>| !state.outbox.is_empty());
        let state = state.unwrap_or_else(|| State {
            position: P::default(),
            repeats: Repeats::default(),
            outbox: VecDeque::new(),
            left_out: 0,
        });
        Ok(Self { path, state, changed: false, failures: 0, retry_at_ms: 0, in_doubt, on_its_way })
    }

    /// Where another probe stands, for whoever has to know what that one has sent; none if it has no state.
    ///
    /// # Errors
    /// As the system says; `InvalidData` if the file holds something else.
    pub fn read_position(state_dir: &Path, probe: &str) -> io::Result<Option<P>> {
        #[derive(Deserialize)]
        struct OnlyPosition<P> {
            position: P,
        }
        let path = state_dir.join(format!("{probe}.json"));
        let state: Option<OnlyPosition<P>> = state_file::read_bounded(&path, STATE_FILE_BYTES)?;
        Ok(state.map(|state| state.position))
    }

    /// Where the probe stands in its log.
    pub fn position(&self) -> &P {
        &self.state.position
    }

    /// Where the probe stands, to be moved. It is written with the next finding, after [`ProbeState::touch`], or by
    /// [`ProbeState::save`].
    pub fn position_mut(&mut self) -> &mut P {
        &mut self.state.position
    }

    /// The position has something that must be written soon.
    pub fn touch(&mut self) {
        self.changed = true;
    }

    /// Counts what happened again; false if it has to be noted. See [`Repeats::counts`].
    pub fn counts(&mut self, key: &str, happened_ms: u64) -> bool {
        let counts = self.state.repeats.counts(key, happened_ms);
        self.changed |= counts;
        counts
    }

    /// Takes a finding that happened at one time and was read at another; see [`Repeats`].
    pub fn note(&mut self, finding: T, happened_ms: u64, now_ms: u64) {
        self.changed = true;
        let due = self.state.repeats.note(finding, happened_ms, now_ms);
        self.enqueue(due);
    }

    /// Readies what is due at this time.
    pub fn settle(&mut self, now_ms: u64) {
        let due = self.state.repeats.due(now_ms);
        self.enqueue(due);
    }

    /// Readies everything: the log ends here, as at a reboot.
    pub fn settle_all(&mut self) {
        let held = self.state.repeats.flush();
        self.enqueue(held);
    }

    /// Forgets which windows run, which are of the clock of a boot.
    pub fn forget_windows(&mut self) {
        self.settle_all();
        self.state.repeats = Repeats::default();
    }

    /// When [`ProbeState::settle`] or [`ProbeState::send_waiting`] has something to do next; none: not until something is found.
    pub fn next_due_ms(&self) -> Option<u64> {
        let retry_ms = (!self.state.outbox.is_empty()).then_some(self.retry_at_ms);
        self.state.repeats.next_due_ms().into_iter().chain(retry_ms).min()
    }

    fn enqueue(&mut self, due: impl IntoIterator<Item = (T, u64)>) {
        for (finding, count) in due {
            self.changed = true;
            if self.state.outbox.len() >= WAITING {
                self.state.left_out += 1;
                // Whoever makes programs fail can cause this without end: fewer lines the more there are.
                if self.state.left_out.is_power_of_two() {
                    let left_out = self.state.left_out;
                    log::warn!("{WAITING} records wait for telemprobd; left out until now: {left_out}");
                }
                continue;
            }
            match HexId::random() {
                Ok(id) => {
                    let waiting = Waiting { event_id: id.to_string(), record: finding.record(count) };
                    self.state.outbox.push_back(waiting);
                }
                Err(error) => log::error!("a record is left out: no random bytes from the system: {error}"),
            }
        }
    }

    /// Writes the file if something was found or sent since the last time.
    ///
    /// # Errors
    /// As the system says. What is found goes on being kept in memory.
    pub fn save_if_changed(&mut self) -> io::Result<()> {
        if self.changed { self.save() } else { Ok(()) }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As [`ProbeState::save_if_changed`].
    pub fn save(&mut self) -> io::Result<()> {
        state_file::write_private(&self.path, &self.state)?;
        self.changed = false;
        Ok(())
    }

    /// Consent was withdrawn: removes the file, and with it what was found.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            // The whole directory went with consent, or nothing was ever written.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Sends telemprobd what is ready, unless it is too soon after an attempt that failed. Records that are in `paths`
    /// already are not sent again.
    ///
    /// # Errors
    /// The file cannot be written. The record that was sent last may be sent again after a restart then.
    pub fn send_waiting(
        &mut self,
        client: &Client,
        paths: RecordPaths<'_>,
        now_ms: u64,
    ) -> io::Result<SendStatus> {
        self.save_if_changed()?;
        if now_ms < self.retry_at_ms && !self.state.outbox.is_empty() {
            return Ok(SendStatus::RetryAt { at_ms: self.retry_at_ms });
        }
        while let Some(waiting) = self.state.outbox.front() {
            if !(self.in_doubt && is_stored(paths, &waiting.event_id)) {
                if std::mem::take(&mut self.on_its_way) {
                    self.retry_at_ms = now_ms.saturating_add(ON_ITS_WAY_MS);
                    return Ok(SendStatus::RetryAt { at_ms: self.retry_at_ms });
                }
                match send(client, waiting) {
                    Ok(()) => log::info!("{} was sent to telemprobd", waiting.record.class),
                    Err(error) if error.is_about_consent() => return Ok(SendStatus::NoConsent),
                    Err(error) if error.is_final() => {
                        log::error!("{} is left out: {error}", waiting.record.class);
                    }
                    Err(error) => return Ok(self.retry_later(&error, now_ms)),
                }
            }
            self.in_doubt = false;
            self.failures = 0;
            self.state.outbox.pop_front();
            self.save()?;
        }
        Ok(SendStatus::Done)
    }

    fn retry_later(&mut self, error: &Error, now_ms: u64) -> SendStatus {
        // An answer may have been lost on its way.
        self.in_doubt = true;
        if self.failures == 0 {
            log::warn!("{error}; trying again until it is there");
        }
        let pause_ms =
            RETRY_FIRST_MS.checked_shl(self.failures).unwrap_or(RETRY_LONGEST_MS).min(RETRY_LONGEST_MS);
        self.failures = (self.failures + 1).min(16);
        self.retry_at_ms = now_ms.saturating_add(pause_ms);
        SendStatus::RetryAt { at_ms: self.retry_at_ms }
    }
}

fn send(client: &Client, waiting: &Waiting) -> Result<(), Error> {
    let Waiting { event_id, record: unsent } = waiting;
    let mut record = Record::new(unsent.severity, &unsent.class, 1)?;
    record.set_event_id(event_id)?;
    record.set_payload(&unsent.payload)?;
    client.send(&record)
}

fn is_stored(paths: RecordPaths<'_>, event_id: &str) -> bool {
    match stored::event_ids(paths) {
        Ok(ids) => event_id.parse().is_ok_and(|id: HexId| ids.contains(&id)),
        Err(error) => {
            log::warn!("whether telemprobd has a record already cannot be seen ({error}); sending it");
            false
        }
    }
}
