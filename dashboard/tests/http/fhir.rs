//! FHIR search and read.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Server;

/// Ten heart rates a minute apart from 12:00 on, then at 12:30 one pressure, one temperature of another patient.
async fn ward() -> Server {
    let server = Server::start().await;
    let mut lines = String::new();
    for minute in 0..10 {
        lines.push_str(&format!(
            r#"{{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p1","value":{},"unit":"/min","effective":"2026-11-22T12:{minute:02}:00Z"}}"#,
            80 + minute
        ));
        lines.push('\n');
    }
    for (mdc, value) in [("SYS", 120), ("DIA", 80), ("MEAN", 93)] {
        lines.push_str(&format!(
            r#"{{"device_id":"d2","mdc":"MDC_PRESS_BLD_NONINV_{mdc}","patient_id":"p1","value":{value},"unit":"mm[Hg]","effective":"2026-11-22T12:30:00Z","received":"2026-11-22T12:31:00Z"}}"#
        ));
        lines.push('\n');
    }
    lines.push_str(
        r#"{"device_id":"d3","mdc":"MDC_TEMP_BODY","patient_id":"p2","value":37.20,"unit":"Cel","effective":"2026-11-22T12:30:00Z","status":"preliminary"}
{"device_id":"d4","mdc":"MDC_ECG_HEART_RATE","value":70,"unit":"/min","effective":"2026-11-22T12:40:00Z"}"#,
    );
    server.memory.put(&lines);
    server
}

fn resources(bundle: &Value) -> Vec<&Value> {
    assert_eq!(
        (bundle["resourceType"].as_str(), bundle["type"].as_str()),
        (Some("Bundle"), Some("searchset"))
    );
    let entries = bundle["entry"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    entries
        .iter()
        .filter(|entry| entry["search"]["mode"] == "match")
        .map(|entry| &entry["resource"])
        .collect()
}

fn link<'a>(bundle: &'a Value, relation: &str) -> Option<&'a str> {
    bundle["link"]
        .as_array()?
        .iter()
        .find(|link| link["relation"] == relation)?["url"]
        .as_str()
}

#[tokio::test]
async fn parameters_find_what_they_say() {
    let server = ward().await;
    for (query, expected) in [
        ("", 12),
        ("patient=p1", 11),
        ("patient=Patient/p1", 11),
        ("subject=Patient/p2", 1),
        ("subject=http%3A%2F%2Fx%2Ffhir%2FPatient%2Fp2", 1),
        ("subject=Device/p1", 0),
        ("patient:Patient=p2", 1),
        ("patient=p1,p2", 12),
        ("patient=p1&patient=p2", 0),
        ("patient=nobody", 0),
        ("code=8867-4", 10),
        ("code=http%3A%2F%2Floinc.org%7C8867-4", 10),
        ("code=urn%3Aiso%3Astd%3Aiso%3A11073%3A10101%7C147842", 10),
        ("code=8867-4,8310-5", 11),
        ("code=85354-9", 1),
        ("code=8480-6", 0),
        ("component-code=8480-6", 1),
        ("combo-code=8480-6,8867-4", 11),
        ("code=8867-4&code=8310-5", 0),
        ("category=vital-signs", 12),
        ("category=laboratory", 0),
        ("category=vital-signs&code=85354-9", 1),
        ("category=vital-signs&combo-code=8480-6", 1),
        ("date=2026-11-22", 12),
        ("date=2026", 12),
        ("date=2025", 0),
        ("date=ge2026-11-22T12:05&date=lt2026-11-22T12:08", 3),
        ("date=gt2026-11-22T12:09", 2),
        ("date=eq2026-11-22T12:03", 1),
        ("date=ne2026-11-22T12:03", 11),
        ("date=sa2026-11-22T12:29&patient=p1", 1),
        ("date=eb2026-11-22T12:01", 1),
        ("date=le2026-11-22T12:01:00%2B00:00", 2),
        ("status=preliminary", 1),
        ("status=final,preliminary", 12),
        ("device=d2", 1),
        ("device=Device/d3", 1),
        ("_lastUpdated=ge2026-11-22T12:31", 1),
        ("_format=json", 12),
    ] {
        let bundle = server.json(&format!("/fhir/R4/Observation?{query}")).await;
        assert_eq!(resources(&bundle).len(), expected, "{query}");
        assert!(bundle.get("total").is_none());
    }
    server.stop().await;
}

