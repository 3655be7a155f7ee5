//! Names that come later, on both engines: groups follow, counts agree at every step, and payloads stay.

use super::*;
use crate::groups::reading::FunctionAt;
use crate::groups::rules::Rules;
use crate::limits::WANTED_ADDRESSES;
use crate::storage::answers::{Detail, Group, Question, Shown, WhichGroup};
use crate::storage::changes::{Author, Wish, change, move_step};
use crate::storage::grouping::tests::assert_counts_agree;
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::tests::{DAY_SECS, NOW_SECS, arrival, with_postgres};
use crate::storage::{Answers, Arrival, Engine, Purpose, Session};

const HERE: &str = "/usr/lib/debug";
const FILE: &str = "aabbccdd00112233445566778899aabbccddeeff";
const OTHER: &str = "0011223344556677889900112233445566778899";

fn on_each(test: impl Fn(&dyn Engine)) {
    test(&Sqlite::open(std::path::Path::new(MEMORY)).unwrap());
    with_postgres(|_, engine| test(engine));
}

/// A crash in a plug-in without symbols; of a build-id, at these offsets.
fn crash(machine: &str, build_id: &str, offsets: &[u64], received_secs: i64) -> Arrival {
    let frames: String = offsets
        .iter()
        .enumerate()
        .map(|(number, offset)| format!("#{number} ??? - [libplug.so.1.4] +{offset:#x}\n"))
        .collect();
    let payload = format!(
        "Process: /usr/bin/editor\nSignal: 11\n\nBacktrace (TID 1):\n{frames}\nModules:\nlibplug.so.1.4 {build_id}\n"
    );
    report(machine, payload, received_secs)
}

fn report(machine: &str, payload: String, received_secs: i64) -> Arrival {
    let mut arrival = arrival("org.clearlinux/crash/clr", 3, None);
    (arrival.record.machine_id, arrival.record.payload) = (machine.to_owned(), payload);
    Arrival { received_secs, ..arrival }
}

fn names(of: &[&str]) -> Vec<FunctionAt> {
    of.iter()
        .map(|name| FunctionAt { function: (*name).to_owned(), location: Some("plug.c:7".into()) })
        .collect()
}

fn groups(session: &mut dyn Session) -> Vec<Group> {
    let question = Question { days: 20, limit: 1000, ..Question::default() };
    Answers::new(session, NOW_SECS).groups(&Shown::Seen, &question, None).unwrap().groups
}

fn detail(session: &mut dyn Session, group: i64) -> Detail {
    let rules = Rules::shipped().unwrap();
    let question = Question { days: 20, ..Question::default() };
    Answers::new(session, NOW_SECS).group(group, &question, &rules).unwrap().unwrap()
}

fn leads_to(session: &mut dyn Session, address: &str) -> Option<WhichGroup> {
    Answers::new(session, NOW_SECS).which_group(address).unwrap()
}

/// Takes the rules, as the first step of the upkeep does.
fn take_rules(session: &mut dyn Session) {
    let rules = Rules::shipped().unwrap();
    let update = "UPDATE grouping SET rules = $1";
    session.write(&mut |sql| sql.execute(update, &[rules.version().into()]).map(drop)).unwrap();
}

/// All that there is to do, as if it had been killed after each step; counts are right after each.
fn work(engine: &dyn Engine) {
    let rules = Rules::shipped().unwrap();
    loop {
        let mut session = engine.open(Purpose::Maintain).unwrap();
        let mut has_more = rename_next(&mut *session, &rules, NOW_SECS).unwrap() == Renaming::More;
        assert_counts_agree(&mut *session);
        has_more |= scan(&mut *session, NOW_SECS + 10).unwrap();
        let mut is_moving = false;
        let step = session.write(&mut |sql| {
            is_moving = move_step(sql)?;
            Ok(())
        });
        step.unwrap();
        has_more |= is_moving;
        assert_counts_agree(&mut *session);
        if !has_more {
            return;
        }
    }
}

fn wanted(session: &mut dyn Session, now_secs: i64) -> Vec<(String, Vec<u64>)> {
    let files = next(session, HERE, &[], now_secs).unwrap();
    files.into_iter().map(|file| (file.build_id, file.addresses)).collect()
}

