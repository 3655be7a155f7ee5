//! What a fetcher asks, and what is wrong with it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::is_id;

/// The one version of the protocol.
pub(super) const VERSION: u64 = 1;

/// Bytes of a request.
pub const MAX_REQUEST_BYTES: usize = 4 * 1024;

/// Bytes of a line of an answer.
pub(super) const MAX_LINE_BYTES: usize = 7 * 1024 * 1024;

/// Records of a lease.
pub(super) const RECORDS: std::ops::RangeInclusive<u64> = 1..=10_000;
/// Bytes of the lines of a lease.
pub(super) const BYTES: std::ops::RangeInclusive<u64> = 64 * 1024..=16 * 1024 * 1024;
/// Seconds of a lease.
pub(super) const SECONDS: std::ops::RangeInclusive<u64> = 10..=3600;

/// `POST /v3/sync/lease`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeaseRequest {
    /// Always 1.
    pub version: u64,
    /// Who fetches.
    pub fetcher: String,
    /// Whether nothing is to be freed.
    pub keep: bool,
    /// Up to 10,000.
    pub max_records: u64,
    /// Of lines before they are compressed; one longer item comes alone.
    pub max_bytes: u64,
    /// How long nobody else gets these items.
    pub lease_secs: u64,
    /// Whether what this fetcher leased before is over, as after a restart: otherwise its items would wait for the end of that
    /// time. A buffer that does not know this lets them wait.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
}

