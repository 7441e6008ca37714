//! Device Information and Battery services: strings, system id (2A23), certification (2A2A), PnP id (2A50),
//! UDI (2BFF), battery level (2A19).

use super::Quirks;
use super::metric::{self, Metric};
use super::number::Number;
use super::reader::{Fault, Put, Reader, Wrong};
use super::value::{Content, Unit, Value};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

fn utf8(at: usize, bytes: &[u8], field: &'static str) -> Result<String, Fault> {
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(error) => Err(Fault {
            at: at + error.valid_up_to(),
            field,
            wrong: Wrong::NotText,
        }),
    }
}

/// A string characteristic: maker, model, serial, revisions. Zeros at its end, which devices send, are taken off.
pub fn text(bytes: &[u8]) -> Result<String, Fault> {
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    utf8(0, &bytes[..end], "text")
}

pub(super) fn text_values(metric: Metric, bytes: &[u8]) -> Result<Vec<Value>, Fault> {
    Ok(alloc::vec![Value::setting(
        metric,
        Content::Text(text(bytes)?)
    )])
}

fn hex(bytes: impl Iterator<Item = u8>) -> String {
    bytes.map(|byte| format!("{byte:02X}")).collect()
}

/// System ID (2A23): the EUI-64, its most significant byte first. On the wire the five bytes of the maker come before
/// the three of the organisation, both little-endian.
pub fn system_id(bytes: &[u8], quirks: &Quirks) -> Result<[u8; 8], Fault> {
    let mut reader = Reader::new(bytes, quirks);
    let mut id = [0; 8];
    id.copy_from_slice(reader.take(8, "system id")?);
    reader.end(false)?;
    id.reverse();
    Ok(id)
}

/// The eight bytes of the wire.
#[must_use]
pub fn encode_system_id(mut id: [u8; 8]) -> Vec<u8> {
    id.reverse();
    id.into()
}

pub(super) fn system_id_values(id: [u8; 8]) -> Vec<Value> {
    let text = Content::Text(hex(id.into_iter()));
    alloc::vec![Value::setting(metric::SYSTEM_ID, text)]
}

/// IEEE 11073-20601 Regulatory Certification Data List (2A2A): bytes of a structure in MDER, as hexadecimal digits.
pub(super) fn certification_values(bytes: &[u8]) -> Vec<Value> {
    let text = Content::Text(hex(bytes.iter().copied()));
    alloc::vec![Value::setting(metric::CERTIFICATION, text)]
}

/// PnP ID (2A50).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PnpId {
    /// 1 Bluetooth SIG, 2 USB.
    pub source: u8,
    pub vendor: u16,
    pub product: u16,
    pub version: u16,
}

impl PnpId {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let id = Self {
            source: reader.u8("vendor id source")?,
            vendor: reader.u16("vendor id")?,
            product: reader.u16("product id")?,
            version: reader.u16("product version")?,
        };
        reader.end(false)?;
        Ok(id)
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = alloc::vec![self.source];
        out.put_u16(self.vendor);
        out.put_u16(self.product);
        out.put_u16(self.version);
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let source = match self.source {
            1 => "bluetooth",
            2 => "usb",
            _ => "reserved",
        };
        let text = format!(
            "{source}:v{:04X}p{:04X}d{:04X}",
            self.vendor, self.product, self.version
        );
        alloc::vec![Value::setting(metric::PNP_ID, Content::Text(text))]
    }
}

/// UDI for Medical Devices (2BFF).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Udi {
    pub label: Option<String>,
    pub device: Option<String>,
    /// Object identifier of the issuer.
    pub issuer: Option<String>,
    /// Object identifier of the authority.
    pub authority: Option<String>,
}

impl Udi {
    /// Each text ends in a zero; the last one may end with the value instead.
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let mut texts = [const { None }; 4];
        let fields = [
            "UDI label",
            "UDI device identifier",
            "UDI issuer",
            "UDI authority",
        ];
        for (bit, (text, field)) in texts.iter_mut().zip(fields).enumerate() {
            if flags >> bit & 1 == 0 {
                continue;
            }
            let at = reader.at();
            if at >= bytes.len() {
                return Err(Fault {
                    at,
                    field,
                    wrong: Wrong::Truncated { needs: 1, left: 0 },
                });
            }
            let length = bytes[at..].iter().position(|byte| *byte == 0);
            let value = reader.take(length.unwrap_or(bytes.len() - at), field)?;
            *text = Some(utf8(at, value, field)?);
            if length.is_some() {
                reader.take(1, field)?;
            }
        }
        reader.end(flags & 0xF0 != 0)?;
        let [label, device, issuer, authority] = texts;
        Ok(Self {
            label,
            device,
            issuer,
            authority,
        })
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = alloc::vec![0];
        let texts = [&self.label, &self.device, &self.issuer, &self.authority];
        for (bit, text) in texts.into_iter().enumerate() {
            if let Some(text) = text {
                out[0] |= 1 << bit;
                out.extend(text.bytes().filter(|byte| *byte != 0));
                out.push(0);
            }
        }
        out
    }

    pub(super) fn values(self) -> Vec<Value> {
        [
            (metric::UDI, self.label),
            (metric::UDI_DEVICE, self.device),
            (metric::UDI_ISSUER, self.issuer),
            (metric::UDI_AUTHORITY, self.authority),
        ]
        .into_iter()
        .filter_map(|(metric, text)| Some(Value::setting(metric, Content::Text(text?))))
        .collect()
    }
}

/// Battery Level (2A19) in percent. A device may have several.
pub fn battery(bytes: &[u8], quirks: &Quirks) -> Result<u8, Fault> {
    let mut reader = Reader::new(bytes, quirks);
    let percent = reader.u8("battery level")?;
    if percent > 100 {
        return Err(Fault::impossible(
            0,
            "battery level",
            u32::from(percent),
            "0 to 100",
        ));
    }
    reader.end(false)?;
    Ok(percent)
}

pub(super) fn battery_values(percent: u8) -> Vec<Value> {
    let number = Number::integer(i64::from(percent));
    alloc::vec![Value::new(
        metric::BATTERY,
        Content::Number(number),
        Unit::Ucum("%")
    )]
}
