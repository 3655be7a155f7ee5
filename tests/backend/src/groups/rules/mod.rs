//! Which frames say nothing: the rules that the collector ships, and those of a site before them.
//!
//! A file is read whole or not at all; its first wrong line is named, and the caller keeps the rules that it had. All
//! rules together have a version, which a record carries, so that a collector knows which to group again.

mod line;
mod wildcard;

pub use line::{Action, LineError, Rule};

use super::hash::Hash;
use super::kind::Kind;
use super::limits::{RULES, RULES_BYTES};
use super::names;
use super::payload::UNNAMED;
use super::reading::Token;
use std::fmt;

/// The rules that ship.
const SHIPPED: &str = include_str!("shipped.rules");

/// Version of the way from a variant to its signature.
const DECIDING: u32 = 1;

/// Which rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleId {
    /// The line of a site's own file.
    Site(usize),
    /// The number of a shipped rule, from 1.
    Shipped(usize),
}

/// All rules, in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<(RuleId, Rule)>,
    version: String,
}

/// A file of rules that cannot be used. The rules before it stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesError {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 if it is the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub fault: RulesFault,
}

/// What is wrong with a file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulesFault {
    /// The file is longer than [`RULES_BYTES`].
    Long,
    /// It has more than [`RULES`] rules.
    Many,
    /// A line.
    Line(LineError),
}

impl Rules {
    /// The rules that ship.
    ///
    /// # Errors
    /// None: the tests read them.
    pub fn shipped() -> Result<Self, RulesError> {
        let rules = parse("shipped.rules", SHIPPED)?;
        Ok(Self::new(
            rules.into_iter().zip(1..).map(|((_, rule), number)| (RuleId::Shipped(number), rule)).collect(),
        ))
    }

    /// A site's rules, from the text of its file, before those that ship. `file` is named in errors.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn with_site(file: &str, text: &str) -> Result<Self, RulesError> {
        let site = parse(file, text)?.into_iter().map(|(line, rule)| (RuleId::Site(line), rule));
        Ok(Self::new(site.chain(Self::shipped()?.rules).collect()))
    }

    fn new(rules: Vec<(RuleId, Rule)>) -> Self {
        let forms = format!("{DECIDING} {}", names::VERSION);
        let texts: Vec<_> = rules.iter().map(|(_, rule)| format!("{rule} {:?}", rule.kinds)).collect();
        let hash = Hash::from_parts([forms.as_str()].into_iter().chain(texts.iter().map(String::as_str)));
        let version = hash.as_str().chars().take(16).collect();
        Self { rules, version }
    }

    /// Their version: 16 hexadecimal digits, others as soon as a record may come into another group.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The rule that decides a frame.
    #[must_use]
    pub fn find(&self, kind: Kind, token: &Token) -> Option<(RuleId, &Rule)> {
        let function = token.function.as_deref().unwrap_or(UNNAMED);
        let found = self.rules.iter().find(|(_, rule)| rule.fits(kind, &token.module, function));
        found.map(|(id, rule)| (*id, rule))
    }

    /// The rule with this id.
    #[must_use]
    pub fn get(&self, id: RuleId) -> Option<&Rule> {
        self.rules.iter().find(|(known, _)| *known == id).map(|(_, rule)| rule)
    }

    /// All of them, in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        self.rules.iter().map(|(id, rule)| (*id, rule))
    }
}

fn parse(file: &str, text: &str) -> Result<Vec<(usize, Rule)>, RulesError> {
    let error = |line, fault| RulesError { file: file.to_owned(), line, fault };
    if text.len() > RULES_BYTES {
        return Err(error(0, RulesFault::Long));
    }
    let mut rules = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let rule = Rule::parse(line).map_err(|fault| error(number, RulesFault::Line(fault)))?;
        rules.push((number, rule));
        if rules.len() > RULES {
            return Err(error(number, RulesFault::Many));
        }
    }
    Ok(rules)
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(line) => write!(f, "rule of the site, line {line}"),
            Self::Shipped(number) => write!(f, "rule {number}"),
        }
    }
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            RulesFault::Long => write!(f, "{}: more than {RULES_BYTES} bytes", self.file),
            RulesFault::Many => write!(f, "{}:{}: more than {RULES} rules", self.file, self.line),
            RulesFault::Line(fault) => write!(f, "{}:{}: {fault}", self.file, self.line),
        }
    }
}

impl std::error::Error for RulesError {}

#[cfg(test)]
mod tests;
