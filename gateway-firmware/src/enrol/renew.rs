//! Renewal, beside everything else that `run` does: its failure is told, and stops nothing.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wardline_normalize::time::Micros;

use super::api::{Api, Trust};
use super::identity::{Files, Identity};
use crate::clock;
use crate::config::Config;
use crate::run::context::Metrics;

/// How often the files and the clock are looked at: both may change without a word.
const LOOK: Duration = Duration::from_secs(60);
/// First wait after a failure, and the longest; both are shorter for a certificate that does not live long.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(6 * 3_600);
const SHORTEST: Duration = Duration::from_millis(100);

/// What the health message says of the certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Health {
    /// When it ends; none where there is none.
    pub(crate) expires: Option<Micros>,
    /// Why it could not be renewed when that was last tried.
    pub(crate) error: Option<String>,
}

/// Renewals of one gateway; clones share what is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Renewals(Arc<Mutex<Health>>);

#[derive(Debug, Clone)]
struct Counts {
    expires: Gauge,
    renewed: Counter<u64, AtomicU64>,
    failed: Counter<u64, AtomicU64>,
}

impl Counts {
    fn register(registry: &mut Registry) -> Self {
        let counts = Self {
            expires: Gauge::default(),
            renewed: Counter::default(),
            failed: Counter::default(),
        };
        registry.register_with_unit(
            "wardline_gateway_certificate_expires",
            "End of the certificate, since 1970; 0 without one",
            Unit::Seconds,
            counts.expires.clone(),
        );
        registry.register(
            "wardline_gateway_certificate_renewals",
            "Renewals of the certificate",
            counts.renewed.clone(),
        );
        registry.register(
            "wardline_gateway_certificate_renewal_failures",
            "Attempts at a renewal that failed",
            counts.failed.clone(),
        );
        counts
    }
}

impl Renewals {
    /// The state of the certificate.
    pub(crate) fn health(&self) -> Health {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn tell(&self, change: impl FnOnce(&mut Health)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Renews whenever it is due, until `stop`.
    pub(crate) async fn run(
        self,
        config: watch::Receiver<Arc<Config>>,
        metrics: Metrics,
        stop: CancellationToken,
    ) {
        let counts = metrics.group(Counts::register);
        let mut failures = 0;
        loop {
            let current = Arc::clone(&config.borrow());
            let once = self.once(&current, &counts, &mut failures);
            let Some(wait) = stop.run_until_cancelled(once).await else {
                return;
            };
            if stop
                .run_until_cancelled(tokio::time::sleep(wait))
                .await
                .is_none()
            {
                return;
            }
        }
    }

    /// Renews if it is due; how long to wait then.
    async fn once(&self, config: &Config, counts: &Counts, failures: &mut u32) -> Duration {
        let files = Files::new(&config.data_dir);
        let identity = match read(&files).await {
            Ok(Some(identity)) => identity,
            Ok(None) => {
                self.tell(|health| *health = Health::default());
                counts.expires.set(0);
                return LOOK;
            }
            Err(error) => {
                self.tell(|health| health.error = Some(error));
                return LOOK;
            }
        };
        self.tell(|health| health.expires = Some(identity.until));
        counts.expires.set(identity.until / 1_000_000);
        let due = identity.due() - clock::now();
        if due > 0 {
            return duration(due).min(LOOK);
        }
        match renew(config, &files, &identity).await {
            Ok(until) => {
                *failures = 0;
                counts.renewed.inc();
                counts.expires.set(until / 1_000_000);
                self.tell(|health| {
                    *health = Health {
                        expires: Some(until),
                        error: None,
                    };
                });
                tracing::info!("the certificate was renewed");
                Duration::ZERO
            }
            Err(error) => {
                counts.failed.inc();
                tracing::warn!(error, "the certificate could not be renewed");
                self.tell(|health| health.error = Some(error));
                *failures += 1;
                backoff(&identity, *failures, clock::now())
            }
        }
    }
}

/// Doubles from a hundredth of the certificate's life, a minute at most, up to an eighth of what is left of it.
fn backoff(identity: &Identity, failures: u32, now: Micros) -> Duration {
    let life = duration(identity.until - identity.from);
    let first = (life / 100).clamp(SHORTEST, FIRST);
    let left = duration(identity.until - now) / 8;
    let longest = left.clamp(first, LONGEST);
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(20));
    // A fifth of chance, so that a thousand gateways do not come at once after an outage.
    doubled.min(longest).mul_f64(rand::random_range(0.8..=1.0))
}

fn duration(micros: Micros) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

async fn read(files: &Files) -> Result<Option<Identity>, String> {
    let files = files.clone();
    tokio::task::spawn_blocking(move || files.read())
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

/// One attempt; when the new certificate ends.
async fn renew(config: &Config, files: &Files, present: &Identity) -> Result<Micros, String> {
    let text = |error: super::identity::Error| error.to_string();
    let enrolment = files
        .enrolment()
        .map_err(text)?
        .ok_or("nothing says where the gateway was enrolled: enrol it anew")?;
    let mut anchors = enrolment.anchors.unwrap_or_default();
    for file in [config.enrol.ca.clone(), files.trust()]
        .into_iter()
        .flatten()
    {
        let more = std::fs::read_to_string(&file);
        anchors.push('\n');
        anchors += &more.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let trust = if anchors.trim().is_empty() {
        Trust::System
    } else {
        Trust::Anchors(anchors)
    };
    let server = config.enrol.server.as_ref().unwrap_or(&enrolment.server);
    let api = Api::new(server, &trust).map_err(|error| error.to_string())?;
    let (enrolled, identity) = api
        .renew(present)
        .await
        .map_err(|error| error.to_string())?;
    let until = identity.until;
    let files = files.clone();
    tokio::task::spawn_blocking(move || files.renew(enrolled.trust.as_deref(), &identity))
        .await
        .map_err(|error| error.to_string())?
        .map_err(text)?;
    Ok(until)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn identity(life: Duration) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["g1".to_owned()]).unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        let until = clock::micros(life);
        Identity {
            from: 0,
            until,
            ..Identity::new(key, &chain).unwrap()
        }
    }

    #[test]
    fn waits_grow_and_leave_time_for_several_more_attempts() {
        let days = Duration::from_secs(90 * 86_400);
        let ninety = identity(days);
        let at = ninety.due();
        let first = backoff(&ninety, 1, at);
        assert!(first <= FIRST && first >= FIRST.mul_f64(0.79), "{first:?}");
        for failures in 2..40 {
            assert!(backoff(&ninety, failures, at) <= LONGEST);
        }
        assert!(backoff(&ninety, 30, at) > LONGEST / 2);
        let last = ninety.until - 80_000_000;
        assert!(
            backoff(&ninety, 30, last) <= FIRST,
            "near the end again and again"
        );
        let short = identity(Duration::from_secs(6));
        assert!(backoff(&short, 1, short.due()) <= SHORTEST);
        assert!(
            backoff(&short, 30, short.until + 1) <= SHORTEST,
            "and beyond it"
        );
    }
}
