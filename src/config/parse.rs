//! From TOML text and environment to a [`Config`], or to every fault at once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;
use wardline_normalize::hl7v2::{Profile, RawIs, Sentinel};
use wardline_rules::GatewayLimits;

use super::reader::{self, Context, Effective, Fault, Section};
use super::{
    Broker, Config, Enrolment, Http, Identity, Intake, Log, LogFormat, Mapping, Mqtt, Route, Store,
    Tls,
};
use super::{fhir_push, receivers};

/// A configuration that passed its checks, with the origin of every value.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) values: Vec<Effective>,
    /// Environment variables that name a setting of this document.
    pub(crate) variables: BTreeSet<String>,
}

/// Why a configuration is not used.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) faults: Vec<Fault>,
    /// What could be read of it, so that the files it names can be looked at too.
    pub(crate) config: Option<Box<Config>>,
}

/// Reads the file (none: defaults) and the process environment.
pub(crate) fn load(file: Option<&Path>) -> Result<Loaded, Refused> {
    let text = match file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            let fault = Fault {
                line: None,
                key: "--config".to_owned(),
                message: format!("cannot read {}: {error}", file.display()),
            };
            Refused {
                faults: vec![fault],
                config: None,
            }
        })?,
        None => String::new(),
    };
    read(&text, &|name| std::env::var(name).ok())
}

/// Reads `text`; `env` looks up an environment variable.
pub(crate) fn read(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Refused> {
    let context = Context {
        text,
        env,
        faults: RefCell::default(),
        values: RefCell::default(),
        variables: RefCell::default(),
    };
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            context.fault("", error.span().as_ref(), error.message().to_owned());
            return Err(Refused {
                faults: context.faults.into_inner(),
                config: None,
            });
        }
    };
    let root = Section::new(&context, "", Some(document.get_ref()));
    let config = config(&root);
    root.finish();
    let faults = context.faults.into_inner();
    if faults.is_empty() {
        Ok(Loaded {
            config,
            values: context.values.into_inner(),
            variables: context.variables.into_inner(),
        })
    } else {
        Err(Refused {
            faults,
            config: Some(Box::new(config)),
        })
    }
}

fn config(root: &Section<'_, '_>) -> Config {
    let routing = file(&root.section("routing"));
    let site = receivers::Site {
        routed: routing.is_some(),
    };
    let each = |kind| root.sections(kind);
    let config = Config {
        site: root.take("site", "home", reader::id),
        data_dir: root.take("data-dir", "wardline-data", reader::path),
        http: http(&root.section("http")),
        mqtt: mqtt(&root.section("mqtt")),
        brokers: root.sections("broker").iter().map(broker).collect(),
        routes: root.sections("route").iter().map(route).collect(),
        intake: intake(&root.section("intake")),
        store: store(&root.section("store")),
        gateways: gateways(&root.section("gateways")),
        rules: file(&root.section("rules")),
        routing,
        webhooks: each("webhook")
            .iter()
            .map(|section| receivers::webhook(section, site))
            .collect(),
        teams: each("teams")
            .iter()
            .map(|section| receivers::teams(section, site))
            .collect(),
        emails: each("email")
            .iter()
            .map(|section| receivers::email(section, site))
            .collect(),
        fhir_pushes: each("fhir-push").iter().map(fhir_push::fhir_push).collect(),
        enrolment: enrolment(&root.section("enrolment")),
        alert_topic: root.take("alert-topic", "true", reader::flag),
        alert_topic_events: root.take("alert-topic-events", "all", receivers::events),
        log: log(&root.section("log")),
    };
    unique(
        root,
        "broker",
        config.brokers.iter().map(|broker| broker.name.as_str()),
    );
    unique(
        root,
        "route",
        config
            .routes
            .iter()
            .map(|route| route.name.as_str())
            .chain(["native"]),
    );
    receiver_names(root, &config);
    if config.mqtt.is_none() && config.brokers.is_empty() {
        root.fault(
            "mqtt",
            "is disabled and there is no [[broker]]: no reading could come in",
        );
    }
    config
}

/// Routes name receivers whatever their kind; our own listener's topic and those of brokers are receivers too.
fn receiver_names(root: &Section<'_, '_>, config: &Config) {
    let topics = config.brokers.iter().map(|broker| {
        let name = crate::serve::broker_topic(&broker.name);
        ("broker", name)
    });
    let mut seen: BTreeSet<String> = topics.map(|(_, name)| name).collect();
    seen.insert(crate::serve::TOPIC.to_owned());
    let webhooks = config.webhooks.iter().map(|found| ("webhook", &found.name));
    let teams = config.teams.iter().map(|found| ("teams", &found.name));
    let emails = config.emails.iter().map(|found| ("email", &found.name));
    let pushes = config.fhir_pushes.iter();
    let pushes = pushes.map(|found| ("fhir-push", &found.name));
    for (kind, name) in webhooks.chain(teams).chain(emails).chain(pushes) {
        if !name.is_empty() && !seen.insert(name.clone()) {
            root.fault(kind, format!("two receivers have the name {name:?}"));
        }
    }
}

