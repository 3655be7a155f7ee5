//! What groups need in the background, for as long as the collector runs.

use std::time::Duration;

use crate::retention::Retention;
use crate::storage::Store;
use crate::timestamp::now_secs;

/// How soon a change by a person, or a day that ended, is noticed.
const PAUSE: Duration = Duration::from_secs(2);

/// After a failure, which the next try may meet too.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Between two steps, so that posts and pages have their turn.
const BREATH: Duration = Duration::from_millis(2);

/// Moves, reads and settles what there is, until it is dropped.
pub async fn keep_groups(store: Store, rules: Retention) {
    loop {
        let pause = match store.upkeep(rules.clone(), now_secs()).await {
            Ok(true) => BREATH,
            Ok(false) => PAUSE,
            Err(error) => {
                eprintln!("telem-collector: cannot see to groups: {error}");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::time::sleep(pause).await;
    }
}
