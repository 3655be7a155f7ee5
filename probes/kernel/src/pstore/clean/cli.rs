//! The command line of pstoreclean.

use super::copy::{self, Source};
use crate::pstore::cache::Cache;
use crate::pstore::consent::Consent;
use clap::Parser;
use std::path::{Path, PathBuf};
use telemetry_config::{Configuration, keys};
use telemetry_outbox::sending;

/// Where the kernel shows what its stores keep.
const STORE: &str = "/sys/fs/pstore";

/// Where systemd-pstore puts it.
const ARCHIVE: &str = "/var/lib/systemd/pstore";

/// Copies what the kernel kept of its log over a restart for pstoreprobe, and frees its room.
#[derive(Debug, Parser)]
#[command(name = "pstoreclean", version)]
pub struct Args {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config_file", visible_alias = "config-file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Copy from this directory, and remove there what was copied, instead of /sys/fs/pstore
    #[arg(long, value_name = "DIR")]
    from: Vec<PathBuf>,
    /// Copy from this directory, which stays as it is, instead of /var/lib/systemd/pstore
    #[arg(long, value_name = "DIR")]
    archive: Vec<PathBuf>,
}

/// Runs the program.
///
/// # Errors
/// What a person has to know, on one line. What was not copied is where it was.
pub fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let config_file = args.config_file.as_deref().map(sending::absolute);
    let configuration = Configuration::load(config_file.as_deref())?;
    let etc_dir = configuration.get(&keys::ETC_DIR)?;
    let state_dir = configuration.get(&keys::STATE_DIR)?;
    let cache_dir = configuration.get(&keys::CACHE_DIR)?;
    let consent = Consent::read(&etc_dir)?;
    let cache = Cache::open_or_make(&cache_dir)
        .map_err(|error| format!("{}: {error}", cache_dir.join("pstore").display()))?;
    let left = copy::copy(&sources(args), &cache, consent, &state_dir)?;
    if left == 0 {
        Ok(())
    } else {
        Err("not all was copied, for the reasons above; it is left where it is".into())
    }
}

/// The directories that were named, or those of the system, as far as they are there.
fn sources(args: &Args) -> Vec<Source> {
    let named = |paths: &[PathBuf], is_freed| -> Vec<_> {
        paths.iter().map(|path| Source { path: path.clone(), is_freed }).collect()
    };
    let usual = |path: &str, is_freed| Source { path: Path::new(path).to_owned(), is_freed };
    let mut sources = named(&args.from, true);
    sources.extend(named(&args.archive, false));
    if sources.is_empty() {
        sources = vec![usual(STORE, true), usual(ARCHIVE, false)];
        sources.retain(|source| source.path.exists());
    }
    sources
}
