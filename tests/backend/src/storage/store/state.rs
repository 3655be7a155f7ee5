//! Samples, checks, pulls and downtime.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Store;
use crate::retention::Retention;
use crate::samples::{KeepSamples, MachineKey};
use crate::storage::samples::{
    Downtime, Others, PullDone, RunsOut, add_downtime, end_downtime, keep_pull_states, purge_samples,
    roll_up, set_runs_out, store_pulls,
};
use crate::storage::{Purpose, StorageError};

impl Store {
    /// Stores what pulls brought, and how they went: all of it or nothing.
    ///
    /// # Errors
    /// If nothing is stored.
    pub async fn store_pulls(&self, pulls: Vec<PullDone>) -> Result<(), StorageError> {
        self.write(move |sql| store_pulls(sql, &pulls)).await
    }

    /// Removes how the pulls of other names went, unless another collector may ask them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep_pull_states(&self, names: HashSet<String>, others: Others) -> Result<(), StorageError> {
        self.write(move |sql| keep_pull_states(sql, &names, others)).await
    }

    /// Adds planned downtime; its number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn add_downtime(&self, downtime: Downtime) -> Result<i64, StorageError> {
        self.write(move |sql| add_downtime(sql, &downtime)).await
    }

    /// Ends planned downtime at a time. Says whether there is any that this changes.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_downtime(&self, id: i64, at_secs: i64) -> Result<bool, StorageError> {
        self.write(move |sql| end_downtime(sql, id, at_secs)).await
    }

    /// Keeps what of a machine ends when, in place of what was known.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn set_runs_out(&self, machine: MachineKey, all: Vec<RunsOut>) -> Result<(), StorageError> {
        self.write(move |sql| set_runs_out(sql, &machine, &all)).await
    }

    /// Makes the next hours and days of samples; says whether there may be more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn roll_up(&self, keep: KeepSamples, now_secs: i64) -> Result<bool, StorageError> {
        self.write(move |sql| roll_up(sql, &keep, now_secs)).await
    }

    /// Removes the samples that are due, and what was made of them; what is of an id that rotates goes with its records.
    ///
    /// # Errors
    /// If the database fails; what was removed before stays removed.
    pub async fn purge_samples(
        &self,
        keep: KeepSamples,
        records: Retention,
        now_secs: i64,
    ) -> Result<(), StorageError> {
        let (engine, stops) = (Arc::clone(&self.engine), Arc::clone(&self.stops));
        let work = move || {
            let goes_on = || !stops.load(Ordering::Relaxed);
            let mut session = engine.open(Purpose::Maintain)?;
            purge_samples(&mut *session, &keep, &records, now_secs, &goes_on)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopped)?
    }
}
