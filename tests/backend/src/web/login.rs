//! `login` and `logout`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use http_body_util::{BodyExt, Limited};
use minijinja::context;

use super::guard::Judged;
use super::peer::{Peer, client};
use super::site::{Ask, Page};
use super::trusted::caller;
use super::{App, Problem};
use crate::access::{Credentials, SESSION_SECS};
use crate::timestamp::now_secs;

const LOGIN: &str = "/telemetryui/login";
const LOGOUT: &str = "/telemetryui/logout";
const COOKIE: &str = "telem_session";
/// Where the connection is known to be TLS: browsers take it over TLS alone, and from no other host.
const SECURE_COOKIE: &str = "__Host-telem_session";

/// Bytes of a form.
const FORM_BYTES: usize = 4096;

/// Paths that need no name: to get one, and how the page is drawn on which one gets it.
pub(super) fn is_open(path: &str) -> bool {
    path == LOGIN || path == LOGOUT || path.starts_with("/telemetryui/static/")
}

/// The token in the cookie: in the one that nobody else can have set, if it is there.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let cookie = |wanted: &str| {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies =
            lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        cookies.find(|(name, _)| *name == wanted).map(|(_, value)| value)
    };
    cookie(SECURE_COOKIE).or_else(|| cookie(COOKIE))
}

/// To the login, and from there to where one wanted to go.
pub(super) fn redirect(uri: &Uri) -> Redirect {
    let wanted = uri.path_and_query().map_or("/telemetryui", |path| path.as_str());
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
    Redirect::to(&format!("{LOGIN}?{query}"))
}

/// There were failures.
pub(super) fn wait(secs: i64) -> Problem {
    let message = format!("too many wrong passwords; the next one is judged in {secs} s");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, message).with_header(header::RETRY_AFTER, &secs.to_string())
}

/// The form.
pub(super) async fn show(ask: Ask) -> Result<Response, Problem> {
    let next = own_path(ask.first("next"));
    form(&ask, next, None, StatusCode::OK)
}

fn form(ask: &Ask, next: &str, wrong: Option<&str>, status: StatusCode) -> Result<Response, Problem> {
    if ask.app.gate.guard.is_none() {
        return Err(Problem::new(StatusCode::NOT_FOUND, "there is no login: --users names no password file"));
    }
    let mut response = ask.page(Page::new("login.html", "Log in", context! { next, wrong }))?;
    *response.status_mut() = status;
    Ok(response)
}

/// Takes a name and a password.
pub(super) async fn take(ask: Ask, request: Request) -> Result<Response, Problem> {
    let app = Arc::clone(&ask.app);
    let Some(guard) = &app.gate.guard else { return form(&ask, "", None, StatusCode::OK) };
    let peer = Peer::address(request.extensions().get());
    let is_tls = is_tls(&app, &request);
    let (head, body) = request.into_parts();
    let too_long =
        |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the form is longer than a name and a password");
    let bytes = Limited::new(body, FORM_BYTES).collect().await.map_err(too_long)?.to_bytes();
    let fields: Vec<(String, String)> = form_urlencoded::parse(&bytes).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value);
    let credentials = Credentials { name: field("name").to_owned(), password: field("password").to_owned() };
    let next = own_path(Some(field("next")));
    let now = now_secs();
    match guard.judge(&credentials, &client(peer, &head.headers, &app.gate.proxies), now).await {
        Judged::Wait(secs) => Err(wait(secs)),
        Judged::Wrong => {
            form(&ask, next, Some("This name with this password is not known."), StatusCode::FORBIDDEN)
        }
        Judged::Good => {
            let no_random =
                || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the system has no random numbers");
            let token = guard.begin(&credentials.name, now).ok_or_else(no_random)?;
            let mut response = see(next);
            set_cookie(&mut response, is_tls, &token, SESSION_SECS)?;
            Ok(response)
        }
    }
}

/// Ends the session.
pub(super) async fn leave(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    if let (Some(guard), Some(token)) = (&app.gate.guard, token(request.headers())) {
        guard.end(token);
    }
    let mut response = see(if app.gate.guard.is_some() { LOGIN } else { "/telemetryui" });
    set_cookie(&mut response, is_tls(&app, &request), "", 0)?;
    Ok(response)
}

fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A path of ours; a link to the login must not lead to somebody else's page.
fn own_path(path: Option<&str>) -> &str {
    let is_own = |path: &&str| {
        path.starts_with("/telemetryui") && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    path.filter(is_own).unwrap_or("/telemetryui")
}

/// Whether a browser speaks TLS: with us, or with a proxy of ours that says so.
fn is_tls(app: &App, request: &Request) -> bool {
    let caller = caller(request);
    let scheme = request.headers().get("x-forwarded-proto");
    let is_proxy = app.gate.proxies.contains(&Peer::address(request.extensions().get()));
    caller.is_encrypted && !caller.is_proxied
        || is_proxy && scheme.is_some_and(|scheme| scheme.as_bytes() == b"https")
}

fn set_cookie(response: &mut Response, is_tls: bool, token: &str, age_secs: i64) -> Result<(), Problem> {
    let (name, secure) = if is_tls { (SECURE_COOKIE, "; Secure") } else { (COOKIE, "") };
    let cookie = format!("{name}={token}; Path=/; Max-Age={age_secs}; HttpOnly; SameSite=Lax{secure}");
    let value = HeaderValue::from_str(&cookie)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_ours() {
        for (given, expected) in [
            (Some("/telemetryui/groups?days=7"), "/telemetryui/groups?days=7"),
            (Some("//evil.example.org"), "/telemetryui"),
            (Some("https://evil.example.org/telemetryui"), "/telemetryui"),
            (Some("/telemetryui\\@evil"), "/telemetryui"),
            (Some("/telemetryui\r\nX: y"), "/telemetryui"),
            (None, "/telemetryui"),
        ] {
            assert_eq!(own_path(given), expected, "{given:?}");
        }
    }

    #[test]
    fn the_token_is_found_among_cookies() {
        let mut headers = HeaderMap::new();
        assert_eq!(token(&headers), None);
        headers.insert("cookie", HeaderValue::from_static("a=b; telem_session=abc; c"));
        assert_eq!(token(&headers), Some("abc"));
        // Who speaks for us without TLS cannot have set this one.
        headers.insert("cookie", HeaderValue::from_static("telem_session=theirs; __Host-telem_session=ours"));
        assert_eq!(token(&headers), Some("ours"));
    }
}
