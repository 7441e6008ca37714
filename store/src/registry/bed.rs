//! Beds, and who lay in them when.

use super::{Listed, Micros, Page, Registry, Result};

/// A bed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bed {
    /// Opaque id.
    pub id: String,
    /// As monitors name it (`ICU^^5^HOSPITAL`), unique.
    pub label: String,
    /// Opaque id of the site.
    pub site: Option<String>,
}

/// A patient in a bed over `[from, until)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// Row number.
    pub id: i64,
    /// Opaque id of the bed.
    pub bed: String,
    /// Opaque id of the patient.
    pub patient: String,
    /// First instant.
    pub from: Micros,
    /// First instant after it; `None` while it lasts.
    pub until: Option<Micros>,
    /// Who entered it.
    pub author: String,
    /// When it was entered.
    pub created_at: Micros,
}

impl Registry {
    /// Adds a bed; without an id a random one is given.
    pub fn create_bed(&self, id: Option<&str>, label: &str, site: Option<&str>) -> Result<Bed> {
        unimplemented!("{id:?} {label:?} {site:?}")
    }

    /// Beds by id.
    pub fn beds(&self, page: &Page) -> Result<Listed<Bed>> {
        unimplemented!("{page:?}")
    }

    /// Puts a patient into a bed. Refused where another stay in that bed overlaps.
    pub fn occupy_bed(
        &self,
        bed: &str,
        patient: &str,
        from: Micros,
        until: Option<Micros>,
        author: &str,
        clock: Micros,
    ) -> Result<Stay> {
        unimplemented!("{bed} {patient} {from} {until:?} {author} {clock}")
    }

    /// Ends the stay that holds the bed at `at`, there.
    pub fn leave_bed(&self, bed: &str, at: Micros, author: &str) -> Result<Stay> {
        unimplemented!("{bed} {at} {author}")
    }

    /// Stays in the order they were entered.
    pub fn stays(&self, bed: Option<&str>, patient: Option<&str>, page: &Page) -> Result<Listed<Stay>> {
        unimplemented!("{bed:?} {patient:?} {page:?}")
    }
}
