//! Groups' names and what became of each frame: the table of the facts first, then what each rule is there for.

use super::*;
use crate::groups::reading::{Record, read};
use proptest::prelude::*;
use std::sync::LazyLock;

fn variant(class: &str, payload: &str) -> Variant {
    let record =
        Record { classification: class, payload, system_name: "debian", build: "12", kernel_version: "6.1" };
    read(&record).unwrap().variant
}

fn crash(program: &str, head: &str, frames: &[&str]) -> Variant {
    let frames: Vec<_> =
        frames.iter().enumerate().map(|(number, frame)| format!("#{number} {frame}\n")).collect();
    variant(
        "org.clearlinux/crash/clr",
        &format!("Process: /usr/bin/{program}\n{head}\n\nBacktrace (TID 1):\n{}", frames.concat()),
    )
}

fn oops(class: &str, reason: &str, frames: &[&str]) -> Variant {
    let frames: Vec<_> =
        frames.iter().enumerate().map(|(number, frame)| format!("#{number} {frame}\n")).collect();
    let payload =
        format!("Crash Report:\nReason: {reason}\nKernel Version : 6.1\nBacktrace :\n{}", frames.concat());
    variant(&format!("org.clearlinux/kernel/{class}"), &payload)
}

/// Read once: they are many.
static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::shipped().unwrap());

fn verdict(variant: &Variant) -> Verdict {
    decide(&RULES, variant)
}

fn name(variant: &Variant) -> String {
    verdict(variant).signature.name
}

fn done(variant: &Variant) -> Vec<Done> {
    verdict(variant).steps.into_iter().map(|step| step.done).collect()
}

#[test]
fn the_table_of_the_facts() {
    let libc = |function: &str| format!("{function}() - [libc.so.6]");
    let (raise, abort) = (libc("raise"), libc("abort"));
    for (variant, expected) in [
        (
            crash(
                "beta",
                "Signal: 6",
                &[&raise, &abort, "beta_fail() - [/usr/bin/beta]", "main() - [/usr/bin/beta]"],
            ),
            "beta: beta_fail",
        ),
        (
            crash(
                "editor",
                "Signal: 11",
                &[
                    "__memcpy_avx_unaligned_erms() - [libc.so.6]",
                    "g_strdup() - [libglib-2.0.so.0]",
                    "load(char const*) - [/usr/bin/editor]",
                ],
            ),
            "editor: memcpy, g_strdup, load",
        ),
        (
            crash(
                "editor",
                "",
                &[
                    "std::vector<int, A<int> >::at(unsigned long) const - [editor]",
                    "Doc::{lambda(int)#2}::operator()(int) const - [editor]",
                ],
            ),
            "editor: std::vector<T>::at, Doc::{lambda}::operator()",
        ),
        (
            crash(
                "app",
                "Signal: 6",
                &[
                    &raise,
                    &abort,
                    "rust_panic - [app]",
                    "core::panicking::panic_fmt - [app]",
                    "app::load::h0123456789abcdef - [app]",
                ],
            ),
            "app: app::load",
        ),
        (
            crash("editor", "", &["??? - [libplug.so.1.4] +0x1234", "??? - [libplug.so.1.4] +0x2000"]),
            "editor: libplug.so.1+0x1234 (no symbols)",
        ),
        (
            crash(
                "jsond",
                "Signal: 11\nCause: SIGSEGV: stack overflow",
                &[
                    "leaf - [jsond]",
                    "parse_val - [jsond]",
                    "parse_obj - [jsond]",
                    "parse_val - [jsond]",
                    "parse_obj - [jsond]",
                    "parse_val - [jsond]",
                ],
            ),
            "jsond: stack overflow in parse_obj, parse_val",
        ),
        (crash("gamma", "Signal: 6", &[&raise, &abort]), "gamma: abort (nothing else)"),
        (
            oops(
                "bug",
                "BUG: kernel NULL pointer dereference, address: 0000000000000010",
                &["broken_write - [broken]", "? __die_body.cold - [kernel]"],
            ),
            "kernel: NULL pointer dereference in broken_write [broken]",
        ),
        (
            oops(
                "warning",
                "WARNING: drivers/gpu/drm/drm_mode.c:77 at drm_mode_check+0x4c/0x90 [drm], CPU#2: modprobe/301",
                &["drm_mode_check - [drm]"],
            ),
            "kernel: WARNING in drm_mode_check [drm]",
        ),
        (
            oops(
                "bug",
                "BUG: KASAN: slab-out-of-bounds in ext_parse+0x1b3/0x240 [ext]",
                &["dump_stack_lvl - [kernel]", "kasan_report - [kernel]", "ext_parse - [ext]"],
            ),
            "kernel: KASAN: slab-out-of-bounds in ext_parse [ext]",
        ),
        (
            oops(
                "bug",
                "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [modprobe:163]",
                &["spin_forever - [spinner]", "? watchdog_timer_fn - [kernel]"],
            ),
            "kernel: soft lockup in spin_forever [spinner]",
        ),
        (
            variant(
                "org.clearlinux/journal/error",
                "MESSAGE=backup@home.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED\nUNIT=backup@home.service\n",
            ),
            "backup@.service: exited, 3",
        ),
    ] {
        assert_eq!(name(&variant), expected);
    }
}

