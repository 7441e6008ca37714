//! Refused logins per address: a bound on guessing and on what it writes to audit and log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::backend::Micros;

/// Addresses remembered; beyond it the oldest window makes room, so memory stays under 1 MB.
const MAX_ADDRESSES: usize = 8_192;

/// Counts refused logins of each address over a window of time.
#[derive(Debug)]
pub struct Throttle {
    limit: u32,
    window: Micros,
    peers: Mutex<HashMap<Option<IpAddr>, Window>>,
}

#[derive(Debug)]
struct Window {
    began: Micros,
    failures: u32,
    unrecorded: u64,
}

/// What to do about a refused login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Refuse it and record it, together with `repeats` refused before that were only counted.
    Record {
        /// How many were only counted.
        repeats: u64,
    },
    /// Tell it to slow down, and record that: the first beyond the limit.
    SlowDown,
    /// Tell it to slow down; counted, to be recorded with the next.
    Count,
}

impl Throttle {
    /// At most `limit` in `window` from one address.
    pub fn new(limit: u32, window: Micros) -> Self {
        Self {
            limit,
            window,
            peers: Mutex::new(HashMap::new()),
        }
    }

    /// Whether this address has used up its window and is not to be heard before it has passed.
    pub fn spent(&self, peer: Option<IpAddr>, now: Micros) -> bool {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers
            .get(&peer)
            .is_some_and(|held| held.failures >= self.limit && now - held.began < self.window)
    }

    /// One more from this address; none is an address of its own.
    pub fn failed(&self, peer: Option<IpAddr>, now: Micros) -> Verdict {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MAX_ADDRESSES && !peers.contains_key(&peer) {
            let oldest = peers
                .iter()
                .min_by_key(|(_, window)| window.began)
                .map(|(peer, _)| *peer);
            if let Some(oldest) = oldest {
                peers.remove(&oldest);
            }
        }
        let entry = peers.entry(peer).or_insert(Window {
            began: now,
            failures: 0,
            unrecorded: 0,
        });
        if now - entry.began >= self.window {
            let repeats = entry.unrecorded;
            *entry = Window {
                began: now,
                failures: 1,
                unrecorded: 0,
            };
            return Verdict::Record { repeats };
        }
        entry.failures = entry.failures.saturating_add(1);
        if entry.failures <= self.limit {
            Verdict::Record { repeats: 0 }
        } else if entry.failures == self.limit + 1 {
            Verdict::SlowDown
        } else {
            entry.unrecorded += 1;
            Verdict::Count
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_counts_and_reports_later() {
        let throttle = Throttle::new(2, 60);
        assert_eq!(throttle.failed(None, 0), Verdict::Record { repeats: 0 });
        assert_eq!(throttle.failed(None, 1), Verdict::Record { repeats: 0 });
        assert_eq!(throttle.failed(None, 2), Verdict::SlowDown);
        assert_eq!(throttle.failed(None, 3), Verdict::Count);
        assert_eq!(throttle.failed(None, 4), Verdict::Count);
        assert!(throttle.spent(None, 4) && !throttle.spent(None, 60));
        let other = Some(IpAddr::from([10, 0, 0, 1]));
        assert!(!throttle.spent(other, 4));
        assert_eq!(throttle.failed(other, 4), Verdict::Record { repeats: 0 });
        assert_eq!(throttle.failed(None, 61), Verdict::Record { repeats: 2 });
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(2, 60);
        for peer in 0..20_000_u32 {
            throttle.failed(Some(IpAddr::from(peer.to_be_bytes())), i64::from(peer));
        }
        assert_eq!(throttle.peers.lock().unwrap().len(), MAX_ADDRESSES);
    }
}
