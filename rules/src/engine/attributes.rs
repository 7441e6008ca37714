//! Which rules apply to which patient. What is not known excludes nobody.

use super::context::{Context, Key};
use super::lane::Series;
use super::plan::Kind;
use super::state::Subject;
use crate::{AppliesTo, PatientAttributes, Reason};
use chrono::{Months, NaiveDate};
use std::sync::Arc;
use wardline_normalize::time::Micros;

const DAY: Micros = 86_400_000_000;

impl Context {
    pub(crate) fn applies(&self, rule: usize, key: &Key) -> bool {
        if key.kind == Kind::Device {
            return true;
        }
        let wanted = &self.plan.set.rules()[rule].applies_to;
        self.attributes
            .get(&*key.id)
            .is_none_or(|known| matches(wanted, known, self.clock))
    }

    /// Looks again at which rules apply to the subject.
    pub(crate) fn reapply(&mut self, key: &Key, subject: &mut Subject) {
        let plan = Arc::clone(&self.plan);
        for (index, lane) in &mut subject.lanes {
            let since = lane.seen;
            for (series, (rule, _)) in lane.series.iter_mut().zip(&plan.lanes[*index].rules) {
                if self.applies(*rule, key) == series.applies {
                    continue;
                }
                self.drop_series(*rule, key, series, Reason::NotApplicable);
                *series = self.series(*rule, key, since);
                lane.calm = false;
            }
        }
    }

    /// A rule on a subject, of which nothing was seen yet after `since`.
    pub(crate) fn series(&self, rule: usize, key: &Key, since: Micros) -> Series {
        Series::new(self.applies(rule, key), self.limits_of(rule, key), since)
    }

    /// The rule is no longer watched on the subject: its open alert ends.
    pub(crate) fn drop_series(
        &mut self,
        rule: usize,
        key: &Key,
        series: &mut Series,
        reason: Reason,
    ) {
        let now = self.clock;
        for alert in series.alerts.iter_mut().filter(|alert| alert.is_open()) {
            let ended = now.max(alert.onset);
            self.resolve(rule, key, alert, ended, reason);
        }
    }
}

fn matches(wanted: &AppliesTo, known: &PatientAttributes, now: Micros) -> bool {
    if let Some(tags) = &known.tags {
        let has = |tag: &String| tags.contains(tag);
        let wants = wanted.tags.is_empty() || wanted.tags.iter().any(has);
        if !wants || wanted.not_tags.iter().any(has) {
            return false;
        }
    }
    let Some((earliest, latest)) = known.birth_date.as_deref().and_then(born) else {
        return true;
    };
    // Excluded only if surely too young, or surely too old.
    let oldest = now.saturating_sub(earliest);
    let youngest = now.saturating_sub(latest);
    wanted.min_age.is_none_or(|min| oldest >= min)
        && wanted.max_age.is_none_or(|max| youngest <= max)
}

/// First and last moment of a FHIR date, which may lack day or month.
fn born(date: &str) -> Option<(Micros, Micros)> {
    let mut parts = date.splitn(3, '-');
    let year = parts.next()?.parse().ok()?;
    let month: Option<u32> = parts.next().map(str::parse).transpose().ok()?;
    let day: Option<u32> = parts.next().map(str::parse).transpose().ok()?;
    let first = NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?;
    let next = match (month, day) {
        (_, Some(_)) => first.succ_opt()?,
        (Some(_), None) => first.checked_add_months(Months::new(1))?,
        (None, None) => first.checked_add_months(Months::new(12))?,
    };
    let micros = |date: NaiveDate| i64::from(date.to_epoch_days()) * DAY;
    Some((micros(first), micros(next) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(birth_date: &str, tags: Option<&[&str]>) -> PatientAttributes {
        PatientAttributes {
            id: "p1".into(),
            birth_date: Some(birth_date.into()),
            tags: tags.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect()),
            ..PatientAttributes::default()
        }
    }

    #[test]
    fn only_what_is_known_to_be_outside_is_excluded() {
        let now = 56 * 365 * DAY; // December 2025
        let year = 31_557_600_000_000;
        let adults = AppliesTo {
            min_age: Some(18 * year),
            max_age: Some(80 * year),
            ..AppliesTo::default()
        };
        for (date, expected) in [
            ("1990-05-01", true),
            ("2020", false),
            ("2007", true),
            ("2008-03", false),
            ("1930-01-01", false),
            ("1945", true),
            ("unknown", true),
        ] {
            assert_eq!(
                matches(&adults, &known(date, None), now),
                expected,
                "{date}"
            );
        }
        let copd = AppliesTo {
            tags: vec!["copd".into()],
            ..AppliesTo::default()
        };
        assert!(matches(&copd, &known("1990", None), now));
        assert!(matches(&copd, &known("1990", Some(&["home", "copd"])), now));
        assert!(!matches(&copd, &known("1990", Some(&[])), now));
        let other = AppliesTo {
            tags: vec!["ward".into()],
            not_tags: vec!["pregnant".into(), "dying".into()],
            ..AppliesTo::default()
        };
        assert!(matches(&other, &known("1990", None), now));
        assert!(matches(&other, &known("1990", Some(&["ward"])), now));
        assert!(!matches(
            &other,
            &known("1990", Some(&["ward", "dying"])),
            now
        ));
        assert!(!matches(&other, &known("1990", Some(&["pregnant"])), now));
    }
}
