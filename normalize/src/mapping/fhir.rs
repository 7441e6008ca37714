//! The compiled FHIR mapping: measurements in, Observations out (specification section 2).
//!
//! ```text
//! Input ──check──> group (who, type, window) ──create──> Observation
//!                                            └─merge──> NoOperation | Amended | NotSupported
//! ```
//!
//! Where [`Compat::Default`] differs from the original on purpose, and `Strict` restores its choice:
//!
//! | matter | default | strict |
//! |---|---|---|
//! | system of identifier and service codings | [`SYSTEM`] | [`SYSTEM_STRICT`] |
//! | who shares an Observation | (patient, device, type, window) | the concatenation of names; then merged by id |
//! | equal times in a group | properties joined, the later received wins by name | the whole measurement replaced |
//! | several values for Quantity, String | the latest | a problem |
//! | time in identifiers | to the microsecond, fraction when not zero | whole seconds |
//! | names in identifiers | `%` and `.` written `%25` and `%2E`, so that no two groups share one | as they are |
//! | effective | `effectiveDateTime` for Single; milliseconds; a window ends at its last one | period of 7 decimals |
//! | Quantity | exponents read; `,` only between groups of three digits | no exponent; `,` anywhere after a digit |
//! | blank values | absent for String and SampledData | written |
//! | texts and codes that FHIR cannot have | blanks and control characters mended | as they are |
//!
//! Times are taken to the microsecond by default, the resolution of the `observation` table, so that an Observation
//! made from rows is the one made from the event.

mod check;
mod create;
mod enrich;
mod group;
mod identity;
mod merge;
mod plan;
mod quantity;
mod sampled;
mod types;
mod words;

use super::Compat;
use super::document::fhir::{CodeValueFhir, FhirDocument};
use super::document::{Fault, Severity, load_fhir};
use super::measurement::Measurement;
use crate::measurement::Reason;
use crate::time::Micros;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

pub(crate) use group::{Frame, Grouping, Sample};
pub use group::{Group, groups};
pub use merge::{Merged, merge};
pub(crate) use plan::Plan;
pub(crate) use quantity::number;

/// System of the identifiers and of the codings that name type and value.
pub const SYSTEM: &str = "urn:wardline:medtech";
/// What the original writes in its place.
pub const SYSTEM_STRICT: &str = "https://azure.microsoft.com/en-us/services/iomt-fhir-connector/";

/// How a mapping's Observations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    pub compat: Compat,
    /// Adds category and profile of a vital sign and the UCUM code of a known unit where code and unit are known.
    pub enrich: bool,
}

/// A compiled `CollectionFhir` document.
#[derive(Debug, Clone)]
pub struct FhirMapping {
    plans: Vec<Plan>,
    /// Lower-cased type name to plan.
    by_name: HashMap<String, usize>,
    options: Options,
    version: String,
}

/// A measurement as it came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input<'a> {
    pub measurement: Measurement<'a>,
    /// When its message was taken: of equal times the later received wins; becomes `issued`.
    pub received: Micros,
    /// Its place in the whole input, unique: decides between measurements received together.
    pub order: u64,
}

/// An Observation, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// 64 hexadecimal digits.
    pub id: String,
    /// The patient's id, if one is known.
    pub subject: Option<String>,
    /// The device's id.
    pub device: String,
    /// The resource.
    pub json: String,
}

/// Why a measurement is in no Observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemReason {
    /// The FHIR mapping has no template for its type.
    NoTemplate,
    /// Its template groups by correlation id, and it has none.
    NoCorrelationId,
    /// The value of a Quantity is no number.
    BadQuantity,
    /// The value of a SampledData holds white space, which separates samples.
    BadSample,
    /// Strict: a window holds several values of a Quantity or String.
    SeveralValues,
    /// A SampledData has more slots than an Observation may, or a period of nothing.
    TooManySamples,
    /// Strict: two groups share an id and cannot be merged.
    NotMergeable,
}

impl ProblemReason {
    /// Why the measurement is quarantined.
    #[must_use]
    pub const fn reject(self) -> Reason {
        match self {
            Self::NoTemplate => Reason::NoTemplate,
            Self::NoCorrelationId => Reason::MissingCorrelation,
            Self::BadQuantity
            | Self::BadSample
            | Self::SeveralValues
            | Self::TooManySamples
            | Self::NotMergeable => Reason::BadValue,
        }
    }

    /// A stable code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoTemplate => "no-fhir-template",
            Self::NoCorrelationId => "no-correlation-id",
            Self::BadQuantity => "bad-quantity",
            Self::BadSample => "bad-sample",
            Self::SeveralValues => "several-values",
            Self::TooManySamples => "too-many-samples",
            Self::NotMergeable => "not-mergeable",
        }
    }
}

