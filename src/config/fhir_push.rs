//! FHIR servers that are told of alerts.

use std::path::PathBuf;

use wardline_normalize::fhir::alert::{Condition, References};

use super::Secret;
use super::reader::{self, Section};
use super::receivers::{self, Events};

/// A FHIR R4 server that keeps alerts as resources.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FhirPush {
    pub(crate) name: String,
    /// Its base, without a slash at its end.
    pub(crate) url: String,
    /// Sent as Bearer.
    pub(crate) token: Option<Secret>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) condition: Condition,
    /// How patients and devices are referred to.
    pub(crate) references: References,
    /// System of the patients' identifiers that the server knows.
    pub(crate) patient_system: Option<String>,
    pub(crate) events: Events,
}

pub(super) fn fhir_push(section: &Section<'_, '_>) -> FhirPush {
    let url = section.optional("url", receivers::base_url);
    if url.is_none() {
        section.missing("url");
    }
    let push = FhirPush {
        name: receivers::name(section),
        url: url.unwrap_or_default(),
        token: section.secret("token"),
        ca: section.optional("ca", reader::path),
        condition: section.take("condition", "DetectedIssue", |word| match word {
            "DetectedIssue" => Ok(Condition::DetectedIssue),
            "Flag" => Ok(Condition::Flag),
            _ => Err("DetectedIssue or Flag".to_owned()),
        }),
        references: section.take("references", "identifier", |word| match word {
            "literal" => Ok(References::Literal),
            "identifier" => Ok(References::Identifier),
            _ => Err("literal or identifier".to_owned()),
        }),
        patient_system: section.optional("patient-system", |text| {
            let is_uri = text.contains(':') && !text.contains(char::is_whitespace);
            let wrong = || "a URI such as urn:oid:1.2.3 or https://hospital.example/mrn".to_owned();
            is_uri.then(|| text.to_owned()).ok_or_else(wrong)
        }),
        events: section.take("events", "all", |word| match word {
            "all" => Ok(Events::All),
            "none" => Ok(Events::None),
            _ => Err("all or none: a record of pages alone would never be closed".to_owned()),
        }),
    };
    let insecure = section.take("insecure", "false", reader::flag);
    if !insecure && push.url.starts_with("http://") && !is_local(&push.url) {
        section.fault(
            "url",
            "is not https: patients' data would be read on the way (or insecure = true)",
        );
    }
    if let Some(Secret(token)) = &push.token
        && (token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        section.fault("token", "is empty or has characters that no header takes");
    }
    if push.patient_system.is_some() && push.references == References::Literal {
        section.fault("patient-system", "has no use with references = \"literal\"");
    }
    section.finish();
    push
}

fn is_local(url: &str) -> bool {
    let url = reqwest::Url::parse(url).ok();
    url.is_some_and(|url| url.host_str().is_some_and(receivers::is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read;

    fn config(text: &str) -> Result<Vec<FhirPush>, Vec<String>> {
        match read(text, &|_| None) {
            Ok(loaded) => Ok(loaded.config.fhir_pushes),
            Err(refused) => Err(refused.faults.into_iter().map(|fault| fault.key).collect()),
        }
    }

    #[test]
    fn a_server_with_its_defaults() {
        let text = "[[fhir-push]]\nname = \"ehr\"\nurl = \"https://ehr.example/fhir/R4/\"\ntoken = \"hush\"\n";
        let push = &config(text).unwrap()[0];
        assert_eq!(push.url, "https://ehr.example/fhir/R4");
        assert_eq!(
            (push.condition, push.references, push.events),
            (
                Condition::DetectedIssue,
                References::Identifier,
                Events::All
            )
        );
        let routed = format!("[routing]\nfile = \"r.toml\"\n{text}");
        let events = config(&routed).unwrap()[0].events;
        assert_eq!(events, Events::All, "a record hears all, whoever is called");
        assert!(!format!("{push:?}").contains("hush"));
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = "[[webhook]]\nname = \"ehr\"\nurl = \"https://x/\"\nsecret = \"s\"\n\
            [[fhir-push]]\nname = \"ehr\"\nurl = \"ehr.example\"\ntoken = \"a b\"\ncondition = \"Alert\"\n\
            references = \"both\"\npatient-system = \"mrn\"\nevents = \"pages\"\nsecret = \"s\"\n\
            [[fhir-push]]\nname = \"other\"\nurl = \"http://ehr.example/fhir\"\nreferences = \"literal\"\n\
            patient-system = \"urn:oid:1.2.3\"\n[[fhir-push]]\n";
        let mut keys = config(text).unwrap_err();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "fhir-push",
                "fhir-push[0].condition",
                "fhir-push[0].events",
                "fhir-push[0].patient-system",
                "fhir-push[0].references",
                "fhir-push[0].secret",
                "fhir-push[0].token",
                "fhir-push[0].url",
                "fhir-push[1].patient-system",
                "fhir-push[1].url",
                "fhir-push[2].name",
                "fhir-push[2].url",
            ]
        );
        let local = "[[fhir-push]]\nname = \"a\"\nurl = \"http://127.0.0.1:8080/fhir\"\n\
            [[fhir-push]]\nname = \"b\"\nurl = \"http://ehr.example/fhir\"\ninsecure = true\n";
        assert_eq!(config(local).unwrap().len(), 2);
    }
}
