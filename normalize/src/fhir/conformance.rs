//! Strict checkers for tests: [`base_faults`] has the rules of FHIR JSON and of the Observation resource (R4 4.0.1),
//! [`faults`] the vital-signs profiles as clinical.md 2.1 has them and what all our own Observations have beside.
//! Written from the specification, not from the projections.

use serde_json::{Map, Value};

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";

/// LOINC code, profile, allowed UCUM codes.
const VITAL_SIGNS: [(&str, &str, &[&str]); 9] = [
    ("8867-4", "heartrate", &["/min"]),
    ("9279-1", "resprate", &["/min"]),
    ("2708-6", "oxygensat", &["%"]),
    ("8310-5", "bodytemp", &["Cel", "[degF]"]),
    ("29463-7", "bodyweight", &["kg", "g", "[lb_av]"]),
    ("8302-2", "bodyheight", &["cm", "[in_i]"]),
    ("9843-4", "headcircum", &["cm", "[in_i]"]),
    ("39156-5", "bmi", &["kg/m2"]),
    ("85354-9", "bp", &[]),
];

const TOP: [&str; 25] = [
    "resourceType",
    "id",
    "meta",
    "extension",
    "identifier",
    "status",
    "category",
    "code",
    "subject",
    "encounter",
    "effectiveDateTime",
    "effectivePeriod",
    "issued",
    "valueQuantity",
    "valueCodeableConcept",
    "valueBoolean",
    "valueString",
    "valueSampledData",
    "dataAbsentReason",
    "interpretation",
    "note",
    "bodySite",
    "method",
    "device",
    "component",
];

type Object = Map<String, Value>;

/// What breaks a rule of the base resource.
pub(crate) fn base_faults(json: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let value: Value = serde_json::from_str(json).unwrap();
    no_empties(&value, "Observation", &mut faults);
    let observation = value.as_object().unwrap();
    let mut need = |truth: bool, what: &str| {
        if !truth {
            faults.push(what.to_owned());
        }
    };
    for key in observation.keys() {
        need(
            TOP.contains(&key.as_str()),
            &format!("unknown element {key}"),
        );
    }
    need(
        text(observation, "resourceType") == "Observation",
        "resourceType",
    );
    need(is_id(text(observation, "id")), "id");
    need(
        [
            "registered",
            "preliminary",
            "final",
            "amended",
            "corrected",
            "cancelled",
            "entered-in-error",
            "unknown",
        ]
        .contains(&text(observation, "status")),
        "status is required and from the value set",
    );
    need(is_concept(observation.get("code")), "code");
    for (name, kind) in [
        ("subject", "Patient"),
        ("device", "Device"),
        ("encounter", "Encounter"),
    ] {
        let reference = observation.get(name);
        need(reference.is_none() || is_reference(reference, kind), name);
    }
    need(
        list(observation, "identifier")
            .iter()
            .all(|i| i["value"].is_string()),
        "identifier.value",
    );
    need(
        observation
            .get("issued")
            .is_none_or(|_| is_instant(text(observation, "issued"))),
        "issued",
    );
    let period = observation.get("effectivePeriod");
    let date_time = observation.get("effectiveDateTime");
    need(
        period.is_none() || date_time.is_none(),
        "one effective[x] at most",
    );
    need(
        date_time.is_none_or(|t| is_instant(t.as_str().unwrap())),
        "effectiveDateTime",
    );
    need(
        period.is_none_or(|p| {
            let [start, end] = ["start", "end"].map(|name| p[name].as_str().unwrap_or_default());
            is_instant(start)
                && is_instant(end)
                && crate::time::parse_rfc3339(start) <= crate::time::parse_rfc3339(end)
        }),
        "effectivePeriod",
    );
    for name in ["category", "interpretation"] {
        need(
            list(observation, name).iter().all(|c| is_concept(Some(c))),
            name,
        );
    }
    for name in ["bodySite", "method"] {
        need(
            observation.get(name).is_none_or(|c| is_concept(Some(c))),
            name,
        );
    }
    for extension in list(observation, "extension") {
        need(
            is_reference(extension.get("valueReference"), "Device"),
            "extension",
        );
    }
    check_value(observation, "Observation", &mut need);
    let own = codings(observation);
    for component in list(observation, "component") {
        let component = component.as_object().unwrap();
        need(is_concept(component.get("code")), "component.code");
        need(
            values(observation) == 0 || !codings(component).iter().any(|c| own.contains(c)),
            "obs-7",
        );
        check_value(component, "component", &mut need);
    }
    faults
}

