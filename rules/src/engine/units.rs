//! Units of readings to those of rules, worked out when the rules are compiled: a reading costs a multiplication.

use super::hash::same;
use crate::Feed;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use wardline_normalize::{units, vocabulary};

/// Units that readings come in beside those of IEEE 11073-10101.
const OTHERS: [&str; 5] = ["10*9/L", "10*6/L", "{cells}/uL", "mol/L", "[lb_av]"];

/// Lists that are remembered: rules files of one site name a few dozen units.
const LISTS: usize = 1024;

/// A unit that converts: the number times `factor`, and `offset`.
#[derive(Debug, PartialEq)]
struct Known {
    unit: &'static str,
    factor: f64,
    offset: f64,
}

/// How numbers come into the unit of a feed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Units {
    to: String,
    molar_mass: Option<f64>,
    known: Arc<[Known]>,
}

type Lists = HashMap<(String, Option<u64>), Arc<[Known]>>;

/// Plans are compiled often, and what converts into a unit is the same each time.
static KNOWN: LazyLock<RwLock<Lists>> = LazyLock::new(RwLock::default);

impl Units {
    pub(crate) fn of(feed: &Feed) -> Self {
        let molar_mass = feed.molar_mass();
        let to = feed.unit.clone();
        let key = (to.clone(), molar_mass.map(f64::to_bits));
        let found = {
            let lists = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
            lists.get(&key).cloned()
        };
        let known = found.unwrap_or_else(|| {
            let known = list(&to, molar_mass);
            let mut lists = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
            if lists.len() < LISTS {
                lists.insert(key, Arc::clone(&known));
            }
            known
        });
        Self {
            to,
            molar_mass,
            known,
        }
    }

    /// The number in the unit of the feed; none if its unit does not convert.
    pub(crate) fn convert(&self, value: f64, from: &str) -> Option<f64> {
        if same(from, &self.to) {
            return Some(value);
        }
        let known = self.known.iter().find(|known| same(known.unit, from));
        let converted = match known {
            Some(known) => value * known.factor + known.offset,
            // A unit that hardly anybody sends.
            None => units::convert_substance(value, from, &self.to, self.molar_mass)?,
        };
        // Nine significant decimals are beyond any sensor; what conversion adds behind them must not decide.
        Some((converted * 1e9).round() / 1e9).filter(|value| value.is_finite())
    }
}

fn list(to: &str, molar_mass: Option<f64>) -> Arc<[Known]> {
    let mut known: Vec<Known> = Vec::new();
    let units = vocabulary::units().iter().map(|unit| unit.ucum);
    for unit in units.chain(OTHERS) {
        if unit == to || known.iter().any(|known| known.unit == unit) {
            continue;
        }
        let convert = |value| units::convert_substance(value, unit, to, molar_mass);
        if let (Some(offset), Some(one)) = (convert(0.0), convert(1.0)) {
            known.push(Known {
                unit,
                factor: one - offset,
                offset,
            });
        }
    }
    known.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Words;

    fn units(metric: &str, unit: &str) -> Units {
        Units::of(&Feed {
            metrics: vec![metric.to_owned()],
            name: String::new(),
            unit: unit.to_owned(),
            words: Words::None,
        })
    }

    #[test]
    fn what_is_worked_out_before_is_what_conversion_gives() {
        let glucose = vocabulary::by_loinc("2339-0")[0].molar_mass;
        for (metric, to, from, molar_mass) in [
            ("8310-5", "Cel", "[degF]", None),
            ("8310-5", "[degF]", "K", None),
            ("8480-6", "mm[Hg]", "kPa", None),
            ("29463-7", "kg", "[lb_av]", None),
            ("2339-0", "mg/dL", "mmol/L", glucose),
            ("2339-0", "mmol/L", "mg/dL", glucose),
            ("2339-0", "mmol/L", "g/L", glucose),
        ] {
            let units = units(metric, to);
            assert!(units.known.iter().any(|known| known.unit == from), "{from}");
            for value in (-50..4000).map(|tenths| f64::from(tenths) / 10.0) {
                let slow = units::convert_substance(value, from, to, molar_mass).unwrap();
                let slow = (slow * 1e9).round() / 1e9;
                assert_eq!(units.convert(value, from), Some(slow), "{value} {from}");
            }
        }
    }

    #[test]
    fn glucose_is_one_quantity_in_mass_and_in_substance() {
        assert_eq!(
            units("2339-0", "mg/dL").convert(3.0, "mmol/L"),
            Some(54.0468)
        );
        assert_eq!(
            units("MDC_CONC_GLU_ISF", "mmol/L").convert(54.0468, "mg/dL"),
            Some(3.0)
        );
        assert_eq!(units("8867-4", "/min").convert(3.0, "mmol/L"), None);
    }
}
