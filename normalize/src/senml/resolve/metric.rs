//! What a record's name means.

use crate::vocabulary::{self, Metric, Panel};

/// What a name means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning<'a> {
    Known(&'static Metric),
    /// A LOINC code, with the first of the metrics that have it: which of them is meant, it does not say.
    Loinc(&'a str, Option<&'static Metric>),
    /// `local:native/{name}`.
    Local(&'a str),
}

impl<'a> Meaning<'a> {
    /// Columns `code`, `mdc` and the panel.
    #[inline]
    pub(super) fn codes(self) -> (&'a str, Option<&'static str>, Option<&'static Panel>) {
        match self {
            Self::Known(metric) => (metric.code_text(), metric.mdc_id(), metric.panel),
            Self::Loinc(code, _) | Self::Local(code) => (code, None, None),
        }
    }

    pub(super) fn metric(self) -> Option<&'static Metric> {
        match self {
            Self::Known(metric) => Some(metric),
            Self::Loinc(_, metric) => metric,
            Self::Local(_) => None,
        }
    }
}

/// Finds metrics; keeps the text of the last local code, so that one is written per change of name.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    local: String,
}

/// Code of rows whose metric the sender named itself.
const LOCAL: &str = "local:native/";

/// Longest local name in bytes.
const MAX_LOCAL: usize = 64;

impl Metrics {
    #[inline]
    pub(super) fn find(&mut self, name: &str) -> Option<Meaning<'_>> {
        if let Some(metric) = vocabulary::by_mdc(name) {
            return Some(Meaning::Known(metric));
        }
        self.find_more(name)
    }

    fn find_more(&mut self, name: &str) -> Option<Meaning<'_>> {
        if name.as_bytes().first()?.is_ascii_digit() {
            return name
                .parse()
                .ok()
                .and_then(vocabulary::by_code)
                .map(Meaning::Known);
        }
        if let Some(code) = name.strip_prefix("loinc.") {
            return self.loinc(code);
        }
        let local = name.strip_prefix("local.")?;
        if let Some(metric) = vocabulary::by_alias(local) {
            return Some(Meaning::Known(metric));
        }
        // Characters of a SenML name (RFC 8428 section 4.5.1) without the separators of our code.
        let valid = (1..=MAX_LOCAL).contains(&local.len())
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !valid {
            return None;
        }
        if self.local.strip_prefix(LOCAL) != Some(local) {
            self.local.clear();
            self.local.push_str(LOCAL);
            self.local.push_str(local);
        }
        Some(Meaning::Local(&self.local))
    }

    fn loinc(&mut self, code: &str) -> Option<Meaning<'_>> {
        let fitting = vocabulary::by_loinc(code);
        if let Some(metric) = vocabulary::only(fitting) {
            return Some(Meaning::Known(metric));
        }
        if !is_loinc(code) {
            return None;
        }
        self.local.clear();
        self.local.push_str(code);
        Some(Meaning::Loinc(&self.local, fitting.first().copied()))
    }
}

/// Digits, a dash and a check digit, as LOINC numbers its terms.
fn is_loinc(code: &str) -> bool {
    let (number, check) = code.split_once('-').unwrap_or_default();
    (1..=7).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
        && matches!(check.as_bytes(), [b'0'..=b'9'])
}
