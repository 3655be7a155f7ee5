//! Clients whose record names a configuration of its own: they wait until it was read, by processes that nobody else waits
//! for.

use super::Daemon;
use crate::admission::{self, Admitted, Refusal, SenderConfig};
use crate::socket::Client;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;
use telemetry_config::limits::CONFIG_FILE_BYTES;
use telemetry_runtime::foreign_files::ForeignFiles;
use telemetry_store::shares::Holder;

/// The bound of a configuration, as it is passed to who reads it.
const CONFIG_BYTES: u32 = CONFIG_FILE_BYTES as u32;

const _: () = assert!(CONFIG_BYTES as u64 == CONFIG_FILE_BYTES);

/// A client, its record, and whether that is admitted.
type Judged = (Client, Admitted, Result<(), Refusal>);

/// Those who wait for their configuration.
#[derive(Debug)]
pub(super) struct Configurations {
    files: ForeignFiles<u64>,
    waiting: HashMap<u64, (Client, Admitted)>,
    last_number: u64,
}

impl Configurations {
    /// Nobody waits.
    ///
    /// # Errors
    /// As [`ForeignFiles::new`].
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { files: ForeignFiles::new()?, waiting: HashMap::new(), last_number: 0 })
    }

    /// Number of clients that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Has the configuration of a client's record read. A client for whom that is not possible comes back.
    fn add(
        &mut self,
        client: Client,
        record: Admitted,
        holder: Holder,
        now: Instant,
    ) -> Result<(), (Client, Refusal)> {
        let Some(path) = &record.message.config else {
            return Err((client, Refusal::ConfigurationUnanswered));
        };
        self.last_number += 1;
        match self.files.ask(holder.as_id(), path, CONFIG_BYTES, self.last_number, now) {
            Ok(()) => {
                self.waiting.insert(self.last_number, (client, record));
                Ok(())
            }
            Err(_) => Err((client, Refusal::ConfigurationUnanswered)),
        }
    }

    /// Those whose configuration was read, or will not be.
    fn take(&mut self, now: Instant) -> Vec<Judged> {
        let mut judged = Vec::new();
        for answer in self.files.take(now) {
            let config = SenderConfig::new(answer.file);
            for number in answer.tokens {
                if let Some((client, record)) = self.waiting.remove(&number) {
                    let verdict = admission::configuration(&record, &config);
                    judged.push((client, record, verdict));
                }
            }
        }
        judged
    }

    /// When there is something to take though nothing came.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.files.next_due()
    }

    /// Takes note of processes that have ended.
    pub(super) fn reap(&mut self) {
        self.files.reap();
    }
}

impl AsFd for Configurations {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.files.as_fd()
    }
}

impl Daemon {
    /// Has the configuration read that a client's record names.
    pub(super) fn await_configuration(&mut self, client: Client, record: Admitted, now: Instant) {
        let holder = self.admission.holder(record.sender);
        if let Err((client, refusal)) = self.configurations.add(client, record, holder, now) {
            self.refuse(client, &refusal, now);
        }
    }

    /// Goes on with those whose configuration was read, or will not be.
    pub(super) fn take_configurations(&mut self, now: Instant) {
        for (client, record, verdict) in self.configurations.take(now) {
            match verdict {
                Ok(()) => self.ready.push((client, record)),
                Err(refusal) => self.refuse(client, &refusal, now),
            }
        }
    }

    /// The same for all who wait, before the daemon stops.
    pub(super) fn finish_configurations(&mut self) {
        while self.configurations.len() > 0 {
            self.configurations.files.wait(Instant::now());
            self.take_configurations(Instant::now());
        }
    }
}
