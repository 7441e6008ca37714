//! An in-memory backend: enough of each promise of the trait for HTTP to be tested against it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::Notify;
use wardline_dashboard::backend::*;
use wardline_dashboard::json::rows_from_ndjson;
use wardline_normalize::columns::{Columns, schema, text};
use wardline_normalize::mapping::fhir::FhirMapping;

use crate::harness::NOW;

mod beds;
mod care;
mod parts;

pub(crate) use care::{Care, dead};
pub(crate) use parts::{alert, texts};
use parts::{enrolled, observations, page, take};

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) audits: Mutex<Vec<AuditRecord>>,
    pub(crate) audit_fails: AtomicBool,
    pub(crate) hang: AtomicBool,
    /// Told when a request begins to hang.
    pub(crate) hanging: Notify,
    pub(crate) panic: AtomicBool,
    pub(crate) rows: Mutex<Option<RecordBatch>>,
    pub(crate) alerts: Mutex<BTreeMap<String, Alert>>,
    pub(crate) messages: Mutex<Vec<Message>>,
    pub(crate) actions: Mutex<Vec<AlertAction>>,
    pub(crate) observed: Mutex<Vec<ManualObservation>>,
    pub(crate) searches: Mutex<Vec<ObservationSearch>>,
    pub(crate) commands: Mutex<Vec<CommandNew>>,
    pub(crate) revoked: Mutex<BTreeSet<String>>,
    used_links: Mutex<BTreeSet<String>>,
    pub(crate) care: Care,
    patients: Mutex<BTreeMap<String, Patient>>,
    devices: Mutex<BTreeMap<String, Device>>,
    assignments: Mutex<Vec<Assignment>>,
    beds: Mutex<Vec<Bed>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let memory = Self::default();
        for id in ["p1", "p2"] {
            let data = PatientWrite {
                name: Some(format!("Name of {id}")),
                ..PatientWrite::default()
            };
            let patient = Patient {
                id: id.into(),
                data,
                bed: Some("4".into()),
                ward_since: None,
                ward_before: None,
            };
            memory.patients.lock().unwrap().insert(id.into(), patient);
        }
        memory
            .alerts
            .lock()
            .unwrap()
            .insert("A1".into(), alert("A1", "p1"));
        memory
    }

    pub(crate) fn put(&self, ndjson: &str) {
        *self.rows.lock().unwrap() = Some(rows_from_ndjson(ndjson).unwrap());
    }

    pub(crate) fn take_audits(&self) -> Vec<AuditRecord> {
        std::mem::take(&mut *self.audits.lock().unwrap())
    }

    fn all(&self) -> RecordBatch {
        self.rows
            .lock()
            .unwrap()
            .clone()
            .unwrap_or_else(|| RecordBatch::new_empty(schema()))
    }
}

#[async_trait]
impl Backend for Memory {
    async fn authenticate(&self, token: &str) -> BackendResult<Option<Principal>> {
        let known = Role::parse(token).filter(|_| !self.revoked.lock().unwrap().contains(token));
        Ok(known.map(|role| Principal {
            name: format!("{token}-token"),
            role,
        }))
    }

    async fn audit(&self, record: AuditRecord) -> BackendResult<()> {
        if self.audit_fails.load(Ordering::SeqCst) {
            return Err(BackendError::Internal("disk".into()));
        }
        self.audits.lock().unwrap().push(record);
        Ok(())
    }

    async fn tokens(&self) -> BackendResult<Vec<TokenInfo>> {
        Ok(Vec::new())
    }

    async fn create_token(&self, token: TokenNew, _: &Principal) -> BackendResult<TokenIssued> {
        let info = TokenInfo {
            name: token.name,
            grant: token.grant,
            created: NOW,
            expires: token.expires,
            last_used: None,
            revoked: None,
            san_uris: token.san_uris,
        };
        Ok(TokenIssued {
            info,
            secret: "wl_secret".into(),
        })
    }

