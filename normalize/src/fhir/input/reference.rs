//! References to patients, encounters and devices, and whom they name.
//!
//! Of a patient the business identifier counts (`system|value`): that of the reference, else that of the Patient
//! resource in the same document, else the literal id. Of a device the literal id counts, since rows derive their
//! ids from it and the Device resource may be sent only once; a `urn:` or contained reference has none, so the
//! resource's identifiers name it, and its id after them.

use super::json::{At as _, Fault, Object};
use crate::id::is_fhir_id;
use crate::measurement::Reason;
use crate::senml::MAX_TEXT;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

/// Resources of a document that references may mean: by full URL, by `Type/id`, contained ones by `#id`.
#[derive(Debug, Default)]
pub(super) struct Resources {
    by_name: HashMap<String, Rc<Resource>>,
}

/// What identifies a resource. Read once, however many references mean it.
#[derive(Debug)]
struct Resource {
    kind: &'static str,
    id: Option<String>,
    /// `system|value` or a bare value; old ones last.
    identifiers: Vec<String>,
    /// The device a DeviceMetric belongs to.
    source: Option<String>,
}

/// The types that are looked up.
const KEPT: [&str; 4] = ["Patient", "Device", METRIC, "Encounter"];
const METRIC: &str = "DeviceMetric";

/// Identifiers of one resource that are read: each Observation that refers to it gets a copy.
const MAX_IDENTIFIERS: usize = 16;

impl Resources {
    /// Keeps a resource of a Bundle if references to it matter.
    pub(super) fn add(
        &mut self,
        full_url: Option<&str>,
        resource: &Object<'_>,
    ) -> Result<(), Fault> {
        let Some(resource) = Resource::read(resource)?.map(Rc::new) else {
            return Ok(());
        };
        if let Some(id) = &resource.id {
            self.by_name
                .insert(format!("{}/{id}", resource.kind), Rc::clone(&resource));
        }
        if let Some(url) = full_url {
            self.by_name.insert(url.to_owned(), resource);
        }
        Ok(())
    }

    /// The resources that an Observation contains.
    pub(super) fn contained(observation: &Object<'_>) -> Result<Self, Fault> {
        let mut by_name = HashMap::new();
        for (index, object) in observation.objects("contained")?.iter().enumerate() {
            let within = |fault: Fault| fault.in_item(index).at("contained");
            let kind = object.text("resourceType").map_err(within)?;
            if kind.as_deref() == Some("Observation") {
                let what = "is an Observation inside another one";
                return Err(within(Fault::new(Reason::UnsupportedField, what)));
            }
            if let Some(resource) = Resource::read(object).map_err(within)?
                && let Some(id) = &resource.id
            {
                by_name.insert(format!("#{id}"), Rc::new(resource));
            }
        }
        Ok(Self { by_name })
    }

    fn get(&self, name: &str) -> Option<&Resource> {
        self.by_name.get(name).map(Rc::as_ref)
    }
}

impl Resource {
    /// `None` of a type that no reference here means.
    fn read(object: &Object<'_>) -> Result<Option<Self>, Fault> {
        let kind = object.text("resourceType")?;
        let Some(kind) = KEPT.into_iter().find(|kept| Some(*kept) == kind.as_deref()) else {
            return Ok(None);
        };
        let mut identifiers = Vec::new();
        let mut old = Vec::new();
        let list = object.objects("identifier")?;
        for (index, object) in list.iter().take(MAX_IDENTIFIERS).enumerate() {
            let within = |fault: Fault| fault.in_item(index).at("identifier");
            let of_use = object.text("use").map_err(within)?;
            let read = identifier(object).map_err(within)?;
            match of_use.as_deref() {
                Some("old") => old.extend(read),
                _ => identifiers.extend(read),
            }
        }
        identifiers.extend(old);
        let source = match object.object("source") {
            Ok(Some(source)) if kind == METRIC => source.text("reference").at("source")?,
            _ => None,
        };
        Ok(Some(Self {
            kind,
            id: object.text("id")?.map(Cow::into_owned),
            identifiers,
            source: source.map(Cow::into_owned),
        }))
    }
}

/// What an Observation's references are looked up in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'s> {
    pub(super) bundle: &'s Resources,
    pub(super) contained: &'s Resources,
}

/// `Type` and `id`, or `identifier`, of whom a reference means.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// `None` where the reference does not say.
    pub(super) kind: Option<String>,
    /// The id in a literal reference.
    literal: Option<String>,
    /// `system|value` or a bare value, the most telling first.
    identifiers: Vec<String>,
    /// The id of a resource that only its `urn:` or fragment names.
    resource_id: Option<String>,
}

fn lost(what: &'static str) -> Fault {
    Fault::new(Reason::BadValue, what)
}

