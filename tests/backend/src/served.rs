//! The parts of a collector's work.

use clap::ValueEnum;

/// What a collector serves. Collectors of one database may share the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Served {
    /// What machines speak: records are taken, stored and purged
    Intake,
    /// What people read: nothing is written, and another collector takes the records
    Pages,
    /// Both
    All,
}
