//! Removes outlived records at the start and once a day.

use crate::limits::PURGE_INTERVAL;
use crate::retention::Retention;
use crate::store::{Cursor, Store, StoreError};
use crate::timestamp::now_secs;

/// Purges now and then daily, until it is dropped. A purge that fails is told on stderr and tried again a day later.
pub async fn purge_daily(store: Store, rules: Retention) {
    let mut days = tokio::time::interval(PURGE_INTERVAL);
    loop {
        days.tick().await;
        match purge(&store, &rules, now_secs()).await {
            Ok(0) => {}
            Ok(removed) => {
                eprintln!("telem-collector: purged {removed} records that had outlived their time")
            }
            Err(error) => eprintln!("telem-collector: cannot purge: {error}"),
        }
    }
}

/// Removes all records that are due at a time, and counts them. Posts are served between its steps.
///
/// # Errors
/// If the database fails; what earlier steps removed stays removed.
pub async fn purge(store: &Store, rules: &Retention, now_secs: i64) -> Result<u64, StoreError> {
    let mut removed = 0;
    let mut next = Some(Cursor::START);
    while let Some(from) = next {
        let step = store.purge_step(rules.clone(), now_secs, from).await?;
        removed += step.removed;
        next = step.next;
    }
    Ok(removed)
}
