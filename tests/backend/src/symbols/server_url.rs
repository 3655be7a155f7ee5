//! The address of a debuginfod server.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;

/// Longest that is taken.
const MAX_BYTES: usize = 1024;

/// `http://HOST[:PORT][/PATH]` or `https://...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    pub(super) is_tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Without `/` at its end.
    pub(super) path: String,
}

impl ServerUrl {
    /// The path of a debug file.
    pub(super) fn path_of(&self, build_id: &str) -> String {
        format!("{}/buildid/{build_id}/debuginfo", self.path)
    }

    /// Host and port, as the header `Host` has them.
    pub(super) fn authority(&self) -> String {
        let default = if self.is_tls { 443 } else { 80 };
        if self.port == default { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Where a redirect of this server leads, if it stays on it.
    pub(super) fn redirected(&self, location: &str) -> Option<String> {
        let uri: Uri = location.parse().ok()?;
        let path = uri.path_and_query()?.as_str();
        if uri.authority().is_none() {
            let is_path = location.starts_with('/') && !location.starts_with("//");
            return is_path.then(|| path.to_owned());
        }
        let other = origin(&uri)?;
        (other == (self.is_tls, self.host.clone(), self.port)).then(|| path.to_owned())
    }
}

/// Whether it is TLS, host, port.
fn origin(uri: &Uri) -> Option<(bool, String, u16)> {
    let is_tls = match uri.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let authority = uri.authority()?;
    // No port is 0, and a name with a password is none of ours.
    let is_plain = !authority.as_str().contains('@') && !authority.host().is_empty();
    let has_port = authority.as_str().len() > authority.host().len();
    let port = match (has_port, authority.port_u16()) {
        (false, _) if is_tls => 443,
        (false, _) => 80,
        (true, port) => port.filter(|port| *port > 0)?,
    };
    is_plain.then(|| (is_tls, authority.host().to_ascii_lowercase(), port))
}

impl FromStr for ServerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "a server is http://HOST[:PORT][/PATH] or https://..., of up to {MAX_BYTES} bytes, without a user"
            )
        };
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (is_tls, host, port) = origin(&uri).ok_or_else(wrong)?;
        if uri.query().is_some() || text.len() > MAX_BYTES {
            return Err(wrong());
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { is_tls, host, port, path })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.is_tls { "https" } else { "http" }, self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_urls() {
        for (text, shown) in [
            ("http://h", "http://h"),
            ("http://h:80/", "http://h"),
            ("https://H.example:8443/a/b/", "https://h.example:8443/a/b"),
            ("http://[::1]:8002", "http://[::1]:8002"),
        ] {
            assert_eq!(text.parse::<ServerUrl>().unwrap().to_string(), shown);
        }
        for text in
            ["", "h", "ftp://h", "http://", "http://u:p@h", "http://h:0", "http://h:x", "http://h/?a", "/a"]
        {
            assert!(text.parse::<ServerUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn redirects_stay_on_the_server() {
        let server: ServerUrl = "http://h:81/a".parse().unwrap();
        for (location, path) in [
            ("/b", Some("/b")),
            ("http://h:81/b?c", Some("/b?c")),
            ("http://H:81/b", Some("/b")),
            ("http://h/b", None),
            ("https://h:81/b", None),
            ("http://other:81/b", None),
            ("http://h:81@other/b", None),
            ("//other/b", None),
            ("b", None),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(server.redirected(location).as_deref(), path, "{location}");
        }
    }
}
