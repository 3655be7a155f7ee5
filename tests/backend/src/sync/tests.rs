//! Buffer and centre, on either engine, without a network between them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::answer::{AnswerFault, Batch, read_answer};
use super::buffer::{Buffer, BufferError, WhenFull};
use super::buffer_engine::BufferEngine;
use super::losses::{MAX_LOSSES, losses};
use super::message::{ConfirmRequest, LeaseRequest, VERSION};
use super::report::{release, report};
use super::states::{ensure, states};
use super::take::{Taken, take};
use super::wire::Losses;
use crate::filter::Filter;
use crate::record::IdempotencyKey;
use crate::storage::postgres::Postgres;
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::test_server::Cluster;
use crate::storage::tests::arrival;
use crate::storage::{Appended, Arrival, Engine, Origin, Purpose, Session, StorageError, Write, one};
use crate::timestamp::now_secs;
use crate::trust::Shown;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const HOUR: i64 = 60 * 60;

fn memory() -> Arc<dyn Engine> {
    Arc::new(Sqlite::open(Path::new(MEMORY)).unwrap())
}

fn postgres() -> Arc<dyn Engine> {
    let cluster = Cluster::shared();
    Arc::new(Postgres::open(&cluster.url(&cluster.database()).parse().unwrap()).unwrap())
}

/// A record with a key, as it is posted.
fn posted(key: &str) -> Arrival {
    let key = IdempotencyKey::new(key).unwrap();
    let digest = Some(key.digest());
    let origin = Some(Box::new(Origin { key: Some(key), via: vec![] }));
    let mut whole = arrival("a/b/c", 1, None);
    whole.record.board_name = Some("board".to_owned());
    whole.record.event_id = Some("0123456789abcdef0123456789abcdef".to_owned());
    Arrival { key: digest, origin, received_secs: now_secs(), ..whole }
}

/// A buffer with room for so many bytes, and a session that fills it.
fn buffer(engine: Arc<dyn Engine>, max_bytes: u64, when_full: WhenFull) -> (Buffer, Box<dyn Session>) {
    let buffer = Buffer::new(engine, max_bytes, HOUR, when_full);
    let session = BufferEngine(buffer.clone()).open(Purpose::Append).unwrap();
    (buffer, session)
}

fn fill(session: &mut dyn Session, keys: std::ops::Range<u32>) {
    let arrivals: Vec<Arrival> = keys.map(|number| posted(&format!("key-{number}"))).collect();
    let appended = session.append(&arrivals).unwrap();
    assert!(appended.iter().all(|appended| matches!(appended, Appended::Stored { .. })));
}

fn request(fetcher: &str, keep: bool, max_records: u64) -> LeaseRequest {
    let fetcher = fetcher.to_owned();
    LeaseRequest {
        version: VERSION,
        fetcher,
        keep,
        max_records,
        max_bytes: 1 << 20,
        lease_secs: 300,
        anew: false,
    }
}

fn lease(buffer: &Buffer, fetcher: &str, max_records: u64) -> Batch {
    let body = buffer.lease(&request(fetcher, false, max_records), Shown::PLAIN).unwrap();
    read_answer(&body, max_records).unwrap()
}

/// A batch of one record, to which tests give losses.
fn batch_of_one(inner: Arc<dyn Engine>) -> Batch {
    let (buffer, mut session) = buffer(inner, 1 << 20, WhenFull::Refuse);
    fill(&mut *session, 0..1);
    lease(&buffer, A, 10)
}

fn confirmation(fetcher: &str, batch: &Batch) -> ConfirmRequest {
    let lease = batch.head.lease.clone().unwrap();
    ConfirmRequest { fetcher: fetcher.to_owned(), lease, sha256: Some(batch.sha256.clone()) }
}

fn confirm(buffer: &Buffer, fetcher: &str, batch: &Batch) -> Result<u64, BufferError> {
    buffer.confirm(&confirmation(fetcher, batch)).map(|(freed, _)| freed)
}

fn take_at(centre: &dyn Engine, batch: &Batch) -> Taken {
    let mut session = centre.open(Purpose::Append).unwrap();
    session.write(&mut |sql| ensure(sql, "source")).unwrap();
    take(&mut *session, "source", batch, now_secs(), false).unwrap()
}

fn stored(centre: &dyn Engine) -> usize {
    centre.open(Purpose::Query).unwrap().query(&Filter::all(1000), now_secs()).unwrap().len()
}

