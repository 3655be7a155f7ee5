//! Where debug files are found: directories first, then a server.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::client::{Bounds, NoFile, fetch};
use super::debug_file::NeededUnit;
use super::directory;
use super::limits::{KEPT_BYTES, KEPT_FILES, UNITS, UNITS_BYTES};
use super::server_url::ServerUrl;

/// Where debug files may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Directories, in their order.
    pub directories: Vec<PathBuf>,
    /// A server.
    pub server: Option<ServerUrl>,
}

/// Where a file came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Directory,
    Server,
}

impl Origin {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Server => "server",
        }
    }
}

impl Sources {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.server.is_none()
    }

    /// All of them, in words. What was missed elsewhere may be found here.
    #[must_use]
    pub fn words(&self) -> String {
        let directories = self.directories.iter().map(|path| path.display().to_string());
        let all: Vec<String> = directories.chain(self.server.iter().map(ToString::to_string)).collect();
        all.join(", ")
    }

    /// The file of a directory; what is wrong with others is reported.
    pub(super) fn in_directories(&self, build_id: &str, report: &mut dyn FnMut(String)) -> Option<Arc<File>> {
        for directory in &self.directories {
            match directory::open(directory, build_id) {
                Ok(Some(file)) => return Some(Arc::new(file)),
                Ok(None) => {}
                Err(reason) => report(reason),
            }
        }
        None
    }
}

impl Sources {
    /// The package of split DWARF of a build-id.
    pub(super) fn package_in_directories(
        &self,
        build_id: &str,
        report: &mut dyn FnMut(String),
    ) -> Option<Arc<File>> {
        for directory in &self.directories {
            match directory::open_package(directory, build_id) {
                Ok(Some(file)) => return Some(Arc::new(file)),
                Ok(None) => {}
                Err(reason) => report(reason),
            }
        }
        None
    }

    /// Single files of its split DWARF, as many as there is room for.
    pub(super) fn units_in_directories(
        &self,
        build_id: &str,
        units: &[NeededUnit],
        report: &mut dyn FnMut(String),
    ) -> Vec<File> {
        let mut room = UNITS_BYTES;
        let mut files = Vec::new();
        for unit in units.iter().take(UNITS) {
            let opened = self.directories.iter().find_map(|directory| {
                directory::open_unit(directory, build_id, unit).unwrap_or_else(|reason| {
                    report(reason);
                    None
                })
            });
            let Some(file) = opened else { continue };
            let bytes = file.metadata().map_or(u64::MAX, |found| found.len());
            if let Some(left) = room.checked_sub(bytes) {
                room = left;
                files.push(file);
            } else {
                report(format!(
                    "{} of its split DWARF is left out: up to {UNITS_BYTES} bytes are read",
                    unit.path
                ));
            }
        }
        files
    }

    /// What the file of a build-id shares with others, where distributions have it.
    pub(super) fn shared_in_directories(
        &self,
        build_id: &str,
        path: &str,
        report: &mut dyn FnMut(String),
    ) -> Option<Arc<File>> {
        for directory in &self.directories {
            match directory::open_shared(directory, build_id, path) {
                Ok(Some(file)) => return Some(Arc::new(file)),
                Ok(None) => {}
                Err(reason) => report(reason),
            }
        }
        None
    }
}

/// Files that a server gave lately.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    files: VecDeque<(String, Arc<File>, u64)>,
}

impl Downloads {
    /// The build-ids of files that are at hand.
    pub(super) fn build_ids(&self) -> Vec<String> {
        self.files.iter().map(|(build_id, ..)| build_id.clone()).collect()
    }

    /// A file that is at hand.
    pub(super) fn get(&self, build_id: &str) -> Option<Arc<File>> {
        self.files.iter().find(|(known, ..)| known == build_id).map(|(_, file, _)| Arc::clone(file))
    }

    /// Fetches a file, and keeps it at hand.
    pub(super) fn fetch(
        &mut self,
        runtime: &Runtime,
        server: &ServerUrl,
        build_id: &str,
    ) -> Result<Arc<File>, NoFile> {
        let (file, bytes) = runtime.block_on(fetch(server, build_id, Bounds::DEFAULT))?;
        let file = Arc::new(file);
        self.keep(build_id, &file, bytes);
        Ok(file)
    }

    /// One that turned out to be of no use is not kept.
    pub(super) fn forget(&mut self, build_id: &str) {
        self.files.retain(|(known, ..)| known != build_id);
    }

    fn keep(&mut self, build_id: &str, file: &Arc<File>, bytes: u64) {
        self.forget(build_id);
        self.files.push_back((build_id.to_owned(), Arc::clone(file), bytes));
        while self.files.len() > KEPT_FILES
            || self.files.iter().map(|(.., bytes)| bytes).sum::<u64>() > KEPT_BYTES
        {
            self.files.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_at_hand_are_bounded() {
        let mut downloads = Downloads::default();
        let file = Arc::new(super::super::temporary::file().unwrap());
        for number in 0..20 {
            downloads.keep(&format!("{number}"), &file, 1);
        }
        assert_eq!(downloads.build_ids().len(), KEPT_FILES);
        assert!(downloads.get("19").is_some() && downloads.get("1").is_none());
        downloads.keep("large", &file, KEPT_BYTES);
        assert_eq!(downloads.build_ids(), ["large"]);
        downloads.keep("large", &file, KEPT_BYTES);
        assert_eq!(downloads.build_ids(), ["large"]);
        downloads.forget("large");
        assert!(downloads.build_ids().is_empty());
    }
}
