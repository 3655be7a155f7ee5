//! The directories that the daemons work in: there, theirs, and nobody else's.

use super::disk::Disk;
use super::finding::Finding;
use super::ownership::{DaemonUser, Kind, Seen, entries_of_others, name_of};
use crate::installation::Installation;
use crate::status::plural;
use std::path::{Path, PathBuf};

const ABOUT: &str = "directories";

/// A directory, and who may read it.
#[derive(Debug)]
struct Directory {
    key: &'static str,
    path: PathBuf,
    /// Whether it holds what only the daemons' user and group may read.
    is_private: bool,
}

/// What is to be there in this installation.
#[derive(Clone, Copy, Debug)]
enum Missing {
    /// The daemons make it.
    MadeWhenNeeded,
    /// They cannot, and need it; `systemd-tmpfiles` makes it.
    Wrong,
    /// They have made it, and it went while they run.
    Gone,
}

pub(super) fn check(
    installation: &Installation,
    opted_in: bool,
    has_daemons: bool,
    user: &DaemonUser,
) -> Vec<Finding> {
    let settings = &installation.settings;
    let is_made = installation.is_private || user.uid == 0 || !opted_in;
    let missing = match (is_made, has_daemons) {
        (false, _) => Missing::Wrong,
        (true, true) => Missing::Gone,
        (true, false) => Missing::MadeWhenNeeded,
    };
    let mut findings = Vec::new();
    for (key, path) in installation.work_directories() {
        let directory = Directory { key, path: path.clone(), is_private: path != &settings.state_dir };
        // The probe of kernel dumps makes it, which need not run.
        let missing = if key == "cache_dir" && is_made { Missing::MadeWhenNeeded } else { missing };
        findings.push(judge(&directory, &Seen::at(path), missing, user));
        findings.extend(judge_inside(&directory, user));
    }
    // systemd makes it for the daemons, and anybody may ask in it whether they run.
    let run_dir = Directory { key: "run_dir", path: settings.run_dir.clone(), is_private: false };
    let missing = if has_daemons { Missing::Gone } else { Missing::MadeWhenNeeded };
    findings.push(judge(&run_dir, &Seen::at(&run_dir.path), missing, user));
    findings
}

/// What is wrong with the file system of a directory, and with what is in it. The spool's has checks of its own.
fn judge_inside(directory: &Directory, user: &DaemonUser) -> Vec<Finding> {
    let Directory { key, path, .. } = directory;
    let shown = format!("{key} {}: ", path.display());
    let disk = Disk::of(path).filter(|_| *key != "spool_dir");
    let mut findings: Vec<_> = disk.and_then(|disk| disk.judge(ABOUT, &shown, path)).into_iter().collect();
    // A dump in the cache is its copier's, who is root.
    let is_theirs = matches!(Seen::at(path), Seen::There(standing) if standing.uid == user.uid);
    if *key != "cache_dir" && is_theirs {
        findings.extend(entries_of_others(path, user.uid).map(|found| judge_entries(directory, found, user)));
    }
    findings
}

fn judge_entries(directory: &Directory, (count, owner): (u64, u32), user: &DaemonUser) -> Finding {
    let Directory { key, path, .. } = directory;
    let (owner, name) = (name_of(owner), &user.name);
    let what = plural(count, "file");
    let text = format!(
        "{key} {}: {what} in it belong to {owner} and not to {name}: a program of telemetry ran as {owner}, and what it left cannot be changed",
        path.display()
    );
    Finding::error(ABOUT, text, chown(path, name))
}

