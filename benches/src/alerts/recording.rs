//! The two recordings of bedside monitors in `tests/data/mimic2-numerics`: a reading a minute, 0 for "not measured".

use anyhow::Context as _;
use arrow_array::RecordBatch;
use wardline_normalize::columns::Builder;
use wardline_normalize::decimal::Decimal;
use wardline_normalize::measurement::{Measurement, Value};
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary;

/// 2026-01-01T00:00:00Z; the recordings count seconds from an arbitrary start.
const START: Micros = 1_767_225_600_000_000;

/// Columns that carry a metric.
const METRICS: [(&str, &str); 11] = [
    ("HR_bpm", "MDC_ECG_HEART_RATE"),
    ("ABPSys_mmHg", "MDC_PRESS_BLD_ART_SYS"),
    ("ABPDias_mmHg", "MDC_PRESS_BLD_ART_DIA"),
    ("ABPMean_mmHg", "MDC_PRESS_BLD_ART_MEAN"),
    ("PULSE_bpm", "MDC_PULS_OXIM_PULS_RATE"),
    ("RESP_per_min", "MDC_TTHOR_RESP_RATE"),
    ("SpO2_pct", "MDC_PULS_OXIM_SAT_O2"),
    ("NBPSys_mmHg", "MDC_PRESS_BLD_NONINV_SYS"),
    ("NBPDias_mmHg", "MDC_PRESS_BLD_NONINV_DIA"),
    ("NBPMean_mmHg", "MDC_PRESS_BLD_NONINV_MEAN"),
    ("TEMP_C", "MDC_TEMP"),
];

pub(super) struct Recording {
    pub(super) name: &'static str,
    text: &'static str,
}

pub(super) const ALL: [Recording; 2] = [
    Recording {
        name: "MIMIC-II s00001",
        text: include_str!("../../../tests/data/mimic2-numerics/s00001_numerics.csv"),
    },
    Recording {
        name: "MIMIC-II s25047",
        text: include_str!("../../../tests/data/mimic2-numerics/s25047_numerics.csv"),
    },
];

impl Recording {
    pub(super) fn rows(&self) -> anyhow::Result<RecordBatch> {
        let mut lines = self.text.lines();
        let header: Vec<&str> = lines
            .next()
            .context("an empty recording")?
            .split(',')
            .collect();
        let metrics: Vec<_> = header
            .iter()
            .map(|column| {
                let (_, mdc) = METRICS.iter().find(|(name, _)| name == column)?;
                vocabulary::by_mdc(mdc)
            })
            .collect();
        let mut builder = Builder::new();
        for (number, line) in (2..).zip(lines) {
            let cells: Vec<&str> = line.split(',').collect();
            let seconds = cells.first().and_then(|cell| cell.parse::<i64>().ok());
            let seconds =
                seconds.with_context(|| format!("{} line {number}: no seconds", self.name))?;
            let at = START + seconds * 1_000_000;
            for (cell, metric) in cells.iter().zip(&metrics) {
                let Some(metric) = metric.filter(|_| !cell.is_empty()) else {
                    continue;
                };
                let number = Decimal::parse(cell)
                    .with_context(|| format!("{} line {number}: {cell}", self.name))?;
                let value = if number.mantissa == 0 {
                    Value::Absent("not-performed")
                } else {
                    Value::Number(number)
                };
                let reading = Measurement::new("monitor", metric, value, at, at);
                builder.push(&reading, Some("p1"), None);
            }
        }
        Ok(builder.finish())
    }
}
