//! A strict checker for the resources of alerts: the elements R4 (4.0.1) defines for them with type, cardinality,
//! required binding and the types a reference may point to, FHIR's JSON rules, and the invariants
//! per-1 (Period) and inv-1 (Task). Typed from the specification, not from the projection; it uses nothing of
//! this crate, so that other tests include the file as it is.

use serde_json::{Map, Value};

const OBSERVATION_STATUS: &str =
    "registered preliminary final amended corrected cancelled entered-in-error unknown";
const FLAG_STATUS: &str = "active inactive entered-in-error";
const EVENT_STATUS: &str =
    "preparation in-progress not-done on-hold stopped completed entered-in-error unknown";
const TASK_STATUS: &str = "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed entered-in-error";
const TASK_INTENT: &str =
    "unknown proposal plan order original-order reflex-order filler-order instance-order option";
const REQUEST_PRIORITY: &str = "routine urgent asap stat";

/// Element, type, cardinality, and for a code its required value set, for a Reference its targets (none: any).
type Element = (&'static str, &'static str, &'static str, &'static str);

const DOMAIN_RESOURCE: &[Element] = &[
    ("resourceType", "code", "1..1", ""),
    ("id", "id", "0..1", ""),
    ("meta", "Meta", "0..1", ""),
    ("implicitRules", "uri", "0..1", ""),
    ("language", "code", "0..1", ""),
    ("text", "Narrative", "0..1", ""),
    ("extension", "Extension", "0..*", ""),
    ("identifier", "Identifier", "0..*", ""),
];

const AUTHORS: &str = "Device Organization Patient Practitioner PractitionerRole";
const PEOPLE: &str = "Device Organization Patient Practitioner PractitionerRole RelatedPerson";

const DETECTED_ISSUE: &[Element] = &[
    ("status", "code", "1..1", OBSERVATION_STATUS),
    ("code", "CodeableConcept", "0..1", ""),
    ("severity", "code", "0..1", "high moderate low"),
    ("patient", "Reference", "0..1", "Patient"),
    ("identifiedDateTime", "dateTime", "0..1", ""),
    ("identifiedPeriod", "Period", "0..1", ""),
    (
        "author",
        "Reference",
        "0..1",
        "Practitioner PractitionerRole Device",
    ),
    ("implicated", "Reference", "0..*", ""),
    ("evidence", "DetectedIssue.evidence", "0..*", ""),
    ("detail", "string", "0..1", ""),
    ("reference", "uri", "0..1", ""),
    ("mitigation", "DetectedIssue.mitigation", "0..*", ""),
];

const FLAG: &[Element] = &[
    ("status", "code", "1..1", FLAG_STATUS),
    ("category", "CodeableConcept", "0..*", ""),
    ("code", "CodeableConcept", "1..1", ""),
    (
        "subject",
        "Reference",
        "1..1",
        "Patient Location Group Organization Practitioner PlanDefinition Medication Procedure",
    ),
    ("period", "Period", "0..1", ""),
    ("encounter", "Reference", "0..1", "Encounter"),
    ("author", "Reference", "0..1", AUTHORS),
];

const COMMUNICATION: &[Element] = &[
    ("instantiatesCanonical", "uri", "0..*", ""),
    ("instantiatesUri", "uri", "0..*", ""),
    ("basedOn", "Reference", "0..*", ""),
    ("partOf", "Reference", "0..*", ""),
    ("inResponseTo", "Reference", "0..*", "Communication"),
    ("status", "code", "1..1", EVENT_STATUS),
    ("statusReason", "CodeableConcept", "0..1", ""),
    ("category", "CodeableConcept", "0..*", ""),
    ("priority", "code", "0..1", REQUEST_PRIORITY),
    ("medium", "CodeableConcept", "0..*", ""),
    ("subject", "Reference", "0..1", "Patient Group"),
    ("topic", "CodeableConcept", "0..1", ""),
    ("about", "Reference", "0..*", ""),
    ("encounter", "Reference", "0..1", "Encounter"),
    ("sent", "dateTime", "0..1", ""),
    ("received", "dateTime", "0..1", ""),
    (
        "recipient",
        "Reference",
        "0..*",
        "Device Organization Patient Practitioner PractitionerRole RelatedPerson Group CareTeam HealthcareService",
    ),
    (
        "sender",
        "Reference",
        "0..1",
        "Device Organization Patient Practitioner PractitionerRole RelatedPerson HealthcareService",
    ),
    ("reasonCode", "CodeableConcept", "0..*", ""),
    (
        "reasonReference",
        "Reference",
        "0..*",
        "Condition Observation DiagnosticReport DocumentReference",
    ),
    ("payload", "Communication.payload", "0..*", ""),
    ("note", "Annotation", "0..*", ""),
];

