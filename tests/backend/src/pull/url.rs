//! Where a machine is asked.

use std::fmt;
use std::net::IpAddr;

use axum::http::Uri;

/// Bytes of a URL.
const MAX_BYTES: usize = 1024;

/// The path at which JSON is answered, which may stand in a URL.
const ENVIRONMENT: &str = "/v1/environment";

/// A URL without a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    is_tls: bool,
    host: String,
    port: u16,
    /// Without a slash at its end.
    path: String,
}

/// Why a text is no URL of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlFault {
    /// Another form.
    Form,
    /// Without TLS, and not on this machine.
    Plain,
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "must be https://HOST:PORT, without user and query",
            Self::Plain => {
                "http:// is for this machine alone (http://127.0.0.1:PORT, http://[::1]:PORT); use https://"
            }
        })
    }
}

impl Url {
    /// Reads one.
    ///
    /// # Errors
    /// [`UrlFault`].
    pub fn read(text: &str) -> Result<Self, UrlFault> {
        if text.len() > MAX_BYTES || text.contains(['#', '@', '?']) {
            return Err(UrlFault::Form);
        }
        let uri: Uri = text.parse().map_err(|_| UrlFault::Form)?;
        let (is_tls, default_port) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(UrlFault::Form),
        };
        let authority = uri.authority().ok_or(UrlFault::Form)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = match authority.as_str().rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some(_) => authority.port_u16().ok_or(UrlFault::Form)?,
            None => default_port,
        };
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || port == 0 || !host.bytes().all(is_good) {
            return Err(UrlFault::Form);
        }
        let is_here = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !is_tls && !is_here {
            return Err(UrlFault::Plain);
        }
        Ok(Self { is_tls, host, port, path: uri.path().trim_end_matches('/').to_owned() })
    }

    /// Whether TLS is spoken there.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Its host: a name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// As a `Host` header names it.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// What is below it: the path of a request. The path of JSON may stand in the URL.
    #[must_use]
    pub fn below(&self, path: &str) -> String {
        format!("{}{path}", self.path.strip_suffix(ENVIRONMENT).unwrap_or(&self.path))
    }

    /// The path of JSON.
    #[must_use]
    pub fn environment(&self) -> String {
        self.below(ENVIRONMENT)
    }

    /// The path as it stands there; of none `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.is_tls { "https" } else { "http" }, self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_what() {
        for (text, shown, environment, path) in [
            ("https://web:9", "https://web:9", "/v1/environment", "/"),
            ("https://web", "https://web:443", "/v1/environment", "/"),
            ("https://[fe80::1]:9/a/", "https://[fe80::1]:9/a", "/a/v1/environment", "/a"),
            (
                "https://10.0.0.1:9/v1/environment",
                "https://10.0.0.1:9/v1/environment",
                "/v1/environment",
                "/v1/environment",
            ),
            ("http://127.0.0.1:9", "http://127.0.0.1:9", "/v1/environment", "/"),
            ("http://[::1]:9/x", "http://[::1]:9/x", "/x/v1/environment", "/x"),
        ] {
            let url = Url::read(text).unwrap();
            assert_eq!(
                (url.to_string().as_str(), url.environment().as_str(), url.path()),
                (shown, environment, path)
            );
        }
        assert_eq!(Url::read("https://h/v1/environment").unwrap().below("/v1/x"), "/v1/x");
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "web",
            "web:9",
            "ftp://web",
            "https://",
            "https://web:0",
            "https://web:x",
            "https://web:99999",
            "https://u:p@web",
            "https://web/?q",
            "https://web/#f",
            "https://w eb",
            "https://wäb",
        ] {
            assert_eq!(Url::read(text), Err(UrlFault::Form), "{text}");
        }
        for text in ["http://web:9", "http://10.0.0.1", "http://127.0.0.1.example.org", "http://localhost"] {
            assert_eq!(Url::read(text), Err(UrlFault::Plain), "{text}");
        }
    }
}
