//! Copies and checks of the whole file.

use std::path::Path;

use super::{Registry, Result};

impl Registry {
    /// Copies the registry to a new file (0600) while it is in use, as of one instant, checks the
    /// copy and syncs it. An existing file is refused.
    pub fn backup(&self, path: &Path) -> Result<()> {
        unimplemented!("{path:?}")
    }

    /// SQLite's own check of every page, index and reference. Empty when sound.
    pub fn integrity_check(&self) -> Result<Vec<String>> {
        unimplemented!()
    }
}
