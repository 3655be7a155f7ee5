//! What samples need in the background, for as long as the collector runs.

use std::time::Duration;

use crate::samples::KeepSamples;
use crate::storage::Store;
use crate::timestamp::now_secs;

/// How soon an hour that has ended is made. Pages make what is not made yet.
const PAUSE: Duration = Duration::from_secs(30);

/// After a failure, which the next try may meet too.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Between two steps, so that posts and pages have their turn.
const BREATH: Duration = Duration::from_millis(5);

/// Makes hours and days, until it is dropped.
pub async fn keep_samples(store: Store, keep: KeepSamples) {
    loop {
        let pause = match store.roll_up(keep, now_secs()).await {
            Ok(true) => BREATH,
            Ok(false) => PAUSE,
            Err(error) => {
                eprintln!("telem-collector: cannot make hours and days of samples: {error}");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::time::sleep(pause).await;
    }
}
