//! Records that no message to this server can hold, kept for a person as `too-large-{digest}.cbor`.
//!
//! The name is of the content: what is sent again is put aside once. At most [`MOST`] are kept; then nothing more is put
//! aside until a person has taken them away, and such entries stay in the spool.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};
use wardline_normalize::senml::{Pack, Record};

use crate::spool::replace;

const MOST: usize = 1_000;
const PREFIX: &str = "too-large-";

/// Writes it down, synced; whether it was not there yet.
pub(super) fn put(dir: &Path, device: &str, record: &Record) -> io::Result<bool> {
    let whole = Pack {
        device: device.to_owned(),
        gateway: None,
        records: vec![record.clone()],
    };
    let bytes = whole.to_cbor();
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let name = format!("{PREFIX}{digest}.cbor");
    if dir.join(&name).try_exists()? {
        // Its name may not be synced yet.
        return File::open(dir)?.sync_all().map(|()| false);
    }
    let mut kept = 0;
    for entry in std::fs::read_dir(dir)? {
        kept += usize::from(entry?.file_name().to_string_lossy().starts_with(PREFIX));
    }
    if kept >= MOST {
        return Err(io::Error::other(format!(
            "{kept} are already kept in {}; take them away",
            dir.display()
        )));
    }
    replace(dir, &name, &bytes)?;
    tracing::error!(
        device,
        file = name,
        "a record is too large for the server; it is put aside"
    );
    Ok(true)
}

#[cfg(test)]
mod tests {
    use wardline_normalize::senml::RecordValue;

    use super::*;

    fn record(number: usize) -> Record {
        Record::new("MDC_TEMP_BODY", RecordValue::Text(number.to_string()), 0)
    }

    #[test]
    fn each_is_put_aside_once_and_no_more_than_so_many() {
        let dir = tempfile::tempdir().unwrap();
        assert!(put(dir.path(), "d", &record(0)).unwrap());
        assert!(!put(dir.path(), "d", &record(0)).unwrap(), "again");
        let files = || std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files(), 1);
        for number in 1..MOST {
            std::fs::write(dir.path().join(format!("{PREFIX}{number}")), b"").unwrap();
        }
        put(dir.path(), "d", &record(1)).unwrap_err();
        assert!(!put(dir.path(), "d", &record(0)).unwrap());
        assert_eq!(files(), MOST);
        put(&dir.path().join("gone"), "d", &record(2)).unwrap_err();
    }
}
