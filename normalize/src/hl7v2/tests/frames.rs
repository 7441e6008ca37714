//! Messages out of bytes.

use crate::hl7v2::frame::{Broken, Frame, MAX_MESSAGE, Splitter, wrap};
use proptest::prelude::*;

/// All messages of `bytes`, pushed in pieces of `size`.
fn split(bytes: &[u8], size: usize) -> Vec<Result<Frame, Broken>> {
    let mut splitter = Splitter::default();
    let mut out = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        splitter.push(piece);
        while let Some(frame) = splitter.take() {
            out.push(frame);
        }
    }
    splitter.finish();
    while let Some(frame) = splitter.take() {
        out.push(frame);
    }
    out
}

fn texts(bytes: &[u8], size: usize) -> Vec<String> {
    split(bytes, size)
        .into_iter()
        .map(|frame| match frame {
            Ok(frame) => String::from_utf8(frame.bytes).unwrap().replace('\r', "/"),
            Err(broken) => broken.to_string(),
        })
        .collect()
}

#[test]
fn whatever_the_pieces() {
    let mut bytes = b"junk before\r\n".to_vec();
    bytes.extend(wrap(b"MSH|1\rOBX|1"));
    bytes.extend(b"\x0bMSH|2\r\x1c");
    bytes.extend(b"\x0bMSH|3\rPID|MSH|BTS|\rMSH|4\rFTS\r\x1c\r");
    bytes.extend(b"FHS|^~\\&\rBHS|^~\\&\rMSH|5\r\nOBX|5\r\nMSH|6\rBTS|2\rFTS|1\r");
    bytes.extend(b"\x0b\x1c\r");
    bytes.extend(b"MSH|7\rNTE|M\nFT");
    let expected = [
        "MSH|1/OBX|1",
        "MSH|2/",
        "MSH|3/PID|MSH|BTS|/",
        "MSH|4/",
        "MSH|5/\nOBX|5/\n",
        "MSH|6/",
        "MSH|7/NTE|M\nFT",
    ];
    for size in [1, 2, 3, 5, 7, 1_000] {
        assert_eq!(texts(&bytes, size), expected, "pieces of {size}");
    }
    let frames = split(&bytes, 1_000);
    let first = frames[0].as_ref().unwrap();
    assert!(first.framed && first.junk && first.complete);
    let plain = frames[4].as_ref().unwrap();
    assert!(!plain.framed && !plain.junk);
}

#[test]
fn a_frame_within_a_frame_was_cut() {
    assert_eq!(
        texts(b"\x0bMSH|1\rOB\x0bMSH|2\r\x1c\r", 4),
        ["a frame began inside another, after 8 bytes", "MSH|2/"]
    );
    // The end of the stream closes what it can; the caller sees that it was open.
    let open = split(b"\x0bMSH|1\r", 100);
    assert!(!open[0].as_ref().unwrap().complete);
}

#[test]
fn too_long_is_said_once_and_holds_no_memory() {
    let mut splitter = Splitter::default();
    splitter.push(b"\x0bMSH|");
    let mut held = 0;
    for _ in 0..40 {
        splitter.push(&[b'x'; 65_536]);
        assert_eq!(splitter.take(), None);
        held = held.max(splitter.held());
    }
    assert!(held <= MAX_MESSAGE + 65_536 + 5, "{held}");
    splitter.push(b"\x1c\rMSH|2\r");
    splitter.finish();
    assert!(
        matches!(splitter.take(), Some(Err(Broken::TooLong(length))) if length == 40 * 65_536 + 4)
    );
    assert_eq!(splitter.take().unwrap().unwrap().bytes, b"MSH|2\r");
    assert_eq!(splitter.take(), None);
}

#[test]
fn plain_messages_end_with_a_pause() {
    let mut splitter = Splitter::default();
    splitter.push(b"MSH|1\rOBX|1\r");
    assert_eq!(splitter.take(), None);
    assert!(splitter.is_plain());
    splitter.finish();
    assert_eq!(splitter.take().unwrap().unwrap().bytes, b"MSH|1\rOBX|1\r");
    assert_eq!(splitter.take(), None);
    assert!(!splitter.is_plain());
    splitter.push(b"MSH|2\r");
    assert_eq!(splitter.take(), None);
    splitter.push(b"MSH|3\r");
    assert_eq!(splitter.take().unwrap().unwrap().bytes, b"MSH|2\r");
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        bytes in prop::collection::vec(prop::sample::select(b"\x0b\x1c\r\nMSHBFT|x".to_vec()), 0..120),
        size in 1_usize..20,
    ) {
        prop_assert_eq!(split(&bytes, size), split(&bytes, bytes.len()));
    }

    #[test]
    fn framed_messages_come_back(texts in prop::collection::vec("MSH\\|[a-z|^\r]{0,40}", 0..6), size in 1_usize..50) {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| wrap(text.as_bytes())).collect();
        let back = split(&bytes, size);
        prop_assert_eq!(back.len(), texts.len());
        for (frame, text) in back.into_iter().zip(texts) {
            prop_assert_eq!(frame.unwrap().bytes, text.into_bytes());
        }
    }
}
