//! Bounds of groups: anybody may know the TID, and send records that each look new.
//!
//! A new signature makes a group, unless its program or unit had 200 new ones that day, or all together had 5,000. What is
//! beyond goes to a group "many different": of the program, or of the kind, whose number is bounded whatever programs are
//! made up. Variants of one signature have no bound of their own either: beyond 200 new ones a day they are condensed to the
//! frames of the name, of which there are no more than signatures.

use super::limits::{
    FORGET_DAYS, MATTERING_MACHINES, NEW_SIGNATURES, NEW_SIGNATURES_OF_SUBJECT, NEW_VARIANTS_OF_SIGNATURE,
};
use super::reading::{Token, Variant};
use super::rules::Rules;
use super::signature::{Verdict, decide};

/// New signatures of a day so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewToday {
    /// Of this kind and program or unit.
    pub of_subject: u64,
    /// In all.
    pub in_all: u64,
}

/// Where a record with a new signature goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// To a group of its own.
    Own,
    /// To the group "many different" of its program or unit.
    ManyOfSubject,
    /// To the group "many different" of its kind.
    ManyOfKind,
}

/// Where a record with a signature goes that was never seen.
#[must_use]
pub fn admit(today: NewToday) -> Admission {
    if today.in_all >= NEW_SIGNATURES {
        Admission::ManyOfKind
    } else if today.of_subject >= NEW_SIGNATURES_OF_SUBJECT {
        Admission::ManyOfSubject
    } else {
        Admission::Own
    }
}

/// The variant that a record counts for: its own, or one that says no more than that there are many. That one is stored
/// in the place of its own, whose number has no bound, so that it stays in its group whatever rules follow.
#[must_use]
pub fn admitted(variant: Variant, admission: Admission) -> Variant {
    let subject = match admission {
        Admission::Own => return variant,
        Admission::ManyOfSubject => variant.subject,
        Admission::ManyOfKind => variant.kind.name().to_owned(),
    };
    Variant {
        kind: variant.kind,
        subject,
        what: "many different".to_owned(),
        is_enough: true,
        named: None,
        file: None,
        is_cycle: false,
        frames: Vec::new(),
    }
}

/// Whether a variant that was never seen is stored as it is; `new_today` are those of its signature so far.
#[must_use]
pub fn admits_variant(new_today: u64) -> bool {
    new_today < NEW_VARIANTS_OF_SIGNATURE
}

/// The variant that is stored in the place of one that is not admitted: of the same signature, and with nothing in it that
/// the signature has not.
#[must_use]
pub fn condensed(rules: &Rules, variant: &Variant, verdict: &Verdict) -> Variant {
    let steps = variant.frames.iter().zip(&verdict.steps);
    let frames: Vec<Token> =
        steps.filter(|(_, step)| step.done.is_in_name()).map(|(token, _)| token.clone()).collect();
    let without_address = |token: &Token| Token { offset: None, build_id: None, ..token.clone() };
    let by_module: Vec<Token> = frames.iter().map(without_address).collect();
    // Modules without symbols are known by their names alone if two frames have names: one that is there twice.
    let twice = by_module.iter().chain(by_module.last()).cloned().collect();
    [by_module, twice, frames]
        .map(|frames| Variant { frames, ..variant.clone() })
        .into_iter()
        .find(|shorter| decide(rules, shorter).signature.hash == verdict.signature.hash)
        .unwrap_or_else(|| admitted(variant.clone(), Admission::ManyOfSubject))
}

/// What is known of a group that may be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The UTC day of its last record, in days since 1970.
    pub last_seen_day: i64,
    /// The largest number of machines that it ever had on one day.
    pub machines: u64,
    /// Whether a person decided anything of it.
    pub has_decision: bool,
}

