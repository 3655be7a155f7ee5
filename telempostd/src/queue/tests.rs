//! Delivery as a game: files come, servers answer as they like, and nothing may ever be lost.

use super::*;
use crate::limits::{IN_FLIGHT, IN_FLIGHT_HTTP_1, IN_FLIGHT_OWN_SERVER};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::time::Duration;
use telemetry_config::{Compression, ServerApi, ServerUrl};

/// A record, known by its file and position.
type Label = (usize, u32);

fn server(n: usize) -> ServerSettings {
    let url = ServerUrl::unchecked(format!("http://server{n}/"));
    let (api, tid_header, compression) = (ServerApi::V2, "T: 1".to_owned(), Compression::Off);
    ServerSettings { url, api, cainfo: None, tid_header, compression }
}

fn name(n: usize) -> FileName {
    FileName::from(OsStr::new(&format!("{n:032x}")))
}

fn setback(may_be_the_record: bool) -> Fate {
    Fate::TryLater(Setback { reason: String::new(), status: None, retry_after: None, may_be_the_record })
}

/// A spool in memory and the delivery that works on it.
struct Game {
    delivery: Delivery<Label>,
    now: Instant,
    /// The server of each record of each file that is in the spool.
    spool: BTreeMap<usize, Vec<usize>>,
    found: usize,
    settled: BTreeSet<Label>,
    /// Every sending, in order.
    sent: Vec<(usize, Label)>,
}

impl Game {
    fn new() -> Self {
        Self {
            delivery: Delivery::new(server(0)),
            now: Instant::now(),
            spool: BTreeMap::new(),
            found: 0,
            settled: BTreeSet::new(),
            sent: Vec::new(),
        }
    }

    fn add(&mut self, servers: &[usize]) {
        self.spool.insert(self.found, servers.to_vec());
        self.delivery.found(name(self.found), self.found as i64);
        self.found += 1;
    }

    fn look_again(&mut self) {
        for file in self.spool.keys() {
            self.delivery.found(name(*file), *file as i64);
        }
    }

    fn work(&mut self) {
        loop {
            match self.delivery.next_step(self.now) {
                Step::Read(place) => {
                    let file = place.modified_ns as usize;
                    let Some(servers) = self.spool.get(&file) else {
                        self.delivery.forget(place.name, place.modified_ns);
                        continue;
                    };
                    let records = (0..).zip(servers).map(|(index, n)| {
                        let route = self.delivery.lane_of(&server(*n)).map_or(Route::Later, Route::To);
                        (route, (file, index))
                    });
                    let records = records.collect();
                    self.delivery.was_read(place, records, self.now);
                }
                Step::Send(tag) => {
                    let sent = self.delivery.sent(tag).unwrap();
                    let label = sent.record;
                    let to = self.spool[&label.0][label.1 as usize];
                    assert_eq!(*sent.server, server(to), "no record goes to another server");
                    assert!(!self.settled.contains(&label), "no settled record is sent again");
                    let twice =
                        |other: &u64| *other != tag && self.delivery.sent(*other).unwrap().record == label;
                    assert!(!self.delivery.tags_in_flight().iter().any(twice), "once in flight is enough");
                    self.sent.push((to, label));
                }
                Step::Nothing => break,
            }
        }
        for file in self.delivery.take_finished() {
            let number = (0..self.found).find(|n| name(*n) == file).unwrap();
            let records = self.spool.remove(&number).unwrap();
            for index in 0..records.len() as u32 {
                assert!(self.settled.contains(&(number, index)), "a file leaves when all of it is settled");
            }
            self.delivery.has_left(file);
        }
        self.check_bounds();
    }

    fn check_bounds(&self) {
        let mut by_server: BTreeMap<String, usize> = BTreeMap::new();
        for tag in self.delivery.tags_in_flight() {
            *by_server.entry(self.delivery.sent(tag).unwrap().server.url.to_string()).or_default() += 1;
        }
        let system = by_server.remove(&server(0).url.to_string()).unwrap_or(0);
        assert!(system <= IN_FLIGHT);
        assert!(by_server.values().all(|count| *count <= IN_FLIGHT_OWN_SERVER));
        assert!(by_server.values().sum::<usize>() <= IN_FLIGHT_OWN_SERVERS);
        let held: usize = self.delivery.lanes.iter().map(|lane| lane.held.len()).sum();
        assert!(held <= crate::limits::HELD + SERVERS * crate::limits::HELD_OWN_SERVER);
    }

    /// Ends one request that is in flight.
    fn answer(&mut self, which: usize, fate: Fate, chance: f64) {
        let mut tags = self.delivery.tags_in_flight();
        tags.sort_unstable();
        if let Some(tag) = tags.get(which.checked_rem(tags.len()).unwrap_or(0)) {
            if matches!(fate, Fate::Settled) {
                self.settled.insert(self.delivery.sent(*tag).unwrap().record);
            }
            self.delivery.settle(*tag, fate, self.now, chance);
        }
    }

