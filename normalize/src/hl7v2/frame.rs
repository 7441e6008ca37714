//! Messages out of a stream of bytes: MLLP frames, plain messages one after another, batch files.
//!
//! MLLP: `0x0B message 0x1C 0x0D`. Taken as well: frames without the final CR, several messages in one frame, messages
//! without any frame, junk between. A message without a frame ends where the next begins, at a batch trailer, or when
//! the caller knows that nothing more comes ([`Splitter::finish`]).
//!
//! Sans I/O: the caller pushes what it read, in whatever pieces, and takes messages until there is none. Every byte is
//! looked at once.

/// Longest message in bytes. The longest seen are snippets of waveforms: ten seconds of twelve leads at 500 samples a
/// second are 400 kB.
pub const MAX_MESSAGE: usize = 1 << 20;

/// Room that a splitter keeps: a thousand connections that each once had a long message do not hold on to it.
const KEPT: usize = 16 << 10;

/// Begin of a frame.
pub const BEGIN: u8 = 0x0B;
/// End of a frame; a CR follows.
pub const END: u8 = 0x1C;
const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// One message, without its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub bytes: Vec<u8>,
    /// Whether it came in a frame.
    pub framed: bool,
    /// Whether its frame was closed; a plain message has no other end than the next one's begin.
    pub complete: bool,
    /// Whether bytes that belong to no message were passed over before it.
    pub junk: bool,
}

/// Bytes that are not handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("a message of {0} bytes is longer than {MAX_MESSAGE}")]
    TooLong(u64),
    #[error("a frame began inside another, after {0} bytes")]
    Truncated(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Between messages.
    #[default]
    Seek,
    /// In a message, of a frame or not.
    Message { framed: bool },
    /// In a message that is too long; so many bytes of it are gone.
    Skip { framed: bool, gone: u64 },
}

/// Takes bytes, gives messages. Holds at most one message and what was pushed after it.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: Vec<u8>,
    /// Begin of what is not yet handed on.
    start: usize,
    /// Up to here bytes were looked at.
    scanned: usize,
    state: State,
    junk: bool,
    ended: bool,
}

/// What a look at one place shows.
enum Mark {
    /// Nothing of note.
    None,
    /// A segment that begins a message.
    Header,
    /// A segment of a batch.
    Batch,
    /// More bytes are needed to tell.
    Short,
}

