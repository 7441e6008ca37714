//! The service: one open data directory with MQTT, HTTP and delivery around it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wardline_dashboard::throttle::{Throttle, Verdict};
use wardline_ingest::{
    Authenticate, BatchConfig, BrokerConfig, BrokerPublisher, BrokerSource, ClientCertificate,
    DeviceFrom, Handle, Intake, Listener, ListenerConfig, Principal, Principals, Role, Route,
    Routes, Stats, broker_publisher,
};
use wardline_store::registry::{self, Registry};

use crate::authority::{self, Keeper};
use crate::backend::Adapter;
use crate::config::{self, Config};
use crate::core::{Core, Options};
use crate::deliver;
use crate::gateways::{self, Gateways, Replies, Ways};
use crate::metrics::Sources;
use crate::pipeline::Limits;
use crate::reload::Reload;
use crate::tls::Own;

/// Where the service listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) http: SocketAddr,
    pub(crate) mqtt: Option<SocketAddr>,
}

/// Runs until `stop`; calls `ready` once everything listens.
pub(crate) async fn run(
    config: Config,
    stop: CancellationToken,
    ready: impl FnOnce(&Bound, &Core) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let files = crate::files::sound(&config)?;
    let routing = files.routing.clone();
    for warning in config.warnings() {
        tracing::warn!(warning, "configuration");
    }
    let destinations = deliver::destinations(&config);
    let core = Core::open(Options {
        data_dir: config.data_dir.clone(),
        site: Some(config.site.clone()),
        flush_every: config.store.flush_every,
        query_timeout: config.store.query_timeout,
        ahead: config.intake.ahead,
        limits: Limits {
            messages: config.intake.quarantine_messages,
            bytes: config.intake.quarantine_bytes,
        },
        waveforms: Some(config.store.waveforms),
        gateways: Some(config.gateways.clone()),
        routes: config.routes.clone(),
        rules: Some(files.rules),
        routing: Some(files.routing),
        destinations: Some(destinations),
    })
    .await?;
    let outcome = match Reload::new(&config, &core, routing) {
        Ok(reload) => {
            let reloading = tokio::spawn(reload.run());
            let outcome = with_core(&config, &core, &stop, ready).await;
            reloading.abort();
            // It holds a way into the log, which is to be closed.
            drop(reloading.await);
            outcome
        }
        Err(error) => Err(error),
    };
    let broken = core.broken.is_cancelled();
    tracing::info!("draining");
    let closed = core.close(config.intake.drain).await;
    outcome.and(closed)?;
    if broken {
        anyhow::bail!("stopped after a failure");
    }
    tracing::info!("stopped");
    Ok(())
}

/// What writing an answer may take after its query has ended.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(30);

/// Name of our own listener's alert topic among the receivers.
pub(crate) const TOPIC: &str = "mqtt";

/// That of a broker. Each is delivered to on its own, so that one that is away makes no other hear an
/// alert again.
pub(crate) fn broker_topic(broker: &str) -> String {
    format!("{TOPIC}/{broker}")
}

