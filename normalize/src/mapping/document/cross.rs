//! What a device mapping and a FHIR mapping say of each other (specification 3.1: the offline validator's warnings).

use super::device::DeviceDocument;
use super::fhir::{CodeValueFhir, FhirDocument, ValueTemplate};
use super::{At, Document, Fault, Severity};

/// Warns of types and names of values that do not meet. Names of types have no case, names of values have. Both the
/// value and the components of a FHIR template count, which is more than the original's validator looks at.
#[must_use]
pub fn cross_check(device: &DeviceDocument, fhir: &FhirDocument) -> Vec<Fault> {
    let mut faults = Vec::new();
    for template in &device.templates {
        let path = format!("template[{}].template", template.index);
        let Some(meets) = fhir
            .templates
            .iter()
            .find(|t| same(&t.type_name, &template.type_name))
        else {
            let message = format!(
                "no FHIR template has typeName `{}`: its measurements become no Observation",
                template.type_name
            );
            faults.push(warning(
                Document::Device,
                template.at,
                &format!("{path}.typeName"),
                message,
            ));
            continue;
        };
        for (i, value) in template.values.iter().enumerate() {
            if reads(meets).all(|(_, read)| read.value_name != value.name) {
                let near = near(
                    &value.name,
                    reads(meets).map(|(_, read)| read.value_name.as_str()),
                );
                let message = format!(
                    "the FHIR template `{}` does not read `{}`{near}",
                    meets.type_name, value.name
                );
                let path = format!("{path}.values[{i}].valueName");
                faults.push(warning(Document::Device, value.at, &path, message));
            }
        }
    }
    for template in &fhir.templates {
        let path = format!("template[{}].template", template.index);
        let gives: Vec<_> = device
            .templates
            .iter()
            .filter(|t| same(&t.type_name, &template.type_name))
            .collect();
        if gives.is_empty() {
            let message = format!("no device template gives typeName `{}`", template.type_name);
            faults.push(warning(
                Document::Fhir,
                template.at,
                &format!("{path}.typeName"),
                message,
            ));
            continue;
        }
        let names = || {
            gives
                .iter()
                .flat_map(|t| &t.values)
                .map(|value| value.name.as_str())
        };
        for (place, read) in reads(template) {
            if names().all(|name| name != read.value_name) {
                let near = near(&read.value_name, names());
                let message = format!(
                    "no device template of `{}` gives `{}`{near}",
                    template.type_name, read.value_name
                );
                faults.push(warning(
                    Document::Fhir,
                    read.at,
                    &format!("{path}.{place}.valueName"),
                    message,
                ));
            }
        }
    }
    faults
}

/// The values that a FHIR template reads, with their places in it.
fn reads(template: &CodeValueFhir) -> impl Iterator<Item = (String, &ValueTemplate)> {
    let value = template
        .value
        .iter()
        .map(|value| ("value".to_owned(), value));
    let components = template.components.iter().enumerate();
    value.chain(
        components.map(|(i, component)| (format!("components[{i}].value"), &component.value)),
    )
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn near<'n>(name: &str, mut others: impl Iterator<Item = &'n str>) -> String {
    let other = others.find(|other| same(other, name));
    other.map_or_else(String::new, |other| {
        format!("; names of values have case: `{other}`")
    })
}

fn warning(document: Document, at: At, path: &str, message: String) -> Fault {
    Fault {
        severity: Severity::Warning,
        document,
        line: at.line,
        column: at.column,
        path: path.to_owned(),
        message,
    }
}
