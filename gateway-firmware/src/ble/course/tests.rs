use super::*;
use crate::source::Class;
use wardline_gateway::gatt;
use wardline_normalize::measurement::{Claims, Measurement, Reason, Sink};
use wardline_normalize::senml::{self, DeviceTime, RecordValue};

use super::super::repeats::Repeats;

mod clocks;

const NOW: Micros = 1_795_334_400_000_000;
const MINUTE: Micros = 60_000_000;
const BOOT: Micros = NOW - 24 * 60 * MINUTE;
const GLUCOSE: u16 = 0x1808;
const CTS: Id = Id {
    service: 0x1805,
    uuid: 0x2A2B,
};

fn taken(wall: Micros) -> Taken {
    Taken {
        wall,
        since_boot: wall - BOOT,
        synchronized: true,
    }
}

fn device(profiles: &[Profile]) -> Device {
    let words: Vec<_> = profiles.iter().map(|p| format!("{:?}", p.word())).collect();
    let text = format!(
        "id = \"d\"\naddress = \"C0:00:00:00:00:01\"\nprofiles = [{}]\n",
        words.join(",")
    );
    toml::from_str(&text).unwrap()
}

struct Bench {
    course: Course,
    repeats: Repeats,
    now: Instant,
    can: BTreeMap<Id, Can>,
}

impl Bench {
    fn new(device: &Device, memory: Memory, can: &[(u16, u16, &str)]) -> Self {
        let can: BTreeMap<Id, Can> = can
            .iter()
            .map(|(service, uuid, flags)| {
                let can = Can {
                    read: flags.contains('r'),
                    write: flags.contains('w'),
                    subscribe: flags.contains('s'),
                };
                (
                    Id {
                        service: *service,
                        uuid: *uuid,
                    },
                    can,
                )
            })
            .collect();
        let now = Instant::now();
        let limit = Duration::from_secs(30);
        let course = Course::in_zone(device, limit, memory, &can, now, Zone::Fixed(0));
        Self {
            course,
            repeats: Repeats::default(),
            now,
            can,
        }
    }

    fn next(&mut self) -> Option<Action> {
        self.course.next(self.now, taken(NOW))
    }

    fn read(&mut self, id: Id, bytes: &[u8]) -> Verdict {
        self.course
            .done(&Action::Read(id), Ok(bytes), taken(NOW), self.now)
    }

    fn ok(&mut self, action: &Action) {
        let verdict = self.course.done(action, Ok(&[]), taken(NOW), self.now);
        assert_eq!(verdict, Verdict::Go);
    }

    /// Does what comes, all of it well, until a read that the test answers, or the end.
    fn until_read(&mut self) -> Option<Id> {
        loop {
            match self.next()? {
                Action::Read(id) => return Some(id),
                action => self.ok(&action),
            }
        }
    }

    fn sent(&mut self, service: u16, uuid: u16, raw: &[u8]) {
        let id = Id { service, uuid };
        self.course.take(Sent {
            id,
            instance: 0,
            raw: raw.to_vec(),
            taken: taken(NOW),
        });
    }

    /// Puts what is ready, as the session does.
    fn settle(&mut self) -> Vec<Item> {
        let items = self.course.ready(&mut self.repeats, self.now);
        let mut given = Vec::new();
        for item in items {
            if let Some(key) = item.key {
                self.repeats.remember(key);
            }
            given.push(Item {
                sent: item.sent.clone(),
                readings: item.readings.clone(),
                notes: item.notes.clone(),
                ..Item::default()
            });
            self.course.stored(item, self.now);
        }
        given
    }
}

fn meter() -> Vec<(u16, u16, &'static str)> {
    vec![
        (GLUCOSE, 0x2A18, "s"),
        (GLUCOSE, 0x2A34, "s"),
        (GLUCOSE, 0x2A52, "ws"),
        (GLUCOSE, 0x2A51, "r"),
        (0x1805, 0x2A2B, "rw"),
        (0x180A, 0x2A25, "r"),
        (0x180A, 0x2A24, "r"),
        (0x180F, 0x2A19, "rs"),
    ]
}

