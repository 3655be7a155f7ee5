//! The C programs of the bench, compiled with optimization against the library of this build.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use test_harness::programs;

/// The compiled programs.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
}

impl Programs {
    pub(super) fn build(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let source = programs::source_root();
        let library = programs::folder().join("clib");
        for (name, libraries) in [
            ("bench_send", ["-ltelemetry"].as_slice()),
            ("floor_send", &[]),
            ("peer_c_pattern", &[]),
            ("floor_post", &["-lcurl"]),
            ("floor_copy", &[]),
            ("crash_victim", &["-g", "-pthread"]),
            ("floor_crash", &[]),
            ("run_measured", &[]),
        ] {
            let status = Command::new("cc")
                .args(["-O2", "-Wall", "-o"])
                .arg(folder.join(name))
                .arg(source.join(format!("tests/c/{name}.c")))
                .arg(format!("-I{}", source.join("libtelemetry/include").display()))
                .arg(format!("-L{0}", library.display()))
                .arg(format!("-Wl,-rpath,{}", library.display()))
                .args(libraries)
                .status()?;
            if !status.success() {
                return Err(
                    format!("tests/c/{name}.c cannot be compiled; run `make build deps` first").into()
                );
            }
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where a program is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs a program and returns the number that it prints.
    pub(super) fn figure(&self, name: &str, args: &[&str]) -> Result<f64, Box<dyn Error>> {
        Ok(self.figures(name, args)?.first().copied().ok_or_else(|| format!("{name} printed nothing"))?)
    }

    /// Runs a program and returns the numbers that it prints.
    pub(super) fn figures(&self, name: &str, args: &[&str]) -> Result<Vec<f64>, Box<dyn Error>> {
        let output = Command::new(self.path(name)).args(args).output()?;
        if !output.status.success() {
            return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        let text = String::from_utf8(output.stdout)?;
        Ok(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }
}
