//! The keys of telempulld, which answers those who ask how this machine is. All of it is off by default.

use crate::allowed::{Allowed, Choice, Number, OptionalPath, Switch, seconds};
use crate::key::Key;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Longest part of an identifier, in bytes.
pub const PART_BYTES: usize = 255;

/// Where this machine itself may ask, without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAddress {
    /// A Unix socket.
    Socket(PathBuf),
    /// A port of the loopback interface.
    Loopback(SocketAddr),
}

impl FromStr for LocalAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.starts_with('/') {
            // It stands in a unit of systemd, which takes some of these for more than they are.
            let is_odd = |c: char| c.is_control() || matches!(c, '%' | '\\');
            let is_path = text.len() <= SOCKET_PATH_BYTES && !text.contains(is_odd);
            return if is_path { Ok(Self::Socket(PathBuf::from(text))) } else { Err(()) };
        }
        let address: SocketAddr = text.parse().map_err(drop)?;
        if address.ip().is_loopback() && can_listen(&address) { Ok(Self::Loopback(address)) } else { Err(()) }
    }
}

/// Whether its port is a port, and it names no device, which not every systemd can do.
fn can_listen(address: &SocketAddr) -> bool {
    let has_device = matches!(address, SocketAddr::V6(address) if address.scope_id() != 0);
    address.port() != 0 && !has_device
}

/// `sun_path` has 108 bytes, the terminator included.
const SOCKET_PATH_BYTES: usize = 107;

/// The owner of this machine in the words of X-Road: `INSTANCE/CLASS/CODE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The instance.
    pub instance: String,
    /// The class of members.
    pub class: String,
    /// The member's code.
    pub code: String,
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.instance, self.class, self.code)
    }
}

impl FromStr for Member {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [instance, class, code] if [instance, class, code].into_iter().all(|part| is_part(part)) => {
                Ok(Self {
                    instance: (*instance).to_owned(),
                    class: (*class).to_owned(),
                    code: (*code).to_owned(),
                })
            }
            _ => Err(()),
        }
    }
}

/// Whether this may be a part of an identifier: it stands in XML, and between slashes.
pub fn is_part(text: &str) -> bool {
    let is_other = |c: char| c == '/' || c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    !text.is_empty() && text.len() <= PART_BYTES && !text.contains(is_other)
}

/// How codes of SOAP faults are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultStyle {
    /// `server.serverproxy.access_denied`.
    SnakeCase,
    /// `Server.ServerProxy.AccessDenied`.
    CamelCase,
}

/// What is parsed by `FromStr`, or nothing.
struct Optional {
    describe: &'static str,
}

impl<T: FromStr> Allowed<Option<T>> for Optional {
    fn parse(&self, text: &str) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
    }

    fn describe(&self) -> String {
        self.describe.to_owned()
    }
}

/// One part of an identifier, or nothing.
struct OptionalPart;

impl Allowed<Option<String>> for OptionalPart {
    fn parse(&self, text: &str) -> Option<Option<String>> {
        if text.is_empty() { Some(None) } else { is_part(text).then(|| Some(text.to_owned())) }
    }

    fn describe(&self) -> String {
        format!("a text without / of at most {PART_BYTES} bytes, or nothing for the host's name")
    }
}

/// An address whose port is a port.
struct ListenAddress;

impl Allowed<Option<SocketAddr>> for ListenAddress {
    fn parse(&self, text: &str) -> Option<Option<SocketAddr>> {
        if text.is_empty() {
            return Some(None);
        }
        text.parse().ok().filter(can_listen).map(Some)
    }

    fn describe(&self) -> String {
        "ADDRESS:PORT or [V6]:PORT, or nothing for off".to_owned()
    }
}

/// `pull_listen`; none is off.
pub static PULL_LISTEN: Key<Option<SocketAddr>> = Key {
    name: "pull_listen",
    default: "",
    allowed: &ListenAddress,
    doc: "Where others may ask how this machine is: ADDRESS:PORT, by TLS, with certificates that are trusted.",
};

/// `pull_local`; none is off.
pub static PULL_LOCAL: Key<Option<LocalAddress>> = Key {
    name: "pull_local",
    default: "",
    allowed: &Optional {
        describe: "the absolute path of a socket (at most 107 bytes), 127.0.0.1:PORT or [::1]:PORT, or nothing for off",
    },
    doc: "Where programs of this machine may ask: a socket's path, 127.0.0.1:PORT or [::1]:PORT, without TLS.",
};

