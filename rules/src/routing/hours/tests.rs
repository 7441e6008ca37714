use super::*;

const BERLIN: Tz = Tz::Europe__Berlin;

fn wall(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").expect("a local time")
}

fn utc(text: &str) -> Micros {
    wall(text).and_utc().timestamp_micros()
}

fn window(days: &[u8], from: u16, until: u16) -> Window {
    Window {
        days: days.iter().fold(0, |mask, day| mask | 1 << day),
        from: from * 60,
        until: until * 60,
    }
}

#[test]
fn the_missing_and_the_double_hour() {
    assert_eq!(
        instant(BERLIN, wall("2026-03-29T02:30")),
        utc("2026-03-29T01:00")
    );
    assert_eq!(
        instant(BERLIN, wall("2026-03-29T03:00")),
        utc("2026-03-29T01:00")
    );
    assert_eq!(
        instant(BERLIN, wall("2026-10-25T02:30")),
        utc("2026-10-25T00:30")
    );
    assert_eq!(
        instant(BERLIN, wall("2026-10-25T03:00")),
        utc("2026-10-25T02:00")
    );
    // Samoa skipped 30 December 2011.
    let skipped = instant(Tz::Pacific__Apia, wall("2011-12-30T08:00"));
    assert_eq!(skipped, utc("2011-12-30T10:00"));
}

#[test]
fn a_shift_over_midnight_belongs_to_the_day_it_starts() {
    let night = window(&[4], 20, 6);
    let (start, end) = night
        .around(BERLIN, utc("2026-11-28T04:59"))
        .expect("the night of Friday");
    assert_eq!(
        (start, end),
        (utc("2026-11-27T19:00"), utc("2026-11-28T05:00"))
    );
    assert_eq!(night.around(BERLIN, utc("2026-11-28T05:00")), None);
    assert_eq!(night.around(BERLIN, utc("2026-11-28T20:00")), None);
}

#[test]
fn a_night_shift_is_shorter_and_longer_with_the_clocks() {
    let night = window(&[5], 20, 6);
    let hours = |text| {
        let (start, end) = night.around(BERLIN, utc(text)).expect("a night");
        (end - start) / 3_600_000_000
    };
    assert_eq!(hours("2026-03-28T23:00"), 9);
    assert_eq!(hours("2026-10-24T23:00"), 11);
}

#[test]
fn shifts_that_meet_leave_no_hole_on_any_day_of_the_year() {
    let shifts = [
        window(&[0, 1, 2, 3, 4, 5, 6], 2, 14),
        window(&[0, 1, 2, 3, 4, 5, 6], 14, 2),
    ];
    let mut at = utc("2026-01-01T00:00");
    while at < utc("2027-01-01T00:00") {
        let fits = shifts
            .iter()
            .filter(|shift| shift.around(BERLIN, at).is_some())
            .count();
        assert_eq!(fits, 1, "{}", local(BERLIN, at));
        at += 30 * 60_000_000;
    }
}

fn in_turn(every: Every, whole: bool, window: Window) -> Schedule {
    Schedule {
        id: "s".to_owned(),
        shifts: vec![Shift {
            window,
            whole,
            who: People::InTurn(Rotation {
                people: vec![0, 1, 2],
                every,
                start: wall("2026-01-05T08:00"),
            }),
        }],
        overrides: Vec::new(),
    }
}

#[test]
fn a_rotation_hands_over_by_the_wall_clock() {
    let weekly = in_turn(Every::Days(7), false, ALWAYS);
    let who = |text| weekly.on_call(BERLIN, utc(text));
    assert!(who("2026-01-05T06:59").is_empty());
    assert_eq!(who("2026-01-05T07:00"), [0]);
    assert_eq!(who("2026-01-12T06:59"), [0]);
    assert_eq!(who("2026-01-12T07:00"), [1]);
    assert_eq!(who("2026-01-26T07:00"), [0]);
    // Summer time: 08:00 is an hour earlier by UTC.
    assert_eq!(who("2026-03-30T05:59"), [2]);
    assert_eq!(who("2026-03-30T06:00"), [0]);
    let twelve = in_turn(Every::Micros(12 * 3_600_000_000), false, ALWAYS);
    assert_eq!(twelve.on_call(BERLIN, utc("2026-01-05T18:59")), [0]);
    assert_eq!(twelve.on_call(BERLIN, utc("2026-01-05T19:00")), [1]);
}

