//! One case through the real program.

use std::path::Path;

use serde_json::Value;

use super::case::Case;
use super::compare;
use crate::harness::cli::{Cli, Ran, cli};

/// Runs a case in a directory; gives what is wrong with the result.
pub(crate) fn run(case: &Case, dir: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    for member in ["device", "fhir"] {
        if let Some(text) = case.document(member) {
            std::fs::write(dir.join(format!("{member}.json")), text).unwrap();
        }
    }
    if let Some(faults) = case.list("faults") {
        wrong.extend(check(case, &faults, dir));
    }
    if case.is("refused") {
        wrong.extend(refusal(case, dir));
    }
    for (member, form) in [("measurements", "measurements"), ("observations", "fhir")] {
        if let Some(want) = case.list(member) {
            wrong.extend(normalize(case, &want, form, dir));
        }
    }
    wrong
}

/// `mapping check` on the documents of the case.
fn check(case: &Case, want: &[Value], dir: &Path) -> Vec<String> {
    let mut command = cli(&["mapping", "check"]);
    for member in ["device", "fhir"] {
        if case.document(member).is_some() {
            command = command.arg(format!("{member}.json"));
        }
    }
    let ran = command.arg("--format").arg("json").within(dir).run();
    let Ok(Value::Array(found)) = serde_json::from_str(&ran.out) else {
        return vec![format!(
            "no findings: exit {}: {}{}",
            ran.code, ran.out, ran.talk
        )];
    };
    let mut wrong = compare::faults(want, &found);
    let errors = found.iter().any(|found| found["severity"] == "error");
    if ran.code != i32::from(errors) {
        wrong.push(format!("exit {} of mapping check", ran.code));
    }
    wrong
}

fn command(case: &Case, dir: &Path) -> Cli {
    let mut command = cli(&["normalize", "--device-mapping", "device.json"]).within(dir);
    if case.document("fhir").is_some() {
        command = command.arg("--fhir-mapping").arg("fhir.json");
    }
    if let Some(compat) = case.text("compat") {
        command = command.arg("--compat").arg(compat);
    }
    for arg in case.list("args").unwrap_or_default() {
        command = command.arg(arg.as_str().unwrap());
    }
    command.input(case.input().unwrap_or_default())
}

/// A mapping with faults is not used: no output, a word about why, and no exit as if all were well.
fn refusal(case: &Case, dir: &Path) -> Vec<String> {
    let Ran { code, out, talk } = command(case, dir).run();
    if [1, 2, 64].contains(&code) && out.is_empty() && !talk.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "a faulty mapping was used: exit {code}: {out}{talk}"
    )]
}

/// `normalize` with the events of the case.
fn normalize(case: &Case, want: &[Value], form: &str, dir: &Path) -> Vec<String> {
    let mut command = command(case, dir).arg("--errors").arg("errors.ndjson");
    // The form that the program chooses by itself is not asked for.
    if form == "measurements" && case.document("fhir").is_some() {
        command = command.arg("--to").arg(form);
    }
    let ran = command.run();
    if ran.code != 0 {
        return vec![format!("exit {}: {}{}", ran.code, ran.out, ran.talk)];
    }
    let (Some(got), Some(rejects)) = (
        lines(&ran.out),
        std::fs::read_to_string(dir.join("errors.ndjson"))
            .ok()
            .and_then(|text| lines(&text)),
    ) else {
        return vec![format!("no NDJSON: {}", ran.out)];
    };
    let mut wrong = if form == "fhir" {
        let strict = case.text("compat").as_deref() == Some("strict");
        let mut wrong = compare::observations(want, &got, case.is("anyOrder"));
        wrong.extend(compare::derived_ids(&got, !strict));
        wrong
    } else {
        compare::exact(want, &got)
    };
    wrong.extend(compare::rejects(case.value("rejects").as_ref(), &rejects));
    for part in case.list("contains").unwrap_or_default() {
        if !ran.out.contains(part.as_str().unwrap()) {
            wrong.push(format!("no {part} in {}", ran.out));
        }
    }
    wrong
}

fn lines(text: &str) -> Option<Vec<Value>> {
    text.lines()
        .map(|line| serde_json::from_str(line).ok())
        .collect()
}
