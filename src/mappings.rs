//! The mappings of the configured routes: kept by version, renewed when their files change.
//!
//! A row says which version made it, and its Observation is that version's: so each version that was ever in force
//! is kept in the registry before the first row of it is made. A new version with a fault is refused, and the last
//! good one stays in force.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wardline_normalize::hl7v2;
use wardline_normalize::mapping::Compat;
use wardline_normalize::mapping::document::{Document, Fault};
use wardline_normalize::mapping::fhir::FhirMapping;
use wardline_normalize::mapping::route::{Options, RouteMapping, version_of};
use wardline_store::registry::Registry;

use crate::config::{self, Identity};

/// How often the files are looked at. They are small, and reading them works on every file system and for every way
/// of replacing a file.
const LOOK: Duration = Duration::from_millis(500);
/// Setting that keeps a version's documents.
const KEPT: &str = "mapping/";

/// What the files of a route say at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Texts {
    device: String,
    fhir: Option<String>,
}

/// A configured route with its mapping in force.
#[derive(Debug)]
struct Configured {
    settings: config::Mapping,
    current: RwLock<Arc<RouteMapping>>,
    /// What was last read, good or not.
    seen: Mutex<Result<Texts, String>>,
    accepted: AtomicU64,
    refused: AtomicU64,
    /// Faults of what the files say now; 0: it is in force.
    faults: AtomicU64,
}

/// All mappings of a data directory.
#[derive(Debug)]
pub(crate) struct Mappings {
    registry: Arc<Registry>,
    routes: HashMap<String, Configured>,
    raw: Vec<String>,
    /// Of routes of format `hl7v2`.
    monitors: HashMap<String, hl7v2::Profile>,
    versions: RwLock<HashMap<String, Option<Arc<RouteMapping>>>>,
}

/// How a message of a mapped route is taken.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    pub(crate) mapping: Arc<RouteMapping>,
    pub(crate) identity: Identity,
}

impl Mappings {
    /// Compiles the mappings of the configured routes and keeps their versions.
    pub(crate) fn open(registry: Arc<Registry>, routes: &[config::Route]) -> anyhow::Result<Self> {
        let mut mappings = Self {
            registry,
            routes: HashMap::new(),
            raw: Vec::new(),
            monitors: HashMap::new(),
            versions: RwLock::default(),
        };
        for route in routes {
            if route.keep_raw {
                mappings.raw.push(route.name.clone());
            }
            if let Some(profile) = &route.monitors {
                let profile = profile.clone();
                mappings.monitors.insert(route.name.clone(), profile);
            }
            let Some(settings) = &route.mapping else {
                continue;
            };
            let texts =
                read(settings).map_err(|error| anyhow::anyhow!("route {}: {error}", route.name))?;
            let compiled = compile(settings, &texts)
                .map_err(|faults| anyhow::anyhow!("route {}: {}", route.name, faults.join("; ")))?;
            let compiled = Arc::new(compiled);
            mappings.keep(&compiled, &texts)?;
            mappings.routes.insert(
                route.name.clone(),
                Configured {
                    settings: settings.clone(),
                    current: RwLock::new(compiled),
                    seen: Mutex::new(Ok(texts)),
                    accepted: AtomicU64::new(0),
                    refused: AtomicU64::new(0),
                    faults: AtomicU64::new(0),
                },
            );
        }
        Ok(mappings)
    }

    /// The mapping in force on a route; none on a route of another format.
    pub(crate) fn of(&self, route: &str) -> Option<InForce> {
        let route = self.routes.get(route)?;
        Some(InForce {
            mapping: Arc::clone(&read_lock(&route.current)),
            identity: route.settings.identity,
        })
    }

    /// What is known of the monitors of a route of format `hl7v2`.
    pub(crate) fn monitors(&self, route: &str) -> Option<&hl7v2::Profile> {
        self.monitors.get(route)
    }

    /// Whether a route keeps the bytes as the device sent them.
    pub(crate) fn keeps_raw(&self, route: &str) -> bool {
        self.raw.iter().any(|name| name == route)
    }

    /// The FHIR mapping that made a row, by its column `source`.
    pub(crate) fn by_source(&self, source: &str) -> Option<Arc<FhirMapping>> {
        let version = version_of(source)?;
        if let Some(known) = read_lock(&self.versions).get(version) {
            return known.as_ref()?.fhir.clone();
        }
        let kept = self.recall(version);
        let fhir = kept.as_ref().and_then(|mapping| mapping.fhir.clone());
        write_lock(&self.versions).insert(version.to_owned(), kept);
        fhir
    }

    fn recall(&self, version: &str) -> Option<Arc<RouteMapping>> {
        let kept = self
            .registry
            .setting(&format!("{KEPT}{version}"))
            .inspect_err(|error| tracing::error!(%error, version, "a mapping could not be read"))
            .ok()??;
        let kept: Value = serde_json::from_str(&kept).ok()?;
        let options = Options {
            compat: match kept["compat"].as_str() {
                Some("strict") => Compat::Strict,
                _ => Compat::Default,
            },
            enrich: kept["enrich"] == true,
        };
        match RouteMapping::compile(kept["device"].as_str()?, kept["fhir"].as_str(), options) {
            Ok(mapping) => Some(Arc::new(mapping)),
            Err(faults) => {
                let faults = faults.len();
                tracing::error!(version, faults, "a kept mapping does not compile any more");
                None
            }
        }
    }

