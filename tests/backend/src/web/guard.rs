//! Judges passwords: one at a time, and after failures not at once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::access::{Attempts, Credentials, Sessions, Users, UsersError};

/// Seconds that a script's password is known to be good, so that not each of its requests costs a bcrypt.
const KNOWN_SECS: i64 = 300;

/// Passwords that are known to be good at the same time.
const KNOWN: usize = 256;

/// What a name that is not there is compared with, so that an answer takes as long as for one that is.
const NOBODY: &str = "$2y$10$abcdefghijklmnopqrstuuDX0p7hZPj2yJQ8yK3eG0QW3cM1b9M2K";

/// The password file, who has logged in, and who has failed to.
#[derive(Debug)]
pub(super) struct Guard {
    path: PathBuf,
    users: Mutex<(Option<SystemTime>, Arc<Users>)>,
    state: Mutex<State>,
    /// bcrypt is meant to be slow: many at a time would leave no processor for posts.
    turn: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    sessions: Sessions,
    attempts: Attempts,
    known: HashMap<[u8; 32], i64>,
}

/// What became of a try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Good,
    Wrong,
    /// Not judged: there were failures; seconds until the next try.
    Wait(i64),
}

impl Guard {
    pub(super) fn new(path: PathBuf) -> Result<Self, UsersError> {
        let users = Arc::new(Users::read(&path)?);
        let changed = changed_at(&path);
        Ok(Self {
            path,
            users: Mutex::new((changed, users)),
            state: Mutex::default(),
            turn: Semaphore::new(1),
        })
    }

    /// The users. A file that was changed is read again; one that is refused then leaves those that were.
    fn users(&self) -> Arc<Users> {
        let mut known = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changed_at(&self.path);
        if changed != known.0 {
            known.0 = changed;
            match Users::read(&self.path) {
                Ok(users) => known.1 = Arc::new(users),
                Err(error) => eprintln!("telem-collector: {error}; those known before stay"),
            }
        }
        Arc::clone(&known.1)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges a password that came from this address.
    pub(super) async fn judge(&self, credentials: &Credentials, address: &str, now_secs: i64) -> Judged {
        let users = self.users();
        let hash = users.hash(&credentials.name).map(str::to_owned);
        let digest = digest(credentials, hash.as_deref().unwrap_or_default());
        if hash.is_some() && self.state().known.get(&digest).is_some_and(|until| now_secs < *until) {
            return Judged::Good;
        }
        // Waiting for the turn, so that a hundred tries at once are a hundred tries one after the other.
        let Ok(_turn) = self.turn.acquire().await else { return Judged::Wait(1) };
        let wait = self.state().attempts.wait_secs(address, &credentials.name, now_secs);
        if wait > 0 {
            return Judged::Wait(wait);
        }
        let (against, there) = (hash.clone().unwrap_or_else(|| NOBODY.to_owned()), hash.is_some());
        let tried = credentials.clone();
        let fits = tokio::task::spawn_blocking(move || tried.fit(&against)).await.unwrap_or(false) && there;
        let mut state = self.state();
        if !fits {
            state.attempts.note_failure(address, &credentials.name, now_secs);
            return Judged::Wrong;
        }
        state.attempts.note_success(address);
        state.known.retain(|_, until| now_secs < *until);
        if state.known.len() < KNOWN {
            state.known.insert(digest, now_secs.saturating_add(KNOWN_SECS));
        }
        Judged::Good
    }

    /// Begins a session of a user whose password was good.
    pub(super) fn begin(&self, name: &str, now_secs: i64) -> Option<String> {
        let users = self.users();
        let hash = users.hash(name)?;
        self.state().sessions.begin(name, hash, now_secs)
    }

    /// Whose session this is. It ends with the password that it began with.
    pub(super) fn session(&self, token: &str, now_secs: i64) -> Option<String> {
        let users = self.users();
        let state = self.state();
        let (name, hash) = state.sessions.find(token, now_secs)?;
        (users.hash(name) == Some(hash)).then(|| name.to_owned())
    }

    pub(super) fn end(&self, token: &str) {
        self.state().sessions.end(token);
    }
}

fn changed_at(path: &std::path::Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|found| found.modified()).ok()
}

/// With the hash, so that a password that was changed is known no more.
fn digest(credentials: &Credentials, hash: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [hash, &credentials.name, &credentials.password] {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_slowed_and_a_changed_password_ends_sessions() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        std::fs::write(&path, format!("alice:{}\n", bcrypt::hash("good", 4).unwrap())).unwrap();
        let guard = Guard::new(path.clone()).unwrap();
        let with = |name: &str, password: &str| Credentials { name: name.into(), password: password.into() };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let judge = |credentials, now| runtime.block_on(guard.judge(&credentials, "192.0.2.1", now));
        assert_eq!(judge(with("alice", "good"), 0), Judged::Good);
        for _ in 0..3 {
            assert_eq!(judge(with("eve", "bad"), 0), Judged::Wrong);
        }
        assert_eq!(judge(with("bob", "good"), 0), Judged::Wait(1));
        assert_eq!(judge(with("alice", "good"), 0), Judged::Good, "who is known does not wait");
        assert_eq!(judge(with("bob", "good"), 2), Judged::Wrong);

        let token = guard.begin("alice", 0).unwrap();
        assert_eq!(guard.session(&token, 1).as_deref(), Some("alice"));
        let changed = format!("alice:{}\n", bcrypt::hash("other", 4).unwrap());
        std::fs::write(&path, changed).unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(guard.session(&token, 1), None);
        assert_eq!(judge(with("alice", "good"), 1000), Judged::Wrong);
        assert_eq!(judge(with("alice", "other"), 1000), Judged::Good);
    }
}
