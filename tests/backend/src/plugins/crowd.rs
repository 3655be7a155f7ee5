//! The processes of a program together: each is held by the kernel, but their number and sum are not.

use std::fs;

use crate::confine::MEMORY_BYTES;

/// Processes of one program: a shell with its pipes.
const PROCESSES: usize = 32;

/// What a process group has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Crowd {
    processes: usize,
    pages: u64,
}

impl Crowd {
    /// That of a group, as the kernel says now.
    pub(super) fn of_group(group: u32) -> Self {
        let mut crowd = Self::default();
        let Ok(entries) = fs::read_dir("/proc") else { return crowd };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_process = name.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
            if is_process && let Ok(stat) = fs::read_to_string(entry.path().join("stat")) {
                crowd.add(group, &stat);
            }
        }
        crowd
    }

    fn add(&mut self, group: u32, stat: &str) {
        // The name of a program may have spaces and brackets; what is behind it has not.
        let Some((_, rest)) = stat.rsplit_once(") ") else { return };
        let fields: Vec<&str> = rest.split(' ').collect();
        if fields.get(2).and_then(|field| field.parse().ok()) == Some(group) {
            self.processes += 1;
            let pages = fields.get(21).and_then(|field| field.parse::<u64>().ok());
            self.pages = self.pages.saturating_add(pages.unwrap_or(0));
        }
    }

    /// Which bound it is over, if it is.
    pub(super) fn excess(self, page_bytes: u64) -> Option<String> {
        if self.processes > PROCESSES {
            return Some(format!("it has more than {PROCESSES} processes"));
        }
        let is_large = self.pages.saturating_mul(page_bytes) > MEMORY_BYTES;
        is_large.then(|| format!("its processes have more than {} MiB together", MEMORY_BYTES >> 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_the_group_are_counted_and_bounded() {
        let mut crowd = Crowd::default();
        let stat = |name: &str, group: u32, pages: u64| {
            format!(
                "7 ({name}) S 1 {group} 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99 1000 {pages} 18446744073709551615 1\n"
            )
        };
        for text in
            [stat("sh", 5, 10), stat("a) S 1 6 (b", 5, 20), stat("other", 6, 1000), "nonsense".to_owned()]
        {
            crowd.add(5, &text);
        }
        assert_eq!(crowd, Crowd { processes: 2, pages: 30 });
        assert_eq!(crowd.excess(4096), None);
        let page = 4096;
        let many = Crowd { processes: PROCESSES + 1, pages: 0 };
        let large = Crowd { processes: 2, pages: MEMORY_BYTES / page + 1 };
        assert!(many.excess(page).unwrap().contains("32 processes"));
        assert!(large.excess(page).unwrap().contains("256 MiB"));
        let own = Crowd::of_group(nix::unistd::getpgrp().as_raw().try_into().unwrap());
        assert!(own.processes >= 1 && own.pages > 0, "{own:?}");
    }
}
