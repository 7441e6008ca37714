//! Search: `GET …/Observation` and `POST …/Observation/_search`.

use std::collections::HashSet;

use arrow::compute::filter_record_batch;
use arrow_array::{BooleanArray, RecordBatch};
use wardline_normalize::columns::{Columns, text};

use super::bundle::{self, Page};
use super::project::project;
use super::{cursor, negotiate, query};
use crate::app::Call;
use crate::backend::ObservationSearch;
use crate::params::Params;
use crate::reply::{Failure, Reply, Touched};

/// Pages asked of the backend for one of ours, when conditions it cannot push down leave most of them empty.
/// After that the page goes out as it is, with a link to the next.
const MAX_PAGES: usize = 16;

pub(crate) async fn search(mut call: Call) -> Result<Reply, Failure> {
    let (params, asked) = bundle::asked(&mut call).await?;
    let result = found(&call, &params).await;
    // What was asked is audited also when it is refused.
    let mut reply = result.unwrap_or_else(|failure| failure.into_reply(true));
    reply.asked = asked;
    Ok(reply)
}

async fn found(call: &Call, params: &Params) -> Result<Reply, Failure> {
    negotiate::json_only(call, params)?;
    let query = query::parse(params, bundle::is_strict(call), call.app.now())?;
    let mut touched = Touched::default();
    let mut found = Vec::new();
    let mut next = None;
    if !query.nothing {
        let mut search = query.search.clone();
        for _ in 0..MAX_PAGES {
            let page = call.app.backend.observations(&search).await?;
            let rows = matching(&page.rows, &search)?;
            for observation in project(&rows, &*call.app.backend)? {
                found.push((observation.id, bundle::raw(observation.json)?));
                touched.patients.insert(observation.patient);
            }
            next = page.next;
            search.after.clone_from(&next);
            if next.is_none() || !found.is_empty() {
                break;
            }
        }
    }
    let page = Page {
        base: &negotiate::base(call),
        kind: "Observation",
        used: &query.used,
        ignored: &query.ignored,
        mark: params.one(query::CURSOR)?,
        next: next.map(|position| cursor::encode(&position, &query.used)),
        found,
        touched,
    };
    page.answer(call)
}

/// The rows of the Observations of which any row meets the search.
fn matching(rows: &RecordBatch, search: &ObservationSearch) -> Result<RecordBatch, Failure> {
    let columns = Columns::new(rows).map_err(fault)?;
    let observation =
        |row: usize| text(columns.panel_id, row).unwrap_or_else(|| columns.id.value(row));
    let found: HashSet<&str> = (0..columns.len())
        .filter(|row| search.matches(&columns, *row))
        .map(observation)
        .collect();
    let keep: BooleanArray = (0..columns.len())
        .map(|row| Some(found.contains(observation(row))))
        .collect();
    filter_record_batch(rows, &keep).map_err(fault)
}

fn fault(error: impl std::fmt::Display) -> Failure {
    Failure::internal(&error.to_string())
}
