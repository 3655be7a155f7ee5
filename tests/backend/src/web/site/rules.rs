//! `rules`: what decides groups, what other rules of the site would do to what is stored, and taking them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::{Value, context};
use serde_json::{Value as Json, json};

use super::super::Problem;
use super::ask::Ask;
use super::fields::{Fields, bad};
use super::form::Form;
use super::{List, Page, kept};
use crate::filter::in_range;
use crate::groups::changes::{GroupId, Preview};
use crate::groups::limits::RULES_BYTES;
use crate::groups::rules::Rules;
use crate::storage::Answers;
use crate::storage::answers::{Collector, KeptChange};

const HERE: &str = "/telemetryui/rules";

/// What errors call the rules of the site.
const SITE: &str = "rules of the site";

/// Rows of each part of a preview; a rule that changes more is better tried on less.
const SHOWN: usize = 200;

/// Rows of the history.
const CHANGES: usize = 50;

/// What the page is about.
#[derive(Default)]
struct Shown {
    /// What stands in the form; none: the rules of the site that hold.
    text: Option<String>,
    /// Why that cannot be taken.
    wrong: Option<String>,
    preview: Option<(Preview, BTreeMap<GroupId, String>)>,
}

/// The rules that hold, and how far what is stored follows them. `change=ID`: the form has the rules of that change.
pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    ask.knows(&[&["q", "change", "limit", "after"]])?;
    let change =
        ask.query().value("change", "the number of a change", |value| in_range(value, 1, i64::MAX))?;
    let text = match change {
        None => None,
        Some(id) => {
            let text = ask.app.store.answer(ask.now_secs, move |answers| answers.site_rules_of(id)).await?;
            Some(text.ok_or_else(|| Problem::not_found(format_args!("change {id} of rules")))?)
        }
    };
    let page = page(&ask, &Shown { text, ..Shown::default() }).await?;
    ask.page(page)
}

/// What is stored beside the rules.
struct Stored {
    collector: Collector,
    changes: Vec<KeptChange>,
    site: Option<String>,
}

async fn stored(ask: &Ask) -> Result<Stored, Problem> {
    let question = |answers: &mut Answers<'_>| {
        let changes = answers.kept_changes(Some("rules"), None, CHANGES)?;
        Ok(Stored {
            collector: answers.collector()?,
            changes,
            site: answers.site_rules()?.map(|(_, text)| text),
        })
    };
    Ok(ask.app.store.answer(ask.now_secs, question).await?)
}

async fn page(ask: &Ask, shown: &Shown) -> Result<Page, Problem> {
    let rules = ask.app.rules();
    let stored = stored(ask).await?;
    let part = ask.first("q").unwrap_or_default().to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&part);
    let rows: Vec<(String, String, String)> = rules
        .iter()
        .map(|(id, rule)| (id.to_string(), rule.to_string(), rule.reason.clone()))
        .filter(|(_, rule, reason)| has(rule) || has(reason))
        .collect();
    let moving = moving(&stored.collector, rules.version());
    let file = ask.app.rules_file().map(|path| path.display().to_string());
    let preview = shown.preview.as_ref().map(|(preview, names)| preview_json(preview, names));
    let json = json!({
        "version": rules.version(),
        "regrouping": moving.as_ref().map(|(moved, total)| json!({ "moved": moved, "total": total })),
        "site_rules": stored.site.clone(),
        "file": file,
        "preview": preview,
        "changes": stored.changes.iter().map(kept::json).collect::<Vec<_>>(),
    });
    let context = context! {
        rules_version => rules.version().to_string(),
        rules => rows.iter().map(|(id, rule, reason)| context! { id, rule, reason }).collect::<Vec<_>>(),
        given => ask.given(),
        file,
        text => shown.text.clone().or(stored.site).unwrap_or_default(),
        most_bytes => RULES_BYTES,
        wrong => shown.wrong.clone(),
        moving => moving.map(|(moved, total)| context! { moved, total }),
        preview => Value::from(minijinja::value::Serde(preview)),
        changes => stored.changes.iter().map(kept::value).collect::<Vec<_>>(),
    };
    let row =
        |(id, rule, reason): &(String, String, String)| json!({ "id": id, "rule": rule, "reason": reason });
    let rows = rows.iter().map(row).collect();
    let list = List { name: "rules", columns: &["id", "rule", "reason"], rows, next: None };
    Ok(Page::new("rules.html", "Rules", context).with_json(json).with_list(list))
}

/// How far records have followed: those moved, of how many. None if all have.
fn moving(collector: &Collector, version: &str) -> Option<(u64, u64)> {
    let is_taken = collector.rules == version || collector.rules.is_empty();
    let sum = |count: fn(&crate::storage::answers::Moving) -> u64| collector.moving.iter().map(count).sum();
    (!is_taken || !collector.moving.is_empty())
        .then(|| (sum(|moving| moving.moved.min(moving.total)), sum(|moving| moving.total)))
}

