//! The clients that have not sent their whole message yet, each with the time that it has left.

use super::client::Client;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Time that a client has for its message (contract). Silent clients cost a descriptor that long.
const CLIENT_TIME: Duration = Duration::from_secs(10);

/// The clients that have not sent their whole message yet.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    clients: HashMap<u64, Client>,
    /// Oldest first, since all have the same time. Those that are gone may stay in it until then.
    deadlines: VecDeque<(Instant, u64)>,
}

impl Connections {
    /// Keeps a client under this number.
    pub(crate) fn add(&mut self, number: u64, client: Client, now: Instant) {
        self.clients.insert(number, client);
        self.deadlines.push_back((now + CLIENT_TIME, number));
    }

    /// The client of this number.
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Client> {
        self.clients.get_mut(&number)
    }

    /// Removes and returns a client.
    pub(crate) fn remove(&mut self, number: u64) -> Option<Client> {
        let client = self.clients.remove(&number);
        while self.deadlines.front().is_some_and(|(_, number)| !self.clients.contains_key(number)) {
            self.deadlines.pop_front();
        }
        client
    }

    /// Removes and returns a client whose time is over, if there is one.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Option<Client> {
        match self.next_deadline() {
            Some((deadline, number)) if deadline <= now => self.remove(number),
            _ => None,
        }
    }

    /// When the next client's time is over.
    pub(crate) fn next_deadline(&self) -> Option<(Instant, u64)> {
        self.deadlines.front().copied()
    }

    /// The number of clients.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Removes and returns all of them.
    pub(crate) fn drain(&mut self) -> Vec<Client> {
        self.deadlines.clear();
        self.clients.drain().map(|(_, client)| client).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{Admission, Moment};
    use crate::settings::UserLimits;
    use std::os::unix::net::UnixStream;

    fn client() -> Client {
        let limits = UserLimits { max_connections: None, records_per_minute: None, spool_bytes: None };
        let moment = Moment { now: Instant::now(), since_boot_secs: 0, is_opted_in: true };
        let permit = Admission::new(limits, std::rc::Rc::default()).connection(Ok(0), &moment).unwrap();
        Client::new(UnixStream::pair().unwrap().0, permit)
    }

    #[test]
    fn deadlines_pass_in_order_and_the_gone_have_none() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut connections = Connections::default();
        for number in 0..4 {
            connections.add(number, client(), start + second * number as u32);
        }
        connections.remove(0);
        connections.remove(2);
        assert_eq!(connections.next_deadline(), Some((start + second + CLIENT_TIME, 1)));
        assert!(connections.take_overdue(start + CLIENT_TIME).is_none());
        assert!(connections.take_overdue(start + second + CLIENT_TIME).is_some());
        assert_eq!(connections.next_deadline(), Some((start + 3 * second + CLIENT_TIME, 3)));
        assert!(connections.take_overdue(start + 9 * CLIENT_TIME).is_some());
        assert_eq!((connections.len(), connections.next_deadline()), (0, None));
    }
}