#[test]
fn a_shift_in_turn_is_not_handed_over_in_its_middle() {
    let nights = in_turn(Every::Days(1), true, window(&[0, 1, 2, 3, 4, 5, 6], 20, 10));
    assert_eq!(nights.on_call(BERLIN, utc("2026-01-06T06:00")), [0]);
    assert_eq!(nights.on_call(BERLIN, utc("2026-01-06T08:59")), [0]);
    assert!(nights.on_call(BERLIN, utc("2026-01-06T09:00")).is_empty());
    assert_eq!(nights.on_call(BERLIN, utc("2026-01-06T19:00")), [1]);
}

#[test]
fn an_override_comes_first_and_a_hole_stays_one() {
    let mut day = in_turn(Every::Days(7), true, window(&[0, 1, 2, 3, 4], 8, 16));
    day.overrides.push(Override {
        from: wall("2026-01-06T10:00"),
        until: wall("2026-01-06T18:00"),
        people: vec![7],
    });
    assert_eq!(day.on_call(BERLIN, utc("2026-01-06T08:59")), [0]);
    assert_eq!(day.on_call(BERLIN, utc("2026-01-06T09:00")), [7]);
    assert_eq!(day.on_call(BERLIN, utc("2026-01-06T16:30")), [7]);
    assert!(day.on_call(BERLIN, utc("2026-01-06T17:00")).is_empty());
}

#[test]
fn calendars_merge_windows_and_never_open_without_any() {
    let mut calendar = Calendar {
        id: "c".to_owned(),
        open: vec![window(&[0], 8, 12), window(&[0], 12, 17)],
        closed: vec![NaiveDate::from_ymd_opt(2026, 11, 30).expect("a date")],
    };
    let at = utc("2026-11-23T11:30");
    assert!(calendar.is_open(BERLIN, at));
    let watch = calendar.watch(BERLIN, at);
    assert_eq!(watch.until, Some(utc("2026-11-23T16:00")));
    assert_eq!(
        calendar.opens(BERLIN, utc("2026-11-24T00:00")),
        Some(utc("2026-12-07T07:00"))
    );
    calendar.open.clear();
    assert_eq!(calendar.opens(BERLIN, at), None);
    let watch = calendar.watch(BERLIN, at);
    assert_eq!((watch.open, watch.since, watch.until), (false, None, None));
    calendar.open.push(ALWAYS);
    calendar.closed.clear();
    let watch = calendar.watch(BERLIN, at);
    assert_eq!((watch.open, watch.since, watch.until), (true, None, None));
}

#[test]
fn nobody_else_is_on_call_before_the_next_change() {
    const MINUTE: Micros = 60_000_000;
    let shift = |window, whole, who| Shift { window, whole, who };
    let weekly = Rotation {
        people: vec![1, 2],
        every: Every::Days(2),
        start: wall("2026-03-20T08:00"),
    };
    let short = Rotation {
        people: vec![3, 4, 5],
        every: Every::Micros(7 * 60 * MINUTE),
        start: wall("2026-03-26T10:30"),
    };
    let schedule = Schedule {
        id: String::new(),
        shifts: vec![
            shift(window(&[0, 2, 4], 8, 16), true, People::All(vec![0])),
            shift(window(&[5], 20, 6), true, People::InTurn(weekly.clone())),
            shift(window(&[3, 6], 2, 3), true, People::All(vec![6])),
            shift(ALWAYS, false, People::InTurn(short)),
            shift(ALWAYS, false, People::InTurn(weekly)),
        ],
        overrides: vec![Override {
            from: wall("2026-03-29T02:15"),
            until: wall("2026-03-30T09:45"),
            people: vec![7],
        }],
    };
    let calendar = Calendar {
        id: String::new(),
        open: vec![window(&[0, 1, 5], 8, 17), window(&[6], 22, 4)],
        closed: vec![wall("2026-04-06T00:00").date()],
    };
    for from in ["2026-03-18T00:00", "2026-10-20T00:00"] {
        let (from, mut changes) = (utc(from), 0);
        for at in (0..20 * 24 * 12).map(|step| from + step * 5 * MINUTE) {
            let then = at + 5 * MINUTE;
            let next = schedule.next_change(BERLIN, at).expect("a change");
            assert!(next > at);
            if schedule.on_call(BERLIN, at) != schedule.on_call(BERLIN, then) {
                assert!(next <= then, "{at}");
                changes += 1;
            }
            let next = calendar.next_change(BERLIN, at).expect("a change");
            assert!(next > at);
            if calendar.is_open(BERLIN, at) != calendar.is_open(BERLIN, then) {
                assert!(next <= then, "{at}");
                changes += 1;
            }
        }
        assert!(changes > 40, "{changes}");
    }
    let always = Schedule {
        id: String::new(),
        shifts: vec![shift(ALWAYS, false, People::All(vec![0]))],
        overrides: Vec::new(),
    };
    assert_eq!(always.next_change(BERLIN, 0), None);
}
