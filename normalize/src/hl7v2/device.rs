//! Whose readings they are: OBX-18, handed down the tree; else MSH-3.

use super::message::{Field, Message};
use super::profile::Profile;
use super::repair::Repairs;
use super::tree::Place;

/// Longest id (FHIR).
const MAX_ID: usize = 64;

/// What OBX-18 names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Equipment {
    /// An EUI-64 (or a 48-bit address): 16 (12) hex digits, upper case.
    Eui(String),
    /// A name that its namespace knows and nobody else: no id of a device, but it tells devices of one sender apart.
    Named(String),
}

/// Device and what tells apart several behind one id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) device: String,
    /// Begin of the channel.
    pub(super) part: Option<String>,
}

/// The equipment met so far in a message.
#[derive(Debug, Default)]
pub(super) struct Equipments {
    rows: Vec<(Place, Equipment)>,
    last: Option<Equipment>,
}

impl Equipments {
    /// Notes what a device row names.
    pub(super) fn device_row(&mut self, place: Option<Place>, field: Field<'_>) {
        let Some(equipment) = equipment(field) else {
            return;
        };
        self.last = Some(equipment.clone());
        // A monitor has a few dozen of them.
        if let Some(place) = place
            && self.rows.len() < 256
        {
            self.rows.push((place, equipment));
        }
    }

    /// The equipment of a row: its own, else the nearest device's above it, else the last one named.
    pub(super) fn of(&mut self, place: Option<Place>, field: Field<'_>) -> Option<Equipment> {
        if let Some(own) = equipment(field) {
            self.last = Some(own.clone());
            return Some(own);
        }
        let above = place.and_then(|place| {
            self.rows
                .iter()
                .filter(|(row, _)| row.holds(&place))
                .max_by_key(|(row, _)| row.depth())
        });
        above
            .map(|(_, equipment)| equipment.clone())
            .or_else(|| self.last.clone())
    }
}

fn equipment(field: Field<'_>) -> Option<Equipment> {
    if field.is_empty() {
        return None;
    }
    let parts: Vec<&str> = field
        .repeats()
        .flat_map(|repeat| [3, 1, 2].map(|at| repeat.component(at).trim()))
        .collect();
    if let Some(eui) = parts.iter().find_map(|part| eui(part)) {
        return Some(Equipment::Eui(eui));
    }
    let named = [1, 3, 2]
        .into_iter()
        .map(|at| valid(field.component(at)))
        .find(|name| !name.is_empty())?;
    Some(Equipment::Named(named))
}

/// 16 or 12 hex digits, however they are grouped.
fn eui(text: &str) -> Option<String> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | ':' | ' ' | '.'))
        .collect();
    let hex = plain.bytes().all(|b| b.is_ascii_hexdigit());
    // 12 digits alone may be a serial number: an address has its groups.
    let whole = plain.len() == 16 || (plain.len() == 12 && text.len() == 17);
    (hex && whole).then(|| plain.to_ascii_uppercase())
}

/// A text as an id: other characters become dashes.
pub(super) fn valid(text: &str) -> String {
    let mut id = String::new();
    for c in text.trim().chars() {
        if c.is_ascii_alphanumeric() || c == '.' || c == '-' {
            id.push(c);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
        if id.len() == MAX_ID {
            break;
        }
    }
    id.truncate(id.trim_end_matches('-').len());
    id
}

/// MSH-3 as an id: its universal id; else its name, which is a model's more often than a device's, with MSH-4.
pub(super) fn sender(message: &Message) -> Option<String> {
    let header = message.header();
    let mut repairs = Repairs::default();
    let application = header.field(3);
    let universal = application.component(2).trim();
    if let Some(eui) = eui(universal).or_else(|| eui(application.component(1).trim())) {
        return Some(eui);
    }
    let universal = valid(universal);
    if !universal.is_empty() {
        return Some(universal);
    }
    let name = valid(&application.text(1, &mut repairs));
    let facility = header.field(4);
    let place = match valid(facility.component(2)) {
        empty if empty.is_empty() => valid(&facility.text(1, &mut repairs)),
        universal => universal,
    };
    let id = match (name.is_empty(), place.is_empty()) {
        (true, true) => return None,
        (false, true) => name,
        (true, false) => place,
        (false, false) => valid(&format!("{name}.{place}")),
    };
    Some(id)
}

/// The owner of a row; `None` where nothing names a device.
pub(super) fn owner(
    equipment: Option<&Equipment>,
    sender: Option<&str>,
    profile: &Profile,
) -> Option<Owner> {
    let part = match equipment {
        Some(Equipment::Named(name)) => Some(name.clone()),
        _ => None,
    };
    if let Some(device) = &profile.device {
        return Some(Owner {
            device: device.clone(),
            part,
        });
    }
    match (equipment, sender) {
        (Some(Equipment::Eui(eui)), _) => Some(Owner {
            device: eui.clone(),
            part: None,
        }),
        (_, Some(sender)) => Some(Owner {
            device: sender.to_owned(),
            part,
        }),
        (Some(Equipment::Named(name)), None) => Some(Owner {
            device: name.clone(),
            part: None,
        }),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert_eq!(eui("08-00-19-ff-fe-14-43-ec").unwrap(), "080019FFFE1443EC");
        assert_eq!(eui("00:a0:37:00:9b:01").unwrap(), "00A037009B01");
        assert_eq!(eui("123456789012"), None);
        assert_eq!(eui("B40_GE"), None);
        assert_eq!(valid(" NC_Monitor 5 "), "NC-Monitor-5");
        assert_eq!(valid("__"), "");
        assert_eq!(valid(&"x".repeat(100)).len(), 64);
    }
}
