//! One open data directory: store, registry, pipeline and rules, without any network.
//!
//! The service puts MQTT and HTTP around it; the command line opens it on a directory nobody serves.

mod entries;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wardline_normalize::batch::Guard;
use wardline_rules::{GatewayLimits, RuleSet};
use wardline_store::registry::{
    AssignmentFilter, Destination, LimitFilter, ListFilter, Page, Patient, Registry, SETTING_SITE,
    SilenceFilter, StoredAlertEvent,
};
use wardline_store::{AlertFeed, Entry, Store};

pub(crate) use entries::{assignment_entry, limit_entry, patient_entry, silence_entry};
use entries::{attributes, limits_entry};

use crate::copies::Copies;
use crate::follow::{Asker, Follower, Judgement};
use crate::live::Live;
use crate::mappings::Mappings;
use crate::metrics::Metrics;
use crate::pipeline::{Former, Limits, Parts, Pipeline, Quota, Window};
use crate::told::Told;

/// Durable batches that wait for the rules; when full, intake waits.
const FOLLOW: usize = 64;
/// Setting: assignments changed up to this time are in the log and in the stored rows.
const NOTED: &str = "assignments-noted";
/// Setting: the alert destinations of the service, one a line.
const DESTINATIONS: &str = "alert-destinations";
/// Setting: whether waveforms are kept.
const WAVEFORMS: &str = "waveforms";

/// How to open.
pub(crate) struct Options {
    pub(crate) data_dir: PathBuf,
    pub(crate) site: Option<String>,
    pub(crate) flush_every: Duration,
    pub(crate) query_timeout: Duration,
    pub(crate) ahead: Duration,
    pub(crate) limits: Limits,
    /// Keep waveforms; otherwise they are acknowledged and counted. None leaves it as the service had it.
    pub(crate) waveforms: Option<bool>,
    /// What gateways are watched for; none leaves it as the service had it.
    pub(crate) gateways: Option<GatewayLimits>,
    /// Routes beside the built-in ones, for their mappings.
    pub(crate) routes: Vec<crate::config::Route>,
    /// Text of the rules to put in force; none leaves those in force as they are.
    pub(crate) rules: Option<String>,
    /// The same for the routing; empty: nobody is told by routes.
    pub(crate) routing: Option<String>,
    /// Where alert events go; none leaves it as the service had it, whoever brings the rules up to date.
    pub(crate) destinations: Option<Vec<Destination>>,
}

/// Files in force at the end of the log.
struct InForce {
    /// Version of the rules.
    rules: String,
    /// Text of the routing.
    routing: Option<String>,
}

/// An open data directory.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) pipeline: Pipeline,
    pub(crate) mappings: Arc<Mappings>,
    pub(crate) live: Arc<Live>,
    pub(crate) told: Arc<Told>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) applied: watch::Receiver<u64>,
    /// Wakes the outbox when an alert event was recorded.
    pub(crate) outbox: Arc<Notify>,
    /// Asks the rules.
    pub(crate) asker: Asker,
    pub(crate) copies: Copies,
    /// Cancelled when the log or the rules fail: the process must stop.
    pub(crate) broken: CancellationToken,
    pipeline_task: JoinHandle<()>,
    follower: JoinHandle<anyhow::Result<()>>,
}

