//! Batches to entries that fit a record of the log, however many rows came of them.
//!
//! A pack says its unit once for thousands of records, and an assignment may move a month of rows: what
//! becomes of a message is not bounded by the message.

use arrow_array::RecordBatch;
use wardline_normalize::time::Micros;
use wardline_store::{Entry, Rejected};

/// Bytes of rows in one entry, as they lie in memory, and of kept payloads beside them: both, and one message of
/// the largest size that can be configured, stay within a record of the log (64 MiB), and no sync is long.
const PART_BYTES: usize = 16 << 20;

/// One entry, or as many as it takes; none for nothing.
pub(super) fn entries(received: Micros, rows: &RecordBatch, rejects: Vec<Rejected>) -> Vec<Entry> {
    let mut rows = pieces(rows, PART_BYTES).into_iter();
    let mut rejects = chunks(rejects, PART_BYTES).into_iter();
    let mut entries = Vec::new();
    loop {
        let (rows, rejects) = match (rows.next(), rejects.next()) {
            (None, None) => return entries,
            (Some(rows), rejects) => (rows, rejects.unwrap_or_default()),
            (None, Some(rejects)) => (
                RecordBatch::new_empty(wardline_normalize::columns::schema()),
                rejects,
            ),
        };
        entries.push(Entry::Batch {
            received,
            rows,
            rejects,
        });
    }
}

fn pieces(rows: &RecordBatch, most: usize) -> Vec<RecordBatch> {
    let count = rows.num_rows();
    if count == 0 {
        return Vec::new();
    }
    let parts = rows.get_array_memory_size().div_ceil(most).clamp(1, count);
    let length = count.div_ceil(parts);
    (0..count)
        .step_by(length)
        .map(|first| rows.slice(first, length.min(count - first)))
        .collect()
}

fn chunks(rejects: Vec<Rejected>, most: usize) -> Vec<Vec<Rejected>> {
    let mut chunks: Vec<Vec<Rejected>> = Vec::new();
    let mut bytes = 0;
    for reject in rejects {
        bytes += reject.payload.len();
        match chunks.last_mut() {
            Some(chunk) if bytes <= most => chunk.push(reject),
            _ => {
                bytes = reject.payload.len();
                chunks.push(vec![reject]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use wardline_normalize::batch::{Format, Guard, Message, normalize};

    use super::*;

    const NOW: Micros = 1_800_000_000_000_000;

    fn rows(count: usize) -> RecordBatch {
        let records: Vec<String> = (0..count)
            .map(|n| {
                format!(
                    r#"{{"n":"MDC_PULS_RATE","v":60,"t":{}}}"#,
                    1_700_000_000 + n
                )
            })
            .collect();
        let pack = format!("[{}]", records.join(","));
        let message = Message {
            format: Format::Senml,
            site: None,
            gateway: None,
            device: Some("d"),
            fallback_device: None,
            content_type: None,
            payload: pack.as_bytes(),
            received: NOW,
            source: "test",
            keep_raw: false,
        };
        normalize(&[message], &Guard::default()).rows
    }

    fn reject(bytes: usize) -> Rejected {
        Rejected {
            id: "q".to_owned(),
            received: NOW,
            source: String::new(),
            topic: String::new(),
            device_id: None,
            reason: String::new(),
            detail: String::new(),
            record: None,
            content_type: None,
            properties: None,
            payload: vec![0; bytes],
        }
    }

    #[test]
    fn pieces_are_all_the_rows_in_order_and_none_is_large() {
        let rows = rows(5_000);
        let most = rows.get_array_memory_size() / 7;
        let pieces = pieces(&rows, most);
        assert!((7..=8).contains(&pieces.len()));
        assert_eq!(
            arrow_select::concat::concat_batches(&rows.schema(), &pieces).unwrap(),
            rows
        );
        assert!(
            pieces
                .iter()
                .all(|piece| piece.num_rows() <= 5_000usize.div_ceil(7))
        );
    }

    #[test]
    fn one_row_is_one_piece_however_large() {
        assert_eq!(pieces(&rows(1), 1).len(), 1);
        assert!(pieces(&rows(1).slice(0, 0), 1).is_empty());
    }

    #[test]
    fn payloads_are_divided_between_messages() {
        let lengths = |sizes: &[usize]| {
            let chunks = chunks(sizes.iter().map(|bytes| reject(*bytes)).collect(), 10);
            chunks
                .iter()
                .map(|chunk| chunk.iter().map(|r| r.payload.len()).collect())
                .collect::<Vec<Vec<_>>>()
        };
        assert_eq!(
            lengths(&[4, 6, 1, 30, 0, 9]),
            [vec![4, 6], vec![1], vec![30], vec![0, 9]]
        );
        assert!(lengths(&[]).is_empty());
    }

    #[test]
    fn rows_and_rejects_share_an_entry() {
        assert!(entries(NOW, &rows(0), Vec::new()).is_empty());
        let both = entries(NOW, &rows(3), vec![reject(1)]);
        assert!(
            matches!(&both[..], [Entry::Batch { rows, rejects, .. }] if rows.num_rows() == 3 && rejects.len() == 1)
        );
        assert_eq!(entries(NOW, &rows(0), vec![reject(1)]).len(), 1);
    }
}
