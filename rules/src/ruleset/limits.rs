//! Limits that stand in the place of a rule's own: what of a rule they may change, and `[limits]` of a rules file.

use super::condition::bounded;
use super::fields::{Faults, Fields};
use super::rule::{Clear, ClearLimit, Condition, Feed, Judge, Limit, Rule, Signal, Words};
use super::{LimitReview, RuleSet};
use crate::{Class, LimitChange, Priority};
use wardline_normalize::time::Micros;
use wardline_normalize::{units, vocabulary};

const DAY: Micros = 86_400_000_000;

/// Most alerts within a day that `review-alerts` may ask for; as many times are kept per limit.
const MOST_ALERTS: f64 = 1000.0;

/// Least distance between the two limits of one quantity, as monitors keep it: oxygen saturation 2 %, cuff pressure
/// 5 mmHg.
const GAPS: [(&str, f64, &str); 3] = [
    ("MDC_PULS_OXIM_SAT_O2", 2.0, "%"),
    ("MDC_PRESS_BLD_NONINV", 5.0, "mm[Hg]"),
    ("MDC_PRESS_CUFF", 5.0, "mm[Hg]"),
];

impl Default for LimitReview {
    fn default() -> Self {
        Self {
            after: 7 * DAY,
            alerts: 10,
        }
    }
}

/// Reads `[limits]`.
pub(super) fn review(fields: &mut Fields<'_, '_>, faults: &mut Faults<'_>) -> LimitReview {
    let mut review = LimitReview::default();
    let Some(mut table) = fields.table("limits", faults) else {
        return review;
    };
    if let Some(after) = bounded(&mut table, "review-after", faults) {
        if after.value == 0 {
            faults.at(after.offset, "`review-after` must be longer than nothing");
        }
        review.after = after.value;
    }
    if let Some(alerts) = table.number("review-alerts", faults) {
        if alerts.value.fract() != 0.0 || !(1.0..=MOST_ALERTS).contains(&alerts.value) {
            faults.at(
                alerts.offset,
                format!("`review-alerts` must be a whole number from 1 to {MOST_ALERTS}"),
            );
        }
        review.alerts = alerts.value as u32;
    }
    table.finish("`limits`", faults);
    review
}

impl RuleSet {
    /// Whether a limit can stand in the place of its rule's own: the rule is there and has a limit of that kind, the
    /// unit converts, the numbers can occur and leave room between them, `from` is before `until`, and a rule that is
    /// switched off may be off.
    ///
    /// # Errors
    /// Why not, in one sentence for the person who sets it.
    pub fn check_limit(&self, change: &LimitChange) -> Result<(), String> {
        let rule = self.rules.iter().find(|rule| rule.id == change.rule);
        let rule = rule.ok_or_else(|| format!("there is no rule `{}`", change.rule))?;
        change.fitted(rule).map(|_| ())
    }
}

impl Judge {
    /// Whether words decide, and no number: `is`, `quality`.
    pub(crate) fn by_words(&self) -> bool {
        let mut words = self.feeds.iter().map(|feed| &feed.words);
        self.signal == Signal::Value
            && words.any(|words| matches!(words, Words::AnyOf(_) | Words::Marked(_)))
    }
}

