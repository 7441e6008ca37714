//! Raw frames as they came, one JSON object a line: what `capture` writes and `replay` reads.
//!
//! `{"time":"2026-11-22T08:30:00Z","device":"meter-7","service":"1808","characteristic":"2A18","instance":0,
//! "how":"sent","raw":"1f05…"}`; `how` is `sent` (notification, indication) or `read`.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use wardline_normalize::time::{Micros, format_rfc3339};

use super::link::Id;
use super::shared::lock;

/// A capture's file grows no further.
const LARGEST: u64 = 64 << 20;

/// How bytes came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    Sent,
    Read,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Frame {
    /// When taken, RFC 3339.
    pub(crate) time: String,
    /// Id in the configuration.
    pub(crate) device: String,
    /// Four hexadecimal digits.
    pub(crate) service: String,
    pub(crate) characteristic: String,
    /// Which of several characteristics of the same number, from 0.
    #[serde(default)]
    pub(crate) instance: usize,
    pub(crate) how: How,
    /// Hexadecimal.
    pub(crate) raw: String,
}

impl Frame {
    pub(crate) fn new(
        time: Micros,
        device: &str,
        id: Id,
        instance: usize,
        how: How,
        raw: &[u8],
    ) -> Self {
        Self {
            time: format_rfc3339(time),
            device: device.to_owned(),
            service: format!("{:04X}", id.service),
            characteristic: format!("{:04X}", id.uuid),
            instance,
            how,
            raw: hex(raw),
        }
    }

    /// Service and characteristic, if they are numbers.
    pub(crate) fn id(&self) -> Option<Id> {
        Some(Id {
            service: u16::from_str_radix(&self.service, 16).ok()?,
            uuid: u16::from_str_radix(&self.characteristic, 16).ok()?,
        })
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |c: u8| char::from(c).to_digit(16);
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok())
        .collect()
}

#[derive(Debug)]
struct Sink {
    file: File,
    until: Option<Instant>,
    written: u64,
    frames: u64,
}

/// Captures under way, by device.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captures(Arc<Mutex<HashMap<String, Sink>>>);

impl Captures {
    /// Starts writing a device's frames to a new file, which only this user may read.
    pub(crate) fn start(
        &self,
        device: &str,
        file: &Path,
        until: Option<Instant>,
    ) -> std::io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)?;
        let sink = Sink {
            file,
            until,
            written: 0,
            frames: 0,
        };
        lock(&self.0).insert(device.to_owned(), sink);
        Ok(())
    }

    /// Frames of a device so far.
    pub(crate) fn frames(&self, device: &str) -> u64 {
        lock(&self.0).get(device).map_or(0, |sink| sink.frames)
    }

    /// Writes frames, if their device is being captured; they are on disk when this returns. A capture that cannot go
    /// on ends.
    pub(crate) fn write(&self, frames: &[Frame]) {
        let mut sinks = lock(&self.0);
        let Some(device) = frames.first().map(|frame| frame.device.as_str()) else {
            return;
        };
        let Some(sink) = sinks.get_mut(device) else {
            return;
        };
        let over =
            sink.until.is_some_and(|until| Instant::now() >= until) || sink.written >= LARGEST;
        let done = if over { Ok(()) } else { append(sink, frames) };
        if over || done.is_err() {
            if let Err(error) = done {
                tracing::warn!(device, %error, "the capture ends");
            }
            sinks.remove(device);
        }
    }

    /// Whether anything is captured, so that frames need not be made for nothing.
    pub(crate) fn wants(&self, device: &str) -> bool {
        lock(&self.0).contains_key(device)
    }
}

fn append(sink: &mut Sink, frames: &[Frame]) -> std::io::Result<()> {
    let mut text = Vec::new();
    for frame in frames {
        serde_json::to_writer(&mut text, frame)?;
        text.push(b'\n');
    }
    sink.file.write_all(&text)?;
    sink.file.sync_data()?;
    sink.written += u64::try_from(text.len()).unwrap_or(u64::MAX);
    sink.frames += u64::try_from(frames.len()).unwrap_or(u64::MAX);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_captured_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("frames");
        let captures = Captures::default();
        assert!(!captures.wants("meter"));
        captures.start("meter", &file, None).unwrap();
        let id = Id {
            service: 0x1808,
            uuid: 0x2A18,
        };
        let frame = Frame::new(0, "meter", id, 0, How::Sent, &[0x1F, 0x00]);
        captures.write(std::slice::from_ref(&frame));
        let other = Frame::new(0, "other", id, 0, How::Sent, &[1]);
        captures.write(&[other]);
        assert_eq!(captures.frames("meter"), 1);
        let text = std::fs::read_to_string(file).unwrap();
        let read: Frame = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(read, frame);
        assert_eq!(read.id(), Some(id));
        assert_eq!(unhex(&read.raw), Some(vec![0x1F, 0x00]));
    }

    #[test]
    fn what_is_no_hexadecimal_is_refused() {
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("0g"), None);
        assert_eq!(unhex("ä"), None);
    }
}
