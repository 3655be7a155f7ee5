//! Bounds of samples and checks: anybody who knows the TID may send them, under any machine id.

/// Series of one machine: four times what a machine with many file systems and checks has.
pub const MACHINE_SERIES: usize = 512;

/// Series in all. Machines share those that are equal.
pub const ALL_SERIES: u64 = 100_000;

/// Lists of series in all. Machines that have the same series share one.
pub const ALL_LAYOUTS: u64 = 10_000;

/// Bytes of the name of a series.
pub const NAME_BYTES: usize = 160;

/// Bytes of its labels, written out.
pub const LABELS_BYTES: usize = 1024;

/// Labels of one series.
pub const LABELS: usize = 16;

/// Bytes of a unit.
pub const UNIT_BYTES: usize = 32;

/// Metrics of one text whose type is noted. More have none.
pub const METRICS: usize = 4096;

/// Checks of one machine, as many as it can define.
pub const MACHINE_CHECKS: usize = 256;

/// Checks of one machine that it has no more, of which is kept how they were: as many as it may have.
pub const GONE_CHECKS: usize = MACHINE_CHECKS;

/// Changes of one check that are kept: thirteen a day for two years.
pub const CHECK_CHANGES: i64 = 10_000;

/// Characters of a check's output, as machines cut it.
pub const OUTPUT_CHARS: usize = 256;

/// Characters of its performance data.
pub const PERFDATA_CHARS: usize = 1024;

/// Characters of any other of its texts.
pub const WORD_CHARS: usize = 80;

/// Lines of a record of a check that are read.
pub const CHECK_LINES: usize = 64;

/// Seconds by which a machine's clock may be ahead of ours. A later time counts as that of the reception.
pub const AHEAD_SECS: i64 = 600;

/// Seconds after which a sample is of no use: longer than a client keeps records.
pub const LATE_SECS: i64 = 35 * 86_400;

/// Seconds between two neighbours of which there is a rate: a machine pushes at least once a day.
pub const NEIGHBOUR_SECS: i64 = 2 * 86_400;

/// An id that was seen for longer does not rotate: those that do have 3 days.
pub const ROTATING_SECS: i64 = 4 * 86_400;

/// Seconds for which a machine has been due and nobody has asked it, after which no collector of the database has it any more:
/// longer than one is stopped for an upgrade or a weekend.
pub const OTHERS_KEPT_SECS: i64 = 7 * 86_400;
