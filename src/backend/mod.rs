//! What HTTP asks for, answered by store, registry and log.
//!
//! The command line uses the same routes: over the network, or in this process on a data directory
//! that nobody serves. So there is one way to do each thing.

mod access;
mod alerts;
mod beds;
mod care;
mod delivery;
mod links;
mod manual;
mod messages;
mod observations;
mod quarantine;
mod registry;

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::block_in_place;
use wardline_dashboard::backend::{
    AckLink, Alert, AlertAction, AlertActionKind, AlertSearch, Assignment, AssignmentNew,
    AssignmentSearch, AuditRecord, Backend, BackendError, BackendResult, Check, CommandNew, Device,
    DeviceWrite, Enrolled, EnrolmentCode, ExportRequest, Found, GatewayCertificate, GatewayCommand,
    GatewayState, Limit, LimitNew, LimitSearch, ListPage, ListRequest, ManualObservation, Message,
    MessageSearch, Notification, ObservationPage, ObservationSearch, OutboxItem, OutboxSearch,
    Patient, PatientWrite, Pending, Principal, QuarantineDetail, QuarantineItem, QuarantineReplay,
    QuarantineSearch, Renewal, Replayed, Silence, SilenceNew, SilenceSearch, SqlAnswer, SqlRequest,
    TokenInfo, TokenIssued, TokenNew, Watch,
};
use wardline_ingest::Routes;
use wardline_normalize::mapping::fhir::FhirMapping;
use wardline_normalize::time::Micros;
use wardline_store::registry::Registry;
use wardline_store::{ActionEntry, ActionKind, Entry, Store};

pub(crate) use alerts::view;
pub(crate) use manual::DEVICE as MANUAL_DEVICE;
pub(crate) use messages::message;

use crate::copies::Copies;
use crate::follow::Asker;
use crate::gateways::Gateways;
use crate::mappings::Mappings;
use crate::metrics::Sources;
use crate::pipeline::{Former, Pipeline, Window};
use crate::told::Told;

/// Store, registry and log behind HTTP.
pub(crate) struct Adapter {
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) pipeline: Pipeline,
    pub(crate) applied: watch::Receiver<u64>,
    /// Asks the rules.
    pub(crate) asker: Asker,
    /// Wakes the outbox.
    pub(crate) outbox: Arc<Notify>,
    pub(crate) copies: Copies,
    pub(crate) mappings: Arc<Mappings>,
    pub(crate) told: Arc<Told>,
    pub(crate) gateways: Arc<Gateways>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) sources: Sources,
    /// Held from a change of the registry until log, rules and rows have it. True once one did not get there:
    /// then nothing is noted any more, and the next start makes up for it.
    pub(crate) changes: Arc<Mutex<bool>>,
    /// Held while a link from a message acknowledges.
    pub(crate) links: Arc<Mutex<()>>,
    /// Time for an export, its reader included.
    pub(crate) export_timeout: std::time::Duration,
    /// Secret of the command line in this process, made anew at each start; none in the service.
    pub(crate) local: Option<(String, Principal)>,
}

/// A fault of the registry in the words of HTTP.
pub(crate) fn fault(error: wardline_store::registry::Error) -> BackendError {
    use wardline_store::registry::Error;
    match error {
        Error::NotFound { entity, id } => BackendError::NotFound(format!("{entity} {id}")),
        Error::Overlap(_) | Error::Taken { .. } | Error::State { .. } => {
            BackendError::Conflict(error.to_string())
        }
        Error::Invalid { .. } => BackendError::Invalid(error.to_string()),
        other => BackendError::Internal(other.to_string()),
    }
}

/// A fault of the store in the words of HTTP.
fn store_fault(error: wardline_store::Error) -> BackendError {
    use wardline_store::Error;
    match error {
        Error::Query(_) | Error::Timeout(_) => BackendError::Invalid(error.to_string()),
        Error::Closed => BackendError::Unavailable("the store is closed".to_owned()),
        other => BackendError::Internal(other.to_string()),
    }
}