/// `POST /v3/sync/confirm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmRequest {
    /// Who fetches.
    pub fetcher: String,
    /// What is confirmed.
    pub lease: String,
    /// The digest of what was received; none: the lease is given back.
    pub sha256: Option<String>,
}

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestFault {
    /// Another version.
    Version,
    /// A member that is missing or wrong.
    Form(&'static str),
}

#[derive(Deserialize)]
struct Loose {
    version: Option<Value>,
    fetcher: Option<Value>,
    keep: Option<Value>,
    max_records: Option<Value>,
    max_bytes: Option<Value>,
    lease_secs: Option<Value>,
    anew: Option<Value>,
    lease: Option<Value>,
    sha256: Option<Value>,
    release: Option<Value>,
}

impl Loose {
    fn read(body: &[u8]) -> Result<Self, RequestFault> {
        let loose: Self =
            serde_json::from_slice(body).map_err(|_| RequestFault::Form("the body must be a JSON object"))?;
        let version = loose.version.as_ref().ok_or(RequestFault::Form("version is missing"))?;
        match version.as_u64() {
            Some(VERSION) => Ok(loose),
            Some(_) => Err(RequestFault::Version),
            None => Err(RequestFault::Form("version must be a number")),
        }
    }

    fn fetcher(&self) -> Result<String, RequestFault> {
        let text = self.fetcher.as_ref().and_then(Value::as_str).filter(|text| is_id(text));
        text.map(str::to_owned).ok_or(RequestFault::Form("fetcher must be 32 lower-case hexadecimal digits"))
    }
}

fn number(
    value: Option<&Value>,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
    wrong: &'static str,
) -> Result<u64, RequestFault> {
    let Some(value) = value else { return Ok(default) };
    value.as_u64().filter(|number| range.contains(number)).ok_or(RequestFault::Form(wrong))
}

fn truth(value: Option<&Value>, wrong: &'static str) -> Result<bool, RequestFault> {
    value.map_or(Ok(false), |value| value.as_bool().ok_or(RequestFault::Form(wrong)))
}

impl LeaseRequest {
    /// Reads one. Unknown members are left alone.
    ///
    /// # Errors
    /// [`RequestFault`].
    pub fn read(body: &[u8]) -> Result<Self, RequestFault> {
        let loose = Loose::read(body)?;
        Ok(Self {
            version: VERSION,
            fetcher: loose.fetcher()?,
            keep: truth(loose.keep.as_ref(), "keep must be true or false")?,
            max_records: number(loose.max_records.as_ref(), 5000, RECORDS, "max_records must be 1 to 10000")?,
            max_bytes: number(
                loose.max_bytes.as_ref(),
                8 * 1024 * 1024,
                BYTES,
                "max_bytes must be 65536 to 16777216",
            )?,
            lease_secs: number(loose.lease_secs.as_ref(), 300, SECONDS, "lease_secs must be 10 to 3600")?,
            anew: truth(loose.anew.as_ref(), "anew must be true or false")?,
        })
    }
}

impl ConfirmRequest {
    /// Reads one. Unknown members are left alone.
    ///
    /// # Errors
    /// [`RequestFault`].
    pub fn read(body: &[u8]) -> Result<Self, RequestFault> {
        let loose = Loose::read(body)?;
        let lease = loose.lease.as_ref().and_then(Value::as_str).filter(|text| is_id(text));
        let lease = lease.ok_or(RequestFault::Form("lease must be 32 lower-case hexadecimal digits"))?;
        let releases = truth(loose.release.as_ref(), "release must be true or false")?;
        let sha256 = match (loose.sha256.as_ref().map(Value::as_str), releases) {
            (_, true) => None,
            (Some(Some(text)), false) => Some(text.to_owned()),
            _ => return Err(RequestFault::Form("sha256 must be 64 hexadecimal digits")),
        };
        Ok(Self { fetcher: loose.fetcher()?, lease: lease.to_owned(), sha256 })
    }

    /// As it is sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Self { fetcher, lease, sha256 } = self;
        match sha256 {
            Some(sha256) => {
                serde_json::json!({"version": VERSION, "fetcher": fetcher, "lease": lease, "sha256": sha256})
            }
            None => {
                serde_json::json!({"version": VERSION, "fetcher": fetcher, "lease": lease, "release": true})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn members_are_judged_and_unknown_ones_left_alone() {
        let good = json!({"version": 1, "fetcher": ID, "keep": true, "max_records": 1, "max_bytes": 65536,
            "lease_secs": 10, "more": [1]});
        let read = LeaseRequest::read(good.to_string().as_bytes()).unwrap();
        assert_eq!((read.keep, read.max_records, read.max_bytes, read.lease_secs), (true, 1, 65536, 10));
        for (name, value, fault) in [
            ("version", json!(2), RequestFault::Version),
            ("version", json!("1"), RequestFault::Form("version must be a number")),
            (
                "fetcher",
                json!(ID.to_uppercase()),
                RequestFault::Form("fetcher must be 32 lower-case hexadecimal digits"),
            ),
            ("keep", json!(1), RequestFault::Form("keep must be true or false")),
            ("max_records", json!(0), RequestFault::Form("max_records must be 1 to 10000")),
            ("max_records", json!(10_001), RequestFault::Form("max_records must be 1 to 10000")),
            ("max_bytes", json!(65_535), RequestFault::Form("max_bytes must be 65536 to 16777216")),
            ("lease_secs", json!(-10), RequestFault::Form("lease_secs must be 10 to 3600")),
            ("anew", json!("yes"), RequestFault::Form("anew must be true or false")),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            assert_eq!(LeaseRequest::read(bad.to_string().as_bytes()), Err(fault), "{name}");
        }
    }

    #[test]
    fn a_confirmation_has_a_digest_or_gives_back() {
        let read = |value: Value| ConfirmRequest::read(value.to_string().as_bytes());
        for confirm in [Some("ab".to_owned()), None] {
            let confirm = ConfirmRequest { fetcher: ID.to_owned(), lease: ID.to_owned(), sha256: confirm };
            assert_eq!(read(confirm.to_json()), Ok(confirm));
        }
        assert!(read(json!({"version": 1, "fetcher": ID, "lease": ID})).is_err());
        assert!(read(json!({"version": 1, "fetcher": ID, "lease": "1", "release": true})).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = LeaseRequest::read(&bytes);
            let _ = ConfirmRequest::read(&bytes);
        }
    }
}
