//! Templates as they run: expressions compiled and put where they are evaluated.

use std::collections::HashMap;

use crate::mapping::document::device::{
    DeviceDocument, DeviceTemplate, ExpressionText, Language, TemplateKind,
};
use crate::mapping::jmespath::Expression;
use crate::mapping::jsonpath::Path;

/// The member that `CalculatedContent` adds to the event.
pub(super) const MATCHED: &str = "matchedToken";

#[derive(Debug, Clone)]
pub(super) struct Template {
    /// Place in the document's array.
    pub(super) index: usize,
    pub(super) kind: TemplateKind,
    pub(super) type_name: String,
    pub(super) type_match: Part,
    pub(super) device_id: Part,
    /// The first that is there counts.
    pub(super) timestamps: Vec<Part>,
    pub(super) patient_id: Option<Part>,
    pub(super) encounter_id: Option<Part>,
    pub(super) correlation_id: Option<Part>,
    pub(super) values: Vec<ValuePart>,
}

#[derive(Debug, Clone)]
pub(super) struct ValuePart {
    pub(super) name: String,
    pub(super) part: Part,
    pub(super) required: bool,
}

/// An expression and where it runs.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) role: Role,
    pub(super) text: String,
    pub(super) language: Language,
    pub(super) code: Code,
    pub(super) place: Place,
}

/// What an expression is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    TypeMatch,
    DeviceId,
    Timestamp,
    PatientId,
    EncounterId,
    CorrelationId,
    Value,
}

impl Role {
    /// The member of the document that holds it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::TypeMatch => "typeMatchExpression",
            Self::DeviceId => "deviceIdExpression",
            Self::Timestamp => "timestampExpression",
            Self::PatientId => "patientIdExpression",
            Self::EncounterId => "encounterIdExpression",
            Self::CorrelationId => "correlationIdExpression",
            Self::Value => "valueExpression",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Code {
    /// A path of plain names in either language: members from the place down.
    Names(Vec<String>),
    Path(Path),
    JmesPath(Expression),
}

/// What an expression sees as its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The matched token: legacy templates, and names below `matchedToken`.
    Token,
    /// The event: it cannot see `matchedToken`, so its result is the event's and kept in a slot. A type's expression
    /// runs once anyway and has none.
    Event(Option<usize>),
    /// The event with `matchedToken`.
    Scoped,
}

/// Compiles the templates of a document without faults, and counts the slots.
pub(super) fn compile(document: &DeviceDocument) -> (Vec<Template>, usize) {
    let mut slots = Slots::default();
    let templates = document
        .templates
        .iter()
        .map(|template| slots.template(template));
    (templates.collect(), slots.known.len())
}

/// Equal expressions of all templates share a slot.
#[derive(Default)]
struct Slots {
    known: HashMap<(Language, String), usize>,
}

impl Slots {
    fn template(&mut self, template: &DeviceTemplate) -> Template {
        let kind = template.kind;
        let fixed = |text: &str| ExpressionText {
            text: text.to_owned(),
            language: Language::JsonPath,
            at: template.at,
        };
        let own = |own: &Option<ExpressionText>| own.clone().into_iter().collect();
        let devices: Vec<_> = kind
            .fixed_device_id()
            .map_or_else(|| own(&template.device_id), |text| vec![fixed(text)]);
        let times: Vec<_> = match kind.fixed_timestamps() {
            [] => own(&template.timestamp),
            texts => texts.iter().map(|text| fixed(text)).collect(),
        };
        let mut part = |role, expression: &ExpressionText| self.part(kind, role, expression);
        Template {
            index: template.index,
            kind,
            type_name: template.type_name.clone(),
            type_match: part(Role::TypeMatch, &template.type_match),
            device_id: part(
                Role::DeviceId,
                devices
                    .first()
                    .expect("the loader asks for one where the kind has none"),
            ),
            timestamps: times
                .iter()
                .map(|text| part(Role::Timestamp, text))
                .collect(),
            patient_id: template
                .patient_id
                .as_ref()
                .map(|text| part(Role::PatientId, text)),
            encounter_id: template
                .encounter_id
                .as_ref()
                .map(|text| part(Role::EncounterId, text)),
            correlation_id: template
                .correlation_id
                .as_ref()
                .map(|text| part(Role::CorrelationId, text)),
            values: template
                .values
                .iter()
                .map(|value| ValuePart {
                    name: value.name.clone(),
                    part: part(Role::Value, &value.expression),
                    required: value.required,
                })
                .collect(),
        }
    }

