use super::{Buffer, DEVICES};
use crate::engine::row::{RowId, Sample};
use std::sync::Arc;

fn push(buffer: &mut Buffer, time: i64, device: &str) {
    let (id, device) = (RowId::new(&format!("row-{time}")), Arc::from(device));
    buffer.push(&Sample {
        time,
        input: 0,
        rank: 0,
        id: &id,
        version: 1,
        value: time as f64,
        device: &device,
    });
}

fn devices(buffer: &Buffer) -> Vec<String> {
    buffer
        .iter()
        .map(|sample| sample.device.to_string())
        .collect()
}

#[test]
fn a_sample_keeps_its_device_however_many_came_and_went() {
    let mut buffer = Buffer::default();
    let mut expected = Vec::new();
    for time in 0..200 {
        // Two for good, and ever new ones between them.
        let device = match time % 3 {
            0 => "d-a".to_owned(),
            1 => "d-b".to_owned(),
            _ => format!("d-{time}"),
        };
        push(&mut buffer, time, &device);
        expected.push(device);
        if expected.len() > 12 {
            buffer.remove_while(|kept| kept.time < time - 11);
            expected.remove(0);
        }
        assert_eq!(devices(&buffer), expected);
    }
    assert!(buffer.others.len() <= 2 * DEVICES, "{:?}", buffer.others);

    let written = serde_json::to_string(&buffer).expect("text keys only");
    let mut read: Buffer = serde_json::from_str(&written).expect("as written");
    assert_eq!(devices(&read), expected);
    assert_eq!(
        serde_json::to_string(&read).expect("text keys only"),
        written
    );

    read.remove_if(|_| true);
    push(&mut read, 200, "d-c");
    assert_eq!(devices(&read), ["d-c"]);
    assert!(read.others.is_empty());
}
