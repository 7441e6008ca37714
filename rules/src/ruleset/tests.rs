use super::*;
use crate::{Class, Priority};

/// Faults as `line:column message`, each expected one by its place and part of its text.
fn check(text: &str, expected: &[(usize, usize, &str)]) {
    let faults = RuleSet::parse(text).err().unwrap_or_default();
    let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), expected.len(), "{shown:#?}");
    for (fault, (line, column, part)) in faults.iter().zip(expected) {
        assert_eq!((fault.line, fault.column), (*line, *column), "{fault}");
        assert!(fault.message.contains(part), "{fault}: expected {part}");
    }
}

const DESIGN: &str = r#"
[[rule]]
id = "tachycardia-sustained"
title = "Heart rate above 120 /min for 5 minutes"
kind = "threshold"                 # threshold | rate-of-change | absence | score | baseline | all | any
metric = "8867-4"
above = 120
unit = "/min"
for = "5m"
max-gap = "2m"
clear = { below = 110, for = "2m" }
priority = "medium"
page-within = "10m"
inhibited-by = ["device-silent"]
escalate = [{ after = "5m", to = "charge-nurse" }]
[rule.applies-to]
min-age = "18y"
tags = ["copd"]

[[rule]]
id = "device-silent"
kind = "absence"
metric = "MDC_PULS_OXIM_SAT_O2"
expect-every = "1m"
grace = "3m"
class = "technical"
priority = "low"
"#;

#[test]
fn the_example_of_the_design() {
    let set = RuleSet::parse(DESIGN).expect("no fault");
    assert_eq!(set.version().len(), 12);
    assert_eq!(set.text(), DESIGN);
    let [fast, silent] = set.rules() else {
        panic!("two rules")
    };
    assert_eq!(
        fast.metrics[..2],
        ["MDC_ECG_HEART_RATE", "MDC_PULS_OXIM_PULS_RATE"]
    );
    assert_eq!(
        fast.metrics.last().map(String::as_str),
        Some("8867-4"),
        "rows that have the code alone"
    );
    let Condition::Judged(judge) = &fast.condition else {
        panic!("a judge")
    };
    assert_eq!((judge.limit, &*judge.unit), (Limit::Above(120.0), "/min"));
    assert_eq!((judge.hold, judge.max_gap), (300_000_000, 120_000_000));
    let clear = Clear {
        within: ClearLimit::Below(110.0),
        hold: 120_000_000,
    };
    assert_eq!(judge.clear, clear);
    assert_eq!((&judge.signal, &judge.each), (&Signal::Value, &None));
    assert_eq!(fast.applies_to.min_age, Some(18 * 31_557_600_000_000));
    assert_eq!(
        fast.escalate,
        [Escalation {
            after: 300_000_000,
            to: "charge-nurse".into()
        }]
    );
    assert_eq!(
        (silent.class, silent.priority),
        (Class::Technical, Priority::Low)
    );
    assert_eq!(
        silent.condition,
        Condition::Absence {
            expect_every: 60_000_000,
            grace: 180_000_000
        }
    );
    assert_eq!(silent.title, "device-silent");
}

#[test]
fn every_fault_at_once() {
    check(
        r#"
[[rule]]
id = "a b"
kind = "threshold"
metric = "no-such"
above = "120"
unit = "/min"
for = "5 parsecs"
colour = "red"
priority = "urgent"
inhibited-by = ["nobody"]

[[rule]]
id = "score"
kind = "score"
metric = "8867-4"

[[rule]]
id = "temp"
kind = "threshold"
metric = "8310-5"
above = 39
unit = "kg"
clear = { above = 38 }
priority = "low"

[[rule]]
id = "temp"
kind = "absence"
priority = "low"
inhibited-by = ["temp", "score"]

[other]
"#,
        &[
            (3, 6, "`id` must be"),
            (5, 10, "\"no-such\" is no LOINC"),
            (6, 9, "`above` must be a number"),
            (8, 7, "`for` must be a duration"),
            (9, 1, "unknown key `colour`"),
            (10, 12, "`priority` must be"),
            (11, 17, "there is no rule `nobody`"),
            (13, 1, "has no `priority`"),
            (13, 1, "has no `score`"),
            (13, 1, "needs exactly one of `at-least`"),
            (16, 1, "unknown key `metric`"),
            (23, 8, "is no UCUM unit that Cel"),
            (24, 9, "needs `below`, at most 39"),
            (27, 1, "no `expect-every`"),
            (28, 6, "a second rule with id `temp`"),
            (31, 17, "cannot inhibit itself"),
            (33, 2, "unknown key `other`"),
        ],
    );
}

