//! Lists in pages: by key, so that a page stays cheap and stable while rows are added.

use super::{Error, Identifier, Result};

/// Most rows one page may have: keeps a method short and an answer small.
pub const MAX_PAGE: u32 = 1_000;

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The `next` of the page before; `None` for the first.
    pub after: Option<String>,
    /// Rows wanted, clamped to 1..=[`MAX_PAGE`].
    pub limit: u32,
}

impl Page {
    /// The first `limit` rows.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    pub(super) fn limit(&self) -> i64 {
        i64::from(self.limit.clamp(1, MAX_PAGE))
    }

    /// The cursor as a row number.
    pub(super) fn after_row(&self) -> Result<Option<i64>> {
        self.after
            .as_deref()
            .map(|text| text.parse().map_err(|_| bad_cursor()))
            .transpose()
    }

    /// The cursor as `{time}/{id}`, the form of lists that are ordered by time.
    pub(super) fn after_time(&self) -> Result<Option<(i64, &str)>> {
        let Some(text) = &self.after else {
            return Ok(None);
        };
        let (time, id) = text.split_once('/').ok_or_else(bad_cursor)?;
        Ok(Some((time.parse().map_err(|_| bad_cursor())?, id)))
    }
}

pub(super) fn bad_cursor() -> Error {
    Error::invalid("page", "after", "is not a cursor of this list")
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Cursor of the page after this one; `None` at the end.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// From up to `limit + 1` rows: the one too many tells that there is a next page.
    pub(super) fn cut(mut items: Vec<T>, page: &Page, cursor: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

/// Which patients or devices to list; every field that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListFilter {
    /// Holder of this identifier.
    pub identifier: Option<Identifier>,
    /// Id, name, identifier value or another word of the row contains this, ASCII case aside.
    pub text: Option<String>,
}
