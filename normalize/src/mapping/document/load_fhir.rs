//! The loader of FHIR mappings (specification 2.1).

use std::collections::HashMap;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;

use super::fhir::{
    CodeValueFhir, Coding, Component, Concept, FhirDocument, PeriodInterval, ValueTemplate,
    ValueType,
};
use super::nearest::hint;
use super::reader::{Inner, Members, Reader};
use super::{Document, Fault, Severity};

const TEMPLATE: [&str; 6] = [
    "typeName",
    "periodInterval",
    "category",
    "codes",
    "value",
    "components",
];
const VALUE_TYPES: [&str; 4] = ["SampledData", "Quantity", "CodeableConcept", "String"];
const PERIODS: [(&str, &str, PeriodInterval); 4] = [
    ("CorrelationId", "-1", PeriodInterval::CorrelationId),
    ("Single", "0", PeriodInterval::Single),
    ("Hourly", "60", PeriodInterval::Hourly),
    ("Daily", "1440", PeriodInterval::Daily),
];

/// Reads a FHIR mapping: its good templates, and every fault.
#[must_use]
pub fn load_fhir(text: &str) -> (FhirDocument, Vec<Fault>) {
    let mut reader = Reader::new(text, Document::Fhir);
    let mut document = FhirDocument::default();
    if let Some(root) = reader.parse() {
        // Where a type's name stands first, whether its template is good or not.
        let mut names = HashMap::new();
        for inner in reader.collection(&root, "CollectionFhir", "CollectionContent") {
            document
                .templates
                .extend(template(&mut reader, &inner, &mut names));
        }
    }
    (document, reader.into_faults())
}

fn template(
    reader: &mut Reader<'_>,
    inner: &Inner<'_, '_>,
    names: &mut HashMap<String, usize>,
) -> Option<CodeValueFhir> {
    let errors = reader.errors();
    inner.known_kind(reader, &[("CodeValueFhir", ())])?;
    let members = &inner.template;
    reader.unknown(members, &TEMPLATE, Severity::Error);
    let type_name = reader.required_text(members, "typeName");
    if let Some(name) = &type_name {
        let at = members.get("typeName").map_or(0, Ranged::start);
        let path = members.path_of("typeName");
        if name.trim().is_empty() {
            reader.error(at, &path, "typeName is blank");
        } else if let Some(first) = names.get(&name.to_lowercase()) {
            let line = reader.at(*first).line;
            let message =
                format!("typeName `{name}` is already used in line {line}; names have no case");
            reader.error(at, &path, message);
        } else {
            names.insert(name.to_lowercase(), at);
        }
    }
    let period = period(reader, members);
    let category = reader.elements(members, "category");
    let category = category.into_iter().filter_map(|(path, value)| {
        let concept = reader.members(value, &path)?;
        reader.unknown(&concept, &["text", "codes"], Severity::Error);
        Some(self::concept(reader, &concept))
    });
    let category = category.collect();
    reader.required(members, "codes");
    let codes = codings(reader, members);
    let value = members
        .present("value")
        .and_then(|v| self::value(reader, v, &members.path_of("value")));
    let components = reader.elements(members, "components");
    let components = components
        .into_iter()
        .filter_map(|(path, value)| component(reader, value, &path));
    let components = components.collect();
    let template = CodeValueFhir {
        index: inner.index,
        at: reader.at(members.start()),
        type_name: type_name?,
        period: period?,
        category,
        codes,
        value,
        components,
    };
    (reader.errors() == errors).then_some(template)
}

fn period(reader: &mut Reader<'_>, members: &Members<'_, '_>) -> Option<PeriodInterval> {
    let Some(value) = members.present("periodInterval") else {
        return Some(PeriodInterval::default());
    };
    let path = members.path_of("periodInterval");
    let written = match value {
        Value::NumberLit(number) => number.value,
        Value::StringLit(string) => string.value.trim(),
        _ => {
            reader.wrong_type(value, &path, "a number or a name");
            return None;
        }
    };
    let known = PERIODS
        .iter()
        .find(|(name, number, _)| name.eq_ignore_ascii_case(written) || *number == written);
    if known.is_none() {
        let names = PERIODS.map(|(name, _, _)| name);
        let list = PERIODS.map(|(name, number, _)| format!("{number} ({name})"));
        let message = format!(
            "unknown periodInterval `{written}`{}; known: {}",
            hint(written, &names),
            list.join(", ")
        );
        reader.error(value.start(), &path, message);
    }
    known.map(|(_, _, period)| *period)
}

