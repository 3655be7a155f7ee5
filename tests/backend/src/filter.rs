//! Which records a query of `/api/records` or `/telemetryui` asks for. Pure: the time comes in later.

use std::fmt;

use crate::limits::{MAX_CREATED_IN_DAYS, MAX_FILTER_BYTES, MAX_RECORDS_ANSWERED};
use crate::record::{ClassPattern, Field, Rule, is_build, quoted, strip_quotes};
use crate::timestamp::parse_utc;

const DAY_SECS: u32 = 24 * 60 * 60;
const MAX_CREATED_IN_SECS: u32 = MAX_CREATED_IN_DAYS * DAY_SECS;

/// A query. Records must match all that is given; the newest ids come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// `severity`.
    pub severity: Option<u8>,
    /// `classification`, which may end in `*`.
    pub classification: Option<ClassPattern>,
    /// `build`, without quotes.
    pub build: Option<String>,
    /// `machine_id`.
    pub machine_id: Option<String>,
    /// `created_in_sec` or `created_in_days`: captured at most so many seconds ago.
    pub created_in_secs: Option<u32>,
    /// `from_id`: this id and those after it.
    pub from_id: Option<i64>,
    /// `ts_capture`: captured at this very second, in Unix seconds.
    pub captured_secs: Option<i64>,
    /// `limit`: so many records at most.
    pub limit: u32,
}

/// A query that cannot be answered. Every message names the parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterError {
    /// No parameter has this name.
    Unknown(String),
    /// A parameter is there twice, or two are there of which one is allowed.
    Twice(&'static str),
    /// A value is wrong.
    Wrong {
        /// The parameter.
        name: &'static str,
        /// Its value, shortened.
        given: String,
        /// What would be right.
        allowed: String,
    },
}

impl Filter {
    /// All records, `limit` of them at most.
    #[must_use]
    pub fn all(limit: u32) -> Self {
        Self {
            severity: None,
            classification: None,
            build: None,
            machine_id: None,
            created_in_secs: None,
            from_id: None,
            captured_secs: None,
            limit,
        }
    }

    /// Reads the parameters of a query; `limit` is what holds if it names none.
    ///
    /// # Errors
    /// On an unknown parameter, one given twice, or a wrong value.
    pub fn parse(pairs: &[(String, String)], limit: u32) -> Result<Self, FilterError> {
        let mut filter = Self::all(limit);
        let mut limit = None;
        for (name, given) in pairs {
            let value = (given.len() <= MAX_FILTER_BYTES).then_some(given.as_str());
            match name.as_str() {
                "severity" => {
                    let wrong = Wrong("severity", given, "1 to 4");
                    set(&mut filter.severity, value.and_then(|v| in_range(v, 1, 4)), wrong)?;
                }
                "classification" => {
                    let wrong = Wrong("classification", given, ClassPattern::ALLOWED);
                    set(&mut filter.classification, value.and_then(ClassPattern::parse), wrong)?;
                }
                "build" => {
                    let wrong = Wrong("build", given, "letters, digits, '-', '_' and '.'");
                    let build = value.filter(|v| is_build(v)).map(|v| strip_quotes(v).to_owned());
                    set(&mut filter.build, build, wrong)?;
                }
                "machine_id" => {
                    let rule = Rule::of(Field::MachineId);
                    let machine = value.filter(|v| (rule.holds)(v)).map(str::to_owned);
                    set(&mut filter.machine_id, machine, Wrong("machine_id", given, rule.allowed))?;
                }
                "created_in_days" => {
                    let days = value.and_then(|v| in_range(v, 1, MAX_CREATED_IN_DAYS));
                    let wrong = Wrong("created_in_days", given, &format!("1 to {MAX_CREATED_IN_DAYS}"));
                    set(&mut filter.created_in_secs, days.map(|days| days * DAY_SECS), wrong)?;
                }
                "created_in_sec" => {
                    let secs = value.and_then(|v| in_range(v, 1, MAX_CREATED_IN_SECS));
                    let wrong = Wrong("created_in_sec", given, &format!("1 to {MAX_CREATED_IN_SECS}"));
                    set(&mut filter.created_in_secs, secs, wrong)?;
                }
                "from_id" => {
                    let id = value.and_then(|v| in_range(v, 0, i64::MAX));
                    set(&mut filter.from_id, id, Wrong("from_id", given, "the id of a record"))?;
                }
                "ts_capture" => {
                    let wrong =
                        Wrong("ts_capture", given, "a time such as 2015-09-30 00:39:35 UTC, or Unix seconds");
                    set(&mut filter.captured_secs, value.and_then(parse_utc), wrong)?;
                }
                "limit" => {
                    let most = value.and_then(|v| in_range(v, 1, MAX_RECORDS_ANSWERED));
                    set(&mut limit, most, Wrong("limit", given, &format!("1 to {MAX_RECORDS_ANSWERED}")))?;
                }
                _ => return Err(FilterError::Unknown(quoted(name))),
            }
        }
        filter.limit = limit.unwrap_or(filter.limit);
        Ok(filter)
    }
}

/// What to say if a value is wrong: its parameter, the value, what is allowed.
struct Wrong<'a>(&'static str, &'a str, &'a str);

fn set<T>(slot: &mut Option<T>, value: Option<T>, wrong: Wrong<'_>) -> Result<(), FilterError> {
    let Wrong(name, given, allowed) = wrong;
    if slot.is_some() {
        return Err(FilterError::Twice(name));
    }
    match value {
        Some(value) => *slot = Some(value),
        None => return Err(FilterError::Wrong { name, given: quoted(given), allowed: allowed.to_owned() }),
    }
    Ok(())
}

fn in_range<N: std::str::FromStr + PartialOrd>(text: &str, first: N, last: N) -> Option<N> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number >= first && *number <= last)
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(
                f,
                "{name} is no filter; allowed: severity, classification, build, machine_id, created_in_days, \
                 created_in_sec, from_id, ts_capture, limit"
            ),
            Self::Twice(name @ ("created_in_days" | "created_in_sec")) => {
                write!(f, "{name} is too much; allowed: created_in_days or created_in_sec, once")
            }
            Self::Twice(name) => write!(f, "{name} is given twice; allowed: once"),
            Self::Wrong { name, given, allowed } => write!(f, "{name} is {given}; allowed: {allowed}"),
        }
    }
}

impl std::error::Error for FilterError {}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