fn execute(engine: &dyn Engine, statement: &str) {
    let mut session = engine.open(Purpose::Maintain).unwrap();
    session.write(&mut |sql: &mut dyn Write| sql.execute(statement, &[]).map(drop)).unwrap();
}

/// Totals agree with the rows.
fn check_totals(engine: &dyn Engine) {
    let mut session = engine.open(Purpose::Maintain).unwrap();
    let query = "SELECT records, bytes, kept_bytes, \
        (SELECT count(*) FROM buffer_items WHERE kind = 'record' AND freed = 0), \
        (SELECT CAST(coalesce(sum(bytes), 0) AS bigint) FROM buffer_items WHERE kind = 'record' AND freed = 0), \
        (SELECT CAST(coalesce(sum(bytes), 0) AS bigint) FROM buffer_items WHERE kind = 'record' AND freed = 1) \
        FROM sync_self";
    let mut row = one(&mut *session, query, &[]).unwrap();
    let all: Vec<i64> = (0..6).map(|_| row.int().unwrap()).collect();
    assert_eq!(all[..3], all[3..]);
}

fn on_each(test: impl Fn(Arc<dyn Engine>, Arc<dyn Engine>)) {
    test(memory(), memory());
    test(postgres(), postgres());
}

#[test]
fn a_record_is_at_the_centre_once_whatever_comes_twice() {
    on_each(|inner, centre| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..7);
        // A client that posts again gets its answer, and nothing waits twice.
        let again = session.append(&[posted("key-3")]).unwrap();
        assert!(matches!(again[..], [Appended::Purged { .. }]));
        let first = lease(&buffer, A, 5);
        assert_eq!((first.items.len(), first.head.waiting.records), (5, 7));
        assert_eq!(take_at(&*centre, &first), Taken { records: 5, ..Taken::default() });
        // The confirmation is lost; the lease given back; all of it comes again.
        let back = ConfirmRequest { sha256: None, ..confirmation(A, &first) };
        assert_eq!(buffer.confirm(&back).unwrap().0, 0);
        assert_eq!(confirm(&buffer, A, &first), Err(BufferError::UnknownLease));
        let (second, third) = (lease(&buffer, A, 5), lease(&buffer, A, 5));
        assert_eq!(take_at(&*centre, &third), Taken { records: 2, ..Taken::default() });
        assert_eq!(take_at(&*centre, &second), Taken { known: 5, ..Taken::default() });
        assert_eq!((confirm(&buffer, A, &third), confirm(&buffer, A, &second)), (Ok(2), Ok(5)));
        assert_eq!(confirm(&buffer, A, &second), Ok(5), "twice is once");
        let last = lease(&buffer, A, 5);
        assert_eq!((last.head.lease.as_ref(), last.head.waiting.records), (None, 0));
        assert_eq!(stored(&*centre), 7);
        // One that was posted directly is the same record.
        let mut direct = centre.open(Purpose::Append).unwrap();
        let known = direct.append(&[posted("key-6")]).unwrap();
        assert!(matches!(known[..], [Appended::Known(_)]), "{known:?}");
        check_totals(&*inner);
    });
}

#[test]
fn what_was_purged_at_the_centre_does_not_come_again() {
    on_each(|inner, centre| {
        let (buffer, mut session) = buffer(inner, 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..3);
        let batch = lease(&buffer, A, 5);
        assert_eq!(take_at(&*centre, &batch).records, 3);
        execute(&*centre, "DELETE FROM records");
        assert_eq!(take_at(&*centre, &batch), Taken { known: 3, ..Taken::default() });
        assert_eq!(stored(&*centre), 0);
    });
}

#[test]
fn a_confirmation_that_is_not_right_frees_nothing() {
    on_each(|inner, _| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..3);
        let batch = lease(&buffer, A, 2);
        let good = confirmation(A, &batch);
        for (request, error) in [
            (ConfirmRequest { sha256: Some("0".repeat(64)), ..good.clone() }, BufferError::Digest),
            (ConfirmRequest { fetcher: B.to_owned(), ..good.clone() }, BufferError::UnknownLease),
            (ConfirmRequest { lease: B.to_owned(), ..good.clone() }, BufferError::UnknownLease),
        ] {
            assert_eq!(buffer.confirm(&request), Err(error), "{request:?}");
        }
        buffer.leases().expire(Duration::MAX);
        assert_eq!(buffer.confirm(&good), Err(BufferError::ExpiredLease));
        assert_eq!(lease(&buffer, A, 5).items.len(), 3, "all of it comes again");
        assert_eq!(lease(&buffer, A, 5).head.lease, None);
        check_totals(&*inner);
    });
}

