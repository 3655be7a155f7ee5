//! How long samples are kept.

const DAY_SECS: i64 = 86_400;

/// How long samples, hours and days are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepSamples {
    /// Days of samples, from their reception.
    pub samples_days: u32,
    /// Days of hours.
    pub hours_days: u32,
    /// Days of days, and of changes of checks.
    pub days_days: u32,
}

impl Default for KeepSamples {
    fn default() -> Self {
        Self { samples_days: 3, hours_days: 35, days_days: 760 }
    }
}

impl KeepSamples {
    /// Samples that were received before are over.
    #[must_use]
    pub fn samples_from(&self, now_secs: i64) -> i64 {
        now_secs.saturating_sub(i64::from(self.samples_days) * DAY_SECS)
    }

    /// Hours before are over: whole days of them, so that each day is made of all its hours or of none.
    #[must_use]
    pub fn hours_from(&self, now_secs: i64) -> i64 {
        start_of_day(now_secs.saturating_sub(i64::from(self.hours_days) * DAY_SECS))
    }

    /// Days before are over.
    #[must_use]
    pub fn days_from(&self, now_secs: i64) -> i64 {
        start_of_day(now_secs.saturating_sub(i64::from(self.days_days) * DAY_SECS))
    }
}

fn start_of_day(secs: i64) -> i64 {
    secs.saturating_sub(secs.rem_euclid(DAY_SECS))
}
