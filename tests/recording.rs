//! A real ICU recording through the real gateway: every number of the file is a row, every zero is not.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Server, Setup, gateway};

/// Two and a quarter days of one patient, a row a minute (`tests/data/mimic2-numerics/README.md`).
const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/mimic2-numerics/s00001_numerics.csv"
);
const START: &str = "2026-01-01T00:00:00Z";
const START_MICROS: i64 = 1_767_225_600_000_000;

/// Columns of the file and what they measure.
const COLUMNS: [(&str, &str); 10] = [
    ("HR_bpm", "MDC_ECG_HEART_RATE"),
    ("ABPSys_mmHg", "MDC_PRESS_BLD_ART_SYS"),
    ("ABPDias_mmHg", "MDC_PRESS_BLD_ART_DIA"),
    ("ABPMean_mmHg", "MDC_PRESS_BLD_ART_MEAN"),
    ("PULSE_bpm", "MDC_PULS_OXIM_PULS_RATE"),
    ("RESP_per_min", "MDC_RESP_RATE"),
    ("SpO2_pct", "MDC_PULS_OXIM_SAT_O2"),
    ("NBPSys_mmHg", "MDC_PRESS_BLD_NONINV_SYS"),
    ("NBPDias_mmHg", "MDC_PRESS_BLD_NONINV_DIA"),
    ("NBPMean_mmHg", "MDC_PRESS_BLD_NONINV_MEAN"),
];

/// Metric to its cells, each with its time; a zero is none.
type Cells = BTreeMap<&'static str, Vec<(i64, Option<f64>)>>;

fn cells(text: &str) -> Cells {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').skip(1).collect();
    assert_eq!(header, COLUMNS.map(|(column, _)| column));
    let mut cells = Cells::new();
    for line in lines {
        let mut row = line.split(',');
        let seconds: i64 = row.next().unwrap().parse().unwrap();
        for (cell, (_, mdc)) in row.zip(COLUMNS).filter(|(cell, _)| !cell.is_empty()) {
            let value: f64 = cell.parse().unwrap();
            let at = START_MICROS + seconds * 1_000_000;
            cells
                .entry(mdc)
                .or_default()
                .push((at, (value != 0.0).then_some(value)));
        }
    }
    cells
}

/// Plays the recording, or its first packs, to the end.
fn play(server: &Server, secret: &str, packs: Option<usize>) {
    let mut command = Command::new(gateway());
    command.args([
        "simulate",
        "--url",
        &format!("mqtt://{}", server.mqtt),
        "--site",
        "s1",
    ]);
    command.args(["--gateway", "g1", "--username", "g1", "--device", "icu-1"]);
    command.args([
        "--recording",
        FILE,
        "--start",
        START,
        "--as-fast-as-possible",
    ]);
    if let Some(packs) = packs {
        command.args(["--count", &packs.to_string()]);
    }
    let output = command
        .env("WARDLINE_MQTT_PASSWORD", secret)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{talk}");
}

/// What the table holds, in the form of [`cells`].
async fn stored(server: &Server) -> Cells {
    let mut stored = Cells::new();
    for (_, mdc) in COLUMNS {
        let query = format!(
            "SELECT CAST(effective AS BIGINT) AS at, value FROM observation WHERE mdc = '{mdc}' ORDER BY at"
        );
        let rows = server.sql(&query).await;
        let cell = |row: &Vec<Value>| (row[0].as_i64().unwrap(), row[1].as_f64());
        stored.insert(mdc, rows.iter().map(cell).collect());
    }
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_of_the_recording_is_a_row_and_every_zero_is_none() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    server
        .post("/api/v1/patients", &json!({"id": "icu-patient"}))
        .await;
    server
        .post("/api/v1/devices", &json!({"id": "icu-1"}))
        .await;
    let assignment = json!({"device": "icu-1", "patient": "icu-patient", "from": START});
    server.post("/api/v1/assignments", &assignment).await;
    let text = std::fs::read_to_string(FILE).unwrap();
    let expected = cells(&text);
    let cell_count: usize = expected.values().map(Vec::len).sum();

    // Up to the row where ECG, arterial line and oximeter all measure, a while after the last cuff reading.
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let full = lines
        .iter()
        .rposition(|line| !line.split(',').skip(1).any(|cell| cell == "0.0"))
        .unwrap();
    play(&server, &secret, Some(full + 1));
    kept_apart(&server, lines[full], &lines[..=full]).await;

    for _ in 0..2 {
        play(&server, &secret, None);
        assert_eq!(stored(&server).await, expected);
        let counts =
            "SELECT count(*) AS n, count(DISTINCT id) AS ids, max(version) AS v FROM observation";
        assert_eq!(
            server.sql(counts).await,
            [[json!(cell_count), json!(cell_count), json!(1)]]
        );
    }
    let values = server
        .sql("SELECT mdc, count(value) AS n FROM observation GROUP BY mdc ORDER BY mdc")
        .await;
    let numbers =
        |cells: &Vec<(i64, Option<f64>)>| cells.iter().filter(|(_, value)| value.is_some()).count();
    let mut counted: Vec<Vec<Value>> = expected
        .iter()
        .map(|(mdc, cells)| vec![json!(mdc), json!(numbers(cells))])
        .collect();
    counted.sort_by_key(|row| row[0].to_string());
    assert_eq!(values, counted);
    let unexplained = "SELECT count(*) AS n FROM observation \
                       WHERE (value IS NULL) <> (data_absent_reason IS NOT NULL) OR patient_id IS NULL";
    assert_eq!(server.count(unexplained).await, 0);
}

/// `latest` tells the sources of one quantity apart, and carries the last cuff reading with its own time.
async fn kept_apart(server: &Server, full: &str, so_far: &[&str]) {
    let rows = server
        .sql("SELECT metric, value, CAST(effective AS BIGINT) AS at FROM latest ORDER BY metric")
        .await;
    assert_eq!(rows.len(), COLUMNS.len(), "one row a metric: {rows:?}");
    let at_of = |line: &str| {
        START_MICROS + line.split(',').next().unwrap().parse::<i64>().unwrap() * 1_000_000
    };
    for (index, (column, mdc)) in COLUMNS.iter().enumerate() {
        let row = rows.iter().find(|row| row[0] == *mdc).unwrap();
        let cell = |line: &str| line.split(',').nth(index + 1).unwrap().to_owned();
        let line = so_far
            .iter()
            .rev()
            .find(|line| !cell(line).is_empty())
            .unwrap();
        assert_eq!(
            line == &full,
            !column.starts_with("NBP"),
            "{column} is measured in the last row"
        );
        let value: f64 = cell(line).parse().unwrap();
        assert_eq!(
            (row[1].as_f64(), row[2].as_i64()),
            (Some(value), Some(at_of(line))),
            "{column}"
        );
    }
    let of = |mdc: &str| {
        rows.iter().find(|row| row[0] == mdc).unwrap()[1]
            .as_f64()
            .unwrap()
    };
    assert!(of("MDC_ECG_HEART_RATE") != of("MDC_PULS_OXIM_PULS_RATE"));
    assert!(of("MDC_PRESS_BLD_ART_SYS") != of("MDC_PRESS_BLD_NONINV_SYS"));
}
