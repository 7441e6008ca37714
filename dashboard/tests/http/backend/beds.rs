//! Beds in memory.

use async_trait::async_trait;
use wardline_dashboard::backend::*;

use super::{Memory, page};

#[async_trait]
impl Beds for Memory {
    async fn beds(&self, list: &ListRequest) -> BackendResult<ListPage<Bed>> {
        let beds = self.beds.lock().unwrap().clone();
        Ok(page(beds, list.after.as_ref(), list.limit))
    }

    async fn create_bed(&self, bed: BedNew, _by: &Principal) -> BackendResult<Bed> {
        let mut beds = self.beds.lock().unwrap();
        let made = Bed {
            id: bed.id.unwrap_or_else(|| format!("b{}", beds.len() + 1)),
            label: bed.label,
            site: bed.site,
            stay: None,
        };
        beds.push(made.clone());
        Ok(made)
    }

    async fn stays(&self, search: &StaySearch) -> BackendResult<ListPage<Stay>> {
        let beds = self.beds.lock().unwrap();
        let stays = beds.iter().filter_map(|bed| bed.stay.clone());
        Ok(page(stays.collect(), search.after.as_ref(), search.limit))
    }

    async fn place(&self, stay: StayNew, by: &Principal) -> BackendResult<Stay> {
        let mut beds = self.beds.lock().unwrap();
        let missing = || BackendError::NotFound("bed".into());
        let bed = beds.iter_mut().find(|bed| bed.label == stay.bed);
        let bed = bed.ok_or_else(missing)?;
        let made = Stay {
            id: format!("s-{}", bed.id),
            bed: bed.id.clone(),
            patient: stay.patient,
            from: stay.from,
            until: None,
            by: by.name.clone(),
            ended_by: None,
        };
        bed.stay = Some(made.clone());
        Ok(made)
    }

    async fn end_stay(&self, id: &str, at: Micros, by: &Principal) -> BackendResult<Stay> {
        let mut beds = self.beds.lock().unwrap();
        let held = beds
            .iter_mut()
            .find(|bed| bed.stay.as_ref().is_some_and(|stay| stay.id == id));
        let stay = held.and_then(|bed| bed.stay.take());
        let missing = || BackendError::NotFound("stay".into());
        Ok(Stay {
            until: Some(at),
            ended_by: Some(by.name.clone()),
            ..stay.ok_or_else(missing)?
        })
    }
}
