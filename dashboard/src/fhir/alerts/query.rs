//! Search parameters of alerts and messages.

use super::Kind;
use super::item::Item;
use crate::backend::{DateFilter, DatePrefix, Micros};
use crate::fhir::query::{CURSOR, concerns_patient, ids, meet, printable, references, tokens};
use crate::fhir::{cursor, date};
use crate::params::Params;
use crate::reply::Failure;
use axum::http::StatusCode;

const DEFAULT_COUNT: usize = 100;
const MAX_COUNT: usize = 1_000;

type Parameters = &'static [(&'static str, &'static str)];

const PATIENT: (&str, &str) = ("patient", "Patient id or reference");
const SUBJECT: (&str, &str) = ("subject", "Patient reference");
const ID: (&str, &str) = ("_id", "Ids");
const UPDATED: (&str, &str) = ("_lastUpdated", "When it last changed, with prefix");
const COUNT: (&str, &str) = ("_count", "Resources on a page, 1 to 1000; default 100");
const FORMAT: (&str, &str) = ("_format", "json or application/fhir+json");

/// Parameters served, as the CapabilityStatement and OpenAPI list them.
pub(crate) const fn parameters(kind: Kind) -> Parameters {
    match kind {
        Kind::DetectedIssue => &[
            PATIENT,
            SUBJECT,
            ("identified", "From onset to end, with prefix"),
            (
                "status",
                "registered: open; final: over; entered-in-error: withdrawn (R5's parameter)",
            ),
            ID,
            UPDATED,
            COUNT,
            FORMAT,
        ],
        Kind::Flag => &[
            PATIENT,
            SUBJECT,
            ("date", "From onset to end, with prefix"),
            (
                "status",
                "active, inactive or entered-in-error (R5's parameter)",
            ),
            ID,
            UPDATED,
            COUNT,
            FORMAT,
        ],
        Kind::Communication => &[
            PATIENT,
            SUBJECT,
            ("sent", "When the receiver took it, with prefix"),
            (
                "status",
                "preparation: to be sent; completed: delivered; not-done: given up",
            ),
            ID,
            UPDATED,
            COUNT,
            FORMAT,
        ],
        Kind::Task => &[
            PATIENT,
            SUBJECT,
            ("authored-on", "When the alert began, with prefix"),
            ("modified", "When it last changed, with prefix"),
            (
                "status",
                "requested, accepted: acknowledged; completed: over; cancelled: withdrawn",
            ),
            ID,
            UPDATED,
            COUNT,
            FORMAT,
        ],
    }
}

/// R4's value set of `status`.
fn statuses(kind: Kind) -> &'static str {
    match kind {
        Kind::DetectedIssue => {
            "registered preliminary final amended corrected cancelled entered-in-error unknown"
        }
        Kind::Flag => "active inactive entered-in-error",
        Kind::Communication => {
            "preparation in-progress not-done on-hold stopped completed entered-in-error unknown"
        }
        Kind::Task => {
            "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed \
             entered-in-error"
        }
    }
}

/// A search understood.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) patients: Vec<String>,
    pub(super) ids: Vec<String>,
    statuses: Vec<String>,
    time: Vec<DateFilter>,
    updated: Vec<DateFilter>,
    pub(super) count: usize,
    /// Where the page begins.
    pub(super) after: Option<String>,
    /// The parameters that were used, encoded, without the paging mark.
    pub(super) used: String,
    pub(super) ignored: Vec<String>,
    /// Conditions that contradict each other: nothing can be found.
    pub(super) nothing: bool,
}

/// Reads the parameters, by the same rules as for Observations.
pub(super) fn parse(
    kind: Kind,
    params: &Params,
    strict: bool,
    now: Micros,
) -> Result<Query, Failure> {
    let mut query = Query {
        patients: Vec::new(),
        ids: Vec::new(),
        statuses: Vec::new(),
        time: Vec::new(),
        updated: Vec::new(),
        count: DEFAULT_COUNT,
        after: None,
        used: String::new(),
        ignored: Vec::new(),
        nothing: false,
    };
    let mut used = form_urlencoded::Serializer::new(String::new());
    for (name, value) in params.pairs() {
        if value.is_empty() || name == CURSOR {
            continue;
        }
        if query.take(kind, name, value, now)? {
            used.append_pair(name, value);
        } else if strict || concerns_patient(name) {
            return Err(unsupported(name));
        } else if !query.ignored.contains(name) {
            query.ignored.push(printable(name));
        }
    }
    query.used = used.finish();
    if let Some(mark) = params.one(CURSOR)? {
        let place = format!("{}?{}", kind.as_str(), query.used);
        let after = cursor::decode_mark(mark, &place);
        query.after = Some(after.ok_or_else(|| Failure::invalid("_cursor is not of this search"))?);
    }
    Ok(query)
}

