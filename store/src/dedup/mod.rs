//! New, duplicate or correction.
//!
//! Most readings are newer than anything their stream (device, metric, channel, device user) has
//! sent: those are new without a look-up. The streams known since start, the highest time of each
//! and the largest gaps behind it are kept in memory; times are those that ids begin with, in
//! milliseconds. Below a *floor*, the highest time that was stored when the server started (or
//! that a forgotten stream had), nothing is known of a stream: such readings are looked up, in
//! hot rows and table, in one batch.
//!
//! A changed value is a correction; what it replaced is remembered (until the next start), so that
//! a late repeat of the first statement does not undo it.

mod content;
mod seed;
mod streams;
mod superseded;

use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, BooleanArray, Int64Array, RecordBatch};
use wardline_normalize::columns::Columns;

use crate::core::sabotaged;
use crate::hot::key;
use crate::keyed::Keyed;
use crate::{Error, Store};
use content::Content;
use streams::{Known, Streams};

/// Streams remembered: at about 150 bytes each, 30 MB; 200,000 is 20,000 devices with ten metrics.
pub const STREAMS_MAX: usize = 200_000;

/// What a row of a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not seen before.
    New,
    /// Seen with the same content: acknowledged, counted, dropped.
    Duplicate,
    /// Seen with other content; this becomes the given version.
    Correction {
        /// Version of the corrected row.
        version: i64,
    },
}

/// Earlier contents of corrected rows remembered: a bound for floods of corrections.
const SUPERSEDED_MAX: usize = 100_000;

/// What is known of an id that is on its way to the log.
#[derive(Clone, Copy, Debug)]
struct Pending {
    version: i64,
    content: Content,
    /// Which classification put it there.
    ticket: u64,
}

type InFlight = Arc<Mutex<Keyed<Pending>>>;

/// The verdicts of one batch. Keep it until the batch has been appended: while it lives, its
/// rows count as seen for other batches.
#[derive(Debug)]
pub struct Classified {
    verdicts: Vec<Verdict>,
    /// Whether a correction keeps the status that the device sent.
    keeps_status: Vec<bool>,
    ticket: u64,
    keys: Vec<u128>,
    in_flight: InFlight,
}

impl Drop for Classified {
    fn drop(&mut self) {
        let mut in_flight = self
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            if let Entry::Occupied(pending) = in_flight.entry(*key)
                && pending.get().ticket == self.ticket
            {
                pending.remove();
            }
        }
    }
}

impl Classified {
    /// One verdict per row.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The rows to append: new ones as they are, corrections with version and status set.
    ///
    /// # Errors
    /// The batch is not the one that was classified.
    pub fn kept(&self, rows: &RecordBatch) -> Result<RecordBatch, Error> {
        if rows.num_rows() != self.verdicts.len() {
            return Err(Error::Table("verdicts of another batch".into()));
        }
        if self.verdicts.iter().all(|v| *v == Verdict::New) {
            return Ok(rows.clone());
        }
        let schema = rows.schema();
        let status_at = schema.index_of("status")?;
        let statuses = rows
            .column(status_at)
            .as_string_opt::<i32>()
            .ok_or_else(|| Error::Table("status is no text".into()))?;
        let mut versions = Vec::with_capacity(rows.num_rows());
        let mut status = StringBuilder::new();
        let given = rows
            .column_by_name("version")
            .and_then(|c| c.as_primitive_opt::<arrow_array::types::Int64Type>())
            .ok_or_else(|| Error::Table("version is no number".into()))?;
        for (i, verdict) in self.verdicts.iter().enumerate() {
            let sent = statuses.is_valid(i).then(|| statuses.value(i));
            match *verdict {
                Verdict::Correction { version } => {
                    versions.push(version);
                    status.append_option(if self.keeps_status[i] || sent != Some("final") {
                        sent
                    } else {
                        Some("corrected")
                    });
                }
                _ => {
                    versions.push(given.value(i));
                    status.append_option(sent);
                }
            }
        }
        let mut columns = rows.columns().to_vec();
        columns[schema.index_of("version")?] = Arc::new(Int64Array::from(versions));
        columns[status_at] = Arc::new(status.finish());
        let all = RecordBatch::try_new(schema, columns)?;
        let keep: BooleanArray = self
            .verdicts
            .iter()
            .map(|v| Some(*v != Verdict::Duplicate))
            .collect();
        Ok(arrow::compute::filter_record_batch(&all, &keep)?)
    }
}

