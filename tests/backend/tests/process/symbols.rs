//! Frames that a report has only addresses of get names: from a directory, from a debuginfod server, and not from what hostile
//! servers and files offer.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::Cluster;
use crate::collector::{Collector, DEADLINE};
use crate::sample::headers;

/// `boom` is called by `middle`, which the compiler puts into `outer`.
const SOURCE: &str = "volatile int *where;
static int boom(int n) __attribute__((noinline));
static int boom(int n) { where[n] = NUMBER; return n; }
static inline __attribute__((always_inline)) int middle(int n) { return boom(n) + 1; }
int outer(int n) __attribute__((noinline));
int outer(int n) { return middle(n) + 2; }
int main(int argc, char **argv) { (void) argv; return outer(argc); }
";

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A program as a distribution ships it: stripped, its debug file apart.
struct Program {
    directory: tempfile::TempDir,
    build_id: String,
    debug: PathBuf,
    /// In `boom`, and the call in `outer`.
    addresses: [u64; 2],
}

impl Program {
    /// One with a build-id of its own.
    fn new(number: u32) -> Self {
        Self::compiled(number, &[])
    }

    fn compiled(number: u32, options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("plug.c"), SOURCE.replace("NUMBER", &number.to_string())).unwrap();
        let mut gcc = Command::new("gcc");
        run(gcc
            .args(["-g", "-O1", "-Wl,--build-id"])
            .args(options)
            .arg("-o")
            .args([at("plug"), at("plug.c")]));
        run(Command::new("objcopy")
            .args(["--only-keep-debug", "--compress-debug-sections=zlib"])
            .args([at("plug"), at("plug.debug")]));
        let addresses = ["boom", "outer"].map(|function| {
            let text = run(Command::new("objdump")
                .args(["-d", &format!("--disassemble={function}")])
                .arg(at("plug")));
            let is_there = |line: &&str| line.contains(if function == "boom" { "ret" } else { "call" });
            let line = text.lines().find(is_there).unwrap();
            u64::from_str_radix(line.trim().split(':').next().unwrap(), 16).unwrap()
        });
        let notes = run(Command::new("readelf").arg("-n").arg(at("plug")));
        let build_id =
            notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: ")).unwrap().to_owned();
        run(Command::new("strip").arg(at("plug")));
        Self { build_id, debug: at("plug.debug"), addresses, directory }
    }

    /// What a client sends that has no symbols of it.
    fn report(&self) -> String {
        let [boom, outer] = self.addresses;
        let id = &self.build_id;
        format!(
            "Process: /usr/bin/editor\nSignal: 11\n\nBacktrace (TID 1):\n#0 ??? - [libplug.so.1.4] +{boom:#x}\n\
             #1 ??? - [libplug.so.1.4] +{outer:#x}\n#2 main() - [editor] - main.c:9\n\n\
             Backtrace (TID 2):\n#0 wait() - [libc.so.6]\n#1 ??? - [libplug.so.1.4] +{outer:#x}\n\nModules:\neditor -\n\
             libplug.so.1.4 {id} +{boom:#x} +{outer:#x}\n"
        )
    }

    /// Puts the files of its split DWARF below a directory, where they were compiled.
    fn install_units(&self, directory: &Path) {
        let found = fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let units: Vec<_> = found.filter(|path| path.extension().is_some_and(|end| end == "dwo")).collect();
        assert_eq!(units.len(), 1, "{units:?}");
        let to = directory.join(units[0].strip_prefix("/").unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&units[0], to).unwrap();
    }

    /// Puts its debug file where a directory has it.
    fn install(&self, directory: &Path) {
        let (start, rest) = self.build_id.split_at(2);
        let to = directory.join(".build-id").join(start);
        fs::create_dir_all(&to).unwrap();
        fs::copy(&self.debug, to.join(format!("{rest}.debug"))).unwrap();
    }
}

