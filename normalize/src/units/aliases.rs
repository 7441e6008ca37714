//! What devices and SenML write where UCUM has another text.
//!
//! Texts that are valid UCUM with another meaning (`C` is the coulomb, `F` the farad) are left alone: a wrong guess
//! would be a wrong number.

use std::collections::HashMap;
use std::sync::LazyLock;

/// SenML units (RFC 8428 section 12.1, RFC 8798) that are not UCUM as they stand. Most are: `kg`, `Cel`, `%`, `m/s`.
#[rustfmt::skip]
const SENML: &[(&str, &str)] = &[
    ("beat/min", "/min"), ("beats", "{beats}"), ("1/min", "/min"), ("1/s", "/s"), ("%RH", "%"), ("%EL", "%"),
    ("EL", "s"), ("/", "1"), ("count", "{count}"), ("pH", "[pH]"), ("lat", "deg"), ("lon", "deg"), ("B", "By"),
    ("VA", "V.A"), ("VAs", "V.A.s"), ("var", "V.A"), ("vars", "V.A.s"), ("Wh", "W.h"), ("kWh", "kW.h"),
    ("Ah", "A.h"), ("ppm", "[ppm]"), ("/100", "%"), ("/1000", "[ppth]"), ("B/s", "By/s"), ("dB", "dB"),
];

/// Devices, monitors and vendors' JSON.
#[rustfmt::skip]
const DEVICES: &[(&str, &str)] = &[
    ("bpm", "/min"), ("BPM", "/min"), ("beats/min", "/min"), ("beats/minute", "/min"), ("{beats}/min", "/min"),
    ("{beat}/min", "/min"), ("{pulse}/min", "/min"), ("{pulses}/min", "/min"), ("{heartbeats}/min", "/min"),
    ("count/min", "/min"), ("{count}/min", "/min"), ("min-1", "/min"), ("/minute", "/min"), ("per minute", "/min"),
    ("rpm", "/min"), ("RPM", "/min"), ("brpm", "/min"), ("breaths/min", "/min"), ("breath/min", "/min"),
    ("breaths/minute", "/min"), ("resp/min", "/min"), ("{breaths}/min", "/min"), ("{breath}/min", "/min"),
    ("{resp}/min", "/min"), ("{respirations}/min", "/min"), ("{PVC}/min", "/min"),
    ("mmHg", "mm[Hg]"), ("mm Hg", "mm[Hg]"), ("mm_Hg", "mm[Hg]"), ("cmH2O", "cm[H2O]"), ("cm H2O", "cm[H2O]"),
    ("°C", "Cel"), ("℃", "Cel"), ("degC", "Cel"), ("deg C", "Cel"), ("celsius", "Cel"), ("Celsius", "Cel"),
    ("cel", "Cel"), ("°F", "[degF]"), ("℉", "[degF]"), ("degF", "[degF]"), ("deg F", "[degF]"),
    ("fahrenheit", "[degF]"), ("Fahrenheit", "[degF]"), ("percent", "%"), ("pct", "%"), ("lb", "[lb_av]"),
    ("lbs", "[lb_av]"), ("pounds", "[lb_av]"), ("in", "[in_i]"), ("inch", "[in_i]"), ("inches", "[in_i]"),
    ("ft", "[ft_i]"), ("kgs", "kg"), ("kg/m^2", "kg/m2"), ("kg/m²", "kg/m2"), ("kg/m*m", "kg/m2"),
    ("mg/dl", "mg/dL"), ("mmol/l", "mmol/L"), ("l/min", "L/min"), ("lpm", "L/min"), ("LPM", "L/min"),
    ("sec", "s"), ("secs", "s"), ("seconds", "s"), ("msec", "ms"), ("hrs", "h"), ("hours", "h"),
    ("steps", "{steps}"), ("step", "{steps}"), ("kcal", "kcal"), ("INR", "{INR}"),
];

/// UCUM to what people write.
#[rustfmt::skip]
const DISPLAY: &[(&str, &str)] = &[
    ("mm[Hg]", "mmHg"), ("cm[H2O]", "cmH2O"), ("Cel", "°C"), ("[degF]", "°F"), ("[lb_av]", "lb"), ("[in_i]", "in"),
    ("kg/m2", "kg/m²"), ("{steps}", "steps"), ("{score}", "score"), ("{INR}", "INR"), ("1", ""),
];

static TRANSLATE: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| all().collect());

pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    SENML.iter().chain(DEVICES).copied()
}

pub(super) fn translate(text: &str) -> Option<&'static str> {
    TRANSLATE.get(text).copied()
}

pub(super) fn display(ucum: &str) -> &str {
    DISPLAY
        .iter()
        .find(|(code, _)| *code == ucum)
        .map_or(ucum, |(_, text)| text)
}
