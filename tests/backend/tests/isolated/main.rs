//! A network without a way out, in namespaces: machines in it, a buffer with one address outside, a centre and a standby
//! that fetch from it. All are killed and all wires cut at random; each record that was answered is at the centre once, and at
//! the standby; and nothing inside ever asked for a connection or a name outside.
//!
//! ```text
//!  machines ──── buffer ──── wires ──┬── centre
//!  10.77.1.2     10.77.1.1           └── standby (keeps)
//!                10.77.2.1               10.77.2.2, 10.77.2.3
//! ```
//!
//! Ten seconds, or `TORTURE_SECS`, or three minutes with `TORTURE=full`. It needs root, `ip` and `nft`.

// clippy.toml lets tests panic, but knows no functions that tests share.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod network;
mod party;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use network::{Machines, Network};
use party::{Party, exported};

/// Far beyond what anything takes once all wires are whole.
const DEADLINE: Duration = Duration::from_secs(300);

/// Where the buffer gives records to those who fetch.
const OUTSIDE: &str = "10.77.2.1:8443";

fn seconds() -> u64 {
    let of = |name: &str| std::env::var(name).ok();
    match of("TORTURE_SECS").and_then(|text| text.parse().ok()) {
        Some(seconds) => seconds,
        None if of("TORTURE").as_deref() == Some("full") => 180,
        None => 10,
    }
}

/// Numbers by chance, which one number repeats.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let seed = u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap() | 1;
        println!("isolated: seed {seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// All parties.
struct Parties {
    all: [Party; 3],
}

impl Parties {
    fn start(network: &Network) -> Self {
        let fetch = ["--sync-address", OUTSIDE, "--sync-interval", "1", "--sync-timeout", "2"];
        let listen = |address: &str| ["--listen".to_owned(), address.to_owned()];
        let args = |address: &str, more: &[&str]| {
            listen(address).into_iter().chain(more.iter().map(|word| (*word).to_owned())).collect::<Vec<_>>()
        };
        let buffer = args("10.77.1.1:8080", &["--buffer=true", "--tls-listen", OUTSIDE]);
        let centre = args("127.0.0.1:8080", &fetch);
        let standby = args("127.0.0.1:8080", &[&fetch[..], &["--sync-keep=true"]].concat());
        let all = [("buffer", buffer), ("centre", centre), ("standby", standby)]
            .map(|(name, args)| Party::start(network, name, args));
        let [buffer, centre, standby] = &all;
        let source = format!("{} server={OUTSIDE}", buffer.fingerprint("srv_certificate.pem"));
        centre.trust(std::slice::from_ref(&source));
        standby.trust(&[source]);
        let fetcher = |party: &Party| format!("{} role=fetch", party.fingerprint("cli_certificate.pem"));
        buffer.trust(&[fetcher(centre), fetcher(standby)]);
        // From its first word on, the buffer waits for who keeps.
        let begun = Instant::now();
        while !buffer.status().contains("is waited for") {
            assert!(begun.elapsed() < DEADLINE, "the standby never came: {}", buffer.status());
            std::thread::sleep(Duration::from_millis(200));
        }
        Self { all }
    }
}

/// Kills or cuts something, for a while; says what.
fn break_something(dice: &mut Dice, parties: &mut Parties, network: &Network) -> &'static str {
    let pause = Duration::from_millis(dice.below(1_200));
    match usize::try_from(dice.below(7)).unwrap() {
        number @ 0..3 => {
            let party = &mut parties.all[number];
            party.kill();
            std::thread::sleep(pause);
            party.start_again();
            ["buffer", "centre", "standby"][number]
        }
        number => {
            let wire = ["machines", "buffer", "centre", "standby"][number - 3];
            network.set_wire(wire, false);
            std::thread::sleep(pause);
            network.set_wire(wire, true);
            "wire"
        }
    }
}

/// How often each payload is in a party's database.
fn counted(party: &Party) -> BTreeMap<String, u32> {
    let mut counted = BTreeMap::new();
    for payload in exported(&party.database()) {
        *counted.entry(payload).or_default() += 1;
    }
    counted
}

#[test]
fn each_answered_record_comes_out_once_and_nothing_else_ever_does() {
    let Some(network) = Network::new() else { return };
    let mut parties = Parties::start(&network);
    network.watch();
    let machines = Machines::start(&network, 3);
    let (mut dice, mut broken) = (Dice::new(), BTreeMap::<&str, u32>::new());
    let end = Instant::now() + Duration::from_secs(seconds());
    while Instant::now() < end {
        *broken.entry(break_something(&mut dice, &mut parties, &network)).or_default() += 1;
        std::thread::sleep(Duration::from_millis(dice.below(400)));
    }
    let answered = machines.stop();
    println!("isolated: {} records answered; broken: {broken:?}", answered.len());
    assert!(answered.len() > 10, "{answered:?}");
    // Who waits for a next try tries at its start.
    for party in &mut parties.all[1..] {
        party.kill();
        party.start_again();
    }
    for party in &parties.all[1..] {
        let begun = Instant::now();
        loop {
            let counted = counted(party);
            assert!(counted.values().all(|count| *count == 1), "{}: some are there twice", party.name());
            let missing = answered.iter().filter(|payload| !counted.contains_key(*payload)).count();
            if missing == 0 {
                break;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "{}: {missing} of {} never came",
                party.name(),
                answered.len()
            );
            std::thread::sleep(Duration::from_millis(500));
        }
    }
    let status = parties.all[0].status();
    assert!(!status.contains("Lost"), "nothing was lost: {status}");
    network.check_counters();
}