const TASK: &[Element] = &[
    ("instantiatesCanonical", "uri", "0..1", ""),
    ("instantiatesUri", "uri", "0..1", ""),
    ("basedOn", "Reference", "0..*", ""),
    ("groupIdentifier", "Identifier", "0..1", ""),
    ("partOf", "Reference", "0..*", "Task"),
    ("status", "code", "1..1", TASK_STATUS),
    ("statusReason", "CodeableConcept", "0..1", ""),
    ("businessStatus", "CodeableConcept", "0..1", ""),
    ("intent", "code", "1..1", TASK_INTENT),
    ("priority", "code", "0..1", REQUEST_PRIORITY),
    ("code", "CodeableConcept", "0..1", ""),
    ("description", "string", "0..1", ""),
    ("focus", "Reference", "0..1", ""),
    ("for", "Reference", "0..1", ""),
    ("encounter", "Reference", "0..1", "Encounter"),
    ("executionPeriod", "Period", "0..1", ""),
    ("authoredOn", "dateTime", "0..1", ""),
    ("lastModified", "dateTime", "0..1", ""),
    ("requester", "Reference", "0..1", PEOPLE),
    ("performerType", "CodeableConcept", "0..*", ""),
    (
        "owner",
        "Reference",
        "0..1",
        "Practitioner PractitionerRole Organization CareTeam HealthcareService Patient Device RelatedPerson",
    ),
    ("location", "Reference", "0..1", "Location"),
    ("reasonCode", "CodeableConcept", "0..1", ""),
    ("reasonReference", "Reference", "0..1", ""),
    ("note", "Annotation", "0..*", ""),
    ("relevantHistory", "Reference", "0..*", "Provenance"),
];

/// Data types and parts. Those that our resources do not use are not here: to use one is a fault until it is.
const PARTS: &[(&str, &[Element])] = &[
    (
        "DetectedIssue.evidence",
        &[
            ("code", "CodeableConcept", "0..*", ""),
            ("detail", "Reference", "0..*", ""),
        ],
    ),
    (
        "DetectedIssue.mitigation",
        &[
            ("action", "CodeableConcept", "1..1", ""),
            ("date", "dateTime", "0..1", ""),
            (
                "author",
                "Reference",
                "0..1",
                "Practitioner PractitionerRole",
            ),
        ],
    ),
    (
        "Communication.payload",
        &[("contentString", "string", "1..1", "")],
    ),
    (
        "Meta",
        &[
            ("versionId", "id", "0..1", ""),
            ("lastUpdated", "instant", "0..1", ""),
        ],
    ),
    (
        "Extension",
        &[
            ("url", "uri", "1..1", ""),
            ("valueCoding", "Coding", "1..1", ""),
        ],
    ),
    (
        "Identifier",
        &[
            ("use", "code", "0..1", "usual official temp secondary old"),
            ("system", "uri", "0..1", ""),
            ("value", "string", "0..1", ""),
        ],
    ),
    (
        "Reference",
        &[
            ("reference", "string", "0..1", ""),
            ("type", "uri", "0..1", ""),
            ("identifier", "Identifier", "0..1", ""),
            ("display", "string", "0..1", ""),
        ],
    ),
    (
        "Period",
        &[
            ("start", "dateTime", "0..1", ""),
            ("end", "dateTime", "0..1", ""),
        ],
    ),
    (
        "CodeableConcept",
        &[
            ("coding", "Coding", "0..*", ""),
            ("text", "string", "0..1", ""),
        ],
    ),
    (
        "Coding",
        &[
            ("system", "uri", "0..1", ""),
            ("version", "string", "0..1", ""),
            ("code", "code", "0..1", ""),
            ("display", "string", "0..1", ""),
        ],
    ),
];

/// What breaks R4 in a DetectedIssue, Flag, Communication or Task; nothing when it conforms.
pub(crate) fn faults(resource: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let kind = resource["resourceType"].as_str().unwrap_or_default();
    let own = match kind {
        "DetectedIssue" => DETECTED_ISSUE,
        "Flag" => FLAG,
        "Communication" => COMMUNICATION,
        "Task" => TASK,
        _ => return vec![format!("a resource of type {kind:?}")],
    };
    let elements: Vec<Element> = DOMAIN_RESOURCE.iter().chain(own).copied().collect();
    object(kind, resource, &elements, &mut faults);
    if resource.get("identifiedDateTime").is_some() && resource.get("identifiedPeriod").is_some() {
        faults.push("identified[x] twice".to_owned());
    }
    // inv-1 of Task; our times are all UTC.
    if let (Some(authored), Some(modified)) = (
        resource["authoredOn"].as_str(),
        resource["lastModified"].as_str(),
    ) && order(authored, modified).is_gt()
    {
        faults.push("Task.lastModified is before authoredOn (inv-1)".to_owned());
    }
    faults
}

