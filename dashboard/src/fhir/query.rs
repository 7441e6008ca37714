//! Search parameters to an [`ObservationSearch`].

use axum::http::StatusCode;

use super::code::{self, Scope, Token};
use super::{cursor, date};
use crate::backend::{CodeFilter, DateFilter, Micros, ObservationSearch, Order};
use crate::params::{Params, is_id};
use crate::reply::Failure;

const DEFAULT_COUNT: usize = 100;
const MAX_COUNT: usize = 1_000;
/// The paging mark of our own `next` links.
pub(super) const CURSOR: &str = "_cursor";
/// Statuses of R4's value set observation-status.
const STATUSES: [&str; 8] = [
    "registered",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "cancelled",
    "entered-in-error",
    "unknown",
];

/// A search understood.
pub(super) struct Query {
    pub(super) search: ObservationSearch,
    /// The parameters that were used, encoded, without the paging mark: for links.
    pub(super) used: String,
    /// Parameters that were passed over, by name.
    pub(super) ignored: Vec<String>,
    /// Conditions that contradict each other: nothing can be found.
    pub(super) nothing: bool,
}

/// Reads the parameters. Unknown ones are refused when `strict`, else passed over and listed; an unknown
/// parameter on the patient is always refused, for passing over it would widen the answer to everybody.
pub(super) fn parse(params: &Params, strict: bool, now: Micros) -> Result<Query, Failure> {
    let mut parser = Parser {
        search: ObservationSearch::default(),
        nothing: false,
        codes: None,
        now,
    };
    parser.search.limit = DEFAULT_COUNT;
    let mut used = form_urlencoded::Serializer::new(String::new());
    let mut ignored = Vec::new();
    for (name, value) in params.pairs() {
        if value.is_empty() || name == CURSOR {
            continue;
        }
        if parser.take(name, value)? {
            used.append_pair(name, value);
        } else if strict || concerns_patient(name) {
            let detail = format!(
                "unknown or unsupported search parameter {}",
                printable(name)
            );
            return Err(Failure::new(
                StatusCode::BAD_REQUEST,
                "not-supported",
                detail,
            ));
        } else if !ignored.contains(name) {
            ignored.push(printable(name));
        }
    }
    let used = used.finish();
    if let Some(mark) = params.one(CURSOR)? {
        let position = cursor::decode(mark, &used);
        parser.search.after =
            Some(position.ok_or_else(|| Failure::invalid("_cursor is not of this search"))?);
    }
    if let Some(codes) = parser.codes {
        parser.nothing |= codes.is_empty();
        parser.search.code = Some(codes);
    }
    Ok(Query {
        search: parser.search,
        used,
        ignored,
        nothing: parser.nothing,
    })
}

pub(super) fn concerns_patient(name: &str) -> bool {
    let name = name.split([':', '.']).next().unwrap_or_default();
    matches!(name, "patient" | "subject" | "_has" | "_filter" | "_query")
}

/// A name as a client sent it, cut to what may be repeated in an answer.
pub(super) fn printable(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_ascii_graphic())
        .take(64)
        .collect()
}

struct Parser {
    search: ObservationSearch,
    codes: Option<CodeFilter>,
    nothing: bool,
    now: Micros,
}

