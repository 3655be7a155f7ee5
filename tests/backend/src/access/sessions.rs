//! Who has logged in. Kept in memory: a start of the collector ends all sessions, and each collector has its own.

use std::collections::HashMap;

use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

/// Seconds that a session lasts, however much it is used: a working day.
pub const SESSION_SECS: i64 = 12 * 60 * 60;

/// Sessions at the same time; the oldest goes. Somebody with a password could fill the memory otherwise.
const SESSIONS: usize = 4096;

#[derive(Clone, Debug)]
struct Session {
    name: String,
    /// In which hash the password was; a changed one ends the session.
    hash: String,
    began_secs: i64,
}

/// Sessions by the digest of their tokens, so that no comparison tells a token's beginning by its time.
#[derive(Debug, Default)]
pub struct Sessions(HashMap<[u8; 32], Session>);

impl Sessions {
    /// Begins one; its token goes into a cookie. None if the system has no random numbers.
    pub fn begin(&mut self, name: &str, hash: &str, now_secs: i64) -> Option<String> {
        let mut bytes = [0_u8; 16];
        SysRng.try_fill_bytes(&mut bytes).ok()?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.retain(|_, session| is_alive(session, now_secs));
        if self.0.len() >= SESSIONS {
            let oldest =
                self.0.iter().min_by_key(|(_, session)| session.began_secs).map(|(digest, _)| *digest);
            oldest.and_then(|oldest| self.0.remove(&oldest));
        }
        let session = Session { name: name.to_owned(), hash: hash.to_owned(), began_secs: now_secs };
        self.0.insert(digest(&token), session);
        Some(token)
    }

    /// Whose token this is, and the hash that he logged in with.
    #[must_use]
    pub fn find(&self, token: &str, now_secs: i64) -> Option<(&str, &str)> {
        let session = self.0.get(&digest(token)).filter(|session| is_alive(session, now_secs))?;
        Some((&session.name, &session.hash))
    }

    /// Ends one.
    pub fn end(&mut self, token: &str) {
        self.0.remove(&digest(token));
    }
}

fn is_alive(session: &Session, now_secs: i64) -> bool {
    (0..SESSION_SECS).contains(&now_secs.saturating_sub(session.began_secs))
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_by_itself_and_by_hand() {
        let mut sessions = Sessions::default();
        let token = sessions.begin("alice", "h", 100).unwrap();
        let other = sessions.begin("bob", "h", 200).unwrap();
        assert!(token.len() == 32 && token != other);
        assert_eq!(sessions.find(&token, 100 + SESSION_SECS - 1), Some(("alice", "h")));
        assert_eq!(sessions.find(&token, 100 + SESSION_SECS), None);
        assert_eq!(sessions.find(&token, 99), None, "a clock that was set back gives no longer session");
        sessions.end(&other);
        assert_eq!(sessions.find(&other, 201), None);
        assert_eq!(sessions.find("", 201), None);
    }

    #[test]
    fn there_are_so_many_and_no_more() {
        let mut sessions = Sessions::default();
        let first = sessions.begin("a", "h", 0).unwrap();
        for secs in 1..=4096 {
            sessions.begin("a", "h", secs).unwrap();
        }
        assert_eq!((sessions.find(&first, 5000), sessions.0.len()), (None, SESSIONS));
    }
}
