//! Programs of plug-ins that attack the collector as its own user: each way is tried, and each has to fail.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::collector::{Collector, DEADLINE};
use crate::sample::headers;

/// Tries each attack, and answers what became of it as values of the record.
const ATTACKS: &str = r#"#!/usr/bin/python3
import ctypes, json, os, resource, socket, sys
record = json.loads(sys.stdin.readline())
base, parent = BASE, os.getppid()
secret = lambda name: lambda: open(os.path.join(base, name), "rb").read(1)
def any_inherited():
    for number in range(3, 64):
        try: os.fstat(number)
        except OSError: continue
        return number
    raise OSError("none")
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    if libc.syscall(number, *args) == -1: raise OSError(ctypes.get_errno(), "denied")
database = os.path.join(base, "t.db")
attacks = {
    "database": secret("t.db"), "wal": secret("t.db-wal"), "users": secret("users"), "key": secret("server.key"),
    "other_plugin": secret("plugins/secret.view"), "passwd": lambda: open("/etc/passwd").read(1),
    "list_data": lambda: os.listdir(base), "list_root": lambda: os.listdir("/"),
    "cmdline": lambda: open("/proc/%d/cmdline" % parent).read(), "environ": lambda: open("/proc/%d/environ" % parent).read(),
    "memory": lambda: open("/proc/%d/mem" % parent, "rb"), "own_fds": lambda: os.listdir("/proc/self/fd"),
    "descriptors": any_inherited,
    "append": lambda: open(database, "ab"), "overwrite": lambda: os.open(database, os.O_WRONLY | os.O_TRUNC),
    "truncate": lambda: os.truncate(database, 0), "chmod": lambda: os.chmod(database, 0o666),
    "chown": lambda: os.chown(database, 1, 1), "touch": lambda: os.utime(database, (0, 0)),
    "xattr": lambda: os.setxattr(database, "user.x", b"x"),
    "unlink": lambda: os.unlink(database), "rename": lambda: os.rename(database, database + ".gone"),
    "link": lambda: os.link(database, base + "/link"), "symlink": lambda: os.symlink("/", base + "/root"),
    "mkdir": lambda: os.mkdir(base + "/new"), "create": lambda: open(base + "/made", "w"),
    "fifo": lambda: os.mkfifo(base + "/fifo"), "tmp": lambda: open("/tmp/telem-confined", "w"),
    "shm": lambda: open("/dev/shm/telem-confined", "w"), "sysv": lambda: libc.shmget(1, 4096, 0o1666) != -1 or call(-1),
    "kill": lambda: os.kill(parent, 15), "kill_all": lambda: os.kill(-1, 9),
    "tgkill": lambda: call(234, parent, parent, 15), "sigqueue": lambda: call(129, parent, 15, 0),
    "renice": lambda: os.setpriority(os.PRIO_PROCESS, parent, 19), "affinity": lambda: os.sched_setaffinity(parent, {0}),
    "limits": lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE, (8, 8)),
    "own_limits": lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 34, 1 << 34)),
    "ptrace": lambda: call(101, 16, parent, 0, 0), "vm_read": lambda: call(310, parent, 0, 0, 0, 0, 0),
    "session": os.setsid, "group": lambda: os.setpgid(0, 0),
    "network": lambda: socket.socket(), "unix": lambda: socket.socket(socket.AF_UNIX), "raw": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "pair": lambda: socket.socketpair()[0].connect("/run/systemd/journal/socket"),
    "namespace": lambda: call(272, 0x10000000), "chroot": lambda: os.chroot(base), "mount": lambda: call(165, 0, 0, 0, 0, 0),
}
values = {"environment": ",".join(sorted(name for name in os.environ if name not in ("PWD", "SHLVL", "_", "LC_CTYPE"))) or "empty"}
done = []
for name, attack in attacks.items():
    try: done.append(name + " " + str(attack())[:40])
    except (OSError, ValueError) as error: pass
