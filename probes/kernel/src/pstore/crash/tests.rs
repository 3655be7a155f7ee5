use super::*;
use crate::pstore::Name;
use proptest::prelude::*;

fn dump(name: &str, modified_secs: u64, text: &str) -> Dump {
    Dump::read(name, &Name::parse(name).unwrap(), modified_secs, text.as_bytes())
}

fn efi(time: u64, part: u64, count: u64, reason: &str) -> Dump {
    let id = (time * 100 + part) * 1000 + count;
    dump(&format!("dmesg-efi-{id}"), 7, &format!("{reason}#{count} Part{part}\n{reason} {time} {part}\n"))
}

/// The crashes as their texts, oldest lines first.
fn texts(dumps: Vec<Dump>) -> Vec<String> {
    crashes(dumps).iter().map(|crash| crash.pieces().concat().concat().replace('\n', ";")).collect()
}

#[test]
fn parts_in_any_order_are_joined_highest_first() {
    let parts = [
        efi(1_522_672_881, 1, 1, "Oops"),
        efi(1_522_672_882, 2, 1, "Oops"),
        efi(1_522_672_882, 3, 1, "Oops"),
    ];
    let joined = ["Oops 1522672882 3;Oops 1522672882 2;Oops 1522672881 1;"];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(texts(order.map(|at| parts[at].clone()).to_vec()), joined);
    }
    assert!(crashes(parts.to_vec())[0].notes().is_empty());
}

#[test]
fn crashes_of_several_starts_are_kept_apart() {
    let dumps = vec![
        // The same dump, twice, of two starts; the second within the time of a slow store.
        efi(1000, 1, 1, "Panic"),
        efi(1000, 2, 1, "Panic"),
        efi(1010, 1, 1, "Panic"),
        efi(1010, 2, 1, "Panic"),
        // Part 1 is missing, much later.
        efi(9000, 2, 1, "Panic"),
        // An oops before its panic.
        efi(1010, 1, 2, "Oops"),
    ];
    let expected =
        ["Panic 1000 2;Panic 1000 1;", "Panic 1010 2;Panic 1010 1;", "Oops 1010 1;", "Panic 9000 2;"];
    assert_eq!(texts(dumps.clone()), expected);
    let notes: Vec<_> = crashes(dumps).iter().map(Crash::notes).collect();
    assert_eq!(notes, [vec![], vec![], vec![], vec!["part 1 of 2 is missing".to_owned()]]);
}

#[test]
fn records_of_ramoops_are_dumps_of_their_own() {
    let text = "Panic#1 Part1\nx\n";
    let dumps = vec![dump("dmesg-ramoops-0", 5, text), dump("dmesg-ramoops-1", 5, text)];
    assert_eq!(texts(dumps.clone()), ["x;", "x;"]);
    assert!(crashes(dumps).iter().all(|crash| crash.notes().is_empty()));
}

#[test]
fn records_of_erst_are_put_together_by_their_numbers() {
    let erst = |id: u64, part: u32| {
        dump(&format!("dmesg-erst-{id}"), id % 3, &format!("Panic#1 Part{part}\n{id}/{part}\n"))
    };
    let boot = 1_522_672_881 << 32;
    let next = 1_522_672_890 << 32;
    let dumps =
        vec![erst(next + 2, 2), erst(boot + 3, 2), erst(boot + 1, 1), erst(boot + 4, 3), erst(next + 1, 1)];
    let mut joined = texts(dumps);
    joined.sort();
    assert_eq!(
        joined,
        [format!("{}/3;{}/2;{}/1;", boot + 4, boot + 3, boot + 1), format!("{}/2;{}/1;", next + 2, next + 1)]
    );
}

#[test]
fn a_missing_part_is_a_gap_and_is_said() {
    let some = |parts: &[u64]| parts.iter().map(|part| efi(1000, *part, 1, "Oops")).collect::<Vec<_>>();
    let of = |parts: &[u64]| {
        let crashes = crashes(some(parts));
        assert_eq!(crashes.len(), 1);
        (crashes[0].pieces().len(), crashes[0].notes().join(";"))
    };
    assert_eq!(of(&[1, 2, 4]), (2, "part 3 of 4 is missing".to_owned()));
    assert_eq!(of(&[2, 3]), (1, "part 1 of 3 is missing".to_owned()));
    assert_eq!(of(&[4, 1]), (2, "parts 2, 3 of 4 are missing".to_owned()));
    assert_eq!(of(&[40]), (1, "parts 1, 2, 3, 4, 5, 6, 7, 8 and 31 more of 40 are missing".to_owned()));
}

