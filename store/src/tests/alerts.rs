//! Alert events: visible as soon as the registry has them, once each.

use std::sync::{Arc, Mutex};

use arrow_schema::Schema;

use super::*;
use crate::AlertFeed;
use crate::registry::{AlertEventRecord, StoredAlertEvent};
use crate::shapes;
use crate::sync_store::SyncStore;
use crate::table::{Purpose, Shape, Table, with_date, write_sorted};

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

/// A directory whose `alert` table a version made that knew fewer columns, with one event.
async fn of_an_earlier_version(dir: &Path) {
    let wide = shapes::alert();
    let known = wide.file_schema.index_of("page").unwrap();
    let columns: Vec<usize> = (0..known).collect();
    let file_schema = Arc::new(Schema::new(
        wide.file_schema.project(&columns).unwrap().fields,
    ));
    let narrow = Shape {
        file_schema,
        ..wide
    };
    open(dir).await.close().await.unwrap();
    let dir = dir.join("tables/alert");
    std::fs::remove_dir_all(&dir).unwrap();
    let mut table = Table::open(&dir, narrow, SyncStore::new(true))
        .await
        .unwrap();
    let rows = shapes::alert_rows(&[event(1)]).unwrap();
    let rows = with_date(&rows.project(&columns).unwrap(), &table.shape).unwrap();
    let adds = write_sorted(&table, rows).await.unwrap();
    let purpose = Purpose::Flush { position: 1 };
    table.commit(adds, &[], purpose).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_an_earlier_version_gets_the_columns_that_came_since() {
    let dir = tempfile::tempdir().unwrap();
    of_an_earlier_version(dir.path()).await;
    let feed = Arc::new(Feed::default());
    let mut limited = event(2);
    limited.event.limit_high = Some(130.0);
    limited.event.limit_source = Some("ward".to_owned());
    feed.0.lock().unwrap().extend([event(1), limited]);
    let seen = "SELECT count(*) * 100 + count(repeats) * 10 + count(limit_high) FROM alert";
    let ward = "SELECT rowid FROM alert WHERE limit_source = 'ward' AND limit_high > 120 AND page";
    for merged in [false, false, true] {
        let store = open(dir.path()).await;
        store.set_alert_feed(Arc::clone(&feed) as _);
        assert_eq!(number(&store, seen).await, 211);
        assert_eq!(number(&store, ward).await, 2);
        store.flush().await.unwrap();
        if merged {
            store.compact().await.unwrap();
        }
        assert_eq!(number(&store, seen).await, 211);
        assert_eq!(number(&store, ward).await, 2);
        store.close().await.unwrap();
    }
}