libc.syscall(0x40000000 + 39)
values["x32"] = os.strerror(ctypes.get_errno())
values["tried"], values["done"] = len(attacks), "; ".join(done)
values["library"] = "usable" if json.dumps({}) == "{}" and os.listdir("/usr/lib") else "missing"
print(json.dumps({"id": record["id"], "values": values}))
"#;

fn program(plugins: &Path, name: &str, text: &str) {
    fs::write(plugins.join(name), text).unwrap();
    fs::set_permissions(plugins.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    let parser = format!("classes = [\"a/{name}/c\"]\nprogram = \"{name}\"\n");
    fs::write(plugins.join(format!("{name}.parser")), parser).unwrap();
}

fn start(base: &Path) -> Collector {
    let path = |name: &str| base.join(name).to_str().unwrap().to_owned();
    Collector::start(&["--database", &path("t.db"), "--plugins", &path("plugins")])
}

fn post(collector: &Collector, class: &str) {
    assert_eq!(collector.post("/", &headers(&[("Classification", class)]), "x").status, 201);
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_program_reads_and_changes_nothing_of_the_collectors() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let plugins = base.join("plugins");
    fs::create_dir(&plugins).unwrap();
    for name in ["users", "server.key", "plugins/secret.view"] {
        fs::write(base.join(name), "secret").unwrap();
    }
    program(&plugins, "attack", &ATTACKS.replace("BASE", &format!("{:?}", base.to_str().unwrap())));
    let collector = start(base);
    let before = fs::metadata(base.join("t.db")).unwrap();
    post(&collector, "a/attack/c");
    let values = until("its values", || {
        let record = collector.get("/telemetryui/records/record_details/1?format=json").json();
        let values = record["values"].as_array().unwrap().clone();
        (!values.is_empty()).then_some(values)
    });
    let value =
        |one: &Value| (one["name"].as_str().unwrap().to_owned(), one["value"].as_str().unwrap().to_owned());
    let mut values: std::collections::BTreeMap<String, String> = values.iter().map(value).collect();
    assert_eq!(values.remove("environment").as_deref(), Some("empty"));
    assert_eq!(values.remove("library").as_deref(), Some("usable"), "an interpreter works");
    assert_eq!(values.remove("done").as_deref(), Some(""));
    let x32 = values.remove("x32");
    assert_eq!(x32.as_deref(), Some("Operation not permitted"), "by other numbers");
    assert_eq!(values.remove("tried").as_deref(), Some("49"));
    let after = fs::metadata(base.join("t.db")).unwrap();
    assert_eq!(before.permissions(), after.permissions());
    post(&collector, "a/b/c");
    let mut names: Vec<_> =
        fs::read_dir(base).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("t.db"));
    names.sort_unstable();
    assert_eq!(names, ["plugins", "server.key", "users"], "nothing was made");
    collector.stop();
}

/// What one process may not have, several do not have together either; and each is named on the collector's page.
#[test]
fn the_processes_of_a_program_are_bounded_together() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path();
    let plugins = base.join("plugins");
    fs::create_dir(&plugins).unwrap();
    program(&plugins, "crowd", "#!/bin/sh\nfor n in $(seq 60); do sleep 30 & done; wait\n");
    program(
        &plugins,
        "family",
        "#!/usr/bin/python3\nimport os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        x = b'x' * (100 << 20)\n        time.sleep(30)\n        os._exit(0)\ntime.sleep(30)\n",
    );
    program(&plugins, "loud", "#!/bin/sh\nyes\n");
    let collector = start(base);
    for name in ["crowd", "family", "loud"] {
        post(&collector, &format!("a/{name}/c"));
    }
    for reason in ["more than 32 processes", "more than 256 MiB together", "more than 1048576 bytes"] {
        until(reason, || collector.get("/telemetryui/collector").body.contains(reason).then_some(()));
    }
    let left = std::process::Command::new("pgrep").args(["-fx", "sleep 30"]).output().unwrap();
    assert!(left.stdout.is_empty(), "{left:?}");
}
