//! What is asked of a buffer, or of a collector that fetches.

use clap::Subcommand;

use super::Database;

/// What is asked.
#[derive(Clone, Debug, Subcommand)]
pub enum SyncCommand {
    /// Show what waits here, what was lost, and how fetching from each source stands
    Status {
        /// Where the records are
        #[command(flatten)]
        database: Database,
    },

    /// Let another collector free what waits in this buffer, without waiting for a day of silence of the one who did
    Release {
        /// Where the records are
        #[command(flatten)]
        database: Database,
    },
}