impl Splitter {
    /// Adds bytes. The caller takes messages until there is none before it pushes more: that bounds the buffer.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
            if self.buffer.len() + bytes.len() <= KEPT {
                self.buffer.shrink_to(KEPT);
            }
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Nothing more comes: what is there ends here.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// Whether a message without a frame is under way. Senders that frame nothing leave its end open: after a pause,
    /// [`Self::finish`] closes it; [`Self::push`] may go on afterwards.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.state == State::Message { framed: false }
    }

    /// Bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// The next message.
    pub fn take(&mut self) -> Option<Result<Frame, Broken>> {
        loop {
            let step = match self.state {
                State::Seek => self.seek(),
                State::Message { framed } => self.message(framed),
                State::Skip { framed, gone } => self.skip(framed, gone),
            };
            match step {
                Step::Again => {}
                Step::Give(given) => return Some(given),
                Step::Starved => {
                    self.ended = false;
                    return None;
                }
            }
        }
    }

    fn seek(&mut self) -> Step {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            if byte == BEGIN {
                self.scanned += 1;
                self.start = self.scanned;
                self.state = State::Message { framed: true };
                return Step::Again;
            }
            match self.mark(self.scanned) {
                Mark::Header => {
                    self.start = self.scanned;
                    self.scanned += 3;
                    self.state = State::Message { framed: false };
                    return Step::Again;
                }
                Mark::Short => return Step::Starved,
                Mark::Batch => {
                    // The rest of the line says nothing about messages.
                    let rest = &self.buffer[self.scanned..];
                    let length = rest.iter().position(|b| matches!(*b, CR | LF | END));
                    match length {
                        Some(length) => self.scanned += length,
                        None if self.ended => self.scanned = self.buffer.len(),
                        None if rest.len() > MAX_MESSAGE => self.scanned = self.buffer.len(),
                        None => return Step::Starved,
                    }
                }
                Mark::None => {
                    self.junk |= !matches!(byte, CR | LF | END | b' ' | b'\t' | 0);
                    self.scanned += 1;
                }
            }
            self.start = self.scanned;
        }
        Step::Starved
    }

    /// A segment name at the begin of a line or, between messages, anywhere.
    fn mark(&self, at: usize) -> Mark {
        let rest = &self.buffer[at..];
        let Some(first) = rest.first() else {
            return Mark::Short;
        };
        if !matches!(first, b'M' | b'F' | b'B') {
            return Mark::None;
        }
        let name = &rest[..rest.len().min(3)];
        let names: [(&[u8], Mark); 5] = [
            (b"MSH", Mark::Header),
            (b"FHS", Mark::Batch),
            (b"BHS", Mark::Batch),
            (b"BTS", Mark::Batch),
            (b"FTS", Mark::Batch),
        ];
        for (known, mark) in names {
            if name == known {
                return match rest.get(3) {
                    Some(next) if next.is_ascii_alphanumeric() => Mark::None,
                    Some(_) => mark,
                    // A trailer may be a bare name.
                    None if self.ended => mark,
                    None => Mark::Short,
                };
            }
            if name.len() < 3 && known.starts_with(name) && !self.ended {
                return Mark::Short;
            }
        }
        Mark::None
    }

    /// Looks for the end of a message; `Some((end, next))` where it ends and where looking goes on.
    fn end(&mut self) -> Option<(usize, Ending)> {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            let at = self.scanned;
            match byte {
                END => {
                    self.scanned += 1;
                    return Some((at, Ending::Closed));
                }
                BEGIN => return Some((at, Ending::Begin)),
                b'M' | b'F' | b'B' => {
                    let line_start = at
                        .checked_sub(1)
                        .filter(|before| *before >= self.start)
                        .is_some_and(|before| matches!(self.buffer[before], CR | LF));
                    if line_start {
                        match self.mark(at) {
                            Mark::Header | Mark::Batch => return Some((at, Ending::Next)),
                            Mark::Short => return None,
                            Mark::None => {}
                        }
                    }
                }
                _ => {}
            }
            self.scanned += 1;
        }
        if self.ended {
            return Some((self.scanned, Ending::Ended));
        }
        None
    }

    fn message(&mut self, framed: bool) -> Step {
        let Some((end, ending)) = self.end() else {
            let held = self.buffer.len() - self.start;
            if held > MAX_MESSAGE {
                self.state = State::Skip {
                    framed,
                    gone: held as u64,
                };
                self.start = self.scanned;
                return Step::Again;
            }
            return Step::Starved;
        };
        let bytes = self.buffer[self.start..end].to_vec();
        let junk = self.junk;
        self.after(framed, end, ending);
        if framed && ending == Ending::Begin {
            return Step::Give(Err(Broken::Truncated(bytes.len() as u64)));
        }
        if bytes.len() > MAX_MESSAGE {
            return Step::Give(Err(Broken::TooLong(bytes.len() as u64)));
        }
        if bytes.trim_ascii().is_empty() {
            return Step::Again;
        }
        Step::Give(Ok(Frame {
            bytes,
            framed,
            complete: ending != Ending::Ended || !framed,
            junk,
        }))
    }

    fn skip(&mut self, framed: bool, gone: u64) -> Step {
        let from = self.start;
        match self.end() {
            Some((end, ending)) => {
                let total = gone + (end - from) as u64;
                self.after(framed, end, ending);
                Step::Give(Err(Broken::TooLong(total)))
            }
            None => {
                self.state = State::Skip {
                    framed,
                    gone: gone + (self.scanned - from) as u64,
                };
                // One byte stays, so that the begin of a line is seen.
                self.start = self.scanned.saturating_sub(1).max(from);
                if let State::Skip { gone, .. } = &mut self.state {
                    *gone -= (self.scanned - self.start) as u64;
                }
                Step::Starved
            }
        }
    }

    fn after(&mut self, framed: bool, end: usize, ending: Ending) {
        self.junk = false;
        self.start = self.scanned;
        self.state = match ending {
            // Another message of the same frame, or a batch segment between.
            Ending::Next => {
                self.start = end;
                match self.mark(end) {
                    Mark::Header => {
                        self.scanned = end + 3;
                        State::Message { framed }
                    }
                    _ => State::Seek,
                }
            }
            Ending::Closed | Ending::Begin | Ending::Ended => State::Seek,
        };
    }
}

enum Step {
    Again,
    Give(Result<Frame, Broken>),
    Starved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// By the end of its frame.
    Closed,
    /// By the begin of another frame.
    Begin,
    /// By the next message or a batch segment.
    Next,
    /// By the end of the stream.
    Ended,
}

/// A message in a frame.
#[must_use]
pub fn wrap(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(message.len() + 3);
    frame.push(BEGIN);
    frame.extend_from_slice(message);
    frame.extend_from_slice(&[END, CR]);
    frame
}
