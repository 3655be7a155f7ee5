//! What several debug files share (`dwz -m`) is read below the root that a core is reported with, and the report is as it was
//! when each file had its own.

use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use system_tests::crash::{CorePattern, can_set_core_pattern};
use test_harness::{Sandbox, programs};

/// Where the files say that it is.
const SHARED: &str = "/usr/lib/debug/.dwz/shared.debug";

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The frames of the program, whose line has this in it.
fn frames(report: &str, program: &str) -> Vec<String> {
    let module = format!(" - [{program}] - ");
    report.lines().filter(|line| line.contains(&module)).map(str::to_owned).collect()
}

#[test]
fn what_debug_files_share_is_read_below_the_root() {
    if !can_set_core_pattern("what_debug_files_share_is_read_below_the_root") {
        return;
    }
    setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY).unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("etc/opt-in-no-privacy-filters", "");
    let _telemprobd = sandbox.start_telemprobd();
    let sources = programs::source_root().join("tests/crash");
    let root = sandbox.path("root");
    let below = |path: &Path| root.join(path.strip_prefix("/").unwrap());
    let built = ["one", "two"].map(|name| {
        let program = sandbox.path(name);
        let mut compile = Command::new("c++");
        compile.args(["-g", "-fno-optimize-sibling-calls", if name == "one" { "-O1" } else { "-O2" }, "-o"]);
        run(compile.arg(&program).args([sources.join("deep_names.cc"), sources.join("many_units.cc")]));
        let copy = below(&program);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&program, &copy).unwrap();
        (program, copy)
    });
    let shared = below(Path::new(SHARED));
    fs::create_dir_all(shared.parent().unwrap()).unwrap();
    let copies = built.each_ref().map(|(_, copy)| copy);
    run(Command::new("dwz").arg("-m").arg(&shared).args(["-M", SHARED]).args(copies));
    let [(program, _), _] = &built;
    let core = sandbox.path("core");
    {
        let _pattern = CorePattern::set(core.to_str().unwrap());
        let status = Command::new(program).stderr(Stdio::null()).status().unwrap();
        assert!(status.core_dumped(), "{status}");
    }
    let report = |arguments: &[&str]| {
        let fixed = ["-c", core.to_str().unwrap(), "-p", "x", "-E", program.to_str().unwrap(), "-v"];
        let output = sandbox.run("crashprobe", &[&fixed[..], arguments].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let own = frames(&report(&[]), "one");
    assert!(own.len() > 8, "{own:?}");
    assert_eq!(frames(&report(&["--root", root.to_str().unwrap()]), "one"), own);
    fs::remove_file(shared).unwrap();
    assert_ne!(frames(&report(&["--root", root.to_str().unwrap()]), "one"), own);
}
