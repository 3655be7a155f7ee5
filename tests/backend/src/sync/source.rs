//! Where is fetched from: an element of `sync_address`.

use std::fmt;

use axum::http::Uri;
use telemetry_trust::{Fingerprint, Has, ServerAddress};

/// Bytes of an address.
const MAX_BYTES: usize = 1024;

/// A buffer, by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    host: String,
    port: u16,
    /// Without a slash at its end.
    prefix: String,
}

/// An address that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError(String);

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sync_address: {}: must be HOST, HOST:PORT, [V6]:PORT or an https URL", self.0)
    }
}

impl std::error::Error for SourceError {}

impl Source {
    /// Reads a list, parted by blanks or commas.
    ///
    /// # Errors
    /// The first that is no address.
    pub fn list(text: &str, port: u16) -> Result<Vec<Self>, SourceError> {
        let mut sources = Vec::new();
        for part in text.split([' ', '\t', ',']).filter(|part| !part.is_empty()) {
            let source = Self::read(part, port).ok_or_else(|| SourceError(crate::record::quoted(part)))?;
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        Ok(sources)
    }

    fn read(text: &str, default_port: u16) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        if let Some(rest) = text.strip_prefix("https://") {
            let uri: Uri = format!("https://{rest}").parse().ok()?;
            if uri.query().is_some() || uri.authority()?.as_str().contains('@') {
                return None;
            }
            let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
            let port = uri.port_u16().unwrap_or(443);
            return Self::new(host, port, uri.path().trim_end_matches('/').to_owned());
        }
        if text.contains("://") || text.contains('/') {
            return None;
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, behind) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, behind.strip_prefix(':').map_or(Some(default_port), |port| port.parse().ok())?)
            }
            None if text.parse::<std::net::Ipv6Addr>().is_ok() => (text, default_port),
            None => match text.split_once(':') {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (text, default_port),
            },
        };
        Self::new(host.to_owned(), port, String::new())
    }

    fn new(host: String, port: u16, prefix: String) -> Option<Self> {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        (!host.is_empty() && port != 0 && host.bytes().all(is_good)).then_some(Self { host, port, prefix })
    }

    /// Its host, for a name or an address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of a request.
    #[must_use]
    pub fn path(&self, of: &str) -> String {
        format!("{}/v3/sync/{of}", self.prefix)
    }

    /// The path where certificates are announced, by somebody who trusts this one as its next one; none: no next one yet.
    #[must_use]
    pub fn identity_path(&self, has: Option<Fingerprint>) -> String {
        format!("{}/v3/identity?{}", self.prefix, Has::to_query(has))
    }

    /// As lines of a trust file name it.
    #[must_use]
    pub fn address(&self) -> ServerAddress {
        let host = &self.host;
        if host.contains(':') {
            ServerAddress::new(&format!("[{host}]"), self.port)
        } else {
            ServerAddress::new(host, self.port)
        }
    }
}

/// What it is called in tables and messages.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, prefix } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}{prefix}")
        } else {
            write!(f, "{host}:{port}{prefix}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_many_forms() {
        let text = "inner, inner:9 [::1]:7\t::1,https://proxy/a/b/ https://[fe80::2]:1 inner:8443 10.0.0.1";
        let sources = Source::list(text, 8443).unwrap();
        let shown: Vec<String> = sources.iter().map(Source::to_string).collect();
        assert_eq!(
            shown,
            [
                "inner:8443",
                "inner:9",
                "[::1]:7",
                "[::1]:8443",
                "proxy:443/a/b",
                "[fe80::2]:1",
                "10.0.0.1:8443"
            ]
        );
        assert_eq!(sources[4].path("lease"), "/a/b/v3/sync/lease");
        assert_eq!(sources[0].path("lease"), "/v3/sync/lease");
        assert_eq!(sources[4].identity_path(None), "/a/b/v3/identity?has=-");
        let next = Fingerprint::of_der(b"next");
        assert_eq!(sources[0].identity_path(Some(next)), format!("/v3/identity?has={next}"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in [
            "http://inner",
            "inner:",
            "inner:0",
            "inner:x",
            "[inner]:1",
            "tentacle://x",
            "a/b",
            "https://",
            "https://u:p@h/",
            "https://h/?q",
        ] {
            assert!(Source::list(bad, 8443).is_err(), "{bad}");
        }
        assert_eq!(Source::list(" , ", 8443), Ok(vec![]));
    }
}
