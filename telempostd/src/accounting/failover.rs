//! Which server of the list records go to, kept in the delivery status: an idle daemon ends, and the next one goes on.

use crate::queue::{FailoverMemory, Probes, ServerMemory};
use std::time::{Duration, Instant};
use telemetry_runtime::clocks;
use telemetry_store::delivery_status::{FailoverState, ListedServer};

/// Now, by the clock of this process and by that of the boot.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    now: Instant,
    since_boot: Duration,
    boot_id: String,
}

impl Moment {
    pub(super) fn new(now: Instant) -> Self {
        let clocks = clocks::read();
        Self { now, since_boot: clocks.since_boot, boot_id: clocks.boot_id.to_string() }
    }

    fn ms_at(&self, at: Instant) -> u64 {
        let since_boot = match at.checked_duration_since(self.now) {
            Some(ahead) => self.since_boot.saturating_add(ahead),
            None => self.since_boot.saturating_sub(self.now.saturating_duration_since(at)),
        };
        u64::try_from(since_boot.as_millis()).unwrap_or(u64::MAX)
    }

    /// None for what cannot be: longer ago than this process can count, or further ahead than any wait.
    fn at_ms(&self, ms: u64) -> Option<Instant> {
        let at = Duration::from_millis(ms);
        match at.checked_sub(self.since_boot) {
            Some(ahead) => Some(ahead).filter(|ahead| *ahead <= LONGEST_AHEAD).map(|ahead| self.now + ahead),
            None => self.now.checked_sub(self.since_boot.saturating_sub(at)),
        }
    }
}

/// Twice the longest wait that a server can ask for.
const LONGEST_AHEAD: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Puts what is known into the status; what is there already about the servers stays.
pub(super) fn update(state: &mut FailoverState, memory: &FailoverMemory, urls: &[String], moment: &Moment) {
    let ms = |at: Option<Instant>| at.map(|at| moment.ms_at(at));
    state.boot_id.clone_from(&moment.boot_id);
    state.active = memory.active;
    state.failing_since_ms = ms(memory.failing_since);
    state.asks_for_longer = memory.asks_for_longer;
    state.last_probe_ms = ms(memory.last_probe);
    state.last_request_ms = ms(memory.last_request);
    let known = std::mem::take(&mut state.servers);
    let server = |(url, server): (&String, &ServerMemory)| ListedServer {
        url: url.clone(),
        failures: server.failures,
        wait_end_ms: ms(server.wait_end),
        probes: server.probes.taken,
        probes_since_ms: ms(server.probes.since),
        last_failure: known
            .iter()
            .find(|known| known.url == *url)
            .and_then(|known| known.last_failure.clone()),
    };
    state.servers = urls.iter().zip(&memory.servers).map(server).collect();
}

/// What the status knows, if it is about this list in this boot.
pub(super) fn memory(state: &FailoverState, urls: &[String], moment: &Moment) -> Option<FailoverMemory> {
    let is_same_list = state.servers.iter().map(|server| &server.url).eq(urls);
    if !is_same_list || state.boot_id != moment.boot_id {
        return None;
    }
    let at = |ms: Option<u64>| ms.and_then(|ms| moment.at_ms(ms));
    let server = |server: &ListedServer| ServerMemory {
        failures: server.failures,
        wait_end: at(server.wait_end_ms),
        probes: Probes { taken: server.probes, since: at(server.probes_since_ms) },
    };
    Some(FailoverMemory {
        active: state.active,
        failing_since: at(state.failing_since_ms),
        asks_for_longer: state.asks_for_longer,
        last_probe: at(state.last_probe_ms),
        last_request: at(state.last_request_ms),
        servers: state.servers.iter().map(server).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_known_again_by_this_boot_and_this_list() {
        let now = Instant::now() + Duration::from_secs(1000);
        let moment = Moment { now, since_boot: Duration::from_secs(900), boot_id: "one".to_owned() };
        let server = |wait: u64| ServerMemory {
            failures: 3,
            wait_end: Some(now + Duration::from_secs(wait)),
            probes: Probes { taken: 2, since: Some(now - Duration::from_secs(5)) },
        };
        let memory_before = FailoverMemory {
            active: 1,
            failing_since: Some(now - Duration::from_secs(30)),
            asks_for_longer: true,
            last_probe: None,
            last_request: Some(now),
            servers: vec![server(300), server(2)],
        };
        let urls = ["http://a/".to_owned(), "http://b/".to_owned()];
        let mut state = FailoverState::default();
        update(&mut state, &memory_before, &urls, &moment);
        assert_eq!(memory(&state, &urls, &moment), Some(memory_before.clone()));
        // The next process has another origin of its clock.
        let later = Moment { now: now + Duration::from_secs(7), ..moment.clone() };
        assert_eq!(memory(&state, &urls, &later).unwrap().last_request, Some(now + Duration::from_secs(7)));
        assert_eq!(memory(&state, &urls[..1], &moment), None);
        assert_eq!(memory(&state, &urls, &Moment { boot_id: "two".to_owned(), ..moment.clone() }), None);
        // What people read in it is by the wall clock, which may be wrong by fifty years: nothing follows from that.
        for secs in [0, 50 * 365 * 24 * 60 * 60, u64::MAX] {
            state.active_since_unix_secs = Some(secs);
            assert_eq!(memory(&state, &urls, &moment), Some(memory_before.clone()));
        }
        state.servers[0].wait_end_ms = Some(u64::MAX);
        assert_eq!(memory(&state, &urls, &moment).unwrap().servers[0].wait_end, None);
    }
}
