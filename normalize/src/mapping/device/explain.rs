//! The compiled plan, for people.

use std::fmt::Write;

use super::DeviceMapping;
use super::plan::{Code, MATCHED, Part, Place, Role, Template};
use crate::mapping::document::device::TemplateKind;

impl DeviceMapping {
    /// The plan as text: every template, what its expressions became and where they run.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut out = String::new();
        let templates = self.templates.len();
        let _infallible = writeln!(
            out,
            "device mapping {}: {templates} template(s), {} shared result(s)",
            self.version, self.slots
        );
        for template in &self.templates {
            let _infallible = writeln!(
                out,
                "template[{}] {} ({})",
                template.index,
                template.type_name,
                template.kind.as_str()
            );
            for (part, note) in parts(template) {
                let _infallible = writeln!(out, "  {}", line(template, part, &note));
            }
        }
        out
    }
}

/// All expressions in the order in which they run, with what is particular to them.
fn parts(template: &Template) -> Vec<(&Part, String)> {
    let mut parts = vec![
        (&template.type_match, String::new()),
        (&template.device_id, String::new()),
    ];
    for (i, part) in template.timestamps.iter().enumerate() {
        parts.push((
            part,
            if i == 0 {
                String::new()
            } else {
                " (if there is none before)".to_owned()
            },
        ));
    }
    let ids = [
        &template.correlation_id,
        &template.patient_id,
        &template.encounter_id,
    ];
    parts.extend(ids.into_iter().flatten().map(|part| (part, String::new())));
    for value in &template.values {
        let required = if value.required { " (required)" } else { "" };
        parts.push((&value.part, format!(" {}{required}", value.name)));
    }
    parts
}

fn line(template: &Template, part: &Part, note: &str) -> String {
    let root = match part.place {
        _ if part.role == Role::TypeMatch => "event",
        Place::Token if template.kind == TemplateKind::Calculated => MATCHED,
        Place::Token => "token",
        Place::Event(_) => "event",
        Place::Scoped => "event + matchedToken",
    };
    let code = match &part.code {
        Code::Names(names) => names
            .iter()
            .fold(root.to_owned(), |path, name| format!("{path} > {name}")),
        Code::Path(path) => format!("{root}: {path}"),
        // A tree of several lines.
        Code::JmesPath(expression) => {
            format!(
                "{root}: {}",
                expression.explain().trim_end().replace('\n', "\n    ")
            )
        }
    };
    let kept = match part.place {
        Place::Event(Some(slot)) => format!(" [once per event, result {slot}]"),
        _ => String::new(),
    };
    format!(
        "{}{note}: {} `{}`{kept} = {code}",
        part.role.as_str(),
        part.language.as_str(),
        part.text
    )
}
