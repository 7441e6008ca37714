//! Alert events: visible as soon as the registry has them, once each.

use std::sync::{Arc, Mutex};

use super::*;
use crate::{AlertEventRow, AlertFeed};

#[derive(Default)]
struct Feed(Mutex<Vec<AlertEventRow>>);

impl AlertFeed for Feed {
    fn after(
        &self,
        rowid: i64,
        limit: usize,
    ) -> Result<Vec<AlertEventRow>, Box<dyn std::error::Error + Send + Sync>> {
        let all = self.0.lock().unwrap();
        let after = all.iter().filter(|e| e.rowid > rowid);
        Ok(after.take(limit).cloned().collect())
    }
}

fn event(rowid: i64) -> AlertEventRow {
    AlertEventRow {
        rowid,
        alert_id: format!("a{rowid}"),
        processed_time: T0,
        evidence: vec!["x".to_owned()],
        ..AlertEventRow::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_seen_once_before_and_after_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let feed = Arc::new(Feed::default());
    store.set_alert_feed(Arc::clone(&feed) as _);
    let count = "SELECT count(*) FROM alert";
    for rowid in 1..=3 {
        feed.0.lock().unwrap().push(event(rowid));
        assert_eq!(number(&store, count).await, rowid);
        store.flush().await.unwrap();
        assert_eq!(number(&store, count).await, rowid);
    }
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    store.set_alert_feed(feed);
    assert_eq!(number(&store, count).await, 3);
    store.close().await.unwrap();
}
