//! Machines: hardware, system, id, and when they are there.

use super::dice::Dice;
use super::software::{System, version_on};
use super::{DAY_SECS, FIRST_DAY};

/// Days after which an id rotates.
const ID_DAYS: i64 = 3;

/// Systems, in the shares that they have.
const SYSTEMS: [System; 10] = [
    System::Debian,
    System::Debian,
    System::Debian,
    System::Debian,
    System::Ubuntu,
    System::Ubuntu,
    System::Fedora,
    System::Fedora,
    System::Clear,
    System::Clear,
];

const HOST_TYPES: [&str; 5] = [
    "LENOVO|20BWS1KJ00|ThinkPad T450s",
    "Dell Inc.|Latitude 7490|",
    "HP|ProLiant DL380 Gen10|",
    "QEMU|Standard PC|pc-q35-8.2",
    "ASUS|PRIME B550|Rev 1.0",
];

const CPU_MODELS: [&str; 4] = [
    "Intel(R) Core(TM) i7-5600U CPU @ 2.60GHz",
    "Intel(R) Xeon(R) Gold 6130",
    "AMD Ryzen 7 5800X 8-Core Processor",
    "AMD EPYC 7313P",
];

/// A machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) number: u32,
    pub(super) dice: Dice,
    pub(super) system: System,
}

impl Machine {
    pub(super) fn new(number: u32, dice: Dice) -> Self {
        let dice = dice.with(31).with(number.into());
        Self { number, dice, system: dice.with(1).pick(&SYSTEMS).unwrap_or(System::Debian) }
    }

    /// The id that it has at a time, in Unix seconds. It rotates at an hour of its own.
    pub(super) fn id(&self, secs: i64) -> String {
        let phase = i64::from(self.dice.with(2).below(3 * 86_400));
        let epoch = secs.saturating_add(phase).div_euclid(ID_DAYS * DAY_SECS);
        let dice = self.dice.with(3).with(epoch.cast_unsigned());
        format!("{:016x}{:016x}", dice.number(), dice.with(2).number())
    }

    pub(super) fn host_type(&self) -> &'static str {
        self.dice.with(4).pick(&HOST_TYPES).unwrap_or_default()
    }

    pub(super) fn cpu_model(&self) -> &'static str {
        self.dice.with(5).pick(&CPU_MODELS).unwrap_or_default()
    }

    /// Days on which it was off, as a machine in a drawer is: first and first after.
    fn away(&self) -> Option<(u32, u32)> {
        let first = 3 + self.dice.with(6).below(8);
        self.dice.with(7).of_thousand(50).then_some((first, first + 12 + self.dice.with(8).below(8)))
    }

    /// Days on which it had no network, so that what it made came on the day after, all at once.
    fn cut_off(&self) -> Option<(u32, u32)> {
        let first = 12 + self.dice.with(9).below(15);
        let is_cut_off = self.dice.with(10).of_thousand(20) && self.away().is_none();
        is_cut_off.then_some((first, first + 1 + self.dice.with(12).below(3)))
    }

    /// Whether it runs on a day.
    pub(super) fn is_on(&self, day: u32) -> bool {
        self.away().is_none_or(|(first, end)| !(first..end).contains(&day))
    }

    /// The day on which what it made on `day` reaches the collector.
    pub(super) fn delivery_day(&self, day: u32) -> u32 {
        match self.cut_off() {
            Some((first, end)) if (first..end).contains(&day) => end,
            _ => day,
        }
    }

    /// Whether it runs on a day, and what it makes is received on that day.
    pub(super) fn is_punctual(&self, day: u32) -> bool {
        self.is_on(day) && self.delivery_day(day) == day
    }

    /// The days whose records reach the collector on `day`.
    pub(super) fn days_delivered_on(&self, day: u32) -> impl Iterator<Item = u32> + use<'_> {
        let first = match self.cut_off() {
            Some((first, end)) if end == day => first,
            _ => day,
        };
        (first..=day).filter(move |made| self.is_on(*made) && self.delivery_day(*made) == day)
    }

    /// The version of something on a day. Who comes back runs for two days what it ran when it left.
    pub(super) fn version(&self, day: u32, of: Dice) -> u32 {
        let day = match self.away() {
            Some((first, end)) if (first..end + 2).contains(&day) => first,
            _ => day,
        };
        version_on(day, self.dice, of)
    }

    /// What its clock shows at a time, in Unix seconds: some are wrong by years.
    pub(super) fn clock_secs(&self, secs: i64) -> i64 {
        match self.dice.with(13).below(200) {
            0 => secs - 6 * 365 * DAY_SECS,
            1 => secs + 11 * 365 * DAY_SECS,
            _ => secs,
        }
    }

    /// A time of a day, far enough from its end that what is sent then arrives on it.
    pub(super) fn time(&self, day: u32, dice: Dice) -> i64 {
        (FIRST_DAY + i64::from(day)) * DAY_SECS + i64::from(dice.below(85_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_id_lives_three_days() {
        let machine = Machine::new(7, Dice::new(1));
        let start = FIRST_DAY * DAY_SECS;
        let ids: BTreeSet<String> = (0..30 * 24).map(|hour| machine.id(start + hour * 3600)).collect();
        assert!((10..=11).contains(&ids.len()), "{}", ids.len());
        assert!(ids.iter().all(|id| id.len() == 32));
        assert_ne!(machine.id(start), Machine::new(8, Dice::new(1)).id(start));
    }

    #[test]
    fn every_day_is_delivered_once() {
        for number in 0..2000 {
            let machine = Machine::new(number, Dice::new(1));
            let made: Vec<u32> = (0..35).filter(|day| machine.is_on(*day)).collect();
            let mut delivered: Vec<u32> =
                (0..35).flat_map(|day| machine.days_delivered_on(day).collect::<Vec<_>>()).collect();
            delivered.sort_unstable();
            assert_eq!(delivered, made, "{number}");
        }
    }

    #[test]
    fn some_are_away_and_some_are_late() {
        let machines: Vec<_> = (0..2000).map(|number| Machine::new(number, Dice::new(1))).collect();
        let away = machines.iter().filter(|machine| machine.away().is_some()).count();
        let late = machines.iter().filter(|machine| machine.cut_off().is_some()).count();
        let wrong = machines.iter().filter(|machine| machine.clock_secs(0) != 0).count();
        assert!((60..140).contains(&away) && (20..60).contains(&late) && wrong > 5, "{away} {late} {wrong}");
        let back = machines.iter().find(|machine| machine.away().is_some()).unwrap();
        let (first, end) = back.away().unwrap();
        let of = Dice::new(4);
        assert_eq!(back.version(end, of), back.version(first, of));
    }
}
