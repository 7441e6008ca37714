//! `wardline doctor`: what would break the promises, each finding with its remedy.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::{ConnAckProperties, Packet};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use serde_json::{Value, json};

use crate::cli::Doctor;
use crate::config::{Broker, Config};
use crate::exit::Exit;
use crate::output;

/// Free space below which a finding is made: a day of 1,000 devices at 5 readings a second each needs about this.
const FREE_BYTES: u64 = 10 << 30;
/// A sync slower than this holds back every acknowledgement.
const SLOW_SYNC: Duration = Duration::from_millis(50);
/// A certificate that ends sooner is reported.
const CERTIFICATE_DAYS: i64 = 30;

/// The clock cannot truly stand before this version was written: 2026-01-01.
const RELEASED: i64 = 1_767_225_600_000_000;

pub(super) async fn run(doctor: &Doctor) -> anyhow::Result<Exit> {
    let config = match crate::config::load(doctor.file.config.as_deref()) {
        Ok(loaded) => loaded.config,
        Err(refused) => {
            super::config::report(&refused);
            return Ok(Exit::Usage);
        }
    };
    let mut findings = Vec::new();
    directory(&config.data_dir, &mut findings)?;
    clock(&mut findings);
    for file in certificates(&config) {
        certificate(&file, &mut findings);
    }
    for broker in &config.brokers {
        self::broker(broker, &mut findings).await;
    }
    if config.rules.is_none() {
        findings.push(finding(
            "rules",
            "warning",
            "no rules file: nothing raises an alert",
            "set rules.file",
        ));
    }
    let columns: output::Columns = &[
        ("part", "/part"),
        ("severity", "/severity"),
        ("finding", "/finding"),
        ("remedy", "/remedy"),
    ];
    output::list(&findings, columns, doctor.output.format)?;
    Ok(
        if findings
            .iter()
            .any(|finding| finding["severity"] == "problem")
        {
            Exit::Problems
        } else {
            Exit::Done
        },
    )
}

fn finding(part: &str, severity: &str, finding: &str, remedy: &str) -> Value {
    json!({"part": part, "severity": severity, "finding": finding, "remedy": remedy})
}

fn directory(dir: &Path, findings: &mut Vec<Value>) -> anyhow::Result<()> {
    let there = dir.try_exists()?;
    let probe = if there {
        dir
    } else {
        dir.parent()
            .filter(|parent| parent.is_dir())
            .unwrap_or(Path::new("."))
    };
    if there {
        let mode = std::fs::metadata(dir)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let what = format!("{} is open to others (mode {mode:03o})", dir.display());
            findings.push(finding(
                "disk",
                "problem",
                &what,
                "chmod 700 the data directory",
            ));
        }
    }
    let stat = rustix::fs::statvfs(probe)?;
    let free = stat.f_bavail * stat.f_frsize;
    if free < FREE_BYTES {
        let what = format!("{} MiB free for {}", free >> 20, dir.display());
        findings.push(finding(
            "disk",
            "warning",
            &what,
            "make room or move data-dir: a full disk stops intake",
        ));
    }
    match sync_time(probe) {
        Ok(time) if time > SLOW_SYNC => {
            let what = format!(
                "a sync of {} takes {} ms",
                probe.display(),
                time.as_millis()
            );
            findings.push(finding(
                "disk",
                "warning",
                &what,
                "use a disk with a protected write cache",
            ));
        }
        Ok(_) => {}
        Err(error) => {
            let what = format!("{} cannot be written: {error}", probe.display());
            findings.push(finding(
                "disk",
                "problem",
                &what,
                "give the service's user write access",
            ));
        }
    }
    Ok(())
}

/// The median of a few syncs of a small file.
fn sync_time(dir: &Path) -> std::io::Result<Duration> {
    use std::io::Write as _;
    let path = dir.join(format!(".doctor-{}", std::process::id()));
    let mut file = std::fs::File::create_new(&path)?;
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    std::fs::remove_file(&path)?;
    times.sort();
    Ok(times[times.len() / 2])
}

