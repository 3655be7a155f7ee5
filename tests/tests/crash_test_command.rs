//! `telemctl crash-test`: a person sees a crash become a record at the collector.

use std::process::Output;
use system_tests::crash::{CorePattern, can_set_core_pattern, crashprobe_pattern};
use test_harness::{Collector, Sandbox, programs};

/// What core_pattern has in an installation, under the program's own name, by which telemctl knows it. That leaves no
/// room for the thread's id.
fn pattern(sandbox: &Sandbox) -> String {
    let link = sandbox.path("crashprobe");
    std::os::unix::fs::symlink(programs::path("crashprobe"), &link).unwrap();
    let short = crashprobe_pattern(sandbox);
    let (_, arguments) = short.split_once(' ').unwrap();
    format!("|{} {}", link.display(), arguments.replace(" --tid=%I", ""))
}

/// Runs it with the configuration that core_pattern names.
fn crash_test(sandbox: &Sandbox) -> Output {
    let config = sandbox.path("c").display().to_string();
    sandbox.command("telemctl", &["--config", &config, "crash-test"]).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn each_step_is_reported_up_to_the_collector() {
    if !can_set_core_pattern("each_step_is_reported_up_to_the_collector") {
        return;
    }
    let mut sandbox = Sandbox::new();
    sandbox.write("etc/opt-in-no-privacy-filters", "");
    let collector = Collector::start(&mut sandbox, "/v2/collector");
    let _daemons = (sandbox.start_telemprobd(), sandbox.start("telempostd"));
    let _pattern = CorePattern::set(&pattern(&sandbox));
    let output = crash_test(&sandbox);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", text(&output.stderr));
    let steps = [
        "crashprobe has sent a report: org.clearlinux/crash/clr",
        "the process is gone",
        "the record was delivered",
    ];
    for step in steps {
        let line =
            printed.lines().find(|line| line.contains(step)).unwrap_or_else(|| panic!("{step}: {printed}"));
        let (ms, _) = line.trim_start().split_once(" ms  ").unwrap();
        assert!(ms.parse::<u64>().is_ok(), "{line}");
    }
    let records = collector.wait_for(1);
    let payload = records[0]["payload"].as_str().unwrap();
    assert!(payload.contains("read_a_null_pointer_on_purpose"), "{payload}");
    assert!(printed.contains(records[0]["event_id"].as_str().unwrap()), "{printed}");
}

#[test]
fn what_stands_in_the_way_is_reported_with_its_remedy() {
    if !can_set_core_pattern("what_stands_in_the_way_is_reported_with_its_remedy") {
        return;
    }
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("state")).unwrap();
    let pattern = pattern(&sandbox);
    let failed = |parts: &[&str]| {
        let output = crash_test(&sandbox);
        let printed = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{printed}");
        for part in parts {
            assert!(printed.contains(part), "{part}: {printed}");
        }
    };
    {
        let _pattern = CorePattern::set("core.%p");
        failed(&["core.%p", "sysctl"]);
    }
    let _pattern = CorePattern::set(&pattern);
    sandbox.opt_out();
    failed(&["Opt in to telemetry first."]);
    sandbox.opt_in();
    // No telemprobd: the crash probe tries for ten seconds, and says why it gave up.
    failed(&["sent no report", "telem-0"]);
}
