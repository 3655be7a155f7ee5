//! The collector itself.

use axum::response::Response;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde_json::json;

use super::super::Problem;
use super::ask::Ask;
use super::problems::{self, Trouble};
use super::{Page, history, kept, pulled};
use crate::storage::answers::Moving;
use crate::storage::{Answers, Select, StorageError};
use crate::sync::{BufferState, Losses, SourceState, buffer_state, losses, states};
use crate::timestamp::format_utc;

/// Decisions that stand on the page.
const DECISIONS: usize = 50;

/// How buffering and fetching stand.
struct Sync {
    /// None where nothing was ever buffered.
    buffer: Option<BufferState>,
    sources: Vec<SourceState>,
    losses: Vec<Losses>,
}

impl Sync {
    fn read(sql: &mut dyn Select, now_secs: i64) -> Result<Self, StorageError> {
        let buffer = Some(buffer_state(sql, now_secs)?).filter(BufferState::is_used);
        Ok(Self { buffer, sources: states(sql)?, losses: losses(sql)? })
    }
}

/// What the collector says of itself.
pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["limit", "after"]])?;
    let now_secs = ask.now_secs;
    let question = move |answers: &mut Answers<'_>| {
        let decisions = answers.decisions(None, DECISIONS)?;
        let changes = answers.kept_changes(None, None, DECISIONS)?;
        let (names, pulls) = (answers.waiting_names()?, answers.pull_states()?);
        let sync = Sync::read(answers.reader(), now_secs)?;
        Ok((answers.collector()?, decisions, changes, names, pulls, sync))
    };
    let (collector, decisions, changes, symbols, pull_states, sync) =
        ask.app.store.answer(ask.now_secs, question).await?;
    let troubles = problems::troubles(&ask, &collector, &sync.sources);
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
        "buffer": sync.buffer,
        "sources": sync.sources,
        "losses": sync.losses,
        "problems": troubles.iter().map(Trouble::json).collect::<Vec<_>>(),
        "changes": decisions.iter().map(history::json).collect::<Vec<_>>(),
        "other_changes": changes.iter().map(kept::json).collect::<Vec<_>>(),
    });
    let context = context! {
        collector => Value::from(Serde(json.clone())),
        buffer => Value::from(Serde(json!(sync.buffer))),
        sources => Value::from(Serde(json!(sync.sources))),
        losses => Value::from(Serde(json!(sync.losses))),
        last_received_secs => collector.last_received_secs,
        is_first => ask.first("after").is_none(),
        troubles => troubles.iter().map(Trouble::value).collect::<Vec<_>>(),
        history => decisions.iter().map(history::value).collect::<Vec<_>>(),
        changes => changes.iter().map(kept::value).collect::<Vec<_>>(),
    };
    let list = pulled.list(&ask)?;
    ask.page(Page::new("collector.html", "Collector", context).with_json(json).with_list(list))
}
