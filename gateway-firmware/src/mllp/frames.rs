//! Messages out of what was read, and what was lost on the way.

use wardline_normalize::hl7v2::frame::{BEGIN, Broken, Frame, Splitter};

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Message(Frame),
    /// Longer than any message may be; gone, its id with it.
    TooLong,
    /// The begin of a message whose end never came.
    Truncated,
}

/// The reader's splitter.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    splitter: Splitter,
    /// The sender frames, and reads frames: also where the splitter takes messages of a batch for plain ones.
    framed: bool,
}

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.framed |= bytes.contains(&BEGIN);
        self.splitter.push(bytes);
    }

    pub(crate) fn next(&mut self) -> Option<Found> {
        loop {
            return Some(match self.splitter.take()? {
                // The begin of a batch in a frame; its messages follow.
                Ok(frame) if is_batch(&frame.bytes) => continue,
                Ok(frame) if frame.complete => Found::Message(Frame {
                    framed: self.framed,
                    ..frame
                }),
                Ok(_) | Err(Broken::Truncated(_)) => Found::Truncated,
                Err(Broken::TooLong(_)) => Found::TooLong,
            });
        }
    }

    /// Whether a message without a frame is under way, which a pause may end.
    pub(crate) fn pauses(&self) -> bool {
        self.splitter.is_plain()
    }

    /// The sender paused, or nothing more comes: what is there ends here.
    pub(crate) fn end(&mut self) {
        self.splitter.finish();
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.splitter.held()
    }
}

/// Whether there are segments of a batch and nothing else.
fn is_batch(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .filter(|line| !line.trim_ascii().is_empty())
        .all(|line| {
            [b"FHS", b"BHS", b"BTS", b"FTS"]
                .iter()
                .any(|name| line.starts_with(*name))
        })
}
