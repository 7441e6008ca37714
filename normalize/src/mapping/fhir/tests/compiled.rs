//! Documents to Observations.

use super::*;

const DOCUMENT: &str = r#"{
  "templateType": "CollectionFhirTemplate",
  "template": [{
    "templateType": "CodeValueFhir",
    "template": {
      "typeName": "bp",
      "periodInterval": 60,
      "category": [{"text": "Vital", "codes": [{"code": "vital-signs", "system": "urn:c", "display": "V"}]}],
      "codes": [{"code": "85354-9", "system": "http://loinc.org", "display": "Panel"}],
      "components": [
        {
          "codes": [{"code": "8480-6", "system": "http://loinc.org", "display": "Systolic"}],
          "value": {"valueType": "quantity", "valueName": "s", "unit": "mmHg"}
        },
        {
          "codes": [{"code": "p", "system": "urn:p", "display": "Pulse"}],
          "value": {"valueType": "SampledData", "valueName": "w", "defaultPeriod": PERIOD, "unit": "mV"}
        }
      ]
    }
  }]
}"#;

#[test]
fn a_document_as_it_stands() {
    let text = DOCUMENT.replace("PERIOD", "1800000");
    let mapping = FhirMapping::compile(&text).unwrap();
    assert_eq!(mapping.version().len(), 12);
    assert_eq!(mapping.options(), Options::default());
    let readings = [
        reading("10:00:00", &[("s", "120"), ("w", "1")]).of("BP"),
        reading("10:40:00", &[("s", "121"), ("w", "2")]).of("bp"),
    ];
    let made = one(&readings, &mapping);
    assert_eq!(made["category"][0]["text"], "Vital");
    assert_eq!(made["code"]["text"], "bp");
    assert_eq!(
        made["component"][0]["valueQuantity"],
        json!({"value": 121, "unit": "mmHg"})
    );
    assert_eq!(made["component"][1]["valueSampledData"]["data"], "1 2");
    assert_eq!(
        made["component"][1]["valueSampledData"]["period"],
        1_800_000
    );
}

#[test]
fn periods_that_no_observation_holds_are_faults() {
    for (period, fault) in [("0.1", "too short"), ("0.00001", "at least")] {
        let text = DOCUMENT.replace("PERIOD", period);
        let faults = FhirMapping::compile(&text).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].message.contains(fault), "{faults:?}");
        assert_eq!(faults[0].line, 17);
        assert_eq!(faults[0].path, "template[0].template.components[1].value");
    }
    let faults = FhirMapping::compile("{").unwrap_err();
    assert!(!faults.is_empty());
}
