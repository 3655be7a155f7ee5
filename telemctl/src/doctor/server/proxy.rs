//! The proxy that the environment names, by the rules of libcurl, which is what delivers
//! (see `ENVIRONMENT` in curl(1)).

use super::endpoint::{Endpoint, host_and_port};

/// libcurl's port of a proxy that names none.
const DEFAULT_PORT: u16 = 1080;

/// What stands between this machine and the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    /// Nothing.
    None,
    /// This one, which that variable names.
    At(Endpoint, &'static str),
    /// Something that makes no sense, in that variable.
    Unreadable(&'static str),
}

/// The proxy for a server. `variable` gives the value of one that is set and not empty.
pub(super) fn find(server: &Endpoint, variable: impl Fn(&str) -> Option<String>) -> Proxy {
    // `HTTP_PROXY` is not read: a CGI program has it from a header of the request.
    let names: &[&'static str] = if server.is_https {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    };
    let excepted = variable("no_proxy").or_else(|| variable("NO_PROXY"));
    if excepted.is_some_and(|list| is_excepted(&server.host, &list)) {
        return Proxy::None;
    }
    match names.iter().find_map(|name| Some((*name, variable(name)?))) {
        None => Proxy::None,
        Some((name, value)) => parse(&value).map_or(Proxy::Unreadable(name), |proxy| Proxy::At(proxy, name)),
    }
}

fn parse(value: &str) -> Option<Endpoint> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let is_https = scheme.eq_ignore_ascii_case("https");
    // What would be the host may be the user, and what would be the port his password, which has a `/` in it.
    if rest.split_once(['/', '?', '#']).is_some_and(|(_, path)| path.contains('@')) {
        return None;
    }
    let (host, port) = host_and_port(rest)?;
    let port = port.unwrap_or(if is_https { 443 } else { DEFAULT_PORT });
    Some(Endpoint { host, port, is_https })
}

/// Whether a list of names, separated by commas or blanks, holds the host or a domain that it is in.
/// Networks (`10.0.0.0/8`) are not checked.
fn is_excepted(host: &str, list: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.trim_start_matches('.').trim_matches(['[', ']']).to_ascii_lowercase();
        entry == "*" || host == entry || host.strip_suffix(&entry).is_some_and(|head| head.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(is_https: bool, variables: &[(&str, &str)]) -> Proxy {
        let server = Endpoint { host: "t.example.org".to_owned(), port: 80, is_https };
        find(&server, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_variable_of_the_scheme_counts_first() {
        let at = |host: &str, port, name| {
            Proxy::At(Endpoint { host: host.to_owned(), port, is_https: false }, name)
        };
        for (is_https, variables, expected) in [
            (false, &[][..], Proxy::None),
            (false, &[("http_proxy", "http://p:3128/")], at("p", 3128, "http_proxy")),
            (false, &[("http_proxy", "u:x@p")], at("p", DEFAULT_PORT, "http_proxy")),
            (false, &[("HTTP_PROXY", "p:1")], Proxy::None),
            (false, &[("https_proxy", "p:1")], Proxy::None),
            (true, &[("HTTPS_PROXY", "p:1"), ("all_proxy", "q:2")], at("p", 1, "HTTPS_PROXY")),
            (true, &[("http_proxy", "p:1"), ("all_proxy", "q:2")], at("q", 2, "all_proxy")),
            (true, &[("https_proxy", "p:x")], Proxy::Unreadable("https_proxy")),
            (true, &[("https_proxy", "http://u:12/3@p:x")], Proxy::Unreadable("https_proxy")),
            (false, &[("http_proxy", "p:1"), ("no_proxy", "example.org")], Proxy::None),
            (false, &[("http_proxy", "p:1"), ("NO_PROXY", "a, .Example.Org")], Proxy::None),
            (false, &[("http_proxy", "p:1"), ("no_proxy", "*")], Proxy::None),
            (false, &[("http_proxy", "p:1"), ("no_proxy", "ample.org,org.x")], at("p", 1, "http_proxy")),
        ] {
            assert_eq!(proxy(is_https, variables), expected, "{variables:?}");
        }
    }
}