/// Waits until something is there.
fn until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(begin.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Collector {
    fn crash(&self, machine: &str, payload: &str) -> i64 {
        let changes = [("Classification", "org.clearlinux/crash/clr"), ("Machine-Id", machine)];
        let answer = self.post("/", &headers(&changes), payload);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_i64().unwrap()
    }

    fn groups(&self) -> Vec<Value> {
        // Where the machine is busy, it may be asked to come back.
        let answer = until("an answer", || {
            Some(self.get("/telemetryui/groups?format=json")).filter(|answer| answer.status != 503)
        });
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["groups"].as_array().unwrap().clone()
    }

    /// Waits until the only group has this name, and all records have followed.
    fn only_group(&self, name: &str, records: u64) -> Value {
        until(name, || match self.groups().as_slice() {
            [group] if group["name"] == name && group["records"] == records => Some(group.clone()),
            _ => None,
        })
    }

    /// What the page of the collector says of names.
    fn symbols(&self) -> Value {
        self.get("/telemetryui/collector?format=json").json()["symbols"].clone()
    }
}

/// A directory's names: two builds become one group, everything is marked, payloads stay.
fn check(database: &str) {
    let debug = tempfile::tempdir().unwrap();
    let (one, other) = (Program::new(1), Program::new(2));
    one.install(debug.path());
    other.install(debug.path());
    // Without the option nothing happens; what is there is named once there is one.
    let collector = Collector::start(&["--database", database]);
    let record = collector.crash("a", &one.report());
    collector.crash("b", &one.report());
    let before = collector.groups();
    assert!(
        before[0]["name"].as_str().unwrap().ends_with("(no symbols)") || before[0]["name"] == "editor: main",
        "{before:?}"
    );
    collector.stop();
    let collector =
        Collector::start(&["--database", database, "--debug-directory", debug.path().to_str().unwrap()]);
    collector.crash("c", &other.report());
    let group = collector.only_group("editor: boom", 3);
    assert_eq!(group["machines"], 3);
    assert_eq!(group["first_seen"], before[0]["first_seen"]);
    let again = collector.get(&format!("/telemetryui/groups/{}?format=json", before[0]["id"]));
    assert!(again.status == 308 || again.json()["id"] == before[0]["id"], "{again:?}");
    let hash = before[0]["signature_hash"].as_str().unwrap();
    assert_eq!(collector.get(&format!("/telemetryui/groups/{hash}")).status, 308);
    let page = collector.get(&format!("/telemetryui/groups/{}", group["id"]));
    assert!(page.body.contains("from a debug file"), "{}", page.body);
    let json = collector.get(&format!("/telemetryui/groups/{}?format=json", group["id"])).json();
    let frames = json["variants"][0]["frames"].as_array().unwrap();
    let texts: Vec<_> = frames.iter().map(|frame| frame["text"].as_str().unwrap()).collect();
    let expected = ["boom [libplug.so.1]", "middle [libplug.so.1]", "outer [libplug.so.1]", "main [editor]"];
    assert_eq!(texts, expected, "inlined calls too");
    assert!(frames[0]["from_debug_file"] == true && frames[3]["from_debug_file"] == false);
    check_record(&collector, record, &one);
    // Of an address that is known the next report is named at once.
    collector.crash("d", &one.report().replace("#2 main", "#2 draw"));
    assert_eq!(collector.groups().len(), 1, "{:?}", collector.groups());
    assert_eq!(collector.symbols()["wanted"], 0);
    collector.stop();
}

fn check_record(collector: &Collector, record: i64, program: &Program) {
    let path = format!("/telemetryui/records/record_details/{record}");
    let json = collector.get(&format!("{path}?format=json")).json();
    assert_eq!(json["payload"], program.report().as_str(), "as it was received");
    let symbols = json["symbols"].as_array().unwrap();
    assert_eq!(symbols.len(), 3, "{json}");
    let threads: Vec<_> = symbols.iter().map(|symbol| symbol["thread"].as_str().unwrap()).collect();
    assert_eq!(threads, ["1", "1", "2"], "{json}");
    assert_eq!(
        (&symbols[2]["frame"], &symbols[2]["functions"][0]["function"]),
        (&1.into(), &"middle".into())
    );
    assert_eq!(symbols[0]["functions"][0]["function"], "boom");
    assert_eq!(symbols[1]["functions"][0]["function"], "middle");
    assert_eq!(symbols[1]["functions"][1]["location"], "plug.c:6");
    assert_eq!(
        (&symbols[0]["build_id"], &symbols[0]["source"]),
        (&program.build_id.as_str().into(), &"directory".into())
    );
    assert_eq!(json["why"]["frames"][0]["from_debug_file"], true);
    let page = collector.get(&path).body;
    assert!(page.contains("Names from debug files") && page.contains("plug.c:6"), "{page}");
}

#[test]
fn single_files_of_split_dwarf_name_calls_that_were_inlined() {
    let debug = tempfile::tempdir().unwrap();
    let program = Program::compiled(7, &["-gsplit-dwarf"]);
    program.install(debug.path());
    program.install_units(debug.path());
    let collector =
        Collector::start(&["--database", ":memory:", "--debug-directory", debug.path().to_str().unwrap()]);
    let record = collector.crash("a", &program.report());
    collector.only_group("editor: boom", 1);
    check_record(&collector, record, &program);
}

#[test]
fn a_directory_names_frames_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    check(directory.path().join("t.db").to_str().unwrap());
}

