//! Patterns of paths: `*` and `?` stand for characters of one name, and not for a dot at its beginning.

use std::fs;
use std::path::{Path, PathBuf};

/// Names that a directory is searched for, and paths that a pattern gives.
const NAMES: usize = 4096;

/// The paths of a pattern, sorted. One without `*` and `?` is that path, whether or not it is there.
pub(super) fn files(pattern: &str) -> Vec<PathBuf> {
    if !pattern.starts_with('/') {
        return Vec::new();
    }
    let mut paths = vec![PathBuf::from("/")];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if part.contains(['*', '?']) {
            paths = paths.iter().flat_map(|path| fitting(path, part)).take(NAMES).collect();
        } else {
            paths.iter_mut().for_each(|path| path.push(part));
        }
    }
    paths
}

fn fitting(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let names = entries.take(NAMES).map(|entry| entry.file_name());
    let mut fitting: Vec<_> =
        names.filter(|name| fits(name.as_encoded_bytes(), pattern.as_bytes())).collect();
    fitting.sort();
    fitting.into_iter().map(|name| directory.join(name)).collect()
}

/// Whether a name is of this pattern. The last star that was met is where it goes back to.
fn fits(name: &[u8], pattern: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    let (mut at, mut in_pattern, mut star) = (0, 0, None);
    while let Some(byte) = name.get(at) {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((at, in_pattern));
                in_pattern += 1;
            }
            Some(wanted) if wanted == byte || *wanted == b'?' => {
                at += 1;
                in_pattern += 1;
            }
            _ => match star {
                Some((eaten, place)) => {
                    (at, in_pattern, star) = (eaten + 1, place + 1, Some((eaten + 1, place)));
                }
                None => return false,
            },
        }
    }
    pattern.get(in_pattern..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (name, pattern, expected) in [
            ("a.crt", "*.crt", true),
            ("a.crt", "a.c?t", true),
            ("a.crt", "*", true),
            ("a.crt", "*.pem", false),
            ("a.crt", "a.crt", true),
            ("aaab", "*a*b", true),
            ("aaab", "a*c", false),
            (".hidden", "*", false),
            (".hidden", ".*", true),
            ("", "*", true),
            ("", "?", false),
        ] {
            assert_eq!(fits(name.as_bytes(), pattern.as_bytes()), expected, "{name} {pattern}");
        }
        assert!(fits("a".repeat(4000).as_bytes(), b"a*a*a*a*a*a*a*a"), "and soon");
        assert_eq!(files("relative"), [] as [&Path; 0]);
        assert_eq!(files("/etc//passwd"), [Path::new("/etc/passwd")]);
        assert!(files("/e?c/pass*d").contains(&PathBuf::from("/etc/passwd")));
    }
}
