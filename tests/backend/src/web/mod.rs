//! What the collector answers on which path.
//!
//! | path | method | answer |
//! |---|---|---|
//! | `/`, `/v2/collector` | POST | takes a record as headers and body |
//! | `/`, `/v2/collector` | GET | 302 to `/telemetryui` |
//! | `/v3/collector` | POST | takes a record as JSON |
//! | `/v3/forget` | POST | deletes what machines sent that prove their ids |
//! | `/v3/sync/lease`, `/v3/sync/confirm` | POST | gives and frees what waits in a buffer |
//! | `/v3/identity` | GET, POST | the certificates that are to follow ours and a peer's |
//! | `/telemetryui` and below | GET, POST | pages and their changes: `site` |
//! | `/api/records` | GET | records as JSON |
//!
//! The last two answer only where `Host` is a name of ours; what machines speak takes any. A posted body may be compressed, as its `Content-Encoding` says: gzip or zstd.
//!
//! Everything else is 404 or 405. Every error has a body `{"message": "..."}`.

mod body;
mod coding;
mod collect;
mod forget;
mod gate;
mod guard;
mod host;
mod identity;
mod login;
mod origin;
mod peer;
mod problem;
mod records;
mod site;
mod sync;
mod trusted;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::access::{AccessOptions, UsersError};
use crate::comparisons::Comparisons;
use crate::forget::Rate;
use crate::groups::rules::Rules;
use crate::plugins::{Broken, Plugins, Troubles};
use crate::pull::Board;
use crate::served::Served;
use crate::site_rules::RulesTrouble;
use crate::status::{Roster, Zone};
use crate::storage::Store;
use crate::storage::view::ViewError;
use crate::symbols::ServerTrouble;
use crate::sync::Buffer;
use crate::trust::{Tls, Trust};
use problem::Problem;

pub(crate) use peer::Peer;

/// What every request is answered from.
#[derive(Debug)]
pub struct App {
    store: Store,
    tid: String,
    hosts: Vec<String>,
    bodies: body::Bodies,
    frame: site::Frame,
    gate: gate::Gate,
    /// What the database is, without its password.
    database: String,
    extensions: Extensions,
    /// What is wrong with the server of debug files.
    debuginfod: ServerTrouble,
    trust: Arc<Trust>,
    /// What we show, where TLS is spoken.
    tls: Option<Arc<Tls>>,
    /// Where the site's rules come from, if that is a file.
    rules_file: Option<PathBuf>,
    /// What is wrong with that file.
    rules_trouble: RulesTrouble,
    buffer: Option<Buffer>,
    forgets: bool,
    forget_rate: Rate,
    /// The machines that are asked.
    pulls: Arc<Board>,
    comparisons: Arc<Comparisons>,
    machines: Arc<Machines>,
}

/// Machines that have a name, and the time zone of months.
#[derive(Debug)]
pub struct Machines {
    /// The machines.
    pub roster: Roster,
    /// The time zone.
    pub zone: Zone,
}

/// Plug-ins, and what became of them.
#[derive(Debug, Default)]
pub struct Extensions {
    /// The plug-ins.
    pub plugins: Arc<Plugins>,
    /// Parsers that failed while they ran.
    pub troubles: Troubles,
    /// Where views of others than us run; none: nowhere.
    pub views: Option<Store>,
    /// Views that failed when they were last shown, with why.
    failed_views: Mutex<BTreeMap<String, String>>,
}

impl Extensions {
    /// Of these plug-ins.
    #[must_use]
    pub fn new(plugins: Arc<Plugins>, troubles: Troubles, views: Option<Store>) -> Self {
        Self { plugins, troubles, views, failed_views: Mutex::default() }
    }

    /// All that do not work, and why.
    fn broken(&self) -> Vec<Broken> {
        let mut broken = self.plugins.broken.clone();
        broken.extend(self.troubles.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        let failed = self.failed_views.lock().unwrap_or_else(PoisonError::into_inner);
        let view = |(name, reason): (&String, &String)| Broken {
            file: format!("{name}.view"),
            reason: reason.clone(),
        };
        broken.extend(failed.iter().map(view));
        broken
    }
}

/// Why there is no app.
#[derive(Debug)]
pub enum AppError {
    /// A template is broken.
    Template(minijinja::Error),
    /// The password file cannot be used.
    Users(UsersError),
}

impl App {
    /// An app that takes the records of one telemetry id, and whose pages answer to these names.
    ///
    /// # Errors
    /// If a template is broken, or the password file cannot be used.
    pub fn new(store: Store, tid: &str, hosts: Vec<String>, access: AccessOptions) -> Result<Self, AppError> {
        Ok(Self {
            store,
            tid: tid.to_owned(),
            hosts,
            bodies: body::Bodies::new(),
            frame: site::Frame::new().map_err(AppError::Template)?,
            gate: gate::Gate::new(access).map_err(AppError::Users)?,
            database: String::new(),
            extensions: Extensions::default(),
            debuginfod: ServerTrouble::default(),
            trust: Trust::nobody(),
            tls: None,
            rules_file: None,
            rules_trouble: RulesTrouble::default(),
            buffer: None,
            forgets: true,
            forget_rate: Rate::default(),
            pulls: Arc::default(),
            comparisons: Arc::default(),
            machines: Arc::new(Machines { roster: Roster::default(), zone: Zone::utc() }),
        })
    }

