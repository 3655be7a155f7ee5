//! Whether `/proc/PID` is the process that crashed, and not one that took its number (CVE-2025-4598). What the kernel
//! says of both is compared; reading it is `process`'s business.

/// The process that a pidfd means, of the text of its `/proc/self/fdinfo/FD`; none if it is none, or one of
/// a process that is gone (-1) or of another pid namespace (0).
pub fn pid_of_pidfd(fdinfo: &str) -> Option<i32> {
    field(fdinfo, "Pid")?.parse().ok().filter(|pid| *pid > 0)
}

/// Whether the kernel is writing a core of the process, of the text of its `/proc/PID/status` (Linux 4.15).
pub fn is_dumping(status: &str) -> bool {
    field(status, "CoreDumping") == Some("1")
}

/// The ids by which the process opens files, of the text of its `/proc/PID/status`: user and group.
pub fn file_system_ids(status: &str) -> Option<(u32, u32)> {
    let last = |name| field(status, name)?.split_whitespace().nth(3)?.parse().ok();
    Some((last("Uid")?, last("Gid")?))
}

/// Whether a process was there before another one was started, of the texts of their `/proc/PID/stat`. A process that
/// crashed was there before its handler; times are in ticks of 10 ms, so that equal ones may be.
pub fn is_not_younger(stat: &str, than: &str) -> bool {
    start_ticks(stat).zip(start_ticks(than)).is_some_and(|(start, than)| start <= than)
}

/// Field 22 of `/proc/PID/stat`. The second field is the name, in which anything may stand, brackets too.
fn start_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

/// The value of the first line of this name.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':').map(str::trim);
    text.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(name: &str, start: &str) -> String {
        format!("12 ({name}) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 {start} 20 21")
    }

    #[test]
    fn who_is_older() {
        for (process, handler, expected) in [
            ("100", "101", true),
            ("100", "100", true),
            ("101", "100", false),
            ("18446744073709551615", "100", false),
            ("x", "100", false),
            ("100", "x", false),
        ] {
            let (process, handler) = (stat("a", process), stat("crashprobe", handler));
            assert_eq!(is_not_younger(&process, &handler), expected, "{process} {handler}");
        }
        for name in ["a b", "a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1 20", ") (", ""] {
            assert!(is_not_younger(&stat(name, "7"), &stat("x", "7")), "{name}");
            assert!(!is_not_younger(&stat(name, "8"), &stat("x", "7")), "{name}");
        }
        assert!(!is_not_younger("", &stat("x", "1")));
    }

    #[test]
    fn ours_is_read_as_it_is() {
        let read = |name| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap();
        let (own, status) = (read("stat"), read("status"));
        let init = std::fs::read_to_string("/proc/1/stat").unwrap();
        assert!(is_not_younger(&own, &own) && is_not_younger(&init, &own));
        assert!(!is_dumping(&status));
        let ids = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        assert_eq!(file_system_ids(&status), Some(ids));
    }

    #[test]
    fn only_the_kernels_own_line_counts() {
        for (status, expected) in [
            ("Name:\tx\nCoreDumping:\t1\n", true),
            ("Name:\tx\nCoreDumping:\t0\n", false),
            ("Name:\tCoreDumping:\t1\n", false),
            ("Name:\tx\n", false),
            ("CoreDumping:\t11\n", false),
        ] {
            assert_eq!(is_dumping(status), expected, "{status}");
        }
        let status = "Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n";
        assert_eq!(file_system_ids(status), Some((4, 8)));
        assert_eq!(file_system_ids("Uid:\t1\t2\t3\nGid:\t5\t6\t7\t8\n"), None);
    }

    #[test]
    fn a_pidfd_means_one_process() {
        for (fdinfo, expected) in [
            ("pos:\t0\nflags:\t02000002\nPid:\t1234\nNSpid:\t1234\n", Some(1234)),
            ("pos:\t0\nPid:\t-1\nNSpid:\t-1\n", None),
            ("pos:\t0\nPid:\t0\n", None),
            ("pos:\t0\nNSpid:\t5\n", None),
            ("pos:\t0\nPid:\t99999999999\n", None),
            ("", None),
        ] {
            assert_eq!(pid_of_pidfd(fdinfo), expected, "{fdinfo}");
        }
    }
}
