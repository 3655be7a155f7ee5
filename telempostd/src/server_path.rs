//! Where a server takes what is no record: requests to forget, and certificates.

/// What the path's end is replaced by.
const FORGET: &str = "/v3/forget";
const IDENTITY: &str = "/v3/identity";

/// Ends of paths that records go to.
const COLLECTORS: [&str; 2] = ["/v2/collector", "/v3/collector"];

/// Where a server with this URL takes requests to forget.
pub(crate) fn forget(url: &str) -> String {
    let (server, path) = beside(url, FORGET);
    format!("{server}{path}")
}

/// The path, with what is behind it, at which a server with this URL is asked for its certificates.
pub(crate) fn identity(url: &str) -> String {
    beside(url, IDENTITY).1
}

/// The server of a URL, and its path, whose last `/v2/collector`, `/v3/collector` or `/` is replaced (contract); what follows
/// that `/` is of another form of collector, and goes.
fn beside<'a>(url: &'a str, end: &str) -> (&'a str, String) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let path_start = url
        .get(authority..)
        .and_then(|rest| rest.find(['/', '?', '#']))
        .map_or(url.len(), |at| authority + at);
    let (server, rest) = url.split_at_checked(path_start).unwrap_or((url, ""));
    let (path, query) =
        rest.split_at_checked(rest.find(['?', '#']).unwrap_or(rest.len())).unwrap_or((rest, ""));
    let kept = COLLECTORS.iter().find_map(|end| path.strip_suffix(end));
    let kept = kept.or_else(|| path.rsplit_once('/').map(|(before, _)| before)).unwrap_or_default();
    (server, format!("{kept}{end}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_path_is_replaced() {
        for (url, expected) in [
            ("http://h/v2/collector", "http://h/v3/forget"),
            ("https://u:p@h:8443/a/v3/collector?x=/y", "https://u:p@h:8443/a/v3/forget?x=/y"),
            ("http://h/", "http://h/v3/forget"),
            ("http://h", "http://h/v3/forget"),
            ("http://h?x", "http://h/v3/forget?x"),
            ("http://h/telemetry/", "http://h/telemetry/v3/forget"),
            ("http://h/v2/collector/v3/collector", "http://h/v2/collector/v3/forget"),
        ] {
            assert_eq!(forget(url), expected);
        }
    }

    #[test]
    fn a_path_has_nothing_of_the_user() {
        assert_eq!(identity("https://u:p@h:8443/a/v3/collector?x=/y"), "/a/v3/identity?x=/y");
        assert_eq!(identity("https://h"), "/v3/identity");
    }
}
