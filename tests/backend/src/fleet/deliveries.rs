//! What reaches a collector on a day.

use super::dice::Dice;
use super::fault::{Case, Fault, Subject};
use super::machine::Machine;
use super::software::{System, kernel_version};
use super::{DAY_SECS, FIRST_DAY, Fleet, LOOP_DAY};
use crate::record::Record;

/// A record on its way, as a collector gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// When it is received, in Unix seconds.
    pub received_secs: i64,
    /// Its idempotency key: the same for a record that is sent again.
    pub key: String,
    /// The record.
    pub record: Record,
    /// The system, which every record of this form has.
    pub system: System,
    /// What nobody but the fleet knows.
    pub known: Known,
}

/// The truth of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The machine, whatever its id.
    pub machine: u32,
    /// The day on which it happened.
    pub made_day: u32,
    /// The fault that it reports, if it reports one.
    pub fault: Option<u32>,
    /// The number of the version that counts for that fault.
    pub version: u32,
    /// Whether it was sent before.
    pub is_repeat: bool,
}

/// Thousandths of deliveries that are repeated at once, and on the next day.
const REPEATED_NOW: u32 = 20;
const REPEATED_LATER: u32 = 5;

/// Failures that a machine may meet a day, each with its chance in thousandths.
const CHANCES: [u32; 4] = [300, 100, 50, 20];

impl Fleet {
    /// What reaches the collector on a day, from 0; machine by machine, not in order of time.
    pub fn day(&self, day: u32) -> impl Iterator<Item = Delivery> + use<'_> {
        let machines = (0..self.plan.machines).map(|number| Machine::new(number, self.dice));
        machines.flat_map(move |machine| self.of_machine(&machine, day))
    }

    fn of_machine(&self, machine: &Machine, day: u32) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for made in machine.days_delivered_on(day) {
            for delivery in self.made_by(machine, made) {
                let again = repeat_dice(&delivery).of_thousand(REPEATED_NOW);
                let repeat = again.then(|| repeated(&delivery, delivery.received_secs.saturating_add(60)));
                deliveries.push(delivery);
                deliveries.extend(repeat);
            }
        }
        let yesterday = day.checked_sub(1).into_iter().flat_map(|before| machine.days_delivered_on(before));
        for delivery in yesterday.flat_map(|made| self.made_by(machine, made)) {
            if repeat_dice(&delivery).with(3).of_thousand(REPEATED_LATER) {
                deliveries.push(repeated(&delivery, (FIRST_DAY + i64::from(day)) * DAY_SECS + 100));
            }
        }
        deliveries
    }

    /// What a machine made on a day, with the time at which it is received.
    fn made_by(&self, machine: &Machine, day: u32) -> Vec<Delivery> {
        let dice = machine.dice.with(51).with(day.into());
        let mut made =
            vec![self.plain(machine, day, dice.with(1), "org.clearlinux/heartbeat/ping", "hello\n")];
        for number in 0..self.plan.others {
            let dice = dice.with(2).with(number.into());
            made.push(self.plain(machine, day, dice, "org.clearlinux/hello/world", "hello\n"));
        }
        for (number, chance) in (0_u64..).zip(CHANCES) {
            let dice = dice.with(3).with(number);
            let fault = dice.of_thousand(chance).then(|| self.draw(machine, dice.with(2))).flatten();
            made.extend(fault.and_then(|fault| self.failure(machine, day, dice.with(4), fault)));
        }
        if Some(machine.number) == self.loop_machine && day == LOOP_DAY {
            let fault = self.faults.iter().find(|fault| fault.case == Case::Loop);
            let of_loop = |number: u32| {
                fault.and_then(|fault| self.report(machine, day, dice.with(5).with(number.into()), fault))
            };
            made.extend((0..self.plan.loop_crashes).filter_map(of_loop));
        }
        made
    }

    /// A fault that the machine could meet: those of low numbers more often.
    fn draw(&self, machine: &Machine, dice: Dice) -> Option<&Fault> {
        let unit = dice.unit();
        let at = (unit * unit * self.faults.len() as f64) as usize;
        self.faults.get(at).filter(|fault| fault.is_on(machine.system) && fault.case != Case::Loop)
    }

    /// The record of a fault, if the machine's version has it.
    fn failure(&self, machine: &Machine, day: u32, dice: Dice, fault: &Fault) -> Option<Delivery> {
        fault
            .is_in(self.version(machine, day, fault))
            .then(|| self.report(machine, day, dice, fault))
            .flatten()
    }

    fn report(&self, machine: &Machine, day: u32, dice: Dice, fault: &Fault) -> Option<Delivery> {
        let version = self.version(machine, day, fault);
        let (classification, severity) = fault.class();
        let payload = fault.payload(machine.system, version, dice.with(6));
        let mut delivery = self.plain(machine, day, dice, classification, &payload);
        delivery.record.severity = severity;
        delivery.known.fault = Some(fault.number);
        delivery.known.version = version;
        Some(delivery)
    }

    /// The number of the version that counts for a fault.
    fn version(&self, machine: &Machine, day: u32, fault: &Fault) -> u32 {
        machine.version(day, self.software(machine.system, fault.subject))
    }

    /// The die of what has versions.
    fn software(&self, system: System, subject: Subject) -> Dice {
        match subject {
            Subject::Package(system, package) => self.dice.with(61).with(system as u64).with(package.into()),
            Subject::Program(_) | Subject::Unit(_) => self.dice.with(62).with(system as u64),
            Subject::Kernel | Subject::Hardware => self.dice.with(63),
        }
    }

    fn plain(
        &self,
        machine: &Machine,
        day: u32,
        dice: Dice,
        classification: &str,
        payload: &str,
    ) -> Delivery {
        let made_secs = machine.time(day, dice.with(1));
        let arrives = machine.delivery_day(day);
        let received_secs =
            if arrives == day { made_secs.saturating_add(5) } else { machine.time(arrives, dice.with(2)) };
        let build = machine.version(day, self.software(machine.system, Subject::Program(machine.system)));
        let kernel = machine.version(day, self.software(machine.system, Subject::Kernel));
        let record = Record {
            record_format_version: 4,
            severity: 1,
            classification: classification.to_owned(),
            machine_id: machine.id(made_secs),
            captured_secs: machine.clock_secs(made_secs),
            arch: "x86_64".to_owned(),
            host_type: machine.host_type().to_owned(),
            build: machine.system.build(build),
            kernel_version: kernel_version(kernel),
            payload_format_version: Some(1),
            system_name: Some(machine.system.name().to_owned()),
            board_name: Some("Board|Vendor".to_owned()),
            cpu_model: Some(machine.cpu_model().to_owned()),
            bios_version: Some(format!("1.{}", machine.dice.with(14).below(5))),
            event_id: Some(format!("{:016x}{:016x}", dice.with(3).number(), dice.with(4).number())),
            external: false,
            payload: payload.to_owned(),
        };
        let key = format!("{:016x}{:016x}", dice.with(7).number(), machine.number);
        let known =
            Known { machine: machine.number, made_day: day, fault: None, version: 0, is_repeat: false };
        Delivery { received_secs, key, record, system: machine.system, known }
    }
}

fn repeat_dice(delivery: &Delivery) -> Dice {
    let of_key = delivery.key.bytes().fold(0_u64, |sum, byte| sum.rotate_left(5) ^ u64::from(byte));
    Dice::new(of_key)
}

fn repeated(delivery: &Delivery, received_secs: i64) -> Delivery {
    let known = Known { is_repeat: true, ..delivery.known };
    Delivery { received_secs, known, ..delivery.clone() }
}