impl Remembered {
    /// Whether it goes: silent for 400 days, never on 3 machines, and nobody's concern.
    #[must_use]
    pub fn may_go(&self, today: i64) -> bool {
        let is_silent = today.saturating_sub(self.last_seen_day) > FORGET_DAYS;
        is_silent && self.machines < MATTERING_MACHINES && !self.has_decision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::kind::Kind;
    use crate::groups::reading::{Record, read};
    use std::collections::{BTreeMap, BTreeSet};

    fn variant(payload: &str) -> Variant {
        let record = Record {
            classification: "a/crash/clr",
            payload,
            system_name: "d",
            build: "1",
            kernel_version: "6",
        };
        read(&record).unwrap().variant
    }

    /// Takes records in as storage does; returns how many each group has, and how many variants are stored.
    fn store(rules: &Rules, payloads: impl Iterator<Item = String>) -> (BTreeMap<String, u64>, usize) {
        let (mut known, mut of_subject, mut groups) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let mut variants = BTreeSet::new();
        for payload in payloads {
            let variant = variant(&payload);
            let signature = decide(rules, &variant).signature;
            let new_of_subject: &mut u64 = of_subject.entry(signature.subject.clone()).or_default();
            let today = NewToday { of_subject: *new_of_subject, in_all: known.len() as u64 };
            let is_new = !known.contains(&signature.hash);
            let admission = if is_new { admit(today) } else { Admission::Own };
            if is_new && admission == Admission::Own {
                known.insert(signature.hash);
                *new_of_subject += 1;
            }
            let variant = admitted(variant, admission);
            variants.insert(variant.hash());
            *groups.entry(decide(rules, &variant).signature.name).or_default() += 1;
        }
        (groups, variants.len())
    }

    #[test]
    fn never_a_group_a_record() {
        let rules = Rules::shipped().unwrap();
        let of_one = (0..1000).map(|at| format!("Process: app\n#0 f{at}_x - [app]\n"));
        let (groups, variants) = store(&rules, of_one);
        assert_eq!((groups.len(), variants, groups["app: many different"]), (201, 201, 800));
        let of_many = (0..9000).map(|at| format!("Process: a{at}x\n#0 f - [app]\n"));
        let (groups, variants) = store(&rules, of_many);
        assert_eq!((groups.len(), variants, groups["crash: many different"]), (5001, 5001, 4000));
    }

    #[test]
    fn never_one_group_of_what_says_nothing() {
        let rules = Rules::shipped().unwrap();
        for frames in [
            "#0 raise() - [libc.so.6]\n#1 abort() - [libc.so.6]\n",
            "#0 ??? - [unknown]\n#1 ??? - [unknown]\n",
            "#0 ??? - [third party]\n#1 ??? - [third party]\n",
            "#0 __restore_rt - [libc.so.6]\n",
            "",
        ] {
            let programs = (0..100).map(|at| format!("Process: /usr/bin/p{at}x\n{frames}"));
            assert_eq!(store(&rules, programs).0.len(), 100, "{frames}");
        }
        let third_party = Record {
            classification: "org.clearlinux/crash/unknown",
            payload: "Crash from third party\n",
            system_name: "",
            build: "",
            kernel_version: "",
        };
        assert!(read(&third_party).is_err());
    }

    #[test]
    fn what_may_be_forgotten() {
        let group = Remembered { last_seen_day: 0, machines: 2, has_decision: false };
        assert!(group.may_go(401) && !group.may_go(400));
        assert!(!Remembered { machines: 3, ..group }.may_go(9000));
        assert!(!Remembered { has_decision: true, ..group }.may_go(9000));
    }

    #[test]
    fn variants_have_a_bound_too() {
        let rules = Rules::shipped().unwrap();
        let variants = |payload: fn(u32) -> String| {
            let both = (1..50).map(|at| {
                let variant = variant(&payload(at));
                let verdict = decide(&rules, &variant);
                let condensed = condensed(&rules, &variant, &verdict);
                assert_eq!(decide(&rules, &condensed).signature, verdict.signature);
                (variant.hash(), condensed.hash())
            });
            let (before, after): (BTreeSet<_>, BTreeSet<_>) = both.unzip();
            (before.len(), after.len())
        };
        let plain = |at| {
            format!(
                "Process: app\n#0 x{at}y - [app]\n#1 abort - [libc.so.6]\n#2 f - [app]\n#3 g{at}h - [app]\n"
            )
        };
        assert_eq!(variants(plain), (49, 1));
        let in_the_middle = |at| {
            format!(
                "Process: app\n#0 ??? - [libp.so.1] +0x{at:x}\n#1 memcpy - [libc.so.6]\n#2 f - [app]\n#3 g{at}h - [app]\n"
            )
        };
        assert_eq!(variants(in_the_middle), (49, 1));
        let overflow = |at| {
            let cycle = |at| format!("#{at} b - [app]\n");
            format!(
                "Process: app\nCause: stack overflow\n#0 x{at}y - [app]\n{}",
                (1..9).map(cycle).collect::<String>()
            )
        };
        assert_eq!(variants(overflow), (1, 1));
        let alone =
            |at| format!("Process: app\n#0 ??? - [libp.so.1] +0x10\n#1 ??? - [libq.so.1] +0x{at:x}\n");
        assert_eq!(variants(alone), (49, 1));
        let nothing = |at| format!("Process: app\n#0 x{at}y - [app]\n#1 raise - [libc.so.6]\n");
        assert_eq!(variants(nothing), (49, 1));
        assert!(admits_variant(199) && !admits_variant(200));
    }

    #[test]
    fn kinds_are_kept_apart() {
        let rules = Rules::shipped().unwrap();
        let many = |kind| {
            let variant = Variant { kind, ..variant("Process: a\n#0 f - [a]\n") };
            decide(&rules, &admitted(variant, Admission::ManyOfSubject)).signature.hash
        };
        assert_eq!(Kind::ALL.into_iter().map(many).collect::<BTreeSet<_>>().len(), Kind::ALL.len());
    }

    #[test]
    fn both_bounds() {
        let admit = |of_subject, in_all| admit(NewToday { of_subject, in_all });
        assert_eq!(admit(199, 4999), Admission::Own);
        assert_eq!(admit(200, 4999), Admission::ManyOfSubject);
        assert_eq!(admit(200, 5000), Admission::ManyOfKind);
    }
}
