//! Patients, devices and assignments for HTTP, out of the registry.

use wardline_dashboard::backend as api;
use wardline_dashboard::backend::{
    AssignmentNew, AssignmentSearch, BackendError, BackendResult, DeviceWrite, ListPage,
    ListRequest, PatientWrite, Principal,
};
use wardline_store::registry::{
    Assignment, AssignmentFilter, Device, DeviceFields, Identifier, ListFilter, Listed,
    NewAssignment, Page, Patient, PatientFields, Registry, Sex,
};

use super::fault;

pub(super) fn page(after: Option<&String>, limit: usize) -> Page {
    Page {
        after: after.cloned(),
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
    }
}

pub(super) fn listed<T, U>(listed: Listed<T>, view: impl Fn(T) -> U) -> ListPage<U> {
    ListPage {
        items: listed.items.into_iter().map(view).collect(),
        next: listed.next,
    }
}

fn identifiers(list: Vec<Identifier>) -> Vec<api::Identifier> {
    list.into_iter()
        .map(|one| api::Identifier {
            system: one.system,
            value: one.value,
        })
        .collect()
}

fn stored_identifiers(list: Vec<api::Identifier>) -> Vec<Identifier> {
    list.into_iter()
        .map(|one| Identifier {
            system: one.system,
            value: one.value,
        })
        .collect()
}

pub(super) fn patient_fields(write: PatientWrite) -> BackendResult<PatientFields> {
    let sex = match write.gender.as_deref() {
        None => None,
        Some(gender) => Some(Sex::parse(gender).ok_or_else(|| {
            BackendError::Invalid("gender is not male, female, other or unknown".to_owned())
        })?),
    };
    let identifiers = stored_identifiers(write.identifiers);
    Ok(PatientFields {
        name: write.name,
        birth_date: write.birth_date,
        sex,
        tags: write.tags,
        identifiers,
        active: true,
        ward: write.ward,
        care_team: write.care_team,
    })
}

fn patient_view(patient: Patient) -> api::Patient {
    api::Patient {
        id: patient.id,
        data: PatientWrite {
            name: patient.fields.name,
            birth_date: patient.fields.birth_date,
            gender: patient.fields.sex.map(|sex| sex.as_str().to_owned()),
            tags: patient.fields.tags,
            identifiers: identifiers(patient.fields.identifiers),
            ward: patient.fields.ward,
            care_team: patient.fields.care_team,
        },
        bed: patient.bed,
        ward_since: patient.ward_since,
        ward_before: patient.ward_before,
    }
}

/// A list's entries that contain the text, if one is given.
fn filter(list: &ListRequest) -> ListFilter {
    ListFilter {
        identifier: None,
        text: list.text.clone(),
    }
}

pub(super) fn patients(
    registry: &Registry,
    list: &ListRequest,
) -> BackendResult<ListPage<api::Patient>> {
    let found = registry
        .patients(&filter(list), &page(list.after.as_ref(), list.limit))
        .map_err(fault)?;
    Ok(listed(found, patient_view))
}

pub(super) fn patient(registry: &Registry, id: &str) -> BackendResult<api::Patient> {
    match registry.patient(id).map_err(fault)? {
        Some(patient) => Ok(patient_view(patient)),
        None => Err(BackendError::NotFound("patient".to_owned())),
    }
}

pub(super) fn device_fields(write: DeviceWrite) -> DeviceFields {
    DeviceFields {
        kind: write.kind,
        model: write.model,
        site: write.site,
        gateway: write.gateway,
        identifiers: stored_identifiers(write.identifiers),
        ..DeviceFields::default()
    }
}

fn device_view(device: Device) -> api::Device {
    api::Device {
        id: device.id,
        data: DeviceWrite {
            kind: device.fields.kind,
            model: device.fields.model,
            site: device.fields.site,
            gateway: device.fields.gateway,
            identifiers: identifiers(device.fields.identifiers),
        },
    }
}

pub(super) fn devices(
    registry: &Registry,
    list: &ListRequest,
) -> BackendResult<ListPage<api::Device>> {
    let found = registry
        .devices(&filter(list), &page(list.after.as_ref(), list.limit))
        .map_err(fault)?;
    Ok(listed(found, device_view))
}

pub(super) fn device(registry: &Registry, id: &str) -> BackendResult<api::Device> {
    match registry.device(id).map_err(fault)? {
        Some(device) => Ok(device_view(device)),
        None => Err(BackendError::NotFound("device".to_owned())),
    }
}

pub(super) fn assignment(assignment: Assignment) -> api::Assignment {
    api::Assignment {
        id: assignment.id.to_string(),
        data: AssignmentNew {
            device: assignment.device,
            device_user: assignment.device_user,
            patient: assignment.patient,
            from: assignment.from,
            until: assignment.until,
        },
        by: assignment.author,
        cancelled: assignment.cancelled,
    }
}

pub(super) fn assignments(
    registry: &Registry,
    search: &AssignmentSearch,
) -> BackendResult<ListPage<api::Assignment>> {
    let filter = AssignmentFilter {
        device: search.device.clone(),
        patient: search.patient.clone(),
        at: search.at,
        cancelled: true,
    };
    let page = page(search.after.as_ref(), search.limit);
    Ok(listed(
        registry.list_assignments(&filter, &page).map_err(fault)?,
        assignment,
    ))
}

pub(super) fn assign(
    registry: &Registry,
    new: &AssignmentNew,
    by: &Principal,
) -> BackendResult<Assignment> {
    let new = NewAssignment {
        device: new.device.clone(),
        device_user: new.device_user.clone(),
        patient: new.patient.clone(),
        from: new.from,
        until: new.until,
        author: by.name.clone(),
    };
    registry.assign(&new, crate::clock::now()).map_err(fault)
}

/// Ends an assignment; gives it as it stood and as it stands.
pub(super) fn end(
    registry: &Registry,
    id: &str,
    at: i64,
    by: &Principal,
) -> BackendResult<(Assignment, Assignment)> {
    let missing = || BackendError::NotFound("assignment".to_owned());
    let number = id.parse().map_err(|_| missing())?;
    let before = registry
        .assignment(number)
        .map_err(fault)?
        .ok_or_else(missing)?;
    let now = crate::clock::now();
    let after = if at <= before.from {
        registry.cancel_assignment(number, &by.name, now)
    } else {
        registry.end_assignment(number, at, &by.name, now)
    };
    Ok((before, after.map_err(fault)?))
}
