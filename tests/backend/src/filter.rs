//! Which records a query of `/api/records` or `/telemetryui` asks for. Pure: the time comes in later.
//!
//! Parameters that have no meaning here are ignored, and of a repeated one the first counts, as the API's first
//! server did.

use std::fmt;

use crate::limits::{MAX_CREATED_IN_DAYS, MAX_DAYS, MAX_FILTER_BYTES, MAX_RECORDS_ANSWERED, RECORDS_ON_PAGE};
use crate::record::{ClassPattern, Field, Rule, quoted, without_quotes};
use crate::timestamp::{parse_day_secs, parse_utc};

mod failure;
mod pattern;

pub use failure::{FailureFilter, GroupsMeant};
pub use pattern::Pattern;

const DAY_SECS: u32 = 24 * 60 * 60;
const MAX_CREATED_IN_SECS: u32 = MAX_CREATED_IN_DAYS * DAY_SECS;

/// Builds that a query may name are under this.
const BUILD_CHARS: usize = 200;

/// Where a query comes from, which decides what it may name and what holds if it names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `/api/records`: the last 30 days, 1000 records.
    Api,
    /// Pages: without an end, 50 records, and filters of their own.
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
    /// What only pages ask for.
    pub page: PageFilter,
    /// Of one of these groups: what the conditions on failures turned out to mean.
    pub groups: Option<GroupsMeant>,
    /// Of this guilty, as the Flask backend grouped.
    pub guilty_id: Option<i64>,
    /// Of the classes alone that have a guilty.
    pub may_have_guilty: bool,
    /// `limit`: up to N records.
    pub limit: u32,
}

/// What only pages ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageFilter {
    /// `min_severity`: this severity and those above it.
    pub min_severity: Option<u8>,
    /// `system_name`, or `os_name` as the Flask backend calls it.
    pub system_name: Option<String>,
    /// `host_type`.
    pub host_type: Option<String>,
    /// `cpu_model`.
    pub cpu_model: Option<String>,
    /// `kernel_version`.
    pub kernel_version: Option<String>,
    /// `data_source`: `external` or `internal`.
    pub external: Option<bool>,
    /// `from_date`: captured on this UTC day or later, in Unix seconds.
    pub captured_from_secs: Option<i64>,
    /// `to_date`: captured before this UTC day, in Unix seconds.
    pub captured_before_secs: Option<i64>,
    /// `days`: received on one of the last N UTC days, today among them.
    pub received_days: Option<u32>,
    /// Unless `heartbeats=yes` or a classification is given: heartbeats are left out.
    pub without_heartbeats: bool,
    /// What the failure is.
    pub failure: FailureFilter,
}

