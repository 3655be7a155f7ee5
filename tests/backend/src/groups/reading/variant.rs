//! A variant: what a record says of its failure, before any rule is asked.
//!
//! Rules work on variants, so that a collector stores each once, and a preview of changed rules reads no payload.

use crate::groups::hash::Hash;
use crate::groups::kind::Kind;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A frame as groups compare it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Token {
    /// The function's normal form; none if it has no name.
    pub function: Option<String>,
    /// The module's normal form, `kernel` for the kernel itself.
    pub module: String,
    /// Of a function without a name: its address in the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Of a function without a name: the beginning of the module's build-id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Whether the kernel only found the address on the stack.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_uncertain: bool,
    /// Whether a signal interrupted it: what is above is the handler.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_interrupted: bool,
    /// Whether its name came from a debug file and not from the report. It is shown, and decides nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_looked_up: bool,
}

/// What a record says of its failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The kind.
    pub kind: Kind,
    /// The program, the unit, `kernel` or `hardware`.
    pub subject: String,
    /// What failed, where the frames do not say it alone: the kernel's fault, how a unit ended, an error.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Whether that is all there is to say, whatever the frames are.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_enough: bool,
    /// The function that the kernel's reason names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Token>,
    /// The source that the kernel's reason names, without its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Whether the frames are the cycle of a stack overflow, begun at its smallest token.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_cycle: bool,
    /// The first 32 frames, each cycle once.
    pub frames: Vec<Token>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Variant {
    /// Its hash. Two records of one variant are in one group, whatever the rules.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let flags = format!("variant 1 {} {}", u8::from(self.is_enough), u8::from(self.is_cycle));
        let head = [flags, self.kind.name().to_owned(), self.subject.clone(), self.what.clone()];
        let file = self.file.clone().unwrap_or_default();
        let named = self.named.as_ref().map(Token::key).unwrap_or_default();
        let frames = self.frames.iter().map(Token::key);
        let parts: Vec<String> = head.into_iter().chain([file, named]).chain(frames).collect();
        Hash::from_parts(parts.iter().map(String::as_str))
    }
}

impl Token {
    fn key(&self) -> String {
        let flags = u8::from(self.is_uncertain) + 2 * u8::from(self.is_interrupted);
        format!("{flags}\n{}\n{}", self.module, self.own_name())
    }

    fn own_name(&self) -> String {
        match &self.function {
            Some(function) => function.clone(),
            None => self.address(),
        }
    }

    /// `+0x1234@0a0b5f3c6a7d445d`, as far as it is known.
    fn address(&self) -> String {
        let offset = self.offset.map(|offset| format!("+{offset:#x}")).unwrap_or_default();
        let id = self.build_id.as_ref().map(|id| format!("@{id}")).unwrap_or_default();
        offset + &id
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_uncertain { "? " } else { "" };
        match &self.function {
            Some(function) => write!(f, "{mark}{function} [{}]", self.module),
            None => write!(f, "{mark}{}{}", self.module, self.address()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(function: &str) -> Token {
        Token {
            function: Some(function.to_owned()),
            module: "m".to_owned(),
            offset: None,
            build_id: None,
            is_uncertain: false,
            is_interrupted: false,
            is_looked_up: false,
        }
    }

    fn variant() -> Variant {
        Variant {
            kind: Kind::Crash,
            subject: "editor".to_owned(),
            what: String::new(),
            is_enough: false,
            named: None,
            file: None,
            is_cycle: false,
            frames: vec![token("f"), token("g")],
        }
    }

    #[test]
    fn all_that_rules_may_ask_is_in_the_hash() {
        let changes: [fn(&mut Variant); 13] = [
            |v| v.kind = Kind::Abort,
            |v| v.subject.push('s'),
            |v| v.what.push('x'),
            |v| v.is_enough = true,
            |v| v.is_cycle = true,
            |v| v.named = Some(token("f")),
            |v| v.file = Some("a.c".to_owned()),
            |v| v.frames.reverse(),
            |v| v.frames[0].module.push('x'),
            |v| v.frames[0].is_uncertain = true,
            |v| v.frames[0].is_interrupted = true,
            |v| v.frames[0].function = None,
            |v| v.frames.truncate(1),
        ];
        let mut hashes: Vec<Hash> = changes
            .iter()
            .map(|change| {
                let mut changed = variant();
                change(&mut changed);
                changed.hash()
            })
            .chain([variant().hash()])
            .collect();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), changes.len() + 1);
        let mut looked_up = variant();
        looked_up.frames[0].is_looked_up = true;
        assert_eq!(looked_up.hash(), variant().hash(), "where a name came from decides nothing");
    }

    #[test]
    fn it_is_stored_as_json() {
        let mut variant = variant();
        variant.frames.push(Token {
            function: None,
            module: "libplug.so.1".to_owned(),
            offset: Some(0x1234),
            build_id: Some("0a0b5f3c6a7d445d".to_owned()),
            is_uncertain: true,
            is_interrupted: false,
            is_looked_up: false,
        });
        let json = serde_json::to_string(&variant).unwrap();
        assert_eq!(serde_json::from_str::<Variant>(&json).unwrap(), variant);
        assert_eq!(variant.frames[2].to_string(), "? libplug.so.1+0x1234@0a0b5f3c6a7d445d");
        assert_eq!(variant.frames[0].to_string(), "f [m]");
        assert!(!json.contains("is_cycle"), "{json}");
    }
}
