//! `decode`: bytes of GATT characteristics to what they say, on standard output.
//!
//! * `record`: a decoded value as a SenML record; sessions with devices use it too. * `quirks`: what is known of models.
//! * `line`: a decoded value as a line of JSON (design 5.2). * here: arguments, and one packet after the other.

mod line;
pub(crate) mod quirks;
pub(crate) mod record;

use std::fmt::Write as _;
use std::io::Write as _;

use clap::{Args, ValueEnum};
use wardline_gateway::gatt::{Assembler, CHARACTERISTICS, Crc, Part, Quirks, Value};
use wardline_normalize::senml::Pack;
use wardline_normalize::time::{Micros, parse_rfc3339};

use crate::exit::Failure;
use crate::publish::id;
use crate::talk::talk;

pub(crate) const EXAMPLES: &str = "\
Examples:
  A heart rate with an R-R interval:
    wardline-gateway decode --characteristic 2A37 16484003
  Several packets, as a capture shows them:
    wardline-gateway decode --characteristic 2A35 '06 7c00 5000 5d00 ea07031c0a1f2a 4800' 047b004f005c004700
  A CGM measurement whose feature characteristic says E2E-CRC:
    wardline-gateway decode --characteristic 2AA7 --crc 0ec3f900f40b000074e00a00e0f1
  A record in segments, each an argument:
    wardline-gateway decode --characteristic 2B36 010500352a10 067c0050005d004800
  The pack that would be published:
    wardline-gateway decode --characteristic 2A1C --format senml 046f0100ff01
";

/// Bytes of a GATT characteristic to values, one JSON object a line: metric (IEEE 11073 reference id), code, value
/// (with the digits the device sent) or absent (FHIR's reason), unit (UCUM, as on the wire), time (as sent, or null),
/// seq, user, flags (names of the set bits).
///
/// Ends with exit code 0 when everything was decoded, 1 when something was not (why is on standard error), 64 on wrong
/// usage. Bytes behind the last field are a fault unless a flag reserved for future use is set.
#[derive(Debug, Clone, Args)]
pub(crate) struct Decode {
    /// 16-bit number of the characteristic, or its whole UUID.
    #[arg(long, value_parser = characteristic, value_name = "UUID")]
    characteristic: u16,
    /// Bytes as hexadecimal digits; blanks, colons and dashes between them are ignored. Characteristics that come in
    /// several parts (2A9C, 2B36, 2B8B, 2BDD) take each part as an argument.
    #[arg(required = true, value_name = "HEX")]
    packets: Vec<String>,
    /// The value ends in an E2E-CRC (the feature characteristic says so). Without it the length tells: two bytes more
    /// than the flags ask for are the CRC, and are checked.
    #[arg(long)]
    crc: bool,
    /// Entry of the quirks file; may be given more than once.
    #[arg(long, value_parser = quirk, value_name = "NAME")]
    quirk: Vec<&'static quirks::Entry>,
    /// Lines of JSON, or the SenML pack.
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Format,
    /// Device in the pack.
    #[arg(long, default_value = "device", value_parser = id, value_name = "ID")]
    device: String,
    /// Time of reception, for what states no time. [default: now]
    #[arg(long, value_parser = time, value_name = "RFC3339")]
    received: Option<Micros>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Ndjson,
    Senml,
}

/// Tail of the UUIDs that the Bluetooth SIG assigns.
const BASE: &str = "-0000-1000-8000-00805f9b34fb";

fn characteristic(text: &str) -> Result<u16, String> {
    let lower = text.to_ascii_lowercase();
    let digits = match lower.strip_suffix(BASE) {
        Some(head) => head.strip_prefix("0000").unwrap_or("?"),
        None => lower.strip_prefix("0x").unwrap_or(&lower),
    };
    let hexadecimal = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u16::from_str_radix(digits, 16)
        .ok()
        .filter(|_| hexadecimal)
        .ok_or_else(|| "four hexadecimal digits, as 2A37, or a UUID of them".to_owned())?;
    if CHARACTERISTICS.iter().any(|known| known.number == number) {
        return Ok(number);
    }
    let mut known: Vec<_> = CHARACTERISTICS
        .iter()
        .map(|known| format!("{:04X}", known.number))
        .collect();
    known.sort_unstable();
    Err(format!("not decoded; these are: {}", known.join(" ")))
}

