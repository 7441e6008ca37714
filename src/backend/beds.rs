//! Beds for HTTP, out of the registry.
//!
//! The rules know nothing of beds, so the log is not told: attribution by bed and the beds that messages name come
//! from the registry itself.

use async_trait::async_trait;
use tokio::task::block_in_place;
use wardline_dashboard::backend as api;
use wardline_dashboard::backend::{
    BackendError, BackendResult, BedNew, Beds, ListPage, ListRequest, Principal, StayNew,
    StaySearch,
};
use wardline_normalize::time::Micros;
use wardline_store::registry::{Bed, Occupied, Stay};

use super::registry::{listed, page};
use super::{Adapter, fault};

fn stay_view(stay: Stay) -> api::Stay {
    api::Stay {
        id: stay.id.to_string(),
        bed: stay.bed,
        patient: stay.patient,
        from: stay.from,
        until: stay.until,
        by: stay.author,
        ended_by: stay.ended_by,
    }
}

fn bed_view(Occupied { bed, stay }: Occupied) -> api::Bed {
    api::Bed {
        id: bed.id,
        label: bed.label,
        site: bed.site,
        stay: stay.map(stay_view),
    }
}

impl Adapter {
    fn known_bed(&self, name: &str) -> BackendResult<Bed> {
        let known = self.registry.bed(name).map_err(fault)?;
        known.ok_or_else(|| BackendError::NotFound(format!("bed {name}")))
    }
}

#[async_trait]
impl Beds for Adapter {
    async fn beds(&self, list: &ListRequest) -> BackendResult<ListPage<api::Bed>> {
        let page = page(list.after.as_ref(), list.limit);
        let found = self.registry.occupied_beds(&page).map_err(fault)?;
        Ok(listed(found, bed_view))
    }

    async fn create_bed(&self, bed: BedNew, _by: &Principal) -> BackendResult<api::Bed> {
        let made = block_in_place(|| {
            self.registry
                .create_bed(bed.id.as_deref(), &bed.label, bed.site.as_deref())
        });
        let bed = made.map_err(fault)?;
        Ok(bed_view(Occupied { bed, stay: None }))
    }

    async fn stays(&self, search: &StaySearch) -> BackendResult<ListPage<api::Stay>> {
        let bed = match &search.bed {
            Some(name) => Some(self.known_bed(name)?.id),
            None => None,
        };
        let page = page(search.after.as_ref(), search.limit);
        let found = self
            .registry
            .stays(bed.as_deref(), search.patient.as_deref(), &page)
            .map_err(fault)?;
        Ok(listed(found, stay_view))
    }

    async fn place(&self, stay: StayNew, by: &Principal) -> BackendResult<api::Stay> {
        // The registry would add a bed of that name; a bed that is mistyped must not stand in a message.
        let bed = self.known_bed(&stay.bed)?;
        let now = crate::clock::now();
        let (patient, from) = (&stay.patient, stay.from);
        let placed = block_in_place(|| {
            self.registry
                .place_patient(patient, Some(&bed.id), from, &by.name, now)
        });
        let made = placed.map_err(fault)?;
        made.map(stay_view)
            .ok_or_else(|| BackendError::Internal("no stay was made".to_owned()))
    }

    async fn end_stay(&self, id: &str, at: Micros, by: &Principal) -> BackendResult<api::Stay> {
        let missing = || BackendError::NotFound("stay".to_owned());
        let number = id.parse().map_err(|_| missing())?;
        let ended = block_in_place(|| self.registry.end_stay(number, at, &by.name));
        Ok(stay_view(ended.map_err(fault)?))
    }
}
