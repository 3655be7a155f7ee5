//! The group of each record that the kernel probe's own golden logs make: kind and name, in `kernel_golden.txt`.
//!
//! With `RENEW_GOLDEN=1` in the environment the file is written anew.

use crate::groups::reading::{Record, read};
use crate::groups::rules::Rules;
use crate::groups::signature::decide;
use std::fmt::Write;
use std::path::Path;

#[test]
fn records_of_the_kernel_probe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../../probes/kernel/tests/kernel_log");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let rules = Rules::shipped().unwrap();
    let mut found = String::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "expected"))
    {
        let log = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        for part in text.split("# org.clearlinux/").skip(1) {
            let (head, payload) = part.split_once('\n').unwrap();
            let classification = format!("org.clearlinux/{}", head.split(',').next().unwrap());
            let record = Record {
                classification: &classification,
                payload,
                system_name: "d",
                build: "1",
                kernel_version: "6",
            };
            let signature = decide(&rules, &read(&record).unwrap().variant).signature;
            writeln!(found, "{log}: {}: {}", signature.kind, signature.name).unwrap();
        }
    }
    let golden = root.join("src/groups/kernel_golden.txt");
    if std::env::var_os("RENEW_GOLDEN").is_some() {
        std::fs::write(&golden, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(golden).unwrap());
}