/// 2A18 with a concentration of 5.5 mmol/L at 2026-11-22T07:00:00 by the device.
fn measurement(sequence: u16, context: bool) -> Vec<u8> {
    let mut raw = vec![0x06 | u8::from(context) << 4];
    raw.extend(sequence.to_le_bytes());
    raw.extend([0xEA, 0x07, 11, 22, 7, 0, 0]);
    raw.extend([0x37, 0xC0, 0x11]);
    raw
}

fn clock(wall: Micros) -> Vec<u8> {
    CurrentTime::from_local_us(wall).unwrap().encode()
}

#[test]
fn the_measurement_is_subscribed_to_before_anything_else_and_information_is_read_last() {
    let mut bench = Bench::new(&device(&[Profile::Glucose]), Memory::default(), &meter());
    let mut order = Vec::new();
    while let Some(action) = bench.next() {
        order.push(action.step());
        match &action {
            Action::Read(id) => {
                let bytes = if *id == CTS { clock(NOW) } else { vec![0, 0] };
                bench.read(*id, &bytes);
            }
            Action::Write(id, _) => {
                bench.ok(&action);
                bench.sent(id.service, id.uuid, &[6, 0, 1, 6]);
                bench.settle();
            }
            Action::Subscribe(_) => bench.ok(&action),
        }
    }
    assert_eq!(
        order,
        [
            "subscribe 2A18",
            "subscribe 2A34",
            "subscribe 2A52",
            "read 2A2B",
            "read 2A51",
            "write 2A52",
            "read 2A24",
            "read 2A25",
        ]
    );
    assert!(bench.course.settled());
}

#[test]
fn values_wait_for_the_clock_and_no_longer() {
    let mut bench = Bench::new(&device(&[Profile::Glucose]), Memory::default(), &meter());
    assert_eq!(bench.until_read(), Some(CTS));
    bench.sent(GLUCOSE, 0x2A18, &measurement(1, false));
    assert!(bench.settle().is_empty());
    // Six minutes slow.
    bench.read(CTS, &clock(NOW - 6 * MINUTE));
    let items = bench.settle();
    let records = &items[0].readings.as_ref().unwrap().records;
    let digits = DateTimeOf("2026-11-22T07:00:00Z").us();
    assert_eq!(records[0].device_time, Some(DeviceTime::Local(digits)));
    assert_eq!(records[0].time, digits + 6 * MINUTE);
    assert!(records[0].raw.is_some());
    let coincident = records.last().unwrap();
    assert!(
        coincident.name.ends_with("MDC_ATTR_TIME_ABS"),
        "{}",
        coincident.name
    );
    assert_eq!(coincident.time, NOW);
    assert_eq!(bench.course.facts(), [(Some(6 * MINUTE), None)]);
    // Told once a connection.
    bench.sent(GLUCOSE, 0x2A18, &measurement(2, false));
    let items = bench.settle();
    assert_eq!(
        items[0].readings.as_ref().unwrap().records.len(),
        records.len() - 1
    );
}

