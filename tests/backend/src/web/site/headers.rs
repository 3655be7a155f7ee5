//! Headers that every page has, and pages for problems.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use minijinja::context;
use std::sync::Arc;

use super::super::App;
use super::super::problem::Said;
use super::form::wants_html;

/// Payloads are foreign text: even if one got through unescaped, the browser would run and fetch nothing.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// As OWASP's list of headers has them. The referrer is kept within the site, since browsers that send none send no origin
/// with a form either.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Adds them, and turns a problem into a page where a page was asked for.
pub(in crate::web) async fn add(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let as_page = wants_html(request.uri(), request.headers());
    let mut response = next.run(request).await;
    let said = response.extensions_mut().remove::<Said>();
    if let (Some(Said(message)), true) = (said, as_page) {
        let status = response.status();
        let context = context! { title => status.canonical_reason(), status => status.as_u16(), message };
        if let Ok(html) = app.frame.render("problem.html", context) {
            let mut page =
                (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
            for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::ALLOW] {
                if let Some(value) = response.headers_mut().remove(&name) {
                    page.headers_mut().insert(name, value);
                }
            }
            response = page;
        }
    }
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
