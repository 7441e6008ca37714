//! The search that the FHIR API asks for.

use arrow_array::RecordBatch;
use wardline_normalize::time::Micros;

/// Which Observations are wanted. Empty lists and absent bounds do not restrict; conditions are
/// joined by *and*, the members of a list by *or*.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Opaque patient ids.
    pub patients: Vec<String>,
    /// LOINC codes, MDC reference ids or LOINC codes of panels.
    pub codes: Vec<String>,
    /// Bounds on `effective`.
    pub effective: Vec<Bound>,
    /// Resource ids: row ids or panel ids.
    pub ids: Vec<String>,
    /// Opaque device ids.
    pub devices: Vec<String>,
    /// FHIR statuses.
    pub status: Vec<String>,
    /// Order of the resources.
    pub sort: Sort,
    /// Resources (not rows) of one page; 0 means [`Search::DEFAULT_LIMIT`].
    pub limit: usize,
    /// Where the previous page ended.
    pub after: Option<Cursor>,
    /// Also rows without a patient; FHIR never serves those.
    pub unattributed: bool,
}

impl Search {
    /// Resources of a page when none is given.
    pub const DEFAULT_LIMIT: usize = 100;
    /// Resources of a page at most.
    pub const MAX_LIMIT: usize = 10_000;
}

/// One comparison with `effective`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At or after.
    From(Micros),
    /// After.
    After(Micros),
    /// At or before.
    Until(Micros),
    /// Before.
    Before(Micros),
}

/// Order of resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Newest effective time first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
}

/// Key of the last resource of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its effective time.
    pub effective: Micros,
    /// Its resource id.
    pub id: String,
}

/// One page: whole resources, in order, all rows of a panel side by side.
#[derive(Clone, Debug)]
pub struct Page {
    /// Rows with the columns of the `observation` table.
    pub rows: RecordBatch,
    /// Where the next page starts; absent at the end.
    pub next: Option<Cursor>,
}
