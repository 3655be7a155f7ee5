//! Ranges against Debian's nagiosplugin, which has them from the same guideline.

use checkprobe::range::Range;
use std::process::Command;

/// Prints a line for each range and value: whether it alerts, or that the range is none.
const JUDGE: &str = "import sys, nagiosplugin\n\
    for line in sys.argv[1].split('\\n'):\n\
    \x20   text, value = line.split(' ')\n\
    \x20   try: print('no' if nagiosplugin.Range(text).match(float(value)) else 'alert')\n\
    \x20   except ValueError: print('wrong')\n";

#[test]
fn ranges_alert_as_those_of_nagiosplugin() {
    let numbers = ["0", "5", "10", "-5", "2.5", "-0.5", "1000000"];
    let mut ranges: Vec<_> = ["~:0", "~:", "@~:3", "10:5", "x", "5:x"].map(str::to_owned).into();
    for start in numbers {
        ranges.extend(["", ":"].map(|end| format!("{start}{end}")));
        ranges.extend([format!("~:{start}"), format!("@{start}:"), format!("@{start}")]);
        for end in numbers {
            ranges.extend([format!("{start}:{end}"), format!("@{start}:{end}")]);
        }
    }
    let values = ["-1000", "-5", "-0.6", "0", "2.5", "3", "5", "5.0001", "10", "11", "2000000"];
    let lines: Vec<_> =
        ranges.iter().flat_map(|range| values.map(|value| format!("{range} {value}"))).collect();
    let output = Command::new("/usr/bin/python3").args(["-c", JUDGE, &lines.join("\n")]).output();
    let Ok(output) = output else { return println!("skipped: no python3 here") };
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("No module named") {
        return println!("skipped: no nagiosplugin here");
    }
    assert!(output.status.success(), "{said}");
    let judged = String::from_utf8(output.stdout).unwrap();
    assert_eq!(judged.lines().count(), lines.len());
    for (line, theirs) in lines.iter().zip(judged.lines()) {
        let (range, value) = line.split_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let ours = match range.parse::<Range>() {
            Err(_) => "wrong",
            Ok(range) if range.alerts(value) => "alert",
            Ok(_) => "no",
        };
        assert_eq!(ours, theirs, "{line}");
    }
}
