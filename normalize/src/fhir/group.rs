//! Which rows are one Observation.

use super::at;
use crate::columns::Columns;
use std::collections::HashMap;

/// Rows by Observation, in the order of first appearance.
pub(super) fn group(columns: &Columns<'_>, rows: impl Iterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    // A panel split between two patients, by a correction of one of its rows, is two Observations.
    let mut panels: HashMap<(&str, &str), usize> = HashMap::new();
    for row in rows {
        let Some(panel) = at(columns.panel_id, row) else {
            groups.push(vec![row]);
            continue;
        };
        let index = *panels
            .entry((panel, columns.patient_id.value(row)))
            .or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}