#[test]
fn a_second_fetcher_is_refused_until_the_first_is_silent_for_a_day() {
    on_each(|inner, _| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..3);
        let batch = lease(&buffer, A, 1);
        assert_eq!(confirm(&buffer, A, &batch), Ok(1));
        let other = || buffer.lease(&request(B, false, 1), Shown::PLAIN);
        assert_eq!(other(), Err(BufferError::OtherFetcher(A.to_owned())));
        // A clock that was set back makes it a day from now, not fifty years.
        execute(&*inner, "UPDATE sync_self SET freed_secs = freed_secs + 1600000000");
        assert_eq!(other(), Err(BufferError::OtherFetcher(A.to_owned())));
        execute(&*inner, "UPDATE sync_self SET freed_secs = freed_secs - 86401");
        assert!(other().is_ok());
    });
}

#[test]
fn who_is_full_refuses_or_counts_what_it_drops() {
    on_each(|inner, _| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 4000, WhenFull::Refuse);
        let mut taken = 0;
        let error = loop {
            match session.append(&[posted(&format!("key-{taken}"))]) {
                Ok(_) => taken += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error, StorageError::Full);
        assert!(taken > 1, "{taken}");
        let batch = lease(&buffer, A, 1);
        assert_eq!(confirm(&buffer, A, &batch), Ok(1));
        assert!(session.append(&[posted("one-more")]).is_err() || taken > 0);
        check_totals(&*inner);
    });
    on_each(|inner, _| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 4000, WhenFull::DropOldest);
        fill(&mut *session, 0..2);
        let leased = lease(&buffer, A, 1);
        for number in 10..30 {
            session.append(&[posted(&format!("key-{number}"))]).unwrap();
        }
        check_totals(&*inner);
        assert_eq!(confirm(&buffer, A, &leased), Ok(1), "what somebody has is not dropped");
        let rest = lease(&buffer, A, 100);
        let [lost] = &rest.head.losses[..] else { panic!("{rest:?}") };
        assert_eq!(lost.buffer, rest.head.buffer);
        assert_eq!(lost.dropped as usize + rest.items.len() + 1, 22);
        assert!(matches!(
            session.append(&[Arrival { record: large(), ..posted("x") }]),
            Err(StorageError::Full)
        ));
        check_totals(&*inner);
    });
}

fn large() -> crate::record::Record {
    crate::record::Record { payload: "x".repeat(5000), ..arrival("a/b/c", 1, None).record }
}

#[test]
fn keepers_are_waited_for_and_the_silent_ones_are_not() {
    on_each(|inner, _| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..4);
        let keep = |max| {
            let body = buffer.lease(&request(B, true, max), Shown::PLAIN).unwrap();
            read_answer(&body, max).unwrap()
        };
        let kept = keep(2);
        let freed = lease(&buffer, A, 4);
        assert_eq!(freed.items.len(), 4, "a keeper takes nothing from others");
        assert_eq!(confirm(&buffer, A, &freed), Ok(4));
        assert_eq!(lease(&buffer, A, 4).head.lease, None, "freed is freed");
        check_totals(&*inner);
        let later = keep(4);
        assert_eq!(later.items.len(), 2);
        confirm(&buffer, B, &later).unwrap();
        confirm(&buffer, B, &kept).unwrap();
        assert_eq!(keep(4).head.lease, None);
        let left = |engine: &dyn Engine| {
            let mut session = engine.open(Purpose::Maintain).unwrap();
            one(&mut *session, "SELECT count(*) FROM buffer_items", &[]).unwrap().int().unwrap()
        };
        assert_eq!(left(&*inner), 0);
        check_totals(&*inner);
        execute(&*inner, "UPDATE buffer_keepers SET seen = seen - 604801");
        fill(&mut *session, 10..12);
        let batch = lease(&buffer, A, 4);
        confirm(&buffer, A, &batch).unwrap();
        assert_eq!(left(&*inner), 0, "a keeper that is silent for a week is not waited for");
    });
}

