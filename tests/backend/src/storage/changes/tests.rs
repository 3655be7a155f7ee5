//! Changes on both engines: at every moment counts agree with records, and what is undone is as before.

use super::*;
use crate::fleet::{Fleet, FleetPlan};
use crate::groups::changes::{ChangeRefused, GroupId};
use crate::groups::rules::Rules;
use crate::groups::states::{MarkRefused, State, Until};
use crate::storage::answers::{Detail, Question, Shown, WhichGroup};
use crate::storage::grouping::tests::{assert_counts_agree, assert_same, counts, store_days};
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::tests::with_postgres;
use crate::storage::{Answers, Engine, Purpose, Session, StorageError};

const PLAN: FleetPlan =
    FleetPlan { machines: 50, days: 12, faults: 30, packages: 3, others: 0, loop_crashes: 1200, seed: 11 };

/// The end of the fleet's twelfth day.
const NOW_SECS: i64 = (crate::fleet::FIRST_DAY + 12) * 86_400 - 1;

fn on_each(test: impl Fn(&dyn Engine)) {
    test(&Sqlite::open(std::path::Path::new(MEMORY)).unwrap());
    with_postgres(|_, engine| test(engine));
}

fn filled(engine: &dyn Engine) -> Box<dyn Session> {
    let mut session = engine.open(Purpose::Append).unwrap();
    store_days(&mut *session, &Fleet::new(PLAN), 0..PLAN.days);
    session
}

fn wish(session: &mut dyn Session, group: GroupId, wish: Wish) -> Result<GroupId, ChangeError> {
    let mut changed = Err(ChangeError::NoGroup(0));
    let done = session.write(&mut |sql| {
        changed = change(sql, group, wish.clone(), Author { who: "ada", now_secs: NOW_SECS });
        changed.as_ref().map(|_| ()).map_err(|_| StorageError::Stopped)
    });
    assert_eq!(done.is_ok(), changed.is_ok());
    changed
}

/// Moves all that is on its way; counts are right after every step.
fn move_all(engine: &dyn Engine) -> u32 {
    let mut steps = 0;
    loop {
        // As if it had been killed after each step.
        let mut session = engine.open(Purpose::Maintain).unwrap();
        let mut has_more = false;
        session
            .write(&mut |sql| {
                has_more = move_step(sql)?;
                Ok(())
            })
            .unwrap();
        assert_counts_agree(&mut *session);
        if !has_more {
            return steps;
        }
        steps += 1;
    }
}

fn detail(session: &mut dyn Session, group: GroupId) -> Option<Detail> {
    let rules = Rules::shipped().unwrap();
    Answers::new(session, NOW_SECS)
        .group(group, &Question { days: 20, ..Question::default() }, &rules)
        .unwrap()
}

fn groups(session: &mut dyn Session) -> Vec<crate::storage::answers::Group> {
    let question = Question { days: 20, limit: 1000, ..Question::default() };
    Answers::new(session, NOW_SECS).groups(&Shown::Seen, &question, None).unwrap().groups
}

/// Counts of records, groups and versions, without ids that changes may give anew.
fn sums(session: &mut dyn Session) -> Vec<String> {
    let is_kept = |line: &String| !line.contains(" 0)") || line.starts_with("group_machine");
    let lines = counts(session).into_iter().filter(|line| {
        ["group_day", "group_version_day", "group_machine", "group_line", "groups"]
            .iter()
            .any(|table| line.starts_with(&format!("{table} ")))
    });
    // A row that moves have emptied is as none.
    lines.filter(|line| !line.contains("Int(0), Int(0)")).filter(is_kept).collect()
}

#[test]
fn what_is_merged_can_be_taken_apart_again() {
    on_each(|engine| {
        let mut session = filled(engine);
        let before = sums(&mut *session);
        let list = groups(&mut *session);
        let loops = list.iter().max_by_key(|group| group.totals.records).unwrap();
        let other = list.iter().find(|group| group.kind == loops.kind && group.id != loops.id).unwrap();
        assert_eq!(wish(&mut *session, loops.id, Wish::Merge(other.id)), Ok(other.id));
        // Records are on their way; new ones go to the other group at once.
        let address = loops.id.to_string();
        let found = Answers::new(&mut *session, NOW_SECS).which_group(&address).unwrap();
        assert_eq!(found, Some(WhichGroup::MovedTo(other.id)));
        assert_counts_agree(&mut *session);
        assert!(move_all(engine) >= 2, "more than a step");
        let merged = detail(&mut *session, other.id).unwrap();
        assert_eq!(merged.group.totals.records, loops.totals.records + other.totals.records);
        assert_eq!(merged.redirected_from, [loops.id]);
        assert_eq!(merged.group.first_seen_secs, loops.first_seen_secs.min(other.first_seen_secs));
        assert_eq!(merged.group.name, other.name);
        let hash = loops.signature_hash.as_ref().unwrap().to_string();
        let by_hash = Answers::new(&mut *session, NOW_SECS).which_group(&hash).unwrap();
        assert_eq!(by_hash, Some(WhichGroup::MovedTo(other.id)));
        assert_eq!(
            wish(&mut *session, other.id, Wish::Merge(other.id)),
            Err(ChangeError::Refused(ChangeRefused::IntoItself))
        );
        assert_eq!(wish(&mut *session, loops.id, Wish::Open), Err(ChangeError::NoGroup(loops.id)));

        let decision = merged.history.last().unwrap().id;
        wish(&mut *session, other.id, Wish::Undo(decision)).unwrap();
        move_all(engine);
        let both = [detail(&mut *session, loops.id), detail(&mut *session, other.id)].map(Option::unwrap);
        assert_eq!(
            both.each_ref().map(|detail| detail.group.totals.records),
            [loops, other].map(|group| group.totals.records)
        );
        assert_eq!(
            both.each_ref().map(|detail| detail.group.name.clone()),
            [loops, other].map(|group| group.name.clone())
        );
        assert_same(&sums(&mut *session), &before);
    });
}

