//! Random use against a vector.

use crate::mem_disk::MemDisk;
use crate::support::{dir, read_all};
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::Arc;
use wardline_log::{Disk, Error, Options, Writer, verify_on};

#[derive(Debug, Clone)]
enum Step {
    /// One batch of records of these lengths.
    Append(Vec<usize>),
    /// Release up to this share of what is durable.
    Release(prop::sample::Index),
    Roll,
    /// Read from this share of what is durable.
    Read(prop::sample::Index),
    /// The process ends with records pushed but not committed.
    Reopen(Vec<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    let lengths = || prop::collection::vec(prop_oneof![0..40_usize, 200..900_usize], 0..6);
    prop_oneof![
        4 => lengths().prop_map(Step::Append),
        1 => any::<prop::sample::Index>().prop_map(Step::Release),
        1 => Just(Step::Roll),
        2 => any::<prop::sample::Index>().prop_map(Step::Read),
        1 => lengths().prop_map(Step::Reopen),
    ]
}

fn payload(seq: u64, len: usize) -> Vec<u8> {
    (0..len).map(|at| (seq as usize * 31 + at) as u8).collect()
}

fn open(disk: &Arc<MemDisk>, segment_bytes: u64) -> Writer {
    let options = Options {
        segment_bytes,
        ..Options::default()
    };
    let (writer, recovered) =
        Writer::open(Arc::clone(disk) as Arc<dyn Disk>, &dir(), options).unwrap();
    assert_eq!(recovered.truncated, None);
    writer
}

fn run(steps: &[Step], segment_bytes: u64) {
    let disk = Arc::new(MemDisk::default());
    let mut writer = open(&disk, segment_bytes);
    let mut model: Vec<Vec<u8>> = Vec::new();
    let mut released = 0;
    for step in steps {
        match step {
            Step::Append(lengths) => {
                for &len in lengths {
                    let seq = model.len() as u64 + 1;
                    let bytes = payload(seq, len);
                    assert_eq!(writer.push(&bytes).unwrap(), seq);
                    model.push(bytes);
                }
                assert_eq!(writer.commit().unwrap().records as usize, lengths.len());
            }
            Step::Release(share) => {
                let upto = share.index(model.len() + 1) as u64;
                writer.release(upto).unwrap();
                released = released.max(upto);
            }
            Step::Roll => writer.roll().unwrap(),
            Step::Read(share) => {
                let from = share.index(model.len() + 1) as u64 + 1;
                let mut reader = writer.read_from(from);
                if let Some(Err(error)) = reader.next() {
                    assert!(
                        matches!(error, Error::Released { asked, first } if asked == from && first > from && first <= released + 1)
                    );
                } else {
                    compare(&read_all(writer.read_from(from)), from, &model);
                }
            }
            Step::Reopen(lengths) => {
                for &len in lengths {
                    writer.push(&vec![0xee; len]).unwrap();
                }
                drop(writer);
                writer = open(&disk, segment_bytes);
            }
        }
    }
    drop(writer);
    let report = verify_on(disk.as_ref(), &dir()).unwrap();
    assert!(report.is_sound() && report.torn_tail.is_none());
    let first = model.len() as u64 + 1 - report.records;
    assert!(
        first <= released + 1,
        "{first} although only {released} were released"
    );
    compare(
        &read_all(open(&disk, segment_bytes).read_from(first)),
        first,
        &model,
    );
}

fn compare(read: &[(u64, Bytes)], from: u64, model: &[Vec<u8>]) {
    let expected = model.iter().enumerate().skip(from as usize - 1);
    assert_eq!(read.len(), expected.len());
    for ((seq, payload), (index, bytes)) in read.iter().zip(expected) {
        assert_eq!((*seq, &payload[..]), (index as u64 + 1, &bytes[..]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_a_vector_that_forgets_its_beginning(
        steps in prop::collection::vec(step(), 1..40),
        segment_bytes in 30_u64..4_000,
    ) {
        run(&steps, segment_bytes);
    }
}