    async fn revoke_token(&self, name: &str, _: &Principal) -> BackendResult<()> {
        self.revoked.lock().unwrap().insert(name.to_owned());
        Ok(())
    }

    async fn observations(&self, search: &ObservationSearch) -> BackendResult<ObservationPage> {
        if self.hang.load(Ordering::SeqCst) {
            self.hanging.notify_one();
            std::future::pending::<()>().await;
        }
        assert!(!self.panic.load(Ordering::SeqCst), "told to panic");
        self.searches.lock().unwrap().push(search.clone());
        Ok(observations(&self.all(), search))
    }

    async fn observation(&self, id: &str) -> BackendResult<Found> {
        if id == "gone" {
            return Ok(Found::Gone);
        }
        let rows = self.all();
        let columns = Columns::new(&rows).unwrap();
        let is_it =
            |row: &usize| columns.id.value(*row) == id || text(columns.panel_id, *row) == Some(id);
        let Some(hit) = (0..columns.len()).find(is_it) else {
            return Ok(Found::Missing);
        };
        let panel = text(columns.panel_id, hit);
        let wanted: Vec<usize> = (0..columns.len())
            .filter(|row| *row == hit || panel.is_some() && text(columns.panel_id, *row) == panel)
            .collect();
        Ok(Found::Rows(take(&rows, &wanted)))
    }

    fn mapping(&self, _: &str) -> Option<Arc<FhirMapping>> {
        None
    }

    async fn observe(&self, observation: ManualObservation) -> BackendResult<Vec<String>> {
        self.observed.lock().unwrap().push(observation);
        Ok(vec!["O1".into()])
    }