    /// Lets all servers work until nothing is left.
    fn run_out(&mut self) {
        for _ in 0..100_000 {
            self.work();
            if self.delivery.in_flight() > 0 {
                self.answer(0, Fate::Settled, 0.5);
            } else if let Some(due) = self.delivery.next_due() {
                assert!(due > self.now, "work that is due is done");
                self.now = due;
            } else if self.spool.is_empty() {
                assert!(self.delivery.is_idle());
                return;
            } else {
                // What found no place among the servers.
                self.look_again();
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
    Pass(u64),
    LookAgain,
    Gone(usize),
}

fn event() -> impl Strategy<Value = Event> {
    // Mostly the system's server, some others, and now and then one of very many.
    let server = prop_oneof![5 => Just(0_usize), 3 => 1..4_usize, 1 => 0..200_usize];
    prop_oneof![
        4 => prop::collection::vec(server, 1..6).prop_map(Event::Add),
        1 => prop::collection::vec(0..2_usize, 64).prop_map(Event::Add),
        5 => any::<usize>().prop_map(Event::Delivered),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(which, record)| Event::Failed(which, record)),
        2 => (0..3000_u64).prop_map(Event::Pass),
        1 => Just(Event::LookAgain),
        1 => any::<usize>().prop_map(Event::Gone),
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
                Event::Delivered(which) => game.answer(which, Fate::Settled, 0.3),
                Event::Failed(which, record) => game.answer(which, setback(record), 0.7),
                Event::Pass(millis) => game.now += Duration::from_millis(millis),
                Event::LookAgain => game.look_again(),
                Event::Gone(which) => {
                    let files: Vec<usize> = game.spool.keys().copied().collect();
                    // Somebody removes a file that is not being dealt with.
                    if let Some(file) = files.get(which.checked_rem(files.len()).unwrap_or(0))
                        && !game.delivery.is_open(&name(*file))
                    {
                        game.spool.remove(file);
                        gone.insert(*file);
                    }
                }
            }
            game.work();
        }
        game.run_out();
        for file in 0..game.found {
            prop_assert!(gone.contains(&file) || game.settled.contains(&(file, 0)));
        }
        prop_assert!(game.delivery.marks.is_empty() && game.delivery.open.is_empty());
    }

    #[test]
    fn each_servers_records_go_in_their_order(
        files in prop::collection::vec(prop::collection::vec(0..4_usize, 1..10), 1..60),
    ) {
        let mut game = Game::new();
        // Found in any order, as a look at a directory gives them.
        for (n, servers) in files.iter().enumerate().rev() {
            game.spool.insert(n, servers.clone());
            game.delivery.found(name(n), n as i64);
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
fn a_server_that_is_down_holds_up_no_other() {
    let mut game = Game::new();
    for _ in 0..500 {
        game.add(&[0]);
    }
    game.add(&[1]);
    game.work();
    assert_eq!(game.sent, [(0, (0, 0)), (1, (500, 0))], "one request finds out");
    game.answer(0, setback(false), 0.5);
    game.answer(0, Fate::Settled, 0.5);
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
    for (is_multiplexed, most) in [(false, IN_FLIGHT_HTTP_1), (true, IN_FLIGHT), (false, IN_FLIGHT_HTTP_1)] {
        game.work();
        let tag = game.delivery.tags_in_flight()[0];
        game.delivery.answered(tag, is_multiplexed);
        while game.delivery.in_flight() > most {
            game.answer(0, Fate::Settled, 0.5);
        }
        game.answer(0, Fate::Settled, 0.5);
        game.work();
        assert_eq!(game.delivery.in_flight(), most);
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
        let tags = game.delivery.tags_in_flight();
        match tags.first() {
            Some(tag) if game.delivery.sent(*tag).unwrap().record == poison => {
                game.delivery.settle(*tag, setback(true), game.now, 0.5);
            }
            Some(tag) => {
                game.settled.insert(game.delivery.sent(*tag).unwrap().record);
                game.delivery.settle(*tag, Fate::Settled, game.now, 0.5);
            }
            None if game.settled.len() == 99 => return,
            None => game.now = game.delivery.next_due().unwrap(),
        }
    }
    panic!("{} of 99 came through", game.settled.len());
}

#[test]
fn what_is_left_of_a_file_is_known() {
    let mut game = Game::new();
    game.add(&[0, 0, 0]);
    game.work();
    game.answer(0, Fate::Settled, 0.5);
    assert_eq!(game.delivery.partly_settled(), [(name(0), 0b001)]);
    game.work();
    game.answer(1, Fate::Settled, 0.5);
    game.answer(0, setback(false), 0.5);
    assert_eq!(game.delivery.partly_settled(), [(name(0), 0b101)]);
    game.run_out();
    assert_eq!(game.delivery.partly_settled(), []);
    assert_eq!(game.sent.len(), 4);
}

#[test]
fn records_for_one_server_too_many_wait_for_a_place() {
    let mut game = Game::new();
    for n in 0..2 * SERVERS {
        game.add(&[n]);
    }
    game.work();
    assert_eq!(game.delivery.lanes.len(), SERVERS);
    game.run_out();
    assert_eq!(game.settled.len(), 2 * SERVERS);
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
        assert_eq!(game.delivery.in_flight(), 1, "one request finds out, whatever waits");
        assert_eq!(game.sent.last(), Some(&(0, (0, 0))), "it is the oldest");
        game.answer(0, setback(false), chances.next().unwrap());
        game.work();
        assert_eq!(game.delivery.in_flight(), 0, "nothing leaves before its time");
        game.now = game.delivery.next_due().unwrap();
    }
    let tries = game.sent.len();
    assert!((10..100).contains(&tries), "{tries} tries in an hour");

    game.sent.clear();
    game.work();
    assert_eq!(game.sent, [(0, (0, 0))], "one probing request before the flood");
    game.answer(0, Fate::Settled, 0.5);
    game.work();
    assert!(game.delivery.in_flight() > 1);
    game.run_out();
    let expected: Vec<_> = (0..3000).map(|file| (0, (file, 0))).collect();
    assert_eq!(game.sent, expected, "oldest first, each once");
}