fn object(path: &str, value: &Value, elements: &[Element], faults: &mut Vec<String>) {
    let Some(fields) = value.as_object() else {
        return faults.push(format!("{path} is no object"));
    };
    if fields.is_empty() {
        faults.push(format!("{path} is empty"));
    }
    for name in fields.keys() {
        if !elements.iter().any(|element| element.0 == name) {
            faults.push(format!("{path}.{name} is unknown"));
        }
    }
    for &(name, kind, cardinality, bound) in elements {
        let path = format!("{path}.{name}");
        let many = cardinality.ends_with('*');
        match fields.get(name) {
            None if cardinality.starts_with('1') => faults.push(format!("{path} is missing")),
            None => {}
            Some(Value::Array(items)) if many => {
                if items.is_empty() {
                    faults.push(format!("{path} is empty"));
                }
                for item in items {
                    one(&path, item, kind, bound, faults);
                }
            }
            Some(Value::Array(_)) => faults.push(format!("{path} is a list")),
            Some(_) if many => faults.push(format!("{path} is no list")),
            Some(item) => one(&path, item, kind, bound, faults),
        }
    }
}

fn one(path: &str, value: &Value, kind: &str, bound: &str, faults: &mut Vec<String>) {
    if let Some((_, elements)) = PARTS.iter().find(|(name, _)| *name == kind) {
        object(path, value, elements, faults);
        match (kind, value.as_object()) {
            ("Reference", Some(fields)) => reference(path, fields, bound, faults),
            ("Period", Some(fields)) => {
                let [start, end] =
                    ["start", "end"].map(|name| fields.get(name).and_then(Value::as_str));
                if start
                    .zip(end)
                    .is_some_and(|(start, end)| order(start, end).is_gt())
                {
                    faults.push(format!("{path} ends before it starts (per-1)"));
                }
            }
            ("CodeableConcept", Some(fields))
                if !fields.contains_key("coding") && !fields.contains_key("text") =>
            {
                faults.push(format!("{path} says nothing"));
            }
            _ => {}
        }
        return;
    }
    let text = value.as_str().unwrap_or_default();
    let fits = match kind {
        "id" => is_id(text),
        "code" => is_code(text) && (bound.is_empty() || bound.split(' ').any(|code| code == text)),
        "uri" => !text.is_empty() && !text.contains(char::is_whitespace),
        "string" => {
            !text.trim().is_empty()
                && text.len() < 1_048_576
                && !text.chars().any(|c| c < ' ' && !"\t\r\n".contains(c))
        }
        "dateTime" | "instant" => is_time(text),
        _ => false,
    };
    if !fits {
        faults.push(format!(
            "{path} is no {kind} of R4, or none of {bound:?}: {value}"
        ));
    }
}

/// What it points to is allowed here, and named by an id, by an identifier, or at least in words (ref-1 is about
/// contained resources, which we have not).
fn reference(path: &str, fields: &Map<String, Value>, targets: &str, faults: &mut Vec<String>) {
    let allowed = |kind: &str| targets.is_empty() || targets.split(' ').any(|one| one == kind);
    let told = fields.get("type").and_then(Value::as_str);
    if told.is_some_and(|kind| !allowed(kind)) {
        faults.push(format!(
            "{path} points to a {told:?}, which is none of {targets}"
        ));
    }
    match fields.get("reference").and_then(Value::as_str) {
        Some(literal) => {
            let mut parts = literal.rsplit('/');
            let (id, kind) = (
                parts.next().unwrap_or_default(),
                parts.next().unwrap_or_default(),
            );
            if !is_id(id) || !allowed(kind) || told.is_some_and(|told| told != kind) {
                faults.push(format!("{path} points to {literal}"));
            }
        }
        None if !fields.contains_key("identifier") && !fields.contains_key("display") => {
            faults.push(format!("{path} points to nothing"));
        }
        None => {}
    }
}

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// Words parted by single blanks.
fn is_code(text: &str) -> bool {
    !text.is_empty() && text == text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `YYYY-MM-DDThh:mm:ss[.s…]Z`: to the second at least, with a zone, as both types want it of us.
fn is_time(text: &str) -> bool {
    let Some(text) = text.strip_suffix('Z') else {
        return false;
    };
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    clock.len() == 19
        && digits(fraction)
        && clock.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        })
}

/// Of two UTC times; a missing fraction is none.
fn order(one: &str, other: &str) -> std::cmp::Ordering {
    let key = |text: &str| {
        let text = text.trim_end_matches('Z');
        let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
        format!("{clock}.{fraction:0<9}")
    };
    key(one).cmp(&key(other))
}