fn clock(findings: &mut Vec<Value>) {
    if crate::clock::now() < RELEASED {
        let what = "the system clock is years behind";
        findings.push(finding(
            "clock",
            "problem",
            what,
            "set the clock and run an NTP client (chrony, systemd-timesyncd)",
        ));
    }
    let daemons = [
        "/run/systemd/timesync/synchronized",
        "/run/chrony/chronyd.pid",
        "/run/ntpd.pid",
    ];
    if !daemons
        .iter()
        .any(|path| Path::new(path).try_exists().unwrap_or(false))
    {
        let what = "no sign of a running NTP client";
        findings.push(finding(
            "clock",
            "warning",
            what,
            "run one: stamps ahead of the server are quarantined",
        ));
    }
}

fn certificates(config: &Config) -> Vec<std::path::PathBuf> {
    let http = config.http.tls.iter();
    let mqtt = config.mqtt.iter().filter_map(|mqtt| mqtt.tls.as_ref());
    let shown = http.chain(mqtt).filter_map(|tls| tls.files.as_ref());
    let mut files: Vec<_> = shown.map(|(cert, _)| cert.clone()).collect();
    files.sort();
    files.dedup();
    files
}

fn certificate(file: &Path, findings: &mut Vec<Value>) {
    let shown = file.display();
    match crate::tls::days_left(file) {
        Ok(days) if days < 0 => {
            let what = format!("{shown} has expired");
            findings.push(finding("certificate", "problem", &what, "renew it"));
        }
        Ok(days) if days < CERTIFICATE_DAYS => {
            let what = format!("{shown} expires in {days} days");
            findings.push(finding("certificate", "warning", &what, "renew it"));
        }
        Ok(_) => {}
        Err(error) => {
            let what = format!("{error:#}");
            findings.push(finding(
                "certificate",
                "problem",
                &what,
                "give a PEM file the service may read",
            ));
        }
    }
}

/// What a broker may lose before our acknowledgement is its own matter; what it says of its limits is told.
async fn broker(broker: &Broker, findings: &mut Vec<Value>) {
    let part = format!("broker {}", broker.name);
    let settings = match crate::serve::broker(broker) {
        Ok(settings) => settings,
        Err(error) => {
            findings.push(finding(
                &part,
                "problem",
                &format!("{error:#}"),
                "mend the broker's TLS settings",
            ));
            return;
        }
    };
    match probe(&settings, broker).await {
        Ok(properties) => {
            let window = properties
                .as_ref()
                .and_then(|properties| properties.receive_max)
                .unwrap_or(u16::MAX);
            if window < 1_000 {
                let what = format!("lets a client have {window} messages in flight");
                let remedy =
                    "raise the broker's in-flight limit (Mosquitto: max_inflight_messages 0)";
                findings.push(finding(&part, "warning", &what, remedy));
            }
            if properties
                .as_ref()
                .and_then(|properties| properties.max_qos)
                == Some(0)
            {
                findings.push(finding(
                    &part,
                    "problem",
                    "does not offer QoS 1",
                    "allow QoS 1",
                ));
            }
            let what = "may lose what it acknowledged before we did; Wardline promises from its own acknowledgement on";
            let remedy = "Mosquitto: persistence true, autosave_interval 1, autosave_on_changes true, \
                          max_queued_messages 0; or let gateways publish to Wardline's listener";
            findings.push(finding(&part, "note", what, remedy));
        }
        Err(error) => {
            let what = format!("cannot be used: {error:#}");
            findings.push(finding(
                &part,
                "problem",
                &what,
                "check host, port, credentials and certificate",
            ));
        }
    }
}

/// What the broker says of itself when a client of its own comes and goes.
async fn probe(
    settings: &wardline_ingest::BrokerConfig,
    broker: &Broker,
) -> anyhow::Result<Option<ConnAckProperties>> {
    let mut options = MqttOptions::new(
        format!("{}-doctor", broker.client_id),
        &settings.host,
        settings.port,
    );
    options.set_connection_timeout(5);
    if let Some((user, password)) = &settings.credentials {
        options.set_credentials(user, password);
    }
    if let Some(tls) = &settings.tls {
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
            tls.clone(),
        )));
    }
    let (client, mut events) = AsyncClient::new(options, 4);
    loop {
        if let Event::Incoming(Packet::ConnAck(ack)) = events.poll().await? {
            client.disconnect().await?;
            return Ok(ack.properties);
        }
    }
}