/// Every fault of an Observation of ours; none when it conforms.
pub(crate) fn faults(json: &str) -> Vec<String> {
    let mut faults = base_faults(json);
    let value: Value = serde_json::from_str(json).unwrap();
    let observation = value.as_object().unwrap();
    let mut need = |truth: bool, what: &str| {
        if !truth {
            faults.push(what.to_owned());
        }
    };
    for name in ["subject", "device", "identifier", "issued"] {
        need(observation.contains_key(name), name);
    }
    need(
        observation.contains_key("effectiveDateTime")
            || observation.contains_key("effectivePeriod"),
        "effective[x]",
    );
    let components = list(observation, "component");
    let holders = || components.iter().filter_map(Value::as_object);
    need(
        holders()
            .chain([observation])
            .all(|holder| codings(holder).iter().all(|(system, _)| !system.is_empty())),
        "every code names its system",
    );
    let is_ucum = |holder: &Object| {
        holder.get("valueQuantity").is_none_or(|quantity| {
            quantity["system"] != UCUM
                || quantity["code"]
                    .as_str()
                    .is_some_and(|code| octofhir_ucum::validate(code).is_ok())
        })
    };
    need(
        holders().chain([observation]).all(is_ucum),
        "quantity.code is UCUM",
    );
    vital_signs(observation, components, &mut need);
    faults
}

/// System and code of every coding of `code`.
fn codings(holder: &Object) -> Vec<(String, String)> {
    let part = |coding: &Value, name: &str| coding[name].as_str().unwrap_or_default().to_owned();
    list(holder["code"].as_object().unwrap(), "coding")
        .iter()
        .map(|coding| (part(coding, "system"), part(coding, "code")))
        .collect()
}

fn vital_signs(observation: &Object, components: &[Value], need: &mut impl FnMut(bool, &str)) {
    let codes = loinc(observation);
    let profiles: Vec<_> = VITAL_SIGNS
        .iter()
        .filter(|(code, ..)| codes.contains(code))
        .collect();
    let claimed: Vec<&str> = observation["meta"]["profile"]
        .as_array()
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let is_vital = list(observation, "category").iter().any(|category| {
        list(category.as_object().unwrap(), "coding")
            .iter()
            .any(|coding| {
                coding["system"] == "http://terminology.hl7.org/CodeSystem/observation-category"
                    && coding["code"] == "vital-signs"
            })
    });
    need(
        claimed.len() == profiles.len(),
        "a profile is claimed exactly where a code demands it",
    );
    for (code, profile, units) in profiles {
        need(
            claimed == [format!("http://hl7.org/fhir/StructureDefinition/{profile}")],
            "meta.profile",
        );
        need(is_vital, "VSCat");
        need(
            values(observation) == usize::from(observation.contains_key("valueQuantity")),
            "value[x] is closed: Quantity",
        );
        if *code == "85354-9" {
            for part in ["8480-6", "8462-4"] {
                let found: Vec<_> = components
                    .iter()
                    .filter(|c| loinc(c.as_object().unwrap()).contains(&part))
                    .collect();
                need(found.len() == 1, "systolic and diastolic once each");
                for component in found {
                    let component = component.as_object().unwrap();
                    need(
                        values(component) == usize::from(component.contains_key("valueQuantity")),
                        "component value",
                    );
                    need(
                        is_vital_quantity(component, &["mm[Hg]"]),
                        "component quantity",
                    );
                }
            }
        } else {
            need(is_vital_quantity(observation, units), "vital sign quantity");
        }
    }
    if is_vital {
        // vs-2 and vs-3.
        let has = |o: &Object| values(o) == 1 || o.contains_key("dataAbsentReason");
        need(!components.is_empty() || has(observation), "vs-2");
        need(
            components.iter().all(|c| has(c.as_object().unwrap())),
            "vs-3",
        );
    }
}

fn is_vital_quantity(holder: &Object, units: &[&str]) -> bool {
    holder.get("valueQuantity").is_none_or(|quantity| {
        quantity["value"].is_number()
            && quantity["unit"].is_string()
            && quantity["system"] == UCUM
            && units.contains(&quantity["code"].as_str().unwrap_or_default())
    })
}

fn check_value(holder: &Object, what: &str, need: &mut impl FnMut(bool, &str)) {
    let count = values(holder);
    need(count <= 1, &format!("{what}: one value[x]"));
    let absent = holder.get("dataAbsentReason");
    need(count == 0 || absent.is_none(), &format!("{what}: obs-6"));
    need(
        absent.is_none_or(|c| is_concept(Some(c))),
        "dataAbsentReason",
    );
    if let Some(quantity) = holder.get("valueQuantity") {
        need(quantity["value"].is_number(), "quantity.value");
        // qty-3.
        need(
            quantity.get("code").is_none() || quantity.get("system").is_some(),
            "qty-3",
        );
    }
    if let Some(quantity) = holder.get("valueQuantity") {
        need(
            quantity.get("code").is_none_or(is_code) && quantity.get("system").is_none_or(is_uri),
            "quantity.code and system",
        );
    }
    if let Some(sampled) = holder.get("valueSampledData") {
        need(
            sampled["origin"]["value"].is_number()
                && sampled["period"]
                    .as_f64()
                    .is_some_and(|period| period > 0.0)
                && sampled["dimensions"].as_u64().is_some_and(|n| n > 0),
            "SampledData: origin, period, dimensions",
        );
        // Whether samples are decimals is for who wrote them: the type of `data` is string.
        need(
            sampled.get("data").is_none_or(|data| {
                data.as_str()
                    .is_some_and(|d| d.split(' ').all(|w| !w.is_empty()))
            }),
            "SampledData: one blank between samples",
        );
    }
    if let Some(concept) = holder.get("valueCodeableConcept") {
        need(is_concept(Some(concept)), "valueCodeableConcept");
    }
}

