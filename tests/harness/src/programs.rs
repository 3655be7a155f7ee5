//! Where the programs under test are: beside this one, as cargo put them.

use std::path::PathBuf;

/// The folder of this build's programs, `target/debug` or `target/release`.
///
/// # Panics
/// This program does not lie where cargo puts tests.
pub fn folder() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().unwrap();
    if folder.ends_with("deps") { folder.parent().unwrap().to_owned() } else { folder.to_owned() }
}

/// The path of a program.
///
/// # Panics
/// It was not built.
pub fn path(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(path.exists(), "{} is not there; run `make build-debug` first", path.display());
    path
}

/// The root of the source tree.
pub fn source_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
