//! The collector itself, and what decides groups.

use axum::response::Response;
use minijinja::{Value, context};
use serde_json::json;

use super::super::Problem;
use super::ask::Ask;
use super::problems::{self, Trouble};
use super::{Page, history};
use crate::storage::answers::Moving;
use crate::timestamp::format_utc;

/// Decisions that stand on the page.
const DECISIONS: usize = 50;

/// What the collector says of itself.
pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[])?;
    let (collector, decisions) = ask
        .app
        .store
        .answer(ask.now_secs, |answers| Ok((answers.collector()?, answers.decisions(None, DECISIONS)?)))
        .await?;
    let troubles = problems::troubles(&ask, &collector);
    let moving = |moving: &Moving| json!({ "group": moving.from, "moved": moving.moved, "total": moving.total, "since": format_utc(moving.begun_secs) });
    let json = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "database": ask.app.database,
        "groups": collector.groups,
        "variants": collector.variants,
        "rules": collector.rules,
        "unread": collector.unread,
        "last_received": collector.last_received_secs.map(format_utc),
        "moving": collector.moving.iter().map(moving).collect::<Vec<_>>(),
        "problems": troubles.iter().map(Trouble::json).collect::<Vec<_>>(),
        "changes": decisions.iter().map(history::json).collect::<Vec<_>>(),
    });
    let context = context! {
        collector => Value::from(minijinja::value::Serde(json.clone())),
        last_received_secs => collector.last_received_secs,
        troubles => troubles.iter().map(Trouble::value).collect::<Vec<_>>(),
        history => decisions.iter().map(history::value).collect::<Vec<_>>(),
    };
    ask.page(Page::new("collector.html", "Collector", context).with_json(json))
}

/// The rules by which frames are passed over.
pub(super) async fn rules(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["q"]])?;
    let rules = ask.app.rules();
    let part = ask.first("q").unwrap_or_default().to_lowercase();
    let rows: Vec<_> = rules
        .iter()
        .map(|(id, rule)| (id.to_string(), rule.to_string(), rule.reason.clone()))
        .filter(|(_, rule, reason)| {
            rule.to_lowercase().contains(&part) || reason.to_lowercase().contains(&part)
        })
        .collect();
    let json = json!({
        "version": rules.version(),
        "rules": rows.iter().map(|(id, rule, reason)| json!({ "id": id, "rule": rule, "reason": reason })).collect::<Vec<_>>(),
    });
    let context = context! {
        rules_version => rules.version().to_string(),
        rules => rows.iter().map(|(id, rule, reason)| context! { id, rule, reason }).collect::<Vec<_>>(),
        given => ask.given(),
    };
    ask.page(Page::new("rules.html", "Rules", context).with_json(json))
}
