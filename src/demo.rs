//! `wardline demo`: the service on this machine, and a simulated ward that publishes through the real gateway.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use wardline_normalize::time::format_rfc3339;
use wardline_store::registry::{NewToken, Role};

use crate::cli::{Demo, Target};
use crate::client::Client;
use crate::core::Core;
use crate::exit::Exit;
use crate::output;
use crate::serve::Bound;

const SITE: &str = "demo";
const GATEWAY: &str = "ward-gateway";
/// History the gateway fills in first.
const HISTORY: &str = "1h";
/// The bed that replays a real ICU recording.
const ICU_BED: &str = "icu-s00001";
const RECORDING: &[u8] = include_bytes!("../tests/data/mimic2-numerics/s00001_numerics.csv");
const RULES: &str = include_str!("../rules/packs/ward-adult.toml");

/// What the gateway and the viewer log in with.
struct Secrets {
    gateway: String,
    admin: String,
}

pub(crate) async fn run(demo: Demo) -> anyhow::Result<Exit> {
    let gateway = gateway_program()?;
    let temporary = match &demo.data_dir {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new()
                .prefix("wardline-demo-")
                .tempdir()?,
        ),
    };
    let dir = match (&demo.data_dir, &temporary) {
        (Some(dir), _) => dir.clone(),
        (None, Some(temporary)) => temporary.path().join("data"),
        (None, None) => bail!("the demo has no data directory"),
    };
    let scratch = tempfile::tempdir()?;
    let (rules, recording) = (
        scratch.path().join("rules.toml"),
        scratch.path().join("s00001_numerics.csv"),
    );
    std::fs::write(&rules, RULES)?;
    std::fs::write(&recording, RECORDING)?;
    let config = config(&demo, &dir, &rules)?;
    crate::telemetry::start(&config.log);

    let stop = crate::serve::on_signal()?;
    let (ready, started) = tokio::sync::oneshot::channel();
    let served = tokio::spawn(crate::serve::run(
        config,
        stop.clone(),
        move |bound, core| {
            let secrets = secrets(core)?;
            if ready.send((*bound, secrets)).is_err() {
                bail!("the demo has ended");
            }
            Ok(())
        },
    ));
    let Ok((bound, secrets)) = started.await else {
        return served.await?.map(|()| Exit::Done);
    };
    let admitted = admit(&bound, &secrets, demo.patients).await;
    let outcome = match admitted {
        Ok(()) => {
            welcome(&bound, &secrets, &dir)?;
            let mut child = simulate(&gateway, &demo, &bound, &secrets, &recording)?;
            // Open as long as this program lives: the gateway ends with it, even by SIGKILL.
            let _leash = child.stdin.take();
            watch(child, &stop).await
        }
        Err(error) => Err(error),
    };
    stop.cancel();
    served.await??;
    outcome.map(|()| Exit::Done)
}

/// The gateway's program lies beside this one.
fn gateway_program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("wardline-gateway");
    if !program.try_exists()? {
        bail!(
            "{} is missing: build it with `cargo build -p wardline-gateway`",
            program.display()
        );
    }
    Ok(program)
}

fn config(demo: &Demo, dir: &Path, rules: &Path) -> anyhow::Result<crate::config::Config> {
    let text = format!("site = {SITE:?}\n[log]\nlevel = \"warn\"\n");
    let mut config = match crate::config::read(&text, &|_| None) {
        Ok(loaded) => loaded.config,
        Err(refused) => bail!("the demo's configuration has faults: {:?}", refused.faults),
    };
    config.data_dir = dir.to_owned();
    config.rules = Some(rules.to_owned());
    config.http.bind = demo.http;
    if let Some(mqtt) = &mut config.mqtt {
        mqtt.bind = demo.mqtt;
    }
    Ok(config)
}

/// New tokens at each start; those of an earlier run of the same directory are replaced.
fn secrets(core: &Core) -> anyhow::Result<Secrets> {
    let now = crate::clock::now();
    let make = |name: &str, role: Role, gateway: Option<&str>| -> anyhow::Result<String> {
        if core
            .registry
            .tokens()
            .iter()
            .any(|token| token.name == name)
        {
            return Ok(core.registry.rotate_token(name)?.expose().to_owned());
        }
        let new = NewToken {
            name: name.to_owned(),
            role,
            site: gateway.map(|_| SITE.to_owned()),
            gateway: gateway.map(str::to_owned),
            device: None,
            san_uris: Vec::new(),
            expires_at: None,
        };
        let (_, secret) = core.registry.create_token(&new, now)?;
        Ok(secret.expose().to_owned())
    };
    Ok(Secrets {
        gateway: make(GATEWAY, Role::Publish, Some(GATEWAY))?,
        admin: make("demo", Role::Admin, None)?,
    })
}

