//! `STATE_DIR/PROBE.json`: where a probe stands in its log, and what it found and has not handed over.
//!
//! ```text
//! { "position": WHAT THE PROBE NEEDS TO GO ON,
//!   "repeats": { "groups": [ ... ] },
//!   "outbox": [ { "event_id": "5de9...", "draft": { "class": "...", "severity": 2, "payload": "..." } } ],
//!   "left_out": 0 }
//! ```

use super::limits::{BOOK_BYTES, ON_ITS_WAY_MS, RETRY_FIRST_MS, RETRY_MOST_MS, WAITING};
use super::{Finding, Repeats, UnsentRecord, spooled};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use telemetry::{Client, Error, Record};
use telemetry_config::Settings;
use telemetry_record::hex_id::HexId;
use telemetry_store::state_file;

/// How far handing over came.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing waits.
    Done,
    /// Something waits for this time of the clock, in milliseconds.
    TryAgain {
        /// When.
        at_ms: u64,
    },
    /// Consent was withdrawn: nothing more may be collected.
    NoConsent,
}

/// The book of one probe.
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
    /// Opens the book of this probe, or begins one.
    ///
    /// # Errors
    /// The book is there and can not be read. One that holds something else is no error: it is logged, and begun anew.
    pub fn open(state_dir: &Path, probe: &str) -> io::Result<Self> {
        let path = state_dir.join(format!("{probe}.json"));
        let state = match state_file::read_bounded(&path, BOOK_BYTES) {
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

    /// Where another probe stands, for whoever has to know what that one has told; none if it has no book.
    ///
    /// # Errors
    /// As the system says; `InvalidData` if the book holds something else.
    pub fn read_position(state_dir: &Path, probe: &str) -> io::Result<Option<P>> {
        #[derive(Deserialize)]
        struct OnlyPosition<P> {
            position: P,
        }
        let path = state_dir.join(format!("{probe}.json"));
        let book: Option<OnlyPosition<P>> = state_file::read_bounded(&path, BOOK_BYTES)?;
        Ok(book.map(|book| book.position))
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
        let told = self.state.repeats.note(finding, happened_ms, now_ms);
        self.enqueue(told);
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

    /// When [`ProbeState::settle`] or [`ProbeState::hand_over`] has something to do next; none: not until something is found.
    pub fn next_due_ms(&self) -> Option<u64> {
        let retry_ms = (!self.state.outbox.is_empty()).then_some(self.retry_at_ms);
        self.state.repeats.next_due_ms().into_iter().chain(retry_ms).min()
    }

    fn enqueue(&mut self, told: impl IntoIterator<Item = (T, u64)>) {
        for (finding, count) in told {
            self.changed = true;
            if self.state.outbox.len() >= WAITING {
                self.state.left_out += 1;
                log::warn!("{WAITING} records wait for telemprobd; one more is left out");
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

    /// Writes the book if something was found or handed over since the last time.
    ///
    /// # Errors
    /// As the system says. What is found goes on being kept in memory.
    pub fn save_if_changed(&mut self) -> io::Result<()> {
        if self.changed { self.save() } else { Ok(()) }
    }

    /// Writes the book.
    ///
    /// # Errors
    /// As [`ProbeState::save_if_changed`].
    pub fn save(&mut self) -> io::Result<()> {
        state_file::write_private(&self.path, &self.state)?;
        self.changed = false;
        Ok(())
    }

    /// Consent was withdrawn: removes the book, and with it what was found.
    ///
    /// # Errors
    /// It can not be removed.
    pub fn forget(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            // The whole directory went with consent, or nothing was ever written.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Gives telemprobd what is ready, unless it is too soon after an attempt that failed.
    ///
    /// # Errors
    /// The book can not be written. The record that was handed over last may be sent again after a restart then.
    pub fn hand_over(&mut self, client: &Client, settings: &Settings, now_ms: u64) -> io::Result<Progress> {
        self.save_if_changed()?;
        if now_ms < self.retry_at_ms && !self.state.outbox.is_empty() {
            return Ok(Progress::TryAgain { at_ms: self.retry_at_ms });
        }
        while let Some(waiting) = self.state.outbox.front() {
            if !(self.in_doubt && is_spooled(settings, &waiting.event_id)) {
                if std::mem::take(&mut self.on_its_way) {
                    self.retry_at_ms = now_ms.saturating_add(ON_ITS_WAY_MS);
                    return Ok(Progress::TryAgain { at_ms: self.retry_at_ms });
                }
                match send(client, waiting) {
                    Ok(()) => log::info!("{} was handed to telemprobd", waiting.record.class),
                    Err(Error::NotOptedIn) => return Ok(Progress::NoConsent),
                    Err(error) if is_for_good(&error) => {
                        log::error!("{} is left out: {error}", waiting.record.class);
                    }
                    Err(error) => return Ok(self.try_again(&error, now_ms)),
                }
            }
            self.in_doubt = false;
            self.failures = 0;
            self.state.outbox.pop_front();
            self.save()?;
        }
        Ok(Progress::Done)
    }

    fn try_again(&mut self, error: &Error, now_ms: u64) -> Progress {
        // An answer may have been lost on its way.
        self.in_doubt = true;
        if self.failures == 0 {
            log::warn!("{error}; trying again until it is there");
        }
        let pause_ms = RETRY_FIRST_MS.checked_shl(self.failures).unwrap_or(RETRY_MOST_MS).min(RETRY_MOST_MS);
        self.failures = (self.failures + 1).min(16);
        self.retry_at_ms = now_ms.saturating_add(pause_ms);
        Progress::TryAgain { at_ms: self.retry_at_ms }
    }
}

fn send(client: &Client, waiting: &Waiting) -> Result<(), Error> {
    let Waiting { event_id, record: unsent } = waiting;
    let mut record = Record::new(unsent.severity, &unsent.class, 1)?;
    record.set_event_id(event_id)?;
    record.set_payload(&unsent.payload)?;
    client.send(&record)
}

fn is_for_good(error: &Error) -> bool {
    use nix::errno::Errno::{EINVAL, EMSGSIZE, EPERM};
    match error {
        Error::Classification(_) | Error::EventId(_) | Error::PayloadCharacter => true,
        Error::Refused(errno) => matches!(errno, EINVAL | EMSGSIZE | EPERM),
        _ => false,
    }
}

fn is_spooled(settings: &Settings, event_id: &str) -> bool {
    match spooled::event_ids(settings) {
        Ok(ids) => event_id.parse().is_ok_and(|id: HexId| ids.contains(&id)),
        Err(error) => {
            log::warn!("whether telemprobd has a record already can not be seen ({error}); sending it");
            false
        }
    }
}