impl Core {
    /// Opens, brings the rules up to the end of the log, and starts the pipeline.
    pub(crate) async fn open(options: Options) -> anyhow::Result<Self> {
        let mut config = wardline_store::Config::new(&options.data_dir);
        config.flush_every = options.flush_every;
        config.query_timeout = options.query_timeout;
        config.sabotage = crate::sabotage::names();
        let store = Store::open(config).await?;
        let registry = Arc::new(Registry::open(&wardline_store::registry_path(
            &options.data_dir,
        ))?);
        same_site(&registry, options.site.as_deref())?;
        expose(&store, &registry);
        let mappings = Arc::new(Mappings::open(Arc::clone(&registry), &options.routes)?);
        let live = Arc::new(Live::default());
        live.fill(&store, &registry).await?;
        let told = Arc::new(Told::recall(&registry)?);
        let metrics = Arc::new(Metrics::default());
        let outbox = Arc::new(Notify::new());
        let (applied_tx, applied) = watch::channel(0);
        let broken = CancellationToken::new();

        let checkpoint = registry.load_checkpoint()?;
        let state = checkpoint.as_ref().map(|saved| &*saved.state);
        let known = || Ok(patients(&registry)?.iter().map(attributes).collect());
        let restored = Judgement::restore(state, known, &metrics)?;
        let saved = checkpoint.map_or(0, |saved| saved.position);
        if restored.anew {
            // All that people have set is told to the rules again.
            registry.set_setting(NOTED, "0")?;
        }
        let copies = Copies {
            store: store.clone(),
            registry: Arc::clone(&registry),
            checkpoints: Arc::default(),
        };
        let mut follower = Follower {
            judgement: restored.judgement,
            store: store.clone(),
            registry: Arc::clone(&registry),
            live: Arc::clone(&live),
            told: Arc::clone(&told),
            metrics: Arc::clone(&metrics),
            destinations: destinations(&registry, options.destinations)?.into(),
            outbox: Arc::clone(&outbox),
            applied: applied_tx,
            checkpoints: Arc::clone(&copies.checkpoints),
            saved,
        };
        follower.replay()?;
        store.set_rules_position(saved);
        let Judgement { engine, router } = &follower.judgement;
        let in_force = InForce {
            rules: engine.rule_version().to_owned(),
            routing: router.routing().map(|routing| routing.text().to_owned()),
        };
        let watched = engine.gateway_limits_in_force().clone();

        let (follow, queue) = mpsc::channel(FOLLOW);
        let failed = {
            let broken = broken.clone();
            Arc::new(move |error: &wardline_store::Error| {
                tracing::error!(%error, "the log failed; nothing more is acknowledged");
                broken.cancel();
            })
        };
        let guard = Guard {
            ahead: micros(options.ahead),
            ..Guard::default()
        };
        let parts = Parts {
            store: store.clone(),
            registry: Arc::clone(&registry),
            guard,
            mappings: Arc::clone(&mappings),
            quota: Quota::recall(options.limits, &store, crate::clock::now()).await?,
            waveforms: keeps_waveforms(&registry, options.waveforms)?,
            metrics: Arc::clone(&metrics),
            follow,
            failed,
        };
        let (pipeline, pipeline_task) = Pipeline::start(parts);
        let (asker, questions) = Asker::new();
        let follower = {
            let broken = broken.clone();
            tokio::spawn(async move {
                let ended = follower.run(queue, questions).await;
                if let Err(error) = &ended {
                    tracing::error!(error = format!("{error:#}"), "the rule engine failed");
                    broken.cancel();
                }
                ended
            })
        };
        let core = Self {
            store,
            registry,
            pipeline,
            mappings,
            live,
            told,
            metrics,
            applied,
            outbox,
            asker,
            copies,
            broken,
            pipeline_task,
            follower,
        };
        if let Some(limits) = options.gateways.filter(|limits| *limits != watched) {
            core.pipeline.entry(limits_entry(limits)).await?;
        }
        core.put_in_force(options.rules, options.routing, &in_force)
            .await?;
        core.catch_up().await?;
        Ok(core)
    }

    /// Puts rules and routing in force that are not yet.
    async fn put_in_force(
        &self,
        rules: Option<String>,
        routing: Option<String>,
        known: &InForce,
    ) -> anyhow::Result<()> {
        let at = crate::clock::now();
        if let Some(text) = rules {
            let rules = RuleSet::parse(&text)
                .map_err(|faults| anyhow::anyhow!("{} faults in the rules", faults.len()))?;
            if rules.version() != known.rules {
                self.pipeline.entry(Entry::RuleSet { at, text }).await?;
            }
        }
        if let Some(text) = routing
            && known.routing.as_deref().unwrap_or_default() != text
        {
            self.pipeline.entry(Entry::Routing { at, text }).await?;
        }
        Ok(())
    }

    /// Puts into the log what a crash may have kept out of it.
    async fn catch_up(&self) -> anyhow::Result<()> {
        let noted: i64 = self
            .registry
            .setting(NOTED)?
            .and_then(|at| at.parse().ok())
            .unwrap_or(0);
        for patient in patients(&self.registry)? {
            if patient.updated_at > noted {
                self.pipeline.entry(patient_entry(&patient)).await?;
            }
        }
        for limit in all(|page| self.registry.limits(&LimitFilter::default(), page))? {
            if limit.changed_at() > noted {
                self.pipeline.entry(limit_entry(&limit)).await?;
            }
        }
        for silence in all(|page| self.registry.silences(&SilenceFilter::default(), page))? {
            if silence.changed_at() > noted {
                self.pipeline.entry(silence_entry(&silence)).await?;
            }
        }
        for assignment in all(|page| {
            self.registry
                .list_assignments(&AssignmentFilter::default(), page)
        })? {
            if assignment.changed_at.unwrap_or(assignment.created_at) <= noted {
                continue;
            }
            self.pipeline.entry(assignment_entry(&assignment)).await?;
            let window = Window {
                device: assignment.device,
                from: assignment.from,
                until: None,
                former: assignment.changed_at.map(|_| Former {
                    patient: assignment.patient,
                    device_user: assignment.device_user,
                }),
            };
            self.pipeline.reattribute(window).await?;
        }
        note_assignments(&self.registry)?;
        Ok(())
    }

