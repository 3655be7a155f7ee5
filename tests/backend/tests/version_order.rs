//! The order of versions is that of dpkg and of rpm: 10,000 pairs each, made alike so that they differ late.

// clippy.toml lets tests panic, but knows no functions that tests share.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use telem_collector::groups::versions::{Order, sort_key};

const PAIRS: usize = 10_000;

/// Processes at a time: dpkg compares one pair a process.
const AT_A_TIME: usize = 4;

/// Numbers that look random and are the same at each run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn text(&mut self, alphabet: &[&str], longest: usize) -> String {
        (0..self.roll(longest + 1)).map(|_| alphabet[self.roll(alphabet.len())]).collect()
    }

    /// Two versions that begin alike, with an epoch and a revision now and then.
    fn pair(&mut self, alphabet: &[&str]) -> (String, String) {
        let start = format!("{}{}", self.roll(10), self.text(alphabet, 4));
        let mut one = || {
            let epoch = ["", "", "", "0:", "1:", "10:"][self.roll(6)];
            let revision = match self.roll(3) {
                0 => format!("-{}", self.roll(4)),
                1 => format!("-{}{}", self.roll(3), self.text(alphabet, 3)),
                _ => String::new(),
            };
            format!("{epoch}{start}{}{revision}", self.text(alphabet, 4))
        };
        (one(), one())
    }
}

fn pairs(seed: u64, alphabet: &[&str]) -> Vec<(String, String)> {
    let mut dice = Dice(seed);
    (0..PAIRS).map(|_| dice.pair(alphabet)).collect()
}

fn ours(order: Order, (one, other): &(String, String)) -> Ordering {
    sort_key(one, order).unwrap().cmp(&sort_key(other, order).unwrap())
}

/// Whether the program is there. Without it nothing is checked, which CI does not allow.
fn is_there(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !is_there {
        println!("skipped, since there is no {program}");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "nothing may be skipped where CI=true");
    }
    is_there
}

#[test]
fn dpkg_orders_them_as_we_do() {
    if !is_there("dpkg") {
        return;
    }
    let pairs = pairs(
        0x9e37_79b9_7f4a_7c15,
        &["0", "1", "2", "10", "00", "a", "b", "Z", ".", "+", "~", "~~", "rc", "."],
    );
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let check = |pairs: &[(String, String)]| pairs.iter().filter_map(disagreement).collect::<Vec<_>>();
        let parts: Vec<_> =
            pairs.chunks(PAIRS / AT_A_TIME).map(|part| scope.spawn(move || check(part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {PAIRS}: {}", wrong.len(), wrong.join("; "));
    let equal = pairs.iter().filter(|pair| ours(Order::Dpkg, pair) == Ordering::Equal).count();
    assert!(equal >= 50, "{equal} pairs are equal");
}

fn disagreement(pair: &(String, String)) -> Option<String> {
    let relation = match ours(Order::Dpkg, pair) {
        Ordering::Less => "lt",
        Ordering::Equal => "eq",
        Ordering::Greater => "gt",
    };
    let status =
        Command::new("dpkg").args(["--compare-versions", &pair.0, relation, &pair.1]).status().unwrap();
    (!status.success()).then(|| format!("{} {relation} {}", pair.0, pair.1))
}

#[test]
fn rpm_orders_them_as_we_do() {
    if !is_there("rpm") {
        return;
    }
    let pairs = pairs(
        0x2545_f491_4f6c_dd1d,
        &["0", "1", "2", "10", "00", "a", "b", "Z", ".", "_", "+", "~", "^", "rc", ".fc"],
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pairs");
    let mut lines = String::new();
    for (one, other) in &pairs {
        writeln!(lines, "{one} {other}").unwrap();
    }
    std::fs::write(&file, lines).unwrap();
    // It writes to a file itself: rpm 4.18 ends by a damaged heap where so much is printed.
    let answers = folder.path().join("answers");
    let script = format!(
        "%{{lua: local out = io.open('{}', 'w') for line in io.lines('{}') do \
         local a, b = line:match('(%S+) (%S+)') out:write(rpm.vercmp(a, b), ' ') end out:close()}}",
        answers.display(),
        file.display()
    );
    let output = Command::new("rpm").args(["--eval", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = std::fs::read_to_string(answers).unwrap();
    let answers: Vec<Ordering> =
        answers.split_whitespace().map(|number| number.parse::<i32>().unwrap().cmp(&0)).collect();
    assert_eq!(answers.len(), PAIRS);
    let wrong: Vec<_> =
        pairs.iter().zip(answers).filter(|(pair, answer)| ours(Order::Rpm, pair) != *answer).collect();
    assert!(wrong.is_empty(), "{} of {PAIRS}: {wrong:?}", wrong.len());
}
