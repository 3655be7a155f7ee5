//! The questions, on both engines.

use super::*;
use crate::filter::Filter;
use crate::groups::kind::Kind;
use crate::groups::rules::Rules;
use crate::groups::states::State;
use crate::storage::sqlite::{MEMORY, Sqlite};
use crate::storage::tests::{NOW_SECS, arrival, with_postgres};
use crate::storage::{Engine, Purpose};

fn on_each(test: impl Fn(&dyn Engine)) {
    test(&Sqlite::open(std::path::Path::new(MEMORY)).unwrap());
    with_postgres(|_, engine| test(engine));
}

#[test]
fn an_empty_database_answers_every_question() {
    on_each(|engine| {
        let mut session = engine.open(Purpose::Query).unwrap();
        let mut answers = Answers::new(&mut *session, NOW_SECS);
        let overview = answers.overview().unwrap();
        assert_eq!((overview.days.len(), overview.top.len(), overview.new.0), (0, 0, 0));
        let conditions = Conditions {
            kind: Some(Kind::Crash),
            state: Some(State::New),
            program: Some("p".into()),
            package: Some("k".into()),
            version: Some("1".into()),
            build: Some("2".into()),
            system_name: Some("debian".into()),
            name_part: Some("%_\\".into()),
        };
        let question = Question { conditions, min_machines: 3, ..Question::default() };
        let place = GroupPlace { machines: 1, machine_days: 2, records: 3, id: 4 };
        for shown in [
            Shown::Seen,
            Shown::New { version: None },
            Shown::New { version: Some("1".into()) },
            Shown::Fixed,
            Shown::Regressed,
        ] {
            assert_eq!(answers.groups(&shown, &question, Some(place)).unwrap(), Groups::default());
        }
        let rules = Rules::shipped().unwrap();
        assert_eq!(answers.group(1, &question, &rules).unwrap(), None);
        for address in ["1", "nothing", "0123456789abcdef0123456789abcdef"] {
            assert_eq!(answers.which_group(address).unwrap(), None);
        }
        assert_eq!(answers.rates("build", 14, Some("1")).unwrap(), []);
        assert_eq!(answers.versions(14, None).unwrap(), []);
        assert_eq!(
            (answers.guilties(7, None).unwrap(), answers.guilties(7, Some(1)).unwrap()),
            (vec![], vec![])
        );
        assert_eq!((answers.sums("build", 14).unwrap(), answers.classes().unwrap()), (vec![], vec![]));
        assert_eq!(answers.host_types().unwrap(), []);
        let asked = MachinesAsked {
            days: 14,
            silent_days: Some(3),
            group: Some(1),
            system_name: Some("debian".into()),
            limit: 50,
            ..MachinesAsked::default()
        };
        let place = MachinePlace { last_seen_secs: NOW_SECS, machine: 5 };
        assert_eq!(answers.machines(&asked, Some(place)).unwrap(), Machines::default());
        assert_eq!(answers.machine("m").unwrap(), None);
        assert_eq!(answers.hardware(1).unwrap(), None);
        assert_eq!(answers.decisions(None, 10).unwrap(), []);
        let collector = answers.collector().unwrap();
        assert_eq!((collector.groups, collector.unread, collector.bounds.len()), (0, 0, 0));
    });
}

#[test]
fn records_are_summed_by_class_and_by_host_type() {
    on_each(|engine| {
        let mut session = engine.open(Purpose::Append).unwrap();
        let batch = [("a/b/c", "blank|blank|blank"), ("a/b/d", "acme|one|2"), ("a/b/c", "acme|one|2")];
        let batch = batch.map(|(class, host_type)| {
            let mut arrival = arrival(class, 1, None);
            arrival.record.host_type = host_type.into();
            arrival.record.machine_id = host_type.into();
            arrival
        });
        session.append(&batch).unwrap();
        // What came later counts in the same rows.
        session.append(&batch[1..]).unwrap();
        let mut answers = Answers::new(&mut *session, NOW_SECS);
        let pairs = |sums: Vec<Sum>| -> Vec<(String, u64)> {
            sums.into_iter().map(|sum| (sum.value, sum.records)).collect()
        };
        assert_eq!(
            pairs(answers.host_types().unwrap()),
            [("acme|one|2".into(), 4), ("blank|blank|blank".into(), 1)]
        );
        assert_eq!(pairs(answers.classes().unwrap()), [("a/b/c".into(), 3), ("a/b/d".into(), 2)]);
    });
}