#[test]
fn a_directory_names_frames_on_postgresql() {
    let cluster = Cluster::shared();
    check(&cluster.url(&cluster.database()));
}

/// The C library of this machine, by Debian's package of its debug files: rules know `raise` and `abort` by their names.
#[test]
fn the_systems_own_debug_files_serve() {
    let loaded = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = loaded
        .lines()
        .find_map(|line| line.split_whitespace().nth(5).filter(|path| path.ends_with("/libc.so.6")));
    let libc = libc.unwrap();
    let notes = run(Command::new("readelf").args(["-n", libc]));
    let build_id = notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: ")).unwrap();
    let symbols = run(Command::new("nm").args(["-D", libc]));
    let address = |name: &str| {
        let line = symbols
            .lines()
            .find(|line| line.split(' ').nth(2).is_some_and(|own| own.split('@').next() == Some(name)));
        u64::from_str_radix(line.unwrap().split(' ').next().unwrap(), 16).unwrap() + 4
    };
    let payload = format!(
        "Process: /usr/bin/beta\nSignal: 6\n\nBacktrace (TID 1):\n#0 ??? - [libc.so.6] +{:#x}\n#1 ??? - [libc.so.6] +{:#x}\n\
         #2 beta_fail() - [/usr/bin/beta]\n\nModules:\nlibc.so.6 {build_id}\n",
        address("raise"),
        address("abort")
    );
    let collector = Collector::start(&["--database", ":memory:", "--debug-directory", "/usr/lib/debug"]);
    let record = collector.crash("a", &payload);
    collector.only_group("beta: beta_fail", 1);
    let named = until("names", || {
        let json = collector.get(&format!("/telemetryui/records/record_details/{record}?format=json")).json();
        (json["symbols"].as_array().unwrap().len() == 2).then(|| json["symbols"].clone())
    });
    assert_eq!(named[0]["functions"][0]["function"], "raise", "{named}");
    assert_eq!(named[1]["functions"][0]["function"], "abort", "{named}");
    collector.stop();
}

/// Debian's server, of a directory with a program's debug file.
struct Debuginfod {
    child: Child,
    url: String,
    _cache: tempfile::TempDir,
}

impl Debuginfod {
    fn start(files: &Path) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("debuginfod")
            .args(["-p", &port.to_string(), "-d", ":memory:", "-F", "-t", "1"])
            .arg(files)
            .env("HOME", cache.path())
            .env_remove("DEBUGINFOD_URLS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, url: format!("http://127.0.0.1:{port}"), _cache: cache }
    }

    /// Waits until it serves a file.
    fn has(&self, build_id: &str) {
        let url = format!("{}/buildid/{build_id}/debuginfo", self.url);
        until("debuginfod has the file", || ureq::get(&url).call().ok().map(drop));
    }
}

impl Drop for Debuginfod {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_debuginfod_server_names_frames() {
    let program = Program::new(3);
    let server = Debuginfod::start(program.debug.parent().unwrap());
    server.has(&program.build_id);
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let empty = directory.path().join("nothing");
    let collector = Collector::start(&[
        "--database",
        database.to_str().unwrap(),
        "--debug-directory",
        empty.to_str().unwrap(),
        "--debuginfod",
        &server.url,
    ]);
    let record = collector.crash("a", &program.report());
    collector.only_group("editor: boom", 1);
    let json = collector.get(&format!("/telemetryui/records/record_details/{record}?format=json")).json();
    assert_eq!(json["symbols"][1]["functions"][1]["function"], "outer");
    assert_eq!(json["symbols"][0]["source"], "server");
    // Another address of the file, which is at hand.
    let [boom, _] = program.addresses;
    collector.crash("b", &program.report().replace(&format!("{boom:#x}"), &format!("{:#x}", boom - 1)));
    let named = until("the other address", || {
        let groups = collector.groups();
        (groups.len() == 1 && groups[0]["records"] == 2).then_some(groups)
    });
    assert_eq!(named[0]["name"], "editor: boom");
    collector.stop();
}

/// A server that answers each connection as a test wants, and remembers what it was asked for.
struct Hostile {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    fn start(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    let Some(Ok(first)) = lines.next() else { return };
                    for line in lines.by_ref() {
                        if line.is_ok_and(|line| line.is_empty()) {
                            break;
                        }
                    }
                    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                    seen.lock().unwrap().push(path.clone());
                    answer(&path, &mut stream);
                });
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Writes as long as the other side takes it.
fn send(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let _ = stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes());
    let _ = stream.write_all(body);
}

