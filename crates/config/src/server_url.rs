//! The URL of a server, which may hold a password.

use crate::allowed::{Allowed, shortened};
use std::borrow::Cow;
use std::fmt;

/// The URL that records are posted to; empty where none is set. [`Display`](fmt::Display) and [`Debug`](fmt::Debug) leave
/// out the user and password that can stand before its host, so that no log and no error has them.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// A URL as it is, right or wrong: for one that was checked before, in another process.
    pub fn unchecked(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Whether no server is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The whole URL, with user and password: for the request itself, never for people.
    pub fn with_password(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return f.write_str(after_last_at(&self.0));
        };
        let (authority, path) = rest.split_at(authority_end(rest));
        write!(f, "{scheme}://{}{path}", after_last_at(authority))
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// An `http://` or `https://` URL, or nothing.
pub(crate) struct HttpUrl;

impl Allowed<ServerUrl> for HttpUrl {
    fn parse(&self, text: &str) -> Option<ServerUrl> {
        if text.is_empty() {
            return Some(ServerUrl::default());
        }
        let (scheme, rest) = text.split_once("://")?;
        let is_http = ["http", "https"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
        let is_clean = text.bytes().all(|byte| byte.is_ascii_graphic());
        let (authority, _) = rest.split_at(authority_end(rest));
        (is_http && is_clean && has_host(authority)).then(|| ServerUrl(text.to_owned()))
    }

    fn describe(&self) -> String {
        "an http:// or https:// URL".to_owned()
    }

    /// A URL without a scheme; one whose `//` is missing is not that, nor one with a `@` in what would be its path and would
    /// be shown: the password may stand before it.
    fn meant(&self, text: &str) -> Option<String> {
        let lower = text.to_ascii_lowercase();
        let has_scheme = text.contains("://") || lower.starts_with("http:") || lower.starts_with("https:");
        let (_, path) = text.split_at(authority_end(text));
        (!has_scheme && !path.contains('@')).then(|| format!("http://{text}"))
    }

    /// Of a wrong URL nobody knows which part of it is the password: everything up to the last `@` is left out.
    fn shown(&self, text: &str) -> String {
        if let Some(url) = self.parse(text) {
            return shortened(&url.to_string());
        }
        match text.rsplit_once('@') {
            Some((_, rest)) => format!("...@{}", shortened(rest)),
            None => shortened(text),
        }
    }
}

/// Where the authority of what follows `://` ends.
fn authority_end(rest: &str) -> usize {
    rest.find(['/', '?', '#']).unwrap_or(rest.len())
}

/// Whether there is a host, and what stands behind it is a port. A password with a `/` in it does not pass: the text up to
/// it would be taken for the host, and be shown.
fn has_host(authority: &str) -> bool {
    let host_and_port = after_last_at(authority);
    let (host, port) = match host_and_port.strip_prefix('[') {
        Some(address) => address.split_once(']').unwrap_or_default(),
        None => host_and_port.split_at(host_and_port.find(':').unwrap_or(host_and_port.len())),
    };
    let is_number = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    !host.is_empty() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_number))
}

fn after_last_at(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest)
}

/// Text of others, as libcurl's, that may quote a URL: what may be a user and a password in it is left out. That is what stands
/// before the last `@`, back to where the quotation or the word with the first one begins.
pub fn without_passwords(text: &str) -> Cow<'_, str> {
    let Some((before, behind)) = text.rsplit_once('@') else {
        return Cow::Borrowed(text);
    };
    let word_end = before.find('@').unwrap_or(before.len());
    let quotation = before.find(['\'', '"', '`']);
    let word = before.get(..word_end).and_then(|head| head.rfind(char::is_whitespace));
    let start = quotation.or(word).map_or(0, |index| index + 1);
    Cow::Owned(format!("{}...@{behind}", before.get(..start).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_of_a_url_shows_no_password() {
        for (text, shown) in [
            ("Unsupported proxy scheme for 'foo://u:se cret@h:1'", "Unsupported proxy scheme for '...@h:1'"),
            (
                "Unsupported proxy syntax in 'u:s'e@c@h:x': Bad port",
                "Unsupported proxy syntax in '...@h:x': Bad port",
            ),
            ("Could not resolve http://u:p@h/ and u2:p2@h2", "Could not resolve ...@h2"),
            ("u:p@h", "...@h"),
            ("Could not resolve host: h", "Could not resolve host: h"),
            ("", ""),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }

    #[test]
    fn a_url_shows_no_password_but_has_it() {
        for (url, shown) in [
            ("https://u:p@h:1/x@y", "https://h:1/x@y"),
            ("http://u:p@q@h/", "http://h/"),
            ("http://h/", "http://h/"),
            ("https://h?a@b", "https://h?a@b"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
            ("", ""),
        ] {
            let parsed = HttpUrl.parse(url).unwrap();
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(format!("{parsed:?}"), format!("\"{shown}\""));
            assert_eq!(parsed.with_password(), url);
        }
        assert_eq!(ServerUrl::unchecked("u:p@h").to_string(), "h");
    }

    #[test]
    fn a_wrong_url_is_refused_and_shows_no_password_either() {
        for (url, shown) in [
            ("ftp://u:p@h/", "...@h/"),
            ("http://u:p/w@h/", "...@h/"),
            ("http//u:p@h/x@y", "...@y"),
            ("u/secret@h/", "...@h/"),
            ("http://", "http://"),
            ("http:///x", "http:///x"),
            ("http://u@/x", "...@/x"),
            ("http://a b/", "http://a b/"),
            ("http://h:port/", "http://h:port/"),
            ("http://h:70000/", "http://h:70000/"),
            ("http://[::1/", "http://[::1/"),
            ("http://[::1]x/", "http://[::1]x/"),
        ] {
            assert_eq!(HttpUrl.parse(url), None, "{url}");
            assert_eq!(HttpUrl.shown(url), shown);
            assert!(HttpUrl.meant(url).is_none_or(|meant| HttpUrl.parse(&meant).is_none()), "{url}");
        }
    }
}
