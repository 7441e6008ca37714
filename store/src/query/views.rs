//! Views over `observation`, planned anew for each statement.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::Result;

use crate::core::Core;

pub(super) const NAMES: [&str; 3] = ["latest", "observation_1m", "observation_1h"];

/// What neither stands for a patient's state nor is counted in a summary.
const SOUND: &str = "patient_id IS NOT NULL AND status <> 'entered-in-error' \
    AND coalesce(quality, '') NOT LIKE '%implausible%'";

/// One row per patient and metric: the newest effective time that is plausible; of several (two
/// sensors) the one received last. The inner query reads four columns, the outer one only what
/// may hold the newest rows.
fn latest() -> String {
    format!(
        "SELECT * EXCLUDE (rank_) FROM (
           SELECT o.*, coalesce(o.mdc, o.code) AS metric, row_number() OVER (
             PARTITION BY o.patient_id, coalesce(o.mdc, o.code) ORDER BY o.received DESC, o.id DESC
           ) AS rank_
           FROM observation o JOIN (
             SELECT patient_id AS p, coalesce(mdc, code) AS m, max(effective) AS e
             FROM observation WHERE {SOUND} GROUP BY 1, 2
           ) n ON o.patient_id = n.p AND coalesce(o.mdc, o.code) = n.m AND o.effective = n.e
           WHERE {SOUND}
         ) ranked WHERE rank_ = 1"
    )
}

fn rollup(unit: &str) -> String {
    format!(
        "SELECT date, patient_id, device_id, coalesce(mdc, code) AS metric, code, channel, unit,
           date_trunc('{unit}', effective) AS start, count(value) AS n,
           min(value) AS min, max(value) AS max, avg(value) AS mean
         FROM observation WHERE value IS NOT NULL AND {SOUND}
         GROUP BY date, patient_id, device_id, coalesce(mdc, code), code, channel, unit,
           date_trunc('{unit}', effective)"
    )
}

pub(super) async fn provider(core: &Core, name: &str) -> Result<Arc<dyn TableProvider>> {
    let query = match name {
        "latest" => latest(),
        "observation_1m" => rollup("minute"),
        _ => rollup("hour"),
    };
    // Planning a view asks the catalogue for `observation`: the recursion needs a box.
    let planned: std::pin::Pin<Box<dyn Future<Output = _> + Send>> =
        Box::pin(async move { core.context().sql(&query).await });
    Ok(planned.await?.into_view())
}
