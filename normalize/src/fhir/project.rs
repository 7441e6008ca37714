//! Rows of one Observation to the resource.

use super::types::{
    Component, Concept, Extension, Identifier, Meta, Note, Observation, Period, Value,
};
use super::{Projection, at, codes, value};
use crate::columns::Columns;
use crate::time::{self, format_rfc3339};
use crate::vocabulary::{self, Category, Metric, Panel};
use arrow_array::Array;
use std::borrow::Cow;

/// What the content of an Observation adds to its frame.
struct Content {
    code: Concept,
    category: Option<Category>,
    profile: Option<&'static str>,
    value: Value,
    component: Vec<Component>,
    note: Vec<Note>,
}

pub(super) fn project(
    columns: &Columns<'_>,
    rows: &[usize],
    projection: &Projection,
) -> Observation {
    let first = rows[0];
    let known = definition(columns, first);
    let panel = known
        .and_then(|known| known.metric.panel)
        .filter(|panel| at(columns.panel, first).is_none_or(|loinc| loinc == panel.loinc));
    let content = match panel {
        Some(panel) => of_panel(columns, rows, panel),
        None => of_single(columns, first, known),
    };
    // What one metric's code implies need not hold for others of its LOINC code.
    let metric = known.filter(|known| known.exact).map(|known| known.metric);
    let id = at(columns.panel_id, first).unwrap_or_else(|| columns.id.value(first));
    let issued = rows
        .iter()
        .map(|&row| columns.received.value(row))
        .max()
        .unwrap_or_default();
    let start = columns.effective.value(first);
    let end = columns
        .effective_end
        .is_valid(first)
        .then(|| columns.effective_end.value(first));
    let period = end.filter(|end| *end > start);
    let mut security = Vec::new();
    let mut note = content.note;
    for &row in rows {
        let (label, words) = at(columns.quality, row).map_or((None, None), codes::quality);
        security.extend(label.filter(|label| !security.contains(label)));
        if let Some(words) = words
            && !note.iter().any(|note| note.text == words)
        {
            note.push(Note {
                text: words.to_owned(),
            });
        }
    }
    let interpretation = if panel.is_some() {
        None
    } else {
        at(columns.interpretation, first)
    };
    let implied = |text: Option<&'static str>| text.map(codes::words);
    let patient = columns.patient_id.value(first);
    Observation {
        resource_type: "Observation",
        id: id.to_owned(),
        patient: patient.to_owned(),
        meta: Meta {
            version_id: rows
                .iter()
                .map(|&row| columns.version.value(row))
                .sum::<i64>()
                .to_string(),
            last_updated: instant(issued),
            profile: content.profile.map(|url| [url]),
            security,
        },
        extension: at(columns.gateway_id, first)
            .map(|gateway| Extension {
                url: codes::GATEWAY,
                value_reference: codes::reference(projection, "Device", gateway),
            })
            .into_iter()
            .collect(),
        identifier: [Identifier {
            system: Some(codes::IDENTIFIER.into()),
            value: id.to_owned(),
        }],
        status: status(columns, rows),
        category: content
            .category
            .and_then(Category::code)
            .map(|code| codes::concept(codes::coding(codes::CATEGORY, code)))
            .into_iter()
            .collect(),
        code: content.code,
        subject: codes::reference(projection, "Patient", patient),
        encounter: at(columns.encounter_id, first)
            .map(|id| codes::reference(projection, "Encounter", id)),
        effective_date_time: period.is_none().then(|| format_rfc3339(start)),
        effective_period: period.map(|end| Period {
            start: format_rfc3339(start),
            end: Some(format_rfc3339(end)),
        }),
        issued: instant(issued),
        value: content.value,
        interpretation: interpretation
            .map(codes::interpretation)
            .into_iter()
            .collect(),
        note,
        body_site: at(columns.body_site, first)
            .map(|text| codes::words(codes::clean(text)))
            .or_else(|| implied(metric.and_then(|metric| metric.site))),
        method: at(columns.method, first)
            .map(|text| codes::words(codes::clean(text)))
            .or_else(|| implied(metric.and_then(|metric| metric.method))),
        device: codes::reference(projection, "Device", columns.device_id.value(first)),
        component: content.component,
    }
}

/// FHIR's instant: a time is known at least to the second, and these to the microsecond.
fn instant(micros: time::Micros) -> String {
    format_rfc3339(micros)
}

/// What a row's codes say it is.
#[derive(Clone, Copy)]
struct Known {
    /// The vocabulary's row.
    metric: &'static Metric,
    /// Whether no other metric has these codes; else the metric stands for all that share the LOINC code.
    exact: bool,
}

/// By MDC, else by local code, else by LOINC.
fn definition(columns: &Columns<'_>, row: usize) -> Option<Known> {
    let exact = |metric| Known {
        metric,
        exact: true,
    };
    if let Some(metric) = at(columns.mdc, row).and_then(vocabulary::by_mdc) {
        return Some(exact(metric));
    }
    let code = columns.code.value(row);
    let fitting = vocabulary::by_loinc(code);
    let own = fitting
        .iter()
        .copied()
        .find(|metric| metric.mdc_id().is_none());
    own.or_else(|| vocabulary::only(fitting))
        .or_else(|| vocabulary::all().iter().find(|metric| metric.local == code))
        .map(exact)
        .or_else(|| {
            let metric = fitting.first().copied()?;
            Some(Known {
                metric,
                exact: false,
            })
        })
}

