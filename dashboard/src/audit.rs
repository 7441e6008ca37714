//! Audit: one record per request or stream, durable before the first byte of the answer.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::app::App;
use crate::backend::{AuditKind, AuditOutcome, AuditRecord, BackendError, Micros, Principal};
use crate::reply::Touched;

/// Longest query text kept in a record.
const MAX_QUERY: usize = 8 * 1024;

/// What is known of a request before it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) request_id: String,
    pub(crate) kind: AuditKind,
    pub(crate) action: &'static str,
    pub(crate) route: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) peer: Option<IpAddr>,
}

impl Asked {
    pub(crate) fn record(
        self,
        at: Micros,
        principal: Option<&Principal>,
        touched: &Touched,
        status: u16,
    ) -> AuditRecord {
        let outcome = match status {
            200..400 => AuditOutcome::Success,
            401 | 403 | 429 => AuditOutcome::Denied,
            400..500 => AuditOutcome::Refused,
            _ => AuditOutcome::Failed,
        };
        let query = self.query.map(|mut query| {
            query.truncate(query.floor_char_boundary(MAX_QUERY));
            query
        });
        AuditRecord {
            at,
            request_id: self.request_id,
            principal: principal.map(|principal| principal.name.clone()),
            role: principal.map(|principal| principal.role),
            kind: self.kind,
            action: self.action,
            route: self.route,
            path: self.path,
            query,
            patients: touched.patients.iter().cloned().collect(),
            any_patient: touched.any,
            outcome,
            status,
            peer: self.peer,
            repeats: 0,
            continues: false,
        }
    }
}

/// The record of an open stream: names further patients before their data goes out.
pub(crate) struct Trail {
    app: Arc<App>,
    record: AuditRecord,
    named: HashSet<String>,
}

impl Trail {
    pub(crate) fn new(app: Arc<App>, record: AuditRecord, touched: &Touched) -> Self {
        Self {
            app,
            record,
            named: touched.patients.iter().cloned().collect(),
        }
    }

    /// Returns once every one of `patients` is on record.
    pub(crate) async fn touch<'a>(
        &mut self,
        patients: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), BackendError> {
        let mut new: Vec<String> = Vec::new();
        for patient in patients {
            if !self.named.contains(patient) {
                self.named.insert(patient.to_owned());
                new.push(patient.to_owned());
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        new.sort_unstable();
        let record = AuditRecord {
            at: self.app.now(),
            patients: new,
            continues: true,
            ..self.record.clone()
        };
        self.app.backend.audit(record).await
    }
}
