//! The protocol between telempostd and telempost-upload: a packet a message on a socket pair of type
//! `SOCK_SEQPACKET`, in the postcard form of the types below.
//!
//! ```text
//! telempostd  ── Request ──▶  telempost-upload      any number, in any order
//!             ◀── Response ──                       one for each request
//! ```
//!
//! Without `--foreign` an [`Opening`] comes before the first request: the packet [`OPENING_PACKET`], with the postcard
//! form in the descriptor of a sealed memfd of at most [`OPENING_BYTES`](crate::limits::OPENING_BYTES). Whoever changes whom it trusts ends the process and starts another.
//!
//! A request with `--foreign` that names certificates brings them along as a descriptor (`SCM_RIGHTS`) of a sealed memfd
//! of at most [`CERTIFICATES_BYTES`](crate::limits::CERTIFICATES_BYTES).
//!
//! Either side ends the conversation by closing its socket. Both are built together, so that the form
//! needs no version.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Longest packet. The largest record, each character of it escaped in JSON, stays below; the kernel's
/// default buffer of a socket is above.
pub const PACKET_BYTES: usize = 192 * 1024;

/// What the kernel lets wait in a socket unless it is set up otherwise (`net.core.wmem_default`).
const SOCKET_BUFFER_BYTES: usize = 212_992;

// What waits in the socket's buffer is at least one packet.
const _: () = assert!(PACKET_BYTES < SOCKET_BUFFER_BYTES);

/// The argument of the telempost-upload that posts to servers which single records name.
pub const FOREIGN_OPTION: &str = "--foreign";

/// The packet that an [`Opening`] comes with.
pub const OPENING_PACKET: &[u8] = b"opening";

/// Why a message could not be encoded or decoded.
pub use postcard::Error as CodecError;

/// Whom to trust besides authorities, and who we are.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Servers that are trusted by the fingerprint of their certificate, and by nothing else.
    pub pinned: Vec<PinnedServer>,
    /// Our key and certificate, in PEM; none is shown without.
    pub identity: Option<Vec<u8>>,
    /// Path of telempost-identity, which looks at a server's certificate.
    pub identity_program: String,
    /// Whether our certificate is shown to servers that are trusted by an authority as well.
    pub is_shown_to_all: bool,
}

/// A server that is trusted by fingerprints.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedServer {
    /// `HOST:PORT`.
    pub address: String,
    /// SHA-256 of each certificate that it may have, with colons. None: the first one is still to be seen, and reported as
    /// one that is not trusted.
    pub fingerprints: Vec<String>,
}

impl PinnedServer {
    /// One whose first certificate is still to be seen.
    pub fn unseen(address: String) -> Self {
        Self { address, fingerprints: Vec::new() }
    }
}

/// A request to post.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request<'a> {
    /// Chosen by telempostd; comes back in the response.
    pub tag: u64,
    /// `http://` or `https://`.
    pub url: &'a str,
    /// File of CA certificates; none means the system's. With `--foreign` its content comes with the packet, as a
    /// descriptor, and the name is for people.
    pub ca_file: Option<&'a str>,
    /// How the body is to be packed, if the server takes it so and it becomes smaller.
    pub coding: Option<Coding>,
    /// The header that names the telemetry set, as a configuration has it: name and value.
    pub tid_header: (&'a str, &'a str),
    /// All other HTTP headers, names and values, without line ends.
    #[serde(borrow)]
    pub headers: Vec<(&'a str, Cow<'a, str>)>,
    /// The body.
    #[serde(borrow)]
    pub body: Cow<'a, str>,
}

/// A way to pack a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// What telempost-upload reports of a request.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// That of the request.
    pub tag: u64,
    /// What happened.
    pub result: PostResult,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostResult {
    /// The server answered.
    Answered {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, in seconds from now.
        retry_after_secs: Option<u64>,
        /// `Date`, in seconds since the epoch.
        date_unix_secs: Option<u64>,
        /// The head of the answer's body as one line of printable text.
        body_head: String,
        /// Whether its connection carries many requests at once, as with HTTP/2.
        is_multiplexed: bool,
        /// Address and port of who answered: the server, or a proxy on the way.
        peer: String,
    },
    /// The server's certificate is not trusted. Nothing was sent.
    Untrusted {
        /// `HOST:PORT`.
        server: String,
        /// SHA-256 of the certificate, with colons.
        fingerprint: String,
        /// For people: what is known of it, and the remedy.
        reason: String,
    },
    /// There was no whole answer.
    Failed {
        /// What libcurl reports.
        reason: String,
        /// Whether the server may have seen the request.
        was_sent: bool,
        /// Whether the server's certificate is, by this machine's clock, not valid yet or no longer.
        is_about_clock: bool,
    },
}

/// Encodes a message.
///
/// # Errors
/// Never for these types; their encoder cannot rule it out.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, CodecError> {
    postcard::to_extend(message, Vec::with_capacity(2048))
}

/// Decodes a message. Its text is that of the packet.
///
/// # Errors
/// The packet is no such message.
pub fn decode<'a, T: Deserialize<'a>>(packet: &'a [u8]) -> Result<T, CodecError> {
    postcard::from_bytes(packet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_survive_a_round_trip() {
        let request = Request {
            tag: 7,
            url: "http://h/",
            ca_file: Some("/ca"),
            coding: Some(Coding::Zstd),
            tid_header: ("X-T", "1"),
            headers: vec![("A", Cow::Borrowed("")), ("B", Cow::Borrowed("é"))],
            body: Cow::Borrowed("text\n"),
        };
        assert_eq!(decode::<Request<'_>>(&encode(&request).unwrap()).unwrap(), request);
        for result in [
            PostResult::Answered {
                status: 503,
                retry_after_secs: Some(9),
                date_unix_secs: Some(1_735_689_600),
                body_head: "no".to_owned(),
                is_multiplexed: true,
                peer: "[::1]:3128".to_owned(),
            },
            PostResult::Failed { reason: "timed out".to_owned(), was_sent: true, is_about_clock: true },
            PostResult::Untrusted {
                server: "h:443".to_owned(),
                fingerprint: "00:11".to_owned(),
                reason: "another".to_owned(),
            },
        ] {
            let response = Response { tag: u64::MAX, result };
            assert_eq!(decode::<Response>(&encode(&response).unwrap()).unwrap(), response);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<Request<'_>>(&bytes);
            let _ = decode::<Response>(&bytes);
            let _ = decode::<Opening>(&bytes);
        }
    }
}