/// Says what rules would do, or takes them.
pub(super) async fn change(ask: Ask, request: Request) -> Result<Response, Problem> {
    // As a form, most characters of a rule are three.
    let fields = Fields::posted(request, 3 * RULES_BYTES + 1024).await?;
    fields.knows(&["rules", "do"])?;
    let text =
        fields.get("rules").ok_or_else(|| bad("rules is missing: the rules of the site, one a line"))?;
    // As browsers send lines.
    let text = text.replace("\r\n", "\n");
    let rules = match Rules::with_site(SITE, &text) {
        Ok(rules) => rules,
        Err(error) => return refused(&ask, text, error.to_string()).await,
    };
    match fields.get("do").unwrap_or("preview") {
        "preview" => preview(&ask, text, rules).await,
        "take" => take(&ask, text, rules).await,
        other => Err(bad(format!("do is {other:.64}; allowed: preview, take"))),
    }
}

async fn refused(ask: &Ask, text: String, wrong: String) -> Result<Response, Problem> {
    if ask.form != Form::Html {
        return Err(bad(wrong));
    }
    let page = page(ask, &Shown { text: Some(text), wrong: Some(wrong), preview: None }).await?;
    let mut response = ask.page(page)?;
    *response.status_mut() = StatusCode::BAD_REQUEST;
    Ok(response)
}

async fn preview(ask: &Ask, text: String, rules: Rules) -> Result<Response, Problem> {
    let preview = ask.app.store.preview(rules).await?;
    let groups: BTreeSet<GroupId> = preview
        .joined
        .iter()
        .take(SHOWN)
        .flat_map(|joined| joined.groups.iter().take(SHOWN).copied())
        .chain(preview.split.iter().take(SHOWN).map(|split| split.group))
        .chain(preview.moved.iter().take(SHOWN).flat_map(|moved| [Some(moved.from), moved.to]).flatten())
        .chain(preview.renamed.iter().take(SHOWN).map(|(group, _)| *group))
        .collect();
    let names = ask.app.store.answer(ask.now_secs, move |answers| answers.group_names(groups)).await?;
    let page = page(ask, &Shown { text: Some(text), wrong: None, preview: Some((preview, names)) }).await?;
    ask.page(page)
}

async fn take(ask: &Ask, text: String, rules: Rules) -> Result<Response, Problem> {
    if let Some(file) = ask.app.rules_file() {
        let file = file.display();
        let message =
            format!("the rules of the site are in {file}: put them there, and they are taken within seconds");
        return Err(Problem::new(StatusCode::CONFLICT, message));
    }
    let who = ask.visitor.signature().to_owned();
    ask.app.store.keep_site_rules(text, who, ask.now_secs).await?;
    let version = rules.version().to_owned();
    // At once where the page is; other collectors, and what is stored, follow.
    ask.app.store.replace_rules(rules);
    if ask.form == Form::Json {
        let json = json!({ "version": version }).to_string();
        return Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response());
    }
    Ok(Redirect::to(HERE).into_response())
}

fn preview_json(preview: &Preview, names: &BTreeMap<GroupId, String>) -> Json {
    let group = |id: &GroupId| json!({ "id": id, "name": names.get(id) });
    let joined = |joined: &crate::groups::changes::Joined| {
        let groups = joined.groups.iter().take(SHOWN).map(group).collect::<Vec<_>>();
        json!({ "name": joined.name, "records": joined.records, "groups": groups })
    };
    let split = |split: &crate::groups::changes::SplitUp| {
        let part = |(name, records): &(String, u64)| json!({ "name": name, "records": records });
        json!({ "group": group(&split.group), "parts": split.parts.iter().take(SHOWN).map(part).collect::<Vec<_>>() })
    };
    let moved = |moved: &crate::groups::changes::MovedRecords| json!({ "from": group(&moved.from), "to": moved.to.as_ref().map(group), "name": moved.name, "records": moved.records });
    let renamed = |(id, name): &(GroupId, String)| json!({ "group": group(id), "name": name });
    json!({
        "joined": preview.joined.iter().take(SHOWN).map(joined).collect::<Vec<_>>(),
        "split": preview.split.iter().take(SHOWN).map(split).collect::<Vec<_>>(),
        "moved": preview.moved.iter().take(SHOWN).map(moved).collect::<Vec<_>>(),
        "renamed": preview.renamed.iter().take(SHOWN).map(renamed).collect::<Vec<_>>(),
        "joined_total": preview.joined.len(),
        "split_total": preview.split.len(),
        "moved_total": preview.moved.len(),
        "moved_records": preview.moved.iter().map(|moved| moved.records).sum::<u64>(),
        "renamed_total": preview.renamed.len(),
        "unchanged": preview.unchanged,
    })
}