    /// These are trusted.
    #[must_use]
    pub fn with_trust(self, trust: Arc<Trust>) -> Self {
        Self { trust, ..self }
    }

    /// This is what we show where TLS is spoken.
    #[must_use]
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }

    /// Pages name the database so.
    #[must_use]
    pub fn on_database(self, name: String) -> Self {
        Self { database: name, ..self }
    }

    /// With what is wrong with the server of debug files, as long as it is.
    #[must_use]
    pub fn with_debuginfod(self, debuginfod: ServerTrouble) -> Self {
        Self { debuginfod, ..self }
    }

    /// With these plug-ins.
    #[must_use]
    pub fn with_extensions(self, extensions: Extensions) -> Self {
        Self { extensions, ..self }
    }

    /// With what is wrong with the file of rules, as long as it is.
    #[must_use]
    pub fn with_rules_trouble(self, rules_trouble: RulesTrouble) -> Self {
        Self { rules_trouble, ..self }
    }

    /// With the site's rules in this file, which puts them into the database.
    #[must_use]
    pub fn with_rules_file(self, rules_file: Option<PathBuf>) -> Self {
        Self { rules_file, ..self }
    }

    fn rules_file(&self) -> Option<&Path> {
        self.rules_file.as_deref()
    }

    /// Whether requests to forget are taken.
    #[must_use]
    pub fn with_forgetting(self, forgets: bool) -> Self {
        Self { forgets, ..self }
    }

    /// Machines of these groups are compared with others.
    #[must_use]
    pub fn with_comparisons(self, comparisons: Arc<Comparisons>) -> Self {
        Self { comparisons, ..self }
    }

    /// These machines are asked.
    #[must_use]
    pub fn with_pulls(self, pulls: Arc<Board>) -> Self {
        Self { pulls, ..self }
    }

    /// These machines have names, and months begin so.
    #[must_use]
    pub fn with_machines(self, machines: Arc<Machines>) -> Self {
        Self { machines, ..self }
    }

    /// Records wait here to be fetched.
    #[must_use]
    pub fn with_buffer(self, buffer: Option<Buffer>) -> Self {
        Self { buffer, ..self }
    }

    fn plugins(&self) -> Arc<Plugins> {
        Arc::clone(&self.extensions.plugins)
    }

    /// Where a view runs: one that ships by our own login.
    fn views_store(&self, ships: bool) -> Option<&Store> {
        if ships { Some(&self.store) } else { self.extensions.views.as_ref() }
    }

    /// Remembers whether a view works.
    fn note_view(&self, name: &str, error: Option<&ViewError>) {
        let mut failed = self.extensions.failed_views.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => drop(failed.insert(name.to_owned(), error.to_string())),
            None => drop(failed.remove(name)),
        }
    }

    /// The rules by which groups are made now.
    fn rules(&self) -> Arc<Rules> {
        self.store.rules()
    }
}

/// The table above, or the part of it that is served. A request that is not answered within `request_time` is answered
/// 408.
pub fn router(app: Arc<App>, served: Served, request_time: Duration) -> Router {
    let collector = || get(to_page).post(collect::post_headers);
    let pages = Router::new()
        .route("/api/records", get(records::list))
        .merge(site::routes(&app))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&app), gate::admit))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&app), host::only_ours));
    let intake = Router::new()
        .route("/", collector())
        .route("/v2/collector", collector())
        .route("/v3/collector", post(collect::post_json))
        .route("/v3/forget", post(forget::post))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&app), trusted::who_delivers))
        .route("/v3/sync/lease", post(sync::lease))
        .route("/v3/sync/confirm", post(sync::confirm))
        .route("/v3/identity", get(identity::get).post(identity::post));
    let served = match served {
        Served::All => intake.merge(pages),
        Served::Intake => intake,
        Served::Pages => pages.route("/", get(to_page)),
    };
    served
        .fallback(no_such_page)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(request_time, within))
        .with_state(app)
}

async fn to_page() -> impl IntoResponse {
    (StatusCode::FOUND, [(header::LOCATION, site::FIRST)])
}

async fn no_such_page() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is nothing at this path; records are posted to /, /v2/collector or /v3/collector, and read at \
         /telemetryui and /api/records",
    )
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take this method; the Allow header has those that it does",
    )
}

async fn within(State(time): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response(),
    }
}