#[test]
fn groups_follow_names_with_their_first_seen() {
    on_each(|engine| {
        let mut session = engine.open(Purpose::Append).unwrap();
        take_rules(&mut *session);
        let old = NOW_SECS - 9 * DAY_SECS;
        // Two builds of one plug-in, and a client that has symbols.
        let named = "Process: /usr/bin/editor\nSignal: 11\n#0 parse(int) - [libplug.so.1.4]\n#1 load() - [libplug.so.1.4]\n";
        session
            .append(&[
                crash("a", FILE, &[0x10, 0x20], old),
                crash("a", FILE, &[0x10, 0x20], NOW_SECS),
                crash("b", FILE, &[0x10, 0x20], NOW_SECS),
                crash("c", OTHER, &[0x110, 0x120], NOW_SECS - DAY_SECS),
                report("d", named.to_owned(), NOW_SECS),
            ])
            .unwrap();
        let before = groups(&mut *session);
        assert_eq!(before.len(), 3);
        assert_eq!(before[0].name, "editor: libplug.so.1+0x10 (no symbols)");
        let old_hash = before[0].signature_hash.clone().unwrap();
        work(engine);
        // Of two machines first.
        let files = wanted(&mut *session, NOW_SECS);
        assert_eq!(files, [(FILE.to_owned(), vec![0x10, 0x20]), (OTHER.to_owned(), vec![0x110, 0x120])]);
        let found = vec![(0x10, names(&["_Z5parsei"])), (0x20, names(&["load"]))];
        keep(&mut *session, FILE, &found, ("directory", HERE), (NOW_SECS, NOW_SECS)).unwrap();
        work(engine);
        let found = vec![(0x110, names(&["_Z5parsei"])), (0x120, names(&["load"]))];
        keep(&mut *session, OTHER, &found, ("server", HERE), (NOW_SECS, NOW_SECS)).unwrap();
        work(engine);
        let after = groups(&mut *session);
        let [group] = after.as_slice() else { panic!("{after:?}") };
        assert_eq!(
            (group.name.as_str(), group.totals.records, group.first_seen_secs),
            ("editor: parse", 5, old)
        );
        // Links stay: by number, and by the hash of what it was before.
        for other in before.iter().filter(|other| other.id != group.id) {
            assert_eq!(leads_to(&mut *session, &other.id.to_string()), Some(WhichGroup::MovedTo(group.id)));
        }
        assert_eq!(leads_to(&mut *session, old_hash.as_str()), Some(WhichGroup::MovedTo(group.id)));
        let whole = detail(&mut *session, group.id);
        let frames: Vec<_> = whole.variants.iter().flat_map(|variant| &variant.frames).collect();
        assert_eq!(frames.iter().filter(|frame| frame.from_debug_file).count(), 4, "{frames:?}");
        assert_eq!(frames.iter().filter(|frame| frame.in_name && frame.from_debug_file).count(), 2);
        let builds: Vec<_> = whole.modules.iter().map(|module| module.build_id.as_str()).collect();
        assert!(builds.contains(&FILE) && builds.contains(&OTHER), "{builds:?}");
        // What arrives now is there at once: of a variant that is known, and of a new one of known addresses.
        let new = [
            crash("e", FILE, &[0x10, 0x20], NOW_SECS),
            crash("e", FILE, &[0x10, 0x20, 0x20, 0x10], NOW_SECS),
            crash("e", OTHER, &[0x110], NOW_SECS),
        ];
        session.append(&new).unwrap();
        let mut fresh = engine.open(Purpose::Append).unwrap();
        fresh.append(&new).unwrap();
        assert_counts_agree(&mut *fresh);
        let now = groups(&mut *fresh);
        assert_eq!((now.len(), now[0].totals.records), (1, 11), "{now:?}");
        assert!(wanted(&mut *fresh, NOW_SECS).is_empty());
        check_record(&mut *fresh);
    });
}

/// A record says why it is where it is, with names and without losing what it was.
fn check_record(session: &mut dyn Session) {
    let filter =
        crate::filter::Filter { from_id: Some(1), before_id: Some(2), ..crate::filter::Filter::all(1) };
    let stored = session.query(&filter, NOW_SECS).unwrap().remove(0);
    assert!(stored.record.payload.contains("#0 ??? - [libplug.so.1.4] +0x10\n"), "the payload stays");
    let rules = Rules::shipped().unwrap();
    let mut answers = Answers::new(session, NOW_SECS);
    let why = answers.why(&stored, &rules).unwrap().unwrap();
    assert_eq!(why.variant, why.stored_variant, "it is known by what it says");
    let texts: Vec<_> = why.frames.iter().map(|frame| (frame.text.as_str(), frame.from_debug_file)).collect();
    assert_eq!(texts, [("#0 parse [libplug.so.1.4]", true), ("#1 load [libplug.so.1.4]", true)]);
    let frames = answers.named_frames(&stored.record.payload).unwrap();
    assert_eq!(frames.len(), 2);
    assert_eq!((frames[0].address.offset, frames[0].source.as_str()), (0x10, "directory"));
    assert_eq!(
        frames[0].functions,
        [FunctionAt { function: "parse".into(), location: Some("plug.c:7".into()) }]
    );
}