async fn with_core(
    config: &Config,
    core: &Core,
    stop: &CancellationToken,
    ready: impl FnOnce(&Bound, &Core) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // Intake ends first, so that whatever was read is answered; HTTP goes last.
    let (intake_stop, http_stop) = (CancellationToken::new(), CancellationToken::new());
    let stats = Arc::new(Stats::default());
    let routes = Arc::new(Routes::new(config.routes.iter().map(route).collect())?);
    let batching = BatchConfig {
        linger: config.intake.linger,
        ..BatchConfig::default()
    };
    let (intake, batcher) = wardline_ingest::batcher(batching, Arc::clone(&stats));
    let mut edge = JoinSet::new();
    let keeper = Arc::new(Keeper::new(Arc::clone(&core.registry)));
    let edge_parts = (&intake, &routes, &*keeper);
    let (listener, mqtt) = listen(config, core, edge_parts, &intake_stop, &mut edge).await?;
    let brokers = subscribe(config, &intake, &routes, &intake_stop, &mut edge)?;
    let ways = Ways {
        listener: listener
            .clone()
            .map(|handle| (handle, mqtt_tls(config).is_some())),
        brokers: brokers
            .iter()
            .zip(&config.brokers)
            .map(|(publisher, broker)| (publisher.clone(), broker.ca.is_some()))
            .collect(),
    };
    let gateways = Arc::new(Gateways::new(
        Arc::clone(&core.registry),
        Arc::clone(&keeper),
        enrolment(config, &keeper)?,
        Some(ways),
    ));
    let sink = Arc::new(Replies {
        pipeline: core.pipeline.clone(),
        gateways: Arc::clone(&gateways),
    });
    let batches = tokio::spawn(batcher.run(sink));
    drop(intake);

    let live = core.live.picture();
    let edge_stats = Arc::clone(&stats);
    let adapter = Arc::new(Adapter {
        store: core.store.clone(),
        registry: Arc::clone(&core.registry),
        pipeline: core.pipeline.clone(),
        applied: core.applied.clone(),
        asker: core.asker.clone(),
        outbox: Arc::clone(&core.outbox),
        copies: core.copies.clone(),
        mappings: Arc::clone(&core.mappings),
        told: Arc::clone(&core.told),
        gateways,
        routes,
        sources: Sources {
            metrics: Arc::clone(&core.metrics),
            store: core.store.clone(),
            registry: Arc::clone(&core.registry),
            mappings: Arc::clone(&core.mappings),
            ingest: Some(stats),
            live: Arc::clone(&live),
        },
        changes: Arc::default(),
        links: Arc::default(),
        export_timeout: config.store.export_timeout,
        local: None,
    });
    let http_listener = tokio::net::TcpListener::bind(config.http.bind)
        .await
        .with_context(|| format!("cannot listen for HTTP on {}", config.http.bind))?;
    let http = http_listener.local_addr()?;
    let own = own(config, &keeper, config.http.bind.ip());
    let tls = config.http.tls.as_ref();
    let tls = tls.map(|tls| crate::tls::http(tls, &own)).transpose()?;
    let mut settings = wardline_dashboard::Config::new(crate::clock::now);
    settings.metrics_public = config.http.metrics_public;
    settings.insecure = config.http.insecure;
    settings.public_url = config.http.url.clone();
    settings.limits.sql_timeout = config.store.query_timeout + ANSWER;
    let mut server = tokio::spawn(wardline_dashboard::serve(
        settings,
        adapter,
        live,
        http_listener,
        tls,
        http_stop.clone(),
    ));

    let outbox = deliver::outbox(config, core, listener, brokers)?;
    let mut deliveries = tokio::spawn(outbox.run(http_stop.clone()));
    for watchdog in deliver::watchdogs(config, core)? {
        tokio::spawn(watchdog.run(intake_stop.clone()));
    }
    let watched = tokio::spawn(Arc::clone(&core.mappings).watch(intake_stop.clone()));
    let ticks = tokio::spawn(
        core.pipeline
            .clone()
            .tick(config.intake.tick, intake_stop.clone()),
    );

    ready(&Bound { http, mqtt }, core)?;
    tokio::select! {
        () = stop.cancelled() => {}
        () = core.broken.cancelled() => {}
        () = failed(&core.store) => core.broken.cancel(),
        Some(ended) = edge.join_next() => {
            // An edge that ends on its own (a port taken away, a sink closed) stops the service.
            ended?;
            if !core.broken.is_cancelled() {
                anyhow::bail!("a way in ended on its own");
            }
        }
        // A server that raises alerts and tells nobody is worse than none: that none is there is noticed.
        ended = &mut deliveries => {
            intake_stop.cancel();
            ended.context("the deliveries failed")?;
            anyhow::bail!("the deliveries ended on their own");
        }
        ended = &mut server => {
            intake_stop.cancel();
            ended.context("the HTTP server failed")??;
            anyhow::bail!("the HTTP server ended on its own");
        }
    }
    if core.broken.is_cancelled() {
        // Whoever waits for the log may wait for ever; nothing more is acknowledged.
        return Ok(());
    }
    intake_stop.cancel();
    let drained = tokio::time::timeout(config.intake.drain, async {
        while let Some(ended) = edge.join_next().await {
            ended?;
        }
        if let Err(error) = batches.await? {
            tracing::warn!(%error, "the last batches were not taken");
        }
        anyhow::Ok(ticks.await?)
    });
    match drained.await {
        Ok(ended) => ended?,
        Err(_) => {
            // A full disk, or a log that takes nothing: who waits for it may wait for ever.
            core.broken.cancel();
            let messages = edge_stats.snapshot().in_flight;
            anyhow::bail!(
                "{messages} messages could not be stored within {:?} and were not acknowledged: whoever sent them \
                 still has them; what was acknowledged is in the log",
                config.intake.drain
            );
        }
    }
    watched.await?;
    http_stop.cancel();
    server.await??;
    deliveries.await?;
    Ok(())
}