/// `pull_password_file`.
pub static PULL_PASSWORD_FILE: Key<Option<PathBuf>> = Key {
    name: "pull_password_file",
    default: "",
    allowed: &OptionalPath { nothing: "certificates alone" },
    doc: "Users and passwords (htpasswd -B) of those who ask at pull_listen without a certificate.",
};

/// `pull_rate`; 0 is no limit.
pub static PULL_RATE: Key<u32> = Key {
    name: "pull_rate",
    default: "20",
    allowed: &Number {
        unit: "requests",
        range: 0..=1_000_000,
        convert: |number| u32::try_from(number).unwrap_or(u32::MAX),
    },
    doc: "Requests a second of each certificate that are answered; 0: no limit.",
};

/// `sample_interval`.
pub static SAMPLE_INTERVAL: Key<Duration> = Key {
    name: "sample_interval",
    default: "5",
    allowed: &Number { unit: "seconds", range: 1..=60, convert: seconds },
    doc: "Seconds between two values of the windows over the last hour, 1 to 60, which are kept while member is set.",
};

/// `member`; none: no SOAP.
pub static MEMBER: Key<Option<Member>> = Key {
    name: "member",
    default: "",
    allowed: &Optional { describe: "INSTANCE/CLASS/CODE, or nothing for no SOAP" },
    doc: "The owner of this machine, INSTANCE/CLASS/CODE: then requests of X-Road (SOAP) are answered.",
};

/// `server_code`; none is the host's name.
pub static SERVER_CODE: Key<Option<String>> = Key {
    name: "server_code",
    default: "",
    allowed: &OptionalPart,
    doc: "The code of this machine in such requests [the host's name].",
};

/// `monitoring_params`.
pub static MONITORING_PARAMS: Key<Option<PathBuf>> = Key {
    name: "monitoring_params",
    default: "",
    allowed: &OptionalPath { nothing: "the one that an administrator sent" },
    doc: "monitoring-params.xml, which names the one central client.",
};

/// `limit_remote_data_set`.
pub static LIMIT_REMOTE_DATA_SET: Key<bool> = Key {
    name: "limit_remote_data_set",
    default: "false",
    allowed: &Switch,
    doc: "Whether others than the owner get the operating system, certificates and our version alone.",
};

/// `fault_style`.
pub static FAULT_STYLE: Key<FaultStyle> = Key {
    name: "fault_style",
    default: "7.8",
    allowed: &Choice(&[("7.8", FaultStyle::SnakeCase), ("7.7", FaultStyle::CamelCase)]),
    doc: "Of which version of X-Road the codes of faults are: 7.8 (since 7.8) or 7.7 (before).",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_the_words_say() {
        let listen = |text| PULL_LISTEN.allowed.parse(text);
        assert_eq!(listen(""), Some(None));
        assert_eq!(listen("[::]:9100"), Some(Some("[::]:9100".parse().unwrap())));
        for wrong in [
            "9100",
            "host:9100",
            "127.0.0.1",
            "127.0.0.1:0",
            "/run/x",
            ":9100",
            "[fe80::1%2]:9100",
            "[fe80::1%lo]:9100",
        ] {
            assert_eq!(listen(wrong), None, "{wrong}");
        }
        let local = |text| PULL_LOCAL.allowed.parse(text);
        assert_eq!(local("/run/x"), Some(Some(LocalAddress::Socket("/run/x".into()))));
        for right in ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80"] {
            assert_eq!(local(right), Some(Some(LocalAddress::Loopback(right.parse().unwrap()))));
        }
        let too_long = format!("/{}", "x".repeat(107));
        for wrong in [
            "0.0.0.0:80",
            "[::]:80",
            "10.0.0.1:80",
            "127.0.0.1",
            "run/x",
            "127.0.0.1:0",
            &too_long,
            "/a%b",
            "/a\\",
        ] {
            assert_eq!(local(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn members_have_three_parts() {
        let member = |text| MEMBER.allowed.parse(text);
        assert_eq!(member("LAB/ORG/4711-0").unwrap().unwrap().to_string(), "LAB/ORG/4711-0");
        assert_eq!(member(""), Some(None));
        for wrong in ["LAB", "LAB/ORG", "LAB/ORG/1/S", "LAB//1", "/LAB/1", "a/b/\u{7}"] {
            assert_eq!(member(wrong), None, "{wrong}");
        }
        assert_eq!(SERVER_CODE.allowed.parse("a/b"), None);
    }
}
