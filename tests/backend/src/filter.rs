//! Which records a query of `/api/records` or `/telemetryui` asks for. Pure: the time comes in later.
//!
//! Parameters that have no meaning here are ignored, and of a repeated one the first counts, as the API's first
//! server did.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::limits::{
    MAX_CREATED_IN_DAYS, MAX_FILTER_BYTES, MAX_PATTERN_BYTES, MAX_RECORDS_ANSWERED, RECORDS_ON_PAGE,
};
use crate::record::{ClassPattern, Field, Rule, quoted, without_quotes};
use crate::timestamp::parse_utc;

const DAY_SECS: u32 = 24 * 60 * 60;
const MAX_CREATED_IN_SECS: u32 = MAX_CREATED_IN_DAYS * DAY_SECS;

/// Builds that a query may name are under this.
const BUILD_CHARS: usize = 200;

/// Where a query comes from, which decides what it may name and what holds if it names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `/api/records`: the last 30 days, 1000 records.
    Api,
    /// The page: without an end, 100 records, and patterns for payloads.
    Page,
}

/// A query. Records must match all that is given; the newest ids come first.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// `severity`.
    pub severity: Option<u8>,
    /// `classification`, which may end in `*`.
    pub classification: Option<ClassPattern>,
    /// `build`, without quotes.
    pub build: Option<String>,
    /// `machine_id`.
    pub machine_id: Option<String>,
    /// `created_in_days` or `created_in_sec`: received up to N seconds ago.
    pub received_within_secs: Option<u32>,
    /// `from_id`: this id and those after it.
    pub from_id: Option<i64>,
    /// `before_id`: ids below it.
    pub before_id: Option<i64>,
    /// Of this group.
    pub group_id: Option<i64>,
    /// Of this event, as far as they are in a group.
    pub event_id: Option<String>,
    /// `ts_capture`: captured after this second, in Unix seconds.
    pub captured_after_secs: Option<i64>,
    /// `payload`: the payload has to match.
    pub payload: Option<Pattern>,
    /// `not_payload`: the payload must not match.
    pub not_payload: Option<Pattern>,
    /// `limit`: up to N records.
    pub limit: u32,
}

/// A regular expression, in the syntax of the crate `regex`: it takes linear time, whatever it is.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        RegexBuilder::new(text).size_limit(MAX_PATTERN_BYTES).build().ok().map(Self)
    }

    /// Whether it is found anywhere in a payload.
    #[must_use]
    pub fn matches(&self, payload: &str) -> bool {
        self.0.is_match(payload)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// A value that a parameter cannot have. The message names the parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    name: &'static str,
    /// Shortened.
    given: String,
    allowed: String,
}

impl Filter {
    /// All records, up to `limit` of them.
    #[must_use]
    pub fn all(limit: u32) -> Self {
        Self {
            severity: None,
            classification: None,
            build: None,
            machine_id: None,
            received_within_secs: None,
            from_id: None,
            before_id: None,
            group_id: None,
            event_id: None,
            captured_after_secs: None,
            payload: None,
            not_payload: None,
            limit,
        }
    }

    /// Reads the parameters of a query.
    ///
    /// # Errors
    /// On a wrong value.
    pub fn parse(pairs: &[(String, String)], scope: Scope) -> Result<Self, FilterError> {
        let query = Query(pairs);
        let class = |value: &str| ClassPattern::parse(value);
        let machine = Rule::for_field(Field::MachineId);
        let id = |value: &str| in_range(value, 0, i64::MAX);
        let time = "a time such as 2015-09-30 00:39:35 UTC, or Unix seconds";
        let limit = query.value("limit", &format!("0 to {MAX_RECORDS_ANSWERED}"), |v| {
            in_range(v, 0, MAX_RECORDS_ANSWERED)
        })?;
        let mut filter = Self {
            severity: query.value("severity", "1 to 4", |v| in_range(v, 1, 4))?,
            classification: query.value("classification", ClassPattern::ALLOWED, class)?,
            build: query.value("build", "under 200 printable characters", build)?,
            machine_id: query
                .value("machine_id", machine.allowed, |v| (machine.holds)(v).then(|| v.to_owned()))?,
            received_within_secs: received_within(query)?,
            from_id: query.value("from_id", "the id of a record", id)?,
            before_id: query.value("before_id", "the id of a record", id)?,
            captured_after_secs: query.value("ts_capture", time, parse_utc)?,
            ..Self::all(limit.unwrap_or(scope.limit()))
        };
        match scope {
            Scope::Api => {
                filter.received_within_secs = filter.received_within_secs.or(Some(MAX_CREATED_IN_SECS));
            }
            Scope::Page => {
                let allowed = "a regular expression in the syntax of the crate regex";
                filter.payload = query.value("payload", allowed, Pattern::parse)?;
                filter.not_payload = query.value("not_payload", allowed, Pattern::parse)?;
            }
        }
        Ok(filter)
    }

    /// The earliest reception that is asked for, in Unix seconds.
    #[must_use]
    pub fn received_since_secs(&self, now_secs: i64) -> Option<i64> {
        self.received_within_secs.map(|secs| now_secs.saturating_sub(i64::from(secs)))
    }

    /// Whether a payload is one of those asked for.
    #[must_use]
    pub fn takes_payload(&self, payload: &str) -> bool {
        self.payload.as_ref().is_none_or(|pattern| pattern.matches(payload))
            && !self.not_payload.as_ref().is_some_and(|pattern| pattern.matches(payload))
    }
}

impl Scope {
    fn limit(self) -> u32 {
        match self {
            Self::Api => MAX_RECORDS_ANSWERED,
            Self::Page => RECORDS_ON_PAGE,
        }
    }
}

/// The names and values of a query, in their order.
#[derive(Clone, Copy)]
struct Query<'a>(&'a [(String, String)]);

impl Query<'_> {
    /// What `read` makes of the first value of this name.
    fn value<T>(
        self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, FilterError> {
        let Some((_, given)) = self.0.iter().find(|(given, _)| given == name) else { return Ok(None) };
        let value = (given.len() <= MAX_FILTER_BYTES).then_some(given.as_str()).and_then(read);
        match value {
            Some(value) => Ok(Some(value)),
            None => Err(FilterError { name, given: quoted(given), allowed: allowed.to_owned() }),
        }
    }
}

/// Days win over seconds, and both reach back 30 days and no further.
fn received_within(query: Query<'_>) -> Result<Option<u32>, FilterError> {
    let number = |value: &str| is_digits(value).then(|| value.parse().unwrap_or(u32::MAX));
    let days = query.value("created_in_days", "a number of days", number)?;
    let secs = query.value("created_in_sec", "a number of seconds", number)?;
    Ok(days.map(|days| days.saturating_mul(DAY_SECS)).or(secs).map(|secs| secs.min(MAX_CREATED_IN_SECS)))
}

fn build(value: &str) -> Option<String> {
    let bare = without_quotes(value);
    let good = bare.chars().count() < BUILD_CHARS && !bare.chars().any(char::is_control);
    good.then_some(bare)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn in_range<N: std::str::FromStr + PartialOrd>(text: &str, first: N, last: N) -> Option<N> {
    text.parse().ok().filter(|number| is_digits(text) && *number >= first && *number <= last)
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}; allowed: {}", self.name, self.given, self.allowed)
    }
}

impl std::error::Error for FilterError {}

#[cfg(test)]
mod tests;
