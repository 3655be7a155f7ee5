//! Names of threads. A program may put anything there, a user's text included: so a name is reported if it is the program's
//! own, which stands in its read-only data.

use super::elf::Elf;

/// Data that is searched for the names of a report.
const SEARCHED_BYTES: usize = 16 * 1024 * 1024;

/// Shortest name that is searched for: of less, any program has some.
const SHORTEST: usize = 3;

/// A name as it is reported: without the digits that number threads of one kind; none if nothing printable is left.
pub fn shown(comm: &str) -> Option<&str> {
    let name = comm.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_printable = !name.is_empty() && name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_printable.then_some(name)
}

/// Whether a name begins a string in the read-only data of one of these files.
pub fn is_of_program<'m, 'data: 'm>(name: &str, mut files: impl Iterator<Item = &'m Elf<'data>>) -> bool {
    if name.len() < SHORTEST {
        return false;
    }
    let mut room = SEARCHED_BYTES;
    let needle = [b"\0", name.as_bytes()].concat();
    files.any(|elf| {
        let data = elf.loads.iter().filter(|load| !load.writable).filter_map(|load| elf.bytes_at(load.svma));
        data.into_iter().any(|bytes| {
            let bytes = bytes.get(..room).unwrap_or(bytes);
            room = room.saturating_sub(bytes.len());
            contains(bytes, &needle)
        })
    })
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_threads_of_one_kind_share() {
        for (comm, name) in [
            ("worker", Some("worker")),
            ("worker-12", Some("worker-")),
            ("2fa", Some("2fa")),
            ("123", None),
            ("", None),
            ("a\u{1b}[1m", None),
            ("größe", None),
        ] {
            assert_eq!(shown(comm), name, "{comm}");
        }
    }

    #[test]
    fn only_what_the_program_itself_has_is_its_own() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        let elf = Elf::parse(&bytes).unwrap();
        let secret: String = ["sec", "ret", "of", "user"].concat();
        assert!(!is_of_program(&secret, [&elf].into_iter()));
        assert!(!is_of_program("a", [&elf].into_iter()));
        assert!(is_of_program("libc.so", [&elf].into_iter()), "the name of a library stands in its strings");
    }
}
