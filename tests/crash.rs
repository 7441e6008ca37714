//! Nothing acknowledged is lost, nothing stands twice, and every alert exists once, however often the server dies.
//!
//! Each device sends one heart rate per 100 ms of its own time, high for 15 s in every 40 s; the publishers keep
//! what was not acknowledged and send it again after the next start, as MQTT asks of them. At the end the
//! tables are compared with what was acknowledged, and the alerts with what the readings must raise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;

use crate::harness::mqtt::{Publisher, topic};
use crate::harness::{Server, Setup, eventually, heart_rate, now};

const GATEWAYS: [&str; 4] = ["g1", "g2", "g3", "g4"];
/// Unacknowledged messages of one device: 20 s of its time, within the rules' lateness.
const WINDOW: usize = 200;
const STEP: i64 = 100_000;
/// Readings of one episode's cycle; those from `HIGH` on are high for `HIGH_FOR`.
const CYCLE: u64 = 400;
const HIGH: u64 = 100;
const HIGH_FOR: u64 = 150;
/// Readings that must be high before the alert: the rule's 10 s.
const FOR: u64 = 100;

const RULES: &str = r#"
[[rule]]
id = "fast"
title = "Heart rate above 120 /min for 10 seconds"
kind = "threshold"
metric = "MDC_ECG_HEART_RATE"
above = 120
unit = "/min"
for = "10s"
expect-every = "1s"
clear = { below = 110, for = "1s" }
priority = "medium"
"#;

/// What one device has sent and what was acknowledged of it.
#[derive(Debug, Default)]
struct Ledger {
    next: u64,
    unacknowledged: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
}

/// How the tables differ from the ledgers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    lost: usize,
    repeated: usize,
    alerts_missing: usize,
    alerts_repeated: usize,
}

fn high(number: u64) -> bool {
    (HIGH..HIGH + HIGH_FOR).contains(&(number % CYCLE))
}

/// Publishes until the connection breaks: first what was not acknowledged, then news.
async fn publish(
    mqtt: std::net::SocketAddr,
    gateway: &str,
    secret: &str,
    start: i64,
    ledger: &mut Ledger,
) {
    let Some(mut publisher) = Publisher::connect(mqtt, gateway, secret).await else {
        return;
    };
    let mut again: Vec<u64> = ledger.unacknowledged.iter().rev().copied().collect();
    loop {
        while publisher.in_flight.len() < WINDOW {
            let number = again.pop().unwrap_or_else(|| {
                ledger.next += 1;
                ledger.next - 1
            });
            ledger.unacknowledged.insert(number);
            let value = if high(number) { "140" } else { "80" };
            let at = start + i64::try_from(number).unwrap() * STEP;
            let payload = heart_rate(gateway, value, at);
            if publisher
                .publish(&topic(gateway, gateway), payload.as_bytes(), number)
                .await
                .is_none()
            {
                return;
            }
        }
        let Some(number) = publisher.acknowledged().await else {
            return;
        };
        ledger.unacknowledged.remove(&number);
        ledger.acknowledged.insert(number);
    }
}

/// A server that is killed again and again, and what its publishers know.
struct Trial {
    setup: Setup,
    server: Option<Server>,
    secrets: Vec<String>,
    start: i64,
    ledgers: Vec<Ledger>,
    sound: bool,
}

impl Trial {
    async fn new(sabotage: Option<&str>) -> Self {
        let env = sabotage.map(|name| ("WARDLINE_SABOTAGE".to_owned(), name.to_owned()));
        let setup = Setup {
            rules: Some(RULES.to_owned()),
            env: env.into_iter().collect(),
            config: "[store]\nflush-every = \"1s\"\n".to_owned(),
        };
        let server = Server::start(&setup);
        let mut secrets = Vec::new();
        for gateway in GATEWAYS {
            server.admit(&format!("p-{gateway}"), gateway).await;
            secrets.push(server.gateway_token(gateway).await);
        }
        // A day ago, so that no stamp runs ahead of the clock however fast the machine is.
        let start = (now() - 24 * 3_600_000_000) / 1_000_000 * 1_000_000;
        let ledgers = GATEWAYS.iter().map(|_| Ledger::default()).collect();
        Self {
            setup,
            server: Some(server),
            secrets,
            start,
            ledgers,
            sound: sabotage.is_none(),
        }
    }

    /// Loads the server and kills it, `rounds` times.
    async fn kill(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let server = self.server.take().unwrap();
            let (mqtt, start) = (server.mqtt, self.start);
            let ledgers = std::mem::take(&mut self.ledgers).into_iter();
            let tasks: Vec<_> = GATEWAYS
                .iter()
                .zip(self.secrets.clone())
                .zip(ledgers)
                .map(|((gateway, secret), mut ledger)| {
                    tokio::spawn(async move {
                        publish(mqtt, gateway, &secret, start, &mut ledger).await;
                        ledger
                    })
                })
                .collect();
            // The moment of death is the random input of this test.
            let pause = rand::rng().random_range(20..400);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            let (dir, admin) = server.kill();
            for task in tasks {
                self.ledgers.push(task.await.unwrap());
            }
            self.server = Some(Server::start_in(dir, admin, &self.setup));
        }
    }

    async fn verdict(&self) -> Verdict {
        compare(
            self.server.as_ref().unwrap(),
            &self.ledgers,
            self.start,
            self.sound,
        )
        .await
    }

    fn acknowledged(&self) -> usize {
        self.ledgers
            .iter()
            .map(|ledger| ledger.acknowledged.len())
            .sum()
    }
}

