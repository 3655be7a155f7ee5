//! The queue as a game: files come, servers answer as they like, and nothing may ever be lost.

use super::*;
use crate::limits::{IN_FLIGHT, IN_FLIGHT_FOREIGN, IN_FLIGHT_HTTP_1, IN_FLIGHT_OF_USER};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use telemetry_config::{Compression, ServerApi, ServerUrl};

/// A record, known by its file and position.
type Label = (usize, u32);

fn server(n: usize) -> ServerSettings {
    let url = ServerUrl::unchecked(format!("http://server{n}/"));
    let (api, tid_header, compression) = (ServerApi::V2, "T: 1".to_owned(), Compression::Off);
    ServerSettings { url, api, cainfo: None, tid_header, compression }
}

/// The user whose configuration names the server.
fn user(n: usize) -> Holder {
    match n as u32 % 7 {
        0 => Holder::Unknown,
        user => Holder::User(user),
    }
}

fn tags(queue: &Queue<Label>) -> Vec<u64> {
    [NamedBy::System, NamedBy::Record]
        .into_iter()
        .flat_map(|named_by| queue.tags_in_flight(named_by))
        .collect()
}

fn name(n: usize) -> FileName {
    FileName::Id((n as u128).to_be_bytes())
}

fn number(name: &FileName) -> usize {
    match name {
        FileName::Id(id) => u128::from_be_bytes(*id) as usize,
        other => panic!("{other:?}"),
    }
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Taken,
    Later(RetryAdvice),
}

fn later(may_be_the_record: bool) -> Answer {
    Answer::Later(RetryAdvice { retry_after: None, may_be_the_record, was_tried: true })
}

/// A spool in memory and the queue that works on it.
struct Game {
    queue: Queue<Label>,
    now: Instant,
    /// The server of each record of each file that is in the spool.
    spool: BTreeMap<usize, Vec<usize>>,
    found: usize,
    /// Files that somebody removed, and the queue does not know yet.
    gone: BTreeSet<usize>,
    settled: BTreeSet<Label>,
    /// How often each file was put back.
    put_back: BTreeMap<usize, u16>,
    /// Whether there was no lane for a record: its file may be unknown until it is found again.
    has_unknown: bool,
    /// Every sending, in order.
    sent: Vec<(usize, Label)>,
}

impl Game {
    fn new() -> Self {
        Self {
            queue: Queue::new(vec![server(0)], FailoverRules::default()),
            now: Instant::now(),
            spool: BTreeMap::new(),
            found: 0,
            gone: BTreeSet::new(),
            settled: BTreeSet::new(),
            put_back: BTreeMap::new(),
            has_unknown: false,
            sent: Vec::new(),
        }
    }

    fn add(&mut self, servers: &[usize]) {
        self.spool.insert(self.found, servers.to_vec());
        self.queue.add_file(name(self.found), self.found as i64);
        self.found += 1;
    }

    fn scan_again(&mut self) {
        for file in self.spool.keys() {
            self.queue.add_file(name(*file), *file as i64);
        }
    }

    fn work(&mut self) {
        while self.send() || self.read() {}
        for file in self.queue.take_finished() {
            let number = number(&file);
            let records = self.spool.remove(&number).unwrap();
            for index in 0..records.len() as u32 {
                assert!(self.settled.contains(&(number, index)), "a file leaves when all of it is settled");
            }
            self.put_back.remove(&number);
            self.queue.remove_finished(&file);
        }
        self.check_bounds();
        // Each goes through all files, which games with thousands of them do without.
        if self.spool.len() <= 200 {
            self.check_oldest();
            self.queue.files.check();
        }
    }

