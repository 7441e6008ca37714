//! Beds, and who lies in them when.

use async_trait::async_trait;

use super::{BackendResult, ListPage, ListRequest, Micros, Principal};

/// What may be written of a bed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BedNew {
    /// Opaque id; a random one is made without.
    pub id: Option<String>,
    /// As people and monitors name it, unique; messages about alerts carry it.
    pub label: String,
    /// Opaque id of the site.
    pub site: Option<String>,
}

/// A bed and who lies there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bed {
    /// Opaque id.
    pub id: String,
    /// As people and monitors name it.
    pub label: String,
    /// Opaque id of the site.
    pub site: Option<String>,
    /// The stay that lasts; none while it is empty.
    pub stay: Option<Stay>,
}

/// A patient in a bed over `[from, until)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Opaque id.
    pub id: String,
    /// Opaque id of the bed.
    pub bed: String,
    /// Opaque id of the patient.
    pub patient: String,
    /// First moment.
    pub from: Micros,
    /// First moment no longer; open while the patient lies there.
    pub until: Option<Micros>,
    /// Who entered it.
    pub by: String,
    /// Who entered its end.
    pub ended_by: Option<String>,
}

/// A patient to put into a bed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StayNew {
    /// Label or opaque id of the bed.
    pub bed: String,
    /// Opaque id of the patient.
    pub patient: String,
    /// First moment; not in the future.
    pub from: Micros,
}

/// Which stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaySearch {
    /// In this bed, by label or opaque id.
    pub bed: Option<String>,
    /// Of this patient.
    pub patient: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}

/// Beds as HTTP sees them.
#[async_trait]
pub trait Beds {
    /// Beds by id, each with who lies there now.
    async fn beds(&self, list: &ListRequest) -> BackendResult<ListPage<Bed>>;

    /// Adds a bed; `Conflict` when label or id names one already.
    async fn create_bed(&self, bed: BedNew, by: &Principal) -> BackendResult<Bed>;

    /// Stays in the order they were entered.
    async fn stays(&self, search: &StaySearch) -> BackendResult<ListPage<Stay>>;

    /// Puts a patient into a bed: the stay before ends there. Where the patient lies already, nothing changes;
    /// `Conflict` when somebody else lies there.
    async fn place(&self, stay: StayNew, by: &Principal) -> BackendResult<Stay>;

    /// Ends a stay; `Conflict` when it has ended already or would end before it began.
    async fn end_stay(&self, id: &str, at: Micros, by: &Principal) -> BackendResult<Stay>;
}