fn values(holder: &Object) -> usize {
    holder.keys().filter(|key| key.starts_with("value")).count()
}

fn loinc(holder: &Object) -> Vec<&str> {
    list(holder["code"].as_object().unwrap(), "coding")
        .iter()
        .filter(|coding| coding["system"] == LOINC)
        .filter_map(|coding| coding["code"].as_str())
        .collect()
}

/// Nothing null, empty or blank anywhere (FHIR JSON).
fn no_empties(value: &Value, path: &str, faults: &mut Vec<String>) {
    let empty = match value {
        Value::Null => true,
        Value::String(text) => {
            text.trim().is_empty() || text.chars().any(|c| c < ' ' && !"\t\r\n".contains(c))
        }
        Value::Array(items) => {
            items.iter().for_each(|item| no_empties(item, path, faults));
            items.is_empty()
        }
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, item)| no_empties(item, &format!("{path}.{name}"), faults));
            fields.is_empty()
        }
        _ => false,
    };
    if empty {
        faults.push(format!("{path} is empty"));
    }
}

fn is_concept(value: Option<&Value>) -> bool {
    let Some(concept) = value.and_then(Value::as_object) else {
        return false;
    };
    let codings = list(concept, "coding");
    let valid = codings.iter().all(|coding| {
        coding.get("system").is_none_or(is_uri) && coding.get("code").is_none_or(is_code)
    });
    valid && (!codings.is_empty() || concept.contains_key("text"))
}

/// Words parted by single blanks.
fn is_code(value: &Value) -> bool {
    value.as_str().is_some_and(|code| {
        !code.is_empty() && code == code.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

fn is_uri(value: &Value) -> bool {
    value.as_str().is_some_and(|uri| {
        let scheme = ["http://", "https://", "urn:"];
        scheme.iter().any(|start| uri.starts_with(start)) && !uri.contains(char::is_whitespace)
    })
}

/// Literal with an id, or logical with an identifier; of this type where it says which.
fn is_reference(value: Option<&Value>, kind: &str) -> bool {
    let Some(reference) = value.and_then(Value::as_object) else {
        return false;
    };
    let of_kind = reference.get("type").is_none_or(|known| known == kind);
    match reference.get("reference") {
        Some(text) => {
            of_kind
                && text
                    .as_str()
                    .unwrap()
                    .rsplit_once('/')
                    .is_some_and(|(start, id)| start.ends_with(kind) && is_id(id))
        }
        None => of_kind && reference["identifier"]["value"].is_string(),
    }
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b))
}

/// `YYYY-MM-DDThh:mm:ss[.sss]Z`.
fn is_instant(text: &str) -> bool {
    let (date, rest) = text.split_at_checked(19).unwrap_or_default();
    let shape = date.bytes().enumerate().all(|(i, b)| match i {
        4 | 7 => b == b'-',
        10 => b == b'T',
        13 | 16 => b == b':',
        _ => b.is_ascii_digit(),
    });
    let fraction = rest
        .strip_suffix('Z')
        .map(|f| f.strip_prefix('.').unwrap_or(f));
    date.len() == 19 && shape && fraction.is_some_and(|f| f.bytes().all(|b| b.is_ascii_digit()))
}

fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(object: &'a Object, name: &str) -> &'a [Value] {
    object
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

#[test]
fn the_checker_finds_faults() {
    let good = r#"{"resourceType":"Observation","id":"a","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/heartrate"]},
        "identifier":[{"value":"a"}],"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
        "code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p"},"device":{"reference":"Device/d"},
        "effectiveDateTime":"2026-11-22T13:00:00Z","issued":"2026-11-22T13:00:00.5Z",
        "valueQuantity":{"value":72,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}"#;
    assert_eq!(faults(good), [""; 0]);
    for (from, to) in [
        ("\"code\":\"/min\"", "\"code\":\"{beats}/min\""),
        ("\"status\":\"final\",", ""),
        ("vital-signs", "exam"),
        ("heartrate", "bodytemp"),
        ("\"unit\":\"/min\",", ""),
        ("Patient/p", "Patient/"),
        ("\"id\":\"a\"", "\"id\":\"\""),
        ("8867-4", "85354-9"),
        ("\"value\":72", "\"value\":\"72\""),
        ("22T13:00:00Z", "22"),
    ] {
        assert!(good.contains(from));
        assert!(!faults(&good.replacen(from, to, 1)).is_empty(), "{from}");
    }
}
