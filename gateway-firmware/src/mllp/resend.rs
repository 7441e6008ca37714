//! Messages that were answered already, so that a resend gets the same answer and no second publication.
//!
//! A resend is the same bytes, which holds sender (MSH-3) and control id (MSH-10) among them: numbering that starts
//! again at 1 does not make another message a resend. Only a message that names its control id and its own time
//! (MSH-7) can be told to be one: without, a monitor that says the same twice may mean it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::answer::Verdict;

/// Messages remembered: at a thousand a second the last minute, a few times longer than any sender waits for an
/// answer. Some 4 MiB.
const WINDOW: usize = 65_536;

/// What a message is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key(u128);

impl Key {
    pub(crate) fn new(message: &[u8]) -> Self {
        let hash = Sha256::digest(message);
        let mut half = [0; 16];
        half.copy_from_slice(&hash[..16]);
        Self(u128::from_le_bytes(half))
    }
}

/// The last answers, over all connections: a sender that gets none comes back on a new one.
#[derive(Debug, Default)]
pub(crate) struct Answered(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    verdicts: HashMap<Key, Verdict>,
    order: VecDeque<Key>,
}

impl Answered {
    /// How it was answered the first time.
    pub(crate) fn before(&self, key: Key) -> Option<Verdict> {
        let window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        window.verdicts.get(&key).copied()
    }

    /// The answer stands. A message that may be sent again later is not remembered: later it may be taken.
    pub(crate) fn remember(&self, key: Key, verdict: Verdict) {
        if verdict == Verdict::Later {
            return;
        }
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.verdicts.insert(key, verdict).is_none() {
            window.order.push_back(key);
        }
        if window.order.len() > WINDOW
            && let Some(oldest) = window.order.pop_front()
        {
            window.verdicts.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stands_until_the_window_has_passed() {
        let answered = Answered::default();
        let key = |number: usize| Key::new(format!("MSH|^~\\&|{number}").as_bytes());
        assert_eq!(answered.before(key(0)), None);
        answered.remember(key(0), Verdict::Taken);
        answered.remember(key(1), Verdict::Never);
        answered.remember(key(2), Verdict::Later);
        assert_eq!(answered.before(key(0)), Some(Verdict::Taken));
        assert_eq!(answered.before(key(1)), Some(Verdict::Never));
        assert_eq!(answered.before(key(2)), None);
        for number in 3..WINDOW + 2 {
            answered.remember(key(number), Verdict::Taken);
        }
        assert_eq!(answered.before(key(0)), None);
        assert_eq!(answered.before(key(1)), Some(Verdict::Never));
        let window = answered.0.lock().unwrap();
        assert_eq!(
            (window.order.len(), window.verdicts.len()),
            (WINDOW, WINDOW)
        );
    }
}
