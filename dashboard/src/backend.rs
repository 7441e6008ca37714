//! What HTTP needs from the rest of Wardline, and nothing more.
//!
//! The composition root implements [`Backend`] over store, registry and log; the tests of this crate
//! implement it in memory. Times are microseconds since 1970 UTC. Rows travel as batches with the
//! columns of `wardline_normalize::columns::schema`; extra columns are ignored.
//!
//! A method may take as long as it needs: the caller bounds it in time and drops the future, so every
//! method is safe to abandon at an await point.

mod access;
mod alerts;
mod beds;
mod delivery;
mod facts;
mod gateway_states;
mod gateways;
mod limits;
mod links;
mod messages;
mod observations;
mod quarantine;
mod registry;
mod silences;

pub use access::{
    AuditKind, AuditOutcome, AuditRecord, Principal, Role, TokenGrant, TokenInfo, TokenIssued,
    TokenNew,
};
pub use alerts::{Alert, AlertAction, AlertActionKind, AlertSearch};
pub use beds::{Bed, BedNew, Beds, Stay, StayNew, StaySearch};
pub use delivery::{
    CalendarState, Delivery, NotWatched, Notification, OnCall, OutboxItem, OutboxSearch, Pending,
    Watch,
};
pub use gateway_states::GatewayState;
pub use gateways::{
    CommandNew, Enrolled, EnrolmentCode, GatewayCertificate, GatewayCommand, RENEWAL_CONTEXT,
    Renewal,
};
pub use limits::{Limit, LimitNew, LimitSearch};
pub use links::{AckLink, LinkedAlert};
pub use messages::{Message, MessageSearch};
pub use observations::{
    CodeFilter, CodeKeys, DateFilter, DatePrefix, ExportRequest, Found, ManualObservation,
    ManualReading, ManualValue, ObservationPage, ObservationSearch, Order, Position, SqlAnswer,
    SqlRequest,
};
pub use quarantine::{
    QuarantineDetail, QuarantineItem, QuarantineReplay, QuarantineSearch, Replayed,
};
pub use registry::{
    Assignment, AssignmentNew, AssignmentSearch, Device, DeviceWrite, Identifier, ListRequest,
    Patient, PatientWrite,
};

pub use silences::{Shorter, Silence, SilenceNew, SilenceSearch};

use std::sync::Arc;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;
use wardline_normalize::mapping::fhir::FhirMapping;

/// Microseconds since 1970-01-01 UTC.
pub type Micros = i64;

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListPage<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Opaque mark to pass as `after` for the next page; `None` at the end. Must hold nothing personal:
    /// it appears in URLs.
    pub next: Option<String>,
}

/// Why a request to the backend was not met. The text reaches the client: it must hold no personal
/// data, no path and no secret.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The named thing does not exist. 404.
    #[error("{0} not found")]
    NotFound(String),
    /// It contradicts what is there: an overlapping assignment, an id in use. 409.
    #[error("{0}")]
    Conflict(String),
    /// The request cannot be met as it stands: bad SQL, unknown metric, unknown unit. 422.
    #[error("{0}")]
    Invalid(String),
    /// Starting, stopping or overloaded; the same request may succeed later. 503.
    #[error("{0}")]
    Unavailable(String),
    /// A fault of ours. The detail is logged, not sent. 500.
    #[error("{0}")]
    Internal(String),
}

/// Result of a backend call.
pub type BackendResult<T> = Result<T, BackendError>;

/// One line of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable short name: `log`, `tables`, `registry`, `rules`, `listener`.
    pub name: String,
    /// Whether it can serve.
    pub ok: bool,
    /// One sentence; empty when there is nothing to say.
    pub detail: String,
}