#[test]
fn a_variant_is_split_off_and_comes_back() {
    on_each(|engine| {
        let mut session = filled(engine);
        let before = sums(&mut *session);
        let list = groups(&mut *session);
        let whole = list.iter().find_map(|group| {
            let detail = detail(&mut *session, group.id).unwrap();
            (detail.variants.len() > 1).then_some(detail)
        });
        let whole = whole.expect("a group with several variants");
        let part = whole.variants.last().unwrap().hash.clone();
        let all: Vec<_> = whole.variants.iter().map(|variant| variant.hash.clone()).collect();
        let refused = wish(&mut *session, whole.group.id, Wish::Split(all.into_iter().collect()));
        assert_eq!(refused, Err(ChangeError::Refused(ChangeRefused::Everything)));
        assert_eq!(
            wish(&mut *session, whole.group.id, Wish::Split([part.clone()].into())),
            Ok(whole.group.id)
        );
        move_all(engine);
        let rest = detail(&mut *session, whole.group.id).unwrap();
        let part_records = whole.variants.last().unwrap().records;
        assert_eq!(rest.group.totals.records, whole.group.totals.records - part_records);
        let found = Answers::new(&mut *session, NOW_SECS).which_group(part.as_str()).unwrap();
        let Some(WhichGroup::MovedTo(made)) = found else { panic!("{found:?}") };
        assert_eq!(detail(&mut *session, made).unwrap().group.totals.records, part_records);
        let decision = rest.history.last().unwrap().id;
        wish(&mut *session, made, Wish::Undo(decision)).unwrap();
        move_all(engine);
        let again = detail(&mut *session, whole.group.id).unwrap();
        assert_eq!(again.group, whole.group);
        let made = Answers::new(&mut *session, NOW_SECS).which_group(&made.to_string()).unwrap();
        assert_eq!(made, Some(WhichGroup::MovedTo(whole.group.id)));
        let is_old = |line: &String| before.contains(line);
        assert!(before.iter().all(|line| sums(&mut *session).contains(line)));
        assert!(sums(&mut *session).iter().filter(|line| !line.starts_with("groups ")).all(is_old));
    });
}

/// Takes rules as the background does.
fn take(session: &mut dyn Session, rules: &Rules) {
    let found = Regrouping::new(session, rules).unwrap();
    let mut is_taken = false;
    session
        .write(&mut |sql| {
            is_taken = regroup(sql, rules, &found, NOW_SECS)?;
            Ok(())
        })
        .unwrap();
    assert!(is_taken);
}

