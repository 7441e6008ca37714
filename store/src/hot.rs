//! Rows that are durable in the log but not yet in the table.
//!
//! Rows lie in blocks in log order. A row is found by the hash of its id; a newer version strikes
//! out the older one. Blocks that a flush has taken stay where they are, and are no longer merged
//! with others, until the commit is seen by queries; then they go in the same instant.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::compute::filter_record_batch;
use arrow_array::cast::AsArray;
use arrow_array::{BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow_select::concat::concat_batches;
use xxhash_rust::xxh3::xxh3_128;

use crate::Error;
use crate::keyed::Keyed;

/// Small blocks at the end that are merged into one, so that a query does not scan thousands.
const MERGE_BLOCKS: usize = 32;
/// A block of this many rows is left as it is.
const MERGE_ROWS: usize = 8_192;

#[derive(Debug)]
struct Block {
    serial: u64,
    /// Log position of its last row.
    last: u64,
    rows: RecordBatch,
    /// Rows that a newer version has replaced, by index.
    struck: Vec<u32>,
    /// Rows of a version above 1.
    corrections: usize,
}

impl Block {
    fn live(&self) -> Result<RecordBatch, Error> {
        if self.struck.is_empty() {
            return Ok(self.rows.clone());
        }
        let mut keep = vec![true; self.rows.num_rows()];
        for &i in &self.struck {
            keep[i as usize] = false;
        }
        Ok(filter_record_batch(&self.rows, &BooleanArray::from(keep))?)
    }
}

#[derive(Clone, Copy, Debug)]
struct Place {
    serial: u64,
    row: u32,
    version: i64,
}

/// The uncommitted rows of one table.
#[derive(Debug, Default)]
pub(crate) struct Hot {
    blocks: Vec<Block>,
    index: Keyed<Place>,
    rows: usize,
    next_serial: u64,
    /// Blocks below this serial belong to a flush under way.
    frozen: u64,
    /// Keeps repeats of an id; only in a sabotaged build.
    keep_repeats: bool,
}

/// What a query sees of the hot rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct HotRows {
    pub(crate) batches: Vec<RecordBatch>,
    /// Ids whose rows in the table are outdated.
    pub(crate) hidden: Option<Arc<StringArray>>,
}

/// The key of a row: ids are short, but a text of 26 bytes a row is not.
pub(crate) fn key(id: &str) -> u128 {
    xxh3_128(id.as_bytes())
}

fn ids(batch: &RecordBatch) -> Result<&StringArray, Error> {
    batch
        .column_by_name("id")
        .and_then(|c| c.as_string_opt::<i32>())
        .ok_or_else(|| Error::Table("rows without id".into()))
}

/// The column of versions; a batch without it has first versions only.
fn versions(batch: &RecordBatch) -> Option<&Int64Array> {
    batch.column_by_name("version")?.as_primitive_opt()
}

fn version(versions: Option<&Int64Array>, row: usize) -> i64 {
    versions.map_or(1, |column| column.value(row))
}

impl Hot {
    pub(crate) fn new(keep_repeats: bool) -> Self {
        Self {
            keep_repeats,
            ..Self::default()
        }
    }

    /// Takes rows of a log position above all earlier ones. A row whose id is here with the same
    /// or a higher version is left out.
    pub(crate) fn insert(&mut self, seq: u64, rows: RecordBatch) -> Result<(), Error> {
        let serial = self.next_serial;
        let mut struck = Vec::new();
        let mut corrections = 0;
        let versions = versions(&rows);
        for (i, id) in ids(&rows)?.iter().enumerate() {
            let row = i as u32;
            let place = Place {
                serial,
                row,
                version: version(versions, i),
            };
            corrections += usize::from(place.version > 1);
            let key = key(id.unwrap_or_default());
            match self.index.get(&key).copied() {
                Some(old) if old.version >= place.version => {
                    if !self.keep_repeats {
                        struck.push(row);
                    }
                }
                Some(old) => {
                    if old.serial == serial {
                        struck.push(old.row);
                    } else if let Some(block) = self.block(old.serial) {
                        block.struck.push(old.row);
                    }
                    self.index.insert(key, place);
                }
                None => {
                    self.index.insert(key, place);
                }
            }
        }
        self.next_serial += 1;
        self.rows += rows.num_rows();
        self.blocks.push(Block {
            serial,
            last: seq,
            rows,
            struck,
            corrections,
        });
        self.merge_tail()
    }

    fn block(&mut self, serial: u64) -> Option<&mut Block> {
        let at = self
            .blocks
            .binary_search_by_key(&serial, |b| b.serial)
            .ok()?;
        self.blocks.get_mut(at)
    }

    fn merge_tail(&mut self) -> Result<(), Error> {
        let small = self
            .blocks
            .iter()
            .rev()
            .take_while(|b| b.serial >= self.frozen && b.rows.num_rows() < MERGE_ROWS)
            .count();
        if small < MERGE_BLOCKS {
            return Ok(());
        }
        let tail = self.blocks.split_off(self.blocks.len() - small);
        let live = tail
            .iter()
            .map(Block::live)
            .collect::<Result<Vec<_>, _>>()?;
        let rows = concat_batches(&live[0].schema(), &live)?;
        let serial = self.next_serial;
        self.next_serial += 1;
        self.rows -= tail.iter().map(|b| b.rows.num_rows()).sum::<usize>() - rows.num_rows();
        let versions = versions(&rows);
        for (i, id) in ids(&rows)?.iter().enumerate() {
            self.index.insert(
                key(id.unwrap_or_default()),
                Place {
                    serial,
                    row: i as u32,
                    version: version(versions, i),
                },
            );
        }
        self.blocks.push(Block {
            serial,
            last: tail.iter().map(|b| b.last).max().unwrap_or(0),
            rows,
            struck: Vec::new(),
            corrections: tail.iter().map(|b| b.corrections).sum(),
        });
        Ok(())
    }

