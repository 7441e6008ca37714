//! What a device mapping makes of an event (specification 1.9): strings, in template order.

use super::ticks::Ticks;

/// One normalised measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement<'a> {
    /// The template's `typeName`: the join key to the FHIR mapping.
    pub type_name: &'a str,
    pub occurrence: Ticks,
    /// As the event names it.
    pub device_id: &'a str,
    pub patient_id: Option<&'a str>,
    pub encounter_id: Option<&'a str>,
    pub correlation_id: Option<&'a str>,
    pub properties: &'a [Property<'a>],
}

/// A named value of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'a> {
    pub name: &'a str,
    pub value: &'a str,
}

impl Measurement<'_> {
    /// One JSON object, no line end: `{type, occurrenceTime, deviceId, patientId, encounterId, correlationId,
    /// properties: [{name, value}]}`; absent ids are null, the time is RFC 3339 in UTC.
    pub fn to_json(&self, out: &mut Vec<u8>) {
        text(out, b"{\"type\":", self.type_name);
        text(out, b",\"occurrenceTime\":", &self.occurrence.format());
        text(out, b",\"deviceId\":", self.device_id);
        optional(out, b",\"patientId\":", self.patient_id);
        optional(out, b",\"encounterId\":", self.encounter_id);
        optional(out, b",\"correlationId\":", self.correlation_id);
        out.extend_from_slice(b",\"properties\":[");
        for (i, property) in self.properties.iter().enumerate() {
            let lead: &[u8] = if i == 0 {
                b"{\"name\":"
            } else {
                b",{\"name\":"
            };
            text(out, lead, property.name);
            text(out, b",\"value\":", property.value);
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }
}

fn text(out: &mut Vec<u8>, lead: &[u8], text: &str) {
    out.extend_from_slice(lead);
    serde_json::to_writer(out, text).expect("a string into memory");
}

fn optional(out: &mut Vec<u8>, lead: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        text(out, lead, value);
    } else {
        out.extend_from_slice(lead);
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_as_one_line() {
        let mut out = Vec::new();
        let mut measurement = Measurement {
            type_name: "heart\"rate",
            occurrence: Ticks::parse("2026-01-05T10:00:00.5+01:00").unwrap(),
            device_id: "dev-1",
            patient_id: Some("p\n1"),
            encounter_id: None,
            correlation_id: Some(""),
            properties: &[
                Property {
                    name: "hr",
                    value: "72",
                },
                Property {
                    name: "°C",
                    value: "",
                },
            ],
        };
        measurement.to_json(&mut out);
        let expected = concat!(
            r#"{"type":"heart\"rate","occurrenceTime":"2026-01-05T09:00:00.5Z","deviceId":"dev-1","#,
            r#""patientId":"p\n1","encounterId":null,"correlationId":"","#,
            r#""properties":[{"name":"hr","value":"72"},{"name":"°C","value":""}]}"#
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        measurement.properties = &[];
        let mut out = Vec::new();
        measurement.to_json(&mut out);
        assert!(out.ends_with(br#""properties":[]}"#));
    }
}