#[test]
fn what_people_decided_follows_too() {
    on_each(|engine| {
        let mut session = engine.open(Purpose::Append).unwrap();
        take_rules(&mut *session);
        session
            .append(&[
                crash("a", FILE, &[0x10], NOW_SECS),
                crash("b", FILE, &[0x30], NOW_SECS),
                crash("c", FILE, &[0x50], NOW_SECS),
            ])
            .unwrap();
        let before = groups(&mut *session);
        let of = |part: &str| before.iter().find(|group| group.name.contains(part)).unwrap().id;
        let (first, second) = (of("+0x10"), of("+0x30"));
        let wish = |session: &mut dyn Session, id: i64, wish: Wish| {
            let author = Author { who: "ada", now_secs: NOW_SECS };
            session
                .write(&mut |sql| change(sql, id, wish.clone(), author).map(drop).map_err(|_| panic!()))
                .unwrap();
        };
        wish(&mut *session, first, Wish::Note("known upstream".into()));
        wish(&mut *session, second, Wish::Merge(first));
        work(engine);
        let found = vec![(0x10, names(&["one"])), (0x30, names(&["three"])), (0x50, vec![])];
        keep(&mut *session, FILE, &found, ("directory", HERE), (NOW_SECS, NOW_SECS)).unwrap();
        work(engine);
        let after = groups(&mut *session);
        assert_eq!(after.len(), 2, "{after:?}");
        let named = after.iter().find(|group| group.id == first).unwrap();
        assert_eq!((named.name.as_str(), named.totals.records), ("editor: one", 2));
        let history = detail(&mut *session, first).history;
        assert_eq!(history.len(), 2, "{history:?}");
        // What no file knows stays as it was, and is not asked again.
        assert!(after.iter().any(|group| group.name == "editor: libplug.so.1+0x50 (no symbols)"));
        assert!(wanted(&mut *session, NOW_SECS + 50 * DAY_SECS).is_empty());
    });
}

#[test]
fn files_that_are_missing_are_asked_for_again_after_a_day() {
    on_each(|engine| {
        let mut session = engine.open(Purpose::Append).unwrap();
        take_rules(&mut *session);
        session.append(&[crash("a", FILE, &[0x10], NOW_SECS), crash("b", OTHER, &[0x10], NOW_SECS)]).unwrap();
        work(engine);
        let tomorrow = NOW_SECS + MISSED_A_DAY_SECS;
        miss(&mut *session, FILE, HERE, Miss::AtServer, (NOW_SECS, tomorrow)).unwrap();
        assert_eq!(wanted(&mut *session, tomorrow - 1).len(), 1);
        // Those that were never looked up come first.
        let both: Vec<_> = wanted(&mut *session, tomorrow).into_iter().map(|(id, _)| id).collect();
        assert_eq!(both, [OTHER, FILE]);
        // Elsewhere it may be there.
        let elsewhere = next(&mut *session, "http://other", &[], NOW_SECS).unwrap();
        assert_eq!(elsewhere.len(), 2);
        assert_eq!(misses_since(&mut *session, NOW_SECS - 1).unwrap(), 1);
        assert_eq!(misses_since(&mut *session, NOW_SECS).unwrap(), 0);
        miss(&mut *session, OTHER, HERE, Miss::Here, (NOW_SECS, tomorrow)).unwrap();
        assert_eq!(misses_since(&mut *session, NOW_SECS - 1).unwrap(), 1, "no server was asked");
        let waiting = Answers::new(&mut *session, NOW_SECS).waiting_names().unwrap();
        assert_eq!(waiting, Waiting { named: 0, wanted: 2, missed: 2 });
        // One at hand has no need to wait.
        let times = (NOW_SECS, tomorrow);
        assert!(!claim(&mut *session, (FILE, false), HERE, times).unwrap(), "another collector looks it up");
        assert!(claim(&mut *session, (FILE, false), HERE, (tomorrow, tomorrow + 600)).unwrap());
        assert!(!claim(&mut *session, (FILE, false), HERE, (tomorrow + 599, tomorrow + 700)).unwrap());
        assert!(claim(&mut *session, (FILE, true), HERE, times).unwrap());
        assert_eq!(wanted(&mut *session, NOW_SECS).len(), 0);
        assert_eq!(next(&mut *session, HERE, &[FILE.to_owned()], NOW_SECS).unwrap().len(), 1);
        // Nobody wants them any more.
        forget(&mut *session, NOW_SECS + 41 * DAY_SECS).unwrap();
        assert!(wanted(&mut *session, NOW_SECS + 41 * DAY_SECS).is_empty());
    });
}

#[test]
fn what_is_wanted_is_bounded() {
    let engine = Sqlite::open(std::path::Path::new(MEMORY)).unwrap();
    let mut session = engine.open(Purpose::Append).unwrap();
    take_rules(&mut *session);
    let fill = format!(
        "INSERT INTO symbol_wanted WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
         SELECT 'f' || i, 1, 999999, 0 FROM n",
        WANTED_ADDRESSES - 1
    );
    session.write(&mut |sql| sql.execute(&fill, &[]).map(drop)).unwrap();
    session.append(&[crash("a", FILE, &[0x10, 0x20, 0x30], NOW_SECS)]).unwrap();
    assert!(scan(&mut *session, NOW_SECS + 10).unwrap());
    assert_eq!(wanted(&mut *session, NOW_SECS), [(FILE.to_owned(), vec![0x10])]);
    let bounds = Answers::new(&mut *session, NOW_SECS).collector().unwrap().bounds;
    assert_eq!(bounds[0].bound, "symbols");
    assert!(!scan(&mut *session, NOW_SECS + 10).unwrap());
}