#[test]
fn bad_items_are_counted_once_and_hold_up_nothing() {
    on_each(|inner, centre| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..4);
        let own = {
            let mut session = centre.open(Purpose::Maintain).unwrap();
            super::buffer::own_id(&mut *session).unwrap()
        };
        let nine = [A; 8].join(" ");
        for (at, change) in [
            (0, format!("via = '{own}'")),
            (1, format!("via = '{nine}'")),
            (2, "body = '{\"severity\":\"9\"}'".to_owned()),
        ] {
            execute(&*inner, &format!("UPDATE buffer_items SET {change} WHERE key = 'key-{at}'"));
        }
        let batch = lease(&buffer, A, 10);
        assert_eq!(take_at(&*centre, &batch), Taken { records: 1, invalid: 3, ..Taken::default() });
        assert_eq!(take_at(&*centre, &batch).invalid, 0, "the same again");
        let mut session = centre.open(Purpose::Maintain).unwrap();
        let totals = losses(&mut *session).unwrap();
        assert_eq!(totals, [Losses { buffer: own, invalid: 3, ..Losses::default() }]);
        let state = states(&mut *session).unwrap().pop().unwrap();
        assert_eq!((state.records, state.invalid), (1, 3));
    });
}

#[test]
fn totals_of_losses_are_maxima() {
    on_each(|inner, centre| {
        let mut batch = batch_of_one(inner);
        for (dropped, expired) in [(3, 1), (2, 5), (3, 5)] {
            batch.head.losses = vec![Losses { buffer: A.to_owned(), dropped, expired, invalid: 0 }];
            take_at(&*centre, &batch);
        }
        let mut session = centre.open(Purpose::Maintain).unwrap();
        let expected = Losses { buffer: A.to_owned(), dropped: 3, expired: 5, invalid: 0 };
        assert_eq!(losses(&mut *session).unwrap(), [expected]);
    });
}

#[test]
fn of_what_was_lost_here_nobody_else_says_anything() {
    on_each(|inner, centre| {
        let mut own = centre.open(Purpose::Maintain).unwrap();
        let own_id = super::buffer::own_id(&mut *own).unwrap();
        let mut batch = batch_of_one(inner);
        batch.head.losses =
            [own_id, B.to_owned()].map(|buffer| Losses { buffer, dropped: 7, ..Losses::default() }).to_vec();
        take_at(&*centre, &batch);
        let expected = Losses { buffer: B.to_owned(), dropped: 7, ..Losses::default() };
        assert_eq!(losses(&mut *own).unwrap(), [expected]);
    });
}

/// Whoever makes up ids of buffers fills no database with their losses, and hides none that are known.
#[test]
fn losses_of_a_thousand_buffers_are_kept_and_go_on_being_counted() {
    on_each(|inner, centre| {
        let mut batch = batch_of_one(inner);
        let of = |buffer: String, dropped| Losses { buffer, dropped, ..Losses::default() };
        batch.head.losses = vec![of(B.to_owned(), 1)];
        take_at(&*centre, &batch);
        for round in 0..3_u32 {
            batch.head.losses =
                (0..900_u32).map(|number| of(format!("{round:02x}{number:030x}"), 1)).collect();
            batch.head.losses.push(of(B.to_owned(), u64::from(round) + 2));
            take_at(&*centre, &batch);
        }
        let mut own = centre.open(Purpose::Maintain).unwrap();
        let rows = one(&mut *own, "SELECT count(*) FROM sync_losses", &[]).unwrap().int().unwrap();
        // One row is the collector's own.
        assert_eq!(usize::try_from(rows).unwrap(), MAX_LOSSES - 1);
        let totals = losses(&mut *own).unwrap();
        assert_eq!(totals.iter().find(|losses| losses.buffer == B).unwrap().dropped, 4);
    });
}

#[test]
fn who_makes_up_ids_of_keepers_is_refused_at_sixty_four() {
    on_each(|inner, _| {
        let (buffer, _) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        let greet = |number: u32| buffer.lease(&request(&format!("{number:032x}"), true, 1), Shown::PLAIN);
        for number in 0..64 {
            greet(number).unwrap();
        }
        assert_eq!(greet(64), Err(BufferError::TooManyLeases));
        assert!(greet(5).is_ok(), "one that is known");
        execute(&*inner, "UPDATE buffer_keepers SET seen = 1");
        assert!(greet(64).is_ok(), "the others have been silent for a week");
    });
}

#[test]
fn what_a_buffer_gives_is_taken_by_a_buffer_and_the_way_is_kept() {
    let (inner, middle, centre) = (memory(), memory(), memory());
    let (first, mut session) = buffer(inner, 1 << 20, WhenFull::Refuse);
    let (second, _) = buffer(middle, 1 << 20, WhenFull::Refuse);
    fill(&mut *session, 0..3);
    let batch = lease(&first, A, 10);
    assert_eq!(take_at(&BufferEngine(second.clone()), &batch).records, 3);
    let onward = lease(&second, B, 10);
    assert_eq!(take_at(&*centre, &onward).records, 3);
    let text = format!("{:?}", onward.items);
    let via = format!("via: [{:?}, {:?}]", batch.head.buffer, onward.head.buffer);
    assert_eq!(text.matches(&via).count(), 3, "{text}");
}