impl LimitChange {
    /// What this makes of the rule's judge.
    pub(crate) fn fitted(&self, rule: &Rule) -> Result<Judge, String> {
        let id = &rule.id;
        if self.until.is_some_and(|until| until <= self.from) {
            return Err("`from` must be before `until`".to_owned());
        }
        let Condition::Judged(judge) = &rule.condition else {
            return Err(format!("rule `{id}` is about absence: it has no limit"));
        };
        if rule.class != Class::Physiological {
            return Err(format!(
                "rule `{id}` is about devices; limits are for rules about patients"
            ));
        }
        let numbers = [self.above, self.below, self.clear_above, self.clear_below];
        if self.off {
            if numbers.iter().any(Option::is_some) {
                return Err("a rule that is off has no limits".to_owned());
            }
            if rule.priority == Priority::High && !rule.may_be_off {
                return Err(format!(
                    "rule `{id}` has high priority and the rules file does not say `may-be-off = true`"
                ));
            }
            return Ok(Judge {
                limit: Limit::Never,
                clear: Clear {
                    within: ClearLimit::Limit,
                    hold: 0,
                },
                ..judge.clone()
            });
        }
        if matches!(judge.signal, Signal::Count { .. }) || judge.by_words() {
            return Err(format!(
                "rule `{id}` has no limit that is a number: it can only be switched off"
            ));
        }
        let [above, below, clear_above, clear_below] = numbers.map(|number| {
            number
                .map(|number| self.converted(number, judge))
                .transpose()
        });
        let (above, below) = (above?, below?);
        let (clear_above, clear_below) = (clear_above?, clear_below?);
        let (limit, within) = match judge.limit {
            Limit::Above(own) | Limit::AtLeast(own) => {
                if below.is_some() || clear_above.is_some() {
                    return Err(format!("rule `{id}` has a limit above, none below"));
                }
                let limit = above.ok_or_else(|| format!("rule `{id}` needs a limit above"))?;
                let within = match judge.clear.within {
                    ClearLimit::Below(clear) => Some(moved(clear, own, limit)),
                    _ => None,
                };
                let within = clear_below.or(within);
                if within.is_some_and(|clear| clear > limit) {
                    return Err("the clear limit is beyond the limit".to_owned());
                }
                let within = within.map_or(ClearLimit::Limit, ClearLimit::Below);
                let limit = match judge.limit {
                    Limit::AtLeast(_) => Limit::AtLeast(limit),
                    _ => Limit::Above(limit),
                };
                (limit, within)
            }
            Limit::Below(own) => {
                if above.is_some() || clear_below.is_some() {
                    return Err(format!("rule `{id}` has a limit below, none above"));
                }
                let limit = below.ok_or_else(|| format!("rule `{id}` needs a limit below"))?;
                let within = match judge.clear.within {
                    ClearLimit::Above(clear) => Some(moved(clear, own, limit)),
                    _ => None,
                };
                let within = clear_above.or(within);
                if within.is_some_and(|clear| clear < limit) {
                    return Err("the clear limit is beyond the limit".to_owned());
                }
                let within = within.map_or(ClearLimit::Limit, ClearLimit::Above);
                (Limit::Below(limit), within)
            }
            Limit::Outside(own_low, own_high) => {
                if above.is_none() && below.is_none() {
                    return Err(format!("rule `{id}` needs a limit above or below"));
                }
                let (low, high) = (below.unwrap_or(own_low), above.unwrap_or(own_high));
                let gap = least_gap(judge);
                if low >= high || high - low < gap {
                    let unit = &judge.unit;
                    return Err(match gap {
                        0.0 => format!("{low} {unit} is not below {high} {unit}"),
                        gap => format!("{low} and {high} are less than {gap} {unit} apart"),
                    });
                }
                let own = match judge.clear.within {
                    ClearLimit::Inside(first, last) => Some((first, last)),
                    _ => None,
                };
                let within = match (own, clear_above, clear_below) {
                    (None, None, None) => ClearLimit::Limit,
                    _ => {
                        let (first, last) = own.unwrap_or((own_low, own_high));
                        ClearLimit::Inside(
                            clear_above.unwrap_or_else(|| moved(first, own_low, low)),
                            clear_below.unwrap_or_else(|| moved(last, own_high, high)),
                        )
                    }
                };
                if let ClearLimit::Inside(first, last) = within
                    && (first < low || last > high || first >= last)
                {
                    return Err(format!(
                        "an alert would be over from {first} to {last}, which is not within {low} to {high}"
                    ));
                }
                (Limit::Outside(low, high), within)
            }
            Limit::Never => return Err(format!("rule `{id}` has no limit")),
        };
        if watched(&limit, judge) != watched(&judge.limit, judge) {
            return Err(format!(
                "nothing that can be measured is beyond this limit: rule `{id}` would be off"
            ));
        }
        Ok(Judge {
            limit,
            clear: Clear {
                within,
                hold: judge.clear.hold,
            },
            ..judge.clone()
        })
    }

    /// A number of it in the rule's unit; one that cannot occur is refused.
    fn converted(&self, number: f64, judge: &Judge) -> Result<f64, String> {
        if !number.is_finite() {
            return Err("a limit must be a number".to_owned());
        }
        let to = &judge.unit;
        let from = self.unit.as_deref().unwrap_or(to);
        let refused = || format!("\"{from}\" does not convert to {to}, the unit of the rule");
        let molar_mass = judge.feeds.first().and_then(Feed::molar_mass);
        let convert = |number| units::convert_substance(number, from, to, molar_mass);
        let converted = convert(number).ok_or_else(refused)?;
        let converted = if matches!(judge.signal, Signal::Value) {
            converted
        } else {
            // A distance: degrees have another zero, not another one for what is between them.
            converted - convert(0.0).ok_or_else(refused)?
        };
        let converted = rounded(converted);
        if judge.signal == Signal::Value
            && let Some((low, high)) = range(judge)
            && !(low..=high).contains(&converted)
        {
            return Err(format!(
                "{converted} {to} is outside of what can be measured, {low} to {high}"
            ));
        }
        Ok(converted)
    }
}

/// As far from the new limit as it was from the old one.
fn moved(clear: f64, from: f64, to: f64) -> f64 {
    rounded(to + (clear - from))
}

/// What conversion and sums add behind the ninth decimal must not decide.
fn rounded(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// What can be measured of a judge's first feed, in the rule's unit.
fn range(judge: &Judge) -> Option<(f64, f64)> {
    let metric = judge.feeds.first()?.metrics.first()?;
    let metric = vocabulary::resolve(metric).first().copied()?;
    let (low, high) = metric.range?;
    let convert = |value| {
        let converted = metric.convert(value, metric.unit, &judge.unit);
        converted.map(rounded)
    };
    Some((convert(low)?, convert(high)?))
}

/// Whether something that can be measured is below a limit, and above one.
fn watched(limit: &Limit, judge: &Judge) -> (bool, bool) {
    let ends = range(judge).filter(|_| judge.signal == Signal::Value);
    let (least, most) = ends.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    match *limit {
        Limit::Above(limit) => (false, limit < most),
        Limit::AtLeast(limit) => (false, limit <= most),
        Limit::Below(limit) => (limit > least, false),
        Limit::Outside(low, high) => (low > least, high < most),
        Limit::Never => (false, false),
    }
}

/// In the rule's unit; 0 where any will do.
fn least_gap(judge: &Judge) -> f64 {
    let metrics = || judge.feeds.iter().flat_map(|feed| &feed.metrics);
    let known = GAPS.iter().find(|(metric, ..)| {
        judge.signal == Signal::Value && metrics().any(|known| known.starts_with(metric))
    });
    known
        .and_then(|(_, gap, unit)| units::convert(*gap, unit, &judge.unit))
        .map_or(0.0, rounded)
}
