use crate::Error;
use bytes::Bytes;

/// Streams records in order. `None` means: no more durable records now; it may be asked again later.
#[derive(Debug)]
pub struct Reader {
    pub(crate) next: u64,
}

impl Iterator for Reader {
    type Item = Result<(u64, Bytes), Error>;
    fn next(&mut self) -> Option<Self::Item> {
        Some(Err(Error::Closed))
    }
}
