//! Devices: what readings come from.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::{self, Where};
use super::identifier::{self, DEVICE};
use super::{Error, Identifier, ListFilter, Listed, Micros, Page, Registry, Result, Touch, id};

/// What can be said about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFields {
    /// For people: what and where it is.
    pub name: Option<String>,
    /// What it is, e.g. `pulse-oximeter`.
    pub kind: Option<String>,
    /// Maker.
    pub manufacturer: Option<String>,
    /// The maker's model.
    pub model: Option<String>,
    /// The maker's serial number.
    pub serial: Option<String>,
    /// Opaque id of the site it stands at.
    pub site: Option<String>,
    /// Opaque id of the gateway that reads it.
    pub gateway: Option<String>,
    /// Foreign identifiers (EUI-64); (system, value) names one device only. Stored sorted.
    pub identifiers: Vec<Identifier>,
    /// Whether it is in use. Attribution does not ask.
    pub active: bool,
}

impl Default for DeviceFields {
    fn default() -> Self {
        Self {
            name: None,
            kind: None,
            manufacturer: None,
            model: None,
            serial: None,
            site: None,
            gateway: None,
            identifiers: vec![],
            active: true,
        }
    }
}

/// A device as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Opaque id, as in topics.
    pub id: String,
    /// What is known.
    pub fields: DeviceFields,
    /// When the row was made.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

/// A device that sent something, as its topic names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenDevice {
    /// Opaque id.
    pub id: String,
    /// Site of the topic.
    pub site: Option<String>,
    /// Gateway of the topic.
    pub gateway: Option<String>,
}

const SELECT: &str =
    "SELECT t.id, t.name, t.kind, t.manufacturer, t.model, t.serial, t.site, t.gateway,
    t.active, t.created_at, t.updated_at FROM device AS t";

fn read_row(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        id: row.get(0)?,
        fields: DeviceFields {
            name: row.get(1)?,
            kind: row.get(2)?,
            manufacturer: row.get(3)?,
            model: row.get(4)?,
            serial: row.get(5)?,
            site: row.get(6)?,
            gateway: row.get(7)?,
            identifiers: Vec::new(),
            active: row.get(8)?,
        },
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}

fn with_identifiers(conn: &Connection, mut device: Device) -> Result<Device> {
    device.fields.identifiers = identifier::of(conn, DEVICE, &device.id)?;
    Ok(device)
}

/// The fields as they will be stored, or why they cannot be.
fn clean(fields: &DeviceFields) -> Result<DeviceFields> {
    id::check_text_option("device", "name", fields.name.as_deref())?;
    id::check_text_option("device", "kind", fields.kind.as_deref())?;
    id::check_text_option("device", "manufacturer", fields.manufacturer.as_deref())?;
    id::check_text_option("device", "model", fields.model.as_deref())?;
    id::check_text_option("device", "serial", fields.serial.as_deref())?;
    id::check_option("device", "site", fields.site.as_deref())?;
    id::check_option("device", "gateway", fields.gateway.as_deref())?;
    let identifiers = identifier::clean(DEVICE, &fields.identifiers)?;
    Ok(DeviceFields {
        identifiers,
        ..fields.clone()
    })
}

pub(super) fn insert(
    conn: &Connection,
    given: Option<&str>,
    fields: &DeviceFields,
    clock: Micros,
) -> Result<String> {
    let id = given.map_or_else(id::generate, str::to_owned);
    id::check("device", "id", &id)?;
    let fields = clean(fields)?;
    if exists(conn, &id)? {
        return Err(Error::Taken {
            entity: "device",
            field: "id".to_owned(),
            other: id,
        });
    }
    conn.prepare_cached(
        "INSERT INTO device (id, name, kind, manufacturer, model, serial, site, gateway, active, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id,
        fields.name,
        fields.kind,
        fields.manufacturer,
        fields.model,
        fields.serial,
        fields.site,
        fields.gateway,
        fields.active,
        clock,
        clock
    ])?;
    identifier::replace(conn, DEVICE, &id, &fields.identifiers)?;
    Ok(id)
}

