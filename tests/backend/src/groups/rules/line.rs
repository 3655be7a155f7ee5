//! A rule, as a line of a file.
//!
//! ```text
//! cut libc.so* raise *  # sends the signal; raise() [libc.so.6]
//! ACTION MODULE FUNCTION KINDS  # reason; example
//! ```
//!
//! FUNCTION may have blanks in it. The comment may be missing in a site's own file; an example that is there must fit.

use super::wildcard::Wildcard;
use crate::groups::kind::Kind;
use crate::groups::limits::TOKEN_BYTES;
use crate::groups::names;
use crate::groups::payload::UNNAMED;
use std::fmt;

/// What a rule does to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It and all above go, if it is among the first 16.
    Cut,
    /// It goes.
    Skip,
    /// It stays, and the next is taken too.
    Generic,
    /// It is meaningful, whatever later rules say.
    Keep,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    pub(super) module: Wildcard,
    pub(super) function: Wildcard,
    pub(super) kinds: Vec<Kind>,
    /// Why, in words; empty if the file says nothing.
    pub reason: String,
    /// A frame that it decides, `FUNCTION [MODULE]`, as a payload has it.
    pub example: Option<String>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineError {
    /// It has fewer than four words.
    Incomplete,
    /// Its first word is no action.
    Action(String),
    /// A pattern is too long.
    Long,
    /// This is no kind, and stands for none.
    Kind(String),
    /// The example is not `FUNCTION [MODULE]`.
    ExampleForm(String),
    /// The rule says nothing about its example.
    ExampleFits(String),
}

impl Action {
    const ALL: [Self; 4] = [Self::Cut, Self::Skip, Self::Generic, Self::Keep];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Skip => "skip",
            Self::Generic => "generic",
            Self::Keep => "keep",
        }
    }
}

impl Rule {
    /// Reads a line that is neither blank nor a comment.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: &str) -> Result<Self, LineError> {
        let (rule, comment) = line.split_once(" #").unwrap_or((line, ""));
        let (action, rest) = word(rule).ok_or(LineError::Incomplete)?;
        let (module, rest) = word(rest).ok_or(LineError::Incomplete)?;
        let (function, kinds) = rest.trim().rsplit_once(char::is_whitespace).ok_or(LineError::Incomplete)?;
        let unknown = || LineError::Action(action.to_owned());
        let action = Action::ALL.into_iter().find(|known| known.name() == action).ok_or_else(unknown)?;
        if module.len() > TOKEN_BYTES || function.len() > TOKEN_BYTES {
            return Err(LineError::Long);
        }
        let (reason, example) = match comment.rsplit_once(';') {
            Some((reason, example)) => (reason.trim(), Some(example.trim().to_owned())),
            None => (comment.trim(), None),
        };
        let rule = Self {
            action,
            module: Wildcard::new(module),
            function: Wildcard::new(function.trim()),
            kinds: parse_kinds(kinds)?,
            reason: reason.to_owned(),
            example,
        };
        rule.check_example()?;
        Ok(rule)
    }

    /// The pattern of the module.
    #[must_use]
    pub fn module(&self) -> &str {
        self.module.as_str()
    }

    /// The pattern of the function.
    #[must_use]
    pub fn function(&self) -> &str {
        self.function.as_str()
    }

    /// The kinds that it is for.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Whether it decides a frame of this kind. Module and function must both fit: a program's own `abort` is no
    /// machinery.
    #[must_use]
    pub fn fits(&self, kind: Kind, module: &str, function: &str) -> bool {
        self.kinds.contains(&kind) && self.function.matches(function) && self.module.matches(module)
    }

    /// Function and module of the example in their normal forms, for each kind that the rule is for.
    pub(super) fn example_frames(&self) -> Result<Vec<(Kind, String, String)>, LineError> {
        let Some(example) = &self.example else { return Ok(Vec::new()) };
        let form = || LineError::ExampleForm(example.clone());
        let (function, module) =
            example.strip_suffix(']').and_then(|rest| rest.rsplit_once(" [")).ok_or_else(form)?;
        let function = if function == UNNAMED { function.to_owned() } else { names::function(function) };
        let module_for =
            |kind: Kind| if kind.is_kernel() { names::kernel_module(module) } else { names::module(module) };
        Ok(self.kinds.iter().map(|kind| (*kind, function.clone(), module_for(*kind))).collect())
    }

    fn check_example(&self) -> Result<(), LineError> {
        let frames = self.example_frames()?;
        let fits = |(kind, function, module): &(Kind, String, String)| self.fits(*kind, module, function);
        match frames.first() {
            Some((_, function, module)) if !frames.iter().any(fits) => {
                Err(LineError::ExampleFits(format!("{function} [{module}]")))
            }
            _ => Ok(()),
        }
    }
}

