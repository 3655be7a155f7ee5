//! Proofs of ids.

use std::collections::BTreeSet;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::storage::tombstone;

/// Bytes of a request: 64 preimages, each of 64 digits, and what is around them.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Preimages of one request.
pub(crate) const MAX_PREIMAGES: usize = 64;

/// Bytes of a preimage.
const BYTES: usize = 32;

/// 32 bytes that only the machine knows which has the id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Preimage([u8; BYTES]);

/// Never its bytes: who knows them may delete.
impl std::fmt::Debug for Preimage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Preimage")
    }
}

impl Preimage {
    /// Of 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
        let digits = digits.filter(|digits| digits.len() == 2 * BYTES)?;
        let bytes: Vec<u8> = digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
        bytes.try_into().ok().map(Self)
    }

    /// The machine id that it is the proof of.
    #[must_use]
    pub fn machine_id(&self) -> String {
        Sha256::digest(self.0).iter().take(BYTES / 2).map(|byte| format!("{byte:02x}")).collect()
    }

    /// As it is sent on.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is kept of the id.
    #[must_use]
    pub fn tombstone(&self) -> Vec<u8> {
        tombstone(&self.machine_id())
    }
}

/// A request that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestError(pub &'static str);

#[derive(Deserialize)]
struct Request {
    preimages: Vec<String>,
}

/// Reads the body of `POST /v3/forget`.
///
/// # Errors
/// [`RequestError`]; nothing of it is to be done.
pub fn read_request(body: &[u8]) -> Result<Vec<Preimage>, RequestError> {
    let request: Request = serde_json::from_slice(body).map_err(|_| {
        RequestError("the body must be {\"preimages\": [\"64 lower-case hexadecimal digits\", ...]}")
    })?;
    if !(1..=MAX_PREIMAGES).contains(&request.preimages.len()) {
        return Err(RequestError("there must be 1 to 64 preimages"));
    }
    read_all(&request.preimages).ok_or(RequestError("a preimage is 64 lower-case hexadecimal digits"))
}

/// Reads preimages, each once.
pub(crate) fn read_all(texts: &[String]) -> Option<Vec<Preimage>> {
    let all: Option<BTreeSet<Preimage>> = texts.iter().map(|text| Preimage::parse(text)).collect();
    all.map(|all| all.into_iter().collect())
}