/// The rest of Wardline as HTTP sees it.
#[async_trait]
pub trait Backend: Beds + Send + Sync + 'static {
    // --- access and audit ---

    /// The owner of a bearer token; `None` when it is unknown, revoked, expired or only good for
    /// publishing over MQTT. Must not log the token.
    async fn authenticate(&self, token: &str) -> BackendResult<Option<Principal>>;

    /// Writes one audit record and returns once it is durable. No byte of an answer leaves before. One is
    /// written per request or stream; a stream that comes to hold further patients writes another with
    /// [`AuditRecord::continues`] before their data goes out.
    async fn audit(&self, record: AuditRecord) -> BackendResult<()>;

    /// Every token without its secret, revoked ones too.
    async fn tokens(&self) -> BackendResult<Vec<TokenInfo>>;

    /// Issues a token; the secret is in the answer and nowhere else.
    async fn create_token(&self, token: TokenNew, by: &Principal) -> BackendResult<TokenIssued>;

    /// Revokes a token by name, at once; already revoked is success.
    async fn revoke_token(&self, name: &str, by: &Principal) -> BackendResult<()>;

    // --- observations ---

    /// A page of whole Observations; see [`ObservationSearch`].
    async fn observations(&self, search: &ObservationSearch) -> BackendResult<ObservationPage>;

    /// All rows of the Observation that has this id, belongs to this panel id, or has a component with
    /// this row id. Rows without a patient count as missing.
    async fn observation(&self, id: &str) -> BackendResult<Found>;

    /// The FHIR mapping that made a row, by its column `source`; none where no mapping made it.
    fn mapping(&self, source: &str) -> Option<Arc<FhirMapping>>;

    /// Stores a reading taken by a person, through the same log as any other, and returns the ids of
    /// the Observations written once durable. The same readings at the same time are a no-op with the
    /// same ids.
    async fn observe(&self, observation: ManualObservation) -> BackendResult<Vec<String>>;

    /// Rows in any order, streamed; ends after the last row known when it began.
    async fn export(
        &self,
        request: ExportRequest,
    ) -> BackendResult<BoxStream<'static, BackendResult<RecordBatch>>>;

    /// A read-only query over the tables. Must refuse DDL, DML, `SET`, `COPY` and any table function or
    /// path that reads outside the tables.
    async fn sql(&self, request: SqlRequest) -> BackendResult<SqlAnswer>;

    // --- alerts ---

    /// Alerts as they stand, the latest raised first.
    async fn alerts(&self, search: &AlertSearch) -> BackendResult<ListPage<Alert>>;

    /// One alert as it stands.
    async fn alert(&self, id: &str) -> BackendResult<Alert>;

    /// A person's action, through the log and the rule engine; returns the alert after it. Acknowledging
    /// twice keeps the first acknowledgement and succeeds. A resolved alert cannot be silenced
    /// ([`BackendError::Conflict`]).
    async fn act(&self, action: AlertAction) -> BackendResult<Alert>;

    /// What a link from a message stands for while it is good; `None` for any other token. Changes nothing.
    async fn ack_link(&self, token: &str) -> BackendResult<Option<AckLink>>;

    /// Acknowledges all alerts of a link, which is then used up, through the same way as [`Backend::act`]; `None` when it is
    /// not good. When it fails, the link stays good.
    async fn acknowledge_by(&self, token: &str) -> BackendResult<Option<AckLink>>;

    /// Every event of an alert, the first first.
    async fn alert_events(&self, id: &str, list: &ListRequest) -> BackendResult<ListPage<Alert>>;

    /// Whom an alert's messages were for and what became of them, the latest first.
    async fn notifications(
        &self,
        alert: &str,
        list: &ListRequest,
    ) -> BackendResult<ListPage<Notification>>;

    /// Conditions that hold, not yet for as long as their rule asks.
    async fn pending(&self) -> BackendResult<Vec<Pending>>;

    // --- limits and silences ---

    /// Limits, the latest begun first; a page may hold fewer than there are.
    async fn limits(&self, search: &LimitSearch) -> BackendResult<ListPage<Limit>>;
    /// Sets limits, through the log and the rule engine: the next reading is judged by them.
    /// [`BackendError::Invalid`] for what the rule in force cannot take.
    async fn set_limit(&self, limit: LimitNew, by: &Principal) -> BackendResult<Limit>;
    /// Ends limits now; those that are over stay as they are.
    async fn end_limit(&self, id: &str, by: &Principal) -> BackendResult<Limit>;
    /// Somebody has looked at limits and keeps them; [`BackendError::Conflict`] for those that are over.
    async fn review_limit(&self, id: &str, by: &Principal) -> BackendResult<Limit>;

    /// Silences, the latest begun first.
    async fn silences(&self, search: &SilenceSearch) -> BackendResult<ListPage<Silence>>;
    /// Begins a silence, through the log and the rule engine.
    async fn silence(&self, silence: SilenceNew, by: &Principal) -> BackendResult<Silence>;
    /// Ends a silence now; one that is over stays as it is.
    async fn end_silence(&self, id: &str, by: &Principal) -> BackendResult<Silence>;

    // --- delivery ---

    /// What is to be delivered or was, the oldest first.
    async fn outbox(&self, search: &OutboxSearch) -> BackendResult<ListPage<OutboxItem>>;
    /// Tries an entry again that was given up; [`BackendError::Conflict`] for any other.
    async fn retry(&self, id: &str, by: &Principal) -> BackendResult<OutboxItem>;
    /// Who watches now, by the routing in force.
    async fn watch(&self) -> BackendResult<Watch>;

    /// Messages about alerts, the latest decided first.
    async fn messages(&self, search: &MessageSearch) -> BackendResult<ListPage<Message>>;

    // --- registry ---

    /// Patients by id ascending.
    async fn patients(&self, list: &ListRequest) -> BackendResult<ListPage<Patient>>;
    /// One patient.
    async fn patient(&self, id: &str) -> BackendResult<Patient>;
    /// Adds a patient; without an id one is made. [`BackendError::Conflict`] when id or identifier is taken.
    async fn create_patient(
        &self,
        id: Option<String>,
        patient: PatientWrite,
        by: &Principal,
    ) -> BackendResult<Patient>;
    /// Replaces what is known of a patient.
    async fn update_patient(
        &self,
        id: &str,
        patient: PatientWrite,
        by: &Principal,
    ) -> BackendResult<Patient>;

    /// Devices by id ascending.
    async fn devices(&self, list: &ListRequest) -> BackendResult<ListPage<Device>>;
    /// One device.
    async fn device(&self, id: &str) -> BackendResult<Device>;
    /// Adds a device; without an id one is made.
    async fn create_device(
        &self,
        id: Option<String>,
        device: DeviceWrite,
        by: &Principal,
    ) -> BackendResult<Device>;
    /// Replaces what is known of a device.
    async fn update_device(
        &self,
        id: &str,
        device: DeviceWrite,
        by: &Principal,
    ) -> BackendResult<Device>;

    /// Assignments in the order they were made.
    async fn assignments(&self, search: &AssignmentSearch) -> BackendResult<ListPage<Assignment>>;
    /// Gives a device (or one of its users) to a patient for an interval; an overlap is a
    /// [`BackendError::Conflict`]. Readings already stored in the interval are attributed as corrections.
    async fn assign(&self, assignment: AssignmentNew, by: &Principal) -> BackendResult<Assignment>;
    /// Ends an assignment at a time.
    async fn end_assignment(
        &self,
        id: &str,
        at: Micros,
        by: &Principal,
    ) -> BackendResult<Assignment>;

    // --- gateways ---

    /// Gateways by id, as they told last.
    async fn gateways(&self) -> BackendResult<Vec<GatewayState>>;

    // --- quarantine ---

    /// What was rejected and why, newest first.
    async fn quarantine(
        &self,
        search: &QuarantineSearch,
    ) -> BackendResult<ListPage<QuarantineItem>>;
    /// One rejected message with its bytes.
    async fn quarantined(&self, id: &str) -> BackendResult<QuarantineDetail>;
    /// Sends rejected messages through today's routes and mappings again.
    async fn replay_quarantine(
        &self,
        replay: QuarantineReplay,
        by: &Principal,
    ) -> BackendResult<Replayed>;

    // --- gateways ---

    /// Makes a code that enrols the gateway once, within 15 minutes; an earlier one is good no longer.
    async fn enrolment_code(&self, gateway: &str, by: &Principal) -> BackendResult<EnrolmentCode>;
    /// Enrols by a code; `None` for a code that is not good, whatever the reason. The request's names are
    /// ignored: the certificate names the gateway that the code is for. [`BackendError::Invalid`] for a request
    /// that is none, before the code is looked at.
    async fn enrol(&self, code: &str, csr: &str) -> BackendResult<Option<Enrolled>>;
    /// Renews by the present key; `None` for a certificate or proof that is not good, whatever the reason.
    async fn renew(&self, renewal: Renewal) -> BackendResult<Option<Enrolled>>;
    /// Certificates of a gateway, the latest issued first.
    async fn gateway_certificates(&self, gateway: &str) -> BackendResult<Vec<GatewayCertificate>>;
    /// Takes a gateway's certificates and any unused code away and ends its sessions; says how many certificates.
    async fn revoke_gateway(&self, gateway: &str, by: &Principal) -> BackendResult<usize>;
    /// Sends a command and waits for its answer as long as asked. [`BackendError::Conflict`] when the gateway
    /// cannot be reached, or a secret would travel in the clear.
    async fn command(&self, new: CommandNew, by: &Principal) -> BackendResult<GatewayCommand>;
    /// A command and its answer.
    async fn commanded(&self, gateway: &str, id: &str) -> BackendResult<GatewayCommand>;
    /// The own authority's certificate, PEM.
    async fn authority(&self) -> BackendResult<String>;
    /// Its revocation list, DER (RFC 5280).
    async fn revocations(&self) -> BackendResult<Vec<u8>>;

    // --- operation ---

    /// Copies registry, tables and log as one consistent point to a directory of the server's machine that
    /// does not exist yet; [`BackendError::Conflict`] when it does.
    async fn backup(&self, to: &std::path::Path, by: &Principal) -> BackendResult<()>;

    /// Metrics in OpenMetrics text; a final `# EOF` is optional.
    async fn metrics(&self) -> BackendResult<String>;

    /// Whether requests can be served; all `ok` means ready.
    async fn ready(&self) -> Vec<Check>;
}