    fn send(&mut self) -> bool {
        let NextSend::Send(sent) = self.queue.next_send(self.now, |_| Permission::Send) else {
            return false;
        };
        let (tag, label) = (sent.tag, sent.record);
        let to = self.spool[&label.0][label.1 as usize];
        assert_eq!(*sent.server, server(to), "no record goes to another server");
        assert!(!self.settled.contains(&label), "no settled record is sent again");
        let is_twice = |other: &u64| *other != tag && self.queue.in_flight(*other).unwrap().record == label;
        assert!(!tags(&self.queue).iter().any(is_twice), "once in flight is enough");
        self.sent.push((to, label));
        true
    }

    fn read(&mut self) -> bool {
        let Some(position) = self.queue.next_file(self.now) else {
            return false;
        };
        let file = position.modified_ns as usize;
        let Some(servers) = self.spool.get(&file) else {
            self.put_back.remove(&file);
            self.gone.remove(&file);
            self.queue.forget(&position.name);
            return true;
        };
        let records = (0..).zip(servers).map(|(index, n)| {
            let lane = match *n {
                0 => Some(LaneId::SYSTEM),
                n => self.queue.lane_for(&server(n), user(n)),
            };
            let route = lane.map_or(Route::Later, Route::To);
            (route, (file, index))
        });
        let records: Vec<_> = records.collect();
        self.has_unknown |= records.iter().any(|(route, _)| *route == Route::Later);
        self.queue.add_records(&position.name, records, self.now);
        true
    }

    fn check_oldest(&self) {
        let oldest = self.queue.oldest_waiting();
        let is_waiting = |n: &&usize| !self.queue.is_open(&name(**n));
        let order = |n: &usize| (self.put_back.get(n).copied().unwrap_or(0), *n);
        if let Some(oldest) = &oldest {
            let n = number(&oldest.name);
            assert!(is_waiting(&&n), "a file that is open does not wait");
            assert_eq!(
                (oldest.put_back, oldest.modified_ns as usize),
                order(&n),
                "no position is out of date"
            );
        }
        if !self.has_unknown {
            let expected = self.spool.keys().chain(&self.gone).filter(is_waiting).map(order).min();
            assert_eq!(oldest.map(|oldest| number(&oldest.name)), expected.map(|(_, n)| n));
        }
    }

    /// Takes the oldest file that waits out of the spool, as the disk budget does.
    fn remove_oldest(&mut self) -> Option<usize> {
        let oldest = self.queue.oldest_waiting()?.name.clone();
        let n = number(&oldest);
        self.spool.remove(&n);
        self.put_back.remove(&n);
        self.gone.remove(&n);
        self.queue.forget(&oldest);
        assert_ne!(
            self.queue.oldest_waiting().map(|next| next.name),
            Some(oldest.clone()),
            "it is forgotten"
        );
        Some(n)
    }

    fn check_bounds(&self) {
        assert!(self.queue.tags_in_flight(NamedBy::System).len() <= IN_FLIGHT);
        let mut by_user: BTreeMap<_, usize> = BTreeMap::new();
        for tag in self.queue.tags_in_flight(NamedBy::Record) {
            let (file, index) = self.queue.in_flight(tag).unwrap().record;
            *by_user.entry(user(self.spool[&file][index as usize])).or_default() += 1;
        }
        assert!(by_user.values().all(|count| *count <= IN_FLIGHT_OF_USER));
        assert!(by_user.values().sum::<usize>() <= IN_FLIGHT_FOREIGN);
        for user in (0..7).map(user) {
            let lanes = self.queue.lanes.iter().skip(1).filter(|lane| lane.user == Some(user));
            assert!(lanes.count() <= SERVERS_OF_USER);
        }
        let held: usize = self.queue.lanes.iter().map(|lane| lane.held.len()).sum();
        assert!(held <= crate::limits::HELD + SERVERS * crate::limits::HELD_OWN_SERVER);
    }

    /// Ends one request that is in flight.
    fn answer(&mut self, which: usize, answer: Answer, chance: f64) {
        let mut tags = tags(&self.queue);
        tags.sort_unstable();
        if let Some(tag) = tags.get(which.checked_rem(tags.len()).unwrap_or(0)) {
            self.answer_to(*tag, answer, chance);
        }
    }

