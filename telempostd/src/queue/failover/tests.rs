use super::*;
use proptest::prelude::*;

const AFTER: Duration = Duration::from_secs(60);
const BACK: Duration = Duration::from_secs(300);
const SECOND: Duration = Duration::from_secs(1);

/// A list of servers that are up or down, and records that are sent one after the other.
struct Game {
    failover: Failover,
    start: Instant,
    now: Instant,
    is_up: Vec<bool>,
    retry_after: Option<Duration>,
    /// When, where, and whether it was a probe.
    sent: Vec<(u64, usize, bool)>,
}

impl Game {
    fn new(count: usize) -> Self {
        let (start, rules) = (Instant::now(), FailoverRules { after: AFTER, back: BACK });
        let failover = Failover::new(count, rules);
        Self { failover, start, now: start, is_up: vec![true; count], retry_after: None, sent: Vec::new() }
    }

    /// A record is due; it is sent if it may be. Returns where to.
    fn record(&mut self) -> Option<usize> {
        let may_be_sent = self.failover.is_probe_due(self.now)
            || matches!(self.failover.allowance(self.now), Allowance::One | Allowance::Many);
        if !may_be_sent {
            return None;
        }
        let sent = self.failover.note_request(self.now);
        self.sent.push(((self.now - self.start).as_secs(), sent.server, sent.is_probe));
        if self.is_up[sent.server] {
            self.failover.note_success(sent, self.now);
        } else {
            self.failover.note_failure(sent, self.retry_after, true, self.now, 1.0);
        }
        Some(sent.server)
    }

    /// A record is due each second, for so long.
    fn pass(&mut self, secs: u64) {
        for _ in 0..secs {
            self.record();
            self.now += SECOND;
        }
    }

    fn active(&self) -> usize {
        self.failover.active
    }
}

#[test]
fn the_table() {
    type Step = fn(&mut Game);
    let down_for_long: Step = |game| {
        game.is_up[0] = false;
        game.pass(90);
    };
    let rows: [(&str, usize, &[Step], usize); 13] = [
        ("taken: nothing changes", 3, &[|game| game.pass(4000)], 0),
        (
            "a failure of less than failover_after",
            3,
            &[|game| {
                game.is_up[0] = false;
                game.pass(59);
            }],
            0,
        ),
        (
            "a success turns the clock off",
            2,
            &[|game| {
                game.is_up[0] = false;
                game.pass(20);
                game.is_up[0] = true;
                game.pass(60);
                game.is_up[0] = false;
                game.pass(59);
            }],
            0,
        ),
        ("failed for failover_after", 3, &[down_for_long], 1),
        (
            "and the next one too",
            3,
            &[|game| {
                game.is_up = vec![false, false, true];
                game.pass(200);
            }],
            2,
        ),
        (
            "one failure is no two, however long ago",
            2,
            &[|game| {
                game.is_up[0] = false;
                game.pass(1);
                game.now += AFTER;
                game.is_up[0] = true;
                game.record();
            }],
            0,
        ),
        (
            "a longer Retry-After",
            2,
            &[|game| {
                game.is_up[0] = false;
                game.retry_after = Some(AFTER + SECOND);
                game.pass(2);
            }],
            1,
        ),
        (
            "a shorter one",
            2,
            &[|game| {
                game.is_up[0] = false;
                game.retry_after = Some(AFTER);
                game.pass(2);
            }],
            0,
        ),
        (
            "three probes in less than failback_after",
            2,
            &[down_for_long, |game| {
                game.is_up[0] = true;
                game.pass(290);
            }],
            1,
        ),
        (
            "three probes over failback_after",
            2,
            &[down_for_long, |game| {
                game.is_up[0] = true;
                game.pass(500);
            }],
            0,
        ),
        (
            "a failure between the probes",
            2,
            &[down_for_long, |game| {
                game.is_up[0] = true;
                game.pass(200);
                game.is_up[0] = false;
                game.pass(61);
                game.is_up[0] = true;
                game.pass(300);
            }],
            1,
        ),
        (
            "nothing to send for an hour",
            2,
            &[down_for_long, |game| {
                game.is_up[0] = true;
                game.now += FORGOTTEN_AFTER;
                assert_eq!(game.record(), Some(0));
            }],
            0,
        ),
        (
            "in 59 minutes nothing is forgotten",
            2,
            &[down_for_long, |game| {
                game.is_up = vec![false, true];
                game.now += FORGOTTEN_AFTER - 60 * SECOND;
                game.pass(3);
            }],
            1,
        ),
    ];
    for (name, servers, steps, active) in rows {
        let mut game = Game::new(servers);
        steps.iter().for_each(|step| step(&mut game));
        assert_eq!(
            game.active(),
            active,
            "{name}: {:?}",
            game.sent.iter().rev().take(20).collect::<Vec<_>>()
        );
    }
}