#[tokio::test]
async fn wrong_parameters_are_told() {
    let server = ward().await;
    for query in [
        "date=yesterday",
        "status=done",
        "_sort=code",
        "_count=none",
        "_count=0",
        "code:text=x",
        "patient.identifier=x",
        "patient:identifier=x",
        "subject:Device=d1",
        "_id=a%2Fb",
        "_cursor=abc",
        "code=a%7Cb%7Cc",
    ] {
        let response = server.get(&format!("/fhir/R4/Observation?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("application/fhir+json")
        );
        let outcome: Value = response.json().await.unwrap();
        assert_eq!(outcome["issue"][0]["severity"], "error", "{query}");
    }
    // Unknown ones: refused when strict, else passed over and said so.
    let lenient = server
        .json("/fhir/R4/Observation?patient=p2&_elements=code&shoe-size=44")
        .await;
    assert_eq!(resources(&lenient).len(), 1);
    let entries = lenient["entry"].as_array().unwrap();
    let outcome = entries
        .iter()
        .find(|entry| entry["search"]["mode"] == "outcome")
        .unwrap();
    assert!(
        outcome["resource"]["issue"][0]["diagnostics"]
            .as_str()
            .unwrap()
            .contains("shoe-size")
    );
    assert!(!link(&lenient, "self").unwrap().contains("shoe-size"));
    let strict = server
        .request(Method::GET, "/fhir/R4/Observation?shoe-size=44", "read")
        .header("prefer", "handling=strict")
        .send()
        .await
        .unwrap();
    assert_eq!(strict.status(), 400);
    let xml = server
        .get("/fhir/R4/Observation?_format=application/fhir%2Bxml")
        .await;
    assert_eq!(xml.status(), 406);
    server.stop().await;
}

#[tokio::test]
async fn pages_are_whole_and_without_repeats() {
    let server = ward().await;
    for (sort, first) in [("", "p2"), ("&_sort=date", "p1")] {
        let mut url = format!("/fhir/R4/Observation?date=2026-11-22{sort}&_count=5");
        let mut seen = BTreeSet::new();
        let mut sizes = Vec::new();
        let mut times = Vec::new();
        loop {
            let bundle = server.json(&url).await;
            let found = resources(&bundle);
            sizes.push(found.len());
            for resource in found {
                assert!(
                    seen.insert(resource["id"].as_str().unwrap().to_owned()),
                    "a repeat"
                );
                times.push(resource["effectiveDateTime"].as_str().unwrap().to_owned());
            }
            assert!(link(&bundle, "self").unwrap().starts_with(&server.url));
            match link(&bundle, "next") {
                Some(next) => url = next.strip_prefix(&server.url).unwrap().to_owned(),
                None => break,
            }
        }
        assert_eq!(sizes, [5, 5, 2], "{first}");
        assert_eq!(seen.len(), 12);
        let mut sorted = times.clone();
        sorted.sort();
        if sort.is_empty() {
            sorted.reverse();
        }
        assert_eq!(times, sorted);
    }
    // A mark of one search is no mark of another.
    let bundle = server.json("/fhir/R4/Observation?_count=5").await;
    let mark = link(&bundle, "next")
        .unwrap()
        .split("_cursor=")
        .nth(1)
        .unwrap()
        .to_owned();
    assert_eq!(
        server
            .get(&format!(
                "/fhir/R4/Observation?patient=p1&_count=5&_cursor={mark}"
            ))
            .await
            .status(),
        400
    );
    server.stop().await;
}

#[tokio::test]
async fn conditions_the_backend_leaves_open_do_not_make_empty_pages() {
    let server = ward().await;
    let bundle = server
        .json("/fhir/R4/Observation?code=8867-4&date=lt2026-11-22T12:01&_count=1")
        .await;
    let found = resources(&bundle);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["effectiveDateTime"], "2026-11-22T12:00:00Z");
    assert!(server.memory.searches.lock().unwrap().len() > 5);
    server.stop().await;
}