/// A measurement that is in no Observation, and why. Its neighbours are not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Index in the call.
    pub measurement: usize,
    pub reason: ProblemReason,
    /// For people; names types and values, never what was measured.
    pub detail: String,
}

/// [`Problem`] before it is known whose it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unfit {
    pub reason: ProblemReason,
    pub detail: String,
}

impl FhirMapping {
    /// Reads and compiles a document, with default options.
    ///
    /// # Errors
    /// Every fault, if one of them is an error.
    pub fn compile(text: &str) -> Result<Self, Vec<Fault>> {
        let (document, mut faults) = load_fhir(text);
        faults.extend(document.templates.iter().flat_map(sampled::faults));
        if faults.iter().any(|fault| fault.severity == Severity::Error) {
            faults.sort_by_key(|fault| (fault.line, fault.column));
            return Err(faults);
        }
        let version = identity::hex(&Sha256::digest(text));
        Ok(Self::from_document(
            document,
            version.get(..12).unwrap_or_default(),
        ))
    }

    /// Compiles templates, with default options. Of templates of one type name the first counts.
    #[must_use]
    pub fn from_document(document: FhirDocument, version: &str) -> Self {
        Self::build(document.templates, version.to_owned(), Options::default())
    }

    /// The same mapping under other options.
    #[must_use]
    pub fn with_options(self, options: Options) -> Self {
        let templates = self.plans.into_iter().map(|plan| plan.template).collect();
        Self::build(templates, self.version, options)
    }

    fn build(templates: Vec<CodeValueFhir>, version: String, options: Options) -> Self {
        let mut by_name = HashMap::new();
        let mut plans: Vec<Plan> = Vec::with_capacity(templates.len());
        for template in templates {
            if let std::collections::hash_map::Entry::Vacant(entry) =
                by_name.entry(template.type_name.to_lowercase())
            {
                entry.insert(plans.len());
                plans.push(Plan::new(template, options));
            }
        }
        Plan::separate_rows(&mut plans);
        Self {
            plans,
            by_name,
            options,
            version,
        }
    }

    #[must_use]
    pub fn options(&self) -> Options {
        self.options
    }

    /// The first 12 hexadecimal digits of the SHA-256 of the document's text.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Every template, in document order.
    pub fn templates(&self) -> impl Iterator<Item = &CodeValueFhir> {
        self.plans.iter().map(|plan| &plan.template)
    }

    /// The template of a measurement type; upper and lower case are the same.
    #[must_use]
    pub fn template(&self, type_name: &str) -> Option<&CodeValueFhir> {
        self.plan(type_name).map(|plan| &plan.template)
    }

    pub(crate) fn plan(&self, type_name: &str) -> Option<&Plan> {
        let index = match self.by_name.get(type_name) {
            Some(index) => index,
            None => self.by_name.get(&type_name.to_lowercase())?,
        };
        self.plans.get(*index)
    }
}

/// The Observations of these measurements, in the order in which their first measurements appear, and the
/// measurements that are in none. `patient` stands for every measurement's own.
#[must_use]
pub fn observations(
    inputs: &[Input<'_>],
    mapping: &FhirMapping,
    patient: Option<&str>,
) -> (Vec<Observation>, Vec<Problem>) {
    let (groups, mut problems) = groups(inputs, mapping, patient);
    let (observations, unfit) = combine(&groups);
    problems.extend(unfit);
    problems.sort_by_key(|problem| problem.measurement);
    (observations, problems)
}

/// One Observation a group, or an id: only strict groups can share one, and the original writes the second over the
/// first.
pub(crate) fn combine(groups: &[Group<'_>]) -> (Vec<Observation>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut made: Vec<Observation> = Vec::with_capacity(groups.len());
    let mut by_id: HashMap<String, usize> = HashMap::new();
    for group in groups {
        let strict = group.options.compat == Compat::Strict;
        let first = strict.then(|| by_id.get(&group.id()).copied()).flatten();
        let result = match first.and_then(|at| made.get_mut(at)) {
            None => group.observation().map(|observation| {
                if strict {
                    by_id.insert(observation.id.clone(), made.len());
                }
                made.push(observation);
            }),
            Some(earlier) => match merge(&earlier.json, group) {
                Merged::NoOperation => Ok(()),
                Merged::Amended(amended) => {
                    earlier.json = amended.json;
                    Ok(())
                }
                Merged::NotSupported(detail) => Err(Unfit {
                    reason: ProblemReason::NotMergeable,
                    detail,
                }),
            },
        };
        if let Err(unfit) = result {
            problems.extend(group.members().iter().map(|&measurement| Problem {
                measurement,
                reason: unfit.reason,
                detail: unfit.detail.clone(),
            }));
        }
    }
    (made, problems)
}

#[cfg(test)]
pub(in crate::mapping) mod tests;
#[cfg(test)]
mod valid;
