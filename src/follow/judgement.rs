//! Rules and routing as one function of the log, with one checkpoint.

use std::sync::Arc;

use anyhow::bail;
use wardline_normalize::time::Micros;
use wardline_rules::routing::{self, Outcome, Router, Routing};
use wardline_rules::{AlertEvent, Engine, Input, PatientAttributes};
use wardline_store::Entry;

use super::{entry, quota};
use crate::metrics::Metrics;
use crate::pipeline::Durable;

/// Opens a checkpoint that holds both; one of rules alone begins with `{`.
const BOTH: &[u8] = b"wardline judgement 1\n";

/// The rules in force with their state, and who is told of what they say.
#[derive(Default)]
pub(crate) struct Judgement {
    pub(crate) engine: Engine,
    pub(crate) router: Router,
}

/// What follows from one record of the log.
#[derive(Default)]
pub(crate) struct Followed {
    pub(crate) events: Vec<AlertEvent>,
    pub(crate) outcomes: Vec<Outcome>,
    /// Rules or routing that this version refuses: those before stay in force.
    pub(crate) refused: Option<String>,
    /// A file was put in force.
    pub(crate) renewed: bool,
}

impl Judgement {
    /// Takes the next record.
    pub(crate) fn take(&mut self, durable: &Durable) -> Followed {
        let mut followed = Followed::default();
        match &durable.entry {
            Entry::Routing { at, text } => self.configure(durable.seq, *at, text, &mut followed),
            other => match entry::input(other) {
                Ok(Some(input)) => self.apply(durable.seq, &input, &mut followed),
                Ok(None) => {}
                Err(refused) => followed.refused = Some(format!("the rules: {refused}")),
            },
        }
        quota::events(durable, &mut followed.events);
        let (router, outcomes) = (&mut self.router, &mut followed.outcomes);
        router.take(&followed.events, outcomes);
        router.advance(durable.seq, self.engine.clock(), outcomes);
        followed
    }

    fn apply(&mut self, seq: u64, input: &Input<'_>, followed: &mut Followed) {
        self.engine.apply(seq, input, &mut followed.events);
        match input {
            Input::Patient(attributes) => self.router.patient(attributes),
            Input::RuleSet { .. } => followed.renewed = true,
            _ => {}
        }
    }

    fn configure(&mut self, seq: u64, at: Micros, text: &str, followed: &mut Followed) {
        // The time that it came passes for the rules too.
        self.apply(seq, &Input::Tick { at }, followed);
        if text.is_empty() {
            self.router.release();
            return;
        }
        match Routing::parse(text) {
            Ok(routing) => {
                self.router.configure(at, Arc::new(routing));
                followed.renewed = true;
            }
            Err(faults) => {
                let first = faults.first().map(ToString::to_string).unwrap_or_default();
                followed.refused = Some(format!("the routing: {first}"));
            }
        }
    }

    /// Everything [`Judgement::restore`] needs to go on after the last record.
    pub(crate) fn checkpoint(&self) -> Vec<u8> {
        let (engine, router) = (self.engine.checkpoint(), self.router.checkpoint());
        let mut bytes = Vec::with_capacity(BOTH.len() + 8 + engine.len() + router.len());
        bytes.extend_from_slice(BOTH);
        bytes.extend_from_slice(&(engine.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&engine);
        bytes.extend_from_slice(&router);
        bytes
    }

    /// What the checkpoint holds, or a beginning; `patients` are all that are known. State of rules that this version
    /// refuses cannot be taken over; then they begin anew, for rules that watch nobody are worse, and the alarm stands
    /// until others are in force.
    pub(crate) fn restore(
        saved: Option<&[u8]>,
        patients: impl FnOnce() -> anyhow::Result<Vec<PatientAttributes>>,
        metrics: &Metrics,
    ) -> anyhow::Result<Restored> {
        let Some(state) = saved else {
            return Ok(Restored::default());
        };
        let (rules, routing) = parts(state)?;
        let mut engine = engine(rules, metrics)?;
        let mut router = match routing.map(Router::restore) {
            Some(Ok(router)) => router,
            Some(Err(routing::Error::Version { found, expected })) if found > expected => bail!(
                "the routing state of the last checkpoint has format {found}, this program knows {expected}"
            ),
            other => {
                if let Some(Err(error)) = other {
                    tracing::error!(%error, "the routing begins anew: its state is of no use to this version");
                }
                let mut router = Router::default();
                for patient in patients()? {
                    router.patient(&patient);
                }
                router.seed(engine.iter_mut().flat_map(Engine::asking));
                router
            }
        };
        if engine.is_none() {
            router.begin_anew();
        }
        if let Some(refused) = router.refused() {
            tracing::error!(
                refused,
                "the routing of the last checkpoint is of no use to this version"
            );
            metrics.rules.refuse(format!(
                "the routing in force is of no use to this version ({refused}): nobody is told by routes until another is put in force"
            ));
        }
        Ok(Restored {
            anew: engine.is_none(),
            judgement: Self {
                engine: engine.unwrap_or_default(),
                router,
            },
        })
    }
}

/// What a start goes on with.
#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) judgement: Judgement,
    /// The rules begin anew: they know nothing of what people have set.
    pub(crate) anew: bool,
}

/// The rules as they stood; none when they have to begin anew.
fn engine(state: &[u8], metrics: &Metrics) -> anyhow::Result<Option<Engine>> {
    let refused = match Engine::restore(state) {
        Ok(_) if crate::sabotage::refuses(state) => "asked for".to_owned(),
        Ok(engine) => return Ok(Some(engine)),
        Err(wardline_rules::Error::Version { found, expected }) if found > expected => {
            bail!(
                "the rule state of the last checkpoint has format {found}, this program knows {expected}"
            )
        }
        Err(error) => error.to_string(),
    };
    tracing::error!(
        refused,
        "the rule state of the last checkpoint is of no use to this version; the rules begin anew"
    );
    metrics.rules.refuse(format!(
        "their state could not be taken over ({refused}): episodes begun before the start are not watched to their end"
    ));
    Ok(None)
}

/// The state of the rules and of the routing within a checkpoint.
pub(crate) fn parts(state: &[u8]) -> anyhow::Result<(&[u8], Option<&[u8]>)> {
    let Some(rest) = state.strip_prefix(BOTH) else {
        return Ok((state, None));
    };
    let parted = rest.split_first_chunk::<8>().and_then(|(length, rest)| {
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        rest.split_at_checked(length)
    });
    match parted {
        Some((rules, routing)) => Ok((rules, Some(routing))),
        None => bail!("the state of the last checkpoint ends early"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Judgement, parts};

    #[test]
    fn a_checkpoint_holds_rules_and_routing_and_one_of_rules_alone_is_read() {
        let judgement = Judgement::default();
        let (rules, routing) = (judgement.engine.checkpoint(), judgement.router.checkpoint());
        let both = judgement.checkpoint();
        assert_eq!(parts(&both).unwrap(), (&*rules, Some(&*routing)));
        assert_eq!(parts(&rules).unwrap(), (&*rules, None));
        assert!(parts(&both[..both.len() - routing.len() - 1]).is_err());
    }
}
