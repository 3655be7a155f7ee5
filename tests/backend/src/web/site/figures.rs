//! Charts of what the database answers.

use std::collections::BTreeMap;

use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use crate::charts::{Bars, Figure, Line, Lines, Point, short_number, spark};
use crate::groups::counting::Rate;
use crate::storage::answers::{Heard, RateOfDay, VersionOfDay};
use crate::timestamp::format_day;

/// Lines that one can tell apart.
const LINES: usize = 7;

/// A rate with both its numbers and its interval.
pub(super) fn rate_value(rate: Rate) -> Value {
    context! {
        rate => rate.rate,
        low => rate.interval.low,
        high => rate.interval.high,
        records => rate.records,
        machines => rate.machine_days,
        is_grey => rate.is_grey,
    }
}

pub(super) fn rate_json(rate: Rate) -> Json {
    json!({
        "records": rate.records, "machines": rate.machine_days, "rate": rate.rate,
        "low": rate.interval.low, "high": rate.interval.high,
    })
}

fn safe(figure: &Figure<'_>) -> Value {
    Value::from_safe_string(figure.html())
}

/// The days of a window, and how they are written below a chart.
fn window(days: i64, last_day: i64) -> (Vec<i64>, Vec<String>) {
    let days: Vec<i64> = (last_day - days + 1..=last_day).collect();
    let names = days.iter().map(|day| format_day(*day)).collect();
    (days, names)
}

/// Below the axis the year is left out.
fn short_days(names: &[String]) -> Vec<String> {
    names.iter().map(|name| name.get(5..).unwrap_or(name).to_owned()).collect()
}

/// One series of whole numbers.
pub(super) fn columns(title: &str, head: &str, series: &str, names: &[String], values: Vec<u64>) -> Value {
    let short = if head == "Day" { short_days(names) } else { names.to_vec() };
    let rows =
        names.iter().map(String::as_str).zip(values.iter().map(|value| vec![value.to_string()])).collect();
    let svg = Bars { label: title, names: &short, series: &[(series, values)] }.svg();
    safe(&Figure { title, svg, head, series: vec![series], rows })
}

/// Series of whole numbers: columns on each other, or lines.
pub(super) fn series(
    title: &str,
    head: &str,
    names: &[String],
    series: &[(&str, Vec<u64>)],
    as_lines: bool,
) -> Value {
    if as_lines {
        let lines: Vec<(&str, Vec<Option<u64>>)> =
            series.iter().map(|(name, values)| (*name, values.iter().copied().map(Some).collect())).collect();
        return counts_of(title, head, names, &lines);
    }
    let value = |values: &Vec<u64>, at: usize| values.get(at).copied().unwrap_or(0).to_string();
    let row = |at: usize| series.iter().map(|(_, values)| value(values, at)).collect();
    let rows = names.iter().enumerate().map(|(at, name)| (name.as_str(), row(at))).collect();
    let svg = Bars { label: title, names, series }.svg();
    safe(&Figure { title, svg, head, series: series.iter().map(|(name, _)| *name).collect(), rows })
}

/// Machines heard, day by day.
pub(super) fn heard_spark(heard: &[Heard], last_day: i64) -> Value {
    let (days, names) = window(15, last_day);
    let value = |day: &i64| heard.iter().find(|heard| heard.day == *day).map_or(0, |heard| heard.machines);
    Value::from_safe_string(spark(&names, &days.iter().map(value).collect::<Vec<_>>()))
}

/// Crashes in a thousand machines, day by day.
pub(super) fn crash_spark(heard: &[Heard], last_day: i64) -> Value {
    let (days, names) = window(15, last_day);
    let names: Vec<String> = names.iter().map(|name| format!("{name}, in 1000 machines")).collect();
    let value = |day: &i64| {
        let heard = heard.iter().find(|heard| heard.day == *day)?;
        heard.crashes.saturating_mul(1000).checked_div(heard.machines)
    };
    Value::from_safe_string(spark(
        &names,
        &days.iter().map(|day| value(day).unwrap_or(0)).collect::<Vec<_>>(),
    ))
}

