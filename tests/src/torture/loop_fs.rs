//! A file system of its own in a file, so that it can be small, full, or lose its power.

use nix::sys::signal::Signal;
use nix::unistd::Uid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use test_harness::Process;

/// A mounted ext4; it is unmounted when this is dropped, and the loop device goes with it.
#[derive(Debug)]
pub struct LoopFs {
    image: PathBuf,
    path: PathBuf,
}

impl LoopFs {
    /// Makes a file system of this many MiB and mounts it, `FOLDER/NAME.img` on `FOLDER/NAME`. None if this
    /// machine cannot, which is said; where root tests for CI it is a failure.
    ///
    /// # Panics
    /// It cannot, and `CI=true` and this is root; or a file cannot be written.
    pub fn format(folder: &Path, name: &str, mib: u64) -> Option<Self> {
        if !super::needs_root("mounting a file system") {
            return None;
        }
        let image = folder.join(format!("{name}.img"));
        File::create(&image).unwrap().set_len(mib << 20).unwrap();
        // No blocks that only root may take, and an inode for each block: both ends of "full" are blocks.
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-F", "-b", "4096", "-m", "0", "-i", "4096"]).arg(&image);
        let made = run(&mut mkfs).and_then(|()| Self::mount(&image, &folder.join(name)));
        made.map_err(|error| {
            let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true") && Uid::effective().is_root();
            assert!(!is_ci, "a file system cannot be mounted, and CI must not skip that: {error}");
            super::skipped(&format!("a file system cannot be mounted here: {error}"));
        })
        .ok()
    }

    fn mount(image: &Path, path: &Path) -> Result<Self, String> {
        fs::create_dir_all(path).map_err(|error| error.to_string())?;
        run(Command::new("mount").args(["-t", "ext4", "-o", "loop"]).arg(image).arg(path))?;
        Ok(Self { image: image.to_owned(), path: path.to_owned() })
    }

    /// Mounts what a disk held when its power was cut, `FOLDER/cut.img` on `FOLDER/cut`. What its journal holds is replayed.
    ///
    /// The file is a new one each time: the device of the last one may still be there, with what it had read, and mount
    /// takes that for the same file again.
    ///
    /// # Panics
    /// It cannot be written or mounted.
    pub fn after_cut(image: &[u8], folder: &Path) -> Self {
        let copy = folder.join("cut.img");
        let _ = fs::remove_file(&copy);
        fs::write(&copy, image).unwrap();
        Self::mount(&copy, &folder.join("cut")).unwrap()
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the disk holds at this moment, were its power cut now.
    ///
    /// The loop device writes into the page cache of the file behind it, and reading that file reads the
    /// same cache. So the copy has what the file system has written to its disk, synced or by itself, and
    /// lacks what is only in the file system's own cache. To be a state that the disk was in at *one*
    /// moment, the file must not change while it is read: it is read until two readings in turn are equal.
    /// For that its writers have to be stopped. What the disk itself would lose, were it not asked to flush
    /// its own cache, is not seen: that order is the kernel's part of a sync.
    ///
    /// # Panics
    /// It cannot be read, or never comes to rest.
    pub fn power_cut(&self) -> Vec<u8> {
        let mut before = fs::read(&self.image).unwrap();
        test_harness::until("a disk at rest", || {
            let after = fs::read(&self.image).unwrap();
            let is_at_rest = before == after;
            before = after;
            is_at_rest.then_some(())
        });
        before
    }

    /// [`LoopFs::power_cut`] with this process stopped wherever it is between two of its system calls.
    ///
    /// # Panics
    /// As [`LoopFs::power_cut`]; the process cannot be stopped.
    pub fn power_cut_of(&self, process: &Process) -> Vec<u8> {
        process.signal(Signal::SIGSTOP);
        test_harness::until("a stopped process", || is_stopped(process.pid()).then_some(()));
        let image = self.power_cut();
        process.signal(Signal::SIGCONT);
        image
    }
}

/// Whether a process is stopped, or has ended and was not waited for.
fn is_stopped(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().is_some_and(|fields| fields.trim_start().starts_with(['T', 'Z']))
}

impl Drop for LoopFs {
    fn drop(&mut self) {
        if let Err(error) = run(Command::new("umount").arg(&self.path)) {
            eprintln!("{error}; detached in place of that");
            let _ = run(Command::new("umount").arg("--lazy").arg(&self.path));
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.output() {
        Err(error) => Err(format!("{program}: {error}")),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
