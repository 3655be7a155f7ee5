//! The pages, below `/telemetryui`.
//!
//! ```text
//!  request ─▶ Ask: which form, which parameters, who asks
//!               │
//!               ├─▶ a handler ─▶ Page ─▶ HTML, by a template
//!               │                   └──▶ JSON, CSV: the same at the same path
//!               └─▶ a Problem ─▶ a page that explains it, or JSON
//! ```
//!
//! No page needs a script, and none has one. The style sheet and the icon are in the program; the policy that goes with
//! each page lets the browser fetch nothing else, and run nothing.

mod ask;
mod assets;
mod beside;
mod blacklist;
mod change;
mod chips;
mod collector;
mod crashes;
mod csv;
mod feed;
mod fields;
mod figures;
mod fleet;
mod form;
mod frame;
mod group;
mod group_row;
mod groups;
mod guilty;
mod hardware;
mod headers;
mod history;
mod kept;
mod lists;
mod machine;
mod machines;
mod monitoring_params;
mod overview;
mod page;
mod problems;
mod pulled;
mod record;
mod record_row;
mod records;
mod rules;
mod shown;
mod status;
mod sums;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{any, get};

use super::{App, Problem, login};

pub(super) use ask::Ask;
pub(super) use form::wants_html;
pub(super) use frame::Frame;
pub(super) use page::{List, Page};

/// The first page.
pub(super) const FIRST: &str = "/telemetryui";

async fn nothing() -> Problem {
    Problem::not_found("such page; the overview leads to all there are")
}

/// The table of paths.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route(FIRST, get(records::first).post(records::redirect_form))
        .route("/telemetryui/", get(records::first).post(records::redirect_form))
        .route("/telemetryui/records", get(records::list).post(records::redirect_form))
        .route("/telemetryui/records/{page}", get(records::numbered))
        .route("/telemetryui/records/lastid/{id}", get(records::more))
        .route("/telemetryui/records/record_details/{id}", get(record::show))
        .route("/telemetryui/records/export/{file}", get(csv::export))
        .route("/telemetryui/groups", get(groups::seen))
        .route("/telemetryui/groups/{id}", get(group::show).post(change::change))
        .route("/telemetryui/new", get(groups::new))
        .route("/telemetryui/fixed", get(groups::fixed))
        .route("/telemetryui/regressed", get(groups::regressed))
        .route("/telemetryui/rates", get(fleet::rates))
        .route("/telemetryui/versions", get(fleet::versions))
        .route("/telemetryui/machines", get(machines::list))
        .route("/telemetryui/machines/{id}", get(machine::show))
        .route("/telemetryui/events/{id}", get(machines::event))
        .route("/telemetryui/hardware", get(hardware::show))
        .route("/telemetryui/status", get(status::show).post(status::change))
        .route("/telemetryui/status/months", get(status::months))
        .route("/telemetryui/rules", get(rules::show).post(rules::change))
        .route("/telemetryui/collector", get(collector::show))
        .route(monitoring_params::HERE, get(monitoring_params::show).post(monitoring_params::change))
        .route("/telemetryui/builds", get(sums::builds))
        .route("/telemetryui/stats", get(sums::stats))
        .route("/telemetryui/population", get(sums::population))
        .route("/telemetryui/views/{page}", get(views::show))
        .route("/telemetryui/mce", get(views::mce))
        .route("/telemetryui/thermal", get(views::thermal))
        .route("/telemetryui/updates", get(views::updates))
        .route("/telemetryui/update_matrix", get(views::updates))
        .merge(crash_routes())
        .route("/telemetryui/feed", get(feed::show))
        .route("/telemetryui/static/{file}", get(assets::serve))
        .route("/telemetryui/login", get(login::show).post(login::take))
        .route("/telemetryui/logout", get(login::show).post(login::leave))
        .route("/telemetryui/{*path}", any(nothing))
        .layer(middleware::from_fn_with_state(Arc::clone(app), headers::add))
}

/// As the Flask backend has them.
fn crash_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/telemetryui/crashes", get(crashes::list).post(guilty::change))
        .route("/telemetryui/crashes/{build}", get(crashes::of_build).post(guilty::change))
        .route("/telemetryui/crashes/page/{number}", get(crashes::page_rows))
        .route("/telemetryui/crashes/offset/{number}", get(crashes::offset_rows))
        .route("/telemetryui/crashes/guilty_details/{id}", get(guilty::show))
        .route("/telemetryui/crashes/guilty_details/{id}/backtraces", get(guilty::backtraces))
        .route("/telemetryui/crashes/guilty_edit", get(blacklist::show).post(blacklist::of_record))
        .route("/telemetryui/crashes/guilty_edit/", get(blacklist::show).post(blacklist::of_record))
        .route("/telemetryui/crashes/guilty_edit/add", get(blacklist::show).post(blacklist::add))
        .route("/telemetryui/crashes/guilty_edit/remove", get(blacklist::show).post(blacklist::remove))
        .route("/telemetryui/crashes/guilty_edit/hidden", get(blacklist::show).post(blacklist::unhide))
        .route("/telemetryui/crashes/guilty_edit/reset", get(blacklist::show).post(blacklist::reset))
}
