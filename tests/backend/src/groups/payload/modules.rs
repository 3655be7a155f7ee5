//! The section `Modules:` of a crash report.
//!
//! ```text
//! Modules:
//! editor 0a0b5f3c6a7d445d75ba01cc33220d15e9de8d5f
//! libc.so.6 -
//! libplug.so.1 5f3c6a7d445d75ba01cc33220d15e9de8d5f3c6a +0x1234
//! ```

/// A program or library of the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module<'a> {
    /// Its name, as its frames have it within their brackets, but with `_` for blanks.
    pub name: &'a str,
    /// Its build-id, in hexadecimal digits; none if it has none.
    pub build_id: Option<&'a str>,
}

/// Longest build-id, in digits: those of SHA-512.
const BUILD_ID_DIGITS: usize = 128;

impl<'a> Module<'a> {
    /// Reads a line of the section; none if it names no module.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let (name, id) = (words.next()?, words.next()?);
        let is_hex =
            (8..=BUILD_ID_DIGITS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if name.is_empty() || (id != "-" && !is_hex) {
            return None;
        }
        Some(Self { name, build_id: is_hex.then_some(id) })
    }
}

/// The build-id of the module with this name; none where it is not known for certain, as where two have the name.
#[must_use]
pub fn build_id_of<'a>(modules: &[Module<'a>], name: &str) -> Option<&'a str> {
    let has_name = |module: &&Module<'_>| {
        module.name == name || (name.contains(' ') && module.name == name.replace(' ', "_"))
    };
    let mut ids = modules.iter().filter(has_name).map(|module| module.build_id);
    let id = ids.next().flatten()?;
    ids.all(|other| other == Some(id)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_an_id() {
        let read = |line| Module::parse(line).map(|module| (module.name, module.build_id));
        assert_eq!(read("editor 0a0b0c0d"), Some(("editor", Some("0a0b0c0d"))));
        assert_eq!(read("libc.so.6 -"), Some(("libc.so.6", None)));
        assert_eq!(read("a 0a0b0c0d +0x1 ..."), Some(("a", Some("0a0b0c0d"))));
        assert_eq!(read("Left out: 2 modules."), None);
        assert_eq!(read("a 0a0b"), None);
        assert_eq!(read("a"), None);
        assert_eq!(read(""), None);
        assert_eq!(read(&format!("a {}", "0".repeat(129))), None);
    }

    #[test]
    fn a_name_of_two_modules_has_no_id() {
        let module = |name, build_id| Module { name, build_id };
        let modules = [
            module("a", Some("1")),
            module("b", Some("1")),
            module("b", Some("2")),
            module("c", Some("3")),
            module("c", Some("3")),
            module("third_party", Some("4")),
        ];
        assert_eq!(build_id_of(&modules, "a"), Some("1"));
        assert_eq!(build_id_of(&modules, "b"), None);
        assert_eq!(build_id_of(&modules, "c"), Some("3"));
        assert_eq!(build_id_of(&modules, "d"), None);
        assert_eq!(build_id_of(&modules, "third party"), Some("4"));
    }
}
