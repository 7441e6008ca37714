//! The loader of device mappings (specification 1.2, 1.3).

use std::collections::HashMap;

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;

use super::device::{
    DeviceDocument, DeviceTemplate, ExpressionText, Language, TemplateKind, ValueExpression,
};
use super::nearest::hint;
use super::reader::{Inner, Members, Reader};
use super::{Document, Fault, Severity};

/// Members of all types, then those that two fix, then that of one.
const LEGACY: [&str; 8] = [
    "typeName",
    "typeMatchExpression",
    "deviceIdExpression",
    "timestampExpression",
    "patientIdExpression",
    "encounterIdExpression",
    "correlationIdExpression",
    "values",
];
const CALCULATED: [&str; 9] = [
    LEGACY[0],
    LEGACY[1],
    LEGACY[2],
    LEGACY[3],
    LEGACY[4],
    LEGACY[5],
    LEGACY[6],
    LEGACY[7],
    "defaultExpressionLanguage",
];
const LANGUAGES: [Language; 2] = [Language::JsonPath, Language::JmesPath];

/// Reads a device mapping: its good templates, and every fault, those inside of expressions too.
#[must_use]
pub fn load_device(text: &str) -> (DeviceDocument, Vec<Fault>) {
    let mut reader = Reader::new(text, Document::Device);
    let mut document = DeviceDocument::default();
    if let Some(root) = reader.parse() {
        for inner in reader.collection(&root, "CollectionContent", "CollectionFhir") {
            document.templates.extend(template(&mut reader, &inner));
        }
    }
    (document, reader.into_faults())
}

/// How the expressions of a template are written.
#[derive(Clone, Copy)]
struct Style {
    /// An object `{value, language}` will do for a string.
    objects: bool,
    language: Language,
}

fn template(reader: &mut Reader<'_>, inner: &Inner<'_, '_>) -> Option<DeviceTemplate> {
    let errors = reader.errors();
    let kind = inner.known_kind(reader, &TemplateKind::ALL.map(|kind| (kind.as_str(), kind)))?;
    let members = &inner.template;
    let calculated = kind == TemplateKind::Calculated;
    let known: &[&str] = if calculated { &CALCULATED } else { &LEGACY };
    reader.unknown(members, known, Severity::Error);
    let language = if calculated {
        members.present("defaultExpressionLanguage")
    } else {
        None
    };
    let language = language.map_or(Some(Language::JsonPath), |value| {
        self::language(reader, value, &members.path_of("defaultExpressionLanguage"))
    });
    let style = Style {
        objects: calculated,
        language: language.unwrap_or_default(),
    };

    let type_name = reader.required_text(members, "typeName");
    if type_name
        .as_ref()
        .is_some_and(|name| name.trim().is_empty())
    {
        let at = members.get("typeName").map_or(0, Ranged::start);
        reader.warn(
            at,
            &members.path_of("typeName"),
            "typeName is blank: no FHIR mapping can name it",
        );
    }
    let type_match = required(reader, members, "typeMatchExpression", style);
    let fixed = kind.fixed_device_id().is_some();
    let mut device_id = None;
    let mut timestamp = None;
    if fixed {
        for name in ["deviceIdExpression", "timestampExpression"] {
            if let Some(value) = members.get(name) {
                let message = format!("ignored: {} fixes where it is", kind.as_str());
                reader.warn(value.start(), &members.path_of(name), message);
            }
        }
    } else {
        device_id = required(reader, members, "deviceIdExpression", style);
        timestamp = required(reader, members, "timestampExpression", style);
    }
    let patient_id = optional(reader, members, "patientIdExpression", style);
    let encounter_id = optional(reader, members, "encounterIdExpression", style);
    let correlation_id = optional(reader, members, "correlationIdExpression", style);
    if calculated {
        // The original crashes without it.
        reader.required(members, "values");
    }
    let values = values(reader, members, style);
    let template = DeviceTemplate {
        index: inner.index,
        at: reader.at(members.start()),
        kind,
        type_name: type_name?,
        type_match: type_match?,
        device_id,
        timestamp,
        patient_id,
        encounter_id,
        correlation_id,
        values,
    };
    (reader.errors() == errors).then_some(template)
}

fn language(reader: &mut Reader<'_>, value: &Value<'_>, path: &str) -> Option<Language> {
    let Value::StringLit(written) = value else {
        reader.wrong_type(value, path, "`JsonPath` or `JmesPath`");
        return None;
    };
    let found = LANGUAGES
        .into_iter()
        .find(|language| language.as_str().eq_ignore_ascii_case(written.value.trim()));
    if found.is_none() {
        let names = LANGUAGES.map(Language::as_str);
        let message = format!(
            "unknown expression language `{}`{}; known: {}",
            written.value,
            hint(&written.value, &names),
            names.join(", ")
        );
        reader.error(written.range.start, path, message);
    }
    found
}

