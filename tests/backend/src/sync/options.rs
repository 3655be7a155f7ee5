//! What the command line says of buffers and of fetching.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::buffer::WhenFull;

/// A buffer for somebody who fetches, and fetching from buffers.
#[derive(Args, Clone, Debug)]
pub struct SyncOptions {
    /// Keep records for a collector that fetches them, instead of counting and showing them here
    #[arg(long, value_name = "true|false", value_parser = truth, action = ArgAction::Set, num_args = 0..=1,
        default_value = "false", default_missing_value = "true")]
    pub buffer: bool,

    /// Room of the buffer, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    pub buffer_max_size: u64,

    /// Minutes that a record waits in the buffer
    #[arg(long, value_name = "MINUTES", default_value_t = 43_200, value_parser = clap::value_parser!(i64).range(1..=52_560_000))]
    pub buffer_expiry: i64,

    /// What happens to a record for which the buffer has no room
    #[arg(long, value_enum, default_value_t)]
    pub buffer_when_full: WhenFull,

    /// Whether buffers are fetched from
    #[arg(long, value_name = "true|false", value_parser = truth, action = ArgAction::Set, num_args = 0..=1,
        default_value = "true", default_missing_value = "true")]
    pub syncserver: bool,

    /// Buffers to fetch from, parted by blanks or commas: HOST or HOST:PORT (IPv6 in brackets) or an https URL, whose path is a prefix
    #[arg(long, value_name = "ADDRESS ...", num_args = 1..)]
    pub sync_address: Vec<String>,

    /// Port of a buffer that is named without one
    #[arg(long, value_name = "PORT", default_value_t = 8443, value_parser = clap::value_parser!(u16).range(1..))]
    pub sync_port: u16,

    /// Authorities, in PEM, by which buffers are trusted, with their names; left out: by lines of --trust with
    /// server=HOST:PORT
    #[arg(long, value_name = "FILE")]
    pub sync_ca: Option<PathBuf>,

    /// Certificate to show to buffers, in PEM; left out: one of our own making in --identity
    #[arg(long, value_name = "FILE")]
    pub sync_cert: Option<PathBuf>,

    /// Key of --sync-cert, where that file has none
    #[arg(long, value_name = "FILE", requires = "sync_cert")]
    pub sync_key: Option<PathBuf>,

    /// Tries in a round, before a pause
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub sync_retries: u32,

    /// Seconds without a byte after which a try is over
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub sync_timeout: u64,

    /// Seconds between two rounds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub sync_interval: u64,

    /// Fetch without freeing: the buffer keeps records until this collector, too, has passed them
    #[arg(long, value_name = "true|false", value_parser = truth, action = ArgAction::Set, num_args = 0..=1,
        default_value = "false", default_missing_value = "true")]
    pub sync_keep: bool,
}

impl SyncOptions {
    /// Whether this collector connects to buffers.
    #[must_use]
    pub fn fetches(&self) -> bool {
        self.syncserver && self.sync_address.iter().any(|text| !text.trim().is_empty())
    }
}

/// As the client's configuration has it.
fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}
