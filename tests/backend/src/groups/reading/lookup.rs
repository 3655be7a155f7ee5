//! Names that a report has not, from elsewhere: a debug file, by the build-id of a module and an address in it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::cycle;
use super::variant::{Token, Variant};
use crate::groups::kind::Kind;
use crate::groups::limits::VARIANT_FRAMES;
use crate::groups::names;
use crate::groups::payload::{Payload, frames_of_threads};

/// A place in a module whose function has no name in the payload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The module's whole build-id, in small digits.
    pub build_id: String,
    /// The address, as the linker gave it.
    pub offset: u64,
}

/// A function at an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionAt {
    /// Its name, as the compiler wrote it.
    pub function: String,
    /// File and line, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// The names of the functions at an address, the innermost first where the compiler put one into another; none if they are
/// not known.
pub type Lookup<'a> = &'a dyn Fn(&Address) -> Vec<String>;

/// The addresses of all threads of a payload that a lookup could name, each once, and those of the first thread first.
#[must_use]
pub fn unnamed_in_threads(payload: &str) -> Vec<Address> {
    let mut addresses = unnamed(payload);
    let parsed = Payload::parse(payload);
    addresses.extend(frames_of_threads(payload).filter_map(|found| super::address(&found.frame, &parsed)));
    let mut known: BTreeSet<Address> = BTreeSet::new();
    addresses.retain(|address| known.insert(address.clone()));
    addresses
}

/// The addresses of a payload's first thread that a lookup could name, each once.
#[must_use]
pub fn unnamed(payload: &str) -> Vec<Address> {
    let payload = Payload::parse(payload);
    let mut addresses: Vec<Address> =
        payload.frames.iter().filter_map(|frame| super::address(frame, &payload)).collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

impl Variant {
    /// Whether a report of it may have frames that a lookup could name, if only in other threads than that which failed.
    #[must_use]
    pub fn may_have_unnamed(&self) -> bool {
        self.has_unnamed() || matches!(self.kind, Kind::Crash | Kind::Abort | Kind::StackOverflow)
    }

    /// Whether a lookup could name one of its frames.
    #[must_use]
    pub fn has_unnamed(&self) -> bool {
        self.frames.iter().any(Token::is_unnamed)
    }

    /// A variant that stands for many, with names for its frames. One of a record's own is read from that record again.
    #[must_use]
    pub fn with_names(&self, names: &dyn Fn(&Token) -> Vec<String>) -> Self {
        let expand = |token: &Token| {
            let names = if token.is_unnamed() { names(token) } else { Vec::new() };
            let named = named(token, &names);
            if named.is_empty() {
                vec![(token.clone(), false)]
            } else {
                named.into_iter().map(|token| (token, true)).collect()
            }
        };
        let (mut frames, looked_up): (Vec<Token>, Vec<bool>) = self.frames.iter().flat_map(expand).unzip();
        let kept = cycle::kept_once(&frames);
        frames.iter_mut().zip(looked_up).for_each(|(token, looked_up)| token.is_looked_up |= looked_up);
        let frames = kept.into_iter().filter_map(|at| frames.get(at).cloned()).take(VARIANT_FRAMES).collect();
        Self { frames, ..self.clone() }
    }
}

impl Token {
    fn is_unnamed(&self) -> bool {
        self.function.is_none() && self.offset.is_some() && self.build_id.is_some()
    }

    /// Whether it is at this address, as far as a token knows its module's build-id.
    #[must_use]
    pub fn is_at(&self, address: &Address) -> bool {
        self.offset == Some(address.offset)
            && self.build_id.as_ref().is_some_and(|start| address.build_id.starts_with(start.as_str()))
    }
}

/// What a token without a name becomes with these names.
pub(super) fn named(own: &Token, names: &[String]) -> Vec<Token> {
    let names = names.iter().map(|name| names::function(name)).filter(|name| !name.is_empty());
    let named = |(at, name)| {
        // A signal interrupted the innermost of them.
        let is_interrupted = own.is_interrupted && at == 0;
        Token { function: Some(name), offset: None, build_id: None, is_interrupted, ..own.clone() }
    };
    names.enumerate().map(named).collect()
}
