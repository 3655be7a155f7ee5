//! Whose pages a browser believes to see.
//!
//! A name that its owner lets point at this machine would make our pages his, and give his scripts what they show. So
//! pages answer to addresses, to `localhost`, and to the names that the administrator has given.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{App, Problem};

/// Lets a request through whose `Host` is one of ours; others are answered 421.
pub(super) async fn only_ours(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if is_ours(request.headers(), &app.hosts) {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "Host is not a name of this collector; allowed: its address, localhost, or what --host names",
    )
    .into_response()
}

fn is_ours(headers: &HeaderMap, names: &[String]) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = without_port(host);
    if let Some(inner) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    name.parse::<Ipv4Addr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !is_open(name) => name,
        _ => host,
    }
}

/// Whether a colon behind this is one within an IPv6 address.
fn is_open(name: &str) -> bool {
    name.starts_with('[') && !name.ends_with(']')
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn addresses_localhost_and_given_names_are_ours() {
        let names = ["telemetry.example.org".to_owned()];
        for (host, ours) in [
            ("127.0.0.1", true),
            ("192.0.2.7:8080", true),
            ("[::1]", true),
            ("[2001:db8::1]:8080", true),
            ("localhost", true),
            ("LocalHost:8080", true),
            ("telemetry.example.org", true),
            ("Telemetry.Example.org:443", true),
            ("evil.example.org", false),
            ("telemetry.example.org.evil.org", false),
            ("127.0.0.1.evil.org", false),
            ("localhost.evil.org", false),
            ("[::1", false),
            ("[evil]:80", false),
            ("::1", false),
            ("127.0.0.1:80:80", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            assert_eq!(is_ours(&headers, &names), ours, "{host:?}");
        }
    }

    #[test]
    fn no_host_and_two_hosts_are_not_ours() {
        let mut headers = HeaderMap::new();
        assert!(!is_ours(&headers, &[]));
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert!(is_ours(&headers, &[]));
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert!(!is_ours(&headers, &[]));
    }
}
