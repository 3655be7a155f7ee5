//! What people decided of a group, in words.

use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use crate::groups::changes::{Decision, What};
use crate::groups::states::{Marks, Until};
use crate::timestamp::{format_day, format_utc};

/// For templates.
pub(super) fn value(decision: &Decision) -> Value {
    let (before, after) = before_and_after(&decision.what);
    context! {
        id => decision.id,
        who => decision.who.clone(),
        when_secs => decision.when_secs,
        what => name(&decision.what),
        before,
        after,
        undone_who => decision.undone.as_ref().map(|undone| undone.who.clone()),
        undone_secs => decision.undone.as_ref().map(|undone| undone.when_secs),
    }
}

/// For JSON.
pub(super) fn json(decision: &Decision) -> Json {
    let (before, after) = before_and_after(&decision.what);
    json!({
        "id": decision.id,
        "who": decision.who,
        "when": format_utc(decision.when_secs),
        "what": name(&decision.what),
        "before": before,
        "after": after,
        "undone_by": decision.undone.as_ref().map(|undone| undone.who.clone()),
        "undone": decision.undone.as_ref().map(|undone| format_utc(undone.when_secs)),
    })
}

fn name(what: &What) -> &'static str {
    match what {
        What::Merge { .. } => "merge",
        What::Split { .. } => "split",
        What::Name { .. } => "name",
        What::Note { .. } => "note",
        What::Mark { .. } => "state",
    }
}

fn before_and_after(what: &What) -> (Option<String>, String) {
    match what {
        What::Merge { into } => (None, format!("into {}", into.as_str())),
        What::Split { parts } => {
            (None, parts.iter().map(|part| part.as_str().to_owned()).collect::<Vec<_>>().join(", "))
        }
        What::Name { name } if name.is_empty() => (None, "the name that its frames make".to_owned()),
        What::Name { name } => (None, name.clone()),
        What::Note { text } => (None, text.clone()),
        What::Mark { before, after } => (Some(in_words(before)), in_words(after)),
    }
}

/// Marks in words; `open` if there are none.
pub(super) fn in_words(marks: &Marks) -> String {
    let mut words = Vec::new();
    if let Some(hidden) = &marks.hidden {
        words.push(match hidden.until {
            Until::Forever => "hidden".to_owned(),
            Until::Day(day) => format!("hidden until {}", format_day(day)),
            Until::Machines(machines) => format!("hidden until a day with {machines} machines"),
        });
    }
    if let Some(fixed) = &marks.fixed {
        let versions = fixed.versions.iter().map(|version| format!("{} ({})", version.text, version.line));
        words.push(format!("fixed in {}", versions.collect::<Vec<_>>().join(", ")));
    }
    if let Some(mark) = &marks.probably_fixed {
        words.push(format!("probably fixed in {}", mark.version.text));
    }
    if let Some(back) = &marks.regressed {
        words.push(format!("came back with record {}", back.record));
    }
    if words.is_empty() { "open".to_owned() } else { words.join(", ") }
}

/// What the page says of marks.
pub(super) fn marks_value(marks: &Marks) -> Value {
    context! {
        words => in_words(marks),
        fixed => marks.fixed.is_some(),
        hidden => marks.hidden.is_some(),
        regressed_record => marks.regressed.map(|back| back.record),
        regressed_secs => marks.regressed.map(|back| back.at_secs),
        regressed_was_marked => marks.regressed.map(|back| back.was_marked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::states::{Fixed, Hidden};
    use crate::groups::versions::Line;

    #[test]
    fn marks_are_said_in_words() {
        assert_eq!(in_words(&Marks::default()), "open");
        let fixed = Fixed { at_secs: 0, versions: vec![Line::Kernel.version("6.1").unwrap()] };
        let hidden = Hidden { at_secs: 0, until: Until::Day(1) };
        let marks = Marks { fixed: Some(fixed), hidden: Some(hidden), ..Marks::default() };
        assert_eq!(in_words(&marks), "hidden until 1970-01-02, fixed in 6.1 (kernel)");
    }
}
