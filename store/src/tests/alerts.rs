//! Alert events: visible as soon as the registry has them, once each.

use std::sync::{Arc, Mutex};

use super::*;
use crate::AlertFeed;
use crate::registry::{AlertEventRecord, StoredAlertEvent};

#[derive(Default)]
struct Feed(Mutex<Vec<StoredAlertEvent>>);

impl AlertFeed for Feed {
    fn after(
        &self,
        rowid: i64,
        limit: usize,
    ) -> Result<Vec<StoredAlertEvent>, Box<dyn std::error::Error + Send + Sync>> {
        let all = self.0.lock().unwrap();
        let after = all.iter().filter(|e| e.rowid > rowid);
        Ok(after.take(limit).cloned().collect())
    }
}

fn event(rowid: i64) -> StoredAlertEvent {
    let event = AlertEventRecord {
        seq: 1,
        ordinal: 0,
        alert_id: format!("a{rowid}"),
        rule_id: "r".to_owned(),
        rule_version: "1".to_owned(),
        subject: "Patient/p1".to_owned(),
        device_id: None,
        class: "physiological".to_owned(),
        priority: "high".to_owned(),
        event: "raised".to_owned(),
        state: "active".to_owned(),
        acknowledged_by: None,
        acknowledged_at: None,
        silenced_until: None,
        escalation_level: 0,
        onset: T0,
        ended: None,
        event_time: T0,
        processed_time: T0,
        value: None,
        unit: None,
        message: String::new(),
        evidence: vec!["x".to_owned()],
        page: true,
        reason: None,
        limit_low: None,
        limit_high: None,
        limit_source: None,
        latched: false,
        silenced_by: None,
        repeats: 0,
    };
    StoredAlertEvent { rowid, event }
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
