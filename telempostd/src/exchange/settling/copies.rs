//! The same for a server of `server_copy`: what it says of a record is counted, and concerns nobody else.

use super::super::response::Classified;
use super::Settling;
use crate::chance::chance;
use crate::copies::CopyId;
use telemetry_record::header::Header;

impl Settling<'_> {
    pub(super) fn settle_copy(&mut self, id: CopyId, tag: u64, classified: Classified) {
        let Some(in_flight) = self.copies.in_flight(id, tag) else {
            return;
        };
        let server = in_flight.server.url.to_string();
        match classified {
            Classified::Delivered => {
                let (file, index) = in_flight.record_in_file();
                let (which, record_id) = ((file.clone(), index), in_flight.record.id);
                if self.copies.is_first_of_copy(id, which, record_id)
                    && let Some(in_flight) = self.copies.in_flight(id, tag)
                {
                    self.log.add(&in_flight.record);
                }
                self.accounting.copied(&server, self.now);
            }
            Classified::Forgotten => {
                let machine_id = in_flight.record.message.headers.value(Header::MachineId).to_owned();
                let reason = "it has forgotten the machine id, as it was asked to";
                self.accounting.copy_rejected(&in_flight.record, &server, reason, self.now);
                self.accounting.drop_machine_id(&machine_id);
            }
            Classified::Rejected { reason, .. } => {
                self.accounting.copy_rejected(&in_flight.record, &server, &reason, self.now);
            }
            Classified::Retryable(failure) => {
                self.accounting.copy_retried(&server, &failure.reason);
                let change = self.copies.retry(id, tag, failure.advice, self.now, chance());
                return self.accounting.copy_outage(change, &server, &failure.reason);
            }
        }
        let change = self.copies.settle(id, tag, self.now);
        self.accounting.copy_outage(change, &server, "");
    }
}