/// Resolves once a sync of the tables failed: they take nothing from the log any more, and it would fill up.
async fn failed(store: &wardline_store::Store) {
    while !store.failed() {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    tracing::error!("the store failed; nothing more is acknowledged");
}

fn mqtt_tls(config: &Config) -> Option<&config::Tls> {
    config.mqtt.as_ref()?.tls.as_ref()
}

fn own<'a>(config: &'a Config, keeper: &'a Keeper, bind: IpAddr) -> Own<'a> {
    Own {
        keeper,
        names: &config.enrolment.names,
        bind,
    }
}

/// What gateways are told when they enrol.
fn enrolment(config: &Config, keeper: &Keeper) -> anyhow::Result<gateways::Settings> {
    let shown = config.http.tls.as_ref();
    let server_ca = config.enrolment.server_ca.as_deref();
    let trust = mqtt_tls(config).map(|tls| crate::tls::trust(tls, server_ca, keeper));
    Ok(gateways::Settings {
        life: config.enrolment.certificate_life,
        code_life: config.enrolment.code_life,
        fingerprint: shown
            .map(|tls| crate::tls::shown(tls, keeper))
            .transpose()?,
        trust: trust.transpose()?.flatten(),
    })
}

async fn listen(
    config: &Config,
    core: &Core,
    (intake, routes, keeper): (&Intake, &Arc<Routes>, &Keeper),
    stop: &CancellationToken,
    edge: &mut JoinSet<()>,
) -> anyhow::Result<(Option<Handle>, Option<SocketAddr>)> {
    let Some(mqtt) = &config.mqtt else {
        return Ok((None, None));
    };
    let settings = ListenerConfig {
        insecure: mqtt.insecure,
        max_packet: mqtt.max_packet,
        max_connections: mqtt.max_connections,
        // The rest of the time is for batches under way.
        drain_timeout: config.intake.drain / 2,
        ..ListenerConfig::new(mqtt.bind)
    };
    let own = own(config, keeper, mqtt.bind.ip());
    let tls = mqtt.tls.as_ref();
    let tls = tls
        .map(|tls| crate::tls::mqtt(tls, &own, &core.registry))
        .transpose()?;
    let login = Arc::new(Login {
        registry: Arc::clone(&core.registry),
        site: config.site.clone(),
        throttle: throttle(wardline_dashboard::Limits::default().failures),
        told: throttle(LOGIN_LINES),
    });
    let listener = Listener::bind(settings, tls, Arc::clone(routes), login, intake.clone())
        .await
        .with_context(|| format!("cannot listen for MQTT on {}", mqtt.bind))?;
    let (handle, address) = (listener.handle(), listener.local_addr());
    let stop = stop.clone();
    edge.spawn(listener.run(stop));
    Ok((Some(handle), Some(address)))
}

fn subscribe(
    config: &Config,
    intake: &Intake,
    routes: &Arc<Routes>,
    stop: &CancellationToken,
    edge: &mut JoinSet<()>,
) -> anyhow::Result<Vec<BrokerPublisher>> {
    let mut publishers = Vec::new();
    for broker in &config.brokers {
        let settings = self::broker(broker)?;
        let (publisher, task) = broker_publisher(settings.clone(), Arc::clone(intake.stats()));
        publishers.push(publisher);
        tokio::spawn(task.run(stop.clone()));
        let source = BrokerSource::new(settings, Arc::clone(routes), intake.clone())
            .with_context(|| format!("broker {}", broker.name))?;
        edge.spawn(source.run(stop.clone()));
    }
    Ok(publishers)
}

/// The source's settings for a configured broker.
pub(crate) fn broker(broker: &config::Broker) -> anyhow::Result<BrokerConfig> {
    let password = broker
        .password
        .as_ref()
        .map(|password| password.0.clone())
        .unwrap_or_default();
    Ok(BrokerConfig {
        credentials: broker.username.clone().map(|username| (username, password)),
        tls: broker.ca.as_deref().map(crate::tls::client).transpose()?,
        share: broker.share.clone(),
        receive_maximum: broker.receive_maximum,
        max_packet: broker.max_packet,
        ..BrokerConfig::new(&broker.host, broker.port, &broker.client_id)
    })
}

pub(crate) fn route(route: &config::Route) -> Route {
    Route {
        name: route.name.clone(),
        filter: route.filter.clone(),
        format: route.format.clone(),
        principals: Principals::Named(route.principals.clone()),
        device: route
            .device_level
            .map_or(DeviceFrom::Payload, DeviceFrom::TopicLevel),
    }
}

/// Lines of the log a minute that tell of refused logins.
const LOGIN_LINES: u32 = 20;

/// So many in the time over which HTTP counts refused tokens.
fn throttle(limit: u32) -> Throttle {
    let window = wardline_dashboard::Limits::default().failure_window;
    Throttle::new(limit, i64::try_from(window.as_micros()).unwrap_or(i64::MAX))
}

/// MQTT credentials out of the registry.
struct Login {
    registry: Arc<Registry>,
    site: String,
    throttle: Throttle,
    /// Bounds the lines of the log.
    told: Throttle,
}

impl Login {
    fn principal(&self, token: &registry::Token) -> Principal {
        Principal {
            name: token.name.clone(),
            site: Some(token.site.clone().unwrap_or_else(|| self.site.clone())),
            gateway: token.gateway.clone(),
            device: token.device.clone(),
            role: match token.role {
                registry::Role::Publish => Role::Publish,
                registry::Role::Read => Role::Read,
                registry::Role::Operate => Role::Operate,
                registry::Role::Admin => Role::Admin,
            },
        }
    }
}

impl Authenticate for Login {
    fn password(&self, user: &str, password: &[u8]) -> Option<Principal> {
        self.registry
            .verify_mqtt(user, password, crate::clock::now())
            .map(|token| self.principal(&token))
    }

    fn certificate(&self, certificate: &ClientCertificate) -> Option<Principal> {
        let now = crate::clock::now();
        if let Some(known) = self.registry.verify_gateway(&certificate.fingerprint, now) {
            return Some(Principal {
                name: known.gateway.clone(),
                site: Some(known.site.clone()),
                gateway: Some(known.gateway.clone()),
                device: None,
                role: Role::Publish,
            });
        }
        let names = &certificate.san_uris;
        // The names of enrolled gateways stand for nothing else, whoever signed them.
        if names.iter().any(|uri| authority::is_gateway_uri(uri)) {
            return None;
        }
        let mut tokens = names
            .iter()
            .filter_map(|uri| self.registry.verify_certificate(uri, now));
        tokens.next().map(|token| self.principal(&token))
    }

    fn refused(&self, peer: Option<IpAddr>) -> bool {
        let now = crate::clock::now();
        if let Verdict::Record { repeats } = self.told.failed(None, now) {
            let peer = peer.map(|peer| peer.to_string());
            tracing::warn!(peer, untold = repeats, "a login over MQTT was refused");
        }
        !matches!(self.throttle.failed(peer, now), Verdict::Record { .. })
    }
}

/// Cancelled by SIGTERM or SIGINT; a second signal ends the process at once.
pub(crate) fn on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let cancelled = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!(
            "stopping; a second signal stops at once, and the log keeps what was acknowledged"
        );
        cancelled.cancel();
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        std::process::exit(130);
    });
    Ok(stop)
}
