//! What it costs to be asked how the machine is: telempulld beside Debian's prometheus-node-exporter, in one run.

use super::median;
use super::mutual_tls::Trusted;
use super::table::Row;
use crate::asked::Asked;
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::error::Error;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use test_harness::{Process, programs, until};

/// Scrapes of each, and the time between two: what was read is answered again for a second.
const SCRAPES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(1050);

/// How long samples are counted, and how long answers are.
const SAMPLING: Duration = Duration::from_secs(20);
const ANSWERING: Duration = Duration::from_secs(4);

/// Connections that ask at one time.
const CONNECTIONS: usize = 4;

/// Processes of the machine for SOAP.
const PROCESSES: usize = 300;

/// Who asks by SOAP, as the request says.
const OWNER: [(&str, &str); 2] = [("member", "LAB/ORG/4711-0"), ("server_code", "node-17.lab.example")];

pub(super) fn measure(folder: &Path, print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let exporter = Exporter::start(folder);
    if exporter.is_none() {
        println!("environment: without its peer, since there is no prometheus-node-exporter");
    }
    scrapes(exporter.as_ref(), print)?;
    answers(exporter.as_ref(), print)?;
    idle(print)?;
    sampling(print)?;
    soap(print)
}

/// Debian's prometheus-node-exporter as it comes.
struct Exporter {
    process: Process,
    url: String,
}

impl Exporter {
    /// None where there is none.
    fn start(folder: &Path) -> Option<Self> {
        let name = "prometheus-node-exporter";
        Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = Command::new(name);
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::spawn(folder, name, &mut command);
        let url = format!("http://127.0.0.1:{port}/metrics");
        until("node-exporter answers", || ureq::get(&url).call().ok());
        Some(Self { process, url })
    }
}

fn row(what: String, ours: f64, floor: f64, unit: &'static str, goal: &'static str) -> Row {
    let ratio = (!floor.is_nan()).then_some(ours / floor);
    Row { what, ours, floor, ratio, unit, goal, c_implementation: "" }
}

/// Asks on a connection that is kept; returns the length of the answer.
fn get(agent: &ureq::Agent, url: &str) -> Result<usize, Box<dyn Error>> {
    Ok(agent.get(url).call()?.body_mut().read_to_vec()?.len())
}

/// Seconds of processor that a process has taken, the children that it waited for included (these to 10 ms).
fn processor_secs(pid: u32) -> Result<f64, Box<dyn Error>> {
    let own: ClockId = clock_getcpuclockid(Pid::from_raw(pid.try_into()?))?;
    let own = Duration::from(clock_gettime(own)?).as_secs_f64();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let words: Vec<_> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = words.get(13).zip(words.get(14)).ok_or("no times of children")?;
    Ok(own + (ticks.0.parse::<f64>()? + ticks.1.parse::<f64>()?) / 100.0)
}

fn scrapes(exporter: Option<&Exporter>, print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let asked = Asked::new(&[("pull_rate", "0")]);
    let daemon = asked.start();
    let agent = ureq::Agent::new_with_defaults();
    let url = format!("http://127.0.0.1:{}/metrics", asked.local_port);
    let ask_both = || -> Result<(), Box<dyn Error>> {
        get(&agent, &url)?;
        exporter.map_or(Ok(0), |exporter| get(&agent, &exporter.url))?;
        thread::sleep(PAUSE);
        Ok(())
    };
    let both_secs = || -> Result<(f64, f64), Box<dyn Error>> {
        let peer = exporter.map_or(Ok(f64::NAN), |exporter| processor_secs(exporter.process.pid()))?;
        Ok((processor_secs(daemon.pid())?, peer))
    };
    ask_both()?;
    let before = both_secs()?;
    for _ in 0..SCRAPES {
        ask_both()?;
    }
    let after = both_secs()?;
    let of_one = |before: f64, after: f64| (after - before) * 1e3 / f64::from(SCRAPES);
    let what = "scrape: processor (floor: node-exporter)".to_owned();
    print(&row(what, of_one(before.0, after.0), of_one(before.1, after.1), "ms", "a third"));
    let mib = |process: &Process| process.status_kib("VmRSS") as f64 / 1024.0;
    let peer = exporter.map_or(f64::NAN, |exporter| mib(&exporter.process));
    print(&row("  memory after it".to_owned(), mib(&daemon), peer, "MB RSS", "a third"));
    Ok(())
}

/// Answers a second to several that ask on kept connections: with mutual TLS, as others ask, and without, as this machine.
fn answers(exporter: Option<&Exporter>, print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let asked = Asked::new(&[("pull_rate", "0")]);
    let _daemon = asked.start();
    let trusted = Trusted::new(&asked)?;
    let by_tls = rate(|| {
        let mut connection = trusted.connect()?;
        Ok(move || connection.get("/v1/environment"))
    })?;
    let what = "answers in JSON, mutual TLS, kept connections".to_owned();
    print(&row(what, by_tls, f64::NAN, "/s", "at least 1,000"));
    let ours = plain_rate(&format!("http://127.0.0.1:{}/v1/environment", asked.local_port))?;
    let peer = exporter.map_or(Ok(f64::NAN), |exporter| plain_rate(&exporter.url))?;
    print(&row("  without TLS (floor: node-exporter's)".to_owned(), ours, peer, "/s", "at least 1,000"));
    Ok(())
}