#[test]
fn a_batch_is_taken_whole_or_not_at_all() {
    let (buffer, mut session) = buffer(memory(), 1 << 20, WhenFull::Refuse);
    fill(&mut *session, 0..3);
    let body = buffer.lease(&request(A, false, 10), Shown::PLAIN).unwrap();
    for cut in 0..body.len() {
        assert!(read_answer(&body[..cut], 10).is_err(), "cut at {cut}");
        let mut other = body.clone();
        other[cut] ^= 1;
        assert!(read_answer(&other, 10).is_err(), "another byte at {cut}");
    }
    assert_eq!(read_answer(&body, 2), Err(AnswerFault::Count), "more than was asked for");
    assert_eq!(read_answer(&[&body[..], b"{}\n"].concat(), 10), Err(AnswerFault::Behind));
    let long = [&b"{\"version\":1,\"x\":\""[..], &vec![b'x'; 8 << 20]].concat();
    assert_eq!(read_answer(&long, 10), Err(AnswerFault::Long));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_answer(&bytes, 10);
    }

    /// Whatever breaks in whatever order, each record is at the centre once, or waits.
    #[test]
    fn nothing_is_lost_or_doubled(steps in prop::collection::vec((0..8_u8, 1..4_u64), 1..60)) {
        let (inner, centre) = (memory(), memory());
        let (mut own, mut session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        let (mut posted_keys, mut open): (u32, Vec<Batch>) = (0, Vec::new());
        for (step, number) in steps {
            match step {
                0 | 1 => {
                    fill(&mut *session, posted_keys..posted_keys + number as u32);
                    posted_keys += number as u32;
                }
                2 | 3 => if let Ok(body) = own.lease(&request(A, false, number), Shown::PLAIN) {
                    let batch = read_answer(&body, number).unwrap();
                    open.extend(batch.head.lease.is_some().then_some(batch));
                },
                4 => for batch in &open { take_at(&*centre, batch); },
                5 => for batch in open.drain(..) {
                    // Confirmed only after it is stored, as a fetcher does.
                    take_at(&*centre, &batch);
                    let _ = confirm(&own, A, &batch);
                },
                6 => own.leases().expire(Duration::MAX),
                // The buffer is killed and starts again: its leases are gone.
                _ => (own, session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse),
            }
        }
        own.leases().expire(Duration::MAX);
        let waits = read_answer(&own.lease(&request(A, false, 10_000), Shown::PLAIN).unwrap(), 10_000).unwrap();
        take_at(&*centre, &waits);
        prop_assert_eq!(stored(&*centre), posted_keys as usize);
        check_totals(&*inner);
    }
}

#[test]
fn sequences_grow_over_all_sessions() {
    on_each(|inner, _| {
        let (buffer, mut one) = buffer(inner, 1 << 20, WhenFull::Refuse);
        let mut two = BufferEngine(buffer.clone()).open(Purpose::Append).unwrap();
        let mut seen = BTreeSet::new();
        for number in 0..6 {
            let session = if number % 2 == 0 { &mut one } else { &mut two };
            let appended = session.append(&[posted(&number.to_string())]).unwrap();
            let [Appended::Stored { id }] = appended[..] else { panic!("{appended:?}") };
            assert!(seen.last().is_none_or(|last| *last < id));
            seen.insert(id);
        }
        let batch = lease(&buffer, A, 10);
        assert_eq!(batch.head.last_seq, *seen.last().unwrap());
    });
}

