//! `status/months`: what each check of a named machine was over a month, in six shares that add up to all of it.

use std::sync::Arc;

use axum::response::Response;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::super::Problem;
use super::super::ask::Ask;
use super::super::lists::{limit, numbers, text};
use super::super::{List, Page};
use crate::status::month::Change;
use crate::status::zone::CalendarMonth;
use crate::status::{Contact, Named, Presence, Shares, Spans};
use crate::storage::samples::{CheckChange, Downtime};
use crate::storage::{Answers, StorageError};
use crate::web::Machines;

const COLUMNS: &[&str] = &[
    "group", "machine", "check", "month", "seconds", "ok", "warning", "critical", "unknown", "none",
    "planned", "ok_share",
];

/// Months of one check: as long as changes are kept, and the one that goes on.
const MONTHS: usize = 26;

/// What is asked for.
#[derive(Debug)]
struct Asked {
    machine: Option<Named>,
    check: Option<String>,
    group: Option<String>,
    month: Option<CalendarMonth>,
    skip: Place,
    limit: usize,
}

/// Machines and checks before a row.
type Place = (usize, usize);

/// A check in a month.
#[derive(Debug)]
struct MonthRow {
    group: Option<String>,
    machine: String,
    check: String,
    month: CalendarMonth,
    shares: Shares,
}

/// The page.
pub(in crate::web::site) async fn list(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["machine", "check", "group", "month", "limit", "after"]])?;
    let asked = asked(&ask)?;
    let machines = Arc::clone(&ask.app.machines);
    let month = asked.month.unwrap_or_else(|| machines.zone.month_of(ask.now_secs));
    let is_of_check = asked.machine.is_some() && asked.check.is_some() && asked.month.is_none();
    let (rows, next) =
        ask.app.store.answer(ask.now_secs, move |answers| rows(answers, &machines, &asked)).await?;
    let context = context! {
        months => rows.iter().map(value).collect::<Vec<_>>(),
        month => month.to_string(),
        previous => month.previous().to_string(),
        following => month.next().to_string(),
        is_of_check,
        names => ask.app.machines.roster.all().count(),
        zone => ask.app.machines.zone.name(),
        given => ask.given(),
        is_first => ask.first("after").is_none(),
    };
    let next = next.map(|(machine, check)| format!("{machine}_{check}"));
    let list = List { name: "months", columns: COLUMNS, rows: rows.iter().map(json).collect(), next };
    let json = json!({ "time_zone": ask.app.machines.zone.name() });
    ask.page(Page::new("months.html", "Months", context).with_json(json).with_list(list))
}

fn asked(ask: &Ask) -> Result<Asked, Problem> {
    let named = |name: &str| {
        let no_name = || {
            Problem::not_found(format_args!(
                "machine named {name:.64}; months are of [machine NAME] and [pull NAME] alone"
            ))
        };
        ask.app.machines.roster.of_name(name).cloned().ok_or_else(no_name)
    };
    let [machine, check] = numbers::<2>(ask)?.unwrap_or([0, 0]);
    let number = |number: i64| usize::try_from(number).unwrap_or(0);
    Ok(Asked {
        machine: text(ask, "machine")?.as_deref().map(named).transpose()?,
        check: text(ask, "check")?,
        group: text(ask, "group")?,
        month: ask.query().value("month", "a month such as 2026-03", CalendarMonth::parse)?,
        skip: (number(machine), number(check)),
        limit: limit(ask)?,
    })
}

/// The rows, and where those after them begin.
fn rows(
    answers: &mut Answers<'_>,
    machines: &Machines,
    asked: &Asked,
) -> Result<(Vec<MonthRow>, Option<Place>), StorageError> {
    let now = machines.zone.month_of(answers.now_secs());
    if let (Some(machine), Some(check), None) = (&asked.machine, &asked.check, asked.month) {
        return Ok((months_of(answers, machines, machine, check, now)?, None));
    }
    let month = asked.month.unwrap_or(now);
    let is_wanted = |named: &&Named| {
        asked.machine.as_ref().is_none_or(|machine| machine == *named)
            && asked.group.as_ref().is_none_or(|group| named.group.as_ref() == Some(group))
    };
    let mut all: Vec<&Named> = machines.roster.all().filter(is_wanted).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let mut found = Vec::new();
    let mut month = Month::new(answers, machines, month)?;
    for (place, named) in all.into_iter().enumerate().skip(asked.skip.0) {
        let first = if place == asked.skip.0 { asked.skip.1 } else { 0 };
        let mut checks = month.answers.checks_changed(&named.key)?;
        checks.retain(|name| asked.check.as_ref().is_none_or(|check| check == name));
        for (number, check) in checks.into_iter().enumerate().skip(first) {
            if found.len() == asked.limit {
                return Ok((found, Some((place, number))));
            }
            found.extend(month.row(named, check)?);
        }
    }
    Ok((found, None))
}

