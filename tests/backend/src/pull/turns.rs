//! Which of the collectors of one PostgreSQL database asks: one does, and another takes over once that one ends.
//!
//! The turn is of the names of all `[pull NAME]`: collectors with the same ones take turns, and one that has others asks beside
//! them.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::board::Definitions;
use crate::storage::{Engine, StorageError, Turn};

/// How soon it is noticed that another collector has ended, or that the connection is lost which holds our turn.
const PAUSE: Duration = Duration::from_secs(3);

/// What it is our turn to ask, and whether another collector had that turn before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ours {
    name: String,
    was_anothers: bool,
}

/// Whose turn it is.
pub(super) struct Turns {
    is_shared: bool,
    /// What is to be asked: none, where there is no machine.
    wanted: watch::Sender<Option<String>>,
    ours: watch::Receiver<Option<Ours>>,
}

impl Turns {
    /// Of a database that `is_shared` by several collectors, or else has this one alone.
    pub(super) fn new(engine: Arc<dyn Engine>, is_shared: bool, helpers: &mut JoinSet<()>) -> Self {
        let (wanted, is_wanted) = watch::channel(None);
        let (taken, ours) = watch::channel(None);
        if is_shared {
            helpers.spawn(take_turns(engine, is_wanted, taken));
        }
        Self { is_shared, wanted, ours }
    }

    /// From now on these are to be asked.
    pub(super) fn want(&self, definitions: &Definitions) {
        let mut names = Sha256::new();
        for definition in definitions.iter() {
            names.update(&definition.name);
            names.update("\n");
        }
        let digits = names.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        // The turn at a source is named by its address, which has no blank.
        let wanted = (!definitions.is_empty()).then(|| format!("pull {digits}"));
        self.wanted.send_if_modified(|known| std::mem::replace(known, wanted.clone()) != wanted);
    }

    /// Whether other collectors have this database, too.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Whether this collector asks.
    pub(super) fn is_ours(&self) -> bool {
        let ours = self.ours.borrow();
        !self.is_shared || *self.wanted.borrow() == ours.as_ref().map(|ours| ours.name.clone())
    }

    /// Whether another one asked before.
    pub(super) fn was_anothers(&self) -> bool {
        self.ours.borrow().as_ref().is_some_and(|ours| ours.was_anothers)
    }

    /// Waits until that may have changed.
    pub(super) async fn changed(&mut self) {
        if self.ours.changed().await.is_err() {
            // Nobody changes it any more, or ever did.
            std::future::pending().await
        }
    }
}

/// Takes the turn that is wanted as soon as nobody has it, and keeps it.
async fn take_turns(
    engine: Arc<dyn Engine>,
    mut wanted: watch::Receiver<Option<String>>,
    ours: watch::Sender<Option<Ours>>,
) {
    let mut held: Option<(String, Turn)> = None;
    let mut is_refused = false;
    loop {
        let (now, engine) = (wanted.borrow_and_update().clone(), Arc::clone(&engine));
        let is_wanted = now.is_some();
        let had = held.as_ref().map(|(name, _)| name.clone());
        // Whoever serves a request says that the database is out of reach. Until it is there again nothing is asked.
        let taken = tokio::task::spawn_blocking(move || take(&engine, now, held)).await;
        let was_refused = is_refused;
        is_refused = match &taken {
            Ok(Ok(taken)) => is_wanted && taken.is_none(),
            _ => was_refused,
        };
        held = taken.ok().and_then(Result::ok).flatten();
        if is_refused && !was_refused {
            eprintln!(
                "telem-collector: pull: another collector of this database asks these machines; this one takes over once that one ends"
            );
        }
        let name = held.as_ref().map(|(name, _)| name.clone());
        if name != had {
            if name.is_some() && was_refused {
                eprintln!("telem-collector: pull: it is this collector now that asks the machines");
            }
            ours.send_replace(name.map(|name| Ours { name, was_anothers: was_refused }));
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            changed = wanted.changed() => if changed.is_err() { return },
        }
    }
}

/// The turn that is wanted: the one that is held, if it still is, or else a new one. None: another collector has it. Blocks.
fn take(
    engine: &Arc<dyn Engine>,
    wanted: Option<String>,
    held: Option<(String, Turn)>,
) -> Result<Option<(String, Turn)>, StorageError> {
    let Some(wanted) = wanted else { return Ok(None) };
    if let Some((name, mut turn)) = held.filter(|(name, _)| *name == wanted)
        && turn.is_ours(&name)?
    {
        return Ok(Some((name, turn)));
    }
    Ok(Turn::take(engine, &wanted)?.map(|turn| (wanted, turn)))
}