/// The pipeline has ended: the server is stopping, or its log failed.
fn closed(_: wardline_ingest::Closed) -> BackendError {
    BackendError::Unavailable("the log takes nothing any more".to_owned())
}

/// The rules have ended: the server is stopping, or they failed.
fn stopped() -> BackendError {
    BackendError::Unavailable("the rules have stopped".to_owned())
}

impl Adapter {
    /// Makes an entry durable and waits until the rules have seen it.
    async fn log(&self, entry: Entry) -> BackendResult<()> {
        let seq = self.pipeline.entry(entry).await.map_err(closed)?;
        followed(self.applied.clone(), seq).await
    }

    /// Makes a change in the registry, tells the log of it and moves stored rows along: one change at a time, and
    /// once made to its end, even if whoever asked has given up.
    async fn change<T>(
        &self,
        make: impl FnOnce() -> BackendResult<(T, Entry, Option<Window>)>,
    ) -> BackendResult<T> {
        let mut behind = Arc::clone(&self.changes).lock_owned().await;
        let (made, entry, window) = block_in_place(make)?;
        let was_behind = std::mem::replace(&mut *behind, true);
        let (pipeline, applied) = (self.pipeline.clone(), self.applied.clone());
        let registry = Arc::clone(&self.registry);
        let told = tokio::spawn(async move {
            crate::sabotage::stall().await;
            let mut seq = pipeline.entry(entry).await.map_err(closed)?;
            if let Some(window) = window {
                seq = pipeline.reattribute(window).await.map_err(closed)?;
            }
            followed(applied, seq).await?;
            if !was_behind {
                block_in_place(|| crate::core::note_assignments(&registry)).map_err(fault)?;
            }
            *behind = was_behind;
            Ok(())
        });
        told.await
            .unwrap_or_else(|_| Err(BackendError::Internal("a change ended early".to_owned())))?;
        Ok(made)
    }
}

/// Waits until the rules have seen a position.
async fn followed(mut applied: watch::Receiver<u64>, seq: u64) -> BackendResult<()> {
    match applied.wait_for(|position| *position >= seq).await {
        Ok(_) => Ok(()),
        Err(_) => Err(stopped()),
    }
}

#[async_trait]
impl Backend for Adapter {
    async fn authenticate(&self, token: &str) -> BackendResult<Option<Principal>> {
        if let Some((secret, principal)) = &self.local
            && token == secret
        {
            return Ok(Some(principal.clone()));
        }
        Ok(access::principal(&self.registry, token))
    }

    async fn audit(&self, record: AuditRecord) -> BackendResult<()> {
        block_in_place(|| access::audit(&self.registry, &record))
    }

    async fn tokens(&self) -> BackendResult<Vec<TokenInfo>> {
        Ok(access::tokens(&self.registry))
    }

    async fn create_token(&self, token: TokenNew, _by: &Principal) -> BackendResult<TokenIssued> {
        block_in_place(|| access::create(&self.registry, token))
    }

    async fn revoke_token(&self, name: &str, _by: &Principal) -> BackendResult<()> {
        block_in_place(|| access::revoke(&self.registry, name))
    }

    async fn observations(&self, search: &ObservationSearch) -> BackendResult<ObservationPage> {
        observations::search(&self.store, search).await
    }

    async fn observation(&self, id: &str) -> BackendResult<Found> {
        observations::one(&self.store, id).await
    }

    fn mapping(&self, source: &str) -> Option<Arc<FhirMapping>> {
        self.mappings.by_source(source)
    }

    async fn observe(&self, observation: ManualObservation) -> BackendResult<Vec<String>> {
        if self
            .registry
            .patient(&observation.patient)
            .map_err(fault)?
            .is_none()
        {
            return Err(BackendError::NotFound("patient".to_owned()));
        }
        let received = crate::clock::now();
        let (rows, ids) = manual::rows(&observation, received)?;
        self.pipeline.rows(rows, received).await.map_err(closed)?;
        Ok(ids)
    }