#[tokio::test]
async fn a_form_keeps_the_search_out_of_the_url() {
    let server = ward().await;
    let response = server
        .request(Method::POST, "/fhir/R4/Observation/_search", "read")
        .form(&[("patient", "p1"), ("code", "85354-9")])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let bundle: Value = response.json().await.unwrap();
    let found = resources(&bundle);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["component"].as_array().unwrap().len(), 3);
    assert_eq!(
        server.memory.take_audits()[0].query.as_deref(),
        Some("patient=p1&code=85354-9")
    );
    let json = server
        .post(
            "/fhir/R4/Observation/_search",
            "read",
            json!({ "patient": "p1" }),
        )
        .await;
    assert_eq!(json.0, 415);
    server.stop().await;
}

#[tokio::test]
async fn read_by_row_panel_and_component() {
    let server = ward().await;
    let bundle = server.json("/fhir/R4/Observation?code=85354-9").await;
    let panel = resources(&bundle)[0]["id"].as_str().unwrap().to_owned();
    let component = {
        let rows = server.memory.rows.lock().unwrap().clone().unwrap();
        crate::backend::texts(&rows, "id")[10].clone()
    };
    assert_ne!(panel, component);
    for id in [&panel, &component] {
        let response = server.get(&format!("/fhir/R4/Observation/{id}")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["etag"], "W/\"3\"");
        assert_eq!(
            response.headers()["last-modified"],
            "Sun, 22 Nov 2026 12:31:00 GMT"
        );
        assert!(
            response.headers()["content-location"]
                .to_str()
                .unwrap()
                .ends_with(&panel)
        );
        assert_eq!(response.headers()["cache-control"], "no-store");
        let resource: Value = response.json().await.unwrap();
        assert_eq!(resource["id"], panel.as_str());
        assert_eq!(resource["meta"]["versionId"], "3");
    }
    server.memory.take_audits();
    let path = format!("/fhir/R4/Observation/{panel}");
    let unchanged = server
        .request(Method::GET, &path, "read")
        .header("if-none-match", "W/\"3\"")
        .send()
        .await
        .unwrap();
    assert_eq!(unchanged.status(), 304);
    assert_eq!(server.memory.take_audits()[0].patients, ["p1"]);
    for (id, status) in [("0NOSUCH", 404), ("gone", 410), ("a%2Fb", 404)] {
        let response = server.get(&format!("/fhir/R4/Observation/{id}")).await;
        assert_eq!(response.status(), status, "{id}");
        let outcome: Value = response.json().await.unwrap();
        assert_eq!(outcome["resourceType"], "OperationOutcome");
    }
    let rows = server.memory.rows.lock().unwrap().clone().unwrap();
    let unattributed = crate::backend::texts(&rows, "id")[14].clone();
    assert_eq!(
        server
            .get(&format!("/fhir/R4/Observation/{unattributed}"))
            .await
            .status(),
        404
    );
    server.stop().await;
}

#[tokio::test]
async fn decimals_stay_as_sent() {
    let server = ward().await;
    let text = server
        .get("/fhir/R4/Observation?patient=p2")
        .await
        .text()
        .await
        .unwrap();
    assert!(text.contains(r#""value":37.20"#), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn the_capability_statement_tells_what_search_takes() {
    let server = ward().await;
    let statement = server.json("/fhir/R4/metadata").await;
    assert_eq!(statement["fhirVersion"], "4.0.1");
    let resource = &statement["rest"][0]["resource"][0];
    assert_eq!(resource["type"], "Observation");
    for parameter in resource["searchParam"].as_array().unwrap() {
        let name = parameter["name"].as_str().unwrap();
        let value = match parameter["type"].as_str().unwrap() {
            "date" => "ge2026",
            _ if name == "status" => "final",
            _ => "x",
        };
        let response = server
            .request(
                Method::GET,
                &format!("/fhir/R4/Observation?{name}={value}"),
                "read",
            )
            .header("prefer", "handling=strict")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{name}");
    }
    server.stop().await;
}
