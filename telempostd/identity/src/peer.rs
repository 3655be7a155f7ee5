//! A server that is asked for its certificates: one request a connection, over TLS 1.3, to whoever has proven one of the keys
//! that are trusted.

use crate::connection::Connection;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Stream};
use std::io::{ErrorKind, Read, Write};
use std::str::FromStr;
use std::sync::Arc;
use telemetry_tls::{OwnKey, ServerVerifier, client_config};
use telemetry_trust::{Announcement, Fingerprint, Has, ServerAddress};

/// Longest answer: an announcement, or an error of a proxy.
const ANSWER_BYTES: u64 = 64 << 10;

/// A server, and where it takes announcements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) server: ServerAddress,
    path: String,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (server, path) = text.split_once('/').ok_or("must be HOST:PORT/PATH")?;
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("its path has characters that a request cannot have".to_owned());
        }
        let server = server.parse().map_err(|error| format!("{server}: {error}"))?;
        Ok(Self { server, path: format!("/{path}") })
    }
}

/// What a server said.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The certificate that it has shown, and whose key it has proven.
    pub(crate) leaf: Fingerprint,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// What is said to a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    /// Which of its next certificates is trusted here; none: none yet.
    pub(crate) has: Option<Fingerprint>,
    /// Ours, if there is a next one.
    pub(crate) announcement: Option<Announcement>,
}

/// Asks a server that has one of these certificates, showing it ours.
///
/// # Errors
/// For people: there was no answer.
pub(crate) fn ask(
    peer: &Peer,
    own: &OwnKey,
    trusted: Vec<Fingerprint>,
    said: Said,
) -> Result<Answer, String> {
    let about = |error: &dyn std::fmt::Display| format!("{}: {error}", peer.server);
    let config = client_config(own, Arc::new(ServerVerifier::new(trusted))).map_err(|error| about(&error))?;
    let mut connection = Connection::new(&peer.server).map_err(|error| about(&error))?;
    converse(peer, config, &mut connection, said).map_err(|error| about(&error))
}

fn converse(
    peer: &Peer,
    config: ClientConfig,
    connection: &mut Connection,
    said: Said,
) -> Result<Answer, String> {
    let host = peer.server.host().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    let mut stream = Stream::new(&mut tls, connection);
    stream.write_all(request(peer, said).as_bytes()).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    match stream.take(ANSWER_BYTES).read_to_end(&mut bytes) {
        // Who closes without a word of farewell may have said all; the length shows it.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
        result => drop(result.map_err(|error| error.to_string())?),
    }
    let leaf = tls.peer_certificates().and_then(|chain| chain.first()).map(|leaf| Fingerprint::of_der(leaf));
    let (status, body) = parse(&bytes).ok_or("its answer is cut short, or no HTTP")?;
    Ok(Answer { leaf: leaf.ok_or("it shows no certificate")?, status, body: body.to_owned() })
}

/// Of HTTP 1.0, whose answers are in one piece and end the connection.
fn request(peer: &Peer, said: Said) -> String {
    let Peer { server, path } = peer;
    let joint = if path.contains('?') { '&' } else { '?' };
    let has = Has::to_query(said.has);
    let head = |method: &str| {
        format!("{method} {path}{joint}{has} HTTP/1.0\r\nHost: {server}\r\nConnection: close\r\n")
    };
    match said.announcement.map(|announcement| announcement.to_json()) {
        None => format!("{}\r\n", head("GET")),
        Some(body) => format!(
            "{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            head("POST"),
            body.len()
        ),
    }
}

/// Status and body of a whole answer.
fn parse(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(end)?;
    let head = std::str::from_utf8(head).ok()?;
    let body = body.get(4..)?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())
    });
    match length {
        None => Some((status, body)),
        Some(length) => Some((status, body.get(..length?)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_server_with_a_path() {
        let peer: Peer = "[::1]:8443/a/v3/identity?x".parse().unwrap();
        assert_eq!(
            (peer.server.to_string().as_str(), peer.path.as_str()),
            ("[::1]:8443", "/a/v3/identity?x")
        );
        let nothing = Said { has: None, announcement: None };
        let asked = "GET /a/v3/identity?x&has=- HTTP/1.0\r\nHost: [::1]:8443\r\n";
        assert!(request(&peer, nothing).starts_with(asked), "{}", request(&peer, nothing));
        let next = Fingerprint::of_der(b"next");
        let has = request(&"h:1/v3/identity".parse().unwrap(), Said { has: Some(next), ..nothing });
        assert!(has.starts_with(&format!("GET /v3/identity?has={next} HTTP/1.0\r\n")), "{has}");
        for wrong in ["h:1", "h/v3", "h:1/a b", "h:1/a\r\nX: y", "/x"] {
            assert!(wrong.parse::<Peer>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_answer_counts_when_it_is_whole() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-length: 2\r\n\r\n{}";
        assert_eq!(parse(answer), Some((200, &b"{}"[..])));
        for end in 0..answer.len() {
            assert_eq!(parse(&answer[..end]), None, "{end}");
        }
        assert_eq!(parse(b"HTTP/1.0 404 Not Found\r\n\r\nx"), Some((404, &b"x"[..])));
        for wrong in
            [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 200\r\nContent-Length: x\r\n\r\n"]
        {
            assert_eq!(parse(wrong), None);
        }
    }
}
