//! Reads the directory of plug-ins, as far as nobody else can have written there.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::Uid;

use super::Broken;

/// Files of a directory that are looked at.
const FILES: usize = 200;

/// Bytes of a file.
const FILE_BYTES: u64 = 64 * 1024;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Names and texts of parsers and views, by name.
    pub(super) texts: Vec<(String, String)>,
    pub(super) broken: Vec<Broken>,
}

pub(super) fn read(directory: &Path) -> Files {
    let mut files = Files::default();
    let mut names = match names(directory) {
        Ok(names) => names,
        Err(reason) => {
            files.broken.push(Broken { file: directory.display().to_string(), reason });
            return files;
        }
    };
    names.sort_unstable();
    for name in names {
        match read_file(&directory.join(&name)) {
            Ok(text) => files.texts.push((name, text)),
            Err(reason) => files.broken.push(Broken { file: name, reason }),
        }
    }
    files
}

fn names(directory: &Path) -> Result<Vec<String>, String> {
    let found = fs::metadata(directory).map_err(|error| error.to_string())?;
    check_owner(&found)?;
    let entries = fs::read_dir(directory).map_err(|error| error.to_string())?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_ours = |name: &String| matches!(name.rsplit_once('.'), Some((stem, "parser" | "view")) if !stem.is_empty() && !stem.starts_with('.'));
    let names: Vec<String> = names.filter(is_ours).take(FILES + 1).collect();
    if names.len() > FILES { Err(format!("it has more than {FILES} plug-ins")) } else { Ok(names) }
}

fn read_file(path: &Path) -> Result<String, String> {
    let file = open(path).map_err(|error| error.to_string())?;
    let found = file.metadata().map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is no regular file".to_owned());
    }
    check_owner(&found)?;
    let mut text = String::new();
    file.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES {
        return Err(format!("it has more than {FILE_BYTES} bytes"));
    }
    Ok(text)
}

/// Neither follows a link nor waits for a pipe.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)
}

/// Whether nobody but root and the collector's own user can have written it.
pub(super) fn check_owner(found: &Metadata) -> Result<(), String> {
    if found.uid() != 0 && found.uid() != Uid::effective().as_raw() {
        return Err("it belongs neither to root nor to the collector's user".to_owned());
    }
    if found.mode() & 0o022 != 0 {
        return Err("its group or others may write it; run chmod go-w on it".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_may_write_links_and_large_files_are_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("good.view"), "x").unwrap();
        fs::write(at("open.view"), "x").unwrap();
        fs::set_permissions(at("open.view"), fs::Permissions::from_mode(0o664)).unwrap();
        std::os::unix::fs::symlink(at("good.view"), at("link.view")).unwrap();
        nix::unistd::mkfifo(&at("pipe.view"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        fs::write(at("large.view"), "x".repeat(70_000)).unwrap();
        fs::write(at("binary.view"), [0xff]).unwrap();
        fs::write(at(".view"), "x").unwrap();
        fs::create_dir(at("directory.view")).unwrap();
        let files = read(directory.path());
        assert_eq!(files.texts, [("good.view".to_owned(), "x".to_owned())]);
        let broken: Vec<_> = files.broken.iter().map(|broken| broken.file.as_str()).collect();
        assert_eq!(
            broken,
            ["binary.view", "directory.view", "large.view", "link.view", "open.view", "pipe.view"]
        );
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(read(directory.path()).broken[0].reason.contains("chmod go-w"));
        assert_eq!(read(Path::new("/nonexistent")).broken.len(), 1);
    }
}
