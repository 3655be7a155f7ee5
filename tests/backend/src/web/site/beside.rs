//! Beside a group: what its machines share, against others of the same days.

use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use crate::comparisons::{DAYS, beside};
use crate::groups::changes::GroupId;
use crate::status::beside::{Beside, FactBeside, NumberBeside};
use crate::status::measures::Unit;
use crate::storage::Answers;

/// Asks for it. It is counted on the reader's thread: machines have thousands of packages.
pub(super) async fn find(ask: &Ask, group: GroupId) -> Result<Beside, Problem> {
    let question = move |answers: &mut Answers<'_>| beside(answers, group, true);
    Ok(ask.app.store.answer(ask.now_secs, question).await?)
}

/// For the page; none where there is too little to say anything.
pub(super) fn value(beside: &Beside) -> Option<Value> {
    if beside.numbers.is_empty() && beside.facts.is_empty() {
        return None;
    }
    Some(context! {
        with_count => beside.with,
        without_count => beside.without,
        days => DAYS,
        numbers => beside.numbers.iter().map(number).collect::<Vec<_>>(),
        facts => beside.facts.iter().map(fact).collect::<Vec<_>>(),
    })
}

pub(super) fn number(number: &NumberBeside) -> Value {
    let unit = number.measure.unit;
    context! {
        title => number.measure.title,
        with_value => shown(unit, number.with.value),
        with_count => number.with.machines,
        without_value => shown(unit, number.without.value),
        without_count => number.without.machines,
        is_higher => number.is_higher,
        is_clear => number.is_clear,
    }
}

fn fact(fact: &FactBeside) -> Value {
    let part = |machines: usize, of: usize| machines as f64 / of.max(1) as f64;
    context! {
        dimension => fact.dimension.name(),
        value => fact.value.clone(),
        with_count => fact.with.0, with_of => fact.with.1, with_part => part(fact.with.0, fact.with.1),
        without_count => fact.without.0, without_of => fact.without.1,
        without_part => fact.without.0.map(|machines| part(machines, fact.without.1)),
        ratio => fact.unusual.map(|unusual| unusual.ratio),
        is_clear => fact.unusual.map_or(fact.without.0 == Some(0), |unusual| unusual.is_clear),
    }
}

/// A median with its unit.
fn shown(unit: Unit, value: f64) -> String {
    let number = crate::charts::short_number;
    match unit {
        Unit::Share => format!("{} %", number((value * 1000.0).round() / 10.0)),
        Unit::Bytes => format!("{} bytes", number(value)),
        Unit::Celsius => format!("{} °C", number(value)),
        Unit::Seconds if value >= 86_400.0 => format!("{} days", number((value / 8640.0).round() / 10.0)),
        Unit::Seconds => format!("{} hours", number((value / 360.0).round() / 10.0)),
        Unit::Number => number(value),
    }
}

/// A number as JSON.
pub(super) fn number_json(number: &NumberBeside) -> Json {
    json!({
        "name": number.measure.name,
        "median": number.with.value, "machines": number.with.machines,
        "others_median": number.without.value, "others": number.without.machines,
        "is_higher": number.is_higher, "is_clear": number.is_clear,
    })
}

/// As JSON.
pub(super) fn json(beside: &Beside) -> Json {
    let fact = |fact: &FactBeside| {
        json!({
            "dimension": fact.dimension.name(), "value": fact.value,
            "machines": fact.with.0, "of": fact.with.1, "others": fact.without.0, "others_of": fact.without.1,
            "ratio": fact.unusual.map(|unusual| unusual.ratio),
            "is_clear": fact.unusual.is_some_and(|unusual| unusual.is_clear),
        })
    };
    // How few there are is nobody's business either.
    let is_shown = !beside.numbers.is_empty() || !beside.facts.is_empty();
    json!({
        "machines": is_shown.then_some(beside.with),
        "others": is_shown.then_some(beside.without),
        "numbers": beside.numbers.iter().map(number_json).collect::<Vec<_>>(),
        "facts": beside.facts.iter().map(fact).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_have_their_unit() {
        for (unit, value, text) in [
            (Unit::Share, 0.0234, "2.3 %"),
            (Unit::Share, 1.0, "100 %"),
            (Unit::Bytes, 8e9, "8G bytes"),
            (Unit::Celsius, 55.0, "55 °C"),
            (Unit::Seconds, 7200.0, "2 hours"),
            (Unit::Seconds, 864_000.0, "10 days"),
            (Unit::Number, 1.5, "1.5"),
        ] {
            assert_eq!(shown(unit, value), text);
        }
    }
}
