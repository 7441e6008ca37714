//! Files that are wrong, and files that leave something open.

use super::desk::routing;
use crate::routing::Routing;

fn faults(text: &str) -> Vec<String> {
    let found = Routing::parse(text).expect_err("faults");
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_at_once_with_its_place() {
    let text = r#"time-zone = "Europe/Berlino"
colour = "red"
fallback = ["nobody"]
[[person]]
id = "ito"
[[person]]
id = "ito"
contacts = [{ channel = "teams", phone = "1" }]
[[team]]
id = "hf"
roles = { nurse = ["xx"] }
[[schedule]]
id = "s"
shifts = [{ days = ["moon"], people = ["ito"] }, { from = "8:00", people = ["ito"] }, {}, { rotation = { people = ["ito"], every = "0s", start = "2026-01-05" } }]
overrides = [{ from = "2026-12-24T08:00", until = "2026-12-23T08:00", people = ["ito"] }]
[[calendar]]
id = "c"
open = [{ until = "25:00" }]
closed = ["25.12.2026"]
[[route]]
match = { team = ["kf"], priority = ["urgent"] }
to = ["schedule:t", "role:doctor", "person:roy"]
hours = "night"
group-by = ["bed"]
repeat-interval = "10s"
[[route]]
id = "route-1"
always = ["high"]
[[target]]
name = "charge nurse"
to = ["role:nurse"]
"#;
    let expected = [
        "1:13: `time-zone`: there is no time zone \"Europe/Berlino\"; one is \"Europe/Berlin\"",
        "2:1: unknown key `colour` in a routing file; known: time-zone, fallback, person, team, schedule, calendar, route, target",
        "3:13: `fallback` names `schedule:…`, `role:…`, `person:…` or `channel:…`, not \"nobody\"",
        "4:1: person `ito` has no contact: nobody could tell them",
        "7:6: a second person `ito`",
        "8:34: unknown key `phone` in a contact; known: channel, address",
        "11:20: `roles`: there is no person `xx`",
        "14:21: `days` lists mon, tue, wed, thu, fri, sat, sun, not \"moon\"",
        "14:59: `from` must be a time of day like \"08:00\", not \"8:00\"",
        "14:87: a shift has either `people` or a `rotation`",
        "14:132: `every` must be longer than nothing",
        "14:146: `start` must be a local time like \"2026-12-24T08:00\", not \"2026-01-05\"",
        "15:51: `until` must be after `from`",
        "18:19: `until` must be a time of day like \"08:00\", not \"25:00\"",
        "19:11: `closed` lists dates like \"2026-12-25\", not \"25.12.2026\"",
        "21:19: `team`: there is no team `kf`",
        "21:38: `priority` lists priorities; \"urgent\" is none",
        "22:7: `to`: there is no schedule `t`",
        "22:21: `to`: no team has a role `doctor`",
        "22:36: `to`: there is no person `roy`",
        "23:9: `hours`: there is no calendar `night`",
        "24:13: `group-by` lists patient, rule, device, ward, team, class, priority, not \"bed\"",
        "25:19: `repeat-interval` must be a minute or longer",
        "26:1: route `route-1` has no `to`: it would tell nobody",
        "26:1: route `route-1`: `always` says what happens outside `hours`",
        "27:6: a second route `route-1`",
        "30:8: a target is named by 1 to 64 letters, digits, `.`, `_` or `-`",
    ];
    let found = faults(text);
    assert_eq!(found, expected, "\n{}", found.join("\n"));
}

#[test]
fn times_need_a_zone_and_roles_need_people() {
    let text = r#"[[calendar]]
id = "c"
open = [{}]
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[team]]
id = "hf"
roles = { nurse = ["ito"] }
[[team]]
id = "copd"
[[route]]
match = { team = ["hf", "copd"] }
to = ["role:nurse"]
"#;
    assert_eq!(
        faults(text),
        [
            "1:1: schedules and calendars need `time-zone`, as \"Europe/Berlin\"",
            "14:7: team `copd` has nobody as `nurse`",
        ]
    );
    assert_eq!(faults("route = 1\nto = [")[0].split(':').next(), Some("1"));
}

const HOLES: &str = r#"
time-zone = "Europe/Berlin"
[[person]]
id = "ito"
contacts = [{ channel = "teams" }]
[[schedule]]
id = "day"
shifts = [{ days = ["mon", "tue", "wed", "thu", "fri"], from = "08:00", until = "16:00", people = ["ito"] }]
[[calendar]]
id = "clinic"
open = [{ days = ["mon", "tue", "wed", "thu", "fri"], from = "08:00", until = "17:00" }]
[[route]]
match = { priority = ["high"] }
to = ["schedule:day"]
[[route]]
id = "clinic-hours"
to = ["schedule:day"]
hours = "clinic"
[[route]]
id = "late"
to = ["schedule:day", "channel:hook"]
[[target]]
name = "nurse"
to = ["schedule:day"]
"#;

#[test]
fn hours_without_anybody_and_routes_without_alerts_are_warned_of() {
    let file = routing(HOLES);
    let said: Vec<String> = file.warnings().iter().map(ToString::to_string).collect();
    let week = "nobody is on call Mon 16:00 to Tue 08:00, Tue 16:00 to Wed 08:00, Wed 16:00 to Thu 08:00, 2 more";
    let expected = [
        format!("12:1: route `route-1`: {week}"),
        "15:1: route `clinic-hours`: nobody is on call Mon 16:00 to Mon 17:00, Tue 16:00 to Tue 17:00, Wed 16:00 to Wed 17:00, 2 more".to_owned(),
        "19:1: route `late` is never reached: `clinic-hours` takes every alert".to_owned(),
        format!("22:1: target `nurse`: {week}"),
    ];
    assert_eq!(said, expected, "\n{}", said.join("\n"));
}

#[test]
fn receivers_and_targets_are_held_against_what_is_there() {
    let file = routing(HOLES);
    assert_eq!(file.targets().collect::<Vec<_>>(), ["nurse"]);
    assert_eq!(file.channels().collect::<Vec<_>>(), ["hook", "teams"]);
    assert!(file.check(&["hook", "teams"], &["nurse"]).is_empty());
    let found: Vec<String> = file
        .check(&["teams"], &["nurse", "doctor", "doctor"])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "1:1: rules escalate to `doctor`, and there is no [[target]] of that name",
            "21:23: no receiver `hook` is configured",
        ]
    );
}
