//! Handles of libcurl: what a transfer has before it is given its request.

use crate::answer::Answer;
use crate::passed_file;
use crate::setopt::bound_connection_age;
use curl::easy::{Easy2, HttpVersion, SslVersion};
use std::os::fd::OwnedFd;
use std::time::Duration;
use telempost_upload::limits::{CERTIFICATES_BYTES, REQUEST_TIME};

/// Longest time for a connection to be made, the TLS handshake included. Slow links need a few seconds.
const CONNECT_TIME: Duration = Duration::from_secs(10);

const _: () = assert!(CONNECT_TIME.as_secs() < REQUEST_TIME.as_secs());

/// How old a connection may be that carries another request: a server's name may lead to another address by now, which a
/// machine that always has something to send would never notice.
const CONNECTION_AGE: Duration = Duration::from_secs(5 * 60);

const USER_AGENT: &str = concat!("telemetrics/", env!("CARGO_PKG_VERSION"));

/// By what a server is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrustedBy {
    /// The system's authorities.
    System,
    /// The authorities in a file.
    File(String),
    /// Its key. Name, dates and chain of its certificate are not judged.
    Pin {
        /// The pin in the form of libcurl.
        pin: String,
        /// Whether our certificate is shown, if there is one: the server speaks TLS 1.3.
        is_shown: bool,
    },
}

impl TrustedBy {
    pub(crate) fn authorities(ca_file: Option<&str>) -> Self {
        ca_file.map_or(Self::System, |file| Self::File(file.to_owned()))
    }

    pub(crate) fn ca_file(&self) -> Option<&str> {
        match self {
            Self::File(file) => Some(file),
            Self::System | Self::Pin { .. } => None,
        }
    }
}

/// A handle with what it is set up for; libcurl cannot go back to its own.
#[derive(Debug)]
pub(crate) struct Handle<E> {
    pub(crate) easy: E,
    pub(crate) trusted_by: TrustedBy,
}

/// A handle for requests to the system's server, which may share connections. `identity` is shown where the server asks.
pub(crate) fn system_handle(
    trusted_by: TrustedBy,
    identity: Option<&[u8]>,
) -> Result<Handle<Easy2<Answer>>, curl::Error> {
    let mut easy = new_easy()?;
    // The second request waits to see whether the first one's connection can carry it as well.
    easy.pipewait(true)?;
    bound_connection_age(&easy, CONNECTION_AGE);
    trust(&mut easy, &trusted_by)?;
    if let Some(pem) = identity {
        easy.ssl_cert_blob(pem)?;
        easy.ssl_key_blob(pem)?;
        if matches!(trusted_by, TrustedBy::Pin { .. }) {
            // Before 1.3 a certificate goes over the wire in the clear.
            easy.ssl_min_max_version(SslVersion::Tlsv13, SslVersion::Default)?;
        }
    }
    Ok(Handle { easy, trusted_by })
}

/// The one place where it is set what a server is trusted by: verification is never off without a pin.
fn trust(easy: &mut Easy2<Answer>, trusted_by: &TrustedBy) -> Result<(), curl::Error> {
    match trusted_by {
        TrustedBy::System => Ok(()),
        TrustedBy::File(file) => easy.cainfo(file),
        TrustedBy::Pin { pin, .. } => {
            easy.pinned_public_key(pin)?;
            easy.ssl_verify_peer(false)?;
            easy.ssl_verify_host(false)
        }
    }
}

/// A handle for one request to a server that a record names: what it sets up serves no other.
pub(crate) fn foreign_handle(
    ca_file: Option<&str>,
    certificates: Option<OwnedFd>,
) -> Result<Handle<Easy2<Answer>>, String> {
    let set_up = |certificates: Option<Vec<u8>>| {
        let mut easy = new_easy()?;
        easy.fresh_connect(true)?;
        easy.forbid_reuse(true)?;
        easy.ssl_sessionid_cache(false)?;
        if let Some(certificates) = &certificates {
            easy.ssl_cainfo_blob(certificates)?;
        }
        Ok(Handle { easy, trusted_by: TrustedBy::authorities(ca_file) })
    };
    let certificates = match (ca_file, certificates) {
        (None, _) => None,
        (Some(file), None) => return Err(format!("cainfo={file}: no certificates came with the request")),
        (Some(_), Some(descriptor)) => {
            Some(passed_file::read(descriptor, CERTIFICATES_BYTES).map_err(|error| error.to_string())?)
        }
    };
    set_up(certificates).map_err(|error: curl::Error| error.to_string())
}

/// What is the same for every request.
fn new_easy() -> Result<Easy2<Answer>, curl::Error> {
    let mut easy = Easy2::new(Answer::default());
    easy.post(true)?;
    easy.useragent(USER_AGENT)?;
    easy.connect_timeout(CONNECT_TIME)?;
    easy.timeout(REQUEST_TIME)?;
    easy.tcp_nodelay(true)?;
    // A record goes to the server that was configured and to no other.
    easy.follow_location(false)?;
    easy.http_09_allowed(false)?;
    easy.ssl_min_max_version(SslVersion::Tlsv12, SslVersion::Default)?;
    easy.http_version(HttpVersion::V2TLS)?;
    Ok(easy)
}