    fn answer_to(&mut self, tag: u64, answer: Answer, chance: f64) {
        let label = self.queue.in_flight(tag).unwrap().record;
        match answer {
            Answer::Taken => {
                self.settled.insert(label);
                self.queue.settle(tag, self.now);
            }
            Answer::Later(advice) => {
                *self.put_back.entry(label.0).or_default() += u16::from(advice.may_be_the_record);
                self.queue.retry(tag, advice, self.now, chance);
            }
        }
    }

    /// The request to this server that is in flight.
    fn tag_to(&self, n: usize) -> u64 {
        let tags = tags(&self.queue);
        tags.into_iter().find(|tag| *self.queue.in_flight(*tag).unwrap().server == server(n)).unwrap()
    }

    /// Lets all servers work until nothing is left.
    fn run_out(&mut self) {
        for _ in 0..100_000 {
            self.work();
            if self.queue.in_flight_count() > 0 {
                self.answer(0, Answer::Taken, 0.5);
            } else if let Some(due) = self.queue.next_due(self.now) {
                assert!(due > self.now, "work that is due is done");
                self.now = due;
            } else if self.spool.is_empty() {
                assert!(self.queue.is_idle());
                return;
            } else {
                // What there was no lane for.
                self.scan_again();
            }
        }
        panic!("it never ends");
    }
}

#[derive(Clone, Debug)]
enum Event {
    Add(Vec<usize>),
    Delivered(usize),
    Failed(usize, bool),
    TakenBack(usize),
    Pass(u64),
    ScanAgain,
    Gone(usize),
    OverBudget,
}

fn event() -> impl Strategy<Value = Event> {
    // Mostly the system's server, some others, and now and then one of very many.
    let server = prop_oneof![5 => Just(0_usize), 3 => 1..4_usize, 1 => 0..200_usize];
    prop_oneof![
        4 => prop::collection::vec(server, 1..6).prop_map(Event::Add),
        1 => prop::collection::vec(0..2_usize, 64).prop_map(Event::Add),
        5 => any::<usize>().prop_map(Event::Delivered),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(which, record)| Event::Failed(which, record)),
        1 => any::<usize>().prop_map(Event::TakenBack),
        2 => (0..3000_u64).prop_map(Event::Pass),
        1 => Just(Event::ScanAgain),
        1 => any::<usize>().prop_map(Event::Gone),
        1 => Just(Event::OverBudget),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_all_is_delivered_in_the_end(events in prop::collection::vec(event(), 0..120)) {
        let mut game = Game::new();
        let mut gone = BTreeSet::new();
        for event in events {
            match event {
                Event::Add(servers) => game.add(&servers),
                Event::Delivered(which) => game.answer(which, Answer::Taken, 0.3),
                Event::Failed(which, record) => game.answer(which, later(record), 0.7),
                Event::TakenBack(which) => {
                    let tags = tags(&game.queue);
                    if let Some(tag) = which.checked_rem(tags.len()).and_then(|at| tags.get(at)) {
                        game.queue.take_back(*tag);
                    }
                }
                Event::Pass(millis) => game.now += Duration::from_millis(millis),
                Event::ScanAgain => game.scan_again(),
                Event::Gone(which) => {
                    let files: Vec<usize> = game.spool.keys().copied().collect();
                    // Somebody removes a file that is not being dealt with.
                    if let Some(file) = files.get(which.checked_rem(files.len()).unwrap_or(0))
                        && !game.queue.is_open(&name(*file))
                    {
                        game.spool.remove(file);
                        game.gone.insert(*file);
                        gone.insert(*file);
                    }
                }
                Event::OverBudget => gone.extend(game.remove_oldest()),
            }
            game.work();
        }
        game.run_out();
        for file in 0..game.found {
            prop_assert!(gone.contains(&file) || game.settled.contains(&(file, 0)));
        }
        prop_assert!(game.queue.files.is_empty());
    }

    #[test]
    fn each_servers_records_go_in_their_order(
        files in prop::collection::vec(prop::collection::vec(0..4_usize, 1..10), 1..60),
    ) {
        let mut game = Game::new();
        // Found in any order, as a scan of a directory gives them.
        for (n, servers) in files.iter().enumerate().rev() {
            game.spool.insert(n, servers.clone());
            game.queue.add_file(name(n), n as i64);
        }
        game.found = files.len();
        game.run_out();
        for n in 0..4 {
            let sent: Vec<Label> = game.sent.iter().filter(|(to, _)| *to == n).map(|(_, label)| *label).collect();
            prop_assert!(sent.is_sorted(), "{sent:?}");
        }
    }
}