fn judge(directory: &Directory, seen: &Seen, missing: Missing, user: &DaemonUser) -> Finding {
    let Directory { key, path, is_private } = directory;
    let shown = format!("{key} {}", path.display());
    if *seen == Seen::Missing && path.is_symlink() {
        let text = format!("{shown} is a link that leads nowhere");
        return Finding::error(ABOUT, text, format!("`rm {}`, or make what it leads to", path.display()));
    }
    let standing = match (seen, missing) {
        (Seen::There(standing), _) => standing,
        (Seen::Missing, Missing::MadeWhenNeeded) => {
            return Finding::ok(ABOUT, format!("{shown} is not there, and is made when it is needed"));
        }
        (Seen::Missing, Missing::Wrong) => {
            let remedy = "`systemd-tmpfiles --create telemetrics-dirs.conf` makes it";
            return Finding::error(ABOUT, format!("{shown} is not there"), remedy);
        }
        (Seen::Missing, Missing::Gone) => {
            let text = format!("{shown} is not there, though the daemons run: it was removed or moved away");
            let remedy = format!(
                "move it back, or `install -d -m {:04o} -o {} {}`",
                if *is_private { 0o750 } else { 0o755 },
                number(&user.name),
                path.display()
            );
            return Finding::error(ABOUT, text, remedy);
        }
        (Seen::Hidden, _) => {
            return Finding::warning(
                ABOUT,
                format!("{shown} cannot be seen by this user"),
                "run this as root",
            );
        }
        (Seen::Failed(reason), _) => {
            let remedy = format!("correct {key} in the configuration");
            return Finding::error(ABOUT, format!("{shown} cannot be seen: {reason}"), remedy);
        }
    };
    let wrong = |text: String, remedy: String| Finding::error(ABOUT, format!("{shown} {text}"), remedy);
    let (mode, change) = (standing.mode, |mode: &str| format!("`chmod {mode} {}`", path.display()));
    if standing.kind != Kind::Directory {
        return wrong("is no directory".to_owned(), format!("move it away, or correct {key}"));
    }
    if standing.uid != user.uid {
        let (owner, name) = (name_of(standing.uid), &user.name);
        return wrong(
            format!("belongs to {owner} and not to {name}, whom the daemons run as"),
            chown(path, name),
        );
    }
    if mode & 0o700 != 0o700 {
        return wrong(format!("has mode {mode:04o}, with which the daemons cannot work"), change("u+rwx"));
    }
    if mode & 0o022 != 0 {
        return wrong(format!("has mode {mode:04o}: others could put files into it"), change("go-w"));
    }
    if *is_private && mode & 0o007 != 0 {
        let text = format!("{shown} has mode {mode:04o}: every user can read it");
        return Finding::warning(ABOUT, text, change("o="));
    }
    Finding::ok(ABOUT, format!("{shown} is {}'s, mode {mode:04o}", user.name))
}

fn chown(path: &Path, name: &str) -> String {
    format!("`chown -R {} {}`", number(name), path.display())
}

/// The number stands where there is no name.
fn number(name: &str) -> &str {
    name.strip_prefix("user ").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::super::ownership::Standing;
    use super::*;

    fn found(seen: Seen, missing: Missing, is_private: bool) -> Finding {
        let directory = Directory { key: "spool_dir", path: "/s".into(), is_private };
        let user = DaemonUser { uid: 3_000_000_000, name: "telemetry".to_owned() };
        judge(&directory, &seen, missing, &user)
    }

    #[test]
    fn owner_and_mode_have_to_be_right() {
        let there = |kind, uid, mode| Seen::There(Standing { kind, uid, mode });
        let own = |mode| there(Kind::Directory, 3_000_000_000, mode);
        for (seen, level, part) in [
            (own(0o750), Level::Ok, "spool_dir /s is telemetry's, mode 0750"),
            (own(0o755), Level::Warning, "every user can read it; `chmod o= /s`"),
            (own(0o770), Level::Error, "others could put files into it; `chmod go-w /s`"),
            (own(0o752), Level::Error, "mode 0752"),
            (own(0o550), Level::Error, "cannot work; `chmod u+rwx /s`"),
            (
                there(Kind::Directory, 0, 0o755),
                Level::Error,
                "root and not to telemetry, whom the daemons run as; `chown -R telemetry /s`",
            ),
            (there(Kind::File, 0, 0o755), Level::Error, "is no directory"),
            (Seen::Hidden, Level::Warning, "run this as root"),
            (Seen::Failed("Not a directory".to_owned()), Level::Error, "correct spool_dir"),
            (Seen::Missing, Level::Error, "systemd-tmpfiles --create"),
        ] {
            assert_finding(&found(seen, Missing::Wrong, true), level, part);
        }
        assert_finding(&found(own(0o755), Missing::Wrong, false), Level::Ok, "mode 0755");
        assert_finding(&found(Seen::Missing, Missing::MadeWhenNeeded, true), Level::Ok, "when it is needed");
        let gone = found(Seen::Missing, Missing::Gone, true);
        assert_finding(
            &gone,
            Level::Error,
            "though the daemons run: it was removed or moved away; move it back",
        );
        assert_finding(&gone, Level::Error, "`install -d -m 0750 -o telemetry /s`");
    }

    #[test]
    fn a_user_without_a_name_is_shown_by_number() {
        assert_eq!(chown(Path::new("/s"), "user 12"), "`chown -R 12 /s`");
    }
}
