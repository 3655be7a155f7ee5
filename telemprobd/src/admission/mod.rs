//! Whether a record is taken: every reason to refuse one, in one order, the cheapest to find first.
//!
//! ```text
//! stage                     given                              refused with, in this order
//! a client connects         consent, peer credentials, shares  not_opted_in, peer_credentials, user_connections, connections_full
//!   (it is waited for)                                         poller, timed_out
//! its message is whole      consent, shares, bytes             not_opted_in, user_rate, too_large or malformed
//! its file was read         the file that it names (`CFG:`)    configuration
//! it is to be stored        consent, spool, file system        not_opted_in, spool_full, user_share, disk_full
//!   (it is stored)                                             storage_no_space, storage_no_spool, storage
//! ```
//!
//! The stages are the functions of this module, and values decide; the file that a sender names is read after everything
//! else that its message could be refused for, by a process of its own. What is in brackets are faults
//! of the system and of the clock, which whoever meets them reports as the [`Refusal`] that is listed.
//!
//! Every message counts as one of its user's rate, whatever is in it: noise costs its sender as much as records do.

mod fair_share;
mod refusal;
mod sender_config;
mod spool_quota;

pub(crate) use fair_share::Permit;
pub(crate) use refusal::Refusal;
pub(crate) use sender_config::SenderConfig;
pub(crate) use spool_quota::{SpoolQuota, free_beyond_reserve, record_bytes};

use crate::settings::UserLimits;
use fair_share::FairShares;
use nix::errno::Errno;
use std::rc::Rc;
use std::time::Instant;
use telemetry_record::classification;
use telemetry_record::header::Header;
use telemetry_record::message::Message;
use telemetry_record::wire::{self, WireError};
use telemetry_store::shares::{Accounts, Holder};

/// What holds while one turn of the loop takes records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// The clock of deadlines.
    pub(crate) now: Instant,
    /// The clock by which shares are counted, in seconds since the start of the machine: nobody can set it.
    pub(crate) since_boot_secs: u64,
    /// Whether there is consent.
    pub(crate) is_opted_in: bool,
}

/// A record that may be stored, if there is room, and if [`configuration`] admits the file that it names.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    /// The user who sent it.
    pub(crate) sender: u32,
    /// The record.
    pub(crate) message: Message,
}

/// Admits connections and messages.
#[derive(Debug)]
pub(crate) struct Admission {
    shares: FairShares,
}

impl Admission {
    /// Nobody has used anything yet. `accounts` say who has limits, and which ids are one user.
    pub(crate) fn new(limits: UserLimits, accounts: Rc<Accounts>) -> Self {
        Self { shares: FairShares::new(limits, accounts) }
    }

    /// From now on these say so.
    pub(crate) fn set_accounts(&mut self, accounts: Rc<Accounts>) {
        self.shares.set_accounts(accounts);
    }

    /// Other limits; what was used stays counted.
    pub(crate) fn set_limits(&mut self, limits: UserLimits) {
        self.shares.set_limits(limits);
    }

    /// Whose share what this user sends is from.
    pub(crate) fn holder(&self, sender: u32) -> Holder {
        self.shares.holder(sender)
    }

    /// Whether a client that connects may stay. `peer` is its user, or why the system does not say.
    pub(crate) fn connection(
        &mut self,
        peer: Result<u32, Errno>,
        moment: &Moment,
    ) -> Result<Permit, Refusal> {
        check_consent(moment.is_opted_in)?;
        let uid = peer.map_err(Refusal::PeerCredentials)?;
        self.shares.permit(uid, moment.since_boot_secs)
    }

    /// Whether a user's message may be stored, if there is room. `bytes` are the whole of it, or why they cannot be one.
    pub(crate) fn message(
        &mut self,
        sender: u32,
        bytes: Result<&[u8], WireError>,
        moment: &Moment,
    ) -> Result<Admitted, Refusal> {
        check_consent(moment.is_opted_in)?;
        self.shares.count_record(sender, moment.since_boot_secs)?;
        let message = decode(bytes?)?;
        Ok(Admitted { sender, message })
    }
}

/// Whether the file that a record names lets it be stored, now that it was read. One that names none may be.
pub(crate) fn configuration(record: &Admitted, config: &SenderConfig) -> Result<(), Refusal> {
    match &record.message.config {
        Some(path) => config.check(path, record.sender),
        None => Ok(()),
    }
}

/// Which records there is room for. `free_bytes` is what the file system has beyond what is to stay free.
pub(crate) fn storage(
    records: &[Admitted],
    is_opted_in: bool,
    quota: &SpoolQuota,
    mut free_bytes: u64,
) -> Vec<Result<(), Refusal>> {
    let mut reservation = quota.reserve();
    let mut admit = |record: &Admitted| {
        check_consent(is_opted_in)?;
        let bytes = spool_quota::record_bytes(&record.message);
        quota.take(&mut reservation, quota.holder(record.sender), bytes, free_bytes)?;
        free_bytes -= bytes;
        Ok(())
    };
    records.iter().map(&mut admit).collect()
}

fn check_consent(is_opted_in: bool) -> Result<(), Refusal> {
    if is_opted_in { Ok(()) } else { Err(Refusal::NotOptedIn) }
}

/// The message that the bytes are, if it is a record.
fn decode(bytes: &[u8]) -> Result<Message, Refusal> {
    let message = wire::decode(bytes)?;
    classification::check(message.headers.value(Header::Classification)).map_err(|_| Refusal::Content)?;
    match message.headers.value(Header::Severity) {
        "1" | "2" | "3" | "4" => Ok(message),
        _ => Err(Refusal::Content),
    }
}

#[cfg(test)]
mod tests;
