//! Where a URL leads: host and port.

use std::fmt;

/// Host and port of a server or proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// A name or an address, that of IPv6 without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_https: bool,
}

impl Endpoint {
    /// Of `SCHEME://[USER@]HOST[:PORT][/...]`, the scheme http or https.
    pub(super) fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let (host, port) = host_and_port(rest)?;
        Some(Self { host, port: port.unwrap_or(if is_https { 443 } else { 80 }), is_https })
    }
}

/// The host, and the port if one stands there, of what follows a scheme.
pub(super) fn host_and_port(rest: &str) -> Option<(String, Option<u16>)> {
    let authority = rest.split(['/', '?', '#']).next()?;
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = match place.strip_prefix('[') {
        Some(v6) => {
            let (host, behind) = v6.split_once(']')?;
            (host, if behind.is_empty() { None } else { Some(behind.strip_prefix(':')?) })
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    if host.is_empty() {
        return None;
    }
    match port {
        // As in `http://host:/`, which is the default.
        None | Some("") => Some((host.to_owned(), None)),
        Some(port) => Some((host.to_owned(), Some(port.parse().ok().filter(|port| *port > 0)?))),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_give_host_and_port() {
        for (url, expected) in [
            ("http://h", Some(("h", 80, false))),
            ("HTTPS://h/v3/collector?x@y:1", Some(("h", 443, true))),
            ("http://u:p@h:8080/", Some(("h", 8080, false))),
            ("https://u@x:p@h#f", Some(("h", 443, true))),
            ("http://[::1]:81/", Some(("::1", 81, false))),
            ("http://[::1]", Some(("::1", 80, false))),
            ("http://h:/", Some(("h", 80, false))),
            ("http://h:0/", None),
            ("http://h:70000/", None),
            ("http://h:x/", None),
            ("http://[::1", None),
            ("http://[::1]x/", None),
            ("http:///x", None),
            ("ftp://h/", None),
            ("h", None),
        ] {
            let expected =
                expected.map(|(host, port, is_https)| Endpoint { host: host.to_owned(), port, is_https });
            assert_eq!(Endpoint::of_url(url), expected, "{url}");
        }
    }
}