#[test]
fn a_request_to_forget_travels_through_a_buffer_and_is_checked_at_the_centre() {
    use crate::forget::{Begun, Preimage, begin, forget_now};
    on_each(|inner, centre| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        let preimage = Preimage::parse(&"5a".repeat(32)).unwrap();
        let own = |key: &str| {
            let mut own = posted(key);
            own.record.machine_id = preimage.machine_id();
            own
        };
        session.append(&[own("a"), posted("other")]).unwrap();
        let first = lease(&buffer, A, 1);
        assert_eq!(take_at(&*centre, &first).records, 1, "it is at the centre already");
        session.append(&[own("b")]).unwrap();
        let mut maintenance = inner.open(Purpose::Maintain).unwrap();
        assert_eq!(begin(&mut *maintenance, &[preimage], true, now_secs()).unwrap(), Begun::Yes);
        let until = std::time::Instant::now() + Duration::from_secs(60);
        assert_eq!(forget_now(&*inner, None, until).unwrap(), 2, "leased or not");
        let late = session.append(&[own("c")]).unwrap();
        assert!(matches!(late[..], [Appended::Forgotten]), "{late:?}");
        assert_eq!(confirm(&buffer, A, &first), Ok(1));
        let rest = lease(&buffer, A, 10);
        assert_eq!(rest.items.len(), 2, "the other record, and the request");
        assert_eq!(take_at(&*centre, &rest).records, 1);
        forget_now(&*centre, None, until).unwrap();
        assert_eq!(stored(&*centre), 1);
        check_totals(&*inner);
    });
}

#[test]
fn a_fetcher_that_was_killed_has_what_it_leased_at_once_again() {
    on_each(|inner, centre| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..6);
        let [one, two] = [lease(&buffer, A, 2), lease(&buffer, A, 2)];
        take_at(&*centre, &two);
        let other = lease(&buffer, B, 1);
        assert_eq!(
            buffer.lease(&request(A, false, 2), Shown::PLAIN),
            Err(BufferError::TooManyLeases),
            "two are in flight"
        );
        let anew = LeaseRequest { anew: true, ..request(A, false, 10) };
        let all = read_answer(&buffer.lease(&anew, Shown::PLAIN).unwrap(), 10).unwrap();
        assert_eq!(all.items.len(), 5, "all but what another has");
        assert_eq!(confirm(&buffer, A, &one), Err(BufferError::ExpiredLease));
        assert_eq!(take_at(&*centre, &all), Taken { records: 3, known: 2, ..Taken::default() });
        assert_eq!((confirm(&buffer, B, &other), confirm(&buffer, A, &all)), (Ok(1), Ok(5)));
        check_totals(&*inner);
    });
}

#[test]
fn another_may_free_once_the_first_is_released_by_hand() {
    on_each(|inner, _| {
        let (buffer, mut session) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..3);
        let batch = lease(&buffer, A, 1);
        confirm(&buffer, A, &batch).unwrap();
        assert!(buffer.lease(&request(B, false, 1), Shown::PLAIN).is_err());
        let mut beside = inner.open(Purpose::Maintain).unwrap();
        assert_eq!(release(&mut *beside).unwrap().as_deref(), Some(A));
        assert_eq!(release(&mut *beside).unwrap(), None);
        let batch = lease(&buffer, B, 1);
        assert_eq!(confirm(&buffer, B, &batch), Ok(1));
        let other = buffer.lease(&request(A, false, 1), Shown::PLAIN);
        assert_eq!(other, Err(BufferError::OtherFetcher(B.to_owned())));
        let text = report(&mut *beside, now_secs()).unwrap();
        assert!(text.contains("1 records") && text.contains(&format!("{B} frees them")), "{text}");
    });
}

/// Records, keys, losses and the state of the source are one transaction: a centre whose database fails in it has none.
#[test]
fn a_batch_that_is_not_stored_to_its_end_is_not_stored() {
    on_each(|inner, centre| {
        let (buffer, mut session) = buffer(inner, 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..5);
        let mut batch = lease(&buffer, A, 10);
        batch.head.losses = vec![Losses { buffer: A.to_owned(), dropped: 3, ..Losses::default() }];
        execute(&*centre, "ALTER TABLE sync_losses RENAME TO elsewhere");
        let mut own = centre.open(Purpose::Append).unwrap();
        own.write(&mut |sql| ensure(sql, "source")).unwrap();
        assert!(take(&mut *own, "source", &batch, now_secs(), false).is_err());
        assert_eq!(stored(&*centre), 0);
        execute(&*centre, "ALTER TABLE elsewhere RENAME TO sync_losses");
        assert_eq!(take_at(&*centre, &batch), Taken { records: 5, ..Taken::default() });
        assert_eq!(states(&mut *own).unwrap()[0].records, 5);
    });
}

#[test]
fn a_record_twice_in_a_batch_is_stored_once() {
    on_each(|inner, centre| {
        let (buffer, mut session) = buffer(inner, 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..2);
        let mut batch = lease(&buffer, A, 10);
        let again = batch.items.clone();
        batch.items.extend(again);
        assert_eq!(take_at(&*centre, &batch), Taken { records: 2, known: 2, ..Taken::default() });
        assert_eq!(stored(&*centre), 2);
    });
}

