//! Memory of a connection's messages, taken from what all connections have together.
//!
//! A connection may always hold [`FREE`]: enough for the numerics of a bed. What it holds beyond that, of messages that
//! are not whole and of those that are not answered, comes out of the common store. When the store is empty, it reads
//! nothing more: TCP holds the sender back. Should two connections wait for each other's half messages, the one that
//! waits longest is closed, and its sender sends again.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that need no permission.
pub(crate) const FREE: usize = 16 << 10;

/// What one connection may hold.
#[derive(Debug)]
pub(crate) struct Budget {
    store: Arc<Semaphore>,
    permits: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(crate) fn new(store: Arc<Semaphore>) -> Self {
        Self {
            store,
            permits: None,
        }
    }

    /// Takes what is missing for this many bytes, and gives back what is not needed; whether it has enough now.
    pub(crate) fn fit(&mut self, bytes: usize) -> bool {
        let (want, have) = (kib(bytes), self.have());
        if want < have {
            let surplus = self.permits.as_mut().and_then(|all| all.split(have - want));
            drop(surplus);
        }
        let missing = count(want.saturating_sub(have));
        if missing > 0 {
            match Arc::clone(&self.store).try_acquire_many_owned(missing) {
                Ok(more) => self.add(more),
                Err(_) => return false,
            }
        }
        true
    }

    /// Resolves when there is enough for this many bytes.
    pub(crate) async fn wait(&mut self, bytes: usize) {
        let missing = count(kib(bytes).saturating_sub(self.have()));
        let more = Arc::clone(&self.store).acquire_many_owned(missing).await;
        self.add(more.expect("the store is never closed"));
    }

    fn have(&self) -> usize {
        self.permits
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits)
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.permits {
            Some(permits) => permits.merge(more),
            None => self.permits = Some(more),
        }
    }
}

/// What these bytes cost.
fn kib(bytes: usize) -> usize {
    bytes.saturating_sub(FREE).div_ceil(1 << 10)
}

fn count(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_is_given_back() {
        let store = Arc::new(Semaphore::new(100));
        let mut one = Budget::new(Arc::clone(&store));
        assert!(one.fit(FREE));
        assert_eq!(store.available_permits(), 100);
        assert!(one.fit(FREE + 1) && one.fit(FREE + (60 << 10)));
        assert_eq!(store.available_permits(), 40);
        let mut two = Budget::new(Arc::clone(&store));
        assert!(!two.fit(FREE + (41 << 10)));
        assert_eq!(store.available_permits(), 40);
        assert!(one.fit(FREE + (59 << 10)) && two.fit(FREE + (41 << 10)));
        assert_eq!(store.available_permits(), 0);
        drop(one);
        assert!(two.fit(0));
        assert_eq!(store.available_permits(), 100);
    }
}
