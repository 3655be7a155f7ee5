//! Names of dump files.
//!
//! ```text
//! dmesg-STORE-ID[.enc.z][~COPY]      a part, as the kernel names it
//! dmesg.txt[~COPY]                   parts that systemd-pstore joined
//! ```
//!
//! `STORE` is `efi` (`efi_pstore` since Linux 6.0), `erst`, `ramoops`, `pstore_blk`, `nvram`. `ID` of UEFI variables is
//! `(time * 100 + part) * 1000 + count`, of ERST a number that grows by one with each record, of the others the number of
//! the place; `dmesg-nvram` of old kernels has none. `.enc.z` says that the kernel could not unpack it. `~COPY` is of pstoreclean, where a name was taken.

use super::limits::NAME_BYTES;

const JOINED: &str = "dmesg.txt";

/// What the name of a dump says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A part, as the kernel names it.
    Part {
        /// What keeps it.
        store: Store,
        /// Number of the record in its store.
        id: u64,
        /// Whether it is still packed.
        is_packed: bool,
    },
    /// Parts that systemd-pstore joined.
    Joined,
}

/// What kept a dump over the restart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    /// UEFI variables.
    Efi,
    /// The ACPI error record table.
    Erst,
    /// Any other, by its name.
    Other(String),
}

/// What the number of a record in UEFI variables says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EfiId {
    /// When it was written, in Unix seconds.
    pub time_secs: u64,
    /// 1 is the end of the log.
    pub part: u32,
    /// How many dumps the kernel had made since its start.
    pub count: u32,
}

impl Name {
    /// Reads the name of a file; none if it is no dump of the log: console-, ftrace- and pmsg- files are others'.
    pub fn parse(file_name: &str) -> Option<Self> {
        let name = without_copy(file_name);
        if file_name.len() > NAME_BYTES {
            return None;
        }
        if name == JOINED {
            return Some(Self::Joined);
        }
        let rest = name.strip_prefix("dmesg-")?;
        let (rest, is_packed) = rest.strip_suffix(".enc.z").map_or((rest, false), |rest| (rest, true));
        // POWER's has one dump, and before 3.11 no number.
        if rest == "nvram" {
            return Some(Self::Part { store: Store::Other(rest.to_owned()), id: 0, is_packed });
        }
        let (store, digits) = rest.rsplit_once('-')?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = digits.parse().ok()?;
        // Old kernels print numbers of ERST with a sign.
        let (store, id) =
            store.strip_suffix('-').map_or((store, number), |store| (store, number.wrapping_neg()));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if store.is_empty() || !store.bytes().all(is_plain) {
            return None;
        }
        let store = match store {
            "efi" | "efi_pstore" => Store::Efi,
            "erst" => Store::Erst,
            other => Store::Other(other.to_owned()),
        };
        Some(Self::Part { store, id, is_packed })
    }

    /// What the number says, where it says something.
    pub fn efi_id(&self) -> Option<EfiId> {
        let Self::Part { store: Store::Efi, id, .. } = self else { return None };
        let low = |number: u64| u32::try_from(number).unwrap_or(0);
        Some(EfiId { time_secs: id / 100_000, part: low(id / 1000 % 100), count: low(id % 1000) })
    }
}

/// The name as it was in its store.
pub(super) fn without_copy(file_name: &str) -> &str {
    match file_name.rsplit_once('~') {
        Some((name, copy)) if !copy.is_empty() && copy.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => file_name,
    }
}

/// The name of another copy of a file of this name.
pub(super) fn of_copy(file_name: &str, copy: usize) -> String {
    match copy {
        0 => without_copy(file_name).to_owned(),
        copy => format!("{}~{copy}", without_copy(file_name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(store: Store, id: u64, is_packed: bool) -> Option<Name> {
        Some(Name::Part { store, id, is_packed })
    }

    #[test]
    fn names_of_old_and_new_kernels_are_read() {
        let ramoops = || Store::Other("ramoops".to_owned());
        for (name, expected) in [
            ("dmesg-efi-152267288101001", part(Store::Efi, 152_267_288_101_001, false)),
            ("dmesg-efi_pstore-152267288101001", part(Store::Efi, 152_267_288_101_001, false)),
            ("dmesg-ramoops-0", part(ramoops(), 0, false)),
            ("dmesg-ramoops-1.enc.z", part(ramoops(), 1, true)),
            ("dmesg-ramoops-1.enc.z~12", part(ramoops(), 1, true)),
            ("dmesg-pstore_blk-3~1", part(Store::Other("pstore_blk".to_owned()), 3, false)),
            ("dmesg-erst-6539920841236578305", part(Store::Erst, 6_539_920_841_236_578_305, false)),
            ("dmesg-erst--1", part(Store::Erst, u64::MAX, false)),
            ("dmesg.txt", Some(Name::Joined)),
            ("dmesg.txt~3", Some(Name::Joined)),
        ] {
            assert_eq!(Name::parse(name), expected, "{name}");
        }
    }

    #[test]
    fn other_files_are_no_dumps() {
        let long = format!("dmesg-{}-1", "x".repeat(NAME_BYTES));
        for name in [
            "console-ramoops-0",
            "ftrace-ramoops-0",
            "pmsg-ramoops-0",
            "mce-erst-1",
            "dmesg",
            "dmesg-",
            "dmesg-efi",
            "dmesg-efi-",
            "dmesg--1",
            "dmesg-efi-+1",
            "dmesg-efi-1x",
            "dmesg-efi-1.enc",
            "dmesg-efi-99999999999999999999999",
            "dmesg-a/b-1",
            "dmesg-é-1",
            ".dmesg-efi-1",
            "dmesg.txt~",
            "",
            &long,
        ] {
            assert_eq!(Name::parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_number_of_an_efi_record_has_three() {
        let id = Name::parse("dmesg-efi-152267288112034").unwrap().efi_id();
        assert_eq!(id, Some(EfiId { time_secs: 1_522_672_881, part: 12, count: 34 }));
        assert_eq!(Name::parse("dmesg-ramoops-1").unwrap().efi_id(), None);
    }

    proptest! {
        #[test]
        fn what_the_kernel_makes_is_read_again(time in 0..1_u64 << 40, part in 0..100_u64, count in 0..1000_u64) {
            let id = (time * 100 + part) * 1000 + count;
            for name in [format!("dmesg-efi-{id}"), format!("dmesg-efi_pstore-{id}.enc.z~7")] {
                let read = Name::parse(&name).unwrap().efi_id().unwrap();
                prop_assert_eq!(
                    (read.time_secs, u64::from(read.part), u64::from(read.count)),
                    (time, part, count)
                );
            }
        }

        #[test]
        fn a_copy_has_the_meaning_of_its_original(name in "(dmesg-(efi|ramoops)-[0-9]{1,15}(\\.enc\\.z)?|dmesg\\.txt)", copy in 0..2000_usize) {
            let of_copy = of_copy(&name, copy);
            prop_assert_eq!(without_copy(&of_copy), &name);
            prop_assert_eq!(Name::parse(&of_copy), Name::parse(&name));
        }

        #[test]
        fn any_name_is_read_or_not(name in "\\PC{0,140}") {
            let _ = Name::parse(&name);
        }
    }
}
