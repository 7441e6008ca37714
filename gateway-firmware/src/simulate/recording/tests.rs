use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/data/mimic2-numerics")
        .join(name)
}

fn parse(text: &str) -> Result<Recording, Error> {
    Recording::parse("r.csv", text.as_bytes())
}

fn fails(text: &str) -> String {
    parse(text).expect_err("a fault").to_string()
}

fn play(recording: Recording, start: Micros, end: Option<Micros>, again: bool) -> Vec<Pack> {
    let mut player = Player::new(recording, "icu", start, end, again);
    std::iter::from_fn(|| player.take()).collect()
}

#[test]
fn zeros_are_absences_empty_cells_nothing_and_digits_stay() {
    let packs = play(
        parse("seconds,HR_bpm,SpO2_pct,NBPSys_mmHg\n0,0.0,97,\n60,62.80,0,120.0\n120,,,\n")
            .unwrap(),
        1_000_000,
        None,
        false,
    );
    let said: Vec<(Micros, Vec<String>)> = packs
        .iter()
        .map(|pack| {
            let readings = pack.readings.iter().map(|r| match r.outcome {
                Outcome::Value(v) => format!("{}={v} {}", r.mdc, r.unit),
                Outcome::Absent(why) => format!("{}:{why}", r.mdc),
            });
            (pack.at, readings.collect())
        })
        .collect();
    assert_eq!(
        said,
        [
            (
                1_000_000,
                vec![
                    "MDC_ECG_HEART_RATE:not-performed".to_owned(),
                    "MDC_PULS_OXIM_SAT_O2=97 %".to_owned()
                ]
            ),
            (
                61_000_000,
                vec![
                    "MDC_ECG_HEART_RATE=62.80 /min".to_owned(),
                    "MDC_PULS_OXIM_SAT_O2:not-performed".to_owned(),
                    "MDC_PRESS_BLD_NONINV_SYS=120.0 mm[Hg]".to_owned(),
                ]
            ),
        ]
    );
}

/// Counted from the cells by hand-written splitting, not by the reader under test.
#[test]
fn values_of_the_real_recordings_are_their_cells_that_are_not_absent() {
    for (name, rows) in [("s00001_numerics.csv", 1936), ("s25047_numerics.csv", 72)] {
        let text = std::fs::read_to_string(path(name)).unwrap();
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
        for line in lines {
            for (column, cell) in header.iter().zip(line.split(',')).skip(1) {
                if !cell.is_empty() && cell.parse::<f64>().unwrap() != 0.0 {
                    let (_, mdc) = COLUMNS.iter().find(|(known, _)| known == column).unwrap();
                    *expected.entry(mdc).or_default() += 1;
                }
            }
        }
        let recording = Recording::read(&path(name)).unwrap();
        assert_eq!(recording.rows.len(), rows);
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for reading in play(recording, 0, None, false)
            .iter()
            .flat_map(|pack| &pack.readings)
        {
            if let Outcome::Value(_) = reading.outcome {
                *found.entry(reading.mdc).or_default() += 1;
            }
        }
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_fault_names_file_line_and_column() {
    let start = "seconds,HR_bpm,SpO2_pct\n";
    assert_eq!(
        fails("time,HR_bpm\n"),
        "r.csv:1:1: the first column is 'seconds', not 'time'"
    );
    assert!(
        fails("seconds,HR_bpm,Mood\n")
            .starts_with("r.csv:1:3: unknown column 'Mood'; known are HR_bpm")
    );
    assert_eq!(
        fails("seconds,HR_bpm,HR_bpm\n"),
        "r.csv:1:3: MDC_ECG_HEART_RATE is there twice"
    );
    assert_eq!(
        fails(&format!("{start}0,60,x\n")),
        "r.csv:2:3: 'x' is not a number"
    );
    assert_eq!(
        fails(&format!("{start}0,60,97\n-1,60,97\n")),
        "r.csv:3:1: '-1' is not a number of seconds"
    );
    assert_eq!(
        fails(&format!("{start}5,60,97\n5,60,97\n")),
        "r.csv:3:1: the seconds do not increase"
    );
    assert_eq!(
        fails(&format!("{start}0,60\n")),
        "r.csv:2:2: 2 cells where the header has 3"
    );
    assert_eq!(fails(start), "r.csv: no rows");
    assert_eq!(fails("seconds\n0\n"), "r.csv:1:1: no column but 'seconds'");
    assert!(fails("seconds,HR_bpm,\n").starts_with("r.csv:1:3: unknown column ''"));
    let missing = Recording::read(&path("none.csv")).unwrap_err().to_string();
    assert!(missing.contains("none.csv"), "{missing}");
}

#[test]
fn a_column_may_be_named_by_its_reference_id() {
    let packs = play(
        parse("seconds,MDC_TEMP_BODY\n0.5,37.20\n").unwrap(),
        0,
        None,
        false,
    );
    assert_eq!((packs[0].at, packs[0].readings[0].unit), (500_000, "Cel"));
}

#[test]
fn a_loop_starts_over_one_step_after_the_last_row() {
    let recording = parse("seconds,HR_bpm\n0,60\n60,61\n120,\n").unwrap();
    let minutes = play(recording, 0, Some(600_000_000), true)
        .iter()
        .map(|pack| pack.at / 60_000_000)
        .collect::<Vec<_>>();
    assert_eq!(minutes, [0, 1, 3, 4, 6, 7, 9]);
    assert_eq!(
        play(parse("seconds,HR_bpm\n0,\n").unwrap(), 0, None, true),
        []
    );
}