#[test]
fn a_buffer_that_was_restored_loses_nothing_that_the_centre_or_it_still_has() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("b.db");
    let open = || -> Arc<dyn Engine> { Arc::new(Sqlite::open(&path).unwrap()) };
    let centre = memory();
    let last_seq = {
        let (buffer, mut session) = buffer(open(), 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..4);
        let last_seq = lease(&buffer, A, 1).head.last_seq;
        assert_eq!(buffer.shared.engine.scrub(), Ok(true), "all of it is in the file");
        last_seq
    };
    std::fs::copy(&path, directory.path().join("backup")).unwrap();
    {
        let (buffer, mut session) = buffer(open(), 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 4..8);
        let all = lease(&buffer, A, 10);
        assert!(all.head.last_seq > last_seq);
        assert_eq!(take_at(&*centre, &all).records, 8);
        assert_eq!(confirm(&buffer, A, &all), Ok(8));
    }
    std::fs::copy(directory.path().join("backup"), &path).unwrap();
    let (buffer, mut session) = buffer(open(), 1 << 20, WhenFull::Refuse);
    fill(&mut *session, 8..10);
    let again = lease(&buffer, A, 10);
    assert_eq!(again.items.len(), 6, "what was freed since the copy was made comes again");
    assert_eq!(take_at(&*centre, &again), Taken { records: 2, known: 4, ..Taken::default() });
    assert_eq!((stored(&*centre), confirm(&buffer, A, &again)), (10, Ok(6)));
}

#[test]
fn a_database_that_gives_lower_numbers_was_restored() {
    on_each(|inner, centre| {
        let (buffer, mut session) = buffer(inner, 1 << 20, WhenFull::Refuse);
        fill(&mut *session, 0..1);
        let mut batch = lease(&buffer, A, 10);
        assert!(!take_at(&*centre, &batch).was_restored);
        batch.head.last_seq -= 1;
        assert!(take_at(&*centre, &batch).was_restored);
        assert!(!take_at(&*centre, &batch).was_restored, "it is reported once");
        batch.head.buffer = B.to_owned();
        batch.head.last_seq -= 1;
        assert!(!take_at(&*centre, &batch).was_restored, "another buffer");
    });
}

/// A centre that went back to a copy has lost what it confirmed since; a standby that keeps everything has it still.
#[test]
fn what_a_restored_centre_has_lost_its_keeper_still_has() {
    let (inner, keeper) = (memory(), memory());
    let (buffer, mut session) = buffer(inner, 1 << 20, WhenFull::Refuse);
    let keep = |max| {
        let body = buffer.lease(&request(B, true, max), Shown::PLAIN).unwrap();
        read_answer(&body, max).unwrap()
    };
    assert_eq!(keep(10).head.lease, None, "it is known from its first word on");
    fill(&mut *session, 0..3);
    let (lost, centre) = (memory(), memory());
    let freed = lease(&buffer, A, 10);
    take_at(&*lost, &freed);
    confirm(&buffer, A, &freed).unwrap();
    drop(lost);
    fill(&mut *session, 3..5);
    let rest = lease(&buffer, A, 10);
    take_at(&*centre, &rest);
    confirm(&buffer, A, &rest).unwrap();
    let all = keep(10);
    assert_eq!(take_at(&*keeper, &all).records, 5);
    assert_eq!((stored(&*centre), stored(&*keeper)), (2, 5));
}

#[test]
fn the_same_request_to_forget_waits_once_however_often_it_comes() {
    use crate::forget::{Begun, Preimage, begin};
    on_each(|inner, centre| {
        let (buffer, _) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        let preimages = ["5a", "6b"].map(|byte| Preimage::parse(&byte.repeat(32)).unwrap());
        let mut maintenance = inner.open(Purpose::Maintain).unwrap();
        for _ in 0..50 {
            assert_eq!(begin(&mut *maintenance, &preimages, true, now_secs()).unwrap(), Begun::Yes);
        }
        let batch = lease(&buffer, A, 100);
        assert_eq!(batch.items.len(), 2);
        take_at(&*centre, &batch);
        assert_eq!(confirm(&buffer, A, &batch), Ok(2));
        // It was lost on the way of somebody else: it may be asked for again.
        begin(&mut *maintenance, &preimages[..1], true, now_secs()).unwrap();
        assert_eq!(lease(&buffer, A, 100).items.len(), 1);
    });
}

