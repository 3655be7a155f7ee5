//! The golden files, and the comparison with them.

use std::fs;
use std::path::PathBuf;
use test_harness::programs;

/// A path below `tests/golden`.
pub(crate) fn golden(name: &str) -> PathBuf {
    programs::source_root().join("tests/golden").join(name)
}

/// The text of a file below `tests/golden`.
pub(crate) fn text(name: &str) -> String {
    let path = golden(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails unless the text is that of `tests/golden/expected/NAME`. With RENEW_GOLDEN=1 it becomes that.
pub(crate) fn assert_expected(name: &str, actual: &str) {
    let path = golden("expected").join(name);
    if std::env::var_os("RENEW_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(actual == expected, "{} has:\n{expected}\nand this is:\n{actual}", path.display());
}