#[test]
fn where_all_wait_the_first_whose_wait_ends_is_tried() {
    let mut game = Game::new(3);
    game.is_up = vec![false; 3];
    game.pass(3000);
    for server in 0..3 {
        assert!(
            game.sent.iter().filter(|(secs, to, _)| *secs > 1000 && *to == server).count() > 2,
            "{server}"
        );
    }
    game.is_up[2] = true;
    game.pass(400);
    assert_eq!(game.active(), 2);
    assert_eq!(game.record(), Some(2));
}

#[test]
fn a_probe_goes_once_a_minute_and_all_else_to_the_active_one() {
    let mut game = Game::new(2);
    game.is_up[0] = false;
    game.pass(90);
    game.is_up[0] = true;
    game.sent.clear();
    game.pass(240);
    let probes: Vec<_> = game.sent.iter().filter(|(_, _, is_probe)| *is_probe).collect();
    assert!(probes.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 60) && probes.len() >= 3, "{probes:?}");
    assert!(game.sent.iter().all(|(_, to, is_probe)| *is_probe == (*to == 0)));
}

#[test]
fn what_is_known_is_kept_and_of_another_list_is_not() {
    let mut game = Game::new(2);
    game.is_up[0] = false;
    game.pass(90);
    assert_eq!(game.failover.take_change(), Some(ServerChange { from: 0, to: 1 }));
    let memory = game.failover.memory();
    let mut other = Failover::new(2, game.failover.rules);
    other.restore(&memory);
    assert_eq!((other.memory(), other.active), (memory.clone(), 1));
    let mut longer = Failover::new(3, game.failover.rules);
    longer.restore(&memory);
    assert_eq!(longer.active, 0);
}

proptest! {
    #[test]
    fn whatever_happens_a_server_that_is_up_is_found_and_waits_are_kept(
        events in prop::collection::vec((0..4_usize, any::<bool>(), 1..200_u64), 0..12),
        count in 1..5_usize,
        last in 0..4_usize,
    ) {
        let mut game = Game::new(count);
        for (server, is_up, secs) in events {
            if let Some(state) = game.is_up.get_mut(server) {
                *state = is_up;
            }
            for _ in 0..secs {
                let before = game.failover.clone();
                let waits: Vec<_> = (0..count).map(|server| before.allowance_of(server, game.now)).collect();
                if let Some(to) = game.record() {
                    prop_assert!(!matches!(waits[to], Allowance::None | Allowance::OneSent));
                    prop_assert!(to <= before.active || before.is_given_up(game.now));
                } else {
                    // Somebody says when it goes on, and that is not now.
                    prop_assert!(game.failover.wait_end(game.now).is_some_and(|end| end > game.now));
                }
                game.now += SECOND;
            }
        }
        game.is_up = (0..count).map(|server| server == last % count).collect();
        game.pass(1500);
        game.sent.clear();
        game.pass(60);
        let taken = game.sent.iter().filter(|(_, to, _)| game.is_up[*to]).count();
        prop_assert!(taken >= 55, "{taken} {:?}", game.sent);
    }
}

proptest! {
    /// Chance chooses for each machine a time from a half to one and a half of `failback_after`; it is that time that a server has
    /// to work for, and not a probe more.
    #[test]
    fn an_earlier_server_is_back_after_the_time_that_chance_chose(per_mille in 500_u32..=1500) {
        let back = BACK * per_mille / 1000;
        let mut game = Game::new(2);
        game.failover = Failover::new(2, FailoverRules { after: AFTER, back });
        game.is_up[0] = false;
        game.pass(90);
        prop_assert_eq!(game.active(), 1);
        game.is_up[0] = true;
        let before = game.sent.len();
        while game.active() == 1 {
            game.pass(1);
            prop_assert!(game.sent.len() < before + 2000, "it never comes back");
        }
        let probes: Vec<u64> =
            game.sent[before..].iter().filter(|(_, _, is_probe)| *is_probe).map(|(secs, ..)| *secs).collect();
        let took = Duration::from_secs(probes[probes.len() - 1] - probes[0]);
        let least = back.max(PROBE_INTERVAL * (PROBES - 1));
        prop_assert!((least..least + PROBE_INTERVAL).contains(&took), "{:?} of {:?}", took, back);
    }
}
