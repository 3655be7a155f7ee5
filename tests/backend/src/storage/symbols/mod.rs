//! Names from debug files, by build-id and address, beside the payloads, which stay as they were received.
//!
//! ```text
//!  new variant ─▶ frames without a name? ─▶ symbol_wanted: build-id, address, variant
//!                                               │ most machines first
//!                                               ▼
//!                 a debug file is found, or not ─▶ symbols: names; symbol_files: when it was tried
//!                                               │
//!                                               ▼
//!                 the variant's tokens get the names ─▶ another signature ─▶ its records follow, with their first seen
//! ```
//!
//! A variant keeps the hash of what its reports say, so that the next report of it is known; its id, its days and its first
//! seen stay. Each arrow is one transaction, and what is left to do follows from the tables: whoever is killed goes on.

mod names;
mod queue;
mod rename;
mod sample;

pub use names::{NamedFrame, Names};
pub use queue::{
    FoundNames, MISSED_A_DAY_SECS, Miss, Waiting, WantedFile, claim, forget, keep, miss, misses_since, next,
    note_later, scan,
};
pub use rename::{Renaming, rename_next};

#[cfg(test)]
mod tests;
