//! Readings for all who ask: one reading a second, lists at most once a minute and apart, so that nobody else waits for them.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use telempull_answers::environment::Environment;
use telempull_answers::gatherer::{Gatherer, Lists, ReadLists};
use telempull_answers::settings::Settings;
use tokio::sync::Mutex;

/// The readings of this process.
pub(crate) struct Readings {
    gatherer: RefCell<Gatherer>,
    /// Who reads lists.
    turn: Mutex<()>,
}

impl Readings {
    pub(crate) fn new(run_dir: &Path) -> Self {
        Self { gatherer: RefCell::new(Gatherer::new(Some(run_dir))), turn: Mutex::default() }
    }

    /// Takes a value into the windows.
    pub(crate) fn sample(&self) {
        self.gatherer.borrow_mut().sample();
    }

    /// Keeps the windows for the next process.
    pub(crate) fn save_window(&self, run_dir: &Path) -> io::Result<()> {
        self.gatherer.borrow().save_window(run_dir)
    }

    /// What is known now, with these lists. Readings of a file system that has begun to hang hold everybody up, once, by less
    /// than a second; from then on it is known to.
    pub(crate) async fn now(&self, settings: &Settings, lists: Lists) -> Environment {
        if self.gatherer.borrow().due(lists) != Lists::default() {
            let _turn = self.turn.lock().await;
            let due = self.gatherer.borrow().due(lists);
            if let Ok(read) = tokio::task::spawn_blocking(move || ReadLists::read(due)).await {
                self.gatherer.borrow_mut().take(read);
            }
        }
        self.gatherer.borrow_mut().environment(settings, lists)
    }
}
