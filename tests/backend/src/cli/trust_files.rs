//! Commands on a collector's files of trust.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Database;

use crate::storage::{Address, OpenError};
use crate::sync::SyncOptions;
use crate::trust::{Fingerprint, TrustOptions, address};

/// Where a collector's files of trust are: give the same as to the collector.
#[derive(Args, Clone, Debug)]
pub struct TrustFiles {
    /// File in which each of these options may stand as a key
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    /// File of trusted certificates
    #[arg(long, value_name = "FILE", global = true)]
    pub trust: Option<PathBuf>,

    /// Directory of this collector's own certificates; `identity` beside a database file if it is left out
    #[arg(long, value_name = "DIR", global = true)]
    identity: Option<PathBuf>,

    /// Certificate in the place of one of our own making
    #[arg(long, value_name = "FILE", global = true)]
    pub certificate: Option<PathBuf>,

    /// Database of the collector
    #[arg(long, value_name = "FILE | URL", default_value = "telemetry.db", global = true)]
    database: Address,

    /// File that holds what --database takes
    #[arg(long, value_name = "FILE", global = true)]
    database_file: Option<PathBuf>,
}

impl TrustFiles {
    /// The directory of our own certificates.
    ///
    /// # Errors
    /// If the file of the database's address cannot be used.
    pub fn identity_directory(&self) -> Result<Option<PathBuf>, OpenError> {
        let database = match &self.database_file {
            Some(path) => Address::read(path)?,
            None => self.database.clone(),
        };
        let options = TrustOptions { identity: self.identity.clone(), ..TrustOptions::default() };
        Ok(options.identity_directory(database.file()))
    }
}

/// What to do with trusted certificates.
#[derive(Clone, Debug, Subcommand)]
pub enum TrustTask {
    /// List them, those that were announced as well
    List,
    /// Trust a certificate, with the words and the comment of its line
    Add {
        /// Which certificate
        fingerprint: Fingerprint,
        /// role=deliver|fetch|read|administrate, server=HOST:PORT, then a comment
        #[arg(value_name = "WORD")]
        words: Vec<String>,
    },
    /// Let an announced certificate take the place of the one that announced it
    Accept {
        /// Which certificate
        fingerprint: Fingerprint,
    },
    /// Trust a certificate no more, nor any that its owner announced
    Remove {
        /// Which certificate
        fingerprint: Fingerprint,
    },
}

/// What to do with this collector's certificates.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum IdentityTask {
    /// Print their fingerprints; what is not there is made
    Show,
    /// Make the next ones: they are announced to all peers, and used once these have had them for a day
    Renew {
        /// Use them at once: peers that have not had them yet refuse this collector until they trust them
        #[arg(long)]
        now: bool,
    },
}

/// What a doctor looks at.
#[derive(Args, Clone, Debug)]
pub struct DoctorOptions {
    /// File in which each of these options may stand as a key
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where the records are
    #[command(flatten)]
    pub database: Database,

    /// Address and port that the collector listens on
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    pub listen: Vec<SocketAddr>,

    /// TLS, and who is trusted
    #[command(flatten)]
    pub trust: TrustOptions,

    /// Buffers
    #[command(flatten)]
    pub sync: SyncOptions,

    /// Address of a proxy of yours; repeatable
    #[arg(long, value_name = "ADDRESS")]
    pub proxy: Vec<IpAddr>,
}
