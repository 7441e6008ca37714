//! A gateway whose clock nobody has set yet.

use super::*;

/// By a clock that stands an hour behind the right one, since nobody has set it.
fn unset(wall: Micros) -> Taken {
    Taken {
        wall: wall - 60 * MINUTE,
        since_boot: wall - BOOT,
        synchronized: false,
    }
}

#[test]
fn a_session_measured_by_a_wrong_clock_is_kept_once_that_is_synchronised() {
    let mut bench = sensor(Memory::default());
    let feature = cgm_session::Features {
        supported: 0,
        kind: 9,
        location: 5,
    };
    let status = cgm_session::Status {
        offset: 3_065,
        annunciation: 0,
    };
    while let Some(id) = bench.until_read() {
        let (bytes, taken) = match id.uuid {
            uuid::CGM_FEATURE => (feature.encode(), taken(NOW)),
            uuid::CGM_STATUS => (status.encode(false), unset(NOW)),
            _ => (Vec::new(), taken(NOW)),
        };
        let read = Action::Read(id);
        let verdict = bench.course.done(&read, Ok(&bytes), taken, bench.now);
        assert_eq!(verdict, Verdict::Go);
    }
    let memory = bench.course.changed_memory().unwrap();
    assert_eq!(memory.session_began, None, "an hour wrong");

    let record = |bench: &mut Bench, minute: u16, taken: Taken| {
        let mut raw = CAPTURED[..12].to_vec();
        raw[0] = 0x0C;
        raw[4..6].copy_from_slice(&minute.to_le_bytes());
        let id = Id {
            service: CGM,
            uuid: 0x2AA7,
        };
        bench.course.take(Sent {
            id,
            instance: 0,
            raw,
            taken,
        });
        bench.settle()[0].readings.clone().unwrap()
    };
    let early = record(&mut bench, 3_060, unset(NOW));
    assert_eq!(early.records[0].time, NOW - 65 * MINUTE);
    assert!(early.by_gateway_clock, "it is moved with the clock");
    let late = record(&mut bench, 3_061, taken(NOW + MINUTE));
    assert_eq!(late.records[0].time, NOW - 4 * MINUTE);
    let memory = bench.course.changed_memory().unwrap();
    assert_eq!(memory.session_began, Some(NOW - 3_065 * MINUTE));
}

#[test]
fn an_offset_measured_by_a_wrong_clock_is_right_once_that_is_synchronised() {
    let mut bench = Bench::new(&device(&[Profile::Glucose]), Memory::default(), &meter());
    assert_eq!(bench.until_read(), Some(CTS));
    // Six minutes slow.
    let shown = clock(NOW - 6 * MINUTE);
    let read = Action::Read(CTS);
    bench.course.done(&read, Ok(&shown), unset(NOW), bench.now);
    bench.sent(GLUCOSE, 0x2A18, &measurement(1, false));
    let items = bench.settle();
    let records = &items[0].readings.as_ref().unwrap().records;
    let digits = DateTimeOf("2026-11-22T07:00:00Z").us();
    assert_eq!(records[0].time, digits + 6 * MINUTE);
    assert_eq!(records.last().unwrap().time, NOW, "the coincident time");
}

#[test]
fn a_devices_clock_is_set_by_a_synchronised_one_alone() {
    let mut device = device(&[Profile::Glucose]);
    device.set_clock = true;
    let can = [(GLUCOSE, 0x2A18, "s"), (0x1805, 0x2A2B, "w")];
    let mut bench = Bench::new(&device, Memory::default(), &can);
    assert!(matches!(bench.next(), Some(Action::Subscribe(_))));
    let Some(Action::Write(CTS, bytes)) = bench.next() else {
        panic!("the clock is not set");
    };
    assert_eq!(bytes, clock(NOW));

    let mut bench = Bench::new(&device, Memory::default(), &can);
    assert!(matches!(bench.next(), Some(Action::Subscribe(_))));
    assert_eq!(bench.course.next(bench.now, unset(NOW)), None);
    assert_eq!(bench.settle()[0].notes, [Note::NotSet]);
}