#[test]
fn what_cannot_be_unpacked_is_a_gap_and_is_said() {
    let id = (1000 * 100 + 2) * 1000 + 1;
    let unreadable = dump(&format!("dmesg-efi-{id}.enc.z"), 7, "\u{1}\u{2}\u{3}");
    let crashes = crashes(vec![efi(1000, 3, 1, "Oops"), unreadable.clone(), efi(1000, 1, 1, "Oops")]);
    assert_eq!(crashes.len(), 1);
    assert_eq!(crashes[0].pieces().len(), 2);
    assert_eq!(
        crashes[0].notes(),
        ["part 2 of 3 cannot be read: it is damaged, or packed with something else than deflate and zstd"]
    );
    assert!(crashes[0].is_readable());
    let crashes = super::crashes(vec![dump("dmesg-ramoops-0.enc.z", 7, "x")]);
    assert!(!crashes[0].is_readable());
    assert_eq!(
        crashes[0].notes(),
        ["the dump cannot be read: it is damaged, or packed with something else than deflate and zstd"]
    );
}

#[test]
fn damaged_memory_is_said() {
    let text = "Panic#1 Part1\nx\n0 Corrected bytes, 2 unrecoverable blocks\n";
    let crashes = crashes(vec![dump("dmesg-ramoops-0", 7, text)]);
    assert_eq!(crashes[0].notes(), ["part 1 of 1 has 2 blocks of damaged memory"]);
}

#[test]
fn a_dump_without_a_header_is_one_of_its_own() {
    let crashes = crashes(vec![dump("dmesg-ramoops-0", 7, "x\ny"), dump("dmesg.txt", 7, "z")]);
    assert_eq!(crashes.len(), 2);
    assert!(crashes.iter().all(|crash| crash.notes().is_empty() && crash.is_readable()));
}

proptest! {
    /// Crashes of several starts, minutes apart, with parts lost and in any order: no text has lines of two, and every
    /// dump is in one.
    #[test]
    fn parts_are_never_joined_with_those_of_another_crash(
        kept in prop::collection::vec((1..9_u64, any::<u8>()), 1..9), seed in any::<u64>()
    ) {
        let mut dumps = Vec::new();
        for (crash, (parts, mask)) in (0..).zip(&kept) {
            let time = 1_522_672_881 + crash * 600;
            let of_crash = (1..=*parts).filter(|part| mask >> (part - 1) & 1 == 1);
            dumps.extend(of_crash.map(|part| efi(time, part, 1 + crash % 2, "Panic")));
        }
        let count = dumps.len();
        let mut order: Vec<_> = (0..count).collect();
        order.sort_by_key(|at| (*at as u64).wrapping_mul(seed | 1));
        let mixed: Vec<_> = order.iter().map(|at| dumps[*at].clone()).collect();
        let crashes = crashes(mixed);
        prop_assert_eq!(crashes.iter().map(|crash| crash.dumps().len()).sum::<usize>(), count);
        let with_parts = kept.iter().filter(|(parts, mask)| mask & (0xff >> (8 - parts)) != 0).count();
        prop_assert_eq!(crashes.len(), with_parts);
        for crash in &crashes {
            let times: Vec<_> = crash.dumps().iter().map(|dump| dump.time_secs).collect();
            prop_assert!(times.windows(2).all(|pair| pair[0] == pair[1]));
            let parts: Vec<_> = crash.dumps().iter().filter_map(|dump| dump.part).collect();
            prop_assert!(parts.windows(2).all(|pair| pair[0] > pair[1]));
        }
    }

    #[test]
    fn any_dumps_are_put_together(
        files in prop::collection::vec(("(dmesg-(efi|erst|ramoops)-[0-9]{1,19}(\\.enc\\.z)?|dmesg\\.txt)", any::<u64>(), "((Oops|Panic)#[0-9] Part[0-9]{1,3}\n)?\\PC{0,20}"), 0..20)
    ) {
        let dumps: Vec<_> = files.iter().map(|(name, secs, text)| dump(name, *secs, text)).collect();
        let crashes = crashes(dumps);
        prop_assert_eq!(crashes.iter().map(|crash| crash.dumps().len()).sum::<usize>(), files.len());
        for crash in crashes {
            let _ = (crash.label(), crash.each_oops(|_| ()), crash.notes());
        }
    }
}
