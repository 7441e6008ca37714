//! What is measured: one table of metrics and panels, each row with the source of its codes.
//!
//! An MDC code is `partition * 65536 + term` (IEEE 11073-10101): 147842 is term 16770 of partition 2. Bluetooth and
//! personal health devices send the term alone, bedside monitors the whole number; both find the same row.
//!
//! A metric outside the IEEE nomenclature has an empty `mdc` and code 0 and is sent as `local.{alias}`.
//! A metric without a LOINC code has an empty `loinc`; its rows carry `local:mdc/{reference id}` as code.

mod table;
mod types;
mod unit_codes;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use table::panels;
pub use types::{Category, Metric, Panel, Profile, ValueKind};
pub use unit_codes::UnitCode;

/// Hashes names fast. The keys are ours, so no sender can make them collide.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// The end mark of a text: one text a key, so it adds nothing.
    #[inline]
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

type Names<V> = HashMap<&'static str, V, BuildHasherDefault<NameHasher>>;

struct Index {
    mdc: Names<&'static Metric>,
    code: HashMap<u32, &'static Metric>,
    alias: Names<&'static Metric>,
    loinc: Names<Vec<&'static Metric>>,
    panel: Names<&'static Panel>,
}

/// Partitions whose 16-bit terms stand alone on the wire, the more usual first: vital signs, then personal health
/// devices (disease management, fitness, activity), then the object partition of battery and clock.
const SHORT_TERM_PARTITIONS: [u32; 5] = [2, 128, 129, 130, 1];

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index {
        mdc: Names::default(),
        code: HashMap::new(),
        alias: Names::default(),
        loinc: Names::default(),
        panel: Names::default(),
    };
    for metric in table::METRICS {
        if let Some(mdc) = metric.mdc_id() {
            index.mdc.insert(mdc, metric);
            index.code.insert(metric.code, metric);
        }
        index.alias.insert(metric.alias, metric);
    }
    for partition in SHORT_TERM_PARTITIONS {
        for metric in table::METRICS
            .iter()
            .filter(|m| m.mdc_id().is_some() && m.code >> 16 == partition)
        {
            index.code.entry(metric.code & 0xFFFF).or_insert(metric);
        }
    }
    // The table's order is the order of preference; a metric's own code outranks an additional one.
    for metric in table::METRICS {
        if !metric.loinc.is_empty() {
            index.loinc.entry(metric.loinc).or_default().push(metric);
        }
    }
    for metric in table::METRICS {
        for loinc in metric.also_loinc {
            let list = index.loinc.entry(loinc).or_default();
            if !list.iter().any(|known| std::ptr::eq(*known, metric)) {
                list.push(metric);
            }
        }
    }
    for panel in table::panels() {
        index.panel.insert(panel.mdc, panel);
    }
    index
});

/// Every metric, in order of preference among those that share a LOINC code.
#[must_use]
pub fn all() -> &'static [Metric] {
    table::METRICS
}

/// The metric with this IEEE 11073 reference id.
#[must_use]
pub fn by_mdc(reference_id: &str) -> Option<&'static Metric> {
    INDEX.mdc.get(reference_id).copied()
}

/// The metric with this code: 32 bits (`partition * 65536 + term`), or the 16-bit term alone.
#[must_use]
pub fn by_code(code: u32) -> Option<&'static Metric> {
    INDEX.code.get(&code).copied()
}

/// The metric with this alias, e.g. `heart-rate`.
#[must_use]
pub fn by_alias(alias: &str) -> Option<&'static Metric> {
    INDEX.alias.get(alias).copied()
}

/// The metrics with this LOINC code, in order of preference.
#[must_use]
pub fn by_loinc(code: &str) -> &'static [&'static Metric] {
    INDEX.loinc.get(code).map_or(&[], Vec::as_slice)
}