/// Rates of the versions with most machines.
pub(super) fn rates(rates: &[RateOfDay], days: i64, last_day: i64) -> Value {
    let (days, names) = window(days, last_day);
    let mut machine_days: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for of_day in rates {
        let key = (of_day.system_name.as_str(), of_day.value.as_str());
        let sum = machine_days.entry(key).or_default();
        *sum = sum.saturating_add(of_day.rate.machine_days);
    }
    let mut versions: Vec<_> = machine_days.into_iter().collect();
    versions.sort_by_key(|(_, machine_days)| std::cmp::Reverse(*machine_days));
    versions.truncate(LINES);
    let at = |key: (&str, &str), day: i64| {
        let is_it = |of: &&RateOfDay| of.day == day && (of.system_name.as_str(), of.value.as_str()) == key;
        rates.iter().find(is_it).map(|of_day| of_day.rate).filter(|rate| !rate.is_grey)
    };
    let named: Vec<_> = versions.iter().map(|(key, _)| (*key, format!("{} {}", key.0, key.1))).collect();
    let lines: Vec<(&str, Vec<Option<Rate>>)> = named
        .iter()
        .map(|(key, name)| (name.trim(), days.iter().map(|day| at(*key, *day)).collect()))
        .collect();
    rates_of("Crashes a machine a day", &names, &lines)
}

fn rates_of(title: &str, names: &[String], lines: &[(&str, Vec<Option<Rate>>)]) -> Value {
    let point = |rate: &Option<Rate>| {
        rate.map(|rate| Point { value: rate.rate, interval: Some((rate.interval.low, rate.interval.high)) })
    };
    let drawn: Vec<Line<'_>> =
        lines.iter().map(|(name, rates)| Line { name, points: rates.iter().map(point).collect() }).collect();
    let short = short_days(names);
    let svg = Lines { label: title, names: &short, lines: &drawn, whole: false }.svg();
    let text = |rate: Option<Rate>| {
        rate.map_or("-".to_owned(), |rate| {
            format!(
                "{} ({} to {}): {} of {}",
                short_number(rate.rate),
                short_number(rate.interval.low),
                short_number(rate.interval.high),
                rate.records,
                rate.machine_days
            )
        })
    };
    let row = |at: usize| lines.iter().map(|(_, rates)| text(rates.get(at).copied().flatten())).collect();
    let rows = names.iter().enumerate().map(|(at, name)| (name.as_str(), row(at))).collect();
    safe(&Figure { title, svg, head: "Day", series: lines.iter().map(|(name, _)| *name).collect(), rows })
}

/// Machines by version, day by day.
pub(super) fn versions(versions: &[VersionOfDay], days: i64, last_day: i64) -> Value {
    let (days, names) = window(days, last_day);
    let mut most: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for version in versions {
        let sum = most.entry((&version.system_name, &version.build)).or_default();
        *sum = sum.saturating_add(version.machines);
    }
    let mut keys: Vec<_> = most.into_iter().collect();
    keys.sort_by_key(|(_, machines)| std::cmp::Reverse(*machines));
    keys.truncate(LINES);
    let at = |key: (&str, &str), day: i64| {
        let is_it = |of: &&VersionOfDay| of.day == day && (of.system_name.as_str(), of.build.as_str()) == key;
        versions.iter().find(is_it).map(|of_day| of_day.machines)
    };
    let named: Vec<_> = keys.iter().map(|(key, _)| (*key, format!("{} {}", key.0, key.1))).collect();
    let values: Vec<(&str, Vec<Option<u64>>)> = named
        .iter()
        .map(|(key, name)| (name.trim(), days.iter().map(|day| at(*key, *day)).collect()))
        .collect();
    counts_of("Machines a day, by build", "Day", &names, &values)
}

fn counts_of(title: &str, head: &str, names: &[String], lines: &[(&str, Vec<Option<u64>>)]) -> Value {
    let point = |value: &Option<u64>| value.map(|value| Point { value: value as f64, interval: None });
    let drawn: Vec<Line<'_>> = lines
        .iter()
        .map(|(name, values)| Line { name, points: values.iter().map(point).collect() })
        .collect();
    let short = if head == "Day" { short_days(names) } else { names.to_vec() };
    let svg = Lines { label: title, names: &short, lines: &drawn, whole: true }.svg();
    let text = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let row = |at: usize| lines.iter().map(|(_, values)| text(values.get(at).copied().flatten())).collect();
    let rows = names.iter().enumerate().map(|(at, name)| (name.as_str(), row(at))).collect();
    safe(&Figure { title, svg, head, series: lines.iter().map(|(name, _)| *name).collect(), rows })
}

/// Machines of a group, day by day.
pub(super) fn of_group(bars: &[u64], last_day: i64) -> Value {
    let (_, names) = window(i64::try_from(bars.len()).unwrap_or(0), last_day);
    columns("Machines a day", "Day", "Machines", &names, bars.to_vec())
}
