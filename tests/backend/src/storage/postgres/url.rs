//! `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME?sslmode=verify-full&sslrootcert=FILE`.
//!
//! | `sslmode` | |
//! |---|---|
//! | none | as `verify-full`, unless every host is a loopback address, `localhost` or a directory of sockets |
//! | `verify-full` | TLS; the server's certificate has to be one of those trusted, and for the host's name |
//! | `disable` | no TLS |
//!
//! The modes in between encrypt for whoever answers; they are refused. `sslrootcert` is a file of certificates in
//! place of the system's. All else is as the PostgreSQL manual has it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Where a server's certificate is to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RootCertificates {
    System,
    File(PathBuf),
}

/// The address of a database on a PostgreSQL server. Its `Display` has no password.
#[derive(Clone, PartialEq)]
pub struct Url {
    config: Box<Config>,
    roots: Option<RootCertificates>,
}

/// A URL that cannot be used. Holds the whole message, without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError(String);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlError {}

impl Url {
    /// Whether a text is meant to be one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// What the server's certificate is checked against; `None` without TLS.
    pub(super) fn root_certificates(&self) -> Option<&RootCertificates> {
        self.roots.as_ref()
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut mode, mut file, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => file = Some(PathBuf::from(decoded(value))),
                _ => rest.push(pair),
            }
        }
        let driver = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let mut config: Config = driver.parse().map_err(|error: tokio_postgres::Error| {
            let reason =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            UrlError(format!("a database is a file or postgres://USER:PASSWORD@HOST/NAME ({reason})"))
        })?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(UrlError("a host or the name of the database is missing in the URL".into()));
        }
        let roots = file.map_or(RootCertificates::System, RootCertificates::File);
        let roots = match mode {
            Some("verify-full") => Some(roots),
            Some("disable") => None,
            None if config.get_hosts().iter().all(is_here) => None,
            None => Some(roots),
            Some(_) => return Err(UrlError("sslmode is verify-full or disable".into())),
        };
        config.ssl_mode(if roots.is_some() { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config: Box::new(config), roots })
    }
}

/// Whether what is sent to a host stays on this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
    }
}

/// A value of a query without its percent signs.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.to_string_lossy().into_owned(),
        });
        let name = self.config.get_dbname().unwrap_or_default();
        write!(f, "postgres://{}/{name}", hosts.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_verified_unless_the_url_or_the_address_say_otherwise() {
        let file = |path: &str| Some(RootCertificates::File(path.into()));
        for (hosts, query, roots) in [
            ("127.0.0.1", "", None),
            ("localhost:5433", "", None),
            ("[::1]", "", None),
            ("%2Frun%2Fpostgresql", "", None),
            ("127.0.0.1", "?sslmode=verify-full", Some(RootCertificates::System)),
            ("db.example.org", "", Some(RootCertificates::System)),
            ("192.0.2.1", "?application_name=x", Some(RootCertificates::System)),
            ("127.0.0.1,db.example.org", "", Some(RootCertificates::System)),
            ("db.example.org", "?sslmode=disable", None),
            ("db.example.org", "?sslrootcert=/etc/a%20b.pem&sslmode=verify-full", file("/etc/a b.pem")),
        ] {
            let url: Url = format!("postgres://u:secret@{hosts}/name{query}").parse().unwrap();
            assert_eq!(url.root_certificates().cloned(), roots, "{hosts} {query}");
            let mode = if roots.is_some() { SslMode::Require } else { SslMode::Disable };
            assert_eq!(url.config().get_ssl_mode(), mode);
        }
    }

    #[test]
    fn several_hosts_are_one_address_without_its_password() {
        let url: Url = "postgresql://u:secret@a:1,b:2/telemetry".parse().unwrap();
        assert_eq!(url.config().get_ports(), [1, 2]);
        assert_eq!(
            (url.to_string().as_str(), format!("{url:?}").as_str()),
            ("postgres://a,b/telemetry", "postgres://a,b/telemetry")
        );
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for text in [
            "postgres://u:secret@a/n?sslmode=require",
            "postgres://u:secret@a/n?sslmode=prefer",
            "postgres://u:secret@a/n?nosuch=1",
            "postgres://u:secret@a:port/n",
            "postgres://u:secret@a",
            "postgres:///n",
        ] {
            let message = text.parse::<Url>().unwrap_err().to_string();
            assert!(!message.contains("secret") && !message.contains('\n'), "{message}");
        }
        assert!(Url::is_meant("postgres://x") && Url::is_meant("postgresql://x") && !Url::is_meant("x.db"));
    }
}