    /// Drains, commits and checkpoints. What held the pipeline must be gone or idle; what is still under way after
    /// `drain` is given up, and is not acknowledged.
    pub(crate) async fn close(self, drain: Duration) -> anyhow::Result<()> {
        if self.broken.is_cancelled() {
            // Not drained: what waits for a log that failed waits for ever.
            if self.follower.is_finished() {
                self.follower.await??;
            }
            bail!("stopped after a failure; what was acknowledged is in the log");
        }
        let drained = tokio::time::timeout(drain, async {
            self.pipeline.stop().await;
            self.pipeline_task.await?;
            self.follower.await?
        });
        match drained.await {
            Ok(ended) => ended?,
            Err(_) => bail!("not drained within {drain:?}; what was acknowledged is in the log"),
        }
        if self.broken.is_cancelled() {
            bail!("stopped after a failure; what was acknowledged is in the log");
        }
        self.registry.flush_last_used()?;
        self.store.close().await?;
        Ok(())
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A data directory belongs to one site: its ids would mean something else elsewhere.
fn same_site(registry: &Registry, site: Option<&str>) -> anyhow::Result<()> {
    let Some(site) = site else { return Ok(()) };
    match registry.setting(SETTING_SITE)? {
        Some(known) if known != site => {
            bail!("the data directory belongs to site {known:?}, not {site:?}")
        }
        Some(_) => Ok(()),
        None => Ok(registry.set_setting(SETTING_SITE, site)?),
    }
}

/// The service's destinations are remembered: a command that opens the directory after a crash takes the end of
/// the log through the rules, and those alerts are to be delivered too.
fn destinations(
    registry: &Registry,
    given: Option<Vec<Destination>>,
) -> anyhow::Result<Vec<Destination>> {
    if let Some(given) = given {
        let lines: Vec<String> = given.iter().map(crate::deliver::remembered).collect();
        registry.set_setting(DESTINATIONS, &lines.join("\n"))?;
        return Ok(given);
    }
    let lines = registry.setting(DESTINATIONS)?.unwrap_or_default();
    Ok(lines.lines().map(crate::deliver::recalled).collect())
}

/// The service's choice is remembered for a command that replays messages on the directory.
fn keeps_waveforms(registry: &Registry, given: Option<bool>) -> anyhow::Result<bool> {
    if let Some(given) = given {
        registry.set_setting(WAVEFORMS, &given.to_string())?;
        return Ok(given);
    }
    Ok(registry.setting(WAVEFORMS)?.as_deref() == Some("true"))
}

/// Everything changed so far is in the log and in the stored rows.
pub(crate) fn note_assignments(registry: &Registry) -> wardline_store::registry::Result<()> {
    registry.set_setting(NOTED, &crate::clock::now().to_string())
}

/// All entries of a list, page after page.
pub(crate) fn all<T>(
    list: impl Fn(&Page) -> wardline_store::registry::Result<wardline_store::registry::Listed<T>>,
) -> anyhow::Result<Vec<T>> {
    let mut page = Page::first(wardline_store::registry::MAX_PAGE);
    let mut items = Vec::new();
    loop {
        let listed = list(&page)?;
        items.extend(listed.items);
        let Some(next) = listed.next else {
            return Ok(items);
        };
        page.after = Some(next);
    }
}

fn patients(registry: &Registry) -> anyhow::Result<Vec<Patient>> {
    all(|page| registry.patients(&ListFilter::default(), page))
}

/// Lets queries see registry and alerts.
fn expose(store: &Store, registry: &Arc<Registry>) {
    type Batch = fn(&Registry) -> wardline_store::registry::Result<arrow_array::RecordBatch>;
    let tables: [(&'static str, Batch); 5] = [
        ("patient", Registry::patients_batch),
        ("device", Registry::devices_batch),
        ("assignment", Registry::assignments_batch),
        ("rule_limit", Registry::limits_batch),
        ("notification", Registry::notifications_batch),
    ];
    for (name, batch) in tables {
        let registry = Arc::clone(registry);
        store.register(name, move || {
            batch(&registry).map_err(|error| wardline_store::Error::Source {
                what: name,
                detail: error.to_string(),
            })
        });
    }
    store.set_alert_feed(Arc::new(Feed(Arc::clone(registry))));
}

/// The registry's alert events, for the `alert` table.
struct Feed(Arc<Registry>);

impl AlertFeed for Feed {
    /// The registry gives a page at a time; a table that took one for all would leave out the newest alerts.
    fn after(
        &self,
        rowid: i64,
        limit: usize,
    ) -> Result<Vec<StoredAlertEvent>, Box<dyn std::error::Error + Send + Sync>> {
        let mut rows: Vec<StoredAlertEvent> = Vec::new();
        while rows.len() < limit {
            let after = rows.last().map_or(rowid, |row| row.rowid);
            let wanted = u32::try_from(limit - rows.len()).unwrap_or(u32::MAX);
            let events = self.0.events_after(after, wanted)?;
            if events.is_empty() {
                break;
            }
            rows.extend(events);
        }
        Ok(rows)
    }
}