    /// Rows held, those struck out included: what memory is spent on.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Everything that is live now.
    pub(crate) fn view(&self) -> Result<HotRows, Error> {
        let mut batches = Vec::with_capacity(self.blocks.len());
        let mut hidden = Vec::new();
        for block in &self.blocks {
            let live = block.live()?;
            if block.corrections > 0 {
                let versions = versions(&live);
                for (i, id) in ids(&live)?.iter().enumerate() {
                    if version(versions, i) > 1 {
                        hidden.extend(id.map(str::to_owned));
                    }
                }
            }
            if live.num_rows() > 0 {
                batches.push(live);
            }
        }
        Ok(HotRows {
            batches,
            hidden: (!hidden.is_empty()).then(|| Arc::new(StringArray::from(hidden))),
        })
    }

    /// Everything that is live now, for a flush; the blocks stay until [`Hot::remove`].
    pub(crate) fn freeze(&mut self) -> Result<Vec<RecordBatch>, Error> {
        self.frozen = self.next_serial;
        Ok(self.view()?.batches)
    }

    /// Forgets the frozen blocks: their rows are in the table now.
    pub(crate) fn remove_frozen(&mut self) {
        let keep = self.blocks.partition_point(|b| b.serial < self.frozen);
        for block in self.blocks.drain(..keep) {
            self.rows -= block.rows.num_rows();
        }
        let frozen = self.frozen;
        self.index.retain(|_, place| place.serial >= frozen);
    }

    /// Live rows with these ids.
    pub(crate) fn find(&self, wanted: &[&str]) -> Result<Vec<RecordBatch>, Error> {
        let mut by_block: HashMap<u64, Vec<u32>> = HashMap::new();
        for id in wanted {
            if let Some(place) = self.index.get(&key(id)) {
                by_block.entry(place.serial).or_default().push(place.row);
            }
        }
        let mut found = Vec::new();
        for block in &self.blocks {
            if let Some(rows) = by_block.get_mut(&block.serial) {
                rows.sort_unstable();
                rows.dedup();
                let indices = arrow_array::UInt32Array::from(rows.clone());
                found.push(arrow::compute::take_record_batch(&block.rows, &indices)?);
            }
        }
        Ok(found)
    }

    /// Log position of the first row held, as far as is known: no row is before it.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The greatest id; ids begin with the source time.
    pub(crate) fn greatest_id(&self) -> Result<Option<String>, Error> {
        let mut greatest: Option<&str> = None;
        for block in &self.blocks {
            greatest = greatest.max(arrow::compute::max_string(ids(&block.rows)?));
        }
        Ok(greatest.map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, ArrayRef};

    use super::*;

    fn rows(rows: &[(&str, i64)]) -> RecordBatch {
        let id: StringArray = rows.iter().map(|r| Some(r.0)).collect();
        let version: Int64Array = rows.iter().map(|r| Some(r.1)).collect();
        RecordBatch::try_from_iter([
            ("id", Arc::new(id) as ArrayRef),
            ("version", Arc::new(version) as ArrayRef),
        ])
        .unwrap()
    }

    fn seen(batches: &[RecordBatch]) -> Vec<(String, i64)> {
        let mut all: Vec<_> = batches
            .iter()
            .flat_map(|b| {
                let id = ids(b).unwrap();
                let versions = versions(b);
                (0..b.num_rows()).map(move |i| (id.value(i).to_owned(), version(versions, i)))
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn the_highest_version_of_an_id_is_seen_once() {
        let mut hot = Hot::default();
        hot.insert(1, rows(&[("a", 1), ("b", 1), ("b", 1)]))
            .unwrap();
        hot.insert(2, rows(&[("a", 2), ("c", 1), ("c", 2)]))
            .unwrap();
        hot.insert(3, rows(&[("a", 1)])).unwrap();
        let view = hot.view().unwrap();
        let expected = [("a", 2), ("b", 1), ("c", 2)].map(|(i, v)| (i.to_owned(), v));
        assert_eq!(seen(&view.batches), expected);
        assert_eq!(view.hidden.unwrap().len(), 2);
        assert_eq!(seen(&hot.find(&["a", "x"]).unwrap()), [("a".to_owned(), 2)]);
    }

    #[test]
    fn merging_and_flushing_lose_and_repeat_nothing() {
        let mut hot = Hot::default();
        for i in 0..100_u64 {
            hot.insert(i, rows(&[(&format!("{:02}", i % 50), 1 + (i / 50) as i64)]))
                .unwrap();
            if i == 60 {
                hot.freeze().unwrap();
            }
        }
        assert!(hot.blocks.len() < 75);
        assert_eq!(seen(&hot.view().unwrap().batches).len(), 50);
        hot.remove_frozen();
        // What came after the freeze is left: the second versions of 11..50.
        let left = seen(&hot.view().unwrap().batches);
        assert_eq!(left.len(), 39);
        assert!(left.iter().all(|r| r.1 == 2));
        hot.freeze().unwrap();
        hot.remove_frozen();
        assert!(hot.is_empty() && hot.index.is_empty() && hot.rows == 0);
    }
}
