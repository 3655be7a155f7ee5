//! Looks after the certificate that machines are shown: which one that is, and when the next one takes its place.

use std::path::Path;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Identities;
use crate::trust::{Kind, Stamp, existing, keep, stamp};

/// How soon another certificate of ours is shown.
const PAUSE: Duration = Duration::from_secs(1);

impl Identities {
    /// Looks after our own certificates, until it is dropped; `then` is run whenever another one is shown.
    pub(in crate::pull) async fn keep_own(self: Arc<Self>, then: impl Fn() + Send) {
        let keeping = self.renewal.clone().filter(|_| !self.is_kept);
        let keeping = async move {
            match keeping {
                Some(renewal) => keep(renewal, Vec::new, |_| {}).await,
                None => std::future::pending().await,
            }
        };
        let following = async {
            let mut before = None;
            loop {
                tokio::time::sleep(PAUSE).await;
                let (this, seen) = (Arc::clone(&self), before);
                let looked = tokio::task::spawn_blocking(move || this.read_own_if_changed(seen)).await;
                let Ok((now, is_another)) = looked else { continue };
                before = Some(now);
                if is_another {
                    then();
                }
            }
        };
        tokio::select! {
            () = keeping => {}
            () = following => {}
        }
    }

    /// How the file of our certificate is now, and whether another one is shown by that.
    fn read_own_if_changed(&self, before: Option<Stamp>) -> (Stamp, bool) {
        let path = |directory: &Path| directory.join(Kind::Client.file());
        let now = self.directory.as_deref().and_then(|directory| stamp(&path(directory)));
        let (Some(directory), Some(shown)) = (self.directory.as_deref(), self.fingerprint()) else {
            return (now, false);
        };
        if before == Some(now) {
            return (now, false);
        }
        match existing(directory, Kind::Client) {
            Ok(own) if own.fingerprint == shown => (now, false),
            Ok(own) => {
                *self.own.write().unwrap_or_else(PoisonError::into_inner) = Some(own);
                (now, true)
            }
            Err(error) => {
                eprintln!("telem-collector: {error}; machines are shown the certificate from before");
                (now, false)
            }
        }
    }
}