#[test]
fn kernel_reports_of_our_probe() {
    for (variant, expected) in [
        (
            oops(
                "warning",
                "WARNING: CPU: 1 PID: 812 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110",
                &[
                    "refcount_warn_saturate - [kernel]",
                    "? __warn - [kernel]",
                    "release_session - [e1000e]",
                    "process_one_work - [kernel]",
                ],
            ),
            "kernel: WARNING in release_session [e1000e]",
        ),
        (
            oops(
                "warning",
                "WARNING: at net/sched/sch_generic.c:261 dev_watchdog+0x25f/0x270()",
                &[
                    "warn_slowpath_common - [kernel]",
                    "warn_slowpath_fmt - [kernel]",
                    "? dev_watchdog - [kernel]",
                    "native_safe_halt - [kernel]",
                ],
            ),
            "kernel: WARNING in dev_watchdog",
        ),
        (
            oops(
                "bug",
                "NMI watchdog: Watchdog detected hard LOCKUP on cpu 2",
                &[
                    "native_queued_spin_lock_slowpath - [kernel]",
                    "_raw_spin_lock_irqsave - [kernel]",
                    "flush_everything - [kernel]",
                ],
            ),
            "kernel: hard lockup in native_queued_spin_lock_slowpath, _raw_spin_lock_irqsave, flush_everything",
        ),
        (
            oops(
                "warning",
                "INFO: task umount:2100 blocked for more than 120 seconds.",
                &["__schedule - [kernel]", "schedule - [kernel]", "wait_for_sync - [kernel]"],
            ),
            "kernel: hung task in wait_for_sync",
        ),
        (oops("panic", "Kernel panic - not syncing: Fatal exception", &[]), "kernel: panic: Fatal exception"),
        (
            oops(
                "panic",
                "Kernel panic - not syncing: sysrq triggered crash",
                &["dump_stack_lvl - [kernel]", "panic - [kernel]", "sysrq_handle_crash - [kernel]"],
            ),
            "kernel: panic: sysrq triggered crash in sysrq_handle_crash",
        ),
        (
            oops(
                "stackoverflow",
                "do_IRQ: stack overflow: 412",
                &["? do_softirq_own_stack - [kernel]", "? my_irq - [mine]"],
            ),
            "kernel: stack overflow in my_irq [mine]",
        ),
        (
            oops("bug", "kernel BUG at mm/slub.c:379!", &["? dump_stack - [kernel]"]),
            "kernel: BUG at mm/slub.c",
        ),
        (
            oops(
                "warning",
                "NETDEV WATCHDOG: eth0 (e1000e): transmit queue 0 timed out",
                &["dev_watchdog - [kernel]"],
            ),
            "kernel: NETDEV WATCHDOG (e1000e)",
        ),
        (variant("org.clearlinux/mce/corrected", "CPU 0 BANK 8\n"), "hardware: corrected, bank 8"),
    ] {
        assert_eq!(name(&variant), expected);
    }
}

#[test]
fn a_signal_handler_goes_if_it_ended_the_program() {
    let frames = [
        "raise() - [libc.so.6]",
        "on_crash(int) - [app]",
        "__restore_rt() - [libc.so.6]",
        "real_fault() - [app]",
        "main() - [app]",
    ];
    let ended = crash("app", "Signal: 11", &frames);
    assert_eq!(name(&ended), "app: real_fault");
    assert_eq!(done(&ended), [Done::Cut, Done::Handler, Done::Handler, Done::Meaningful, Done::Below]);
    let failed = crash("app", "Signal: 11", &frames[1..]);
    assert_eq!(name(&failed), "app: on_crash");
    let ours = crash(
        "app",
        "",
        &[
            "raise() - [libc.so.6]",
            "on_crash(int) - [app]",
            "??? - [vdso]",
            "real_fault() - [app] (by signal frame)",
        ],
    );
    assert_eq!(name(&ours), "app: real_fault");
}