/// The months of one check, the newest first, as far back as anything is known.
fn months_of(
    answers: &mut Answers<'_>,
    machines: &Machines,
    named: &Named,
    check: &str,
    mut at: CalendarMonth,
) -> Result<Vec<MonthRow>, StorageError> {
    let mut found = Vec::new();
    for _ in 0..MONTHS {
        let Some(row) = Month::new(answers, machines, at)?.row(named, check.to_owned())? else { break };
        found.push(row);
        at = at.previous();
    }
    Ok(found)
}

/// A month up to now, and what was planned in it.
struct Month<'a, 'b> {
    answers: &'a mut Answers<'b>,
    machines: &'a Machines,
    month: CalendarMonth,
    bounds: (i64, i64),
    planned: Vec<Downtime>,
}

impl<'a, 'b> Month<'a, 'b> {
    fn new(
        answers: &'a mut Answers<'b>,
        machines: &'a Machines,
        month: CalendarMonth,
    ) -> Result<Self, StorageError> {
        // Of what the calendar does not have, nothing.
        let (start, end) = machines.zone.bounds(month).unwrap_or_default();
        let bounds = (start, end.min(answers.now_secs()));
        let planned = answers.downtimes(bounds.0, bounds.1)?;
        Ok(Self { answers, machines, month, bounds, planned })
    }

    /// A check; none before it was known, and in a month that has not begun.
    fn row(&mut self, named: &Named, check: String) -> Result<Option<MonthRow>, StorageError> {
        let (from, until) = self.bounds;
        if from >= until {
            return Ok(None);
        }
        let changes = self.answers.check_changes(&named.key, &check, from, until)?;
        if changes.is_empty() {
            return Ok(None);
        }
        let change = |one: CheckChange| Change { since_secs: one.at_secs, state: one.state };
        let changes: Vec<Change> = changes.into_iter().map(change).collect();
        let of_check = |one: &&Downtime| {
            one.machine == named.key && one.check.as_ref().is_none_or(|planned| *planned == check)
        };
        let planned = self.planned.iter().filter(of_check).map(|one| (one.from_secs, one.until_secs));
        let weekly = named.downtime.spans(&self.machines.zone, self.bounds);
        let planned = Spans::new(planned.collect()).with(&weekly);
        let silent = self.silent(named)?;
        let shares = Shares::new(self.bounds, &changes, &silent, &planned);
        let (group, machine) = (named.group.clone(), named.name.clone());
        Ok(Some(MonthRow { group, machine, check, month: self.month, shares }))
    }

    /// When it was silent: what is kept of that, and what goes on.
    fn silent(&mut self, named: &Named) -> Result<Spans, StorageError> {
        let mut silent = self.answers.silences(&named.key, self.bounds.0, self.bounds.1)?;
        if let Some(machine) = self.answers.state_machine(&named.key)? {
            let contact = Contact {
                is_named: true,
                first_secs: machine.first_seen_secs,
                last_secs: machine.last_seen_secs,
                interval_secs: named.interval_secs.or(machine.interval_secs),
            };
            if contact.presence(self.answers.now_secs()) == Presence::Silent {
                // Nothing is known since its last word.
                silent.push((machine.last_seen_secs, self.bounds.1));
            }
        }
        Ok(Spans::new(silent).within(self.bounds))
    }
}

fn value(row: &MonthRow) -> Value {
    let shares = &row.shares;
    let total = shares.total().max(1);
    let share = |name: &str, secs: u64| context! { name, secs, text => duration(secs), part => secs as f64 / total as f64 };
    context! {
        group => row.group.clone(),
        machine => row.machine.clone(),
        check => row.check.clone(),
        month => row.month.to_string(),
        whole => duration(shares.total()),
        shares => [
            share("ok", shares.ok), share("warning", shares.warning), share("critical", shares.critical),
            share("unknown", shares.unknown), share("none", shares.none), share("planned", shares.planned),
        ].to_vec(),
        ok_share => shares.ok_share().map(percent),
    }
}

fn json(row: &MonthRow) -> Json {
    let shares = &row.shares;
    json!({
        "group": row.group, "machine": row.machine, "check": row.check, "month": row.month.to_string(),
        "seconds": shares.total(), "ok": shares.ok, "warning": shares.warning, "critical": shares.critical,
        "unknown": shares.unknown, "none": shares.none, "planned": shares.planned,
        "ok_share": shares.ok_share().map(|hundredths| hundredths as f64 / 100.0),
    })
}

/// Hundredths of a percent.
fn percent(hundredths: u64) -> String {
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// Days and a time of day, to the second.
fn duration(secs: u64) -> String {
    let (days, rest) = (secs / 86_400, secs % 86_400);
    let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days > 0 { format!("{days} d {time}") } else { time }
}

#[cfg(test)]
mod truth;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_to_the_second_and_the_hundredth() {
        assert_eq!(
            (duration(0), duration(86_399), duration(2_678_401)),
            ("00:00:00".into(), "23:59:59".into(), "31 d 00:00:01".into())
        );
        assert_eq!(
            (percent(10_000), percent(9_999), percent(5)),
            ("100.00 %".into(), "99.99 %".into(), "0.05 %".into())
        );
    }
}
