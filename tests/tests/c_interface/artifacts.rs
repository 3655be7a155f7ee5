//! What is under test, built as for installation: the shared library, and the C programs of `tests/c`.

use crate::command::run;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::SystemTime;

/// The folder with the shared library, linked as it is for installation.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let directory = work_dir().join("lib");
        run(Command::new(crate_dir().join("link-shared.sh")).arg(static_library()).arg(&directory));
        directory
    })
}

/// The static library next to this test's own build; one that is older than its source proves nothing.
fn static_library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let library = test.ancestors().nth(2).unwrap().join("libtelemetry.a");
    let built = fs::metadata(&library).and_then(|metadata| metadata.modified());
    let built =
        built.unwrap_or_else(|error| panic!("{}: {error}; run `make build-debug` first", library.display()));
    let (changed, newest) = newest_source(&crate_dir().join("src")).unwrap();
    assert!(
        changed <= built,
        "{} is older than {}; run `make build-debug` first",
        library.display(),
        newest.display()
    );
    library
}

fn newest_source(directory: &Path) -> Option<(SystemTime, PathBuf)> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter_map(|path| match path.is_dir() {
            true => newest_source(&path),
            false => Some((fs::metadata(&path).unwrap().modified().unwrap(), path)),
        })
        .max()
}

/// Runs a C program of `tests/c` with the shared library.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(compiled(name));
    command.env("LD_LIBRARY_PATH", library());
    command
}

pub(crate) fn compiled(name: &str) -> PathBuf {
    let executable = work_dir().join(name);
    // Two tests may compile and run the same program at once.
    let unfinished = work_dir().join(format!("{name}.{:?}", thread::current().id()));
    let mut command = cc();
    command.arg("-I").arg(crate_dir().join("include")).arg("-o").arg(&unfinished).arg(source(name));
    run(command.arg("-L").arg(library()).args(["-ltelemetry", "-pthread"]));
    fs::rename(unfinished, &executable).unwrap();
    executable
}

/// A C program of `tests/c` without shared libraries; none where the C library cannot be linked so.
pub(crate) fn without_shared_libraries(name: &str) -> Option<PathBuf> {
    let executable = work_dir().join(format!("{name}.static"));
    let empty = work_dir().join("empty.c");
    fs::write(&empty, "int main(void) { return 0; }\n").unwrap();
    let mut try_it = cc();
    if !try_it.args(["-static", "-o"]).arg(&executable).arg(empty).output().unwrap().status.success() {
        return None;
    }
    let mut command = cc();
    command.arg("-static").arg("-I").arg(crate_dir().join("include")).arg("-o").arg(&executable);
    run(command.arg(source(name)).arg(static_library()).args(["-pthread", "-lm"]));
    Some(executable)
}

pub(crate) fn cc() -> Command {
    let mut command = Command::new("cc");
    command.args(["-std=c11", "-D_GNU_SOURCE", "-g", "-Wall", "-Wextra", "-Werror"]);
    command
}

pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("c").join(name).with_extension("c")
}

pub(crate) fn crate_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("libtelemetry")
}

fn work_dir() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_interface");
    fs::create_dir_all(&directory).unwrap();
    directory
}

pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
