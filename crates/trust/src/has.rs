//! What a peer that asks at `/v3/identity` has of our certificates.
//!
//! ```text
//!  /v3/identity?has=F   it trusts F as our next one (-: none yet): it is waited for until F is that
//!  without has          whoever hears of our next one is taken to trust it
//! ```

use crate::announcement::Next;
use crate::fingerprint::Fingerprint;

/// What a peer has of our certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// What it hears of now.
    WhatItHears,
    /// This one as the next, or none.
    This(Option<Fingerprint>),
}

impl Has {
    /// Of the query of what is asked.
    pub fn of_query(query: Option<&str>) -> Self {
        let mut values = query.unwrap_or_default().split('&').filter_map(|pair| pair.strip_prefix("has="));
        // Colons, which alone may be written otherwise, say nothing in a fingerprint.
        let plain = |value: &str| value.replace("%3A", "").replace("%3a", "");
        values.next().map_or(Self::WhatItHears, |value| Self::This(plain(value).parse().ok()))
    }

    /// As a query.
    pub fn to_query(fingerprint: Option<Fingerprint>) -> String {
        format!("has={}", fingerprint.map_or_else(|| "-".to_owned(), |fingerprint| fingerprint.to_string()))
    }

    /// Whether it has this one, as soon as it hears of it.
    pub fn covers(self, next: &Next) -> bool {
        match self {
            Self::WhatItHears => true,
            Self::This(has) => has == Some(next.fingerprint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_says_what_it_has_or_has_what_it_hears() {
        let next = Fingerprint::of_der(b"next");
        for (query, expected) in [
            (None, Has::WhatItHears),
            (Some("x=1".to_owned()), Has::WhatItHears),
            (Some("has=-".to_owned()), Has::This(None)),
            (Some("has=12".to_owned()), Has::This(None)),
            (Some(format!("has={next}")), Has::This(Some(next))),
            (Some(format!("x&has={}", next.to_string().replace(':', "%3A"))), Has::This(Some(next))),
            (Some(Has::to_query(None)), Has::This(None)),
            (Some(Has::to_query(Some(next))), Has::This(Some(next))),
        ] {
            assert_eq!(Has::of_query(query.as_deref()), expected, "{query:?}");
        }
    }
}