#[test]
fn limits_and_clear_limits() {
    let rule = |body: &str| {
        format!(
            "[[rule]]\nid = \"r\"\nkind = \"threshold\"\nmetric = \"spo2\"\npriority = \"low\"\n{body}\n"
        )
    };
    for good in [
        "below = 90",
        "below = 90\nclear = { for = \"1m\" }",
        "below = 90\nclear = { above = 90 }",
        "outside = [88, 99]\nclear = { inside = [90, 99] }",
    ] {
        check(&rule(good), &[]);
    }
    check(&rule(""), &[(1, 1, "exactly one of")]);
    check(&rule("above = 1\nbelow = 2"), &[(1, 1, "exactly one of")]);
    check(
        &rule("outside = [99, 88]"),
        &[(6, 11, "the first number must be below")],
    );
    check(
        &rule("below = 90\nclear = { above = 89 }"),
        &[(7, 9, "at least 90")],
    );
    check(
        &rule("below = 90\nclear = { above = 92, below = 80 }"),
        &[(7, 9, "at least 90")],
    );
    check(
        &rule("outside = [88, 99]\nclear = { inside = [80, 99] }"),
        &[(7, 9, "within [88, 99]")],
    );
    check(&rule("below = nan"), &[(6, 9, "must be a number")]);
    check(
        &rule("below = 90\nmax-gap = \"0s\""),
        &[(7, 11, "longer than nothing")],
    );
    check(
        &rule("below = 90\nfor = \"3y\""),
        &[(7, 7, "longer than a year")],
    );
    check(
        &rule("below = 90\nescalate = [{ after = \"5m\", to = \"a\" }, { after = \"5m\" }]"),
        &[
            (7, 41, "needs `to`"),
            (7, 51, "longer than in the step before"),
        ],
    );
}

#[test]
fn own_codes_need_a_unit_and_syntax_errors_have_a_place() {
    let own = "[[rule]]\nid = \"r\"\nkind = \"threshold\"\nmetric = \"local:x/y\"\nabove = 1\npriority = \"low\"\n";
    check(own, &[(1, 1, "needs `unit`")]);
    check(&format!("{own}unit = \"mg\"\n"), &[]);
    check(
        &format!("{own}unit = \"spoons\"\n"),
        &[(7, 8, "no known UCUM unit")],
    );
    let faults = RuleSet::parse("[[rule]]\nid = \"r\nkind = 3\n").expect_err("a fault");
    assert_eq!(faults[0].line, 2);
    assert!(
        RuleSet::parse("")
            .expect("no rules is no fault")
            .rules()
            .is_empty()
    );
}

#[test]
fn when_limits_are_to_be_reviewed() {
    let asked = |text: &str| RuleSet::parse(text).expect("no fault").limit_review();
    assert_eq!(asked(""), LimitReview::default());
    let other = asked("[limits]\nreview-after = \"3d\"\nreview-alerts = 4\n");
    let three_days = 3 * 86_400_000_000;
    assert_eq!((other.after, other.alerts), (three_days, 4));
    check(
        "[limits]\nreview-after = \"0s\"\nreview-alerts = 1.5\nauthor = \"me\"\n",
        &[
            (2, 16, "longer than nothing"),
            (3, 17, "a whole number from 1 to 1000"),
            (4, 1, "unknown key `author` in `limits`"),
        ],
    );
    check("limits = 3", &[(1, 10, "`limits` must be a table")]);
    let rule = "[[rule]]\nid = \"r\"\nkind = \"threshold\"\nmetric = \"spo2\"\nbelow = 90\npriority = \"high\"\n";
    check(
        &format!("{rule}may-be-off = \"yes\"\n"),
        &[(7, 14, "`may-be-off` must be true or false")],
    );
}

