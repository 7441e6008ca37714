//! Feeds the live picture that the dashboard streams.

use arrow_array::RecordBatch;
use wardline_dashboard::live;
use wardline_store::Store;
use wardline_store::registry::{AlertFilter, Page, Registry, StoredAlertEvent};

/// The picture, filled from the tables at start and from the log from then on.
#[derive(Debug, Default)]
pub(crate) struct Live {
    picture: std::sync::Arc<live::Live>,
}

impl Live {
    pub(crate) fn picture(&self) -> std::sync::Arc<live::Live> {
        std::sync::Arc::clone(&self.picture)
    }

    /// The latest values and open alerts that are known already.
    pub(crate) async fn fill(&self, store: &Store, registry: &Registry) -> anyhow::Result<()> {
        for batch in store.sql("SELECT * FROM latest").await? {
            self.readings(&batch);
        }
        let filter = AlertFilter {
            states: vec!["active".into(), "recovering".into()],
            ..AlertFilter::default()
        };
        let mut page = Page::first(wardline_store::registry::MAX_PAGE);
        loop {
            let listed = registry.alerts(&filter, &page)?;
            self.picture.alerts(
                listed
                    .items
                    .iter()
                    .map(|alert| crate::backend::view(&alert.latest)),
            );
            let Some(next) = listed.next else {
                return Ok(());
            };
            page.after = Some(next);
        }
    }

    pub(crate) fn readings(&self, rows: &RecordBatch) {
        if let Err(error) = self.picture.readings(rows) {
            tracing::error!(%error, "a batch could not be shown live");
        }
    }

    pub(crate) fn alerts(&self, events: &[StoredAlertEvent]) {
        self.picture.alerts(
            events
                .iter()
                .map(|stored| crate::backend::view(&stored.event)),
        );
    }
}