fn unique<'n>(root: &Section<'_, '_>, kind: &str, names: impl Iterator<Item = &'n str>) {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !name.is_empty() && !seen.insert(name) {
            root.fault(kind, format!("two have the name {name:?}"));
        }
    }
}

fn tls(section: &Section<'_, '_>) -> Option<Tls> {
    let tls = section.present().then(|| {
        let files = if section.take("own", "false", reader::flag) {
            for name in ["cert", "key"] {
                if section.optional(name, reader::path).is_some() {
                    section.fault(name, "has no use beside own = true");
                }
            }
            None
        } else {
            Some((
                section.required("cert").into(),
                section.required("key").into(),
            ))
        };
        Tls {
            files,
            client_ca: section.optional("client-ca", reader::path),
        }
    });
    section.finish();
    tls
}

/// Longest life of a code: whoever reads it off a screen uses it at once.
const MAX_CODE_LIFE: Duration = Duration::from_secs(15 * 60);
/// Longest life of a gateway's certificate.
const MAX_CERTIFICATE_LIFE: Duration = Duration::from_secs(5 * 365 * 86_400);

fn enrolment(section: &Section<'_, '_>) -> Enrolment {
    let within = |most: Duration, said: &'static str| {
        move |text: &str| match reader::duration(text)? {
            life if life >= Duration::from_secs(1) && life <= most => Ok(life),
            _ => Err(format!("a duration from 1s to {said}")),
        }
    };
    let names = section.list("names");
    let is_name = |name: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let dns = !name.is_empty() && name.chars().all(plain);
        dns || name.parse::<std::net::IpAddr>().is_ok()
    };
    if let Some(name) = names.iter().find(|name| !is_name(name)) {
        section.fault(
            "names",
            format!("{name:?} is neither a host name nor an address"),
        );
    }
    let enrolment = Enrolment {
        names,
        certificate_life: section.take(
            "certificate-life",
            "90d",
            within(MAX_CERTIFICATE_LIFE, "1825d"),
        ),
        code_life: section.take("code-life", "15m", within(MAX_CODE_LIFE, "15m")),
        server_ca: section.optional("server-ca", reader::path),
    };
    section.finish();
    enrolment
}

/// Plain text off loopback would show patients' data to the network.
fn guard(section: &Section<'_, '_>, bind: SocketAddr, tls: Option<&Tls>, insecure: bool) {
    if !bind.ip().is_loopback() && tls.is_none() && !insecure {
        section.fault(
            "bind",
            format!("{bind} is not loopback: give a [tls] section, or insecure = true"),
        );
    }
}

fn http(section: &Section<'_, '_>) -> Http {
    let http = Http {
        bind: section.take("bind", "127.0.0.1:8080", reader::address),
        tls: tls(&section.section("tls")),
        insecure: section.take("insecure", "false", reader::flag),
        metrics_public: section.take("metrics-public", "false", reader::flag),
        url: section.optional("url", receivers::base_url),
    };
    guard(section, http.bind, http.tls.as_ref(), http.insecure);
    section.finish();
    http
}

fn mqtt(section: &Section<'_, '_>) -> Option<Mqtt> {
    let enabled = section.take("enabled", "true", reader::flag);
    let mqtt = Mqtt {
        bind: section.take("bind", "127.0.0.1:1883", reader::address),
        tls: tls(&section.section("tls")),
        insecure: section.take("insecure", "false", reader::flag),
        max_packet: size(section, "max-packet", "1MiB"),
        max_connections: section.take("max-connections", "5000", reader::number(1, 1_000_000)),
    };
    guard(section, mqtt.bind, mqtt.tls.as_ref(), mqtt.insecure);
    section.finish();
    enabled.then_some(mqtt)
}

/// A packet size. A message, or what is made of it, must fit a record of the log (64 MiB).
fn size(section: &Section<'_, '_>, name: &str, default: &str) -> u32 {
    section.take(name, default, |text| match reader::bytes(text)? {
        size @ 1024..=16_777_216 => u32::try_from(size).map_err(|error| error.to_string()),
        _ => Err("a size from 1KiB to 16MiB".to_owned()),
    })
}

fn broker(section: &Section<'_, '_>) -> Broker {
    let share = section.take("share", "wardline", reader::id);
    let broker = Broker {
        name: section.required("name"),
        host: section.required("host"),
        port: section.take("port", "1883", reader::number(1, u16::MAX)),
        client_id: section.take("client-id", "wardline", reader::id),
        username: section.optional("username", reader::text),
        password: section.secret("password"),
        ca: section.optional("ca", reader::path),
        share: section
            .take("shared", "true", reader::flag)
            .then_some(share),
        receive_maximum: section.take("receive-maximum", "10000", reader::number(1, u16::MAX)),
        max_packet: size(section, "max-packet", "1MiB"),
    };
    section.finish();
    broker
}