struct DateTimeOf(&'static str);

impl DateTimeOf {
    fn us(&self) -> Micros {
        wardline_normalize::time::parse_rfc3339(self.0).unwrap()
    }
}

#[test]
fn a_link_that_ends_early_has_its_values_taken_with_the_zone_assumed() {
    let mut bench = Bench::new(&device(&[Profile::Glucose]), Memory::default(), &meter());
    bench.until_read();
    bench.sent(GLUCOSE, 0x2A18, &measurement(1, false));
    bench.course.flush();
    let items = bench.settle();
    let record = &items[0].readings.as_ref().unwrap().records[0];
    assert!(matches!(record.device_time, Some(DeviceTime::Local(_))));
}

fn downloading(memory: Memory) -> (Bench, Vec<u8>) {
    let mut bench = Bench::new(&device(&[Profile::Glucose]), memory, &meter());
    while let Some(id) = bench.next() {
        match id {
            Action::Read(CTS) => {
                bench.read(CTS, &clock(NOW));
            }
            Action::Read(id) => {
                bench.read(id, &[0, 0]);
            }
            Action::Write(id, bytes) => {
                bench.ok(&Action::Write(id, bytes.clone()));
                return (bench, bytes);
            }
            action @ Action::Subscribe(_) => bench.ok(&action),
        }
    }
    panic!("no download");
}

#[test]
fn a_download_that_breaks_goes_on_after_the_last_record_that_is_safe() {
    let (mut bench, written) = downloading(Memory::default());
    assert_eq!(written, [1, 1]);
    for sequence in 1..=3 {
        bench.sent(GLUCOSE, 0x2A18, &measurement(sequence, false));
    }
    bench.settle();
    let memory = bench.course.changed_memory().unwrap();
    assert_eq!(memory.last_record.get(&GLUCOSE), Some(&3));
    let (_, written) = downloading(memory);
    assert_eq!(written, [1, 3, 1, 4, 0]);
}

#[test]
fn a_record_that_was_not_put_is_not_remembered() {
    let (mut bench, _) = downloading(Memory::default());
    bench.course.changed_memory();
    bench.sent(GLUCOSE, 0x2A18, &measurement(1, false));
    let items = bench.course.ready(&mut bench.repeats, bench.now);
    assert_eq!(items.len(), 1);
    assert_eq!(bench.course.changed_memory(), None);
}

#[test]
fn records_in_falling_order_count_at_the_end_alone() {
    let (mut bench, _) = downloading(Memory::default());
    bench.course.changed_memory();
    for sequence in [3, 2, 1] {
        bench.sent(GLUCOSE, 0x2A18, &measurement(sequence, false));
        bench.settle();
        assert_eq!(
            bench.course.changed_memory(),
            None,
            "those before it are still to come"
        );
    }
    bench.sent(GLUCOSE, 0x2A52, &[6, 0, 1, 1]);
    bench.settle();
    bench.next();
    let memory = bench.course.changed_memory().unwrap();
    assert_eq!(memory.last_record.get(&GLUCOSE), Some(&3));
}

#[test]
fn a_context_has_its_measurements_time_and_one_without_has_none() {
    let (mut bench, _) = downloading(Memory::default());
    bench.sent(GLUCOSE, 0x2A18, &measurement(7, true));
    bench.sent(GLUCOSE, 0x2A34, &[0x02, 7, 0, 1]);
    bench.sent(GLUCOSE, 0x2A34, &[0x02, 9, 0, 1]);
    let items = bench.settle();
    let time = items[0].readings.as_ref().unwrap().records[0].time;
    let meal = &items[1].readings.as_ref().unwrap().records[0];
    assert_eq!((meal.time, meal.undated), (time, false));
    let lost = &items[2].readings.as_ref().unwrap().records[0];
    assert!(lost.undated);
    assert!(items[2].notes.contains(&Note::Unmatched));
}

#[test]
fn a_context_that_does_not_come_is_counted_once() {
    let (mut bench, _) = downloading(Memory::default());
    bench.sent(GLUCOSE, 0x2A18, &measurement(7, true));
    bench.settle();
    let due = bench.course.deadline().unwrap();
    assert_eq!(due, bench.now + PARTNER);
    bench.course.tick(due);
    let items = bench.settle();
    assert_eq!(items[0].notes, [Note::Unmatched]);
    bench.course.tick(due);
    assert!(bench.settle().is_empty());
}

#[test]
fn what_was_taken_before_is_a_duplicate_and_still_counts_as_a_record() {
    let (mut bench, _) = downloading(Memory::default());
    bench.sent(GLUCOSE, 0x2A18, &measurement(1, false));
    bench.settle();
    bench.now += Duration::from_secs(1);
    bench.sent(GLUCOSE, 0x2A18, &measurement(1, false));
    let items = bench.settle();
    assert!(items[0].readings.is_none());
    assert_eq!(items[0].notes, [Note::Record, Note::Duplicate]);
}

#[test]
fn values_of_what_is_not_subscribed_to_are_ignored() {
    let mut bench = Bench::new(
        &device(&[Profile::HeartRate]),
        Memory::default(),
        &[
            (0x180D, 0x2A37, "s"),
            (0x180D, 0x2A38, "r"),
            (0x180A, 0x2A25, "r"),
        ],
    );
    assert_eq!(bench.until_read().map(|id| id.uuid), Some(0x2A38));
    bench.sent(0x180D, 0x2A38, &[1]);
    bench.sent(0x180A, 0x2A25, b"A1");
    bench.sent(0x180D, 0x2A37, &[0, 60]);
    let items = bench.settle();
    assert_eq!(items[0].notes, [Note::Ignored]);
    assert_eq!(items[1].notes, [Note::Ignored]);
    let readings = items[2].readings.as_ref().unwrap();
    assert_eq!(readings.class, Class::Stream);
    assert!(readings.by_gateway_clock);
    assert_eq!(readings.records[0].time, NOW);
}

#[test]
fn another_serial_number_is_refused_before_anything_is_taken() {
    let mut device = device(&[Profile::HeartRate]);
    device.serial = Some("A1".to_owned());
    let can = [(0x180D, 0x2A37, "s"), (0x180A, 0x2A25, "r")];
    let mut bench = Bench::new(&device, Memory::default(), &can);
    let id = Id {
        service: 0x180A,
        uuid: 0x2A25,
    };
    assert_eq!(bench.next(), Some(Action::Read(id)));
    assert!(matches!(
        bench.read(id, b"B2"),
        Verdict::Refuse("serial", _)
    ));

    let mut bench = Bench::new(&device, Memory::default(), &can);
    bench.next();
    assert_eq!(bench.read(id, b"A1\0"), Verdict::Go);
    let memory = bench.course.changed_memory().unwrap();
    assert!(memory.serial_checked);
    // From then on it is read last, as other information is.
    let mut bench = Bench::new(&device, memory, &can);
    assert!(matches!(bench.next(), Some(Action::Subscribe(_))));
}

#[test]
fn bytes_that_nobody_understands_are_kept() {
    let mut bench = Bench::new(
        &device(&[Profile::BloodPressure]),
        Memory::default(),
        &[(0x1810, 0x2A35, "s")],
    );
    assert_eq!(bench.until_read(), None);
    bench.sent(0x1810, 0x2A35, &[0x00, 1]);
    let items = bench.settle();
    assert!(matches!(
        &items[0].notes[..],
        [Note::Undecodable {
            checksum: false,
            ..
        }]
    ));
    let record = &items[0].readings.as_ref().unwrap().records[0];
    assert_eq!(record.name, "gatt-2A35");
    assert!(matches!(&record.value, RecordValue::Text(why) if why.starts_with("2A35: ")));
    assert_eq!(record.raw.as_deref(), Some(&[0x00, 1][..]));
    let pack = senml::Pack {
        device: "d".to_owned(),
        gateway: None,
        records: vec![record.clone()],
    };
    let mut server = Server::default();
    senml::decode(
        &pack.to_json(),
        None,
        &senml::Context::default(),
        &mut server,
    );
    assert_eq!(server.0, [Reason::UnknownMetric], "so it is in quarantine");
}

/// Why the server refuses what it is sent.
#[derive(Default)]
struct Server(Vec<Reason>);

impl Sink for Server {
    fn take(&mut self, _: u32, taken: &Measurement<'_>, _: Option<Claims>) {
        panic!("{} is taken for a reading", taken.metric());
    }

    fn refuse(&mut self, _: Option<u32>, reason: Reason, _: String) {
        self.0.push(reason);
    }
}

const CGM: u16 = 0x181F;

fn sensor(memory: Memory) -> Bench {
    Bench::new(
        &device(&[Profile::Cgm]),
        memory,
        &[
            (CGM, 0x2AA7, "s"),
            (CGM, 0x2AA8, "r"),
            (CGM, 0x2AA9, "r"),
            (CGM, 0x2AAA, "rw"),
            (CGM, 0x2A52, "ws"),
        ],
    )
}

/// The captured packet of ble.md: 249 mg/dL at minute 3060, with its checksum.
const CAPTURED: [u8; 14] = [
    0x0E, 0xC3, 0xF9, 0x00, 0xF4, 0x0B, 0x00, 0x00, 0x74, 0xE0, 0x0A, 0x00, 0xE0, 0xF1,
];

#[test]
fn a_cgm_session_without_a_start_is_as_old_as_it_says() {
    let mut bench = sensor(Memory::default());
    let feature = Id {
        service: CGM,
        uuid: 0x2AA8,
    };
    assert_eq!(bench.next(), Some(Action::Read(feature)));
    // E2E-CRC, interstitial fluid; its own checksum is computed by the encoder.
    let features = cgm_session::Features {
        supported: 1 << 12,
        kind: 9,
        location: 5,
    };
    bench.read(feature, &features.encode());
    assert_eq!(
        bench.until_read(),
        Some(Id {
            service: CGM,
            uuid: 0x2AAA
        })
    );
    let unset = gatt::DateTime {
        year: 0,
        month: 0,
        day: 0,
        hours: 0,
        minutes: 0,
        seconds: 0,
    };
    let start = cgm_session::SessionStart {
        time: unset,
        zone: -128,
        dst: 255,
    };
    bench.read(
        Id {
            service: CGM,
            uuid: 0x2AAA,
        },
        &start.encode(true),
    );
    assert_eq!(
        bench.until_read(),
        Some(Id {
            service: CGM,
            uuid: 0x2AA9
        })
    );
    let status = cgm_session::Status {
        offset: 3_065,
        annunciation: 0,
    };
    bench.read(
        Id {
            service: CGM,
            uuid: 0x2AA9,
        },
        &status.encode(true),
    );
    bench.sent(CGM, 0x2AA7, &CAPTURED);
    let mut wrong = CAPTURED;
    wrong[2] ^= 1;
    bench.sent(CGM, 0x2AA7, &wrong);
    let items = bench.settle();
    let record = &items[0].readings.as_ref().unwrap().records[0];
    assert_eq!(record.time, NOW - 5 * MINUTE);
    assert!(matches!(
        &items[1].notes[..],
        [Note::Undecodable { checksum: true, .. }]
    ));

    // The same record has the same time on the next connection, whenever that is.
    let memory = bench.course.changed_memory().unwrap();
    assert_eq!(memory.session_began, Some(NOW - 3_065 * MINUTE));
}

#[test]
fn settled_means_that_nothing_is_left_to_do() {
    let mut bench = Bench::new(
        &device(&[Profile::Weight]),
        Memory::default(),
        &[(0x181D, 0x2A9D, "s")],
    );
    assert!(!bench.course.settled());
    assert_eq!(bench.until_read(), None);
    assert!(bench.course.settled());
    assert_eq!(bench.course.deadline(), None);
    assert_eq!(bench.can.len(), 1);
}

#[test]
fn the_error_code_is_found_in_bluetoothds_words() {
    assert_eq!(
        att_code("Operation failed with ATT error: 0xfe (org.bluez.Error.Failed)"),
        Some(0xFE)
    );
    assert_eq!(att_code("In Progress"), None);
}
