//! Whose pages a browser believes to see: a name that its owner lets point at this machine would make our answers his.

use hyper::HeaderMap;
use hyper::header::HOST;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether there is no `Host`, which every browser sends, or one that is this machine itself.
pub(super) fn is_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => true,
        (Some(host), None) => host.to_str().is_ok_and(is_own_host),
        _ => false,
    }
}

/// Whether a value of `Host` is an address of loopback or `localhost`, with a port or without.
pub fn is_own_host(host: &str) -> bool {
    let is_port = |text: &str| {
        text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
    };
    if let Some((address, port)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return is_port(port) && address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    let (name, port) = host.find(':').and_then(|at| host.split_at_checked(at)).unwrap_or((host, ""));
    let is_address = name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_port(port) && (is_address || name.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_ours() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST:9100", true),
            ("127.0.0.1:80", true),
            ("127.9.9.9", true),
            ("[::1]:80", true),
            ("evil.example.org", false),
            ("localhost.evil.org", false),
            ("127.0.0.1.evil.org", false),
            ("192.0.2.1", false),
            ("[2001:db8::1]", false),
            ("localhost:x", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            assert_eq!(is_loopback(&headers), expected, "{host}");
            headers.append(HOST, "localhost".parse().unwrap());
            assert!(!is_loopback(&headers), "two");
        }
        assert!(is_loopback(&HeaderMap::new()));
    }
}
