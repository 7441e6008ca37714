//! What outlives a connection: one small file per device in the gateway's data directory.
//!
//! A record number is written only after the record is synced in the spool, so a crash in between fetches it again
//! and the server sees no difference; the other way round would lose it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use wardline_normalize::time::Micros;

use super::address::Address;

/// What is known of one device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Memory {
    /// Whose memory this is: under another address the device is another one.
    pub(crate) address: Option<Address>,
    /// It was bonded: if it is not any more, the bond was lost.
    pub(crate) bonded: bool,
    /// Its serial number was the expected one.
    pub(crate) serial_checked: bool,
    /// Last record that is safe, by service: sequence number (glucose), record number (generic health), minutes since
    /// the start of the session (CGM).
    pub(crate) last_record: BTreeMap<u16, u32>,
    /// Start of the CGM session, as sent (2AAA, hexadecimal): offsets count from it.
    pub(crate) session: Option<String>,
    /// When the session began by our clock, if its start is not set.
    pub(crate) session_began: Option<Micros>,
    /// CGM feature as sent (2AA8, hexadecimal): decides on the checksum before the first measurement.
    pub(crate) cgm_feature: Option<String>,
    /// Device information by characteristic.
    pub(crate) information: BTreeMap<u16, String>,
}

/// Where memories are kept.
#[derive(Debug, Clone)]
pub(crate) struct Memories {
    directory: PathBuf,
}

impl Memories {
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    fn file(&self, device: &str) -> PathBuf {
        self.directory.join(format!("{device}.json"))
    }

    /// The memory of a device; an empty one if there is none, or it is another device's, or it cannot be read (then
    /// everything is fetched again, and known for what it is by the server).
    pub(crate) fn load(&self, device: &str, address: Address) -> Memory {
        let fresh = Memory {
            address: Some(address),
            ..Memory::default()
        };
        let text = match std::fs::read(self.file(device)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return fresh,
            Err(error) => {
                tracing::warn!(device, %error, "the memory of the device cannot be read; its records are fetched again");
                return fresh;
            }
        };
        match serde_json::from_slice::<Memory>(&text) {
            Ok(memory) if memory.address == Some(address) => memory,
            Ok(_) => fresh,
            Err(error) => {
                tracing::warn!(device, %error, "the memory of the device is damaged; its records are fetched again");
                fresh
            }
        }
    }

    /// Writes the memory, synced: a new file takes the old one's place.
    pub(crate) fn save(&self, device: &str, memory: &Memory) -> std::io::Result<()> {
        let file = self.file(device);
        let fresh = self.directory.join(format!("{device}.json.new"));
        let text = serde_json::to_vec(memory)?;
        write_synced(&fresh, &text)?;
        std::fs::rename(&fresh, &file)?;
        std::fs::File::open(&self.directory)?.sync_all()
    }
}

fn write_synced(file: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_is_the_devices_with_the_same_address() {
        let directory = tempfile::tempdir().unwrap();
        let memories = Memories::new(directory.path());
        let address: Address = "C0:00:00:00:00:01".parse().unwrap();
        let mut memory = memories.load("meter", address);
        assert_eq!(memory.last_record.get(&0x1808), None);
        memory.last_record.insert(0x1808, 41);
        memory.bonded = true;
        memories.save("meter", &memory).unwrap();
        assert_eq!(memories.load("meter", address), memory);
        let other = "C0:00:00:00:00:02".parse().unwrap();
        assert_eq!(memories.load("meter", other).last_record.len(), 0);
    }

    #[test]
    fn a_damaged_memory_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let memories = Memories::new(directory.path());
        std::fs::write(directory.path().join("meter.json"), b"{\"bonded\":tr").unwrap();
        let memory = memories.load("meter", "C0:00:00:00:00:01".parse().unwrap());
        assert!(!memory.bonded);
    }
}
