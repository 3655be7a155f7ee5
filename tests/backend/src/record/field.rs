//! The names of the 15 record headers, in both spellings, and the format version that made each one required.

/// One header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The form of the record itself.
    RecordFormatVersion,
    /// What kind of event it describes.
    Classification,
    /// How bad the event is.
    Severity,
    /// Which machine, for three days.
    MachineId,
    /// When the record was made.
    CreationTimestamp,
    /// The processor architecture.
    Arch,
    /// The model of the machine.
    HostType,
    /// The version of the operating system.
    Build,
    /// The release of the kernel.
    KernelVersion,
    /// The form of the payload.
    PayloadFormatVersion,
    /// The name of the operating system.
    SystemName,
    /// The main board.
    BoardName,
    /// The processor.
    CpuModel,
    /// The firmware.
    BiosVersion,
    /// What joins several records of one event.
    EventId,
}

impl Field {
    /// All of them, in the order in which the client writes them.
    pub const ALL: [Self; 15] = [
        Self::RecordFormatVersion,
        Self::Classification,
        Self::Severity,
        Self::MachineId,
        Self::CreationTimestamp,
        Self::Arch,
        Self::HostType,
        Self::Build,
        Self::KernelVersion,
        Self::PayloadFormatVersion,
        Self::SystemName,
        Self::BoardName,
        Self::CpuModel,
        Self::BiosVersion,
        Self::EventId,
    ];

    /// The name as an HTTP header. In the record itself and in JSON it is in lower case with underscores.
    #[must_use]
    pub fn header(self) -> &'static str {
        match self {
            Self::RecordFormatVersion => "Record-Format-Version",
            Self::Classification => "Classification",
            Self::Severity => "Severity",
            Self::MachineId => "Machine-Id",
            Self::CreationTimestamp => "Creation-Timestamp",
            Self::Arch => "Arch",
            Self::HostType => "Host-Type",
            Self::Build => "Build",
            Self::KernelVersion => "Kernel-Version",
            Self::PayloadFormatVersion => "Payload-Format-Version",
            Self::SystemName => "System-Name",
            Self::BoardName => "Board-Name",
            Self::CpuModel => "Cpu-Model",
            Self::BiosVersion => "Bios-Version",
            Self::EventId => "Event-Id",
        }
    }

    /// The name in the record itself and in JSON.
    #[must_use]
    pub fn name(self) -> String {
        self.header().to_ascii_lowercase().replace('-', "_")
    }

    /// The first record format version that requires it. Later ones do too.
    #[must_use]
    pub fn required_since(self) -> u8 {
        match self {
            Self::PayloadFormatVersion | Self::SystemName => 2,
            Self::BoardName | Self::BiosVersion | Self::CpuModel => 3,
            Self::EventId => 4,
            _ => 1,
        }
    }

    /// The field of this name in any spelling, `None` if it is no record header.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| is_same_name(field.header(), name))
    }
}

/// Whether two header names are one name: case does not count, and `_` is `-`, as for the WSGI servers that
/// the C client was made for.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    one.bytes().map(fold).eq(other.bytes().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_spelling_names_the_same_field() {
        for name in ["Record-Format-Version", "record_format_version", "RECORD-FORMAT_VERSION"] {
            assert_eq!(Field::named(name), Some(Field::RecordFormatVersion));
        }
        for name in ["Record Format Version", "RecordFormatVersion", "Severit", "Severityy", ""] {
            assert_eq!(Field::named(name), None, "{name:?}");
        }
        for field in Field::ALL {
            assert_eq!(Field::named(&field.header().to_lowercase().replace('-', "_")), Some(field));
        }
    }
}
