//! How long records are kept, and whether machines may have them deleted before.

use clap::{Args, ValueEnum};

use crate::retention::{KeepRule, KeepTime, Retention};

/// How long records are kept.
#[derive(Args, Clone, Debug)]
pub struct Keep {
    /// Days from its reception that a record is kept which nothing else names; 0 or `forever` for no end
    #[arg(long, value_name = "DAYS", default_value = "35")]
    keep_days: KeepTime,

    /// A time for a classification, in which `*` stands for any characters; repeatable
    #[arg(long, value_name = "CLASS=DAYS", value_parser = KeepRule::for_class)]
    keep: Vec<KeepRule>,

    /// A time for a severity of 1 to 4; repeatable
    #[arg(long, value_name = "N=DAYS", value_parser = KeepRule::for_severity)]
    keep_severity: Vec<KeepRule>,

    /// A time for a machine id; repeatable
    #[arg(long, value_name = "ID=DAYS", value_parser = KeepRule::for_machine)]
    keep_machine: Vec<KeepRule>,
}

impl Keep {
    /// All of them together.
    #[must_use]
    pub fn rules(&self) -> Retention {
        let rules = self.keep.iter().chain(&self.keep_severity).chain(&self.keep_machine);
        Retention::new(self.keep_days, rules.cloned().collect())
    }
}

/// Whether machines may ask to be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Forgetting {
    /// They may, and prove that it is theirs
    #[default]
    Accept,
    /// Such requests are answered 404
    Off,
}