#[test]
fn other_rules_while_records_arrive() {
    on_each(|engine| {
        let fleet = Fleet::new(PLAN);
        let old = Rules::shipped().unwrap();
        let mut session = engine.open(Purpose::Append).unwrap();
        store_days(&mut *session, &fleet, 0..6);
        let names = |session: &mut dyn Session| {
            let mut names: Vec<_> = groups(session).into_iter().map(|group| group.name).collect();
            names.sort();
            names
        };
        let before = names(&mut *session);
        let new = Rules::with_site("x", "generic tool*x step* *\nskip tool*x apply* *\n").unwrap();
        let mut keeper = engine.open(Purpose::Maintain).unwrap();
        take(&mut *keeper, &new);
        engine.rules().replace(new.clone());
        assert_counts_agree(&mut *keeper);
        for day in 6..9 {
            store_days(&mut *session, &fleet, day..day + 1);
            let step = keeper.write(&mut |sql| move_step(sql).map(|_| ()));
            step.unwrap();
            assert_counts_agree(&mut *keeper);
        }
        move_all(engine);
        assert_ne!(names(&mut *session), before);
        // Found out before something new came: it is found out again.
        let found = Regrouping::new(&mut *keeper, &old).unwrap();
        wish(&mut *session, 1, Wish::Note("hm".into())).unwrap();
        let mut is_taken = true;
        let try_it = &mut |sql: &mut dyn crate::storage::Write| {
            is_taken = regroup(sql, &old, &found, NOW_SECS)?;
            Ok(())
        };
        keeper.write(try_it).unwrap();
        assert!(!is_taken);
        take(&mut *keeper, &old);
        engine.rules().replace(old.clone());
        store_days(&mut *session, &fleet, 9..12);
        move_all(engine);
        // As if they had never been others.
        let fresh = Sqlite::open(std::path::Path::new(MEMORY)).unwrap();
        let mut never = fresh.open(Purpose::Append).unwrap();
        store_days(&mut *never, &fleet, 0..12);
        let shown = |session: &mut dyn Session| {
            let mut all: Vec<_> = groups(session)
                .into_iter()
                .map(|group| {
                    (
                        group.name,
                        group.totals.records,
                        group.bars,
                        group.first_version,
                        group.last_version,
                        group.first_seen_secs,
                    )
                })
                .collect();
            all.sort();
            all
        };
        assert_eq!(shown(&mut *session), shown(&mut *never));
    });
}

/// What is left of a crash since nothing else is, is in the name and nowhere else: the hash of its signature stays.
#[test]
fn a_group_whose_name_alone_changes_is_renamed() {
    on_each(|engine| {
        let old = Rules::shipped().unwrap();
        let new = Rules::with_site("x", "cut widget* sink *\n").unwrap();
        let mut session = engine.open(Purpose::Append).unwrap();
        let payload = "Process: widget\nSignal: 11\n#0 sink() - [widget] +0x1\n";
        let mut arrival = crate::storage::tests::arrival("org.clearlinux/crash/clr", 1, None);
        arrival.record.payload = payload.to_owned();
        arrival.received_secs = NOW_SECS;
        session.append(&[arrival]).unwrap();
        let name = |session: &mut dyn Session| groups(session).remove(0).name;
        let rules_of = |rules: &Rules| engine.rules().replace(rules.clone());
        assert_eq!(name(&mut *session), "widget: sink");
        take(&mut *session, &new);
        rules_of(&new);
        assert_eq!(name(&mut *session), "widget: sink (nothing else)");
        // A person's name stays.
        let id = groups(&mut *session)[0].id;
        wish(&mut *session, id, Wish::Name("ours".into())).unwrap();
        take(&mut *session, &old);
        rules_of(&old);
        assert_eq!(name(&mut *session), "ours");
        wish(&mut *session, id, Wish::Name(String::new())).unwrap();
        assert_eq!(name(&mut *session), "widget: sink");
    });
}

#[test]
fn marks_are_set_seen_and_undone() {
    on_each(|engine| {
        let mut session = filled(engine);
        let list = groups(&mut *session);
        let group = list.iter().find(|group| group.package.is_some()).unwrap();
        let state = |session: &mut dyn Session| detail(session, group.id).unwrap().group.state;
        let before = state(&mut *session);
        assert_eq!(
            wish(&mut *session, group.id, Wish::Fixed { version: String::new(), line: None }),
            Err(ChangeError::Mark(MarkRefused::NoVersion))
        );
        let version = "9:1".to_owned();
        wish(&mut *session, group.id, Wish::Fixed { version: version.clone(), line: None }).unwrap();
        let marked = detail(&mut *session, group.id).unwrap();
        assert_eq!((marked.group.state, marked.group.fixed_in()), (State::Fixed, Some(version)));
        wish(&mut *session, group.id, Wish::Hidden(Until::Forever)).unwrap();
        assert_eq!(state(&mut *session), State::Hidden);
        assert!(groups(&mut *session).iter().all(|other| other.id != group.id));
        wish(&mut *session, group.id, Wish::Name("ours".into())).unwrap();
        wish(&mut *session, group.id, Wish::Note("<b>look</b>".into())).unwrap();
        let named = detail(&mut *session, group.id).unwrap();
        assert_eq!((named.group.name.as_str(), named.history.len()), ("ours", 4));
        let ids: Vec<i64> = named.history.iter().map(|decision| decision.id).collect();
        assert_eq!(
            wish(&mut *session, group.id, Wish::Undo(ids[0])),
            Err(ChangeError::Refused(ChangeRefused::LaterMark(ids[1])))
        );
        for id in ids.iter().rev() {
            wish(&mut *session, group.id, Wish::Undo(*id)).unwrap();
        }
        let again = detail(&mut *session, group.id).unwrap();
        assert_eq!((again.group.state, again.group.name), (before, group.name.clone()));
        assert!(again.history.iter().all(|decision| decision.undone.is_some()));
    });
}