/// Whether a fault shows within the fifty kills that a sound build survives.
async fn seen(sabotage: &str, shows: impl Fn(&Verdict) -> bool) -> bool {
    let mut trial = Trial::new(Some(sabotage)).await;
    for _ in 0..5 {
        trial.kill(10).await;
        if shows(&trial.verdict().await) {
            return true;
        }
    }
    false
}

async fn compare(server: &Server, ledgers: &[Ledger], start: i64, sound: bool) -> Verdict {
    if sound {
        // Whatever is in the log has gone through the rules once the alerts stand still: the readiness of a
        // restarted server comes after its replay, so one look is enough.
        eventually("the server to be ready", async || {
            let (status, _) = server.send("GET", "/readyz", &server.admin, None).await;
            (status == 200).then_some(())
        })
        .await;
    }
    let mut verdict = Verdict::default();
    for (gateway, ledger) in GATEWAYS.iter().zip(ledgers) {
        let query = format!(
            "SELECT CAST(arrow_cast(effective, 'Int64') AS BIGINT) AS at, count(*) AS n \
             FROM observation WHERE device_id = '{gateway}' GROUP BY effective"
        );
        let mut stored: BTreeMap<u64, i64> = BTreeMap::new();
        for row in server.sql(&query).await {
            let at = row[0].as_i64().unwrap();
            stored.insert(
                u64::try_from((at - start) / STEP).unwrap(),
                row[1].as_i64().unwrap(),
            );
        }
        verdict.lost += ledger
            .acknowledged
            .iter()
            .filter(|number| !stored.contains_key(number))
            .count();
        verdict.repeated += stored.values().filter(|count| **count > 1).count();

        // An episode raises an alert when its tenth second has been stored.
        let raised_by = |cycle: u64| cycle * CYCLE + HIGH + FOR;
        let expected: BTreeSet<i64> = (0..)
            .take_while(|cycle| ledger.acknowledged.contains(&raised_by(*cycle)))
            .map(|cycle| start + i64::try_from(cycle * CYCLE + HIGH).unwrap() * STEP)
            .collect();
        // The last event of an alert has its final onset; one that late readings took back is no episode.
        let query = format!(
            "SELECT CAST(arrow_cast(onset, 'Int64') AS BIGINT) AS onset, count(*) AS n FROM (
               SELECT onset, ended, row_number() OVER (PARTITION BY alert_id ORDER BY seq DESC, ordinal DESC) AS place
               FROM alert WHERE subject = 'Patient/p-{gateway}')
             WHERE place = 1 AND (ended IS NULL OR ended > onset) GROUP BY onset"
        );
        let mut raised: BTreeMap<i64, i64> = BTreeMap::new();
        for row in server.sql(&query).await {
            raised.insert(row[0].as_i64().unwrap(), row[1].as_i64().unwrap());
        }
        verdict.alerts_missing += expected
            .iter()
            .filter(|onset| !raised.contains_key(onset))
            .count();
        verdict.alerts_repeated += raised.values().filter(|count| **count > 1).count();
    }
    verdict
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_nothing_and_repeat_nothing() {
    let mut trial = Trial::new(None).await;
    trial.kill(50).await;
    let acknowledged = trial.acknowledged();
    assert!(
        acknowledged > 5_000,
        "only {acknowledged} readings were acknowledged: too little load to mean anything"
    );
    assert_eq!(
        trial.verdict().await,
        Verdict::default(),
        "of {acknowledged} acknowledged readings"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledging_before_the_write_would_be_seen() {
    assert!(seen("ack-on-receipt", |verdict| verdict.lost > 0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn storing_repeats_would_be_seen() {
    assert!(seen("skip-dedup", |verdict| verdict.repeated > 0).await);
}

/// A stop in the middle of the load is orderly: everything acknowledged is in the tables, and the exit code is 0.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_drains_and_exits_cleanly() {
    let setup = Setup {
        rules: Some(RULES.to_owned()),
        ..Setup::default()
    };
    let server = Server::start(&setup);
    server.admit("p-g1", "g1").await;
    let secret = server.gateway_token("g1").await;
    let start = (now() - 3_600_000_000) / 1_000_000 * 1_000_000;
    let mqtt = server.mqtt;
    let ledger = Arc::new(tokio::sync::Mutex::new(Ledger::default()));
    let kept = Arc::clone(&ledger);
    let load =
        tokio::spawn(
            async move { publish(mqtt, "g1", &secret, start, &mut *kept.lock().await).await },
        );
    eventually("load", async || {
        (server.count("SELECT count(*) AS n FROM observation").await > 500).then_some(())
    })
    .await;
    let (status, dir, admin) = tokio::task::spawn_blocking(move || server.stop())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(0));
    load.await.unwrap();
    let server = Server::start_in(dir, admin, &setup);
    let ledgers = [std::mem::take(&mut *ledger.lock().await)];
    assert_eq!(
        compare(&server, &ledgers, start, true).await,
        Verdict::default()
    );
}