    async fn export(
        &self,
        request: ExportRequest,
    ) -> BackendResult<BoxStream<'static, BackendResult<RecordBatch>>> {
        observations::export(&self.store, &request, self.export_timeout).await
    }

    async fn sql(&self, request: SqlRequest) -> BackendResult<SqlAnswer> {
        observations::sql(&self.store, &request).await
    }

    async fn alerts(&self, search: &AlertSearch) -> BackendResult<ListPage<Alert>> {
        block_in_place(|| alerts::search(&self.registry, search))
    }

    async fn alert(&self, id: &str) -> BackendResult<Alert> {
        alerts::one(&self.registry, id)
    }

    async fn messages(&self, search: &MessageSearch) -> BackendResult<ListPage<Message>> {
        block_in_place(|| messages::search(&self.registry, search))
    }

    async fn act(&self, action: AlertAction) -> BackendResult<Alert> {
        let before = alerts::one(&self.registry, &action.alert_id)?;
        let kind = match action.kind {
            AlertActionKind::Acknowledge => ActionKind::Acknowledge,
            AlertActionKind::Silence { .. } if before.state == "resolved" => {
                return Err(BackendError::Conflict(
                    "a resolved alert cannot be silenced".to_owned(),
                ));
            }
            AlertActionKind::Silence { until } => ActionKind::Silence { until },
        };
        self.log(Entry::Action(ActionEntry {
            alert_id: action.alert_id.clone(),
            kind,
            by: action.by,
            at: action.at,
            note: action.note,
        }))
        .await?;
        let after = alerts::one(&self.registry, &action.alert_id)?;
        // The rules took it, or they know nothing of the alert: they began anew, and no word of a person reaches it.
        let taken = kind != ActionKind::Acknowledge
            || after.acknowledged_by.is_some()
            || after.state == "resolved";
        if taken {
            return Ok(after);
        }
        Err(BackendError::Conflict(
            "the rules no longer watch this alert, so nothing was noted: they began anew after it was raised".to_owned(),
        ))
    }

    async fn ack_link(&self, token: &str) -> BackendResult<Option<AckLink>> {
        links::find(&self.registry, token)
    }

    async fn acknowledge_by(&self, token: &str) -> BackendResult<Option<AckLink>> {
        links::acknowledge(self, token).await
    }

    async fn alert_events(&self, id: &str, list: &ListRequest) -> BackendResult<ListPage<Alert>> {
        alerts::events(&self.registry, id, list)
    }

    async fn notifications(
        &self,
        alert: &str,
        list: &ListRequest,
    ) -> BackendResult<ListPage<Notification>> {
        block_in_place(|| delivery::notifications(&self.registry, alert, list))
    }

    async fn pending(&self) -> BackendResult<Vec<Pending>> {
        let found = self.asker.pending().await.ok_or_else(stopped)?;
        Ok(found.into_iter().map(delivery::pending).collect())
    }

    async fn limits(&self, search: &LimitSearch) -> BackendResult<ListPage<Limit>> {
        self.list_limits(search).await
    }

    async fn set_limit(&self, limit: LimitNew, by: &Principal) -> BackendResult<Limit> {
        self.new_limit(limit, by).await
    }

    async fn end_limit(&self, id: &str, by: &Principal) -> BackendResult<Limit> {
        let registry = &self.registry;
        self.limit_changed(|| registry.end_limit(id, &by.name, crate::clock::now()))
            .await
    }

    async fn review_limit(&self, id: &str, by: &Principal) -> BackendResult<Limit> {
        let registry = &self.registry;
        self.limit_changed(|| registry.review_limit(id, &by.name, crate::clock::now()))
            .await
    }

    async fn silences(&self, search: &SilenceSearch) -> BackendResult<ListPage<Silence>> {
        self.list_silences(search).await
    }

    async fn silence(&self, silence: SilenceNew, by: &Principal) -> BackendResult<Silence> {
        self.new_silence(silence, by).await
    }

    async fn end_silence(&self, id: &str, by: &Principal) -> BackendResult<Silence> {
        let registry = &self.registry;
        self.silence_changed(|| registry.end_silence(id, &by.name, crate::clock::now()))
            .await
    }

    async fn outbox(&self, search: &OutboxSearch) -> BackendResult<ListPage<OutboxItem>> {
        block_in_place(|| delivery::outbox(&self.registry, search))
    }

    async fn retry(&self, id: &str, _by: &Principal) -> BackendResult<OutboxItem> {
        let item = block_in_place(|| delivery::retry(&self.registry, id))?;
        self.outbox.notify_one();
        Ok(item)
    }

    async fn watch(&self) -> BackendResult<Watch> {
        let found = self.asker.watch().await.ok_or_else(stopped)?;
        Ok(delivery::watch(found))
    }

    async fn patients(&self, list: &ListRequest) -> BackendResult<ListPage<Patient>> {
        registry::patients(&self.registry, list)
    }

    async fn patient(&self, id: &str) -> BackendResult<Patient> {
        registry::patient(&self.registry, id)
    }

    async fn create_patient(
        &self,
        id: Option<String>,
        patient: PatientWrite,
        _by: &Principal,
    ) -> BackendResult<Patient> {
        let fields = registry::patient_fields(patient)?;
        let made = self
            .change(|| {
                let made = self
                    .registry
                    .create_patient(id.as_deref(), &fields, crate::clock::now())
                    .map_err(fault)?;
                let entry = crate::core::patient_entry(&made);
                Ok((made, entry, None))
            })
            .await?;
        registry::patient(&self.registry, &made.id)
    }

    async fn update_patient(
        &self,
        id: &str,
        patient: PatientWrite,
        _by: &Principal,
    ) -> BackendResult<Patient> {
        let fields = registry::patient_fields(patient)?;
        self.change(|| {
            let made = self
                .registry
                .update_patient(id, &fields, crate::clock::now())
                .map_err(fault)?;
            Ok(((), crate::core::patient_entry(&made), None))
        })
        .await?;
        registry::patient(&self.registry, id)
    }

    async fn devices(&self, list: &ListRequest) -> BackendResult<ListPage<Device>> {
        registry::devices(&self.registry, list)
    }

    async fn device(&self, id: &str) -> BackendResult<Device> {
        registry::device(&self.registry, id)
    }

    async fn create_device(
        &self,
        id: Option<String>,
        device: DeviceWrite,
        _by: &Principal,
    ) -> BackendResult<Device> {
        let fields = registry::device_fields(device);
        let made = self
            .registry
            .create_device(id.as_deref(), &fields, crate::clock::now())
            .map_err(fault)?;
        registry::device(&self.registry, &made.id)
    }

    async fn update_device(
        &self,
        id: &str,
        device: DeviceWrite,
        _by: &Principal,
    ) -> BackendResult<Device> {
        let fields = registry::device_fields(device);
        self.registry
            .update_device(id, &fields, crate::clock::now())
            .map_err(fault)?;
        registry::device(&self.registry, id)
    }

    async fn assignments(&self, search: &AssignmentSearch) -> BackendResult<ListPage<Assignment>> {
        registry::assignments(&self.registry, search)
    }

    async fn assign(&self, new: AssignmentNew, by: &Principal) -> BackendResult<Assignment> {
        if new.device == MANUAL_DEVICE {
            return Err(BackendError::Invalid(format!(
                "device {MANUAL_DEVICE:?} is for manual observations"
            )));
        }
        let made = self
            .change(|| {
                let made = registry::assign(&self.registry, &new, by)?;
                let entry = crate::core::assignment_entry(&made);
                let window = Window {
                    device: new.device,
                    from: new.from,
                    until: new.until,
                    former: None,
                };
                Ok((made, entry, Some(window)))
            })
            .await?;
        Ok(registry::assignment(made))
    }

    async fn end_assignment(
        &self,
        id: &str,
        at: Micros,
        by: &Principal,
    ) -> BackendResult<Assignment> {
        let after = self
            .change(|| {
                let (before, after) = registry::end(&self.registry, id, at, by)?;
                let entry = crate::core::assignment_entry(&after);
                let window = Window {
                    device: before.device,
                    from: at.max(before.from),
                    until: before.until,
                    former: Some(Former {
                        patient: before.patient,
                        device_user: before.device_user,
                    }),
                };
                Ok((after, entry, Some(window)))
            })
            .await?;
        Ok(registry::assignment(after))
    }

    async fn gateways(&self) -> BackendResult<Vec<GatewayState>> {
        let gateways = self.told.all().into_iter();
        let told = gateways.map(|(id, told)| GatewayState {
            id,
            state: told.state,
            since: told.since,
            reason: told.reason,
            heard: told.heard,
            health: told.health,
        });
        Ok(told.collect())
    }

    async fn quarantine(
        &self,
        search: &QuarantineSearch,
    ) -> BackendResult<ListPage<QuarantineItem>> {
        quarantine::list(self, search).await
    }

    async fn quarantined(&self, id: &str) -> BackendResult<QuarantineDetail> {
        quarantine::one(self, id).await
    }

    async fn replay_quarantine(
        &self,
        replay: QuarantineReplay,
        _by: &Principal,
    ) -> BackendResult<Replayed> {
        quarantine::replay(self, replay).await
    }

    async fn enrolment_code(&self, gateway: &str, by: &Principal) -> BackendResult<EnrolmentCode> {
        block_in_place(|| self.gateways.code(gateway, &by.name))
    }

    async fn enrol(&self, code: &str, csr: &str) -> BackendResult<Option<Enrolled>> {
        block_in_place(|| self.gateways.enrol(code, csr))
    }

    async fn renew(&self, renewal: Renewal) -> BackendResult<Option<Enrolled>> {
        block_in_place(|| self.gateways.renew(&renewal))
    }

    async fn gateway_certificates(&self, gateway: &str) -> BackendResult<Vec<GatewayCertificate>> {
        self.gateways.certificates(gateway)
    }

    async fn revoke_gateway(&self, gateway: &str, _by: &Principal) -> BackendResult<usize> {
        block_in_place(|| self.gateways.revoke(gateway))
    }

    async fn command(&self, new: CommandNew, by: &Principal) -> BackendResult<GatewayCommand> {
        self.gateways.command(new, by).await
    }

    async fn commanded(&self, gateway: &str, id: &str) -> BackendResult<GatewayCommand> {
        self.gateways.commanded(gateway, id)
    }

    async fn authority(&self) -> BackendResult<String> {
        block_in_place(|| self.gateways.pem())
    }

    async fn revocations(&self) -> BackendResult<Vec<u8>> {
        block_in_place(|| self.gateways.revocations())
    }

    async fn backup(&self, to: &Path, by: &Principal) -> BackendResult<()> {
        if to
            .try_exists()
            .map_err(|error| BackendError::Invalid(error.to_string()))?
        {
            return Err(BackendError::Conflict(format!(
                "{} exists; a backup makes a new directory",
                to.display()
            )));
        }
        if !to.parent().is_some_and(Path::is_dir) {
            return Err(BackendError::Invalid(format!(
                "{} is in no directory of the server",
                to.display()
            )));
        }
        tracing::info!(by = by.name, "backup begun");
        self.copies
            .make(to)
            .await
            .map_err(|error| BackendError::Internal(format!("backup: {error:#}")))
    }

    async fn metrics(&self) -> BackendResult<String> {
        Ok(self.sources.text())
    }

    async fn ready(&self) -> Vec<Check> {
        let stats = self.store.stats();
        let check = |name: &str, ok: bool, detail: &str| Check {
            name: name.to_owned(),
            ok,
            detail: if ok { String::new() } else { detail.to_owned() },
        };
        vec![
            check(
                "log",
                !stats.failed,
                "a write or sync failed; nothing is acknowledged",
            ),
            check(
                "registry",
                self.registry.installation_id().is_ok(),
                "the registry cannot be read",
            ),
            match self.applied.has_changed() {
                // Refused rules are an alarm for people; a balancer that took this server away would end the watch.
                Ok(_) => Check {
                    name: "rules".to_owned(),
                    ok: true,
                    detail: self.sources.metrics.rules.why().unwrap_or_default(),
                },
                Err(_) => check("rules", false, "the rule engine has stopped"),
            },
        ]
    }
}
