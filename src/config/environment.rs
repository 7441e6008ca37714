//! Environment variables that look like settings and are none.

use std::collections::BTreeSet;

use super::Fault;

const PREFIX: &str = "WARDLINE_";

/// Variables that are no settings of the file.
const OTHERS: [&str; 7] = [
    "WARDLINE_CONFIG",
    "WARDLINE_DATA_DIR",
    "WARDLINE_LOG",
    "WARDLINE_MQTT_PASSWORD",
    "WARDLINE_SABOTAGE",
    "WARDLINE_TOKEN",
    "WARDLINE_URL",
];

/// What Kubernetes sets in every container beside a service named `wardline`.
const NOT_OURS: [&str; 2] = ["WARDLINE_SERVICE_", "WARDLINE_PORT"];

/// Variables of ours that no setting reads, each with the name that was meant, as far as one is near.
pub(crate) fn strays(
    names: impl Iterator<Item = String>,
    settings: &BTreeSet<String>,
) -> Vec<Fault> {
    let known = || settings.iter().map(String::as_str).chain(OTHERS);
    let mut strays: Vec<String> = names
        .filter(|name| name.starts_with(PREFIX))
        .filter(|name| !NOT_OURS.iter().any(|theirs| name.starts_with(theirs)))
        .filter(|name| !known().any(|known| known == name))
        .collect();
    strays.sort_unstable();
    strays
        .into_iter()
        .map(|key| {
            let nearest = known()
                .map(|known| (distance(&key, known), known))
                .min()
                .filter(|(distance, _)| *distance <= (key.len() - PREFIX.len()) / 3);
            let hint = nearest
                .map(|(_, name)| format!("; the nearest that does is {name}"))
                .unwrap_or_default();
            Fault {
                line: None,
                key,
                message: format!("in the environment sets nothing{hint}"),
            }
        })
        .collect()
}

/// Letters to change, add or leave out (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to = to.as_bytes();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::strays;

    #[test]
    fn a_misspelt_variable_is_a_fault_that_names_the_nearest() {
        let settings = super::super::read("", &|_| None).unwrap().variables;
        let found = |names: &[&str]| -> Vec<(String, String)> {
            let names = names.iter().map(|&name| name.to_owned());
            strays(names, &settings)
                .into_iter()
                .map(|fault| (fault.key, fault.message))
                .collect()
        };
        let known = [
            "PATH",
            "WARDLINE_HTTP_BIND",
            "WARDLINE_STORE_FLUSH_EVERY",
            "WARDLINE_TOKEN",
            "WARDLINE_SERVICE_HOST",
            "WARDLINE_PORT_8080_TCP",
        ];
        assert_eq!(found(&known), []);
        assert_eq!(
            found(&["WARDLINE_XYZ", "WARDLINE_HTTP_BINDS"]),
            [
                (
                    "WARDLINE_HTTP_BINDS".to_owned(),
                    "in the environment sets nothing; the nearest that does is WARDLINE_HTTP_BIND"
                        .to_owned()
                ),
                (
                    "WARDLINE_XYZ".to_owned(),
                    "in the environment sets nothing".to_owned()
                ),
            ]
        );
    }
}
