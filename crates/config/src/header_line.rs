//! Which HTTP header a `tidheader` may name. It goes into the head of a request whose body somebody else wrote: a header
//! that frames the request would make a second one of that body.
//!
//! ```text
//! the system's file      any header but those that frame a request or describe its body (Content-..., Transfer-Encoding),
//!                        belong to one hop (Connection, Proxy-..., ...), or are set by the request itself
//! a record's own file    X-... only: any user may have written it
//! ```
//!
//! Names are compared without case, and `_` as `-`, since servers after CGI's manner see the same name either way.

use crate::allowed::{Allowed, shortened};

/// Headers that frame a request or belong to one hop (RFC 9110, 7.6.1; RFC 9112, 6).
static OF_A_HOP: [&str; 9] = [
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "trailers",
    "upgrade",
    "http2-settings",
    "expect",
];

/// Headers that each request has of its own, the record's headers of the form v2 among them.
static OF_THE_REQUEST: [&str; 19] = [
    "host",
    "authorization",
    "user-agent",
    "idempotency-key",
    "record-format-version",
    "classification",
    "severity",
    "machine-id",
    "creation-timestamp",
    "arch",
    "host-type",
    "build",
    "kernel-version",
    "payload-format-version",
    "system-name",
    "board-name",
    "cpu-model",
    "bios-version",
    "event-id",
];

/// Beginnings of names: what describes the body, and what is for a proxy.
static PREFIXES: [&str; 2] = ["content-", "proxy-"];

/// Whose configuration names the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderScope {
    /// The system's.
    System,
    /// That of a single record, which any user may have written.
    Record,
}

impl HeaderScope {
    /// Whether such a configuration may have this header sent.
    pub fn allows(self, name: &str, value: &str) -> bool {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_sound = !name.is_empty() && name.bytes().all(is_token);
        let name = name.to_ascii_lowercase().replace('_', "-");
        let is_allowed_name = match self {
            HeaderScope::System => {
                !OF_A_HOP.contains(&name.as_str())
                    && !OF_THE_REQUEST.contains(&name.as_str())
                    && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            }
            HeaderScope::Record => name.len() > 2 && name.starts_with("x-"),
        };
        is_sound && is_allowed_name && !value.trim().is_empty() && !value.contains(char::is_control)
    }
}

/// A header line, `NAME: VALUE`, of a configuration of this scope.
pub(crate) struct HeaderLine(pub(crate) HeaderScope);

impl Allowed<String> for HeaderLine {
    fn parse(&self, text: &str) -> Option<String> {
        let (name, value) = text.split_once(':')?;
        self.0.allows(name, value).then(|| text.to_owned())
    }

    /// Of a header that is there to hold a password the name alone.
    fn shown(&self, text: &str) -> String {
        match text.split_once([':', '=', ' ']) {
            Some((name, value)) if is_secret(name) && !value.is_empty() => {
                format!("{}: ...", shortened(name))
            }
            _ => shortened(text),
        }
    }

    fn describe(&self) -> String {
        match self.0 {
            HeaderScope::System => {
                "an HTTP header, NAME:\\sVALUE, and none that each request has of its own or that belongs to \
                 one connection"
            }
            HeaderScope::Record => "an HTTP header whose name begins with X-, as X-NAME:\\sVALUE",
        }
        .to_owned()
    }
}

/// Whether the value of a header of this name is a password, or as good as one.
fn is_secret(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase().replace('_', "-");
    ["authorization", "cookie"].iter().any(|secret| name.ends_with(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_no_password() {
        let header = HeaderLine(HeaderScope::System);
        for (text, shown) in [
            ("Authorization: Basic dTpw", "Authorization: ..."),
            ("Proxy_Authorization: Basic dTpw", "Proxy_Authorization: ..."),
            ("authorization=Basic dTpw", "authorization: ..."),
            ("Host: h", "Host: h"),
            ("Authorization", "Authorization"),
        ] {
            assert_eq!(header.shown(text), shown);
        }
    }
    use proptest::prelude::*;

    const SCOPES: [HeaderScope; 2] = [HeaderScope::System, HeaderScope::Record];

    #[test]
    fn no_configuration_names_what_frames_a_request_or_is_set_by_it() {
        let others = ["Content-Length", "Content-Type", "Content-Encoding", "Proxy-Authorization"];
        for name in OF_A_HOP.iter().chain(&OF_THE_REQUEST).chain(&others) {
            for name in [(*name).to_owned(), name.to_ascii_uppercase(), name.replace('-', "_")] {
                assert!(SCOPES.iter().all(|scope| !scope.allows(&name, " 0")), "{name}");
            }
        }
    }

    #[test]
    fn a_record_names_experimental_headers_only() {
        for (name, system, record) in [
            ("X-Telemetry-TID", true, true),
            ("x-a", true, true),
            ("Telemetry-Set", true, false),
            ("Cookie", true, false),
            ("X-", true, false),
            ("X", true, false),
            ("XX-A", true, false),
            ("X A", false, false),
            ("X-A\r", false, false),
            ("", false, false),
        ] {
            assert_eq!(SCOPES.map(|scope| scope.allows(name, " 1")), [system, record], "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_allowed_cannot_change_how_a_request_is_read(
            name in "[Xx]?[-_]?(content|transfer|proxy|te|host)?[-_]?\\PC{0,12}", value in any::<String>()
        ) {
            for scope in SCOPES.iter().filter(|scope| scope.allows(&name, &value)) {
                prop_assert!(!value.chars().any(char::is_control) && !name.contains([':', ' ', '\t']));
                let seen = name.to_ascii_uppercase().replace('-', "_");
                prop_assert!(!seen.starts_with("CONTENT_") && !seen.starts_with("PROXY_"));
                prop_assert!(!["TRANSFER_ENCODING", "CONNECTION", "TE", "HOST"].contains(&seen.as_str()));
                prop_assert!(*scope == HeaderScope::System || seen.starts_with("X_"));
            }
        }
    }
}
