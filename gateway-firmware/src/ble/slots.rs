//! Who may have a connection: a budget per adapter, spot devices before streams.

use std::time::Instant;

use super::profile::Priority;

/// A connection that somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// Index of the device in the configuration.
    pub(crate) device: usize,
    pub(crate) priority: Priority,
    pub(crate) since: Instant,
    /// On its way out already.
    pub(crate) leaving: bool,
}

/// A device that was seen and could be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) device: usize,
    pub(crate) priority: Priority,
    pub(crate) seen: Instant,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Nothing,
    Connect(usize),
    /// This stream must give its place to a spot device that waits.
    Evict(usize),
}

/// The most urgent candidate: spot before stream, then who was seen first.
pub(crate) fn decide(budget: usize, held: &[Held], candidates: &[Candidate]) -> Decision {
    let first = candidates
        .iter()
        .min_by_key(|c| (std::cmp::Reverse(c.priority), c.seen, c.device));
    let Some(first) = first else {
        return Decision::Nothing;
    };
    if held.len() < budget {
        return Decision::Connect(first.device);
    }
    if first.priority == Priority::Stream || held.iter().any(|h| h.leaving) {
        return Decision::Nothing;
    }
    // The stream that has had its connection for longest has lost least by a gap.
    held.iter()
        .filter(|h| h.priority == Priority::Stream)
        .min_by_key(|h| (h.since, h.device))
        .map_or(Decision::Nothing, |h| Decision::Evict(h.device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn held(device: usize, priority: Priority, since: Instant) -> Held {
        Held {
            device,
            priority,
            since,
            leaving: false,
        }
    }

    fn candidate(device: usize, priority: Priority, seen: Instant) -> Candidate {
        Candidate {
            device,
            priority,
            seen,
        }
    }

    #[test]
    fn a_spot_device_comes_before_a_stream_that_was_seen_earlier() {
        let t = Instant::now();
        let later = t + Duration::from_secs(1);
        let candidates = [
            candidate(1, Priority::Stream, t),
            candidate(2, Priority::Spot, later),
        ];
        assert_eq!(decide(2, &[], &candidates), Decision::Connect(2));
        assert_eq!(decide(2, &[], &candidates[..1]), Decision::Connect(1));
        assert_eq!(decide(2, &[], &[]), Decision::Nothing);
    }

    #[test]
    fn a_full_adapter_gives_the_longest_streams_place_to_a_spot_device_and_to_no_stream() {
        let t = Instant::now();
        let later = t + Duration::from_secs(1);
        let mut all = [
            held(1, Priority::Stream, later),
            held(2, Priority::Stream, t),
        ];
        assert_eq!(
            decide(2, &all, &[candidate(3, Priority::Spot, t)]),
            Decision::Evict(2)
        );
        assert_eq!(
            decide(2, &all, &[candidate(3, Priority::Stream, t)]),
            Decision::Nothing
        );
        all[1].leaving = true;
        assert_eq!(
            decide(2, &all, &[candidate(3, Priority::Spot, t)]),
            Decision::Nothing,
            "one is enough"
        );
        let spots = [held(1, Priority::Spot, t), held(2, Priority::Spot, t)];
        assert_eq!(
            decide(2, &spots, &[candidate(3, Priority::Spot, t)]),
            Decision::Nothing
        );
    }
}
