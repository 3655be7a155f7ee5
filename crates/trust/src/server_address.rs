//! Host and port of a server: what trust in it is kept by.

use std::fmt;
use std::str::FromStr;

/// `HOST:PORT`, the host in lower case; an IPv6 address stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerAddress {
    host: String,
    port: u16,
}

impl ServerAddress {
    /// Of a host as a URL has it (an IPv6 address in brackets).
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_ascii_lowercase(), port }
    }

    /// That of an `https://` URL, by whose port trust is kept; none for any other.
    pub fn of_https_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let authority = rest.split(['/', '?', '#']).next()?;
        let host_and_port = authority.rsplit('@').next()?;
        match host_and_port.parse() {
            Ok(address) => Some(address),
            Err(ServerAddressError) => format!("{}:443", host_and_port.trim_end_matches(':')).parse().ok(),
        }
    }

    /// The host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The text is no `HOST:PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be HOST:PORT, an IPv6 address in brackets, a port of 1 to 65535")]
pub struct ServerAddressError;

impl FromStr for ServerAddress {
    type Err = ServerAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(ServerAddressError)?;
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_number && *port != 0).ok_or(ServerAddressError)?;
        if is_host(host) { Ok(Self::new(host, port)) } else { Err(ServerAddressError) }
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(rest) => {
            rest.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
        }
        None => {
            let is_part_of_a_name =
                |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte) || byte >= 0x80;
            !host.is_empty() && host.len() <= 253 && host.bytes().all(is_part_of_a_name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_read_and_written() {
        for (text, expected) in [
            ("Host.example:8443", "host.example:8443"),
            ("[::1]:443", "[::1]:443"),
            ("10.0.0.1:1", "10.0.0.1:1"),
        ] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().to_string(), expected);
        }
        for wrong in
            ["host", ":1", "host:", "host:0", "host:65536", "host:+1", "::1:443", "[x]:1", "a b:1", "h/x:1"]
        {
            assert_eq!(wrong.parse::<ServerAddress>(), Err(ServerAddressError), "{wrong}");
        }
    }

    #[test]
    fn a_url_of_https_has_an_address_and_no_other() {
        for (url, expected) in [
            ("https://H/v2/collector", Some("h:443")),
            ("HTTPS://user:p@ss:w@h:8443/x", Some("h:8443")),
            ("https://[::1]/", Some("[::1]:443")),
            ("https://[::1]:9", Some("[::1]:9")),
            ("https://h:/", Some("h:443")),
            ("http://h/", None),
            ("h/", None),
            ("https:///x", None),
        ] {
            let address = ServerAddress::of_https_url(url).map(|address| address.to_string());
            assert_eq!(address.as_deref(), expected, "{url}");
        }
    }
}
