//! `wardline rules score`: NDJSON inputs on stdin, scores on stdout, one a line.

use std::io::BufRead as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use wardline_rules::{Given, Score};

use crate::commands::read;
use crate::exit::Exit;
use crate::output;

pub(super) fn run(table: &str) -> anyhow::Result<Exit> {
    let Some(score) = find(table)? else {
        return Ok(Exit::Usage);
    };
    let mut faults = 0;
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        match inputs(&score, &line) {
            Ok(inputs) => output::line(&evaluated(&score, &inputs).to_string())?,
            Err(fault) => {
                faults += 1;
                output::talk(&format!("line {number}: {fault}"));
            }
        }
    }
    Ok(if faults == 0 {
        Exit::Done
    } else {
        Exit::Problems
    })
}

/// A shipped table by its id, else a file.
fn find(table: &str) -> anyhow::Result<Option<Score>> {
    if let Some(score) = Score::shipped(table) {
        return Ok(Some(score));
    }
    let path = Path::new(table);
    if !path.try_exists()? {
        let known: Vec<&str> = Score::shipped_ids().collect();
        output::talk(&format!(
            "{table} is neither a shipped table ({}) nor a file",
            known.join(", ")
        ));
        return Ok(None);
    }
    match Score::parse(&read(path)?) {
        Ok(score) => Ok(Some(score)),
        Err(faults) => {
            for fault in faults {
                output::talk(&format!("{table}: {fault}"));
            }
            Ok(None)
        }
    }
}

/// The inputs of a line, checked: a name or word that the table does not know, or a number that cannot be, is a mistake, not
/// a missing input.
fn inputs(score: &Score, line: &str) -> Result<Map<String, Value>, String> {
    let given: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| format!("not a JSON object: {error}"))?;
    let mut inputs = Map::new();
    for (name, value) in given {
        if !score.names().any(|known| known == name) {
            let known: Vec<&str> = score.names().collect();
            return Err(format!(
                "{} has no input {name:?}; its inputs: {}",
                score.title,
                known.join(", ")
            ));
        }
        let value = match (score.words(&name), value) {
            (_, Value::Null) => continue,
            (Some(words), value) => {
                let word = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                if !words.contains(&word.as_str()) {
                    return Err(format!(
                        "{name} must be one of {}, not {value}",
                        words.join(", ")
                    ));
                }
                Value::String(word)
            }
            (None, value) => {
                let Some(number) = value.as_f64() else {
                    return Err(format!("{name} must be a number, not {value}"));
                };
                score.check_number(&name, number)?;
                value
            }
        };
        inputs.insert(name, value);
    }
    Ok(inputs)
}

fn evaluated(score: &Score, inputs: &Map<String, Value>) -> Value {
    let outcome = score.evaluate(|name| {
        let value = inputs.get(name)?;
        let word = value.as_str().map(Given::Word);
        word.or_else(|| value.as_f64().map(Given::Number))
    });
    let parts: Map<String, Value> = outcome
        .parts
        .iter()
        .map(|part| (part.name.to_owned(), json!(part.points)))
        .collect();
    let mut said = json!({
        "total": outcome.total,
        "lowerBound": outcome.lower_bound,
        "parts": parts,
        "maxPart": outcome.max_part,
        "band": outcome.band,
        "missing": outcome.missing,
    });
    if !outcome.assumed.is_empty() {
        let assumed = outcome.assumed.iter();
        let assumed = assumed.map(|assumed| (assumed.name.to_owned(), json!(assumed.word)));
        said["assumed"] = Value::Object(assumed.collect());
    }
    said
}
