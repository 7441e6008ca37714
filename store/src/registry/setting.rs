//! Settings of the installation, as key and value.

use super::{Registry, Result};

/// Name of the site this installation serves.
pub const SETTING_SITE: &str = "site";
/// Random id of the installation, given when the registry is made; never changes.
pub const SETTING_INSTALLATION: &str = "installation-id";
/// Format of the data directory.
pub const SETTING_DATA_FORMAT: &str = "data-format";

impl Registry {
    /// A setting.
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        unimplemented!("{key}")
    }

    /// Sets one.
    pub fn set_setting(&self, key: &str, value: &str) -> Result<()> {
        unimplemented!("{key} {value}")
    }

    /// All of them, by key.
    pub fn settings(&self) -> Result<Vec<(String, String)>> {
        unimplemented!()
    }

    /// Random id of this installation.
    pub fn installation_id(&self) -> Result<String> {
        unimplemented!()
    }
}
