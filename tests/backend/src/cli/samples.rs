//! How long samples are kept, and in whose days people think.

use clap::{Args, value_parser};
use jiff::tz::TimeZone;

use crate::samples::KeepSamples;

/// Samples of machines, and the states of their checks.
#[derive(Args, Clone, Debug)]
pub struct SampleOptions {
    /// Days from its reception that a sample of a machine is kept
    #[arg(long, value_name = "DAYS", default_value_t = 3, value_parser = value_parser!(u32).range(1..=400))]
    samples_days: u32,

    /// Days that the hours of samples are kept
    #[arg(long, value_name = "DAYS", default_value_t = 35, value_parser = value_parser!(u32).range(1..=3660))]
    sample_hours_days: u32,

    /// Days that the days of samples, and changes of checks, are kept
    #[arg(long, value_name = "DAYS", default_value_t = 760, value_parser = value_parser!(u32).range(1..=36_500))]
    sample_days_days: u32,

    /// Time zone of months, planned downtime and the times that people give, such as Europe/Vienna; that of this machine if it is
    /// left out
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    time_zone: Option<TimeZone>,
}

impl SampleOptions {
    /// How long samples are kept.
    #[must_use]
    pub fn keep(&self) -> KeepSamples {
        KeepSamples {
            samples_days: self.samples_days,
            hours_days: self.sample_hours_days,
            days_days: self.sample_days_days,
        }
    }

    /// The time zone of people.
    #[must_use]
    pub fn time_zone(&self) -> TimeZone {
        self.time_zone.clone().unwrap_or_else(TimeZone::system)
    }
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        "there is no such time zone; one is like Europe/Vienna, as in /usr/share/zoneinfo".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Options;
    use crate::samples::KeepSamples;

    #[test]
    fn samples_have_their_days_and_people_their_zone() {
        let options = Options::parse_from(["telem-collector"]);
        assert_eq!(options.samples.keep(), KeepSamples::default());
        let args = [
            "telem-collector",
            "--samples-days",
            "1",
            "--sample-days-days=9",
            "--time-zone",
            "Europe/Vienna",
        ];
        let options = Options::parse_from(args);
        assert_eq!(options.samples.keep(), KeepSamples { samples_days: 1, hours_days: 35, days_days: 9 });
        assert_eq!(options.samples.time_zone().iana_name(), Some("Europe/Vienna"));
        for wrong in
            [["--samples-days", "0"], ["--sample-hours-days", "x"], ["--time-zone", "Europe/Nowhere"]]
        {
            assert!(Options::try_parse_from(["telem-collector"].iter().chain(&wrong)).is_err(), "{wrong:?}");
        }
    }
}