#[test]
fn the_systems_server_named_by_a_user_has_a_lane_of_his() {
    let mut queue: Queue<Label> = Queue::new(vec![server(0)], FailoverRules::default());
    let lanes = [1, 2, 7, 1].map(|n| queue.lane_for(&server(0), user(n)).unwrap());
    assert_eq!(lanes, [1, 2, 3, 1].map(LaneId));
}

#[test]
fn no_user_takes_all_lanes() {
    let mut queue: Queue<Label> = Queue::new(vec![server(0)], FailoverRules::default());
    let taken: BTreeSet<_> = (1..=100)
        .filter_map(|n| {
            let lane = queue.lane_for(&server(n), user(1))?;
            queue.add_file(name(n), n as i64);
            queue.add_records(&name(n), vec![(Route::To(lane), (n, 0))], Instant::now());
            Some(lane)
        })
        .collect();
    assert_eq!(taken.len(), SERVERS_OF_USER);
    assert!(queue.lane_for(&server(1), user(2)).is_some_and(|lane| !taken.contains(&lane)));
}

#[test]
fn a_server_that_is_down_holds_up_no_other() {
    let mut game = Game::new();
    for _ in 0..500 {
        game.add(&[0]);
    }
    game.add(&[1]);
    game.work();
    assert_eq!(game.sent, [(0, (0, 0)), (1, (500, 0))], "one request finds out");
    game.answer(0, later(false), 0.5);
    game.answer(0, Answer::Taken, 0.5);
    game.add(&[1]);
    game.work();
    assert_eq!(game.sent[2..], [(1, (501, 0))]);
    game.run_out();
    assert_eq!(game.settled.len(), 502);
}

#[test]
fn a_server_of_one_request_a_connection_has_fewer_in_flight() {
    let mut game = Game::new();
    for _ in 0..4 {
        game.add(&[0; 64]);
    }
    for (is_multiplexed, max) in [(false, IN_FLIGHT_HTTP_1), (true, IN_FLIGHT), (false, IN_FLIGHT_HTTP_1)] {
        game.work();
        let tag = tags(&game.queue)[0];
        game.queue.set_multiplexed(tag, is_multiplexed);
        while game.queue.in_flight_count() > max {
            game.answer(0, Answer::Taken, 0.5);
        }
        game.answer(0, Answer::Taken, 0.5);
        game.work();
        assert_eq!(game.queue.in_flight_count(), max);
    }
    game.run_out();
}

#[test]
fn one_record_that_a_server_fails_over_does_not_hold_up_the_others() {
    let mut game = Game::new();
    for _ in 0..100 {
        game.add(&[0]);
    }
    let poison = (0, 0);
    for _ in 0..10_000 {
        game.work();
        let tags = tags(&game.queue);
        match tags.first() {
            Some(tag) if game.queue.in_flight(*tag).unwrap().record == poison => {
                game.answer_to(*tag, later(true), 0.5)
            }
            Some(tag) => game.answer_to(*tag, Answer::Taken, 0.5),
            None if game.settled.len() == 99 => return,
            None => game.now = game.queue.next_due(game.now).unwrap(),
        }
    }
    panic!("{} of 99 came through", game.settled.len());
}