/// A build-id that nobody has.
fn made_up(number: u32) -> String {
    format!("{number:040x}")
}

fn made_up_report(build_id: &str) -> String {
    format!(
        "Process: /usr/bin/{build_id}\nSignal: 11\n\nBacktrace (TID 1):\n#0 ??? - [libplug.so.1] +0x10\n\nModules:\nlibplug.so.1 {build_id}\n"
    )
}

/// Each of these is missed, costs nothing more, and keeps nobody from getting his names.
#[test]
fn hostile_servers_and_files_cost_a_bounded_part() {
    let (good, evil) = (Program::new(4), Program::new(5));
    let files: Vec<(&str, u32)> =
        ["endless", "long", "wrong", "redirect", "loop", "zeros", "text", "404", "gzip", "cut"]
            .into_iter()
            .zip(1..)
            .collect();
    let elsewhere = Hostile::start(|_, stream| send(stream, "200 OK\r\nContent-Length: 2", b"hi"));
    let (other, right) = (elsewhere.url.clone(), fs::read(&good.debug).unwrap());
    let kinds: Vec<(String, &str)> = files.iter().map(|(kind, number)| (made_up(*number), *kind)).collect();
    let (wrong, good_id) = (fs::read(&evil.debug).unwrap(), good.build_id.clone());
    let server = Hostile::start(move |path, stream| {
        let is = |id: &str| path.contains(id);
        if is(&good_id) {
            return send(stream, &format!("200 OK\r\nContent-Length: {}", right.len()), &right);
        }
        let Some((_, kind)) = kinds.iter().find(|(id, _)| is(id)) else {
            return send(stream, "302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0", b"");
        };
        match *kind {
            "endless" => {
                send(stream, "200 OK", b"\x7fELF");
                while stream.write_all(&[0; 1 << 16]).is_ok() {}
            }
            "long" => send(stream, "200 OK\r\nContent-Length: 99999999999", b"\x7fELF"),
            "wrong" => send(stream, &format!("200 OK\r\nContent-Length: {}", wrong.len()), &wrong),
            "redirect" => {
                send(stream, &format!("302 Found\r\nLocation: {other}{path}\r\nContent-Length: 0"), b"")
            }
            "loop" => send(stream, &format!("302 Found\r\nLocation: {path}\r\nContent-Length: 0"), b""),
            "zeros" => send(stream, "200 OK\r\nContent-Length: 1000000", &[0; 1_000_000]),
            "text" => send(stream, "200 OK\r\nContent-Length: 5", b"hello"),
            "gzip" => send(stream, "200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5", b"hello"),
            "cut" => send(stream, "200 OK\r\nContent-Length: 5", b"\x7fELF\x02"),
            _ => send(stream, "404 Not Found\r\nContent-Length: 0", b""),
        }
    });
    let collector = Collector::start(&["--database", ":memory:", "--debuginfod", &server.url]);
    for (_, number) in &files {
        collector.crash("a", &made_up_report(&made_up(*number)));
        collector.crash("b", &made_up_report(&made_up(*number)));
    }
    collector.crash("a", &good.report());
    until("the good one's name", || {
        collector.groups().iter().any(|group| group["name"] == "editor: boom").then_some(())
    });
    let missing = until("all others are missed", || {
        let symbols = collector.symbols();
        (symbols["missing_files"] == files.len()).then_some(symbols)
    });
    assert_eq!(missing["wanted"], files.len());
    assert_eq!(elsewhere.asked(), Vec::<String>::new(), "another host was asked");
    for (kind, number) in &files {
        let asked = server.asked().iter().filter(|path| path.contains(&made_up(*number))).count();
        let expected = if *kind == "loop" { 4 } else { 1 };
        assert_eq!(asked, expected, "{kind}");
    }
    assert!(collector.peak_kib() < 512 * 1024, "{} KiB", collector.peak_kib());
    collector.stop();
}