    /// Before the first row of a version is made.
    fn keep(&self, mapping: &Arc<RouteMapping>, texts: &Texts) -> anyhow::Result<()> {
        let key = format!("{KEPT}{}", mapping.version);
        if self.registry.setting(&key)?.is_none() {
            let compat = match mapping.options.compat {
                Compat::Default => "default",
                Compat::Strict => "strict",
            };
            let kept = json!({
                "device": texts.device, "fhir": texts.fhir, "compat": compat,
                "enrich": mapping.options.enrich,
            });
            self.registry.set_setting(&key, &kept.to_string())?;
        }
        write_lock(&self.versions).insert(mapping.version.clone(), Some(Arc::clone(mapping)));
        Ok(())
    }

    /// Looks at the files until `stop`.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.routes.is_empty() {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            let mappings = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || mappings.look());
            if let Err(error) = looked.await {
                tracing::error!(%error, "looking at the mapping files failed");
            }
        }
    }

    fn look(&self) {
        for (name, route) in &self.routes {
            let now = read(&route.settings);
            let mut seen = route.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == now {
                continue;
            }
            let outcome = match &now {
                Ok(texts) => self.renew(name, route, texts),
                Err(error) => Err(vec![error.clone()]),
            };
            match outcome {
                Ok(()) => route.faults.store(0, Relaxed),
                Err(faults) => {
                    route.refused.fetch_add(1, Relaxed);
                    route.faults.store(faults.len() as u64, Relaxed);
                    for fault in faults {
                        tracing::error!(route = name, fault, "a new mapping is refused");
                    }
                }
            }
            *seen = now;
        }
    }

    fn renew(&self, name: &str, route: &Configured, texts: &Texts) -> Result<(), Vec<String>> {
        let compiled = compile(&route.settings, texts)?;
        let compiled = Arc::new(compiled);
        let before = read_lock(&route.current).version.clone();
        if compiled.version == before {
            return Ok(());
        }
        self.keep(&compiled, texts)
            .map_err(|error| vec![format!("it could not be kept: {error}")])?;
        tracing::info!(
            route = name,
            version = compiled.version,
            before,
            "a new mapping is in force"
        );
        *write_lock(&route.current) = compiled;
        route.accepted.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Prometheus text.
    pub(crate) fn write(&self, out: &mut String) -> std::fmt::Result {
        if self.routes.is_empty() {
            return Ok(());
        }
        let mut routes: Vec<_> = self.routes.iter().collect();
        routes.sort_by_key(|(name, _)| *name);
        let name = "wardline_mapping_reloads_total";
        writeln!(
            out,
            "# HELP {name} Mapping files that changed, by what came of it.\n# TYPE {name} counter"
        )?;
        for (route, one) in &routes {
            for (result, count) in [("accepted", &one.accepted), ("refused", &one.refused)] {
                let count = count.load(Relaxed);
                writeln!(
                    out,
                    "{name}{{route=\"{route}\",result=\"{result}\"}} {count}"
                )?;
            }
        }
        let name = "wardline_mapping_faults";
        writeln!(
            out,
            "# HELP {name} Faults of the mapping files as they are now; 0: they are in force.\n# TYPE {name} gauge"
        )?;
        for (route, one) in &routes {
            let faults = one.faults.load(Relaxed);
            writeln!(out, "{name}{{route=\"{route}\"}} {faults}")?;
        }
        let name = "wardline_mapping_info";
        writeln!(
            out,
            "# HELP {name} The mapping version in force.\n# TYPE {name} gauge"
        )?;
        for (route, one) in &routes {
            let version = read_lock(&one.current).version.clone();
            writeln!(out, "{name}{{route=\"{route}\",version=\"{version}\"}} 1")?;
        }
        Ok(())
    }
}

/// Every fault of a configured route's mapping files, for `config check` and the start.
pub(crate) fn faults(settings: &config::Mapping) -> Result<(), Vec<String>> {
    let texts = read(settings).map_err(|error| vec![error])?;
    compile(settings, &texts).map(|_| ())
}

fn read(settings: &config::Mapping) -> Result<Texts, String> {
    let text = |file: &Path| {
        std::fs::read_to_string(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))
    };
    Ok(Texts {
        device: text(&settings.device)?,
        fhir: settings.fhir.as_deref().map(text).transpose()?,
    })
}

/// The mapping, or its faults with their files.
fn compile(settings: &config::Mapping, texts: &Texts) -> Result<RouteMapping, Vec<String>> {
    let options = Options {
        compat: if settings.strict {
            Compat::Strict
        } else {
            Compat::Default
        },
        enrich: settings.enrich,
    };
    RouteMapping::compile(&texts.device, texts.fhir.as_deref(), options).map_err(|faults| {
        faults
            .iter()
            .map(|fault| located(fault, &settings.device, settings.fhir.as_deref()))
            .collect()
    })
}

/// A fault with the file it is in.
pub(crate) fn located(fault: &Fault, device: &Path, fhir: Option<&Path>) -> String {
    let file = match (fault.document, fhir) {
        (Document::Fhir, Some(file)) => file,
        _ => device,
    };
    format!("{}: {fault}", file.display())
}

fn read_lock<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write_lock<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