/// Patients in their beds, devices and assignments, by the same API that a hospital would use.
async fn admit(bound: &Bound, secrets: &Secrets, patients: u32) -> anyhow::Result<()> {
    let target = Target {
        data_dir: None,
        url: Some(format!("http://{}", bound.http)),
        ca: None,
        create: false,
    };
    let client = Client::with_token(&target, &secrets.admin)?;
    let known: Vec<Value> = client.list("/api/v1/patients", 10_000).await?;
    let from = format_rfc3339(crate::clock::now() - 48 * 3_600_000_000);
    // As the gateway names them: two digits, more in a larger ward.
    let digits = patients.max(10).to_string().len();
    let beds = (1..=patients)
        .map(|n| format!("bed-{n:0digits$}"))
        .chain([ICU_BED.to_owned()]);
    for (number, bed) in (1..).zip(beds) {
        let patient = format!("patient-{number:02}");
        if known.iter().any(|one| one["id"] == patient.as_str()) {
            continue;
        }
        let name = format!("Demo Patient {number:02}");
        let birth = format!("{}-0{}-15", 1938 + (number * 7) % 50, 1 + number % 9);
        client
            .post(
                "/api/v1/patients",
                json!({"id": patient, "name": name, "birthDate": birth}).to_string(),
            )
            .await?;
        client
            .post(
                "/api/v1/devices",
                json!({"id": bed, "kind": "bedside-monitor"}).to_string(),
            )
            .await?;
        let label = format!("{number:02}");
        client
            .post("/api/v1/beds", json!({"label": label}).to_string())
            .await?;
        let stay = json!({"bed": label, "patient": patient, "from": from});
        client.post("/api/v1/stays", stay.to_string()).await?;
        let assignment = json!({"device": bed, "patient": patient, "from": from});
        client
            .post("/api/v1/assignments", assignment.to_string())
            .await?;
    }
    Ok(())
}

fn welcome(bound: &Bound, secrets: &Secrets, dir: &Path) -> anyhow::Result<()> {
    let (http, admin) = (bound.http, &secrets.admin);
    let mqtt = bound
        .mqtt
        .map(|address| address.to_string())
        .unwrap_or_default();
    let text = format!(
        "
Wardline demo: a simulated ward, and one bed that replays a real ICU recording.
Not a certified primary alarm system; every patient here is invented but the recording's.

  Open      http://{http}/
  Log in    {admin}
  MQTT      mqtt://{mqtt} (user {GATEWAY})
  Data      {}

  Ask it, in another terminal:
    export WARDLINE_URL=http://{http} WARDLINE_TOKEN={admin}
    wardline sql \"SELECT patient_id, mdc, value, unit, effective FROM latest ORDER BY patient_id, mdc LIMIT 20\"
    wardline sql \"SELECT subject, rule_id, event, onset FROM alert ORDER BY processed_time DESC LIMIT 10\"
    curl -H \"Authorization: Bearer $WARDLINE_TOKEN\" \"http://{http}/fhir/R4/Observation?patient=patient-01&_count=3\"

  The last {HISTORY} is filled in first; the first alert comes within two minutes. Stop with Ctrl-C.
",
        dir.display()
    );
    Ok(output::data(text.as_bytes())?)
}

fn simulate(
    program: &Path,
    demo: &Demo,
    bound: &Bound,
    secrets: &Secrets,
    recording: &Path,
) -> anyhow::Result<Child> {
    let mqtt = bound.mqtt.context("the demo's listener is not bound")?;
    Command::new(program)
        .args([
            "simulate",
            "--site",
            SITE,
            "--gateway",
            GATEWAY,
            "--username",
            GATEWAY,
        ])
        .args([
            "--url",
            &format!("mqtt://{mqtt}"),
            "--backfill",
            HISTORY,
            "--loop",
        ])
        .args([
            "--patients",
            &demo.patients.to_string(),
            "--seed",
            &demo.seed.to_string(),
        ])
        .args(["--speed", &demo.speed.to_string(), "--device", ICU_BED])
        .arg("--recording")
        .arg(recording)
        .arg("--ends-with-stdin")
        .env("WARDLINE_MQTT_PASSWORD", &secrets.gateway)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

/// Until somebody stops the demo, or the gateway ends on its own, which it should not.
async fn watch(mut child: Child, stop: &CancellationToken) -> anyhow::Result<()> {
    tokio::select! {
        ended = child.wait() => bail!("the gateway ended: {}", ended?),
        () = stop.cancelled() => {}
    }
    let Some(pid) = child
        .id()
        .and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()))
    else {
        return Ok(());
    };
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    match tokio::time::timeout(Duration::from_secs(10), child.wait()).await {
        Ok(ended) => ended.map(|_| ()).context("the gateway"),
        Err(_) => Ok(child.kill().await?),
    }
}