impl Parser {
    /// Takes one parameter; `false` when it is unknown.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Failure> {
        let (plain, modifier) = match name.split_once(':') {
            Some((plain, modifier)) => (plain, Some(modifier)),
            None => (name, None),
        };
        match (plain, modifier) {
            ("patient" | "subject", None | Some("Patient")) => {
                let ids = references(plain, value, "Patient")?;
                self.nothing |= meet(&mut self.search.patients, ids);
            }
            ("device", None | Some("Device")) => {
                let ids = references(plain, value, "Device")?;
                self.nothing |= meet(&mut self.search.devices, ids);
            }
            ("_id", None) => {
                let ids = ids(plain, value)?;
                self.nothing |= meet(&mut self.search.ids, ids);
            }
            ("status", None) => {
                let tokens = tokens(plain, value)?;
                if tokens
                    .iter()
                    .any(|token| !STATUSES.contains(&token.code.as_str()))
                {
                    return Err(Failure::invalid(format!(
                        "status is one of {}",
                        STATUSES.join(", ")
                    )));
                }
                let statuses = tokens.into_iter().map(|token| token.code).collect();
                self.nothing |= meet(&mut self.search.statuses, statuses);
            }
            ("code", None) => self.code(plain, value, Scope::Observation)?,
            ("component-code", None) => self.code(plain, value, Scope::Component)?,
            ("combo-code", None) => self.code(plain, value, Scope::Both)?,
            ("category", None) => {
                let mut filter = CodeFilter::default();
                for token in tokens(plain, value)? {
                    code::add_category(&mut filter, &token);
                }
                // A panel in the category is in it with its components.
                filter.component = all_components(&filter);
                self.meet_codes(filter);
            }
            ("date", None) => self.search.effective.push(self.date(plain, value)?),
            ("_lastUpdated", None) => self.search.received.push(self.date(plain, value)?),
            ("_count", None) => {
                self.search.limit = match value.parse::<usize>() {
                    Ok(count) if count > 0 => count.min(MAX_COUNT),
                    _ => {
                        return Err(Failure::invalid(format!(
                            "_count must be from 1 to {MAX_COUNT}"
                        )));
                    }
                };
            }
            ("_sort", None) => {
                self.search.order = match value {
                    "date" => Order::Ascending,
                    "-date" => Order::Descending,
                    _ => return Err(Failure::invalid("_sort is date or -date")),
                };
            }
            ("_format" | "_pretty", None) => {}
            (
                "patient" | "subject" | "device" | "_id" | "status" | "code" | "component-code"
                | "combo-code" | "category" | "date" | "_lastUpdated",
                Some(_),
            ) => {
                let detail = format!("unsupported modifier in {}", printable(name));
                return Err(Failure::new(
                    StatusCode::BAD_REQUEST,
                    "not-supported",
                    detail,
                ));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn code(&mut self, name: &str, value: &str, scope: Scope) -> Result<(), Failure> {
        let mut filter = CodeFilter::default();
        for token in tokens(name, value)? {
            code::add(&mut filter, &token, scope);
        }
        self.meet_codes(filter);
        Ok(())
    }

    fn meet_codes(&mut self, filter: CodeFilter) {
        self.codes = Some(match self.codes.take() {
            None => filter,
            Some(known) => code::both(known, &filter),
        });
    }

    fn date(&self, name: &str, value: &str) -> Result<DateFilter, Failure> {
        date::parse(value, self.now).ok_or_else(|| {
            Failure::invalid(format!(
                "{name} must be a FHIR date with an optional prefix, as ge2026-11-22"
            ))
        })
    }
}

/// Keys of every component of the panels in a filter.
fn all_components(filter: &CodeFilter) -> crate::backend::CodeKeys {
    use wardline_normalize::vocabulary;
    let mut keys = crate::backend::CodeKeys::default();
    let panels = vocabulary::panels().filter(|panel| filter.panels.contains(panel.loinc));
    for metric in panels
        .flat_map(|panel| panel.components)
        .filter_map(|mdc| vocabulary::by_mdc(mdc))
    {
        keys.mdcs.insert(metric.mdc.to_owned());
        keys.codes.insert(metric.code_text().to_owned());
    }
    keys
}

/// Narrows a list to what both name; `true` when nothing is left.
pub(super) fn meet(known: &mut Vec<String>, new: Vec<String>) -> bool {
    if known.is_empty() {
        *known = new;
    } else {
        known.retain(|one| new.contains(one));
    }
    known.is_empty()
}

pub(super) fn tokens(name: &str, value: &str) -> Result<Vec<Token>, Failure> {
    code::split(value, ',')
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| {
            Token::parse(part)
                .ok_or_else(|| Failure::invalid(format!("{name} needs codes as system|code")))
        })
        .collect()
}

pub(super) fn ids(name: &str, value: &str) -> Result<Vec<String>, Failure> {
    let ids: Vec<String> = value
        .split(',')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    if ids.is_empty() || !ids.iter().all(|id| is_id(id)) {
        return Err(Failure::invalid(format!(
            "{name} must be ids of A-Z a-z 0-9 - ."
        )));
    }
    Ok(ids)
}

/// Ids of references: `id`, `Patient/id`, or an absolute URL that ends so. A reference to another type finds nothing.
pub(super) fn references(name: &str, value: &str, kind: &str) -> Result<Vec<String>, Failure> {
    let parts = value.split(',').map(|part| match part.rsplit_once('/') {
        None => part.to_owned(),
        Some((path, id)) if path == kind || path.ends_with(&format!("/{kind}")) => id.to_owned(),
        // No row can have this, for it is no id of ours.
        Some(_) => "~".to_owned(),
    });
    ids(name, &parts.collect::<Vec<_>>().join(","))
}