fn route(section: &Section<'_, '_>) -> Route {
    let format = section.take("format", "senml", |format| match format {
        "senml" | "medtech" | "fhir" | "hl7v2" => Ok(format.to_owned()),
        _ => Err("a payload format: senml, medtech, fhir or hl7v2".to_owned()),
    });
    let route = Route {
        name: section.required("name"),
        filter: section.required("filter"),
        principals: section.list("principals"),
        device_level: section.optional("device-level", reader::number(0, 100)),
        keep_raw: section.take("keep-raw", "false", reader::flag),
        // Of another format the keys of a mapping stay unread, and so are faults.
        mapping: (format == "medtech").then(|| mapping(section)),
        monitors: (format == "hl7v2").then(|| monitors(section)),
        format,
    };
    section.finish();
    route
}

fn monitors(section: &Section<'_, '_>) -> Profile {
    let mut profile = Profile {
        zone: section.take("zone", "UTC", |zone| {
            let expected = "a time zone as Europe/Berlin or an offset as +02:00";
            zone.parse().map_err(|_| expected.to_owned())
        }),
        raw_is: section.take("raw-is", "final", |status| match status {
            "final" => Ok(RawIs::Final),
            "preliminary" => Ok(RawIs::Preliminary),
            _ => Err("final or preliminary".to_owned()),
        }),
        ..Profile::default()
    };
    let sentinels: Vec<String> = section.list("sentinels");
    let own = sentinels.iter().map(|text| Sentinel::configured(text));
    profile.sentinels.extend(own);
    profile
}

fn mapping(section: &Section<'_, '_>) -> Mapping {
    Mapping {
        device: section.required("device-mapping").into(),
        fhir: section.optional("fhir-mapping", reader::path),
        strict: section.take("compat", "default", |compat| match compat {
            "default" => Ok(false),
            "strict" => Ok(true),
            _ => Err("default or strict".to_owned()),
        }),
        enrich: section.take("enrich", "false", reader::flag),
        identity: section.take("identity", "lookup", |identity| match identity {
            "lookup" => Ok(Identity::Lookup),
            "create" => Ok(Identity::Create),
            "lookup-with-encounter" => Ok(Identity::LookupWithEncounter),
            _ => Err("lookup, create or lookup-with-encounter".to_owned()),
        }),
    }
}

fn intake(section: &Section<'_, '_>) -> Intake {
    let intake = Intake {
        linger: section.take("linger", "2ms", reader::duration),
        ahead: section.take("ahead", "5m", reader::duration),
        tick: section.take("tick", "1s", reader::duration),
        quarantine_messages: section.take(
            "quarantine-messages",
            "1000",
            reader::number(1, 1_000_000),
        ),
        quarantine_bytes: section.take("quarantine-bytes", "50MiB", reader::bytes),
        drain: section.take("drain", "20s", reader::duration),
    };
    if intake.tick.is_zero() {
        section.fault(
            "tick",
            "must be longer than nothing: absence rules follow it",
        );
    }
    section.finish();
    intake
}

fn store(section: &Section<'_, '_>) -> Store {
    let store = Store {
        flush_every: section.take("flush-every", "10s", reader::duration),
        query_timeout: section.take("query-timeout", "1m", reader::duration),
        export_timeout: section.take("export-timeout", "1h", reader::duration),
        waveforms: section.take("waveforms", "false", reader::flag),
    };
    section.finish();
    store
}

fn gateways(section: &Section<'_, '_>) -> GatewayLimits {
    let micros = |text: &str| {
        reader::duration(text)
            .map(|duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    };
    let limits = GatewayLimits {
        watch: section.take("watch", "true", reader::flag),
        silent_after: section.take("silent-after", "3m", micros),
        offline_after: section.take("offline-after", "15s", micros),
        clock_offset: section.take("clock-offset", "5s", micros),
        spool_percent: section.take("spool-percent", "80", reader::number(1, 100)),
        spool_age: section.take("spool-age", "15m", micros),
        device_states: section.take("device-states", "bond-lost, refused, unpaired", |text| {
            let words = text
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty());
            Ok(words.map(str::to_owned).collect())
        }),
    };
    section.finish();
    limits
}

/// A section that names a file.
fn file(section: &Section<'_, '_>) -> Option<std::path::PathBuf> {
    let file = section.optional("file", reader::path);
    section.finish();
    file
}

fn log(section: &Section<'_, '_>) -> Log {
    let log = Log {
        format: section.take("format", "text", |text| match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("text or json".to_owned()),
        }),
        level: section.take("level", "info", |level| {
            level
                .parse::<tracing_subscriber::filter::Targets>()
                .map(|_| level.to_owned())
                .map_err(|_| {
                    "a level (error, warn, info, debug, trace) or target=level list".to_owned()
                })
        }),
    };
    section.finish();
    log
}
