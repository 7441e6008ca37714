//! What a mapping makes of one event, for its author.

use std::fmt::Write as _;

use bumpalo::Bump;
use wardline_normalize::mapping::Budget;
use wardline_normalize::mapping::device::{MatchTrace, Step, TemplateTrace};
use wardline_normalize::mapping::fhir::{Input, observations};
use wardline_normalize::mapping::jmespath::Scope;
use wardline_normalize::mapping::measurement::Measurement;
use wardline_normalize::mapping::parse::{ParseOptions, parse};
use wardline_normalize::mapping::route::RouteMapping;
use wardline_normalize::time::Micros;

/// The report, and whether the event is taken.
pub(super) fn trial(
    mapping: &RouteMapping,
    event: &[u8],
    patient: Option<&str>,
    received: Micros,
) -> (String, bool) {
    let arena = Bump::new();
    let compat = mapping.options.compat;
    let mut out = String::new();
    let good = match parse(event, &arena, ParseOptions { compat }) {
        Err(error) => {
            say(&mut out, 1, &format!("not taken: undecodable: {error}"));
            false
        }
        Ok(value) => {
            let scope = Scope {
                arena: &arena,
                compat,
            };
            match mapping.device.trace(value, &scope, &mut Budget::default()) {
                Err(error) => {
                    say(&mut out, 1, &format!("not taken: {error}"));
                    false
                }
                Ok(traces) => {
                    traces.iter().for_each(|trace| template(&mut out, trace));
                    outcome(&mut out, mapping, event, patient, received)
                }
            }
        }
    };
    (out, good)
}

fn say(out: &mut String, depth: usize, text: &str) {
    writeln!(out, "{:1$}{text}", "", depth * 2).expect("writing to a string cannot fail");
}

fn template(out: &mut String, trace: &TemplateTrace<'_>) {
    let TemplateTrace {
        template,
        type_name,
        kind,
        ..
    } = trace;
    let matched = match trace.matches.len() {
        0 => "no match",
        1 => "1 match",
        _ => "several matches",
    };
    say(
        out,
        1,
        &format!("template[{template}] {type_name} ({kind}): {matched}"),
    );
    step(out, 2, &trace.type_match);
    for one in &trace.matches {
        self::matched(out, one);
    }
}

fn matched(out: &mut String, one: &MatchTrace<'_>) {
    say(out, 2, &format!("token {}", one.token));
    one.steps.iter().for_each(|given| step(out, 3, given));
    if let Err(error) = &one.measurement {
        say(out, 3, &format!("fails: {}", error.detail));
    }
}

fn step(out: &mut String, depth: usize, step: &Step<'_>) {
    let value = match &step.value {
        Ok(Some(value)) => value.clone(),
        Ok(None) => "nothing".to_owned(),
        Err(error) => format!("error: {error}"),
    };
    let (role, language, text) = (&step.role, step.language, step.text);
    say(
        out,
        depth,
        &format!("{role} ({language}) {text}  ->  {value}"),
    );
}

/// What `normalize` would print for the event alone.
fn outcome(
    out: &mut String,
    mapping: &RouteMapping,
    event: &[u8],
    patient: Option<&str>,
    received: Micros,
) -> bool {
    let arena = Bump::new();
    let measurements = match mapping.measurements(event, &arena) {
        Ok(measurements) => measurements,
        Err((reason, detail)) => {
            say(out, 1, &format!("not taken: {}: {detail}", reason.as_str()));
            return false;
        }
    };
    if let Err((reason, detail)) = measurements.iter().try_for_each(|each| mapping.fits(each)) {
        say(out, 1, &format!("not taken: {}: {detail}", reason.as_str()));
        return false;
    }
    for measurement in &measurements {
        say(out, 1, &format!("measurement {}", line(measurement)));
    }
    let Some(fhir) = &mapping.fhir else {
        return true;
    };
    let inputs: Vec<Input<'_>> = (0_u64..)
        .zip(&measurements)
        .map(|(order, measurement)| Input {
            measurement: *measurement,
            received,
            order,
        })
        .collect();
    let (made, problems) = observations(&inputs, fhir, patient);
    for observation in made {
        say(out, 1, &format!("observation {}", observation.json));
    }
    for problem in &problems {
        let reason = problem.reason.reject().as_str();
        say(
            out,
            1,
            &format!("no observation: {reason}: {}", problem.detail),
        );
    }
    problems.is_empty()
}

fn line(measurement: &Measurement<'_>) -> String {
    let mut json = Vec::new();
    measurement.to_json(&mut json);
    String::from_utf8_lossy(&json).into_owned()
}
