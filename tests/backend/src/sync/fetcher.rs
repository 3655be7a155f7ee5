//! Fetches from a source: lease, store, confirm; two leases in flight; a task a source.
//!
//! ```text
//!  round:  lease 1 ──▶ store 1, confirm 1
//!                      lease 2            ──▶ store 2, confirm 2
//!                                             lease 3 (nothing waits) ──▶ pause
//!  a try that fails: what it leased is given back, or its lease ends; up to sync_retries, then a longer pause
//! ```

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use rand::TryRng;
use rand::rngs::SysRng;
use rustls::ClientConfig;
use serde_json::Value;

use super::answer::{Batch, read_answer};
use super::client::{Answer, Link};
use super::fetching::Fetching;
use super::message::{ConfirmRequest, LeaseRequest, MAX_LINE_BYTES, VERSION};
use super::pace::{Limits, MOST, pause_after};
use super::source::Source;
use super::states::{ensure, hold, note_failure};
use super::take::{Taken, take};
use crate::storage::{Purpose, Session, StorageError};
use crate::timestamp::now_secs;
use crate::trust::Fingerprint;

/// How long a lease is. One of a fetcher that was killed holds its items back for as long; what does not come through in
/// this time comes in smaller batches.
const LEASE_SECS: u64 = 60;

/// How long a source is ours, among collectors of one database, unless that is renewed. Two at a source cost time, and
/// nothing else.
const TURN_SECS: i64 = 60;

/// Pause where a source has no lease or no database for us just now.
const BUSY_PAUSE: Duration = Duration::from_secs(10);

/// Why a try is over.
#[derive(Debug)]
enum Failure {
    /// The batch did not come through: the next one is smaller.
    Batch(String),
    /// It comes again by itself, soon.
    Busy(String),
    /// Anything else.
    Other(String),
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Other(error.to_string())
    }
}

impl Failure {
    fn text(&self) -> &str {
        let (Self::Batch(text) | Self::Busy(text) | Self::Other(text)) = self;
        text
    }
}

