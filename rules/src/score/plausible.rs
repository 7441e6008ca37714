//! Numbers that no living patient and no working sensor can show are mistakes, not inputs.

use super::table::{Input, Score};
use super::typed::rounded;
use wardline_normalize::{units, vocabulary};

impl Score {
    /// Whether an input can be this number, as rounded for the table: by the range of its metric in the vocabulary, where
    /// it has one.
    ///
    /// # Errors
    /// The input, its range and unit, for whoever typed it.
    pub fn check_number(&self, name: &str, number: f64) -> Result<(), String> {
        let Some(input) = self.inputs.iter().find(|input| input.name == name) else {
            return Ok(());
        };
        let number = rounded(number, 10f64.powi(i32::from(input.decimals)));
        match range(input) {
            Some((low, high)) if !(low..=high).contains(&number) => {
                let unit = input.unit.as_deref().map_or("", units::display);
                let said = format!("{name} must be from {low} to {high} {unit}");
                Err(format!("{}, not {number}", said.trim_end()))
            }
            None if !number.is_finite() => Err(format!("{name} must be a number")),
            _ => Ok(()),
        }
    }
}

/// In the unit of the input.
fn range(input: &Input) -> Option<(f64, f64)> {
    let found = vocabulary::resolve(input.metric.as_deref()?);
    let metric = found.first()?;
    let (low, high) = metric.range?;
    let to = input.unit.as_deref().unwrap_or(metric.unit);
    let convert = |value| {
        let converted = metric.convert(value, metric.unit, to)?;
        Some((converted * 1e9).round() / 1e9)
    };
    Some((convert(low)?, convert(high)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named_with_its_range() {
        let news2 = Score::shipped("news2").unwrap();
        for (name, number, fault) in [
            (
                "respiratoryRate",
                -5.0,
                "respiratoryRate must be from 0 to 200 /min, not -5",
            ),
            (
                "pulse",
                1e9,
                "pulse must be from 0 to 350 /min, not 1000000000",
            ),
            (
                "temperature",
                384.0,
                "temperature must be from 10 to 47 °C, not 384",
            ),
            ("spo2", 0.4, "spo2 must be from 1 to 100 %, not 0"),
            (
                "systolic",
                f64::INFINITY,
                "systolic must be from 0 to 350 mmHg, not inf",
            ),
        ] {
            assert_eq!(news2.check_number(name, number), Err(fault.to_owned()));
        }
        for (name, number) in [
            ("respiratoryRate", 0.0),
            ("respiratoryRate", 80.0),
            ("spo2", 100.4),
            ("temperature", 25.0),
            ("pulse", 300.0),
            ("systolic", 300.0),
        ] {
            assert_eq!(news2.check_number(name, number), Ok(()), "{name} {number}");
        }
    }

    #[test]
    fn every_number_of_a_shipped_table_has_a_range() {
        for id in Score::shipped_ids() {
            let score = Score::shipped(id).unwrap();
            for input in score.inputs.iter().filter(|input| input.words.is_empty()) {
                assert!(range(input).is_some(), "{id} {}", input.name);
            }
        }
    }

    #[test]
    fn a_range_is_in_the_unit_of_the_table() {
        let own = "id = \"x\"\ntitle = \"X\"\nsource = \"site\"\n[[input]]\nname = \"sugar\"\nmetric = \"2339-0\"\n\
                   unit = \"mmol/L\"\nbands = [{ to = 3.0, points = 1 }, { points = 0 }]\n";
        let score = Score::parse(own).unwrap();
        assert!(score.check_number("sugar", 60.0).is_ok());
        assert!(
            score
                .check_number("sugar", 120.0)
                .unwrap_err()
                .contains("mmol/L")
        );
    }
}
