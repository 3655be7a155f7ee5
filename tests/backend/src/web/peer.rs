//! Who is at the other side of a connection, and for whom it speaks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::HeaderMap;

/// The address of the other side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Where nothing is known, as in tests without a socket: an address that is nobody's (RFC 5737).
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 0));

impl Peer {
    /// The address, as IPv4 where it is one.
    pub(super) fn address(peer: Option<&Self>) -> IpAddr {
        peer.map_or(NOBODY, |peer| peer.0.ip().to_canonical())
    }
}

/// Whether a proxy has passed a request on, by its own word.
pub(super) fn came_through_proxy(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name == "forwarded" || name.as_str().starts_with("x-forwarded-"))
}

/// Whose request it is: behind a proxy of ours, the last address that it saw.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> String {
    let seen = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    let last =
        seen.and_then(|list| list.rsplit(',').next()).and_then(|text| text.trim().parse::<IpAddr>().ok());
    let address = last.filter(|_| proxies.contains(&peer)).unwrap_or(peer).to_canonical();
    match address {
        IpAddr::V4(address) => address.to_string(),
        // Whoever has one IPv6 address has 2^64 of them.
        IpAddr::V6(address) => address.segments().iter().take(4).map(|part| format!("{part:x}:")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_proxies_of_ours_say_whose_request_it_is() {
        let proxy: IpAddr = "127.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.9, 198.51.100.1"));
        assert_eq!(client(proxy, &headers, &[proxy]), "198.51.100.1");
        assert_eq!(client(proxy, &headers, &[]), "127.0.0.1");
        assert_eq!(client("2001:db8::1".parse().unwrap(), &headers, &[proxy]), "2001:db8:0:0:");
        assert!(came_through_proxy(&headers) && !came_through_proxy(&HeaderMap::new()));
    }
}