#[test]
fn a_buffer_that_lies_deletes_nothing() {
    on_each(|inner, centre| {
        let mut session = centre.open(Purpose::Append).unwrap();
        session.append(&[posted("mine")]).unwrap();
        let id = posted("mine").record.machine_id;
        let (buffer, mut own) = buffer(Arc::clone(&inner), 1 << 20, WhenFull::Refuse);
        fill(&mut *own, 0..1);
        let lies = [
            format!("[\"{}\"]", "0".repeat(64)),
            format!("[\"{id}\"]"),
            "[\"\"]".to_owned(),
            format!("{:?}", vec!["1".repeat(64); 65]),
        ];
        for (number, body) in lies.iter().enumerate() {
            execute(
                &*inner,
                &format!(
                    "INSERT INTO buffer_items (seq, kind, key, received, aged, machine_id, bytes, freed, via, external, body) \
                     VALUES ({}, 'forget', '', 0, 0, '', 0, 0, '', 0, '{body}')",
                    number + 1
                ),
            );
        }
        let batch = lease(&buffer, A, 100);
        assert_eq!(batch.items.len(), 5);
        assert_eq!(take_at(&*centre, &batch), Taken { records: 1, invalid: 3, ..Taken::default() });
        let until = std::time::Instant::now() + Duration::from_secs(60);
        crate::forget::forget_now(&*centre, None, until).unwrap();
        assert_eq!(stored(&*centre), 2);
    });
}

#[test]
fn what_is_fetched_of_a_forgotten_machine_is_not_stored_and_comes_no_more() {
    use crate::forget::{Preimage, begin};
    on_each(|inner, centre| {
        let (buffer, mut session) = buffer(inner, 1 << 20, WhenFull::Refuse);
        let preimage = Preimage::parse(&"5a".repeat(32)).unwrap();
        let mut own = posted("own");
        own.record.machine_id = preimage.machine_id();
        session.append(&[own, posted("other")]).unwrap();
        let mut maintenance = centre.open(Purpose::Maintain).unwrap();
        begin(&mut *maintenance, &[preimage], false, now_secs()).unwrap();
        let batch = lease(&buffer, A, 10);
        assert_eq!(take_at(&*centre, &batch), Taken { records: 1, known: 1, ..Taken::default() });
        assert_eq!((stored(&*centre), confirm(&buffer, A, &batch)), (1, Ok(2)));
        // Its tombstone may end before the key does.
        execute(&*centre, "DELETE FROM forgotten");
        assert_eq!(take_at(&*centre, &batch), Taken { known: 2, ..Taken::default() });
    });
}

#[test]
fn clocks_that_are_wrong_by_fifty_years_lose_and_expire_nothing() {
    const YEARS: i64 = 50 * 365 * 86_400;
    on_each(|inner, centre| {
        for (number, wrong_by) in [YEARS, -YEARS].into_iter().enumerate() {
            // A collector that was off counts a day, whatever its clock says.
            let buffer = Buffer::new(Arc::clone(&inner), 1 << 20, 3 * 24 * HOUR, WhenFull::Refuse);
            let mut session = BufferEngine(buffer.clone()).open(Purpose::Append).unwrap();
            let key = format!("wrong-{number}");
            let mut arrival = posted(&key);
            arrival.received_secs = (now_secs() + wrong_by).max(0);
            session.append(&[arrival]).unwrap();
            // As its upkeep found it, under the wrong clock, and finds it under the right one.
            execute(&*inner, &format!("UPDATE sync_self SET seen_secs = {}", (now_secs() + wrong_by).max(1)));
            buffer.age(None).and_then(|()| buffer.expire_old()).unwrap();
            let mut batch = lease(&buffer, A, 10);
            assert_eq!(batch.items.len(), 1, "a clock that is set makes nothing old");
            batch.head.now += wrong_by;
            assert_eq!(take_at(&*centre, &batch).records, 1);
            let newest = centre.open(Purpose::Query).unwrap().query(&Filter::all(1), now_secs()).unwrap();
            let received = newest[0].received_secs;
            assert!((0..=now_secs()).contains(&received), "{received}");
            assert_eq!(confirm(&buffer, A, &batch), Ok(1));
        }
        let mut session = centre.open(Purpose::Maintain).unwrap();
        // The centre's own: what it fetched under another clock is known under this one.
        assert_eq!(states(&mut *session).unwrap()[0].records, 2);
    });
}
