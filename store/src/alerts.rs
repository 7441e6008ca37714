//! The seam to the registry's alert events: they are committed there first and copied to the
//! `alert` table in the background.

use crate::registry::StoredAlertEvent;

/// Where committed alert events come from.
pub trait AlertFeed: Send + Sync + 'static {
    /// Events with a greater rowid, in rowid order, at most `limit`.
    ///
    /// # Errors
    /// The registry could not be read.
    fn after(
        &self,
        rowid: i64,
        limit: usize,
    ) -> Result<Vec<StoredAlertEvent>, Box<dyn std::error::Error + Send + Sync>>;
}
