//! Finds out who asks for a page, and whether he may.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::guard::{Guard, Judged};
use super::peer::{Peer, came_through_proxy, client};
use super::site::wants_html;
use super::trusted::{OnPages, caller, on_pages};
use super::{App, Problem, login, origin};
use crate::access::{AccessOptions, Policy, UsersError, Visitor, basic};
use crate::timestamp::now_secs;

/// Bytes of a name that a proxy gives.
const NAME_BYTES: usize = 200;

/// Who may, as far as it was set up.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) guard: Option<Guard>,
    user_header: Option<HeaderName>,
    pub(super) proxies: Vec<IpAddr>,
    policy: Policy,
}

impl Gate {
    pub(super) fn new(options: AccessOptions) -> Result<Self, UsersError> {
        let guard = options.users.map(Guard::new).transpose()?;
        let needs_name = guard.is_some() || options.user_header.is_some();
        let policy = Policy { needs_name, may_change: options.may_change };
        Ok(Self { guard, user_header: options.user_header, proxies: options.proxies, policy })
    }

    /// Who asks; none: nobody who may.
    async fn visitor(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Option<Visitor>, Problem> {
        if let Some(name) = self.named_by_proxy(peer, headers) {
            return Ok(Some(self.policy.known(&name, false)));
        }
        let now = now_secs();
        if let Some(guard) = &self.guard {
            let token = login::token(headers);
            if let Some(name) = token.and_then(|token| guard.session(token, now)) {
                return Ok(Some(self.policy.known(&name, true)));
            }
            let given =
                headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(basic);
            if let Some(credentials) = given {
                return match guard.judge(&credentials, &client(peer, headers, &self.proxies), now).await {
                    Judged::Good => Ok(Some(self.policy.known(&credentials.name, false))),
                    Judged::Wrong => Ok(None),
                    Judged::Wait(secs) => Err(login::wait(secs)),
                };
            }
        }
        let is_local = peer.is_loopback() && !came_through_proxy(headers);
        Ok(self.policy.unknown(is_local))
    }

    /// The name in the proxy's header, where the connection is a proxy's. Others may send the header as they like.
    fn named_by_proxy(&self, peer: IpAddr, headers: &HeaderMap) -> Option<String> {
        let name = self.user_header.as_ref().filter(|_| self.proxies.contains(&peer))?;
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let name = value.to_str().ok()?.trim();
        (!name.is_empty() && name.len() <= NAME_BYTES).then(|| name.to_owned())
    }
}

/// Lets those through who may; with them goes who they are.
pub(super) async fn admit(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let peer = Peer::address(request.extensions().get());
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && !origin::is_own(request.headers()) {
        return foreign_post().into_response();
    }
    let visitor = match on_pages(&app, &caller(&request), reads) {
        OnPages::Refused(problem) => return problem.into_response(),
        OnPages::Visitor(visitor) => Some(visitor),
        OnPages::AsEverybody => match app.gate.visitor(peer, request.headers()).await {
            Ok(visitor) => visitor,
            Err(problem) => return problem.into_response(),
        },
    };
    let is_open = login::is_open(request.uri().path());
    // Who gave a password that is wrong is a script, which would take the form for its answer.
    let may_log_in = app.gate.guard.is_some() && !request.headers().contains_key(header::AUTHORIZATION);
    match visitor {
        Some(visitor) if reads || is_open || visitor.may_change => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Some(visitor) => may_not_change(&visitor).into_response(),
        None if is_open => next.run(request).await,
        None if reads && may_log_in && wants_html(request.uri(), request.headers()) => {
            login::redirect(request.uri()).into_response()
        }
        None => unknown(app.gate.guard.is_some()).into_response(),
    }
}

fn foreign_post() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "a page of another site sent this; changes are taken from pages of this one",
    )
}

fn may_not_change(visitor: &Visitor) -> Problem {
    let message = match &visitor.name {
        Some(name) => format!("{name} may read, but not change; --may-change names who may"),
        None => {
            "changes are taken from this machine itself, or from users whom --users or --user-header names"
                .to_owned()
        }
    };
    Problem::new(StatusCode::FORBIDDEN, message)
}

fn unknown(has_passwords: bool) -> Problem {
    if has_passwords {
        return Problem::new(StatusCode::UNAUTHORIZED, "a name and its password are needed")
            .with_header(header::WWW_AUTHENTICATE, "Basic realm=\"telemetry\", charset=\"UTF-8\"");
    }
    Problem::new(StatusCode::FORBIDDEN, "only users whom the proxy names may read this")
}