/// Tells repeats from news. One per store: batches that are on their way are known only to it.
#[derive(Debug)]
pub struct Dedup {
    store: Store,
    in_flight: InFlight,
    streams: tokio::sync::Mutex<Option<Streams>>,
    capacity: usize,
    off: bool,
}

impl Dedup {
    /// With the default bound on remembered streams.
    pub fn new(store: &Store) -> Self {
        Self::with_capacity(store, STREAMS_MAX)
    }

    /// With a bound on remembered streams.
    pub fn with_capacity(store: &Store, capacity: usize) -> Self {
        Self {
            store: store.clone(),
            in_flight: InFlight::default(),
            streams: tokio::sync::Mutex::new(None),
            capacity: capacity.max(1),
            off: sabotaged(&store.core().config, "skip-dedup"),
        }
    }

    /// Looks at each row of a batch with the columns of `columns::schema`. Batches may be
    /// classified one after the other while earlier ones are still being appended.
    ///
    /// # Errors
    /// The look-up of earlier rows failed.
    pub async fn classify(&self, rows: &RecordBatch) -> Result<Classified, Error> {
        let columns = Columns::new(rows).map_err(|e| Error::Table(e.to_string()))?;
        let mut guard = self.streams.lock().await;
        let streams = match &mut *guard {
            Some(streams) => streams,
            none => none.insert(seed::streams(&self.store, self.capacity).await?),
        };
        let mut classified = Classified {
            verdicts: vec![Verdict::New; rows.num_rows()],
            keeps_status: vec![false; rows.num_rows()],
            ticket: streams.next_ticket(),
            keys: Vec::new(),
            in_flight: Arc::clone(&self.in_flight),
        };
        if self.off {
            return Ok(classified);
        }
        let unsure: Vec<bool> = (0..rows.num_rows())
            .map(|i| streams.see(&columns, i) == Known::Unsure)
            .collect();
        let stored = self.stored(&columns, &unsure).await?;
        let mut scratch = Vec::new();
        for (i, unsure) in unsure.into_iter().enumerate() {
            let key = key(columns.id.value(i));
            let content = Content::of(&columns, i, &mut scratch);
            let mut in_flight = self
                .in_flight
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let earlier = in_flight
                .get(&key)
                .map(|p| (p.version, p.content))
                .or_else(|| {
                    if unsure {
                        stored.get(&key).copied()
                    } else {
                        None
                    }
                });
            let version = match earlier {
                None => 1,
                Some((_, before)) if before == content => {
                    classified.verdicts[i] = Verdict::Duplicate;
                    continue;
                }
                // The statement that was corrected, delivered again, is no second correction.
                Some(_) if streams.superseded.has(key, content) => {
                    classified.verdicts[i] = Verdict::Duplicate;
                    continue;
                }
                Some((version, before)) => {
                    streams.superseded.add(key, before);
                    classified.verdicts[i] = Verdict::Correction {
                        version: version + 1,
                    };
                    classified.keeps_status[i] = before.is_preliminary();
                    version + 1
                }
            };
            in_flight.insert(
                key,
                Pending {
                    version,
                    content,
                    ticket: classified.ticket,
                },
            );
            classified.keys.push(key);
        }
        Ok(classified)
    }

    /// Version and content of the rows that had to be looked up and exist.
    async fn stored(
        &self,
        columns: &Columns<'_>,
        unsure: &[bool],
    ) -> Result<Keyed<(i64, Content)>, Error> {
        let ids: Vec<&str> = unsure
            .iter()
            .enumerate()
            .filter(|(_, unsure)| **unsure)
            .map(|(i, _)| columns.id.value(i))
            .collect();
        if ids.is_empty() {
            return Ok(Keyed::default());
        }
        let found = self.store.find(&ids).await?;
        let found = Columns::new(&found).map_err(|e| Error::Table(e.to_string()))?;
        let mut scratch = Vec::new();
        Ok((0..found.id.len())
            .map(|i| {
                let content = Content::of(&found, i, &mut scratch);
                let known = (found.version.value(i), content);
                (key(found.id.value(i)), known)
            })
            .collect())
    }
}

#[cfg(test)]
mod tests;