fn of_single(columns: &Columns<'_>, row: usize, known: Option<Known>) -> Content {
    let metric = known.map(|known| known.metric);
    let fitted = value::of_row(columns, row, metric);
    let code = match known {
        Some(Known {
            metric,
            exact: true,
        }) => codes::metric(metric, fitted.conforms).without_mdc_unless(states_mdc(columns, row)),
        Some(Known { metric, .. }) => Concept {
            coding: fitted
                .conforms
                .then(|| codes::coding(codes::LOINC, columns.code.value(row).to_owned()))
                .into_iter()
                .collect(),
            text: metric.profile.map(|profile| profile.display().into()),
        },
        None => unknown(columns.code.value(row)),
    };
    Content {
        code,
        category: metric
            .filter(|_| fitted.conforms)
            .map(|metric| metric.category),
        profile: metric
            .and_then(|metric| metric.profile)
            .filter(|_| fitted.conforms)
            .map(vocabulary::Profile::url),
        value: fitted.value,
        component: Vec::new(),
        note: Vec::new(),
    }
}

impl Concept {
    /// A row that names no MDC id gets no MDC code: its LOINC code fits several.
    fn without_mdc_unless(mut self, known: bool) -> Self {
        if !known {
            self.coding.retain(|coding| coding.system != codes::MDC);
        }
        self
    }
}

fn states_mdc(columns: &Columns<'_>, row: usize) -> bool {
    at(columns.mdc, row).is_some_and(|mdc| vocabulary::by_mdc(mdc).is_some())
}

/// A metric outside the vocabulary.
fn unknown(code: &str) -> Concept {
    match code.strip_prefix("local:") {
        Some(local) => Concept {
            coding: vec![codes::coding(
                codes::LOCAL,
                local.replace(char::is_whitespace, "_"),
            )],
            text: Some(codes::clean(local).into()),
        },
        None => codes::concept(codes::coding(codes::LOINC, code.to_owned())),
    }
}

fn of_panel(columns: &Columns<'_>, rows: &[usize], panel: &'static Panel) -> Content {
    let mut note = Vec::new();
    let component = panel
        .components
        .iter()
        .filter_map(|id| vocabulary::by_mdc(id))
        .filter_map(|metric| {
            // Of several rows for one component, which only differ in the device's sequence, the last counts.
            let row = rows
                .iter()
                .rev()
                .copied()
                .find(|&row| is_component(columns, row, metric));
            let required = panel.required.contains(&metric.mdc);
            let value = match row {
                None if required => value::absent("unknown"),
                None => return None,
                Some(row) if is_erroneous(columns, row) && rows.len() > 1 => value::absent("error"),
                Some(row) => {
                    let fitted = value::of_row(columns, row, Some(metric));
                    if fitted.conforms {
                        fitted.value
                    } else {
                        note.push(Note {
                            text: as_sent(metric, &fitted.value),
                        });
                        value::absent("as-text")
                    }
                }
            };
            let interpretation = row.and_then(|row| at(columns.interpretation, row));
            Some(Component {
                code: codes::metric(metric, true).without_mdc_unless(states_mdc(columns, rows[0])),
                value,
                interpretation: interpretation
                    .map(codes::interpretation)
                    .into_iter()
                    .collect(),
            })
        })
        .collect();
    Content {
        code: codes::panel(panel).without_mdc_unless(states_mdc(columns, rows[0])),
        category: Some(if panel.profile.is_some() {
            Category::VitalSigns
        } else {
            Category::Procedure
        }),
        profile: panel.profile.map(vocabulary::Profile::url),
        value: Value::default(),
        component,
        note,
    }
}

fn is_component(columns: &Columns<'_>, row: usize, metric: &Metric) -> bool {
    match at(columns.mdc, row) {
        Some(mdc) => mdc == metric.mdc,
        None => columns.code.value(row) == metric.loinc,
    }
}

/// "Systolic pressure (cuff) as sent: 120 furlongs".
fn as_sent(metric: &Metric, value: &Value) -> String {
    let quantity = value.value_quantity.as_ref();
    let number = quantity
        .map(|quantity| quantity.value.get())
        .or(value.value_string.as_deref())
        .unwrap_or_default();
    let unit = quantity
        .and_then(|quantity| quantity.unit.as_deref())
        .unwrap_or_default();
    format!("{} as sent: {number} {unit}", metric.display)
        .trim_end()
        .to_owned()
}

fn is_erroneous(columns: &Columns<'_>, row: usize) -> bool {
    columns.status.value(row) == "entered-in-error"
}

/// FHIR observation-status of the whole: that of the rows when they agree. Rows that are an error only count when
/// all are; else the least final of the others goes first, then corrections.
fn status(columns: &Columns<'_>, rows: &[usize]) -> Cow<'static, str> {
    const RANK: [&str; 7] = [
        "registered",
        "preliminary",
        "unknown",
        "corrected",
        "amended",
        "cancelled",
        "final",
    ];
    let erroneous = rows
        .iter()
        .filter(|&&row| is_erroneous(columns, row))
        .count();
    if erroneous == rows.len() {
        return "entered-in-error".into();
    }
    let of_others = RANK
        .into_iter()
        .find(|status| rows.iter().any(|&row| columns.status.value(row) == *status));
    match of_others {
        Some("final") if erroneous > 0 => "corrected".into(),
        Some(status) => status.into(),
        None => "unknown".into(),
    }
}