#[test]
fn records_of_a_batch_that_are_settled_are_not_sent_again() {
    let mut game = Game::new();
    game.add(&[0, 0, 0]);
    game.work();
    game.answer(0, Answer::Taken, 0.5);
    assert_eq!(game.queue.partly_settled(), [(name(0), 0b001)]);
    game.work();
    game.answer(1, Answer::Taken, 0.5);
    game.answer(0, later(false), 0.5);
    assert_eq!(game.queue.partly_settled(), [(name(0), 0b101)]);
    game.run_out();
    assert_eq!(game.queue.partly_settled(), []);
    assert_eq!(game.sent.len(), 4);
}

#[test]
fn records_for_one_server_too_many_wait_for_a_lane() {
    let mut game = Game::new();
    for n in 0..2 * SERVERS {
        game.add(&[n]);
    }
    game.work();
    assert_eq!(game.queue.lanes.len(), SERVERS);
    game.run_out();
    assert_eq!(game.settled.len(), 2 * SERVERS);
}

#[test]
fn what_waits_after_a_failed_request_is_what_waits_for_its_server_alone() {
    let mut game = Game::new();
    for servers in [&[0][..], &[0], &[1], &[0, 1]] {
        game.add(servers);
    }
    let waited = |game: &Game, since| {
        let names = game.queue.waited_for_failed(since);
        names.iter().map(number).collect::<BTreeSet<_>>()
    };
    game.work();
    game.answer_to(game.tag_to(0), later(false), 0.5);
    assert_eq!(
        waited(&game, 0),
        BTreeSet::from([0, 1]),
        "one that waits for another server, too, is on its way"
    );
    game.add(&[0]);
    assert_eq!(waited(&game, 0), BTreeSet::from([0, 1]), "one that nobody has read");
    game.answer_to(game.tag_to(1), later(false), 0.5);
    assert_eq!(game.queue.failure_count(), 2);
    assert_eq!(waited(&game, 0), BTreeSet::from([0, 1, 2, 3]));
    assert_eq!(waited(&game, 1), BTreeSet::from([2]), "since the first failure");
    assert_eq!(waited(&game, 2), BTreeSet::new());
}

#[test]
fn what_is_set_aside_waits_to_be_found_again_and_the_next_one_leaves() {
    let mut game = Game::new();
    game.add(&[0, 0]);
    game.add(&[0]);
    game.work();
    game.answer(0, Answer::Taken, 0.5);
    assert_eq!(game.sent, [(0, (0, 0))], "the first finds out whether the server is there");
    assert!(matches!(game.queue.next_send(game.now, |_| Permission::SetAside), NextSend::SetAside((0, 1))));
    game.has_unknown = true;
    game.work();
    game.answer(0, Answer::Taken, 0.5);
    game.work();
    assert_eq!(game.sent[1..], [(0, (1, 0))]);
    assert_eq!(
        (game.spool.len(), game.queue.is_idle()),
        (1, true),
        "nothing more is done before the next scan"
    );
    game.scan_again();
    game.run_out();
    assert_eq!(game.sent[2..], [(0, (0, 1))], "and the settled one is not sent again");
}

#[test]
fn an_outage_of_an_hour_costs_few_tries_and_ends_with_all_in_order() {
    let mut game = Game::new();
    for _ in 0..3000 {
        game.add(&[0]);
    }
    let end = game.now + Duration::from_secs(3600);
    // As chance would have it: low, middle and high in turn.
    let mut chances = [0.1, 0.5, 0.9].into_iter().cycle();
    while game.now < end {
        game.work();
        assert_eq!(game.queue.in_flight_count(), 1, "one request finds out, whatever waits");
        assert_eq!(game.sent.last(), Some(&(0, (0, 0))), "it is the oldest");
        game.answer(0, later(false), chances.next().unwrap());
        game.work();
        assert_eq!(game.queue.in_flight_count(), 0, "nothing leaves before its time");
        game.now = game.queue.next_due(game.now).unwrap();
    }
    let tries = game.sent.len();
    assert!((10..100).contains(&tries), "{tries} tries in an hour");

    game.sent.clear();
    game.work();
    assert_eq!(game.sent, [(0, (0, 0))], "one probing request before the flood");
    game.answer(0, Answer::Taken, 0.5);
    game.work();
    assert!(game.queue.in_flight_count() > 1);
    game.run_out();
    let expected: Vec<_> = (0..3000).map(|file| (0, (file, 0))).collect();
    assert_eq!(game.sent, expected, "oldest first, each once");
}

