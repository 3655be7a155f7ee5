//! Posts from other sites.
//!
//! A browser that shows somebody else's page sends our cookie, or comes from our own machine: what that page makes it post
//! must not be done. Browsers say where a request comes from, in two headers that no page can set. What sends neither is no
//! browser, and does nothing on behalf of somebody else.

use axum::http::{HeaderMap, header};

/// Whether a request comes from a page of ours, or from no page at all.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    let one = |name: &str| -> Option<Option<&str>> {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?;
        // Two of them is one too many to believe.
        Some(if values.next().is_some() { None } else { first.to_str().ok() })
    };
    if let Some(site) = one("sec-fetch-site") {
        return matches!(site, Some("same-origin" | "none"));
    }
    let Some(origin) = one(header::ORIGIN.as_str()) else { return true };
    let host = one(header::HOST.as_str()).flatten();
    let of_origin = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    match (of_origin, host) {
        (Some(origin), Some(host)) => {
            without_default_port(origin).eq_ignore_ascii_case(without_default_port(host))
        }
        _ => false,
    }
}

/// Behind a proxy the scheme is not known here, and browsers leave out its port.
fn without_default_port(host: &str) -> &str {
    host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn other_sites_are_known_by_what_browsers_say() {
        let host = ("host", "telemetry.example.org:8080");
        for (given, own) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://telemetry.example.org:8080")], false),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://telemetry.example.org:8080")], true),
            (&[("origin", "https://Telemetry.example.org:8080")], true),
            (&[("origin", "http://telemetry.example.org")], false),
            (&[("origin", "http://evil.example.org")], false),
            (&[("origin", "http://telemetry.example.org:8080.evil.org")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in given.iter().chain([&host]) {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_own(&headers), own, "{given:?}");
        }
    }

    #[test]
    fn the_port_of_the_scheme_is_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("t.example.org:443"));
        headers.insert("origin", HeaderValue::from_static("https://t.example.org"));
        assert!(is_own(&headers));
    }
}
