//! What decoded messages come to: whose it is, what is new. Nothing of it is in the log yet.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use wardline_normalize::batch::{Beside, Normalized};
use wardline_normalize::measurement::{Claims, Statement};
use wardline_store::registry::Assignments;
use wardline_store::{Classified, Verdict};

use super::attribute::{attribute, whose};
use super::beside;
use super::contain::{Fault, Prepared};
use super::decode::Parts;
use super::sequencer::Sequencer;

/// How often earlier rows are looked up again before the intake gives up.
const LOOK_UPS: u32 = 3;

impl Sequencer {
    /// Whose the rows are and which are new. Nothing outside changes, so that a stretch can be taken up again.
    pub(super) async fn prepare(&self, parts: Parts) -> Result<Prepared, Fault> {
        let mut prepared = Prepared::default();
        for (places, part) in parts {
            let Normalized {
                rows,
                origin,
                record,
                claims,
                rejects,
                waveforms,
                alarms,
            } = part;
            let refused = &mut prepared.refused;
            refused.extend(rejects.into_iter().map(|reject| {
                (
                    places[reject.message as usize],
                    reject.record,
                    reject.reason.as_str(),
                    reject.detail,
                )
            }));
            let assignments = self.registry.assignments();
            for Beside {
                message,
                record,
                claims,
                what,
            } in alarms
            {
                match of_whom(&what.stated, claims.as_ref(), &assignments) {
                    Ok(patient) => prepared.alarms.push(beside::alarm(what, patient)),
                    Err((reason, detail)) => {
                        let place = places[message as usize];
                        refused.push((place, Some(record), reason, detail));
                    }
                }
            }
            if !self.waveforms {
                prepared.waveforms_ignored += waveforms.len() as u64;
            }
            for Beside {
                message,
                record,
                claims,
                what,
            } in waveforms.into_iter().filter(|_| self.waveforms)
            {
                match of_whom(&what.stated, claims.as_ref(), &assignments) {
                    Ok(patient) => prepared.waveforms.extend(beside::waveform(what, patient)),
                    Err((reason, detail)) => {
                        let place = places[message as usize];
                        refused.push((place, Some(record), reason, detail));
                    }
                }
            }
            let attributed = attribute(&rows, &claims, &assignments, &self.mappings)?;
            refused.extend(attributed.refused.into_iter().map(|(row, reason, detail)| {
                (
                    places[origin[row] as usize],
                    Some(record[row]),
                    reason,
                    detail,
                )
            }));
            prepared.unattributed += attributed.unattributed as u64;
            if attributed.rows.num_rows() > 0 {
                self.fresh(&attributed.rows, &mut prepared).await?;
            }
        }
        Ok(prepared)
    }

    /// Keeps the rows that are not repeats, and what keeps other batches from taking them for new meanwhile.
    pub(super) async fn fresh(
        &self,
        rows: &RecordBatch,
        prepared: &mut Prepared,
    ) -> Result<(), Fault> {
        let mut attempts = 0;
        let classified = loop {
            match self.look_up(rows).await {
                // Queries took the time; a replay from quarantine would cost more of it.
                Err(error @ wardline_store::Error::Timeout(_)) if attempts < LOOK_UPS => {
                    attempts += 1;
                    tracing::warn!(%error, attempts, "earlier rows could not be looked up; again");
                }
                other => break other?,
            }
        };
        for verdict in classified.verdicts() {
            match verdict {
                Verdict::New => {}
                Verdict::Duplicate => prepared.duplicates += 1,
                Verdict::Correction { .. } => prepared.corrections += 1,
            }
        }
        prepared.rows.push(classified.kept(rows)?);
        prepared.held.push(classified);
        Ok(())
    }

    async fn look_up(&self, rows: &RecordBatch) -> Result<Classified, wardline_store::Error> {
        let devices = rows.column_by_name("device_id");
        let mut devices = devices
            .and_then(|column| column.as_string_opt::<i32>())
            .into_iter()
            .flatten()
            .flatten();
        if devices.any(crate::sabotage::look_up_fails) {
            return Err(wardline_store::Error::Query("asked for".to_owned()));
        }
        self.dedup.classify(rows).await
    }
}

/// Whose a statement beside the readings is.
fn of_whom<'a>(
    stated: &Statement,
    claims: Option<&'a Claims>,
    assignments: &'a Assignments,
) -> Result<Option<&'a str>, (&'static str, String)> {
    let user = stated.device_user.as_deref();
    whose(
        (&stated.device, user, stated.effective),
        claims,
        assignments,
    )
}