fn quirk(name: &str) -> Result<&'static quirks::Entry, String> {
    quirks::entry(name).ok_or_else(|| format!("these are known: {}", quirks::names().join(" ")))
}

fn time(text: &str) -> Result<Micros, String> {
    parse_rfc3339(text).ok_or_else(|| "a time as 2026-01-31T08:00:00Z".to_owned())
}

fn bytes(text: &str) -> Result<Vec<u8>, Failure> {
    let wrong = |why: &str| Failure::Usage(format!("{text:?}: {why}"));
    let text = text.strip_prefix("0x").unwrap_or(text);
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b' ' | b':' | b'-' | b'_' | b'\n' | b'\r' | b'\t'))
        .collect();
    if !digits.len().is_multiple_of(2) {
        return Err(wrong("an odd number of hexadecimal digits"));
    }
    digits
        .chunks_exact(2)
        .map(|pair| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = digit(pair[0]).zip(digit(pair[1]))?;
            u8::try_from(high << 4 | low).ok()
        })
        .collect::<Option<_>>()
        .ok_or_else(|| wrong("not hexadecimal digits"))
}

pub(crate) fn run(arguments: Decode) -> Result<(), Failure> {
    let packets = arguments
        .packets
        .iter()
        .map(|text| bytes(text))
        .collect::<Result<Vec<_>, _>>()?;
    let mut quirks = arguments
        .quirk
        .iter()
        .fold(Quirks::default(), |quirks, entry| entry.apply(quirks));
    if arguments.crc {
        quirks.crc = Crc::Present;
    }
    let mut out = Output::new(&arguments);
    let mut assembler = Assembler::default();
    let mut faults = 0_u64;
    for (number, packet) in (1_usize..).zip(&packets) {
        match assembler.push(arguments.characteristic, packet, &quirks) {
            Ok(values) => out.take(&values, packet),
            Err(fault) => {
                faults += 1;
                complain(packets.len(), number, &fault.to_string());
            }
        }
    }
    if assembler.open() == Some(Part::Segment) {
        faults += 1;
        complain(packets.len(), packets.len(), "the last segment is missing");
    }
    let rest = assembler.finish();
    out.take(&rest, packets.last().map_or(&[][..], Vec::as_slice));
    out.finish()?;
    if faults == 0 {
        Ok(())
    } else {
        Err(Failure::Found)
    }
}

fn complain(packets: usize, number: usize, why: &str) {
    if packets == 1 {
        talk(&format!("wardline-gateway: {why}"));
    } else {
        talk(&format!("wardline-gateway: packet {number}: {why}"));
    }
}

/// What goes to standard output, at once at the end: a few lines.
struct Output<'a> {
    arguments: &'a Decode,
    received: Micros,
    lines: String,
    records: Vec<wardline_normalize::senml::Record>,
}

impl<'a> Output<'a> {
    fn new(arguments: &'a Decode) -> Self {
        Self {
            arguments,
            received: arguments.received.unwrap_or_else(crate::clock::now),
            lines: String::new(),
            records: Vec::new(),
        }
    }

    fn take(&mut self, values: &[Value], raw: &[u8]) {
        match self.arguments.format {
            Format::Ndjson => {
                for value in values {
                    line::write(value, &mut self.lines);
                }
            }
            Format::Senml => {
                // Without a session the zone is not known: local time counts as UTC, as its label `dt` says.
                let time = |value: &Value| {
                    value
                        .time
                        .and_then(|stamp| stamp.instant_us().or(stamp.local_us()))
                        .unwrap_or(self.received)
                };
                self.records.extend(record::records(
                    self.arguments.characteristic,
                    values,
                    raw,
                    time,
                ));
            }
        }
    }

    fn finish(mut self) -> Result<(), Failure> {
        if !self.records.is_empty() {
            let pack = Pack {
                device: self.arguments.device.clone(),
                gateway: None,
                records: self.records,
            };
            let json = pack.to_json();
            writeln!(self.lines, "{}", String::from_utf8_lossy(&json)).map_err(Failure::failed)?;
        }
        let mut stdout = std::io::stdout().lock();
        let written = stdout
            .write_all(self.lines.as_bytes())
            .and_then(|()| stdout.flush());
        match written {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(Failure::failed),
        }
    }
}

#[cfg(test)]
mod tests;