/// Returns whether anything changed.
pub(super) fn update(
    conn: &Connection,
    id: &str,
    fields: &DeviceFields,
    clock: Micros,
) -> Result<bool> {
    let old = get(conn, id)?.ok_or_else(|| Error::not_found("device", id))?;
    let fields = clean(fields)?;
    if old.fields == fields {
        return Ok(false);
    }
    conn.prepare_cached(
        "UPDATE device SET name = ?, kind = ?, manufacturer = ?, model = ?, serial = ?, site = ?, gateway = ?,
         active = ?, updated_at = ? WHERE id = ?",
    )?
    .execute(params![
        fields.name,
        fields.kind,
        fields.manufacturer,
        fields.model,
        fields.serial,
        fields.site,
        fields.gateway,
        fields.active,
        clock,
        id
    ])?;
    identifier::replace(conn, DEVICE, id, &fields.identifiers)?;
    Ok(true)
}

pub(super) fn get(conn: &Connection, id: &str) -> Result<Option<Device>> {
    let found = conn
        .prepare_cached(&format!("{SELECT} WHERE t.id = ?"))?
        .query_row([id], read_row)
        .optional()?;
    found
        .map(|device| with_identifiers(conn, device))
        .transpose()
}

pub(super) fn exists(conn: &Connection, id: &str) -> Result<bool> {
    db::exists(conn, "SELECT 1 FROM device WHERE id = ?", [id])
}

fn stored(conn: &Connection, id: &str) -> Result<Device> {
    get(conn, id)?.ok_or_else(|| Error::not_found("device", id))
}

impl Registry {
    /// Adds a device; without an id a random one is given.
    ///
    /// # Errors
    /// A field is unacceptable; id or identifier is held by another device.
    pub fn create_device(
        &self,
        id: Option<&str>,
        fields: &DeviceFields,
        clock: Micros,
    ) -> Result<Device> {
        self.write(Touch::DEVICES, |conn| {
            let id = insert(conn, id, fields, clock)?;
            stored(conn, &id)
        })
    }

    /// Replaces everything known of a device.
    ///
    /// # Errors
    /// No such device; else as [`Registry::create_device`].
    pub fn update_device(&self, id: &str, fields: &DeviceFields, clock: Micros) -> Result<Device> {
        self.write(Touch::DEVICES, |conn| {
            update(conn, id, fields, clock)?;
            stored(conn, id)
        })
    }

    /// Adds those devices that are not known yet, in one transaction, and returns how many
    /// were new. Known devices stay as they are; when all are known nothing is written.
    ///
    /// # Errors
    /// An id is no opaque id; then none is added.
    pub fn register_seen(&self, devices: &[SeenDevice], clock: Micros) -> Result<usize> {
        let known = self.assignments();
        if devices.iter().all(|device| known.knows_device(&device.id)) {
            return Ok(0);
        }
        self.write(Touch::DEVICES, |conn| {
            let mut new = 0;
            for seen in devices {
                if !exists(conn, &seen.id)? {
                    let fields = DeviceFields {
                        site: seen.site.clone(),
                        gateway: seen.gateway.clone(),
                        ..DeviceFields::default()
                    };
                    insert(conn, Some(&seen.id), &fields, clock)?;
                    new += 1;
                }
            }
            Ok(new)
        })
    }

    /// One device.
    ///
    /// # Errors
    /// The database failed.
    pub fn device(&self, id: &str) -> Result<Option<Device>> {
        self.read(|conn| get(conn, id))
    }

    /// Devices by id. The text of the filter is looked for in every text field and in the
    /// identifiers; the cursor is the last id.
    ///
    /// # Errors
    /// The database failed.
    pub fn devices(&self, filter: &ListFilter, page: &Page) -> Result<Listed<Device>> {
        let mut with = Where::default();
        if let Some(after) = &page.after {
            with.and("t.id > ?", [Value::from(after.clone())]);
        }
        if let Some(i) = &filter.identifier {
            let held = identifier::exists_sql(DEVICE, "i.system = ? AND i.value = ?");
            with.and(
                &held,
                [Value::from(i.system.clone()), Value::from(i.value.clone())],
            );
        }
        let values = "(SELECT group_concat(value, ' ') FROM device_identifier WHERE owner = t.id)";
        let columns = [
            "t.id",
            "t.name",
            "t.kind",
            "t.manufacturer",
            "t.model",
            "t.serial",
            "t.site",
            "t.gateway",
            values,
        ];
        with.contains(&columns, filter.text.as_deref());
        self.read(|conn| {
            let found = with.list(conn, SELECT, "ORDER BY t.id", page.limit(), read_row)?;
            let found = found
                .into_iter()
                .map(|d| with_identifiers(conn, d))
                .collect::<Result<_>>()?;
            Ok(Listed::cut(found, page, |device| device.id.clone()))
        })
    }
}
