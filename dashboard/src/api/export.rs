//! Rows out, streamed.

use std::collections::BTreeSet;

use arrow_array::RecordBatch;
use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::OwnedSemaphorePermit;
use wardline_normalize::columns::{Columns, text};

use crate::api::stream::Open;
use crate::app::Call;
use crate::audit::Trail;
use crate::backend::{BackendError, BackendResult, ExportRequest};
use crate::json;
use crate::reply::{Failure, Reply, Touched};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Ndjson,
    Csv,
}

pub(crate) async fn run(call: Call) -> Result<Reply, Failure> {
    let query = call.query()?;
    let format = match query.one("format")? {
        None | Some("ndjson") => Format::Ndjson,
        Some("csv") => Format::Csv,
        Some(_) => return Err(Failure::invalid("format is ndjson or csv")),
    };
    let place = super::stream::place(&call)?;
    let open = Open::new(call.app.clone());
    let request = ExportRequest {
        patients: query.list("patient"),
        from: query.time("since")?,
        until: query.time("until")?,
    };
    let mut touched: Touched = request.patients.iter().collect();
    touched.any = request.patients.is_empty();
    let rows = call.app.backend.export(request).await?;
    let kind = match format {
        Format::Ndjson => "application/x-ndjson",
        Format::Csv => "text/csv; charset=utf-8",
    };
    let start = move |trail: Trail| {
        let state = Export {
            rows,
            trail,
            format,
            header: format == Format::Csv,
            _place: place,
            _open: open,
        };
        Body::from_stream(futures::stream::unfold(Some(state), |state| async move {
            let mut state = state?;
            match state.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(state))),
                Ok(None) => None,
                // The body ends without its last chunk, so the client sees a broken transfer, not a short one.
                Err(error) => {
                    tracing::error!(%error, "export ended early");
                    Some((Err(error), None))
                }
            }
        }))
    };
    Ok(Reply::stream(kind, Box::new(start)).touching(touched))
}

struct Export {
    rows: BoxStream<'static, BackendResult<RecordBatch>>,
    trail: Trail,
    format: Format,
    header: bool,
    _place: OwnedSemaphorePermit,
    _open: Open,
}

impl Export {
    async fn next(&mut self) -> Result<Option<Bytes>, BackendError> {
        if std::mem::take(&mut self.header) {
            return Ok(Some(Bytes::from(json::csv_header())));
        }
        let Some(batch) = self.rows.next().await else {
            return Ok(None);
        };
        let batch = batch?;
        let columns =
            Columns::new(&batch).map_err(|error| BackendError::Internal(error.to_string()))?;
        let patients: BTreeSet<&str> = (0..columns.len())
            .filter_map(|row| text(columns.patient_id, row))
            .collect();
        self.trail.touch(patients).await?;
        let mut out = Vec::new();
        for row in 0..columns.len() {
            match self.format {
                Format::Ndjson => json::row(&columns, row, &mut out),
                Format::Csv => json::csv_row(&columns, row, &mut out),
            }
            out.push(b'\n');
        }
        Ok(Some(Bytes::from(out)))
    }
}
