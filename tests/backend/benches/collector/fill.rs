//! A database with the whole fleet in it: 30,000 machines, 35 days up to today, 10 million records.

use std::time::{SystemTime, UNIX_EPOCH};

use telem_collector::fleet::{Delivery, FIRST_DAY, Fleet, FleetPlan};
use telem_collector::record::KeyDigest;
use telem_collector::storage::{Address, Appended, Arrival, Purpose};

const DAY_SECS: i64 = 24 * 60 * 60;

/// Deliveries in one transaction.
const BATCH: usize = 1000;

/// The Unix time.
pub(crate) fn now_secs() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// The number that names a plan's machines on the command line: all of [`FleetPlan::FULL`], or fewer of them.
pub(crate) fn plan(machines: u32) -> FleetPlan {
    FleetPlan { machines, ..FleetPlan::FULL }
}

/// Stores the fleet as if each record came at its time; the records.
pub(crate) fn fill(database: &str, plan: FleetPlan) -> u64 {
    let engine = database.parse::<Address>().unwrap().open().unwrap();
    let mut session = engine.open(Purpose::Append).unwrap();
    let fleet = Fleet::new(plan);
    let now = now_secs();
    let later_secs = later_secs(&plan, now);
    let mut stored = 0;
    for day in 0..plan.days {
        let mut arrivals: Vec<Arrival> =
            fleet.day(day).map(|delivery| arrival(delivery, later_secs)).collect();
        arrivals.retain(|arrival| arrival.received_secs <= now);
        arrivals.sort_by_key(|arrival| arrival.received_secs);
        for batch in arrivals.chunks(BATCH) {
            let appended = session.append(batch).unwrap();
            stored += appended.iter().filter(|one| matches!(one, Appended::Stored { .. })).count() as u64;
        }
        eprint!("\r{database}: day {} of {}, {stored} records ", day + 1, plan.days);
    }
    eprintln!();
    stored
}

/// By how much later the fleet's days are, so that the last of them is today.
fn later_secs(plan: &FleetPlan, now_secs: i64) -> i64 {
    (now_secs.div_euclid(DAY_SECS) - FIRST_DAY - i64::from(plan.days) + 1) * DAY_SECS
}

fn arrival(delivery: Delivery, later_secs: i64) -> Arrival {
    let mut record = delivery.record;
    record.captured_secs = (record.captured_secs + later_secs).clamp(0, now_secs());
    let key = Some(KeyDigest::from_text(&delivery.key));
    Arrival { record, key, received_secs: delivery.received_secs + later_secs, origin: None }
}