#[test]
fn several_metrics_and_all_but_some() {
    let metrics = |keys: &str| {
        let text = format!(
            "[[rule]]\nid = \"r\"\nkind = \"threshold\"\n{keys}\nbelow = 90\npriority = \"high\"\n"
        );
        let set = RuleSet::parse(&text).expect("no fault");
        (
            set.rules()[0].metrics.clone(),
            set.rules()[0].metric_name.clone(),
        )
    };
    // No arterial line; what is known by the code alone counts.
    let (keys, name) = metrics("metric = \"8480-6\"\nexcept = [\"76215-3\"]");
    assert_eq!(
        keys,
        [
            "MDC_PRESS_BLD_NONINV_SYS",
            "MDC_PRESS_CUFF_SYS",
            "MDC_PRESS_BLD_SYS",
            "8480-6"
        ]
    );
    assert_eq!(name, "Systolic pressure, non-invasive");
    let (keys, name) = metrics("metric = [\"2345-7\", \"MDC_CONC_GLU_GEN\", \"glucose-plasma\"]");
    assert_eq!(
        keys.first().map(String::as_str),
        Some("MDC_CONC_GLU_UNDETERMINED_PLASMA")
    );
    assert_eq!(keys.last().map(String::as_str), Some("MDC_CONC_GLU_GEN"));
    assert_eq!((keys.len(), name.as_str()), (6, "Glucose, plasma"));

    let faulty = |keys: &str| {
        format!(
            "[[rule]]\nid = \"r\"\nkind = \"threshold\"\n{keys}\nbelow = 90\npriority = \"high\"\n"
        )
    };
    check(&faulty("metric = []"), &[(4, 10, "names nothing")]);
    check(
        &faulty("metric = [\"spo2\", \"8867-4\"]"),
        &[(4, 19, "is not measured as")],
    );
    check(
        &faulty("metric = \"spo2\"\nexcept = [\"8867-4\"]"),
        &[(5, 11, "does not take in \"8867-4\"")],
    );
    check(
        &faulty("metric = \"spo2\"\nexcept = [\"spo2\"]"),
        &[(1, 1, "leaves nothing")],
    );
}

#[test]
fn the_zone_of_a_file_is_that_of_its_days() {
    let each = |zone: &str, own: &str| {
        let text = format!(
            "{zone}\n[[rule]]\nid = \"r\"\nkind = \"threshold\"\nmetric = \"29463-7\"\nabove = 90\neach-day = {{ take = \"mean\"{own} }}\npriority = \"low\"\n"
        );
        let set = RuleSet::parse(&text).expect("no fault");
        let Condition::Judged(judge) = &set.rules()[0].condition else {
            panic!("a judge")
        };
        judge.each.expect("a day")
    };
    assert_eq!(each("", "").zone, chrono_tz::UTC);
    let berlin = "zone = \"Europe/Berlin\"";
    assert_eq!(each(berlin, "").zone, chrono_tz::Europe::Berlin);
    let own = each(berlin, ", zone = \"Asia/Tokyo\", days = 7, least = 3");
    assert_eq!(
        (own.zone, own.days, own.least),
        (chrono_tz::Asia::Tokyo, 7, 3)
    );
    check(
        "zone = \"Europe/Nowhere\"",
        &[(1, 8, "no zone of the IANA")],
    );
    check(
        "[[rule]]\nid = \"r\"\nkind = \"threshold\"\nmetric = \"29463-7\"\nabove = 90\neach-day = { take = \"mean\", days = 40, least = 2 }\npriority = \"low\"\n",
        &[
            (6, 36, "a whole number from 1 to 31"),
            (6, 48, "`least` is above `days`"),
        ],
    );
}

#[test]
fn an_input_of_a_score_may_have_an_age_of_its_own() {
    let rule = |ages: &str| {
        format!(
            "[[rule]]\nid = \"r\"\nkind = \"score\"\nscore = \"news2\"\nat-least = 7\nmax-ages = {ages}\npriority = \"high\"\n"
        )
    };
    let set = RuleSet::parse(&rule("{ systolic = \"6h\", oxygen = \"2h\" }")).expect("no fault");
    let Condition::Judged(judge) = &set.rules()[0].condition else {
        panic!("a judge")
    };
    let Signal::Score { table, max_age, .. } = &judge.signal else {
        panic!("a score")
    };
    let age = |input: &str| {
        let place = table
            .names()
            .position(|name| name == input)
            .expect("an input");
        max_age[place] / 3_600_000_000
    };
    assert_eq!(
        [
            age("systolic"),
            age("pulse"),
            age("oxygen"),
            age("consciousness")
        ],
        [6, 1, 2, 12]
    );
    check(
        &rule("{ systolic = 6, glucose = \"1h\" }"),
        &[
            (6, 25, "must be a text in quotes"),
            (6, 38, "no input `glucose`"),
        ],
    );
}
