//! Every kind of rule in every situation of a ward: small timelines (`crate::language`) with what must follow between
//! the lines, one file a kind in `matrix/`.
//!
//! ```text
//! [[rule]] …                       the rule `r`; `off`, a sensor that is not on the patient and says so once, is
//!                                  always beside it
//! # gap                            a situation, all of SITUATIONS
//! 00:00 hr 130                     what comes in
//! > 02:00 raised r …               what follows
//! > late=1 invalid=2 foreign=1     what was counted, if anything was
//! ```
//! Each runs row by row, with neighbouring rows in one batch, and with a restart before every step;
//! and as a rehearsal, every row demonstration or test, which tells nobody anything.

use crate::language::{apply, check, parse, render, timeline};
use wardline_rules::Engine;

/// What happens on wards.
const SITUATIONS: [&str; 10] = [
    "happy",
    // Readings out of order, within the lateness; and older than that.
    "order",
    "late",
    // No readings for longer than `max-gap`, or than a value counts.
    "gap",
    "flapping",
    "units",
    // The sensor comes off before the alarm, and in the middle of it.
    "sensor-off",
    // A device's clock is ahead, or is set back.
    "device-clock",
    // The server's clock, that of the log, jumps ahead and back.
    "server-clock",
    // Demonstration and test between the patient's readings.
    "staged",
];

const SENSOR_OFF: &str = r#"
[[rule]]
id = "off"
kind = "threshold"
class = "technical"
metric = "MDC_PULS_OXIM_DEV_STATUS"
is = ["sensor-unconnected-to-user"]
holds-for = "30d"
priority = "low"
"#;

/// The rules of a file, and its situations.
fn read(file: &str) -> (String, Vec<(&str, &str)>) {
    let mut parts = file.split("\n# ");
    let rule = parts.next().expect("a rule");
    let situations = parts.map(|part| part.split_once('\n').expect("a timeline"));
    (format!("{rule}\n{SENSOR_OFF}"), situations.collect())
}

/// What of the counters is not nothing.
fn counted(engine: &Engine) -> String {
    let stats = engine.stats();
    let counters = [
        ("late", stats.late),
        ("invalid", stats.invalid),
        ("foreign", stats.foreign),
    ];
    let some = counters.iter().filter(|(_, count)| *count > 0);
    let some: Vec<String> = some
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    some.join(" ")
}

/// The transitions of a timeline, and what was counted.
fn run(rules: &str, fed: &str) -> (Vec<String>, String) {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    for (seq, step) in (1..).zip(&timeline(&[parse(rules)], fed)) {
        apply(&mut engine, seq, step, &mut events);
    }
    (events.iter().map(render).collect(), counted(&engine))
}

fn hold(file: &str) {
    let (rules, situations) = read(file);
    let names: Vec<&str> = situations.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, SITUATIONS);
    for (name, text) in situations {
        let fed: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("> "))
            .collect();
        let fed = fed.join("\n");
        let follows = text.lines().filter_map(|line| line.strip_prefix("> "));
        let (counts, follows): (Vec<&str>, Vec<&str>) =
            follows.partition(|line| !line.starts_with(|first: char| first.is_ascii_digit()));
        let (said, found) = run(&rules, &fed);
        assert_eq!(said, follows, "{name}");
        assert_eq!(found, counts.join(" "), "{name}");
        check(&rules, &fed, &follows.join("\n"));
    }
    nobody_is_told_of_a_rehearsal(&rules, file);
}

/// All of it again as demonstration and as test: neither raises anything, whatever it shows.
fn nobody_is_told_of_a_rehearsal(rules: &str, file: &str) {
    for word in ["demo", "test", "questionable,test"] {
        let staged = |line: &str| match line.split_whitespace().nth(1) {
            Some("assign" | "jump" | "wait") => line.to_owned(),
            _ => format!("{line} q={word}"),
        };
        for (name, text) in read(file).1 {
            let fed = text.lines().filter(|line| !line.starts_with("> "));
            let fed = fed.filter(|line| !line.trim().is_empty() && !line.contains("q="));
            let fed: Vec<String> = fed.map(staged).collect();
            let (said, counts) = run(rules, &fed.join("\n"));
            assert_eq!(said, [""; 0], "{name} as {word}");
            assert!(counts.starts_with("invalid="), "{name} as {word}: {counts}");
        }
    }
}

macro_rules! kinds {
    ($($name:ident $file:literal)*) => {
        $(
            #[test]
            fn $name() {
                hold(include_str!(concat!("matrix/", $file, ".txt")));
            }
        )*
    };
}

kinds! {
    above "above"
    below "below"
    outside "outside"
    rate_of_change "rate"
    absence "absence"
    score "score"
    entered_baseline "entered"
    median_baseline "median"
    ewma_baseline "ewma"
    cusum_baseline "cusum"
    all_of_several "all"
    any_of_several "any"
    words "words"
    each_day "each-day"
}
