//! Devices and patients that mapped events name: found in the registry or, where a route asks for it, registered.
//!
//! An event names a device by whatever its vendor calls it. The id under which it is stored is settled before the
//! rows are made, since the id of a row derives from it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use wardline_normalize::batch::Normalized;
use wardline_normalize::columns::Columns;
use wardline_normalize::id::is_fhir_id;
use wardline_normalize::mapping::route::Devices;
use wardline_normalize::time::Micros;
use wardline_store::Entry;
use wardline_store::registry::{
    Assignments, DeviceFields, Error, Identifier, NewAssignment, PatientFields, Registry,
};

use crate::config::Identity;

/// Author of what is registered because an event named it.
const AUTHOR: &str = "mapping";

/// Looks names up in the registry as it stands; remembers those that are to be registered.
#[derive(Debug)]
pub(super) struct Named {
    assignments: Arc<Assignments>,
    create: bool,
    /// Id to the name it stands for.
    unknown: Mutex<BTreeMap<String, String>>,
}

impl Named {
    pub(super) fn new(assignments: Arc<Assignments>, identity: Identity) -> Self {
        Self {
            assignments,
            create: identity == Identity::Create,
            unknown: Mutex::default(),
        }
    }
}

impl Devices for Named {
    /// The registered device of this id or identifier. A name that could be an id stands for itself: the device may
    /// be registered and assigned later, and its readings are kept until then.
    fn id<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>> {
        if self.assignments.knows_device(name) {
            return Some(Cow::Borrowed(name));
        }
        if let Some(id) = self.assignments.device_by_identifier(None, name) {
            return Some(Cow::Borrowed(id));
        }
        let id = if is_fhir_id(name) {
            name.to_owned()
        } else if self.create {
            hashed(name)
        } else {
            return None;
        };
        if self.create {
            self.unknown
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id.clone(), name.to_owned());
        }
        Some(Cow::Owned(id))
    }
}

/// Id of what is registered by its identifier alone: SHA-256 of `{system}_{value}`, without a system `_{value}`
/// (specification 4), so that whoever registers it first, it is one.
fn hashed(value: &str) -> String {
    Sha256::digest(format!("_{value}"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Registers the devices and patients that `rows` name, and assigns one to the other from its first reading on.
/// What cannot be registered is left to attribution, which refuses it with its reason. Returns what the log is to
/// carry ahead of the rows.
pub(super) fn register(
    registry: &Registry,
    named: &Named,
    normalized: &Normalized,
    now: Micros,
) -> Result<Vec<Entry>, Error> {
    let unknown =
        std::mem::take(&mut *named.unknown.lock().unwrap_or_else(PoisonError::into_inner));
    for (id, name) in &unknown {
        let fields = DeviceFields {
            identifiers: identifier(id, name),
            ..DeviceFields::default()
        };
        tolerate(registry.create_device(Some(id), &fields, now))?;
    }
    let Ok(columns) = Columns::new(&normalized.rows) else {
        return Ok(Vec::new());
    };
    let mut pairs: BTreeMap<(&str, &str), Micros> = BTreeMap::new();
    for (row, claims) in &normalized.claims {
        let Some(patient) = claims.patient.as_deref() else {
            continue;
        };
        let row = *row as usize;
        let at = columns.effective.value(row);
        pairs
            .entry((columns.device_id.value(row), patient))
            .and_modify(|first| *first = at.min(*first))
            .or_insert(at);
    }
    let mut entries = Vec::new();
    for ((device, patient), from) in pairs {
        let known = registry.assignments();
        if known.resolve(device, None, from).is_some() {
            continue;
        }
        let id = match known.by_identifier(None, patient) {
            Some(id) => id.to_owned(),
            None if known.knows_patient(patient) => patient.to_owned(),
            None => {
                let id = hashed(patient);
                let fields = PatientFields {
                    identifiers: identifier(&id, patient),
                    active: true,
                    ..PatientFields::default()
                };
                if let Some(patient) = tolerate(registry.create_patient(Some(&id), &fields, now))? {
                    entries.push(crate::core::patient_entry(&patient));
                }
                id
            }
        };
        let new = NewAssignment {
            device: device.to_owned(),
            device_user: None,
            patient: id,
            from,
            until: None,
            author: AUTHOR.to_owned(),
        };
        if let Some(assignment) = tolerate(registry.assign(&new, now))? {
            entries.push(crate::core::assignment_entry(&assignment));
        }
    }
    Ok(entries)
}

/// A name that is the id itself needs no identifier beside it.
fn identifier(id: &str, name: &str) -> Vec<Identifier> {
    if id == name {
        return Vec::new();
    }
    vec![Identifier {
        system: String::new(),
        value: name.to_owned(),
    }]
}

/// Another batch was quicker, or the name is not acceptable: attribution tells which.
fn tolerate<T>(made: Result<T, Error>) -> Result<Option<T>, Error> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(
            Error::Overlap(_)
            | Error::Taken { .. }
            | Error::Invalid { .. }
            | Error::NotFound { .. },
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_what_is_created_are_the_originals() {
        assert_eq!(
            hashed("patient1"),
            "cd3ee1fc63936b0083c968fe962a726d383ab6ee83af53d4f50507ccd646b68a"
        );
    }

    #[test]
    fn a_name_that_could_be_an_id_is_kept_and_another_must_be_known() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::open(&dir.path().join("registry.sqlite")).unwrap();
        let fields = DeviceFields {
            identifiers: identifier("d-7", "urn:x:7"),
            ..DeviceFields::default()
        };
        registry.create_device(Some("d-7"), &fields, 1).unwrap();
        let named = Named::new(registry.assignments(), Identity::Lookup);
        assert_eq!(named.id("urn:x:7").as_deref(), Some("d-7"));
        assert_eq!(named.id("d-8").as_deref(), Some("d-8"));
        assert_eq!(named.id("urn:x:8"), None);
        let creating = Named::new(registry.assignments(), Identity::Create);
        assert_eq!(
            creating.id("urn:x:8").as_deref(),
            Some(hashed("urn:x:8").as_str())
        );
    }
}