fn plain_rate(url: &str) -> Result<f64, Box<dyn Error>> {
    rate(|| {
        let agent = ureq::Agent::new_with_defaults();
        Ok(move || get(&agent, url))
    })
}

/// How many answers a second all get, each on the connection that it makes first.
fn rate<A>(connect: impl Fn() -> Result<A, Box<dyn Error>> + Sync) -> Result<f64, Box<dyn Error>>
where
    A: FnMut() -> Result<usize, Box<dyn Error>>,
{
    let begin = Instant::now();
    let ask = || {
        let (mut ask, mut count) = (connect()?, 0_u32);
        while begin.elapsed() < ANSWERING {
            ask()?;
            count += 1;
        }
        Ok(count)
    };
    let ask = || ask().map_err(|error: Box<dyn Error>| error.to_string());
    let counts: Result<Vec<u32>, String> = thread::scope(|scope| {
        let asking: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(ask)).collect();
        asking
            .into_iter()
            .map(|asking| asking.join().unwrap_or_else(|_| Err("it ended".to_owned())))
            .collect()
    });
    Ok(f64::from(counts?.iter().sum::<u32>()) / begin.elapsed().as_secs_f64())
}

/// What it takes while nobody asks, after somebody has.
fn idle(print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let asked = Asked::new(&OWNER);
    let daemon = asked.start();
    let agent = ureq::Agent::new_with_defaults();
    for path in ["metrics", "v1/environment"] {
        get(&agent, &format!("http://127.0.0.1:{}/{path}", asked.local_port))?;
    }
    thread::sleep(PAUSE * 2);
    let rss = daemon.status_kib("VmRSS") as f64 / 1024.0;
    print(&row("telempulld idle: memory".to_owned(), rss, f64::NAN, "MB RSS", "under 6 MB"));
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", daemon.pid()))?;
    let private =
        rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).ok_or("no Private_Dirty")?;
    let private_kib: f64 = private.trim().trim_end_matches(" kB").parse()?;
    print(&row("  of it private and written".to_owned(), private_kib / 1024.0, f64::NAN, "MB", "under 1 MB"));
    Ok(())
}

/// X-Road's windows want a sample each 5 seconds; here one a second is taken.
fn sampling(print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let asked = Asked::new(&[&OWNER[..], &[("sample_interval", "1")]].concat());
    let daemon = asked.start();
    thread::sleep(PAUSE);
    let before = processor_secs(daemon.pid())?;
    thread::sleep(SAMPLING);
    let one = (processor_secs(daemon.pid())? - before) / SAMPLING.as_secs_f64();
    let what = "X-Road's samples, one in 5 s: processor".to_owned();
    print(&row(what, one / 5.0 * 100.0, f64::NAN, "%", "under 0.02 %"));
    Ok(())
}

/// Processes that only are there, until this is dropped.
struct Crowd(Vec<Child>);

impl Crowd {
    fn of(count: usize) -> Result<Self, Box<dyn Error>> {
        let mut crowd = Self(Vec::new());
        for _ in 0..count {
            crowd.0.push(Command::new("sleep").arg("600").spawn()?);
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The whole answer by SOAP, when lists were read before.
fn soap(print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let running = fs::read_dir("/proc")?.flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let _crowd = Crowd::of(PROCESSES.saturating_sub(running.count()))?;
    let request = fs::read(programs::source_root().join("telempulld/answers/tests/vector.xml"))?;
    let asked = Asked::new(&[&OWNER[..], &[("pull_rate", "0")]].concat());
    let _daemon = asked.start();
    let agent = ureq::Agent::new_with_defaults();
    let url = format!("http://127.0.0.1:{}/", asked.local_port);
    let ask = || -> Result<Vec<u8>, Box<dyn Error>> {
        let mut answer =
            agent.post(&url).header("Content-Type", "text/xml; charset=UTF-8").send(&request[..])?;
        Ok(answer.body_mut().read_to_vec()?)
    };
    let answer = String::from_utf8(ask()?)?;
    let count = |name: &str| {
        let set = answer.split(&format!("name>{name}</")).nth(1).unwrap_or_default();
        set.split("metricSet>").next().unwrap_or_default().len()
    };
    if count("Packages") == 0 {
        return Err(format!("no packages by SOAP: {answer:.300}").into());
    }
    let mut times = Vec::new();
    for _ in 0..200 {
        let begin = Instant::now();
        ask()?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let what = format!("SOAP, whole, {} KB, lists warm", answer.len() / 1024);
    print(&row(what, median(&mut times), f64::NAN, "ms", "under 5 ms at 260 KB"));
    Ok(())
}
