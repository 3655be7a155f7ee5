//! Handles of libcurl: what a transfer has before it is given its request.

use crate::answer::Answer;
use crate::setopt::bound_connection_age;
use curl::easy::{Easy2, HttpVersion, SslVersion};
use std::fs::File;
use std::io::{Read, Seek};
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

/// A handle with the certificates that it is set up for; libcurl cannot go back to its own.
#[derive(Debug)]
pub(crate) struct Handle<E> {
    pub(crate) easy: E,
    pub(crate) ca_file: Option<String>,
}

/// A handle for requests to the system's server, which may share connections.
pub(crate) fn system_handle(ca_file: Option<&str>) -> Result<Handle<Easy2<Answer>>, curl::Error> {
    let mut easy = new_easy()?;
    // The second request waits to see whether the first one's connection can carry it as well.
    easy.pipewait(true)?;
    bound_connection_age(&easy, CONNECTION_AGE);
    if let Some(file) = ca_file {
        easy.cainfo(file)?;
    }
    Ok(Handle { easy, ca_file: ca_file.map(str::to_owned) })
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
        Ok(Handle { easy, ca_file: ca_file.map(str::to_owned) })
    };
    let certificates = match (ca_file, certificates) {
        (None, _) => None,
        (Some(file), None) => return Err(format!("cainfo={file}: no certificates came with the request")),
        (Some(_), Some(descriptor)) => {
            Some(read_certificates(descriptor).map_err(|error| error.to_string())?)
        }
    };
    set_up(certificates).map_err(|error: curl::Error| error.to_string())
}

/// All that was passed, from its beginning.
fn read_certificates(descriptor: OwnedFd) -> std::io::Result<Vec<u8>> {
    let mut file = File::from(descriptor);
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(CERTIFICATES_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
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