fn required(
    reader: &mut Reader<'_>,
    members: &Members<'_, '_>,
    name: &str,
    style: Style,
) -> Option<ExpressionText> {
    let value = reader.required(members, name)?;
    let errors = reader.errors();
    let path = members.path_of(name);
    let expression = expression(reader, value, &path, style);
    if expression.is_none() && reader.errors() == errors {
        let (at, path) = match value {
            Value::Object(object) => {
                let text = object.properties.iter().rev();
                let text = text.filter(|p| p.name.as_str().eq_ignore_ascii_case("value"));
                let at = text.map(|p| p.value.start()).next();
                (at.unwrap_or(value.start()), format!("{path}.value"))
            }
            _ => (value.start(), path),
        };
        reader.error(at, &path, "the expression is blank");
    }
    expression
}

/// Absent, null and blank are none.
fn optional(
    reader: &mut Reader<'_>,
    members: &Members<'_, '_>,
    name: &str,
    style: Style,
) -> Option<ExpressionText> {
    let value = members.present(name)?;
    expression(reader, value, &members.path_of(name), style)
}

/// The expression, if it is not blank and has no fault.
fn expression(
    reader: &mut Reader<'_>,
    value: &Value<'_>,
    path: &str,
    style: Style,
) -> Option<ExpressionText> {
    let (string, language, path) = match value {
        Value::StringLit(string) => (string, style.language, path.to_owned()),
        Value::Object(_) if style.objects => {
            let members = reader.members(value, path)?;
            reader.unknown(&members, &["value", "language"], Severity::Error);
            let language = members
                .present("language")
                .map_or(Some(style.language), |value| {
                    self::language(reader, value, &members.path_of("language"))
                });
            let path = members.path_of("value");
            match reader.required(&members, "value")? {
                Value::StringLit(string) => (string, language?, path),
                other => {
                    reader.wrong_type(other, &path, "a string");
                    return None;
                }
            }
        }
        Value::Object(_) => {
            let message = "expected a string: only CalculatedContent takes expressions as objects";
            reader.error(value.start(), path, message);
            return None;
        }
        _ => {
            let expected = if style.objects {
                "a string or an object with `value`"
            } else {
                "a string"
            };
            reader.wrong_type(value, path, expected);
            return None;
        }
    };
    if string.value.trim().is_empty() {
        return None;
    }
    if let Err(fault) = language.check(&string.value) {
        let at = reader.inside(string, fault.offset);
        reader.error_at(
            at,
            &path,
            format!("{}: {}", language.as_str(), fault.message),
        );
        return None;
    }
    Some(ExpressionText {
        text: string.value.to_string(),
        language,
        at: reader.inside(string, 0),
    })
}

fn values(
    reader: &mut Reader<'_>,
    members: &Members<'_, '_>,
    style: Style,
) -> Vec<ValueExpression> {
    let mut names = HashMap::new();
    let elements = reader.elements(members, "values");
    let values = elements.into_iter().filter_map(|(path, value)| {
        let members = reader.members(value, &path)?;
        reader.unknown(
            &members,
            &["valueName", "valueExpression", "required"],
            Severity::Error,
        );
        let name = reader.required_text(&members, "valueName");
        let expression = required(reader, &members, "valueExpression", style);
        let required = flag(reader, &members, "required");
        let at = members
            .get("valueName")
            .map_or(members.start(), Ranged::start);
        if let Some(name) = &name
            && let Some(first) = names.insert(name.clone(), at)
        {
            let line = reader.at(first).line;
            let message =
                format!("valueName `{name}` is already used in line {line}; both are kept");
            reader.warn(at, &members.path_of("valueName"), message);
        }
        Some(ValueExpression {
            name: name?,
            at: reader.at(at),
            expression: expression?,
            required: required?,
        })
    });
    values.collect()
}

/// A boolean, or its name as a string; absent and null are false.
fn flag(reader: &mut Reader<'_>, members: &Members<'_, '_>, name: &str) -> Option<bool> {
    let path = members.path_of(name);
    match members.present(name) {
        None => Some(false),
        Some(Value::BooleanLit(flag)) => Some(flag.value),
        Some(Value::StringLit(text)) if text.value.trim().eq_ignore_ascii_case("true") => {
            Some(true)
        }
        Some(Value::StringLit(text)) if text.value.trim().eq_ignore_ascii_case("false") => {
            Some(false)
        }
        Some(value) => {
            reader.wrong_type(value, &path, "true or false");
            None
        }
    }
}
