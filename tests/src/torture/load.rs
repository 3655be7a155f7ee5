//! Senders that never rest, and know what was answered.

use super::Account;
use super::exchange::{Answer, exchange, message};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockWriteGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a sender waits when the daemon is away or refuses, as a program would.
const REST: Duration = Duration::from_millis(3);

/// Threads that send one record after another, each with a payload of its own.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    name: String,
    stop: AtomicBool,
    answered: AtomicUsize,
    refused: AtomicUsize,
    /// One a sender, so that they do not wait for each other.
    accounts: Vec<Mutex<Account>>,
    /// Each exchange holds it for reading, so that all can be kept from beginning another.
    pause: RwLock<()>,
}

impl Load {
    /// Starts senders. `name` distinguishes this load from others in the same scenario.
    pub fn start(socket: &Path, name: &str, senders: usize) -> Self {
        Self::start_bounded(socket, name, senders, usize::MAX)
    }

    /// As [`Load::start`]; each sender ends by itself after `maximum` records.
    pub fn start_bounded(socket: &Path, name: &str, senders: usize, maximum: usize) -> Self {
        let shared = Arc::new(Shared {
            socket: socket.to_owned(),
            name: name.to_owned(),
            stop: AtomicBool::new(false),
            answered: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            accounts: (0..senders).map(|_| Mutex::default()).collect(),
            pause: RwLock::default(),
        });
        let thread = |sender| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.send(sender, maximum))
        };
        Self { threads: (0..senders).map(thread).collect(), shared }
    }

    /// Records answered with 0 so far.
    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Acquire)
    }

    /// Records refused so far.
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Acquire)
    }

    /// The payloads answered with 0 so far.
    ///
    /// # Panics
    /// A sender did.
    pub fn answered_payloads(&self) -> HashSet<String> {
        self.shared.accounts.iter().flat_map(|account| account.lock().unwrap().answered.clone()).collect()
    }

    /// Waits until no exchange is under way; none begins before the guard is dropped.
    ///
    /// # Panics
    /// A sender did.
    pub fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.shared.pause.write().unwrap()
    }

    /// Stops, and returns what the senders know.
    pub fn stop(self) -> Account {
        self.shared.stop.store(true, Ordering::Release);
        self.join()
    }

    /// Waits until all senders have sent what they had to.
    ///
    /// # Panics
    /// A sender did.
    pub fn join(mut self) -> Account {
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        let mut all = Account::default();
        for account in &self.shared.accounts {
            all.add(std::mem::take(&mut account.lock().unwrap()));
        }
        all
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn send(&self, sender: usize, maximum: usize) {
        for number in 0..maximum {
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            let payload = payload(&self.name, sender, number);
            let exchanging = self.pause.read().unwrap();
            let answer = exchange(&self.socket, &message("org.example/torture/load", &payload));
            self.accounts[sender].lock().unwrap().note(payload, answer);
            drop(exchanging);
            match answer {
                Answer::Stored => self.answered.fetch_add(1, Ordering::AcqRel),
                Answer::Refused(_) => self.refused.fetch_add(1, Ordering::AcqRel),
                Answer::None => 0,
            };
            if answer != Answer::Stored {
                thread::sleep(REST);
            }
        }
    }
}

/// A payload that is unique and shows when its end is missing; some 50 to 2000 bytes long.
fn payload(name: &str, sender: usize, number: usize) -> String {
    let lines = 1 + number * 7 % 40;
    format!(
        "{name} {sender} {number}\n{}end of {number}\n",
        "- torture, torture, torture, torture -----------\n".repeat(lines)
    )
}