/// The class of which two thirds of all records are.
pub const HEARTBEAT: &str = "org.clearlinux/heartbeat/ping";

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
            page: PageFilter::default(),
            groups: None,
            guilty_id: None,
            may_have_guilty: false,
            limit,
        }
    }

    /// Reads the parameters of a query.
    ///
    /// # Errors
    /// On a wrong value.
    pub fn parse(pairs: &[(String, String)], scope: Scope) -> Result<Self, FilterError> {
        let query = Query(pairs);
        // The Flask backend's menu has `%` where ours has `*`.
        let class = |value: &str| match value.strip_suffix('%').filter(|_| scope == Scope::Page) {
            Some(start) => ClassPattern::parse(&format!("{start}*")),
            None => ClassPattern::parse(value),
        };
        let machine = Rule::for_field(Field::MachineId);
        let id = |value: &str| in_range(value, 0, i64::MAX);
        let time = "a time such as 2015-09-30 00:39:35 UTC, or Unix seconds";
        let limit = query.value("limit", &format!("0 to {MAX_RECORDS_ANSWERED}"), |v| {
            in_range(v, 0, MAX_RECORDS_ANSWERED)
        })?;
        let mut filter = Self {
            severity: query.value("severity", "1 to 4", |v| in_range(v, 1, 4))?,
            classification: query.value("classification", ClassPattern::ALLOWED, class)?,
            build: query.value("build", SHORT_TEXT, short_text)?,
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
            Scope::Page => filter.read_page(query)?,
        }
        Ok(filter)
    }

    fn read_page(&mut self, query: Query<'_>) -> Result<(), FilterError> {
        self.payload = Pattern::read(query, "payload")?;
        self.not_payload = Pattern::read(query, "not_payload")?;
        let page_size = format!("1 to {MAX_RECORDS_ANSWERED}");
        let size = query.value("page_size", &page_size, |v| in_range(v, 1, MAX_RECORDS_ANSWERED))?;
        self.limit = size.filter(|_| !query.has("limit")).unwrap_or(self.limit);
        let os_name = query.value("os_name", SHORT_TEXT, short_text)?;
        let heartbeats = query.value("heartbeats", "yes or no", |v| one_of(v, "yes", "no"))?;
        let date = "a day such as 2026-01-31";
        self.event_id = query.value("event_id", "32 lower-case hexadecimal digits", event_id)?;
        self.group_id = query.value("group", "the number of a group", |v| in_range(v, 0, i64::MAX))?;
        self.page = PageFilter {
            min_severity: query.value("min_severity", "1 to 4", |v| in_range(v, 1, 4))?,
            system_name: query.value("system_name", SHORT_TEXT, short_text)?.or(os_name),
            host_type: query.value("host_type", LONG_TEXT, long_text)?,
            cpu_model: query.value("cpu_model", LONG_TEXT, long_text)?,
            kernel_version: query.value("kernel_version", LONG_TEXT, long_text)?,
            external: query
                .value("data_source", "external or internal", |v| one_of(v, "external", "internal"))?,
            captured_from_secs: query.value("from_date", date, parse_day_secs)?,
            captured_before_secs: query.value("to_date", date, parse_day_secs)?,
            received_days: query.value("days", &format!("1 to {MAX_DAYS}"), |v| in_range(v, 1, MAX_DAYS))?,
            without_heartbeats: self.classification.is_none() && heartbeats != Some(true),
            failure: FailureFilter::read(query)?,
        };
        Ok(())
    }

    /// The earliest reception that is asked for, in Unix seconds.
    #[must_use]
    pub fn received_since_secs(&self, now_secs: i64) -> Option<i64> {
        let within = self.received_within_secs.map(|secs| now_secs.saturating_sub(i64::from(secs)));
        let today_secs = now_secs.div_euclid(i64::from(DAY_SECS)) * i64::from(DAY_SECS);
        let since_day = |days: u32| today_secs - i64::from(days.saturating_sub(1)) * i64::from(DAY_SECS);
        within.max(self.page.received_days.map(since_day))
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
#[derive(Clone, Copy, Debug)]
pub struct Query<'a>(pub &'a [(String, String)]);

impl Query<'_> {
    /// Whether there is a value of this name.
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }

    /// What `read` makes of the first value of this name.
    ///
    /// # Errors
    /// If `read` makes nothing of it.
    pub fn value<T>(
        self,
        name: &'static str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, FilterError> {
        let Some((_, given)) = self.0.iter().find(|(given, _)| given == name) else { return Ok(None) };
        let value = (given.len() <= MAX_FILTER_BYTES).then_some(given.as_str()).and_then(read);
        match value {
            Some(value) => Ok(Some(value)),
            None => Err(FilterError::new(name, given, allowed)),
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

const SHORT_TEXT: &str = "under 200 printable characters";
const LONG_TEXT: &str = "up to 250 printable characters";

/// Without quotes, as builds and names of systems are stored.
fn short_text(value: &str) -> Option<String> {
    let bare = without_quotes(value);
    let good = bare.chars().count() < BUILD_CHARS && !bare.chars().any(char::is_control);
    good.then_some(bare)
}

fn long_text(value: &str) -> Option<String> {
    (!value.chars().any(char::is_control)).then(|| value.to_owned())
}

fn event_id(value: &str) -> Option<String> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (value.len() == 32 && value.bytes().all(is_hex)).then(|| value.to_owned())
}

/// Whether it is the first of two words.
fn one_of(value: &str, first: &str, second: &str) -> Option<bool> {
    (value == first || value == second).then_some(value == first)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A decimal number from `first` to `last`.
pub fn in_range<N: std::str::FromStr + PartialOrd>(text: &str, first: N, last: N) -> Option<N> {
    text.parse().ok().filter(|number| is_digits(text) && *number >= first && *number <= last)
}

impl FilterError {
    /// That of a value of a parameter.
    #[must_use]
    pub fn new(name: &'static str, given: &str, allowed: impl Into<String>) -> Self {
        Self { name, given: quoted(given), allowed: allowed.into() }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}; allowed: {}", self.name, self.given, self.allowed)
    }
}

impl std::error::Error for FilterError {}

#[cfg(test)]
mod tests;
