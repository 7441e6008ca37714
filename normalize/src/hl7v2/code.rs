//! OBX-3: what is measured. The MDC number decides, in whichever triplet it stands; names are for people.

use super::message::Field;
use super::repair::{Repair, Repairs};
use crate::vocabulary::{self, Metric};

/// Longest local name that SenML takes.
const MAX_LOCAL: usize = 64;

/// What an OBX or an alarm is about.
#[derive(Debug, Clone)]
pub(super) struct Coded {
    /// As `n` of a record.
    pub(super) name: String,
    pub(super) metric: Option<&'static Metric>,
    /// The number of IEEE 11073, `partition * 65536 + term`.
    pub(super) number: Option<u32>,
    /// The reference id as sent.
    pub(super) reference: String,
    /// Whether it names something else than the number.
    pub(super) disagrees: bool,
}

impl Coded {
    /// Whether this is a device and not a metric: MDS, VMD or channel.
    pub(super) fn is_device(&self) -> bool {
        self.reference.starts_with("MDC_DEV_") || matches!(self.number, Some(69_632..=73_727))
    }

    /// Whether the reference id begins so, whatever the case: one sender writes `MDC_ATTr_SAMP_RATE`.
    pub(super) fn is_reference(&self, prefix: &str) -> bool {
        self.reference
            .get(..prefix.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
    }

    /// The reference id of an event or metric, else its number, else its local name.
    pub(super) fn event(&self) -> String {
        if let Some(metric) = self.metric.and_then(Metric::mdc_id) {
            return metric.to_owned();
        }
        match self.number {
            _ if self.reference.starts_with("MDC") && is_word(&self.reference) => {
                self.reference.clone()
            }
            Some(number) if number > 0 => number.to_string(),
            _ => self.name.clone(),
        }
    }

    /// The same as a setting: a name of its own, so that no rule and no chart takes it for what was measured.
    pub(super) fn setting(&self) -> String {
        let of = self.metric.and_then(Metric::mdc_id).unwrap_or(&self.name);
        let of = of.strip_prefix("local.").unwrap_or(of);
        local(&["setting", of])
    }
}

/// A decimal number of the nomenclature.
pub(super) fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// Partition and term in hex, as Philips writes: `0002-4bb8`.
pub(super) fn hexadecimal(text: &str) -> Option<u32> {
    let (partition, term) = text.trim().split_once('-')?;
    if partition.len() != 4 || term.len() != 4 {
        return None;
    }
    let partition = u32::from_str_radix(partition, 16).ok()?;
    let term = u32::from_str_radix(term, 16).ok()?;
    (partition < 1 << 15).then_some(partition << 16 | term)
}

struct Triplet {
    code: String,
    name: String,
    system: String,
}

pub(super) fn of_field(field: Field<'_>, repairs: &mut Repairs) -> Option<Coded> {
    let triplets: Vec<Triplet> = [1, 4]
        .into_iter()
        .map(|at| Triplet {
            code: field.text(at, repairs).into_owned(),
            name: field.text(at + 1, repairs).into_owned(),
            system: field.text(at + 2, repairs).into_owned(),
        })
        .filter(|triplet| !triplet.code.is_empty() || !triplet.name.is_empty())
        .collect();
    let mut unknown = None;
    for triplet in &triplets {
        if let Some(coded) = mdc(triplet, repairs) {
            if coded.metric.is_some() {
                return Some(coded);
            }
            unknown = unknown.or(Some(coded));
        }
    }
    if let Some(coded) = triplets.iter().find_map(loinc) {
        return Some(coded);
    }
    unknown.or_else(|| triplets.first().map(vendor))
}

fn is_mdc(triplet: &Triplet) -> bool {
    let system = triplet.system.to_ascii_uppercase();
    system.starts_with("MDC")
        || system.contains("11073")
        || system == "MDIL"
        || triplet.name.starts_with("MDC_")
        || triplet.code.starts_with("MDC_")
}

/// Philips exports the respiratory rate under the term of respiration as such.
const PHILIPS_RESP: u32 = 0x0002_5000;
/// MDC_RESP_RATE.
const RESP_RATE: u32 = 151_562;

fn mdc(triplet: &Triplet, repairs: &mut Repairs) -> Option<Coded> {
    let hex = hexadecimal(&triplet.code);
    if hex.is_none() && !is_mdc(triplet) {
        return None;
    }
    let reference = if triplet.name.is_empty() && triplet.code.starts_with("MDC_") {
        &triplet.code
    } else {
        &triplet.name
    };
    let number = hex
        .map(|code| match code {
            PHILIPS_RESP => RESP_RATE,
            code => code,
        })
        .or(number(&triplet.code))
        .filter(|number| *number > 0);
    let metric = match number {
        Some(number) => vocabulary::by_code(number),
        None => vocabulary::by_mdc(reference),
    };
    let named = vocabulary::by_mdc(reference);
    let is_reference = reference.starts_with("MDC_");
    let same = match (metric, named) {
        (Some(metric), _) => metric.mdc == reference.as_str(),
        (None, Some(_)) => false,
        (None, None) => true,
    };
    let disagrees = number.is_some() && is_reference && !same;
    if disagrees {
        repairs.note(Repair::NameDisagrees);
    }
    let name = match (metric, number) {
        (Some(metric), _) => match metric.mdc_id() {
            Some(mdc) => mdc.to_owned(),
            None => format!("local.{}", metric.alias),
        },
        // The number decides, so a name that means another one is not used.
        (None, _) if is_reference && named.is_none() => local(&[reference]),
        (None, Some(_)) if hex.is_some() => vendor(triplet).name,
        (None, Some(number)) => local(&["mdc", &number.to_string()]),
        (None, None) => local(&[reference]),
    };
    Some(Coded {
        name,
        metric,
        number: metric
            .map(|metric| metric.code)
            .filter(|code| *code > 0)
            .or(number),
        reference: reference.clone(),
        disagrees,
    })
}

fn loinc(triplet: &Triplet) -> Option<Coded> {
    let system = triplet.system.to_ascii_uppercase();
    if !matches!(system.as_str(), "LN" | "LOINC" | "HTTP://LOINC.ORG") {
        return None;
    }
    let fitting = vocabulary::by_loinc(&triplet.code);
    let metric = vocabulary::only(fitting);
    let shape = triplet.code.len() >= 3
        && triplet.code.len() <= 9
        && triplet
            .code
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'-');
    shape.then(|| Coded {
        name: match metric.and_then(Metric::mdc_id) {
            Some(mdc) => mdc.to_owned(),
            None => format!("loinc.{}", triplet.code),
        },
        metric: metric.or(fitting.first().copied()),
        number: None,
        reference: String::new(),
        disagrees: false,
    })
}

/// A vendor's own code: system and name, or code where the name is prose.
fn vendor(triplet: &Triplet) -> Coded {
    let word = if is_word(&triplet.name) || triplet.code.is_empty() {
        &triplet.name
    } else {
        &triplet.code
    };
    let name = if triplet.system.is_empty() {
        local(&[word])
    } else {
        local(&[&triplet.system, word])
    };
    let metric = vocabulary::by_alias(name.strip_prefix("local.").unwrap_or_default());
    Coded {
        name,
        metric,
        number: None,
        reference: String::new(),
        disagrees: false,
    }
}

fn is_word(text: &str) -> bool {
    (1..=MAX_LOCAL).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// `local.` with parts that SenML takes.
pub(super) fn local(parts: &[&str]) -> String {
    let mut name = String::from("local.");
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            name.push('.');
        }
        let mut dash = true;
        for c in part.chars() {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') {
                name.push(c);
                dash = false;
            } else if !dash {
                name.push('-');
                dash = true;
            }
        }
    }
    name.truncate("local.".len() + MAX_LOCAL);
    let trimmed = name.trim_end_matches('-').len();
    name.truncate(trimmed);
    if name == "local." {
        name.push_str("unnamed");
    }
    name
}
