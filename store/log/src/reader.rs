use crate::error::{Error, io_error};
use crate::frames::{Frame, Frames, Next};
use crate::options::Sabotage;
use crate::segments::{Segment, Segments};
use bytes::Bytes;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Streams durable records in order, beside the writer, holding one chunk (256 KiB, or one longer record) in memory.
///
/// `None` means that there is no further durable record *now*: the reader may be asked again after more were written.
/// After an error it gives `None` for good. Payloads share the chunk they were read in; keep a copy rather than a
/// payload that is to live long.
#[derive(Debug)]
pub struct Reader {
    segments: Arc<Segments>,
    /// Number of the next record to give.
    next: u64,
    /// Last record known to be durable.
    durable: u64,
    open: Option<Open>,
    stopped: bool,
}

/// The segment being read.
#[derive(Debug)]
struct Open {
    first: u64,
    path: PathBuf,
    frames: Frames,
}

impl Reader {
    pub(crate) fn new(segments: Arc<Segments>, from: u64) -> Self {
        Self {
            segments,
            next: from.max(1),
            durable: 0,
            open: None,
            stopped: false,
        }
    }

    /// Number of the record that comes next.
    pub fn position(&self) -> u64 {
        self.next
    }

    fn advance(&mut self) -> Result<Option<Bytes>, Error> {
        if self.next > self.durable && !self.refresh()? {
            return Ok(None);
        }
        loop {
            if self.open.is_none() {
                self.open_segment()?;
            }
            let Some(open) = &mut self.open else {
                return Ok(None);
            };
            match open.frames.next().map_err(io_error("read", &open.path))? {
                Next::Frame(frame) => {
                    if let Some(payload) = Self::take(open, frame, self.next)? {
                        return Ok(Some(payload));
                    }
                }
                // Behind its durable length: the record is in the next segment, or was written since.
                Next::End => {
                    self.refresh()?;
                    self.follow()?;
                }
                Next::Bad(bad) => {
                    return Err(Error::Damaged {
                        file: open.path.clone(),
                        offset: open.frames.offset(),
                        what: bad.what.into(),
                    });
                }
            }
        }
    }

    /// The payload if it is the wanted record, `None` if an earlier one.
    fn take(open: &Open, frame: Frame, wanted: u64) -> Result<Option<Bytes>, Error> {
        match frame.head.seq {
            found if found < wanted => Ok(None),
            found if found == wanted => Ok(Some(frame.payload)),
            found => Err(Error::Gap {
                file: open.path.clone(),
                offset: frame.offset,
                expected: wanted,
                found,
            }),
        }
    }

    /// Learns how far the log is durable; false if not yet to the next record.
    fn refresh(&mut self) -> Result<bool, Error> {
        let state = self.segments.state();
        self.durable = state.durable;
        if self.next < state.first() {
            return Err(Error::Released {
                asked: self.next,
                first: state.first(),
            });
        }
        Ok(self.next <= state.durable)
    }

    fn segment(&self, wanted: impl Fn(&Segment) -> bool) -> Option<Segment> {
        self.segments
            .state()
            .list
            .iter()
            .rev()
            .copied()
            .find(wanted)
    }

    /// At the end of what was known of the segment: reads on in it, or in the one behind it.
    fn follow(&mut self) -> Result<(), Error> {
        let next = self.next;
        let holder = self.segment(|segment| segment.first <= next);
        match (&mut self.open, holder) {
            (Some(open), Some(holder)) if open.first == holder.first => {
                if holder.len <= open.frames.offset() {
                    return Err(Error::Damaged {
                        file: open.path.clone(),
                        offset: holder.len,
                        what: format!("record {next} should follow"),
                    });
                }
                open.frames.extend(holder.len);
            }
            _ => self.open = None,
        }
        Ok(())
    }

    fn open_segment(&mut self) -> Result<(), Error> {
        let next = self.next;
        let Some(segment) = self.segment(|segment| segment.first <= next) else {
            self.refresh()?; // gives the error that it was released
            return Ok(());
        };
        let path = self.segments.path(segment.first);
        let file = match self.segments.disk.open(&path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.refresh()?; // a release came in between
                return Err(io_error("open", path)(error));
            }
            opened => opened.map_err(io_error("open", &path))?,
        };
        let check = !self.segments.options.sabotaged(Sabotage::SkipCrcCheck);
        self.open = Some(Open {
            first: segment.first,
            path,
            frames: Frames::new(file, segment.len, check),
        });
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<(u64, Bytes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stopped {
            return None;
        }
        match self.advance() {
            Ok(None) => None,
            Ok(Some(payload)) => {
                self.next += 1;
                Some(Ok((self.next - 1, payload)))
            }
            Err(error) => {
                self.stopped = true;
                Some(Err(error))
            }
        }
    }
}