/// Reads a reference; one that only has words for people names nobody.
pub(super) fn read(reference: &Object<'_>, scope: Scope<'_>) -> Result<Option<Target>, Fault> {
    let mut target = Target {
        kind: reference.text("type")?.map(Cow::into_owned),
        ..Target::default()
    };
    if let Some(identifier) = reference.object("identifier")? {
        target
            .identifiers
            .extend(self::identifier(&identifier).at("identifier")?);
    }
    if let Some(text) = reference.text("reference")? {
        literal(text.trim(), scope, &mut target).at("reference")?;
    }
    let named =
        target.literal.is_some() || target.resource_id.is_some() || !target.identifiers.is_empty();
    Ok(named.then_some(target))
}

fn literal(text: &str, scope: Scope<'_>, target: &mut Target) -> Result<(), Fault> {
    if let Some((kind, query)) = text.split_once("?identifier=") {
        let value = query.split('&').next().unwrap_or_default();
        let value = decoded(value).ok_or_else(|| lost("is no search for an identifier"))?;
        target.kind = Some(kind.rsplit('/').next().unwrap_or(kind).to_owned());
        target.identifiers.push(bounded(value)?);
        return Ok(());
    }
    let is_url = text.contains('/');
    let resource = if text.starts_with('#') {
        let found = scope.contained.get(text);
        Some(found.ok_or_else(|| lost("is not contained in the Observation"))?)
    } else if !is_url {
        let found = scope.bundle.get(text);
        Some(found.ok_or_else(|| lost("is not in the Bundle"))?)
    } else {
        let text = text.split_once("/_history/").map_or(text, |(id, _)| id);
        let (kind, id) = tail(text).ok_or_else(|| lost("names no resource by type and id"))?;
        target.literal = Some(id.to_owned());
        target.kind = Some(kind.to_owned());
        let relative = || scope.bundle.get(&format!("{kind}/{id}"));
        scope
            .bundle
            .get(text)
            .or_else(|| relative().filter(|_| !text.contains("://")))
    };
    if let Some(resource) = resource {
        of_resource(resource, scope, target)?;
    }
    Ok(())
}

/// The last two parts of `https://h/fhir/Device/d1`.
fn tail(url: &str) -> Option<(&str, &str)> {
    let (start, id) = url.rsplit_once('/')?;
    let kind = start.rsplit('/').next()?;
    (is_fhir_id(id) && kind.starts_with(|c: char| c.is_ascii_uppercase())).then_some((kind, id))
}

fn of_resource(resource: &Resource, scope: Scope<'_>, target: &mut Target) -> Result<(), Fault> {
    // A metric of a bedside monitor belongs to a device; it has no identity of its own here.
    if let Some(source) = &resource.source {
        let found = scope
            .bundle
            .get(source)
            .or_else(|| scope.contained.get(source));
        let is_device = match found {
            Some(resource) => resource.kind == "Device",
            None => tail(source).is_some_and(|(kind, _)| kind == "Device"),
        };
        if is_device {
            target.literal = None;
            return literal(source, scope, target);
        }
    }
    target.identifiers.extend_from_slice(&resource.identifiers);
    if target.literal.is_none() {
        target.resource_id.clone_from(&resource.id);
    }
    target.kind = Some(resource.kind.to_owned());
    Ok(())
}

/// `system|value`, or the value alone.
fn identifier(object: &Object<'_>) -> Result<Option<String>, Fault> {
    let Some(value) = object.text("value")? else {
        return Ok(None);
    };
    let text = match object.text("system")? {
        Some(system) => format!("{}|{}", system.trim(), value.trim()),
        None => value.trim().to_owned(),
    };
    bounded(text).map(Some)
}

fn bounded(text: String) -> Result<String, Fault> {
    if text.len() > MAX_TEXT {
        return Err(lost("has more bytes than a name may have"));
    }
    Ok(text)
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = hex(rest.next())? * 16 + hex(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.trim().is_empty())
}

impl Target {
    /// What the registry may know the patient or encounter by.
    pub(super) fn claim(self) -> Option<String> {
        self.identifiers
            .into_iter()
            .next()
            .or(self.literal)
            .or(self.resource_id)
    }

    /// Ids the device may have in topics and tables; what goes first names it where nothing else does.
    pub(super) fn devices(self) -> Result<Vec<String>, Fault> {
        if self.kind.as_deref() == Some(METRIC) {
            let what = "is a DeviceMetric whose device is not in the document";
            return Err(Fault::new(Reason::NoDevice, what));
        }
        let values = self.identifiers.iter().map(|text| {
            let value = text
                .rsplit_once('|')
                .map_or(text.as_str(), |(_, value)| value);
            device_id(value)
        });
        let ids: Vec<String> = self
            .literal
            .clone()
            .into_iter()
            .chain(values.flatten())
            .chain(self.resource_id.clone())
            .filter(|id| is_fhir_id(id))
            .collect();
        if ids.is_empty() {
            return Err(Fault::new(Reason::NoDevice, "names no device by an id"));
        }
        Ok(ids)
    }
}

/// An identifier as an id: as it is, and a transport address with hyphens, as IEEE writes it.
fn device_id(value: &str) -> Option<String> {
    let is_address = value.bytes().all(|b| b == b':' || b.is_ascii_hexdigit());
    let id = if is_address {
        value.replace(':', "-")
    } else {
        value.to_owned()
    };
    is_fhir_id(&id).then_some(id)
}
