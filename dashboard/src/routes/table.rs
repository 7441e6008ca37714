//! The table.

use super::{Access, Handler, Method, Pace, Route};
use crate::backend::{AuditKind, Role};
use crate::fhir::alerts::Kind;
use crate::{ack, api, assets, fhir, openapi};

const OPEN: Access = Access::Open;
const ENROL: Access = Access::Enrol;
const LINK: Access = Access::Link;
const READ: Access = Access::Role(Role::Read);
const OPERATE: Access = Access::Role(Role::Operate);
const ADMIN: Access = Access::Role(Role::Admin);

const JSON: &str = "application/json";

type Query = &'static [(&'static str, &'static str)];

/// A route without parameters and body that answers JSON.
const fn route(
    (method, path): (Method, &'static str),
    (access, kind, action): (Access, AuditKind, &'static str),
    summary: &'static str,
    handler: Handler,
) -> Route {
    Route {
        method,
        path,
        access,
        kind,
        action,
        summary,
        query: &[],
        strict_query: true,
        body: None,
        answer: JSON,
        pace: Pace::Usual,
        handler,
    }
}

impl Route {
    const fn query(mut self, query: Query) -> Self {
        self.query = query;
        self
    }

    const fn body(mut self, schema: &'static str) -> Self {
        self.body = Some(schema);
        self
    }

    const fn answer(mut self, schema: &'static str) -> Self {
        self.answer = schema;
        self
    }

    const fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// The handler judges parameters itself.
    const fn own_query(mut self) -> Self {
        self.strict_query = false;
        self
    }
}

macro_rules! h {
    ($($path:ident)::+) => {
        |call| Box::pin($($path)::+(call))
    };
}

use AuditKind::{Command, Create, Delete, Read, Search, Sql, Stream, Update};
use Method as M;

const LIMIT: (&str, &str) = ("limit", "At most this many entries, 1 to 1000; default 100");
const AFTER: (&str, &str) = ("after", "The `next` of the page before");
const PATIENTS: &str = "Opaque patient ids, separated by commas; without, all";

const ALERT_QUERY: Query = &[
    (
        "state",
        "Of active, recovering, resolved; several separated by commas",
    ),
    ("priority", "Of high, medium, low, info"),
    ("class", "physiological or technical"),
    ("patient", "Opaque patient id"),
    ("rule", "Rule id"),
    ("acknowledged", "true or false"),
    ("since", "Onset at or after"),
    ("until", "Onset before"),
    LIMIT,
    AFTER,
];

const PAGE_QUERY: Query = &[LIMIT, AFTER];

const STAY_QUERY: Query = &[
    ("bed", "Label or opaque id of a bed"),
    ("patient", "Opaque patient id"),
    LIMIT,
    AFTER,
];

const LIMIT_QUERY: Query = &[
    ("patient", "Opaque patient id"),
    ("ward", "Ward"),
    ("rule", "Rule id"),
    ("inForce", "true or false: whether they judge readings now"),
    (
        "reviewDue",
        "true or false: set long ago, or alarming often",
    ),
    LIMIT,
    AFTER,
];

const SILENCE_QUERY: Query = &[
    ("patient", "Opaque patient id"),
    ("rule", "Rule id"),
    ("inForce", "true or false"),
    LIMIT,
    AFTER,
];

const OUTBOX_QUERY: Query = &[
    ("state", "pending, delivered or dead"),
    ("destination", "Name of the receiver"),
    ("alert", "Alert id"),
    LIMIT,
    AFTER,
];

const ASSIGNMENT_QUERY: Query = &[
    ("device", "Device id"),
    ("patient", "Opaque patient id"),
    ("at", "In force at this time; `now` for now"),
    LIMIT,
    AFTER,
];

const QUARANTINE_QUERY: Query = &[
    ("device", "Device id"),
    ("reason", "Reason code"),
    ("since", "Received at or after"),
    ("until", "Received before"),
    LIMIT,
    AFTER,
];

const EXPORT_QUERY: Query = &[
    ("format", "ndjson (default) or csv"),
    ("patient", PATIENTS),
    ("since", "Effective at or after"),
    ("until", "Effective before"),
];

const STREAM_QUERY: Query = &[
    ("patient", PATIENTS),
    ("alerts", "`only` for alerts without values"),
];

/// Every route.
#[rustfmt::skip]
pub(crate) static TABLE: &[Route] = &[
    // Health and the screen: nothing about patients.
    route((M::Get, "/healthz"), (OPEN, Read, "health"),
        "The process runs", h!(api::health::live)).answer("text/plain"),
    route((M::Get, "/readyz"), (OPEN, Read, "ready"),
        "Requests can be served", h!(api::health::ready)).answer("Readiness"),
    route((M::Get, "/metrics"), (Access::Metrics, Read, "metrics"),
        "Figures in OpenMetrics text", h!(api::health::metrics)).answer("application/openmetrics-text"),
    route((M::Get, "/"), (OPEN, Read, "screen"),
        "The ward screen", h!(assets::page)).answer("text/html").own_query(),
    route((M::Get, "/assets/{name}"), (OPEN, Read, "screen.asset"),
        "A file of the ward screen", h!(assets::asset)).answer("text/plain").own_query(),

    // FHIR R4.
    route((M::Get, "/fhir/R4/metadata"), (READ, Read, "fhir.metadata"),
        "CapabilityStatement", h!(fhir::metadata)).answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Get, "/fhir/R4/Observation"), (READ, Search, "observation.search"),
        "Search Observations", h!(fhir::search))
        .query(fhir::SEARCH_PARAMETERS).answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Post, "/fhir/R4/Observation/_search"), (READ, Search, "observation.search-form"),
        "Search Observations by a form, so that nothing stands in the URL", h!(fhir::search))
        .body("ObservationSearchForm").answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Get, "/fhir/R4/Observation/{id}"), (READ, Read, "observation.read"),
        "One Observation; the id of a panel's component gives the panel", h!(fhir::read))
        .answer(fhir::CONTENT_TYPE).own_query(),

    // FHIR R4 of alerts about patients.
    route((M::Get, "/fhir/R4/DetectedIssue"), (READ, Search, "detected-issue.search"),
        "Search the conditions of alerts", h!(fhir::alerts::search))
        .query(fhir::alerts::parameters(Kind::DetectedIssue)).answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Post, "/fhir/R4/DetectedIssue/_search"), (READ, Search, "detected-issue.search-form"),
        "Search the conditions of alerts by a form, so that nothing stands in the URL", h!(fhir::alerts::search))
        .body("AlertSearchForm").answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Get, "/fhir/R4/DetectedIssue/{id}"), (READ, Read, "detected-issue.read"),
        "One DetectedIssue", h!(fhir::alerts::read)).answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Get, "/fhir/R4/Flag"), (READ, Search, "flag.search"),
        "Search the conditions of alerts as Flags", h!(fhir::alerts::search))
        .query(fhir::alerts::parameters(Kind::Flag)).answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Post, "/fhir/R4/Flag/_search"), (READ, Search, "flag.search-form"),
        "Search the conditions of alerts as Flags by a form, so that nothing stands in the URL", h!(fhir::alerts::search))
        .body("AlertSearchForm").answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Get, "/fhir/R4/Flag/{id}"), (READ, Read, "flag.read"),
        "One Flag", h!(fhir::alerts::read)).answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Get, "/fhir/R4/Communication"), (READ, Search, "communication.search"),
        "Search messages about alerts", h!(fhir::alerts::search))
        .query(fhir::alerts::parameters(Kind::Communication)).answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Post, "/fhir/R4/Communication/_search"), (READ, Search, "communication.search-form"),
        "Search messages about alerts by a form, so that nothing stands in the URL", h!(fhir::alerts::search))
        .body("AlertSearchForm").answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Get, "/fhir/R4/Communication/{id}"), (READ, Read, "communication.read"),
        "One Communication", h!(fhir::alerts::read)).answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Get, "/fhir/R4/Task"), (READ, Search, "task.search"),
        "Search the work of alerts", h!(fhir::alerts::search))
        .query(fhir::alerts::parameters(Kind::Task)).answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Post, "/fhir/R4/Task/_search"), (READ, Search, "task.search-form"),
        "Search the work of alerts by a form, so that nothing stands in the URL", h!(fhir::alerts::search))
        .body("AlertSearchForm").answer(fhir::CONTENT_TYPE).own_query(),
    route((M::Get, "/fhir/R4/Task/{id}"), (READ, Read, "task.read"),
        "One Task", h!(fhir::alerts::read)).answer(fhir::CONTENT_TYPE).own_query(),

    // Who am I, what is served.
    route((M::Get, "/api/v1/me"), (READ, Read, "me"),
        "The token's name and role", h!(api::me::get)).answer("Me"),
    route((M::Get, "/api/v1/openapi.json"), (READ, Read, "openapi"),
        "This document", h!(openapi::document)),

    // Alerts.
    route((M::Get, "/api/v1/alerts"), (READ, Search, "alert.search"),
        "Alerts, the latest raised first", h!(api::alerts::list)).query(ALERT_QUERY).answer("AlertPage"),
    route((M::Get, "/api/v1/alerts/pending"), (READ, Search, "alert.pending"),
        "Conditions that hold, not yet for as long as their rule asks", h!(api::alerts::pending))
        .answer("PendingPage"),
    route((M::Get, "/api/v1/alerts/{id}"), (READ, Read, "alert.read"),
        "One alert", h!(api::alerts::get)).answer("Alert"),
    route((M::Get, "/api/v1/alerts/{id}/events"), (READ, Read, "alert.events"),
        "Every event of an alert, the first first", h!(api::alerts::events))
        .query(PAGE_QUERY).answer("AlertPage"),
    route((M::Get, "/api/v1/alerts/{id}/notifications"), (READ, Read, "alert.notifications"),
        "Whom an alert's messages were for and what became of them", h!(api::alerts::notifications))
        .query(PAGE_QUERY).answer("NotificationPage"),
    route((M::Post, "/api/v1/alerts/{id}/acknowledge"), (OPERATE, Command, "alert.acknowledge"),
        "Acknowledge an alert; twice is once", h!(api::alerts::acknowledge)).body("Acknowledge").answer("Alert"),
    route((M::Post, "/api/v1/alerts/{id}/silence"), (OPERATE, Command, "alert.silence"),
        "Silence an alert for at most 24 hours; 0 minutes ends a silence", h!(api::alerts::silence))
        .body("Silence").answer("Alert"),

    // Links from messages.
    route((M::Get, "/ack/{token}"), (LINK, Read, "alert.link"),
        "What a link from a message would acknowledge; changes nothing", h!(ack::show)).answer("text/html").own_query(),
    route((M::Post, "/ack/{token}"), (LINK, Command, "alert.acknowledge-link"),
        "Acknowledge the alerts of a link, once and within the hour", h!(ack::acknowledge))
        .answer("text/html").own_query(),

    // Limits, and silences by matcher.
    route((M::Get, "/api/v1/limits"), (READ, Search, "limit.list"),
        "Limits of wards and patients, the latest begun first", h!(api::limits::list))
        .query(LIMIT_QUERY).answer("LimitPage"),
    route((M::Post, "/api/v1/limits"), (OPERATE, Create, "limit.create"),
        "Set limits of a rule for a patient or a ward; the next reading is judged by them", h!(api::limits::create))
        .body("LimitNew").answer("Limit"),
    route((M::Post, "/api/v1/limits/{id}/end"), (OPERATE, Update, "limit.end"),
        "End limits now", h!(api::limits::end)).answer("Limit"),
    route((M::Post, "/api/v1/limits/{id}/review"), (OPERATE, Update, "limit.review"),
        "Say that limits were looked at and stay", h!(api::limits::review)).answer("Limit"),
    route((M::Get, "/api/v1/silences"), (READ, Search, "silence.list"),
        "Silences with author, reason and end, the latest begun first", h!(api::silences::list))
        .query(SILENCE_QUERY).answer("SilencePage"),
    route((M::Post, "/api/v1/silences"), (OPERATE, Create, "silence.create"),
        "Silence alerts that fit, for at most 24 hours; they stay visible", h!(api::silences::create))
        .body("SilenceNew").answer("SilenceByMatcher"),
    route((M::Post, "/api/v1/silences/{id}/end"), (OPERATE, Update, "silence.end"),
        "End a silence now", h!(api::silences::end)).answer("SilenceByMatcher"),

    // Delivery.
    route((M::Get, "/api/v1/outbox"), (READ, Search, "outbox.list"),
        "What is to be delivered, was, or was given up, the oldest first", h!(api::outbox::list))
        .query(OUTBOX_QUERY).answer("OutboxPage"),
    route((M::Post, "/api/v1/outbox/{id}/retry"), (OPERATE, Command, "outbox.retry"),
        "Try again what was given up", h!(api::outbox::retry)).answer("OutboxItem"),
    route((M::Get, "/api/v1/watch"), (READ, Read, "watch"),
        "Calendars and on-call schedules now: who watches, or when somebody does again", h!(api::watch::get))
        .answer("Watch"),

    // Patients.
    route((M::Get, "/api/v1/patients"), (READ, Search, "patient.list"),
        "Patients by id", h!(api::patients::list)).query(&[LIMIT, AFTER]).answer("PatientPage"),
    route((M::Post, "/api/v1/patients"), (OPERATE, Create, "patient.create"),
        "Add a patient", h!(api::patients::create)).body("PatientNew").answer("Patient"),
    route((M::Post, "/api/v1/patients/search"), (READ, Search, "patient.search"),
        "Patients by id, name, tag or identifier; by POST, for a name is personal", h!(api::patients::search))
        .body("TextSearch").answer("PatientPage"),
    route((M::Get, "/api/v1/patients/{id}"), (READ, Read, "patient.read"),
        "One patient", h!(api::patients::get)).answer("Patient"),
    route((M::Put, "/api/v1/patients/{id}"), (OPERATE, Update, "patient.update"),
        "Replace what is known of a patient", h!(api::patients::update)).body("PatientWrite").answer("Patient"),

    // Beds, and who lies in them.
    route((M::Get, "/api/v1/beds"), (READ, Search, "bed.list"),
        "Beds by id, each with who lies there now", h!(api::beds::list)).query(PAGE_QUERY).answer("BedPage"),
    route((M::Post, "/api/v1/beds"), (OPERATE, Create, "bed.create"),
        "Add a bed", h!(api::beds::create)).body("BedNew").answer("Bed"),
    route((M::Get, "/api/v1/stays"), (READ, Search, "stay.list"),
        "Who lies or lay in which bed, as it was entered", h!(api::beds::stays)).query(STAY_QUERY).answer("StayPage"),
    route((M::Post, "/api/v1/stays"), (OPERATE, Create, "stay.create"),
        "Put a patient into a bed: the stay before ends there; one where somebody else lies is refused with 409",
        h!(api::beds::place)).body("StayNew").answer("Stay"),
    route((M::Post, "/api/v1/stays/{id}/end"), (OPERATE, Update, "stay.end"),
        "End a stay: the patient leaves the bed", h!(api::beds::end)).body("StayEnd").answer("Stay"),

    // Devices.
    route((M::Get, "/api/v1/devices"), (READ, Search, "device.list"),
        "Devices by id", h!(api::devices::list)).query(&[LIMIT, AFTER]).answer("DevicePage"),
    route((M::Post, "/api/v1/devices"), (OPERATE, Create, "device.create"),
        "Add a device", h!(api::devices::create)).body("DeviceNew").answer("Device"),
    route((M::Post, "/api/v1/devices/search"), (READ, Search, "device.search"),
        "Devices by id, kind, model or identifier", h!(api::devices::search))
        .body("TextSearch").answer("DevicePage"),
    route((M::Get, "/api/v1/devices/{id}"), (READ, Read, "device.read"),
        "One device", h!(api::devices::get)).answer("Device"),
    route((M::Put, "/api/v1/devices/{id}"), (OPERATE, Update, "device.update"),
        "Replace what is known of a device", h!(api::devices::update)).body("DeviceWrite").answer("Device"),

    // Assignments.
    route((M::Get, "/api/v1/assignments"), (READ, Search, "assignment.list"),
        "Who has or had which device", h!(api::assignments::list))
        .query(ASSIGNMENT_QUERY).answer("AssignmentPage"),
    route((M::Post, "/api/v1/assignments"), (OPERATE, Create, "assignment.create"),
        "Give a device to a patient; an overlap is refused with 409", h!(api::assignments::create))
        .body("AssignmentNew").answer("Assignment"),
    route((M::Post, "/api/v1/assignments/{id}/end"), (OPERATE, Update, "assignment.end"),
        "End an assignment", h!(api::assignments::end)).body("AssignmentEnd").answer("Assignment"),

    // Gateways: nothing about patients.
    route((M::Get, "/api/v1/gateways"), (READ, Search, "gateway.list"),
        "Gateways with state, health, devices and version as they told them last", h!(api::gateway_states::list))
        .answer("GatewayStatePage"),

    // Quarantine: payloads as sent may name anybody.
    route((M::Get, "/api/v1/quarantine"), (OPERATE, Search, "quarantine.list"),
        "What was rejected and why, newest first", h!(api::quarantine::list))
        .query(QUARANTINE_QUERY).answer("QuarantinePage"),
    route((M::Get, "/api/v1/quarantine/{id}"), (OPERATE, Read, "quarantine.read"),
        "One rejected message with its payload", h!(api::quarantine::get)).answer("QuarantineDetail"),
    route((M::Post, "/api/v1/quarantine/replay"), (OPERATE, Command, "quarantine.replay"),
        "Send rejected messages through today's routes and mappings", h!(api::quarantine::replay))
        .body("QuarantineReplay").answer("Replayed"),

    // Readings.
    route((M::Post, "/api/v1/observations"), (OPERATE, Create, "observation.create"),
        "Record readings a person took; the same readings at the same time change nothing",
        h!(api::observations::create)).body("ManualObservation").answer("ObservationIds"),
    route((M::Post, "/api/v1/sql"), (READ, Sql, "sql"),
        "A read-only query; `Accept: application/vnd.apache.arrow.stream` for Arrow", h!(api::sql::run))
        .body("SqlRequest").answer("SqlAnswer").pace(Pace::Sql),
    route((M::Get, "/api/v1/export"), (READ, Stream, "export"),
        "Rows of the observation table", h!(api::export::run))
        .query(EXPORT_QUERY).answer("application/x-ndjson").pace(Pace::Stream),
    route((M::Get, "/api/v1/stream"), (READ, Stream, "stream"),
        "Latest values and open alerts as server-sent events: a snapshot, then changes", h!(api::stream::open))
        .query(STREAM_QUERY).answer("text/event-stream").pace(Pace::Stream),

    // Gateways.
    route((M::Post, "/api/v1/gateways/{id}/enrollment-code"), (ADMIN, Create, "gateway.enrollment-code"),
        "A code that enrols this gateway once, within 15 minutes", h!(api::gateways::code))
        .answer("EnrollmentCode"),
    route((M::Get, "/api/v1/gateways/{id}/certificates"), (OPERATE, Read, "gateway.certificates"),
        "Certificates of a gateway, the latest first", h!(api::gateways::certificates))
        .answer("GatewayCertificatePage"),
    route((M::Post, "/api/v1/gateways/{id}/revoke"), (ADMIN, Command, "gateway.revoke"),
        "Take a gateway's certificates away and end its sessions, at once", h!(api::gateways::revoke))
        .answer("GatewayRevoked"),
    route((M::Post, "/api/v1/gateways/{id}/commands"), (OPERATE, Command, "gateway.command"),
        "Send a command to a gateway: rescan, reload, pair or capture", h!(api::gateways::command))
        .body("GatewayCommandNew").answer("GatewayCommand"),
    route((M::Get, "/api/v1/gateways/{id}/commands/{command}"), (OPERATE, Read, "gateway.commanded"),
        "A command and its answer", h!(api::gateways::commanded)).answer("GatewayCommand"),
    route((M::Post, "/api/v1/enroll"), (ENROL, Create, "gateway.enroll"),
        "A certificate for the gateway that an enrolment code is for", h!(api::enroll::enrol))
        .body("Enroll").answer("Enrolled"),
    route((M::Post, "/api/v1/enroll/renew"), (ENROL, Update, "gateway.renew"),
        "A new certificate for who holds the key of the present one", h!(api::enroll::renew))
        .body("Renewal").answer("Enrolled"),
    route((M::Get, "/api/v1/ca.pem"), (OPEN, Read, "ca"),
        "Certificate of the installation's own authority", h!(api::enroll::authority))
        .answer("application/x-pem-file"),
    route((M::Get, "/api/v1/ca.crl"), (OPEN, Read, "ca.revocations"),
        "Its revocation list (RFC 5280)", h!(api::enroll::revocations)).answer("application/pkix-crl"),

    // Operation.
    route((M::Post, "/api/v1/backup"), (ADMIN, Command, "backup"),
        "Copy registry, tables and log as one point to a new directory of the server's machine",
        h!(api::backup::create)).body("Backup").answer("BackedUp").pace(Pace::Copy),

    // Tokens.
    route((M::Get, "/api/v1/tokens"), (ADMIN, Search, "token.list"),
        "Tokens without their secrets", h!(api::tokens::list)).answer("TokenPage"),
    route((M::Post, "/api/v1/tokens"), (ADMIN, Create, "token.create"),
        "Issue a token; its secret is shown this once", h!(api::tokens::create))
        .body("TokenNew").answer("TokenIssued"),
    route((M::Delete, "/api/v1/tokens/{name}"), (ADMIN, Delete, "token.revoke"),
        "Revoke a token at once", h!(api::tokens::revoke)).answer("204"),
];