/// Whether the groups meant have few records, which are then found by their index, or many.
#[test]
fn records_are_found_by_their_failures() {
    use crate::filter::{GroupsMeant, Scope};
    use crate::storage::search::{count, search};
    on_each(|engine| {
        let mut session = engine.open(Purpose::Append).unwrap();
        let mut batch = Vec::new();
        for (program, version) in [("beta", "1"), ("beta", "2"), ("gamma", "1")] {
            let mut crash = arrival("org.clearlinux/crash/clr", 3, None);
            crash.record.payload = format!(
                "Process: {program}\nSignal: 11\nPackage: {program} {version}\n#0 f() - [{program}]\n"
            );
            batch.push(crash);
        }
        batch.push(arrival("a/b/c", 1, None));
        session.append(&batch).unwrap();
        let mut found = |pairs: &[(&str, &str)], meant: Option<GroupsMeant>| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let filter = Filter { groups: meant, ..Filter::parse(&pairs, Scope::Page).unwrap() };
            let records = search(&mut *session, &filter, NOW_SECS).unwrap().records;
            let counted = count(&mut *session, &filter, NOW_SECS).unwrap();
            assert_eq!(counted.records, u64::try_from(records.len()).unwrap(), "{filter:?}");
            records.iter().map(|record| record.id).collect::<Vec<_>>()
        };
        for (pairs, expected) in [
            (&[("program", "beta")][..], &[2, 1][..]),
            (&[("version", "1")], &[3, 1]),
            (&[("version", "1"), ("program", "gamma"), ("kind", "crash"), ("days", "3")], &[3]),
            (&[("q", "BETA: F"), ("state", "new")], &[2, 1]),
            (&[("q", "none")], &[]),
            (&[("min_machines", "2")], &[]),
        ] {
            assert_eq!(found(pairs, None), expected, "{pairs:?}");
        }
        let many = GroupsMeant { ids: vec![1, 2], are_few: false };
        assert_eq!(found(&[], Some(many)), [3, 2, 1]);
        let groups = Answers::new(&mut *session, NOW_SECS).groups_of([1, 3, 4]).unwrap();
        assert_eq!(groups.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!((groups[&3].name.as_str(), groups[&3].version.as_deref()), ("gamma: f", Some("1")));
    });
}

#[test]
fn why_a_record_is_in_its_group() {
    on_each(|engine| {
        let mut session = engine.open(Purpose::Append).unwrap();
        let payload = "Process: beta\nSignal: 6\n#0 raise() - [libc.so.6]\n#1 abort() - [libc.so.6]\n#2 beta_fail() - [beta]\n";
        let mut crash = arrival("org.clearlinux/crash/clr", 3, None);
        crash.record.payload = payload.into();
        session.append(&[crash, arrival("a/b/c", 1, None)]).unwrap();
        let records = session.query(&Filter::all(9), NOW_SECS).unwrap();
        let mut answers = Answers::new(&mut *session, NOW_SECS);
        let rules = Rules::shipped().unwrap();
        let why = answers.why(&records[1], &rules).unwrap().unwrap();
        let address = why.signature.as_ref().unwrap().to_string();
        assert_eq!(answers.which_group(&address).unwrap(), Some(WhichGroup::MovedTo(why.group.unwrap())));
        assert_eq!((why.version.as_deref(), &why.variant), (Some("13"), &why.stored_variant));
        assert_eq!(
            why.guilty.map(|(_, function, module)| function + " " + &module).unwrap(),
            "raise() libc.so.6"
        );
        let in_name: Vec<&str> =
            why.frames.iter().filter(|frame| frame.in_name).map(|frame| frame.text.as_str()).collect();
        assert_eq!(in_name, ["#2 beta_fail() [beta]"]);
        assert!(why.frames[1].rule.contains("by rule"), "{:?}", why.frames[1]);
        let why = answers.why(&records[0], &rules).unwrap().unwrap();
        assert_eq!((why.group, why.frames.len(), why.guilty), (None, 0, None));
        let gone = crate::record::StoredRecord { id: 77, ..records[0].clone() };
        assert_eq!(answers.why(&gone, &rules).unwrap(), None);
    });
}
