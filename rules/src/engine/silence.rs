//! Silences by matcher.

use super::Engine;
use crate::Silence;

impl Engine {
    pub(super) fn silence(&mut self, silence: &Silence) {
        self.advance(silence.at);
    }
}
