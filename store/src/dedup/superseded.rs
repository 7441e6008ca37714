//! Contents that corrections have replaced.

use std::collections::VecDeque;

use super::SUPERSEDED_MAX;
use super::content::Content;
use crate::keyed::Keyed;

/// The newest replaced contents, by id.
#[derive(Debug, Default)]
pub(super) struct Superseded {
    contents: Keyed<Vec<Content>>,
    order: VecDeque<u128>,
}

impl Superseded {
    pub(super) fn has(&self, key: u128, content: Content) -> bool {
        self.contents
            .get(&key)
            .is_some_and(|all| all.contains(&content))
    }

    pub(super) fn add(&mut self, key: u128, content: Content) {
        self.contents.entry(key).or_default().push(content);
        self.order.push_back(key);
        if self.order.len() > SUPERSEDED_MAX
            && let Some(oldest) = self.order.pop_front()
            && let Some(all) = self.contents.get_mut(&oldest)
        {
            all.remove(0);
            if all.is_empty() {
                self.contents.remove(&oldest);
            }
        }
    }
}