/// Fetches from one source, until it is dropped. One that hangs holds up no other.
pub async fn fetch_forever(fetching: Arc<Fetching>, source: Source) {
    let silence = Duration::from_secs(fetching.options.sync_timeout);
    let link = Arc::new(Link::new(source.clone(), silence));
    let mut task = Task { fetching, source, link, limits: MOST, tls: None, said: None };
    let mut failed_rounds = 0;
    loop {
        let pause = match task.round().await {
            Ok(()) => {
                failed_rounds = 0;
                Duration::from_secs(task.fetching.options.sync_interval)
            }
            Err(Failure::Busy(text)) => {
                task.say(Some(text)).await;
                BUSY_PAUSE
            }
            Err(failure) => {
                failed_rounds += 1;
                task.say(Some(failure.text().to_owned())).await;
                pause_after(failed_rounds, SysRng.try_next_u32().unwrap_or(0))
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// One source.
struct Task {
    fetching: Arc<Fetching>,
    source: Source,
    link: Arc<Link>,
    limits: Limits,
    /// How to connect, by our certificate and those that are trusted now.
    tls: Option<(Fingerprint, Vec<Fingerprint>, Arc<ClientConfig>)>,
    /// The failure that was logged last.
    said: Option<String>,
}

impl Task {
    async fn round(&mut self) -> Result<(), Failure> {
        if !self.has_turn().await? {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.empty().await {
                Ok(()) => {
                    self.say(None).await;
                    return Ok(());
                }
                Err(failure) => failure,
            };
            if let Failure::Batch(_) = failure {
                self.limits = self.limits.halved();
            }
            if matches!(failure, Failure::Busy(_)) || tries >= self.fetching.options.sync_retries {
                return Err(failure);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Fetches until nothing waits.
    async fn empty(&mut self) -> Result<(), Failure> {
        let tls = self.tls()?;
        let fetcher = self.on_database(|session, _| super::buffer::own_id(session)).await?;
        let mut pending: Option<Batch> = None;
        loop {
            let had_pending = pending.is_some();
            let (stored, leased) =
                tokio::join!(self.store(&tls, &fetcher, pending.take()), self.lease(&tls, &fetcher));
            if let (Err(_), Ok(batch)) = (&stored, &leased) {
                self.give_back(&tls, &fetcher, batch.head.lease.as_deref()).await;
            }
            stored?;
            let batch = leased?;
            if batch.head.lease.is_some() {
                pending = Some(batch);
                self.limits = self.limits.doubled();
            } else if !had_pending {
                // Its totals of losses, and what waits for others.
                self.take(batch).await?;
                return Ok(());
            }
            self.has_turn().await?;
        }
    }

    async fn lease(&self, tls: &Arc<ClientConfig>, fetcher: &str) -> Result<Batch, Failure> {
        let Limits { records, bytes } = self.limits;
        let request = LeaseRequest {
            version: VERSION,
            fetcher: fetcher.to_owned(),
            keep: self.fetching.options.sync_keep,
            max_records: records,
            max_bytes: bytes,
            lease_secs: LEASE_SECS,
        };
        let body = serde_json::to_string(&request).map_err(|error| Failure::Other(error.to_string()))?;
        // The lines, one that is longer, head and end.
        let max_bytes = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_add(2 * MAX_LINE_BYTES);
        let whole = Duration::from_secs(LEASE_SECS);
        let answer = self.link.post(tls, "lease", body, max_bytes, whole).await.map_err(Failure::Batch)?;
        if answer.status != StatusCode::OK {
            return Err(self.refusal(&answer));
        }
        let batch = read_answer(&answer.body, records);
        match batch {
            Ok(batch) => Ok(batch),
            Err(fault) => {
                let lease = lease_of(&answer.body);
                self.give_back(tls, fetcher, lease.as_deref()).await;
                Err(Failure::Batch(format!("{}: {fault}", self.source)))
            }
        }
    }

    /// Stores a batch, and confirms it.
    async fn store(
        &self,
        tls: &Arc<ClientConfig>,
        fetcher: &str,
        batch: Option<Batch>,
    ) -> Result<(), Failure> {
        let Some(batch) = batch else { return Ok(()) };
        let Some(lease) = batch.head.lease.clone() else { return Ok(()) };
        let sha256 = Some(batch.sha256.clone());
        self.take(batch).await?;
        let request = ConfirmRequest { fetcher: fetcher.to_owned(), lease, sha256 };
        let answer = self.confirm(tls, &request).await?;
        if answer.status != StatusCode::OK {
            return Err(self.refusal(&answer));
        }
        Ok(())
    }

    async fn take(&self, batch: Batch) -> Result<Taken, Failure> {
        let is_buffer = self.fetching.options.buffer;
        let storing = move |session: &mut dyn Session, source: &str| {
            take(session, source, &batch, now_secs(), is_buffer)
        };
        let taken = self.on_database(storing).await?;
        if taken.was_restored {
            eprintln!("telem-collector: sync: {}: its database was restored from an older copy", self.source);
        }
        if taken.invalid > 0 {
            let Taken { invalid, .. } = taken;
            eprintln!(
                "telem-collector: sync: {}: {invalid} items could not be taken, and are counted",
                self.source
            );
        }
        Ok(taken)
    }

    /// Gives a lease back, so that somebody else may have its items. If that fails, the lease ends by its time.
    async fn give_back(&self, tls: &Arc<ClientConfig>, fetcher: &str, lease: Option<&str>) {
        if let Some(lease) = lease {
            let request =
                ConfirmRequest { fetcher: fetcher.to_owned(), lease: lease.to_owned(), sha256: None };
            drop(self.confirm(tls, &request).await);
        }
    }

    async fn confirm(&self, tls: &Arc<ClientConfig>, request: &ConfirmRequest) -> Result<Answer, Failure> {
        let (body, whole) = (request.to_json().to_string(), Duration::from_secs(LEASE_SECS));
        self.link.post(tls, "confirm", body, MAX_LINE_BYTES, whole).await.map_err(Failure::Other)
    }

    /// How to connect now: the certificates that are trusted may have changed.
    fn tls(&mut self) -> Result<Arc<ClientConfig>, Failure> {
        let address = self.source.address();
        let pins = self.fetching.pins(&self.source);
        let own = self.fetching.fingerprint();
        if pins.is_empty() && self.fetching.options.sync_ca.is_none() {
            let file = self.fetching.trust_file.as_ref();
            let file = file.map_or_else(|| "--trust".to_owned(), |file| file.display().to_string());
            return Err(Failure::Other(format!(
                "{}: it is not trusted: {file} has no line with its fingerprint and server={address}",
                self.source
            )));
        }
        match &self.tls {
            Some((shown, of, config)) if *shown == own && *of == pins => Ok(Arc::clone(config)),
            _ => {
                let config = self.fetching.connecting.config(pins.clone());
                let config = Arc::new(config.map_err(|error| Failure::Other(error.to_string()))?);
                self.tls = Some((own, pins, Arc::clone(&config)));
                Ok(config)
            }
        }
    }

    /// What a refusal means, and what helps.
    fn refusal(&self, answer: &Answer) -> Failure {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let [code, message] =
            ["code", "message"].map(|name| body.get(name).and_then(Value::as_str).unwrap_or(""));
        let own = self.fetching.fingerprint();
        let text = match (answer.status.as_u16(), code) {
            (403, "not_trusted") => {
                format!(
                    "it does not trust this collector; its list of trusted certificates needs the line: {own} role=fetch"
                )
            }
            (404, "not_a_buffer") => "it is no buffer; it needs buffer=true".to_owned(),
            (404, _) => "nothing is fetched from there: an old collector, or another path".to_owned(),
            (status, _) => format!("it answers {status}: {}", crate::record::quoted(message)),
        };
        let text = format!("{}: {text}", self.source);
        match (answer.status.as_u16(), code) {
            (_, "expired_lease") => Failure::Batch(text),
            (429 | 503, _) => Failure::Busy(text),
            _ => Failure::Other(text),
        }
    }

    /// Whether no other collector of this database fetches from this source.
    async fn has_turn(&self) -> Result<bool, Failure> {
        let holder = self.fetching.holder.clone();
        let turn = self.on_database(move |session, source| {
            let now = now_secs();
            let mut is_ours = false;
            session.write(&mut |sql| {
                ensure(sql, source)?;
                is_ours = hold(sql, source, &holder, now, now + TURN_SECS)?;
                Ok(())
            })?;
            Ok(is_ours)
        });
        Ok(turn.await?)
    }

    /// Logs a failure when it is another one than before, and its end; notes it in any case.
    async fn say(&mut self, failure: Option<String>) {
        if let Some(text) = failure.clone() {
            let noted = self.on_database(move |session, source| {
                session.write(&mut |sql| note_failure(sql, source, now_secs(), &text))
            });
            // The failure is logged, if not noted.
            drop(noted.await);
        }
        if failure == self.said {
            return;
        }
        match &failure {
            Some(text) => eprintln!("telem-collector: sync: cannot fetch from {text}"),
            None => eprintln!("telem-collector: sync: {}: fetching works again", self.source),
        }
        self.said = failure;
    }

    async fn on_database<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Session, &str) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (engine, source) = (Arc::clone(&self.fetching.engine), self.source.to_string());
        let work = move || work(&mut *engine.open(Purpose::Append)?, &source);
        tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
    }
}

/// The lease of a batch that did not come through, if that much of it did.
fn lease_of(body: &[u8]) -> Option<String> {
    let first = body.split(|byte| *byte == b'\n').next()?;
    let head: Value = serde_json::from_slice(first).ok()?;
    head.get("lease")?.as_str().map(str::to_owned)
}
