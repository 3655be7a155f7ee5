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
use super::failure::Failure;
use super::fetching::Fetching;
use super::message::{ConfirmRequest, LeaseRequest, MAX_LINE_BYTES, VERSION};
use super::pace::{Limits, MOST, pause_after};
use super::source::Source;
use super::states::{ensure, note_failure};
use super::take::{Taken, take};
use crate::storage::{Purpose, Session, StorageError, Turn};
use crate::timestamp::now_secs;
use crate::trust::Fingerprint;

/// How long a lease is; what does not come through in this time comes in smaller batches. A fetcher that was killed ends
/// those that it had with its next one.
const LEASE_SECS: u64 = 300;

/// Pause where a source has no lease or no database for us just now.
const BUSY_PAUSE: Duration = Duration::from_secs(10);

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
            Err(failure) => {
                let pause = if let Failure::Busy(_) = failure {
                    BUSY_PAUSE
                } else {
                    failed_rounds += 1;
                    pause_after(failed_rounds, SysRng.try_next_u32().unwrap_or(0))
                };
                task.say_failure(failure.text(), pause).await;
                pause
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
        let Some(turn) = self.take_turn().await? else { return Ok(()) };
        let mut turn = Some(turn);
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.empty(&mut turn).await {
                Ok(()) => {
                    self.say_success();
                    return Ok(());
                }
                Err(failure) => failure,
            };
            if let Failure::Batch(_) = failure {
                self.limits = self.limits.halved();
            }
            if tries >= self.fetching.options.sync_retries || matches!(failure, Failure::Busy(_)) {
                return Err(failure);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            // Without the turn a lease would end those of whoever has it now. Where nobody can say whose it is, it is not
            // ours: it went with the session that had it, and the next round takes it again. What was stored stays so; what
            // was leased was given back, or ends with the next round's first lease.
            match self.keeps_turn(&mut turn).await {
                Ok(true) => {}
                Ok(false) => return Err(failure),
                Err(error) => return Err(failure.with(&error)),
            }
        }
    }

    /// Fetches until nothing waits, or the turn is over. What an earlier try has leased is over with its first lease.
    async fn empty(&mut self, turn: &mut Option<Turn>) -> Result<(), Failure> {
        let tls = self.tls()?;
        let get_id = |session: &mut dyn Session, source: &str| {
            session.write(&mut |sql| ensure(sql, source))?;
            super::buffer::own_id(session)
        };
        let fetcher = self.on_database(get_id).await?;
        let mut pending: Option<Batch> = None;
        let mut is_first = true;
        loop {
            let had_pending = pending.is_some();
            let (stored, leased) = tokio::join!(
                self.store(&tls, &fetcher, pending.take()),
                self.lease(&tls, &fetcher, is_first)
            );
            is_first = false;
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
            let keeps = self.keeps_turn(turn).await;
            if !matches!(keeps, Ok(true)) {
                if let Some(batch) = pending {
                    self.give_back(&tls, &fetcher, batch.head.lease.as_deref()).await;
                }
                return keeps.map(drop);
            }
        }
    }

    async fn lease(&self, tls: &Arc<ClientConfig>, fetcher: &str, anew: bool) -> Result<Batch, Failure> {
        let Limits { records, bytes } = self.limits;
        let request = LeaseRequest {
            version: VERSION,
            fetcher: fetcher.to_owned(),
            keep: self.fetching.options.sync_keep,
            max_records: records,
            max_bytes: bytes,
            lease_secs: LEASE_SECS,
            anew,
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

    fn refusal(&self, answer: &Answer) -> Failure {
        Failure::of_answer(answer, &self.source, self.fetching.fingerprint())
    }

    /// The turn at this source; none: another collector of this database has it.
    async fn take_turn(&self) -> Result<Option<Turn>, Failure> {
        if !self.fetching.is_shared {
            return Ok(Some(Turn::of_the_only_one()));
        }
        let (engine, source) = (Arc::clone(&self.fetching.engine), self.source.to_string());
        Ok(blocking(move || Turn::take(&engine, &source)).await?)
    }

    async fn keeps_turn(&self, turn: &mut Option<Turn>) -> Result<bool, Failure> {
        let (Some(mut own), source) = (turn.take(), self.source.to_string()) else { return Ok(false) };
        let (own, is_ours) = blocking(move || {
            let is_ours = own.is_ours(&source)?;
            Ok((own, is_ours))
        })
        .await?;
        *turn = Some(own);
        Ok(is_ours)
    }

    /// Logs a failure when it is another one than before, and notes it in any case.
    async fn say_failure(&mut self, text: &str, pause: Duration) {
        let (noted, pause_secs) = (text.to_owned(), i64::try_from(pause.as_secs()).unwrap_or(i64::MAX));
        let noting = self.on_database(move |session, source| {
            let now = now_secs();
            let next = now.saturating_add(pause_secs);
            session.write(&mut |sql| note_failure(sql, source, now, next, &noted))
        });
        // It is logged, if not noted.
        drop(noting.await);
        if self.said.as_deref() != Some(text) {
            eprintln!("telem-collector: sync: cannot fetch from {text}");
            self.said = Some(text.to_owned());
        }
    }

    /// Logs the end of a failure.
    fn say_success(&mut self) {
        if self.said.take().is_some() {
            eprintln!("telem-collector: sync: {}: fetching works again", self.source);
        }
    }

    async fn on_database<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Session, &str) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (engine, source) = (Arc::clone(&self.fetching.engine), self.source.to_string());
        blocking(move || work(&mut *engine.open(Purpose::Append)?, &source)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
}

/// The lease of a batch that did not come through, if that much of it did.
fn lease_of(body: &[u8]) -> Option<String> {
    let first = body.split(|byte| *byte == b'\n').next()?;
    let head: Value = serde_json::from_slice(first).ok()?;
    head.get("lease")?.as_str().map(str::to_owned)
}