    async fn export(
        &self,
        request: ExportRequest,
    ) -> BackendResult<BoxStream<'static, BackendResult<RecordBatch>>> {
        let rows = self.all();
        let columns = Columns::new(&rows).unwrap();
        let wanted: Vec<usize> = (0..columns.len())
            .filter(|row| {
                request.patients.is_empty()
                    || text(columns.patient_id, *row)
                        .is_some_and(|id| request.patients.iter().any(|p| p == id))
            })
            .collect();
        let batches: Vec<_> = wanted
            .chunks(2)
            .map(|chunk| Ok(take(&rows, chunk)))
            .collect();
        Ok(futures::stream::iter(batches).boxed())
    }

    async fn sql(&self, request: SqlRequest) -> BackendResult<SqlAnswer> {
        if request.text.contains("DROP") {
            return Err(BackendError::Invalid("only queries".into()));
        }
        let rows = self.all();
        let wanted: Vec<usize> = (0..rows.num_rows().min(request.limit)).collect();
        let truncated = rows.num_rows() > request.limit;
        Ok(SqlAnswer {
            schema: rows.schema(),
            batches: vec![take(&rows, &wanted)],
            truncated,
        })
    }

    async fn alerts(&self, search: &AlertSearch) -> BackendResult<ListPage<Alert>> {
        let found = parts::alerts(&self.alerts.lock().unwrap(), search);
        Ok(page(found, search.after.as_ref(), search.limit))
    }

    async fn alert(&self, id: &str) -> BackendResult<Alert> {
        let found = self.alerts.lock().unwrap().get(id).cloned();
        found.ok_or_else(|| BackendError::NotFound("alert".into()))
    }

    async fn messages(&self, search: &MessageSearch) -> BackendResult<ListPage<Message>> {
        let found = parts::messages(&self.messages.lock().unwrap(), search);
        Ok(page(found, search.after.as_ref(), search.limit))
    }

    async fn act(&self, action: AlertAction) -> BackendResult<Alert> {
        let mut alerts = self.alerts.lock().unwrap();
        let alert = alerts
            .get_mut(&action.alert_id)
            .ok_or_else(|| BackendError::NotFound("alert".into()))?;
        match action.kind {
            AlertActionKind::Acknowledge if alert.acknowledged_by.is_none() => {
                alert.acknowledged_by = Some(action.by.clone());
                alert.acknowledged_at = Some(action.at);
                alert.event = "acknowledged".into();
            }
            AlertActionKind::Acknowledge => {}
            AlertActionKind::Silence { until } => alert.silenced_until = Some(until),
        }
        self.actions.lock().unwrap().push(action);
        Ok(alert.clone())
    }

    async fn ack_link(&self, token: &str) -> BackendResult<Option<AckLink>> {
        let used = self.used_links.lock().unwrap().contains(token);
        let alerts = self.alerts.lock().unwrap();
        Ok((!used).then(|| parts::link(token, &alerts)).flatten())
    }

    async fn acknowledge_by(&self, token: &str) -> BackendResult<Option<AckLink>> {
        let Some(link) = self.ack_link(token).await? else {
            return Ok(None);
        };
        for linked in &link.alerts {
            self.act(parts::acknowledgement(&link, linked)).await?;
        }
        self.used_links.lock().unwrap().insert(token.to_owned());
        let alerts = self.alerts.lock().unwrap();
        Ok(parts::link(token, &alerts))
    }

    async fn alert_events(&self, id: &str, list: &ListRequest) -> BackendResult<ListPage<Alert>> {
        let raised = self.alert(id).await?;
        Ok(page(vec![raised], list.after.as_ref(), list.limit))
    }

    async fn notifications(
        &self,
        alert: &str,
        list: &ListRequest,
    ) -> BackendResult<ListPage<Notification>> {
        let found = self.care.notifications(alert);
        Ok(page(found, list.after.as_ref(), list.limit))
    }

    async fn pending(&self) -> BackendResult<Vec<Pending>> {
        Ok(self.care.pending.lock().unwrap().clone())
    }

    async fn limits(&self, search: &LimitSearch) -> BackendResult<ListPage<Limit>> {
        Ok(self.care.limits(search))
    }

    async fn set_limit(&self, limit: LimitNew, by: &Principal) -> BackendResult<Limit> {
        self.care.set_limit(limit, by)
    }

    async fn end_limit(&self, id: &str, by: &Principal) -> BackendResult<Limit> {
        self.care.change_limit(id, |limit| {
            limit.in_force = false;
            limit.ended_by.get_or_insert(by.name.clone());
        })
    }

    async fn review_limit(&self, id: &str, by: &Principal) -> BackendResult<Limit> {
        self.care.change_limit(id, |limit| {
            limit.review_due = false;
            limit.reviewed = Some(NOW);
            limit.reviewed_by = Some(by.name.clone());
        })
    }

    async fn silences(&self, search: &SilenceSearch) -> BackendResult<ListPage<Silence>> {
        Ok(self.care.silences(search))
    }

    async fn silence(&self, silence: SilenceNew, by: &Principal) -> BackendResult<Silence> {
        Ok(self.care.silence(silence, by))
    }

    async fn end_silence(&self, id: &str, by: &Principal) -> BackendResult<Silence> {
        self.care.end_silence(id, by)
    }

    async fn outbox(&self, search: &OutboxSearch) -> BackendResult<ListPage<OutboxItem>> {
        Ok(self.care.outbox(search))
    }

    async fn retry(&self, id: &str, _: &Principal) -> BackendResult<OutboxItem> {
        self.care.retry(id)
    }

    async fn watch(&self) -> BackendResult<Watch> {
        Ok(self.care.watch.lock().unwrap().clone())
    }

    async fn patients(&self, list: &ListRequest) -> BackendResult<ListPage<Patient>> {
        let patients = self.patients.lock().unwrap();
        let fits = |patient: &&Patient| {
            list.text.as_ref().is_none_or(|text| {
                patient
                    .data
                    .name
                    .as_ref()
                    .is_some_and(|name| name.contains(text))
            })
        };
        Ok(page(
            patients.values().filter(fits).cloned().collect(),
            list.after.as_ref(),
            list.limit,
        ))
    }

    async fn patient(&self, id: &str) -> BackendResult<Patient> {
        let found = self.patients.lock().unwrap().get(id).cloned();
        found.ok_or_else(|| BackendError::NotFound("patient".into()))
    }

    async fn create_patient(
        &self,
        id: Option<String>,
        data: PatientWrite,
        _: &Principal,
    ) -> BackendResult<Patient> {
        let id = id.unwrap_or_else(|| "made".into());
        let mut patients = self.patients.lock().unwrap();
        if patients.contains_key(&id) {
            return Err(BackendError::Conflict("this id is taken".into()));
        }
        let patient = Patient {
            id: id.clone(),
            data,
            bed: None,
            ward_since: None,
            ward_before: None,
        };
        patients.insert(id, patient.clone());
        Ok(patient)
    }

    async fn update_patient(
        &self,
        id: &str,
        data: PatientWrite,
        _: &Principal,
    ) -> BackendResult<Patient> {
        let mut patients = self.patients.lock().unwrap();
        let patient = patients
            .get_mut(id)
            .ok_or_else(|| BackendError::NotFound("patient".into()))?;
        patient.data = data;
        Ok(patient.clone())
    }

    async fn devices(&self, list: &ListRequest) -> BackendResult<ListPage<Device>> {
        let devices = self.devices.lock().unwrap();
        Ok(page(
            devices.values().cloned().collect(),
            list.after.as_ref(),
            list.limit,
        ))
    }

    async fn device(&self, id: &str) -> BackendResult<Device> {
        let found = self.devices.lock().unwrap().get(id).cloned();
        found.ok_or_else(|| BackendError::NotFound("device".into()))
    }

    async fn create_device(
        &self,
        id: Option<String>,
        data: DeviceWrite,
        _: &Principal,
    ) -> BackendResult<Device> {
        let device = Device {
            id: id.unwrap_or_else(|| "made".into()),
            data,
        };
        self.devices
            .lock()
            .unwrap()
            .insert(device.id.clone(), device.clone());
        Ok(device)
    }

    async fn update_device(
        &self,
        id: &str,
        data: DeviceWrite,
        by: &Principal,
    ) -> BackendResult<Device> {
        self.device(id).await?;
        self.create_device(Some(id.to_owned()), data, by).await
    }

    async fn assignments(&self, search: &AssignmentSearch) -> BackendResult<ListPage<Assignment>> {
        Ok(page(
            self.assignments.lock().unwrap().clone(),
            search.after.as_ref(),
            search.limit,
        ))
    }

    async fn assign(&self, data: AssignmentNew, by: &Principal) -> BackendResult<Assignment> {
        let mut assignments = self.assignments.lock().unwrap();
        if assignments
            .iter()
            .any(|one| one.data.device == data.device && one.data.until.is_none())
        {
            return Err(BackendError::Conflict(
                "the device is with another patient then".into(),
            ));
        }
        let id = (assignments.len() + 1).to_string();
        assignments.push(Assignment {
            id,
            data,
            by: by.name.clone(),
            cancelled: false,
        });
        Ok(assignments.last().unwrap().clone())
    }

    async fn end_assignment(
        &self,
        id: &str,
        at: Micros,
        _: &Principal,
    ) -> BackendResult<Assignment> {
        let mut assignments = self.assignments.lock().unwrap();
        let found = assignments.iter_mut().find(|one| one.id == id);
        let one = found.ok_or_else(|| BackendError::NotFound("assignment".into()))?;
        one.data.until = Some(at);
        Ok(one.clone())
    }

    async fn gateways(&self) -> BackendResult<Vec<GatewayState>> {
        let health = serde_json::json!({"version": "0.1.0", "devices": {"d1": "connected"}});
        Ok(vec![GatewayState {
            id: "g1".into(),
            state: "online".into(),
            since: NOW - 60_000_000,
            reason: None,
            heard: Some(NOW - 5_000_000),
            health: health.as_object().cloned().unwrap_or_default(),
        }])
    }

    async fn quarantine(&self, _: &QuarantineSearch) -> BackendResult<ListPage<QuarantineItem>> {
        Ok(ListPage {
            items: vec![self.quarantined("Q1").await?.item],
            next: None,
        })
    }

    async fn quarantined(&self, id: &str) -> BackendResult<QuarantineDetail> {
        Ok(parts::quarantined(id))
    }

    async fn replay_quarantine(
        &self,
        replay: QuarantineReplay,
        _: &Principal,
    ) -> BackendResult<Replayed> {
        let messages = match replay {
            QuarantineReplay::Ids(ids) => ids.len() as u64,
            QuarantineReplay::Matching(_) => 7,
        };
        Ok(Replayed {
            messages,
            ..Replayed::default()
        })
    }

    async fn enrolment_code(&self, gateway: &str, _: &Principal) -> BackendResult<EnrolmentCode> {
        Ok(EnrolmentCode {
            gateway: gateway.to_owned(),
            code: "GOOD-CODE".into(),
            expires: NOW + 900_000_000,
            fingerprint: Some("ab".repeat(32)),
        })
    }

    async fn enrol(&self, code: &str, csr: &str) -> BackendResult<Option<Enrolled>> {
        if csr != "CSR" {
            return Err(BackendError::Invalid("csr: is none".into()));
        }
        Ok((code == "GOOD-CODE").then(enrolled))
    }

    async fn renew(&self, renewal: Renewal) -> BackendResult<Option<Enrolled>> {
        Ok((renewal.proof == b"proof").then(enrolled))
    }

    async fn gateway_certificates(&self, _: &str) -> BackendResult<Vec<GatewayCertificate>> {
        Ok(vec![GatewayCertificate {
            serial: "4f".into(),
            issued: NOW,
            expires: NOW + 1,
            renewed_from: None,
            revoked: Some(NOW),
            reason: Some("superseded"),
        }])
    }

    async fn revoke_gateway(&self, gateway: &str, _: &Principal) -> BackendResult<usize> {
        self.revoked.lock().unwrap().insert(gateway.to_owned());
        Ok(1)
    }

    async fn command(&self, new: CommandNew, by: &Principal) -> BackendResult<GatewayCommand> {
        let command = GatewayCommand {
            id: "C1".into(),
            gateway: new.gateway.clone(),
            command: new.command.clone(),
            args: serde_json::json!({}),
            by: by.name.clone(),
            sent: NOW,
            expires: NOW + 60_000_000,
            reply: None,
        };
        self.commands.lock().unwrap().push(new);
        Ok(command)
    }

    async fn commanded(&self, gateway: &str, id: &str) -> BackendResult<GatewayCommand> {
        if id != "C1" {
            return Err(BackendError::NotFound("command".into()));
        }
        Ok(GatewayCommand {
            id: id.to_owned(),
            gateway: gateway.to_owned(),
            command: "rescan".into(),
            args: serde_json::json!({}),
            by: "operate-token".into(),
            sent: NOW,
            expires: NOW + 60_000_000,
            reply: Some((NOW + 1, serde_json::json!({ "id": "C1", "state": "done" }))),
        })
    }

    async fn authority(&self) -> BackendResult<String> {
        Ok("-----BEGIN CERTIFICATE-----\n".into())
    }

    async fn revocations(&self) -> BackendResult<Vec<u8>> {
        Ok(vec![0x30, 0x80])
    }

    async fn backup(&self, to: &std::path::Path, _: &Principal) -> BackendResult<()> {
        match to.file_name() {
            Some(name) if name == "taken" => Err(BackendError::Conflict("taken".into())),
            _ => Ok(()),
        }
    }

    async fn metrics(&self) -> BackendResult<String> {
        Ok("# TYPE wardline_readings counter\nwardline_readings_total 5\n# EOF\n".into())
    }

    async fn ready(&self) -> Vec<Check> {
        vec![Check {
            name: "log".into(),
            ok: !self.audit_fails.load(Ordering::SeqCst),
            detail: String::new(),
        }]
    }
}
