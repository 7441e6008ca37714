//! Whatever a mapping says and a device sends, what comes out is an Observation by the rules of the base resource.

use super::*;
use crate::fhir::conformance::{base_faults, faults};
use crate::mapping::document::fhir::{
    CodeValueFhir, Coding, Component, Concept, PeriodInterval, ValueTemplate, ValueType,
};
use crate::mapping::measurement::Property;
use crate::mapping::ticks::Ticks;
use proptest::prelude::*;

/// Texts as mappings and devices have them: good ones, and what no FHIR string or code may be.
const TEXTS: [&str; 12] = [
    "hr",
    "heart rate",
    "two  blanks",
    " edges ",
    " ",
    "",
    "a\u{1}b",
    "line\nbreak",
    "72.50",
    "E",
    "1e3",
    "é",
];

fn any_text() -> impl Strategy<Value = String> {
    prop::sample::select(TEXTS.to_vec()).prop_map(str::to_owned)
}

fn any_option() -> impl Strategy<Value = Option<String>> {
    prop::option::of(any_text())
}

fn system() -> impl Strategy<Value = Option<String>> {
    let systems = vec!["http://loinc.org", "http://unitsofmeasure.org", "urn:x", ""];
    prop::option::of(prop::sample::select(systems).prop_map(str::to_owned))
}

prop_compose! {
    fn coding()(code in any_option(), system in system(), display in any_option()) -> Coding {
        Coding { code, system, display }
    }
}

fn codings() -> impl Strategy<Value = Vec<Coding>> {
    prop::collection::vec(coding(), 0..3)
}

fn kind() -> impl Strategy<Value = ValueType> {
    prop_oneof![
        (1.0..5000.0_f64, any_option())
            .prop_map(|(period_ms, unit)| ValueType::SampledData { period_ms, unit }),
        // A code without a system breaks qty-3; the mapping's author is told, and gets what he wrote.
        (any_option(), system(), any_option()).prop_map(|(unit, system, code)| {
            let named = system.as_deref().is_some_and(|system| !system.is_empty());
            let code = code.filter(|_| named);
            ValueType::Quantity { unit, system, code }
        }),
        (any_option(), codings())
            .prop_map(|(text, codes)| ValueType::CodeableConcept(Concept { text, codes })),
        Just(ValueType::String),
    ]
}

fn value() -> impl Strategy<Value = ValueTemplate> {
    (any_text(), kind()).prop_map(|(value_name, kind)| ValueTemplate {
        value_name,
        at: Default::default(),
        kind,
    })
}

prop_compose! {
    fn template()(
        type_name in any_text(),
        period in prop::sample::select(vec![PeriodInterval::Single, PeriodInterval::Hourly, PeriodInterval::CorrelationId]),
        category in prop::collection::vec((any_option(), codings()).prop_map(|(text, codes)| Concept { text, codes }), 0..2),
        codes in codings(),
        value in prop::option::of(value()),
        components in prop::collection::vec((codings(), value()).prop_map(|(codes, value)| Component { codes, value }), 0..3),
    ) -> CodeValueFhir {
        // A component with a code of the whole breaks obs-7 where the whole has a value.
        let code = |text: &str| words::code(text, Compat::Default).map(String::from);
        let codes_apart = |component: &Component| {
            component.codes.is_empty() && code(&component.value.value_name) != code(&type_name)
        };
        let components = components.into_iter().filter(|c| value.is_none() || codes_apart(c)).collect();
        CodeValueFhir { index: 0, at: Default::default(), type_name, period, category, codes, value, components }
    }
}

proptest! {
    #[test]
    fn every_observation_is_valid(
        template in template(),
        enrich in any::<bool>(),
        sent in prop::collection::vec((any_text(), any_text(), 0_i64..3, any_text(), any_option()), 1..4),
    ) {
        let type_name = template.type_name.clone();
        let options = Options { enrich, ..Options::default() };
        let document = FhirDocument { templates: vec![template] };
        let mapping = FhirMapping::from_document(document, "1").with_options(options);
        let properties: Vec<[Property<'_>; 1]> = sent
            .iter()
            .map(|(name, value, ..)| [Property { name, value }])
            .collect();
        let inputs: Vec<Input<'_>> = sent
            .iter()
            .zip(&properties)
            .zip(0..)
            .map(|(((_, _, time, device, patient), properties), order)| Input {
                measurement: Measurement {
                    type_name: &type_name,
                    occurrence: Ticks(17_953_524_000_000_000 + time * 1_234_567),
                    device_id: device,
                    patient_id: patient.as_deref(),
                    encounter_id: patient.as_deref(),
                    correlation_id: Some("c 1"),
                    properties,
                },
                received: 1_795_352_400_000_000,
                order,
            })
            .collect();
        let (observations, _) = observations(&inputs, &mapping, None);
        for observation in observations {
            prop_assert_eq!(base_faults(&observation.json), Vec::<String>::new(), "{}", observation.json);
        }
    }
}

fn loinc(code: &str) -> Vec<Coding> {
    vec![Coding {
        code: Some(code.to_owned()),
        system: Some(crate::fhir::LOINC.to_owned()),
        display: None,
    }]
}

fn quantity(name: &str, unit: &str) -> ValueTemplate {
    ValueTemplate {
        value_name: name.to_owned(),
        at: Default::default(),
        kind: ValueType::Quantity {
            unit: Some(unit.to_owned()),
            system: None,
            code: None,
        },
    }
}

/// What `enrich` claims holds: every profile's rules, for every vital sign of the vocabulary.
#[test]
fn enriched_vital_signs_keep_their_profiles() {
    let of = |code: &str, value, components| CodeValueFhir {
        index: 0,
        at: Default::default(),
        type_name: "t".to_owned(),
        period: PeriodInterval::Single,
        category: Vec::new(),
        codes: loinc(code),
        value,
        components,
    };
    let mut templates: Vec<CodeValueFhir> = crate::vocabulary::all()
        .iter()
        .filter(|metric| metric.panel.is_none() && metric.profile.is_some())
        .map(|metric| of(metric.loinc, Some(quantity("a", metric.unit)), Vec::new()))
        .collect();
    let part = |code: &str, name: &str| Component {
        codes: loinc(code),
        value: quantity(name, "mmHg"),
    };
    templates.push(of(
        "85354-9",
        None,
        vec![
            part("8480-6", "a"),
            part("8462-4", "b"),
            part("8478-0", "c"),
        ],
    ));
    assert!(templates.len() > 20);
    for template in templates {
        let code = template.codes[0].code.clone();
        let document = FhirDocument {
            templates: vec![template],
        };
        let options = Options {
            enrich: true,
            ..Options::default()
        };
        let mapping = FhirMapping::from_document(document, "1").with_options(options);
        let properties = ["a", "b"].map(|name| Property {
            name,
            value: "70.5",
        });
        let input = Input {
            measurement: Measurement {
                type_name: "t",
                occurrence: Ticks(17_953_524_000_000_000),
                device_id: "d",
                patient_id: Some("p"),
                encounter_id: None,
                correlation_id: None,
                properties: &properties,
            },
            received: 1_795_352_400_000_000,
            order: 0,
        };
        let (made, problems) = observations(&[input], &mapping, None);
        assert_eq!(problems, []);
        assert_eq!(faults(&made[0].json), [""; 0], "{code:?} {}", made[0].json);
    }
}
