//! `sql` and `export`: the same rows in every form, from a server and from its data directory.

use std::collections::BTreeSet;
use std::fs::File;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use serde_json::json;

use super::two_patients;
use crate::harness::cli::{Cli, cli, ndjson};
use crate::harness::server::rfc3339;
use crate::harness::{Server, Setup};

const ORDERED: &str = "SELECT patient_id, mdc, value FROM observation WHERE mdc = 'MDC_TEMP_BODY' \
                       AND patient_id = 'p1' ORDER BY effective LIMIT 2";

fn queries(on: &dyn Fn(Cli) -> Cli) {
    let run = |words: &[&str]| on(cli(words));
    let rows = run(&["sql", ORDERED]).json();
    assert_eq!(
        rows,
        json!([
            {"patient_id": "p1", "mdc": "MDC_TEMP_BODY", "value": 37.0},
            {"patient_id": "p1", "mdc": "MDC_TEMP_BODY", "value": 37.1},
        ])
    );
    let csv = run(&["sql", ORDERED, "--format", "csv"]).ok();
    assert_eq!(
        csv,
        "patient_id,mdc,value\np1,MDC_TEMP_BODY,37.0\np1,MDC_TEMP_BODY,37.1\n"
    );
    let table = run(&["sql", ORDERED]).ok();
    assert!(
        table.starts_with('+') && table.contains("| p1         | MDC_TEMP_BODY | 37.1  |"),
        "{table}"
    );
    let piped = run(&["sql", "-", "--format", "csv"])
        .input("SELECT count(*) AS n FROM observation")
        .ok();
    assert_eq!(piped, "n\n60\n");
    let none = run(&["sql", "SELECT id FROM observation WHERE false"]).json();
    assert_eq!(none, json!([]));
    // One row a patient and metric, and the registry beside the readings.
    let latest = run(&["sql", "SELECT count(*) AS n FROM latest"]).json();
    assert_eq!(latest[0]["n"], 6);
    let joined = "SELECT a.patient_id, count(*) AS n FROM observation o JOIN assignment a \
                  ON o.device_id = a.device_id GROUP BY 1 ORDER BY 1";
    assert_eq!(
        run(&["sql", joined, "--format", "csv"]).ok(),
        "patient_id,n\np1,30\np2,30\n"
    );
    let lists = "SELECT p, q FROM (VALUES (make_array('a','b,c'), make_array(1,2)), (NULL, NULL)) AS t(p, q)";
    assert_eq!(
        run(&["sql", lists, "--format", "csv"]).ok(),
        "p,q\n\"[\"\"a\"\",\"\"b,c\"\"]\",\"[1,2]\"\n,\n"
    );
    let people = run(&["sql", "SELECT * FROM patient", "--format", "csv"]).ok();
    assert_eq!(people.lines().count(), 3, "{people}");
    for (query, said) in [
        ("SELEC 1", "SELEC"),
        ("SELECT nothing FROM observation", "nothing"),
        ("DELETE FROM observation", "422"),
        ("CREATE TABLE mine AS SELECT 1", "422"),
        ("COPY (SELECT 1) TO 'out.csv'", "422"),
    ] {
        let talk = run(&["sql", query]).fails(2);
        assert!(talk.contains(said), "{query}: {talk}");
    }
}

/// Ids and values of a Parquet file.
fn parquet(path: &std::path::Path) -> BTreeSet<(String, u64)> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let names: Vec<String> = reader
        .metadata()
        .file_metadata()
        .schema()
        .get_fields()
        .iter()
        .map(|field| field.name().to_owned())
        .collect();
    let index = |name: &str| names.iter().position(|known| known == name).unwrap();
    let (id, value) = (index("id"), index("value"));
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    rows.map(|row| {
        (
            row.get_string(id).unwrap().clone(),
            row.get_double(value).unwrap().to_bits(),
        )
    })
    .collect()
}

fn exports(on: &dyn Fn(Cli) -> Cli, dir: &std::path::Path, start: i64) {
    let run = |words: &[&str]| on(cli(words));
    let all = ndjson(&run(&["export"]).ok());
    assert_eq!(all.len(), 60);
    let ids: BTreeSet<(String, u64)> = all
        .iter()
        .map(|row| {
            (
                row["id"].as_str().unwrap().to_owned(),
                row["value"].as_f64().unwrap().to_bits(),
            )
        })
        .collect();
    assert_eq!(ids.len(), 60);
    assert_eq!(
        all[0].as_object().unwrap().len(),
        34,
        "every column, absent ones null"
    );

    let csv = run(&["export", "--format", "csv"]).ok();
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!((header.len(), header[0], header[1]), (34, "date", "id"));
    let listed: BTreeSet<&str> = lines.map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(listed, ids.iter().map(|(id, _)| id.as_str()).collect());

    let file = dir.join("rows.parquet");
    let ran = run(&[
        "export",
        "--format",
        "parquet",
        "--out",
        file.to_str().unwrap(),
    ])
    .run();
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.talk);
    assert_eq!(parquet(&file), ids);
    let talk = run(&["export", "--out", file.to_str().unwrap()]).fails(2);
    assert!(
        talk.contains("rows.parquet"),
        "what is there is not overwritten: {talk}"
    );
    std::fs::remove_file(&file).unwrap();

    let (from, until) = (rfc3339(start + 2_000_000), rfc3339(start + 5_000_000));
    let part = ndjson(
        &run(&[
            "export",
            "--patient",
            "p2",
            "--from",
            &from,
            "--until",
            &until,
        ])
        .ok(),
    );
    assert_eq!(
        part.len(),
        9,
        "three metrics, three seconds: from is in, until is not"
    );
    assert!(part.iter().all(|row| row["patient_id"] == "p2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_out_in_every_form() {
    let server = Server::start(&Setup::default());
    let start = two_patients(&server).await;
    queries(&|cli| cli.at(&server));
    exports(&|cli| cli.at(&server), server.dir.path(), start);
    let (status, dir, _) = server.stop();
    assert!(status.success());
    let data = dir.path().join("data");
    queries(&|cli| cli.on(&data));
    exports(&|cli| cli.on(&data), dir.path(), start);
    assert_eq!(
        super::files(data, "out.csv"),
        Vec::<std::path::PathBuf>::new()
    );
}
