//! Who would be told, asked of the file alone.

use super::desk::{routing, time};
use crate::routing::{Facts, SubjectKind, Told};
use crate::{Class, Priority};

const FILE: &str = r#"
time-zone = "Europe/Berlin"
fallback = ["channel:hook"]
[[person]]
id = "ito"
contacts = [{ channel = "teams" }, { channel = "mail", address = "ito@example.org" }]
[[person]]
id = "cho"
contacts = [{ channel = "teams" }]
[[calendar]]
id = "clinic"
open = [{ days = ["mon"], from = "08:00", until = "17:00" }]
[[schedule]]
id = "nurses"
shifts = [{ people = ["ito"], from = "07:00", until = "19:00" }]
overrides = [{ from = "2026-11-30T08:00", until = "2026-11-30T12:00", people = ["cho"] }]
[[route]]
id = "home"
match = { class = ["physiological"] }
to = ["schedule:nurses"]
hours = "clinic"
always = ["high"]
"#;

fn facts(priority: Priority) -> Facts {
    Facts {
        class: Class::Physiological,
        priority,
        team: None,
        ward: None,
        tags: Vec::new(),
        rule: "low".to_owned(),
        subject: SubjectKind::Patient,
    }
}

fn lines(told: &[Told]) -> Vec<String> {
    let line = |told: &Told| {
        let person = told.person.as_deref().unwrap_or("-");
        let address = told.address.as_deref().unwrap_or("-");
        let until = told.held_until.map_or("-".to_owned(), super::desk::shown);
        format!(
            "{} {person} {} {address} {} {until}",
            told.route, told.channel, told.held
        )
    };
    told.iter().map(line).collect()
}

#[test]
fn now_later_and_by_default() {
    let file = routing(FILE);
    let medium = facts(Priority::Medium);
    let now = file.who(&medium, time("11-23 10:00"));
    assert_eq!(
        lines(&now),
        [
            "home ito teams - false -",
            "home ito mail ito@example.org false -"
        ]
    );
    let later = file.who(&medium, time("11-24 10:00"));
    assert_eq!(lines(&later), ["home cho teams - true 11-30 08:00"]);
    let nobody = file.who(&facts(Priority::High), time("11-24 20:00"));
    assert_eq!(lines(&nobody), ["fallback - hook - false -"]);
    let technical = Facts {
        class: Class::Technical,
        ..medium
    };
    let unmatched = file.who(&technical, time("11-23 10:00"));
    assert_eq!(lines(&unmatched), ["fallback - hook - false -"]);
}

#[test]
fn who_is_on_call_and_whether_somebody_watches() {
    let file = routing(FILE);
    let at = time("11-23 10:00");
    assert_eq!(file.on_call(at)[0].people, ["ito"]);
    assert!(file.on_call(time("11-23 20:00"))[0].people.is_empty());
    let watch = &file.watch(at)[0];
    let open = (watch.open, watch.since, watch.until);
    assert_eq!(
        open,
        (true, Some(time("11-23 08:00")), Some(time("11-23 17:00")))
    );
    let watch = &file.watch(time("11-23 17:00"))[0];
    let closed = (watch.open, watch.since, watch.until);
    assert_eq!(
        closed,
        (false, Some(time("11-23 17:00")), Some(time("11-30 08:00")))
    );
}
