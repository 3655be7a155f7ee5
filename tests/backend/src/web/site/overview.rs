//! The first page: what is wrong with the fleet, at a glance.

use axum::response::Response;
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use super::problems::{self, Trouble};
use super::status::{self, Asked, Found};
use super::{Page, beside, figures, group_row};
use crate::groups::counting::{Basis, Rate, day_of, rate};
use crate::status::Standing;
use crate::status::board::Row;
use crate::storage::Answers;
use crate::storage::answers::{Group, Heard, Overview};
use crate::sync::states;
use crate::timestamp::format_day;

/// Rows of each list of what is wrong with machines now.
const STATUS_ROWS: usize = 5;

/// Numbers of a group in which its machines differ from others.
const COMPARED_NUMBERS: usize = 2;

pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[])?;
    let question = |answers: &mut Answers<'_>| {
        Ok((answers.overview()?, answers.collector()?, states(answers.reader())?))
    };
    let (overview, collector, sources) = ask.app.store.answer(ask.now_secs, question).await?;
    let troubles = problems::troubles(&ask, &collector, &sources);
    let status = status(&ask).await?;
    let today = day_of(ask.now_secs);
    let glance = Glance::new(&overview.days, today);
    let lists = |group: &Group| group_row::value(group, today);
    let part = |(count, first): &(u64, Vec<Group>)| {
        context! { count, groups => first.iter().map(lists).collect::<Vec<Value>>() }
    };
    let context = context! {
        glance => glance.value(),
        top => overview.top.iter().map(|group| with_comparison(&ask, group, lists(group))).collect::<Vec<Value>>(),
        new => part(&overview.new),
        regressed => part(&overview.regressed),
        probably_fixed => part(&overview.probably_fixed),
        ungrouped => overview.ungrouped.iter().map(|(why, records)| context! { why => why.clone(), records }).collect::<Vec<_>>(),
        troubles => troubles.iter().map(Trouble::value).collect::<Vec<_>>(),
        heard_spark => figures::heard_spark(&overview.days, today),
        crash_spark => figures::crash_spark(&overview.days, today),
        is_empty => overview.days.is_empty(),
        status => status.as_ref().map(status_value),
    };
    let page =
        Page::new("overview.html", "Overview", context).with_json(whole(&overview, &glance, &troubles));
    let page = page.with_json(json!({ "beside": comparisons(&ask, &overview) }));
    ask.page(page.with_json(json!({ "status": status.as_ref().map(|found| status_json(&ask, found)) })))
}

/// A group, with the numbers in which its machines clearly differ from others.
fn with_comparison(ask: &Ask, group: &Group, row: Value) -> Value {
    let numbers = ask.app.comparisons.of_group(group.id);
    let numbers: Vec<Value> = numbers.iter().take(COMPARED_NUMBERS).map(beside::number).collect();
    context! { beside => numbers, ..row }
}

/// The same of all groups of the page.
fn comparisons(ask: &Ask, overview: &Overview) -> Vec<Json> {
    let of_group = |group: &Group| {
        let numbers = ask.app.comparisons.of_group(group.id);
        (!numbers.is_empty()).then(|| {
            json!({ "group": group.id, "numbers": numbers.iter().map(beside::number_json).collect::<Vec<_>>() })
        })
    };
    overview.top.iter().filter_map(of_group).collect()
}

/// The worst of all checks; none where no machine says anything of itself and none has a name.
async fn status(ask: &Ask) -> Result<Option<Found>, Problem> {
    let found = status::find(ask, Asked { limit: STATUS_ROWS, ..Asked::default() }).await?;
    let is_empty =
        found.counts.worst().is_none() && found.board.silent().is_empty() && found.runs_out.is_empty();
    Ok((!is_empty).then_some(found))
}

/// What is wrong, of all that there is.
fn wrong(found: &Found) -> impl Iterator<Item = &Row> {
    found.rows.iter().filter(|row| row.standing < Standing::Planned)
}