#[test]
fn a_cut_counts_among_the_first_sixteen() {
    let mut frames: Vec<String> = (0..16).map(|number| format!("f{number} - [app]")).collect();
    frames.push("abort - [libc.so.6]".to_owned());
    let deep = crash("app", "", &frames.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(name(&deep), "app: f0");
    frames.remove(0);
    frames.push("g - [app]".to_owned());
    let high = crash("app", "", &frames.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(name(&high), "app: g");
    assert_eq!(done(&high)[14..17], [Done::AboveCut, Done::Cut, Done::Meaningful]);
}

#[test]
fn a_programs_own_abort_is_no_machinery() {
    assert_eq!(name(&crash("app", "Signal: 6", &["abort() - [app]", "main() - [app]"])), "app: abort");
}

#[test]
fn libraries_without_symbols() {
    let plug = |offset: &str| format!("??? - [libplug.so.1] +{offset}");
    let build = |variant: &mut Variant, id: &str| {
        for token in variant.frames.iter_mut().filter(|token| token.function.is_none()) {
            token.build_id = Some(id.to_owned());
        }
    };
    // Alone, they are known by build-id and address, and never one group.
    let mut one = crash("editor", "", &[&plug("0x10"), "main() - [editor]"]);
    let mut other = one.clone();
    build(&mut one, "aaaa");
    build(&mut other, "bbbb");
    assert_eq!((name(&one), name(&other)), ("editor: libplug.so.1+0x10 (no symbols)".to_owned(), name(&one)));
    assert_ne!(verdict(&one).signature.hash, verdict(&other).signature.hash);
    // Between names, they part nothing.
    let frames = |offset: &str| {
        crash("editor", "", &[&plug(offset), &plug("0x99"), "load() - [editor]", "run() - [editor]"])
    };
    let (mut one, mut other) = (frames("0x10"), frames("0x20"));
    build(&mut one, "aaaa");
    build(&mut other, "bbbb");
    assert_eq!(name(&one), "editor: libplug.so.1!, load");
    assert_eq!(verdict(&one).signature, verdict(&other).signature);
    assert_eq!(done(&one), [Done::Generic, Done::Repeated, Done::Meaningful, Done::Below]);
    // What the privacy filters leave of a plug-in is not a group of all of them.
    let filtered = crash("editor", "", &["??? - [third party]", "load() - [editor]"]);
    assert_eq!(name(&filtered), "editor: third party, load");
    assert_eq!(name(&crash("a", "", &["??? - [unknown]", "??? - [unknown]"])), "a: unknown (no symbols)");
    assert_eq!(
        name(&crash("a", "", &["memcpy - [libc.so.6]", &plug("0x1")])),
        "a: memcpy, libplug.so.1+0x1 (no symbols)"
    );
}

#[test]
fn a_crash_without_frames() {
    assert_eq!(
        name(&variant("org.clearlinux/crash/error", "Process: a\nError: no core for \"x\"\n")),
        "a: no core for (text)"
    );
    assert_eq!(name(&variant("org.clearlinux/crash/clr", "")), "unknown: no backtrace");
}

#[test]
fn a_site_may_see_it_otherwise() {
    let frames = ["raise() - [libc.so.6]", "die() - [libours.so.1]", "main() - [app]"];
    let variant = crash("app", "Signal: 6", &frames);
    assert_eq!(name(&variant), "app: die");
    let rules = Rules::with_site("x", "cut libours.so* die *\n").unwrap();
    let verdict = decide(&rules, &variant);
    assert_eq!(verdict.signature.name, "app: main");
    assert_eq!(verdict.steps[1], Step { done: Done::Cut, rule: Some(RuleId::Site(1)) });
    let rules = Rules::with_site("x", "keep libc.so* raise *\n").unwrap();
    assert_eq!(decide(&rules, &variant).signature.name, "app: raise");
}

#[test]
fn kinds_and_programs_are_kept_apart() {
    let frames = ["f - [libx.so.1]", "g - [libx.so.1]"];
    let hashes: std::collections::BTreeSet<_> = [
        crash("a", "", &frames),
        crash("b", "", &frames),
        crash("a", "Signal: 6", &frames),
        crash("a", "Cause: stack overflow", &frames),
    ]
    .iter()
    .map(|variant| verdict(variant).signature.hash)
    .collect();
    assert_eq!(hashes.len(), 4);
    let long = crash("a", "", &[&format!("{} - [a]", "x".repeat(400))]);
    assert_eq!(name(&long).chars().count(), 255);
}

proptest! {
    #[test]
    fn every_frame_has_a_fate_and_every_signature_a_name(
        frames in prop::collection::vec(prop_oneof![
            Just("raise() - [libc.so.6]"), Just("abort() - [libc.so.6]"), Just("??? - [unknown]"), Just("??? - [third party]"),
            Just("memcpy - [libc.so.6]"), Just("f - [app]"), Just("g - [app]"), Just("__restore_rt - [libc.so.6]"),
            Just("start_thread - [libc.so.6]"), Just("??? - [libp.so.1] +0x10"), Just("main - [app]"),
        ], 0..40),
        signal in prop_oneof![Just("Signal: 6"), Just("Signal: 11"), Just("Cause: stack overflow")],
    ) {
        let variant = crash("app", signal, &frames);
        let verdict = verdict(&variant);
        prop_assert_eq!(verdict.steps.len(), variant.frames.len());
        prop_assert!(verdict.signature.name.len() > "app: ".len());
        // Machinery alone never makes a group that other programs share, and never hides what is below it.
        let has_own = variant.frames.iter().any(|token| token.module == "app" && token.function.as_deref() != Some("main"));
        let is_deep = variant.frames.iter().take(16).any(|token| token.module == "app");
        if has_own && is_deep && !verdict.signature.name.contains("nothing else") {
            prop_assert!(!verdict.signature.name.contains("raise"), "{}", verdict.signature.name);
        }
        prop_assert_eq!(decide(&RULES, &variant), verdict);
    }
}
