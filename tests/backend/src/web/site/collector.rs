//! The collector itself.

use axum::response::Response;
use minijinja::{Value, context};
use serde_json::json;

use super::super::Problem;
use super::ask::Ask;
use super::problems::{self, Trouble};
use super::{Page, history, kept, pulled};
use crate::storage::Answers;
use crate::storage::answers::Moving;
use crate::timestamp::format_utc;

/// Decisions that stand on the page.
const DECISIONS: usize = 50;

/// What the collector says of itself.
pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["limit", "after"]])?;
    let question = |answers: &mut Answers<'_>| {
        let decisions = answers.decisions(None, DECISIONS)?;
        let changes = answers.kept_changes(None, None, DECISIONS)?;
        Ok((answers.collector()?, decisions, changes, answers.waiting_names()?, answers.pull_states()?))
    };
    let (collector, decisions, changes, symbols, pull_states) =
        ask.app.store.answer(ask.now_secs, question).await?;
    let troubles = problems::troubles(&ask, &collector);
    let pulled = pulled::Pulled::new(&ask.app.pulls, &pull_states);
    let moving = |moving: &Moving| json!({ "group": moving.from, "moved": moving.moved, "total": moving.total, "since": format_utc(moving.begun_secs) });
    let json = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "database": ask.app.database,
        "groups": collector.groups,
        "variants": collector.variants,
        "rules": collector.rules,
        "unread": collector.unread,
        "last_received": collector.last_received_secs.map(format_utc),
        "symbols": { "named": symbols.named, "wanted": symbols.wanted, "missing_files": symbols.missed },
        "moving": collector.moving.iter().map(moving).collect::<Vec<_>>(),
        "pull": pulled.json(&ask.app.pulls),
        "problems": troubles.iter().map(Trouble::json).collect::<Vec<_>>(),
        "changes": decisions.iter().map(history::json).collect::<Vec<_>>(),
        "other_changes": changes.iter().map(kept::json).collect::<Vec<_>>(),
    });
    let context = context! {
        collector => Value::from(minijinja::value::Serde(json.clone())),
        last_received_secs => collector.last_received_secs,
        is_first => ask.first("after").is_none(),
        troubles => troubles.iter().map(Trouble::value).collect::<Vec<_>>(),
        history => decisions.iter().map(history::value).collect::<Vec<_>>(),
        changes => changes.iter().map(kept::value).collect::<Vec<_>>(),
    };
    let list = pulled.list(&ask)?;
    ask.page(Page::new("collector.html", "Collector", context).with_json(json).with_list(list))
}