fn status_value(found: &Found) -> Value {
    context! {
        counts => status::counts_value(&found.counts),
        checks => wrong(found).map(status::row_value).collect::<Vec<_>>(),
        silent_count => found.board.silent().len(),
        silent => found.board.silent().iter().take(STATUS_ROWS).map(status::silent_value).collect::<Vec<_>>(),
        runs_out => found.runs_out.iter().take(STATUS_ROWS).map(|(name, one)| status::runs_out_value(name, one)).collect::<Vec<_>>(),
    }
}

fn status_json(ask: &Ask, found: &Found) -> Json {
    json!({
        "checks": wrong(found).map(|row| status::row_json(row, ask.now_secs)).collect::<Vec<_>>(),
        "silent_machines": found.board.silent().len(),
        "silent": found.board.silent().iter().take(STATUS_ROWS).map(status::silent_json).collect::<Vec<_>>(),
        "runs_out": found.runs_out.iter().take(STATUS_ROWS).map(|(name, one)| status::runs_out_json(name, one)).collect::<Vec<_>>(),
    })
}

/// Yesterday, and the week before it.
struct Glance {
    yesterday: i64,
    machines: u64,
    basis: Basis,
    rate: Option<Rate>,
    before: Option<Rate>,
    machines_before: Option<u64>,
    has_yesterday: bool,
}

impl Glance {
    fn new(days: &[Heard], today: i64) -> Self {
        let yesterday = today - 1;
        let heard = days.iter().find(|day| day.day == yesterday);
        let week = || days.iter().filter(|day| (yesterday - 7..yesterday).contains(&day.day));
        let (crashes, machines): (u64, u64) =
            (week().map(|day| day.crashes).sum(), week().map(|day| day.machines).sum());
        let count = u64::try_from(week().count()).unwrap_or(0);
        Self {
            yesterday,
            machines: heard.map_or(0, |day| day.machines),
            basis: heard.map_or(Basis::Heartbeats, |day| day.basis),
            rate: heard.and_then(|day| rate(day.crashes, day.machines)),
            before: rate(crashes, machines),
            machines_before: machines.checked_div(count),
            has_yesterday: heard.is_some(),
        }
    }

    fn value(&self) -> Value {
        let change = self.rate.zip(self.before).map(|(now, before)| {
            // Only what is hardly chance is called a change.
            if now.interval.low > before.interval.high {
                "up"
            } else if now.interval.high < before.interval.low {
                "down"
            } else {
                "same"
            }
        });
        context! {
            yesterday => format_day(self.yesterday),
            has_yesterday => self.has_yesterday,
            machines => self.machines,
            machines_before => self.machines_before,
            all_ids => self.basis == Basis::AllIds,
            rate => self.rate.map(figures::rate_value),
            before => self.before.map(figures::rate_value),
            change,
        }
    }

    fn json(&self) -> Json {
        json!({
            "day": format_day(self.yesterday),
            "machines": self.machines,
            "basis": self.basis,
            "rate": self.rate.map(figures::rate_json),
            "week_before": self.before.map(figures::rate_json),
            "machines_week_before": self.machines_before,
        })
    }
}

fn whole(overview: &Overview, glance: &Glance, troubles: &[Trouble]) -> Json {
    let part = |(count, first): &(u64, Vec<Group>)| json!({ "count": count, "groups": first.iter().map(group_row::json).collect::<Vec<_>>() });
    let day = |day: &Heard| {
        json!({ "day": format_day(day.day), "machines": day.machines, "basis": day.basis, "ids": day.ids,
                "records": day.records, "crashes": day.crashes })
    };
    json!({
        "yesterday": glance.json(),
        "days": overview.days.iter().map(day).collect::<Vec<_>>(),
        "groups": overview.top.iter().map(group_row::json).collect::<Vec<_>>(),
        "new": part(&overview.new),
        "regressed": part(&overview.regressed),
        "probably_fixed": part(&overview.probably_fixed),
        "ungrouped": overview.ungrouped.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "problems": troubles.iter().map(Trouble::json).collect::<Vec<_>>(),
    })
}