fn word(text: &str) -> Option<(&str, &str)> {
    text.trim_start().split_once(char::is_whitespace)
}

fn parse_kinds(text: &str) -> Result<Vec<Kind>, LineError> {
    let mut kinds = Vec::new();
    for part in text.split(',') {
        let pattern = Wildcard::new(part);
        let before = kinds.len();
        kinds.extend(Kind::ALL.into_iter().filter(|kind| pattern.matches(kind.name())));
        if kinds.len() == before {
            return Err(LineError::Kind(part.to_owned()));
        }
    }
    Ok(kinds)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.action.name(), self.module.as_str(), self.function.as_str())
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete => f.write_str("a rule is: ACTION MODULE FUNCTION KINDS  # reason; example"),
            Self::Action(word) => write!(f, "{word:?} is no action; there are: cut, skip, generic, keep"),
            Self::Long => write!(f, "a pattern has at most {TOKEN_BYTES} bytes"),
            Self::Kind(word) => {
                let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                write!(f, "{word:?} is no kind; there are: {}", names.join(", "))
            }
            Self::ExampleForm(text) => write!(f, "the example {text:?} is not of the form FUNCTION [MODULE]"),
            Self::ExampleFits(frame) => {
                write!(f, "the rule does not fit its example, whose normal form is {frame:?}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_in_full() {
        let rule =
            Rule::parse("cut libc.so* raise crash,abort  # sends; it; __GI_raise() [libc.so.6]").unwrap();
        assert_eq!((rule.action, rule.reason.as_str()), (Action::Cut, "sends; it"));
        assert_eq!(rule.kinds, [Kind::Crash, Kind::Abort]);
        assert!(rule.fits(Kind::Abort, "libc.so.6", "raise"));
        assert!(!rule.fits(Kind::Abort, "app", "raise") && !rule.fits(Kind::Unit, "libc.so.6", "raise"));
        let rule = Rule::parse("skip  *  operator new*   *").unwrap();
        assert_eq!((rule.function.as_str(), rule.kinds.len()), ("operator new*", Kind::ALL.len()));
        assert_eq!((rule.reason.as_str(), rule.example), ("", None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, error) in [
            ("cut", "a rule is: ACTION"),
            ("cut libc.so* raise", "a rule is: ACTION"),
            ("drop libc.so* raise *", "\"drop\" is no action; there are: cut, skip, generic, keep"),
            ("cut libc.so* raise crashes", "\"crashes\" is no kind; there are: crash, abort"),
            ("cut libc.so* raise crash,", "\"\" is no kind"),
            ("cut libc.so* raise *  # x; raise", "the example \"raise\" is not of the form"),
            (
                "cut libc.so* raise *  # x; abort [libc.so.6]",
                "does not fit its example, whose normal form is \"abort [libc.so.6]\"",
            ),
        ] {
            let said = Rule::parse(line).unwrap_err().to_string();
            assert!(said.contains(error), "{said}");
        }
        assert_eq!(Rule::parse(&format!("cut {} f *", "x".repeat(600))), Err(LineError::Long));
    }
    proptest! {
        #[test]
        fn any_line_is_a_rule_or_not(line in any::<String>()) {
            let _ = Rule::parse(&line);
        }

        #[test]
        fn what_is_shown_is_the_rule(
            action in "cut|skip|generic|keep",
            module in "[a-z*.]{1,9}",
            function in r"[a-z*]{1,9}( [a-z:<>*]{1,9})?",
            kind in "[*]|crash|kernel_[*]",
        ) {
            let rule = Rule::parse(&format!("  {action}  {module} {function}\t{kind}  # why; not")).ok();
            prop_assert!(rule.is_none(), "an example of another form");
            let rule = Rule::parse(&format!("{action}  {module} {function}\t{kind}  # why")).unwrap();
            prop_assert_eq!(rule.to_string(), format!("{action} {module} {function}"));
            prop_assert_eq!((rule.module(), rule.function()), (module.as_str(), function.as_str()));
            prop_assert_eq!((rule.reason.as_str(), rule.kinds().is_empty()), ("why", false));
        }
    }
}
