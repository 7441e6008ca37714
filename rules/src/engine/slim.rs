//! A fold that takes room only while there is something in it: most rules see nothing on most patients.

use super::fold::Fold;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ops::{Deref, DerefMut};

static EMPTY: Fold = Fold::new();

/// Reads like a fold; the first change makes room for one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slim(Option<Box<Fold>>);

impl Slim {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Lets go of the room if nothing is in it.
    pub(crate) fn trim(&mut self) {
        if self.0.as_deref().is_some_and(|fold| *fold == EMPTY) {
            self.0 = None;
        }
    }

    /// As `other`, in the room there is.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (Some(mine), Some(other)) => mine.copy_from(other),
            (mine, other) => mine.clone_from(other),
        }
    }
}

impl Deref for Slim {
    type Target = Fold;

    fn deref(&self) -> &Fold {
        self.0.as_deref().unwrap_or(&EMPTY)
    }
}

impl DerefMut for Slim {
    fn deref_mut(&mut self) -> &mut Fold {
        self.0.get_or_insert_default()
    }
}

impl Serialize for Slim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Slim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fold = Fold::deserialize(deserializer)?;
        fold.tidy();
        let mut slim = Self(Some(Box::new(fold)));
        slim.trim();
        Ok(slim)
    }
}