#[test]
fn a_batch_for_two_servers_has_one_position_when_one_of_them_fails_over_it_again_and_again() {
    let mut game = Game::new();
    game.add(&[0, 1]);
    game.work();
    let a_day = Answer::Later(RetryAdvice {
        retry_after: Some(Duration::from_secs(24 * 60 * 60)),
        may_be_the_record: false,
        was_tried: true,
    });
    game.answer_to(game.tag_to(1), a_day, 0.5);
    for _ in 0..3 {
        game.work();
        game.answer_to(game.tag_to(0), later(true), 0.5);
        game.now = game.queue.next_due(game.now).unwrap();
    }
    assert_eq!(game.queue.oldest_waiting().map(|oldest| oldest.put_back), Some(3));
    assert_eq!(game.remove_oldest(), Some(0));
    assert_eq!(game.queue.oldest_waiting(), None, "the disk budget finds no file that it has removed");
    assert!(game.queue.is_idle());
}

#[test]
fn a_record_that_has_to_wait_stays_the_next_one_and_one_that_is_dropped_is_settled() {
    let mut game = Game::new();
    game.add(&[0, 0]);
    assert!(game.read());
    let minute = Duration::from_secs(60);
    for _ in 0..2 {
        let next = game.queue.next_send(game.now, |_| Permission::Wait(minute));
        assert!(matches!(next, NextSend::Wait((0, 0), wait) if wait == minute), "{next:?}");
    }
    assert!(matches!(game.queue.next_send(game.now, |_| Permission::Drop), NextSend::Drop((0, 0))));
    assert_eq!(game.queue.partly_settled(), [(name(0), 0b01)]);
    assert!(matches!(game.queue.next_send(game.now, |_| Permission::Drop), NextSend::Drop((0, 1))));
    assert!(matches!(game.queue.next_send(game.now, |_| Permission::Drop), NextSend::Nothing));
    assert_eq!(game.queue.take_finished(), [name(0)]);
}

#[test]
fn what_is_too_old_goes_once_the_servers_of_all_its_records_failed_since_that_is_known() {
    let mut game = Game::new();
    for servers in [&[0][..], &[1], &[0, 1]] {
        game.add(servers);
    }
    game.work();
    for file in 0..3 {
        game.queue.set_too_old(&name(file));
    }
    assert_eq!(game.queue.take_expired(9), [], "nothing was tried since");
    let local = Answer::Later(RetryAdvice::default());
    game.answer_to(game.tag_to(0), local, 0.5);
    assert_eq!(game.queue.take_expired(9), [], "nor now: no server was asked");
    game.now = game.queue.next_due(game.now).unwrap();
    game.work();
    game.answer_to(game.tag_to(0), later(false), 0.5);
    assert_eq!(game.queue.take_expired(9), [name(0)]);
    assert!(!game.queue.may_have_expired(), "until another request fails");
    game.work();
    game.answer_to(game.tag_to(1), later(false), 0.5);
    assert_eq!(game.queue.take_expired(1), [name(0)]);
    assert!(game.queue.may_have_expired(), "there are more");
    assert_eq!(game.queue.take_expired(9), [name(0), name(1), name(2)]);
    for file in 0..3 {
        game.queue.forget(&name(file));
        game.spool.remove(&file);
    }
    assert!(game.queue.is_idle());
}
