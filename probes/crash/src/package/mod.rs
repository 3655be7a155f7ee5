//! The package that a file is of, and in which version: what whoever looks into a crash asks first.
//!
//! | source | whose it is |
//! |---|---|
//! | the ELF note `.note.package` ([`note`]) | the file's own, whatever its root |
//! | dpkg's lists ([`dpkg`]) | the machine's |
//! | `rpm -qf`, whose answer [`Package::parse`] reads | the machine's |

pub mod dpkg;
pub mod note;

use std::fmt;

/// Longest name or version.
const WORD_BYTES: usize = 128;

/// A package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    name: String,
    version: String,
}

impl Package {
    /// A package of this name and version; none if they are not such as packages have: foreign text gets no further.
    pub fn new(name: &str, version: &str) -> Option<Self> {
        let is_word = |text: &str| {
            let mut bytes = text.bytes();
            text.len() <= WORD_BYTES
                && bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric())
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+.:~_^-".contains(&byte))
        };
        (is_word(name) && is_word(version))
            .then(|| Self { name: name.to_owned(), version: version.to_owned() })
    }

    /// A line `NAME VERSION`, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.strip_suffix('\n').unwrap_or(text).split_once(' ')?;
        Self::new(name, version)
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_such_as_packages_have() {
        for (name, version, is_taken) in [
            ("bash", "5.2.15-2+b8", true),
            ("libstdc++6", "12.2.0-14", true),
            ("x", "1:2.0~rc1^git", true),
            ("", "1", false),
            ("x", "", false),
            ("-x", "1", false),
            ("a b", "1", false),
            ("a", "1\n", false),
            ("ü", "1", false),
            (&"x".repeat(129), "1", false),
        ] {
            assert_eq!(Package::new(name, version).is_some(), is_taken, "{name} {version}");
        }
        assert_eq!(Package::parse("bash 5.2-1\n").unwrap().to_string(), "bash 5.2-1");
        for text in ["bash", "bash 5 6", "bash 5\nx 6\n", "file /x is not owned by any package"] {
            assert_eq!(Package::parse(text), None, "{text}");
        }
    }
}
