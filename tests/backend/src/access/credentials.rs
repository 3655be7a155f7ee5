//! Names with passwords.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Bytes of a password: bcrypt reads 72, and a longer one is the same as its beginning.
const PASSWORD_BYTES: usize = 72;

/// What somebody says to be known by.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// Whether bcrypt can judge all of it: it stops at a NUL, and after 72 bytes.
    #[must_use]
    pub fn are_sound(&self) -> bool {
        self.password.len() <= PASSWORD_BYTES && !self.password.contains('\0')
    }

    /// Whether this is the password of a hash. Takes as long as the hash asks for.
    #[must_use]
    pub fn fit(&self, hash: &str) -> bool {
        self.are_sound() && bcrypt::verify(&self.password, hash).unwrap_or(false)
    }
}

/// The credentials in an `Authorization` header.
#[must_use]
pub fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some(Credentials { name: name.to_owned(), password: password.to_owned() })
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `htpasswd -nbB -C 4 alice 'correct horse'`, and another implementation's for the same.
    const HASH: &str = "$2y$04$jkpRQdoLRqUZPqFy6.XOAOvMLDm5.XGtN2xrnPsv0VRSlLl/wf4WG";

    fn credentials(password: &str) -> Credentials {
        Credentials { name: "alice".into(), password: password.into() }
    }

    #[test]
    fn passwords_fit_their_hash_alone() {
        let hash = bcrypt::hash("correct horse", 4).unwrap();
        assert!(credentials("correct horse").fit(&hash));
        for wrong in ["", "correct", "correct horse ", "Correct horse", "correct horse\0x"] {
            assert!(!credentials(wrong).fit(&hash), "{wrong:?}");
        }
        let long = "x".repeat(72);
        let hash = bcrypt::hash(&long, 4).unwrap();
        assert!(credentials(&long).fit(&hash));
        assert!(!credentials(&format!("{long}y")).fit(&hash), "what is beyond is not overlooked");
        assert!(!credentials("x").fit("no hash"));
        assert!(!credentials("wrong").fit(HASH));
    }

    #[test]
    fn basic_has_a_name_and_a_password() {
        assert_eq!(basic("Basic YWxpY2U6YTpi"), Some(credentials("a:b")));
        assert_eq!(basic("basic YWxpY2U6"), Some(credentials("")));
        for wrong in ["Basic", "Basic !", "Bearer YWxpY2U6YTpi", "Basic YWxpY2U=", "Basic //8="] {
            assert_eq!(basic(wrong), None, "{wrong}");
        }
        assert!(!format!("{:?}", credentials("secret")).contains("secret"));
    }
}