/// The metric that is meant when nothing but a LOINC code tells and `fitting` have it: the only one, or, of a panel's
/// component, the one whose method is not stated (any where all state the same). `None` when several fit.
#[must_use]
pub fn only(fitting: &[&'static Metric]) -> Option<&'static Metric> {
    let (first, rest) = fitting.split_first()?;
    if rest.is_empty() {
        return Some(first);
    }
    if fitting.iter().any(|metric| metric.panel.is_none()) {
        return None;
    }
    let without_method = fitting.iter().find(|metric| metric.method.is_none());
    let alike = rest.iter().all(|metric| metric.method == first.method);
    without_method.copied().or(alike.then_some(first))
}

/// The metrics a rules file means by this name: a LOINC code (all its metrics, in order of preference), a reference
/// id, a decimal code, or an alias. Empty when unknown.
#[must_use]
pub fn resolve(name: &str) -> Vec<&'static Metric> {
    let one = by_mdc(name)
        .or_else(|| by_alias(name))
        .or_else(|| name.parse().ok().and_then(by_code));
    one.map_or_else(|| by_loinc(name).to_vec(), |metric| vec![metric])
}

/// The panel with this IEEE 11073 reference id.
#[must_use]
pub fn panel_by_mdc(reference_id: &str) -> Option<&'static Panel> {
    INDEX.panel.get(reference_id).copied()
}

struct Units {
    code: HashMap<u32, &'static str>,
    mdc: Names<&'static str>,
    ucum: Names<u32>,
}

static UNITS: LazyLock<Units> = LazyLock::new(|| {
    let mut units = Units {
        code: HashMap::new(),
        mdc: Names::default(),
        ucum: Names::default(),
    };
    for unit in unit_codes::UNITS {
        units.code.insert(unit.code, unit.ucum);
        units.mdc.insert(unit.mdc, unit.ucum);
        // Without the mark of a choice of prefix (`X_`), as lists of names write it too.
        if let Some(plain) = PLAIN_NAMES.iter().find(|(_, marked)| *marked == unit.mdc) {
            units.mdc.insert(plain.0, unit.ucum);
        }
        units.ucum.entry(unit.ucum).or_insert(unit.code);
    }
    units
});

/// Names of base units without their mark: what devices write for what the nomenclature lists.
const PLAIN_NAMES: [(&str, &str); 10] = [
    ("MDC_DIM_SEC", "MDC_DIM_X_SEC"),
    ("MDC_DIM_M", "MDC_DIM_X_M"),
    ("MDC_DIM_L", "MDC_DIM_X_L"),
    ("MDC_DIM_G", "MDC_DIM_X_G"),
    ("MDC_DIM_LB", "MDC_DIM_X_LB"),
    ("MDC_DIM_INCH", "MDC_DIM_X_INCH"),
    ("MDC_DIM_OHM", "MDC_DIM_X_OHM"),
    ("MDC_DIM_VOLT", "MDC_DIM_X_VOLT"),
    ("MDC_DIM_STEP", "MDC_DIM_X_STEP"),
    ("MDC_DIM_L_PER_MIN", "MDC_DIM_X_L_PER_MIN"),
];

/// Every unit of the table.
#[must_use]
pub fn units() -> &'static [UnitCode] {
    unit_codes::UNITS
}

/// UCUM of a unit code of IEEE 11073-10101: 32 bits (`4 * 65536 + term`), or the 16-bit term alone.
#[must_use]
pub fn unit_by_code(code: u32) -> Option<&'static str> {
    let code = if code >> 16 == 0 {
        unit_codes::PARTITION << 16 | code
    } else {
        code
    };
    UNITS.code.get(&code).copied()
}

/// UCUM of a unit's reference id, e.g. `MDC_DIM_MMHG`.
#[must_use]
pub fn unit_by_mdc(reference_id: &str) -> Option<&'static str> {
    UNITS.mdc.get(reference_id).copied()
}

/// The 32-bit code of a UCUM unit; of `/min`, that of beats.
#[must_use]
pub fn code_of_unit(ucum: &str) -> Option<u32> {
    UNITS.ucum.get(ucum).copied()
}

#[cfg(test)]
mod tests;