fn unsupported(name: &str) -> Failure {
    let name = printable(name);
    let detail = format!("unknown or unsupported search parameter {name}");
    Failure::new(StatusCode::BAD_REQUEST, "not-supported", detail)
}

impl Query {
    /// Takes one parameter; `false` when it is unknown.
    fn take(&mut self, kind: Kind, name: &str, value: &str, now: Micros) -> Result<bool, Failure> {
        let (plain, modifier) = match name.split_once(':') {
            Some((plain, modifier)) => (plain, Some(modifier)),
            None => (name, None),
        };
        let known = parameters(kind).iter().any(|(known, _)| *known == plain);
        match (plain, modifier) {
            _ if !known => return Ok(plain == "_pretty"),
            ("patient" | "subject", None | Some("Patient")) => {
                let found = references(plain, value, "Patient")?;
                self.nothing |= meet(&mut self.patients, found);
            }
            (_, Some(_)) => return Err(unsupported(name)),
            ("_id", None) => {
                let found = ids(plain, value)?;
                self.nothing |= meet(&mut self.ids, found);
            }
            ("status", None) => {
                let found: Vec<String> = tokens(plain, value)?
                    .into_iter()
                    .map(|token| token.code)
                    .collect();
                let all = statuses(kind);
                if found
                    .iter()
                    .any(|code| !all.split(' ').any(|known| known == code))
                {
                    let all = all.replace(' ', ", ");
                    return Err(Failure::invalid(format!("status is one of {all}")));
                }
                self.nothing |= meet(&mut self.statuses, found);
            }
            ("_count", None) => {
                self.count = match value.parse::<usize>() {
                    Ok(count) if count > 0 => count.min(MAX_COUNT),
                    _ => {
                        let detail = format!("_count must be from 1 to {MAX_COUNT}");
                        return Err(Failure::invalid(detail));
                    }
                };
            }
            ("_format", None) => {}
            ("_lastUpdated" | "modified", None) => self.updated.push(time(plain, value, now)?),
            (_, None) => self.time.push(time(plain, value, now)?),
        }
        Ok(true)
    }

    /// Words of our own that can have one of the statuses asked for; empty for any.
    pub(super) fn states(&self, kind: Kind) -> Vec<String> {
        let mut states: Vec<String> = Vec::new();
        for status in &self.statuses {
            let words: &[&str] = match (kind, status.as_str()) {
                (Kind::Communication, "preparation") => &["pending"],
                (Kind::Communication, "completed") => &["delivered"],
                (Kind::Communication, "not-done") => &["dead"],
                (_, "registered" | "active" | "requested" | "accepted") => {
                    &["active", "recovering"]
                }
                (_, "final" | "inactive" | "completed" | "cancelled" | "entered-in-error") => {
                    &["resolved"]
                }
                _ => &[],
            };
            states.extend(words.iter().map(|word| (*word).to_owned()));
        }
        states.sort_unstable();
        states.dedup();
        states
    }

    /// Whether no state of ours has a status asked for.
    pub(super) fn is_vain(&self, kind: Kind) -> bool {
        self.nothing || !self.statuses.is_empty() && self.states(kind).is_empty()
    }

    /// First microsecond after the latest onset that can match, for pruning: what lasts begins before it is over.
    pub(super) fn onset_before(&self) -> Option<Micros> {
        let bound = |filter: &DateFilter| match filter.prefix {
            DatePrefix::Eq | DatePrefix::Ap | DatePrefix::Le => Some(filter.until),
            DatePrefix::Lt | DatePrefix::Eb => Some(filter.from),
            DatePrefix::Ne | DatePrefix::Gt | DatePrefix::Ge | DatePrefix::Sa => None,
        };
        self.time.iter().filter_map(bound).min()
    }

    pub(super) fn matches(&self, item: &Item) -> bool {
        let is_of = |patient: &String| item.patients.contains(patient);
        let timed = |filter: &DateFilter| {
            item.time
                .is_some_and(|(start, end)| filter.matches(start, end))
        };
        (self.patients.is_empty() || self.patients.iter().any(is_of))
            && (self.statuses.is_empty() || self.statuses.iter().any(|one| one == item.status))
            && self.time.iter().all(timed)
            && self
                .updated
                .iter()
                .all(|filter| filter.matches(item.updated, item.updated))
    }
}

fn time(name: &str, value: &str, now: Micros) -> Result<DateFilter, Failure> {
    date::parse(value, now).ok_or_else(|| {
        Failure::invalid(format!(
            "{name} must be a FHIR date with an optional prefix, as ge2026-11-22"
        ))
    })
}