/// A server that is out of order is left alone for a while; so is one that hangs up, or says nothing.
#[test]
fn a_server_that_fails_is_left_alone() {
    for head in ["500 Internal Server Error\r\nContent-Length: 0", "", "silence"] {
        let server = Hostile::start(move |_, stream| match head {
            "" => {}
            "silence" => std::thread::sleep(DEADLINE),
            head => send(stream, head, b""),
        });
        let mut collector = Collector::start(&["--database", ":memory:", "--debuginfod", &server.url]);
        for number in 1..=3 {
            collector.crash("a", &made_up_report(&made_up(number)));
        }
        let complaint = collector.next_complaint();
        assert!(complaint.contains("did not give it"), "{complaint}");
        let said = until("the page says so", || {
            let json = collector.get("/telemetryui/collector?format=json").json();
            let said = json["problems"][0]["text"].as_str()?.to_owned();
            said.contains("is left alone for a while").then_some(said)
        });
        assert!(said.contains(&server.url), "{said}");
        until("the others wait", || (collector.symbols()["missing_files"] == 1).then_some(()));
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(server.asked().len(), 1, "{:?}", server.asked());
        collector.stop();
    }
}

/// Ids that somebody makes up, by the hundred.
#[test]
fn made_up_ids_cost_a_hundred_look_ups_an_hour() {
    let server = Hostile::start(|_, stream| send(stream, "404 Not Found\r\nContent-Length: 0", b""));
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("t.db");
    let start = || Collector::start(&["--database", database.to_str().unwrap(), "--debuginfod", &server.url]);
    let collector = start();
    for number in 1..=150 {
        collector.crash("a", &made_up_report(&made_up(number)));
    }
    until("a hundred are asked for", || (server.asked().len() == 100).then_some(()));
    // A restart is no way around it, nor is what comes later.
    collector.stop();
    let collector = start();
    for number in 151..=160 {
        collector.crash("a", &made_up_report(&made_up(number)));
    }
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(server.asked().len(), 100);
    let mut asked = server.asked();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 100, "none twice");
    collector.stop();
}

/// The word by which the collector reads a file in a process of its own.
fn name_addresses(file: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_telem-collector"))
        .args(["name-addresses", "--file"])
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A file that is cut short under the process that reads it ends that process, and nobody else.
#[test]
fn files_that_change_while_they_are_read() {
    use std::os::unix::process::ExitStatusExt;
    let program = Program::new(6);
    let question = format!(
        "{{\"build_id\":\"{}\",\"addresses\":[{}],\"is_last\":true}}",
        program.build_id, program.addresses[0]
    );
    for is_cut in [false, true] {
        let mut child = name_addresses(&program.debug);
        // It has mapped the file once it waits to be asked.
        let maps = format!("/proc/{}/maps", child.id());
        until("the file is mapped", || {
            fs::read_to_string(&maps).unwrap_or_default().contains("plug.debug").then_some(())
        });
        if is_cut {
            fs::File::options().write(true).open(&program.debug).unwrap().set_len(0).unwrap();
        }
        child.stdin.take().unwrap().write_all(question.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let answer = String::from_utf8(output.stdout).unwrap();
        if is_cut {
            assert_eq!((output.status.signal(), answer.as_str()), (Some(nix::libc::SIGBUS), ""));
        } else {
            assert!(answer.contains("\"boom\""), "{answer}");
        }
    }
}

/// A server with TLS, whose certificate has to be trusted.
#[test]
fn a_server_with_tls_has_to_be_trusted() {
    let program = Program::new(7);
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    run(Command::new("openssl").current_dir(directory.path()).args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=ours",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:false",
        "-days",
        "2",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ]));
    let served = at("buildid").join(&program.build_id);
    fs::create_dir_all(&served).unwrap();
    fs::copy(&program.debug, served.join("debuginfo")).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl")
        .current_dir(directory.path())
        .args([
            "s_server",
            "-WWW",
            "-quiet",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-key",
            "key.pem",
            "-cert",
            "cert.pem",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the server listens", || TcpStream::connect(("127.0.0.1", port)).ok());
    let url = format!("https://localhost:{port}");
    let args = ["--database", ":memory:", "--debuginfod", url.as_str()];
    let mut collector = Collector::start(&args);
    collector.crash("a", &program.report());
    let complaint = collector.next_complaint();
    assert!(complaint.contains("did not give it") && complaint.contains("certificate"), "{complaint}");
    collector.stop();
    let collector = Collector::start_trusting(&at("cert.pem"), &args);
    collector.crash("a", &program.report());
    collector.only_group("editor: boom", 1);
    collector.stop();
    server.kill().unwrap();
    server.wait().unwrap();
}
