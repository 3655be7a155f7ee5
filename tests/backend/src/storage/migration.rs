//! The way from an older schema to today's, in words.

use std::fmt;

/// What has been done to a database, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The version that it had; 0 if it was empty or not there.
    pub from: usize,
    /// The steps, each in words.
    pub steps: Vec<&'static str>,
}

impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.from + self.steps.len();
        if self.steps.is_empty() {
            return writeln!(f, "telem-collector: schema {to} is today's");
        }
        for (step, version) in self.steps.iter().zip(self.from + 1..) {
            writeln!(f, "telem-collector: schema {version} of {to}: {step}")?;
        }
        Ok(())
    }
}