fn concept(reader: &mut Reader<'_>, members: &Members<'_, '_>) -> Concept {
    Concept {
        text: reader.optional_text(members, "text"),
        codes: codings(reader, members),
    }
}

fn codings(reader: &mut Reader<'_>, members: &Members<'_, '_>) -> Vec<Coding> {
    let elements = reader.elements(members, "codes");
    let codings = elements.into_iter().filter_map(|(path, value)| {
        let members = reader.members(value, &path)?;
        reader.unknown(&members, &["code", "system", "display"], Severity::Error);
        Some(Coding {
            code: reader.optional_text(&members, "code"),
            system: reader.optional_text(&members, "system"),
            display: reader.optional_text(&members, "display"),
        })
    });
    codings.collect()
}

fn component(reader: &mut Reader<'_>, value: &Value<'_>, path: &str) -> Option<Component> {
    let members = reader.members(value, path)?;
    reader.unknown(&members, &["codes", "value"], Severity::Error);
    reader.required(&members, "codes");
    let codes = codings(reader, &members);
    let value = reader.required(&members, "value")?;
    let value = self::value(reader, value, &members.path_of("value"))?;
    Some(Component { codes, value })
}

fn value(reader: &mut Reader<'_>, value: &Value<'_>, path: &str) -> Option<ValueTemplate> {
    let members = reader.members(value, path)?;
    let value_name = reader.required_text(&members, "valueName");
    let kind = reader.required_text(&members, "valueType")?;
    let Some(kind) = VALUE_TYPES
        .iter()
        .find(|known| known.eq_ignore_ascii_case(kind.trim()))
    else {
        let at = members.get("valueType").map_or(0, Ranged::start);
        let message = format!(
            "unknown valueType `{kind}`{}; known: {}",
            hint(&kind, &VALUE_TYPES),
            VALUE_TYPES.join(", ")
        );
        reader.error(at, &members.path_of("valueType"), message);
        return None;
    };
    let known: &[&str] = match *kind {
        "SampledData" => &["valueType", "valueName", "defaultPeriod", "unit"],
        "Quantity" => &["valueType", "valueName", "unit", "system", "code"],
        "CodeableConcept" => &["valueType", "valueName", "text", "codes"],
        _ => &["valueType", "valueName"],
    };
    reader.unknown(&members, known, Severity::Warning);
    let kind = match *kind {
        "SampledData" => ValueType::SampledData {
            period_ms: default_period(reader, &members)?,
            unit: reader.optional_text(&members, "unit"),
        },
        "Quantity" => ValueType::Quantity {
            unit: reader.optional_text(&members, "unit"),
            system: reader.optional_text(&members, "system"),
            code: reader.optional_text(&members, "code"),
        },
        "CodeableConcept" => {
            let concept = concept(reader, &members);
            if concept == Concept::default() {
                let message =
                    "a CodeableConcept needs `codes` or `text`: they are its whole content";
                reader.error(members.start(), path, message);
            }
            ValueType::CodeableConcept(concept)
        }
        _ => ValueType::String,
    };
    Some(ValueTemplate {
        value_name: value_name?,
        at: reader.at(members.start()),
        kind,
    })
}

/// Milliseconds between samples, more than none.
fn default_period(reader: &mut Reader<'_>, members: &Members<'_, '_>) -> Option<f64> {
    let value = reader.required(members, "defaultPeriod")?;
    let path = members.path_of("defaultPeriod");
    let written = match value {
        Value::NumberLit(number) => number.value,
        Value::StringLit(string) => string.value.trim(),
        _ => {
            reader.wrong_type(value, &path, "a number of milliseconds");
            return None;
        }
    };
    let period = written
        .parse()
        .ok()
        .filter(|ms: &f64| ms.is_finite() && *ms > 0.0);
    if period.is_none() {
        let message = format!("`{written}` is no number of milliseconds above 0");
        reader.error(value.start(), &path, message);
    }
    period
}
