//! Serving clients: each is admitted, its message received and judged, and its record stored with those of others
//! before it is answered.

use super::Daemon;
use crate::admission::{Admitted, Moment, Refusal};
use crate::limits::{ACCEPTS_PER_TURN, MAX_CLIENTS};
use crate::socket::{self, Client, Received};
use nix::sys::socket::{getsockopt, sockopt};
use std::os::unix::net::UnixStream;
use std::time::Instant;
use telemetry_files::errno_of;
use telemetry_runtime::poller::Interest;
use telemetry_store::counters::Counter;

impl Daemon {
    pub(super) fn accept_clients(&mut self, moment: &Moment) {
        self.idle_exit.touch(moment.now);
        for _ in 0..ACCEPTS_PER_TURN {
            if self.client_count() >= MAX_CLIENTS {
                return self.accept_queue.pause_until_room(&self.poller, moment.now);
            }
            match self.accept_queue.accept() {
                Ok(Some(stream)) => self.admit_client(stream, moment),
                Ok(None) => return,
                Err(error) => {
                    self.refusal_log.note_accept_failure(&error, moment.now);
                    return self.accept_queue.pause_and_retry(&self.poller, moment.now);
                }
            }
        }
    }

    /// The next client, if one is worth polling for and comes.
    pub(super) fn poll_for_client(&mut self) -> Option<UnixStream> {
        if self.client_count() >= MAX_CLIENTS {
            return None;
        }
        let Self { polling, accept_queue, .. } = self;
        polling.before_sleep(|| accept_queue.accept_unless_paused())
    }

    /// Admits a new client, and reads at once: most clients have sent everything by the time that they are
    /// accepted, and never enter the loop.
    pub(super) fn admit_client(&mut self, stream: UnixStream, moment: &Moment) {
        let peer = getsockopt(&stream, sockopt::PeerCredentials).map(|peer| peer.uid());
        let mut client = match self.admission.connection(peer, moment) {
            Ok(permit) => Client::new(stream, permit),
            Err(refusal) => {
                self.note_refusal(peer.ok(), &refusal, moment.now);
                return socket::refuse(&stream, refusal.errno());
            }
        };
        let mut receive = || client.receive(&mut self.admission, &mut self.scratch, moment);
        let mut received = receive();
        if matches!(received, Received::Part) && self.polling.is_on() {
            let rest = || Some(receive()).filter(|received| !matches!(received, Received::Part));
            received = self.polling.poll(rest).unwrap_or(received);
        }
        match received {
            Received::Part => self.wait_for(client, moment.now),
            Received::Nothing => {}
            Received::Judged(verdict) => self.settle(client, verdict, moment.now),
        }
    }

    fn wait_for(&mut self, client: Client, now: Instant) {
        let number = self.next_client;
        self.next_client += 1;
        match self.poller.watch(&client, number, Interest::Readable) {
            Ok(()) => self.connections.add(number, client, now),
            Err(error) => self.refuse(client, &Refusal::Poller(errno_of(&error)), now),
        }
    }

    /// Reads from the client of this number.
    pub(super) fn receive(&mut self, number: u64, moment: &Moment) {
        let Some(client) = self.connections.get_mut(number) else { return };
        let verdict = match client.receive(&mut self.admission, &mut self.scratch, moment) {
            Received::Part => return,
            Received::Nothing => None,
            Received::Judged(verdict) => Some(verdict),
        };
        let Some(client) = self.connections.remove(number) else { return };
        // Closing would end the watch too, but only once the record is stored.
        self.poller.forget(&client);
        if let Some(verdict) = verdict {
            self.settle(client, verdict, moment.now);
        }
    }

    /// A record that is admitted is ready to be stored, once the configuration was read that it may name; any other is refused
    /// at once.
    fn settle(&mut self, client: Client, verdict: Result<Admitted, Refusal>, now: Instant) {
        match verdict {
            Ok(record) if record.message.config.is_some() => self.await_configuration(client, record, now),
            Ok(record) => self.ready.push((client, record)),
            Err(refusal) => self.refuse(client, &refusal, now),
        }
    }

    pub(super) fn refuse(&mut self, client: Client, refusal: &Refusal, now: Instant) {
        self.note_refusal(Some(client.uid()), refusal, now);
        client.refuse(refusal.errno());
    }

    fn note_refusal(&mut self, uid: Option<u32>, refusal: &Refusal, now: Instant) {
        self.refusal_log.note(uid, refusal, &mut self.counters, now);
    }

    pub(super) fn refuse_overdue(&mut self, now: Instant) {
        while let Some(client) = self.connections.take_overdue(now) {
            self.refuse(client, &Refusal::TimedOut, now);
        }
    }

    /// Stores what is ready and answers.
    pub(super) fn commit(&mut self, now: Instant) {
        if self.ready.is_empty() {
            return;
        }
        self.idle_exit.touch(now);
        let (clients, records): (Vec<_>, Vec<_>) = self.ready.drain(..).unzip();
        let mut accepted = 0;
        for (client, answer) in clients.into_iter().zip(self.store.commit(records, now)) {
            match answer {
                Ok(()) => {
                    accepted += 1;
                    client.confirm();
                }
                Err(refusal) => self.refuse(client, &refusal, now),
            }
        }
        self.polling.note_stored();
        self.counters.add(Counter::Accepted, "", accepted, now);
    }

    /// Stores what was received before the daemon stops: of those who wait to be accepted, then what each client has
    /// sent.
    pub(super) fn finish(&mut self) {
        let moment = self.moment();
        if self.accept_queue.own_path().is_some() {
            self.drain_accept_queue(&moment);
        }
        for mut client in self.connections.drain() {
            let received = client.receive(&mut self.admission, &mut self.scratch, &moment);
            if let Received::Judged(verdict) = received {
                self.settle(client, verdict, moment.now);
            }
            self.commit_when_full(moment.now);
        }
        self.finish_configurations();
        self.commit(moment.now);
        self.store.close_all(moment.now);
        self.store.note_time();
        self.counters.write();
    }

    /// Closes our own socket to newcomers and serves those who wait there already.
    pub(super) fn drain_accept_queue(&mut self, moment: &Moment) {
        self.accept_queue.close_to_new();
        while let Ok(Some(stream)) = self.accept_queue.accept() {
            self.admit_client(stream, moment);
            self.commit_when_full(moment.now);
        }
        self.commit(moment.now);
    }

    fn commit_when_full(&mut self, now: Instant) {
        if self.ready.len() >= ACCEPTS_PER_TURN {
            self.commit(now);
        }
    }
}