    fn part(&mut self, kind: TemplateKind, role: Role, expression: &ExpressionText) -> Part {
        let (text, language) = (&expression.text, expression.language);
        let mut code = names(language, text).map_or_else(|| parsed(language, text), Code::Names);
        let place = if role == Role::TypeMatch {
            Place::Event(None)
        } else if kind != TemplateKind::Calculated {
            Place::Token
        } else {
            match &mut code {
                Code::Names(names) if names.first().is_some_and(|name| name == MATCHED) => {
                    names.remove(0);
                    Place::Token
                }
                code if blind(language, text, code) => {
                    let next = self.known.len();
                    let slot = self.known.entry((language, text.clone())).or_insert(next);
                    Place::Event(Some(*slot))
                }
                _ => Place::Scoped,
            }
        };
        Part {
            role,
            text: text.clone(),
            language,
            code,
            place,
        }
    }
}

fn parsed(language: Language, text: &str) -> Code {
    let loaded = "the loader keeps no template with a fault in an expression";
    match language {
        Language::JsonPath => Code::Path(Path::parse(text).expect(loaded)),
        Language::JmesPath => Code::JmesPath(Expression::parse(text).expect(loaded)),
    }
}

/// The names of `$.a.b-c`, `a.b` or `$` (none); `None` for whatever is more.
fn names(language: Language, text: &str) -> Option<Vec<String>> {
    let hyphen = language == Language::JsonPath;
    let rest = match (language, text) {
        (Language::JsonPath, "$") | (Language::JmesPath, "@") => return Some(Vec::new()),
        (Language::JsonPath, text) => text.strip_prefix("$.").unwrap_or(text),
        (Language::JmesPath, text) => text,
    };
    let name = |name: &str| {
        let mut letters = name.chars();
        letters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || (hyphen && c == '-'))
    };
    let names = rest
        .split('.')
        .map(|part| name(part).then(|| part.to_owned()));
    names.collect()
}

/// Whether the text shows that an expression cannot see the root's `matchedToken`. Says no when in doubt.
fn blind(language: Language, text: &str, code: &Code) -> bool {
    if let Code::Names(names) = code {
        return names.first().is_some_and(|name| name != MATCHED);
    }
    if text.contains(MATCHED) || text.contains('\\') {
        return false;
    }
    match language {
        // Members of the root are reached by name, `@` or `*`.
        Language::JmesPath => !text.contains(['@', '*']),
        // The first step is a name; no filter begins at the root again.
        Language::JsonPath => {
            let rest = text.strip_prefix('$').unwrap_or(text);
            let rest = rest.strip_prefix('.').unwrap_or(rest);
            let first = rest.strip_prefix("['").unwrap_or(rest);
            first.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !rest.contains('$')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_names() {
        use Language::{JmesPath, JsonPath};
        let of = |language, text| names(language, text).map(|names| names.join("/"));
        for (language, text, expected) in [
            (JsonPath, "$", Some("")),
            (JsonPath, "$.a.b-c", Some("a/b-c")),
            (JsonPath, "a.b", Some("a/b")),
            (JsonPath, "$a", None),
            (JsonPath, "$..a", None),
            (JsonPath, "$.a[0]", None),
            (JsonPath, "$.*", None),
            (JsonPath, "$.a.", None),
            (JsonPath, "$.0", None),
            (JsonPath, " $.a", None),
            (JmesPath, "@", Some("")),
            (JmesPath, "a.b", Some("a/b")),
            (JmesPath, "a-b", None),
            (JmesPath, "$.a", None),
            (JmesPath, "a.\"b\"", None),
        ] {
            assert_eq!(of(language, text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_see_the_matched_token() {
        use Language::{JmesPath, JsonPath};
        for (language, text, expected) in [
            (JmesPath, "fromUnixTimestamp(Body.ts)", true),
            (JmesPath, "Body.data[0].id", true),
            (JmesPath, "keys(@)[0]", false),
            (JmesPath, "*.id", false),
            (JmesPath, "\"matched\\u0054oken\"", false),
            (JmesPath, "join('-', [a, matchedToken.b])", false),
            (JsonPath, "$.Body[0].id", true),
            (JsonPath, "$['Body'].id", true),
            (JsonPath, "$.Body[?(@.a == 1)].id", true),
            (JsonPath, "$.Body[?(@.a == $.b)].id", false),
            (JsonPath, "$..id", false),
            (JsonPath, "$.*", false),
            (JsonPath, "$[*]", false),
            (JsonPath, "$['matchedToken'].id", false),
        ] {
            assert_eq!(
                blind(language, text, &parsed(language, text)),
                expected,
                "{text}"
            );
        }
    }
}
