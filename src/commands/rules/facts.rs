//! What a replay is told beside the rows: patients, assignments, limits, silences and acknowledgements, of a registry or a
//! server.
//!
//! Patients and assignments hold from the start, as they stand now; a patient's last change of wards is told when it
//! was, earlier ones are not known any more. Limits and silences are told when they were set by
//! the log clock, so that what was judged before is not judged otherwise; one that was ended is told with its true end.
//! Alerts are acknowledged when they were; an alert that other rules do not raise at the same onset is nobody's.

use std::collections::VecDeque;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wardline_normalize::time::{Micros, parse_rfc3339};
use wardline_rules::{
    Action, ActionKind, Assignment, Class, Input, LimitChange, PatientAttributes, Scope, Silence,
};
use wardline_store::Entry;
use wardline_store::registry::{
    AlertFilter, AssignmentFilter, LimitFilter, ListFilter, Page, Registry, SilenceFilter,
};

use crate::client::Client;
use crate::follow::people;

/// Entries of a server's list taken at most.
const MOST: usize = 1_000_000;

/// See the module.
#[derive(Default)]
pub(super) struct Facts {
    /// Told before the first row.
    pub(super) standing: Vec<Input<'static>>,
    /// Told at their log time, in order.
    pub(super) timeline: VecDeque<(Micros, Input<'static>)>,
}

impl Facts {
    /// As a registry has them.
    pub(super) fn of_registry(file: &Path) -> anyhow::Result<Self> {
        if !file.try_exists()? {
            bail!("{} does not exist", file.display());
        }
        let registry = Registry::open(file)?;
        let mut facts = Self::default();
        for patient in
            crate::core::all(|page: &Page| registry.patients(&ListFilter::default(), page))?
        {
            let known = PatientAttributes {
                id: patient.id,
                birth_date: patient.fields.birth_date,
                tags: Some(patient.fields.tags),
                ward: patient.fields.ward,
                care_team: patient.fields.care_team,
                at: 0,
            };
            facts.patient(known, patient.ward_since, patient.ward_before);
        }
        let filter = AssignmentFilter::default();
        for assignment in crate::core::all(|page: &Page| registry.list_assignments(&filter, page))?
        {
            facts.standing.push(Input::Assignment(Assignment {
                device: assignment.device,
                device_user: assignment.device_user,
                patient: assignment.patient,
                from: assignment.from,
                until: assignment.until,
                at: 0,
            }));
        }
        for limit in crate::core::all(|page: &Page| registry.limits(&LimitFilter::default(), page))?
        {
            let Entry::Limit(entry) = crate::core::limit_entry(&limit) else {
                continue;
            };
            facts.limit(people::limit(&entry), limit.created_at);
        }
        let filter = SilenceFilter::default();
        for silence in crate::core::all(|page: &Page| registry.silences(&filter, page))? {
            let Entry::Silence(entry) = crate::core::silence_entry(&silence) else {
                continue;
            };
            if let Some(told) = people::silence(&entry) {
                facts.silence(told, silence.created_at);
            }
        }
        let filter = AlertFilter {
            acknowledged: Some(true),
            ..AlertFilter::default()
        };
        for alert in crate::core::all(|page: &Page| registry.alerts(&filter, page))? {
            let latest = alert.latest;
            if let (Some(by), Some(at)) = (latest.acknowledged_by, latest.acknowledged_at) {
                facts.acknowledged(latest.alert_id, by, at);
            }
        }
        Ok(facts.in_order())
    }

    /// As a server, or a data directory, shows them.
    pub(super) async fn of_server(client: &Client) -> anyhow::Result<Self> {
        let mut facts = Self::default();
        for patient in list::<PatientOut>(client, "/api/v1/patients").await? {
            let since = patient.ward_since.as_deref().map(instant).transpose()?;
            let known = PatientAttributes {
                id: patient.id,
                birth_date: patient.birth_date,
                tags: Some(patient.tags),
                ward: patient.ward,
                care_team: patient.care_team,
                at: 0,
            };
            facts.patient(known, since, patient.ward_before);
        }
        for assignment in list::<AssignmentOut>(client, "/api/v1/assignments").await? {
            if !assignment.cancelled {
                facts.standing.push(Input::Assignment(Assignment {
                    device: assignment.device,
                    device_user: assignment.device_user,
                    patient: assignment.patient,
                    from: instant(&assignment.from)?,
                    until: assignment.until.as_deref().map(instant).transpose()?,
                    at: 0,
                }));
            }
        }
        for limit in list::<LimitOut>(client, "/api/v1/limits").await? {
            let created = instant(&limit.created)?;
            facts.limit(limit.told()?, created);
        }
        for silence in list::<SilenceOut>(client, "/api/v1/silences").await? {
            let told = silence.told()?;
            let from = told.from;
            facts.silence(told, from);
        }
        for alert in list::<AlertOut>(client, "/api/v1/alerts?acknowledged=true").await? {
            let at = instant(&alert.acknowledged_at)?;
            facts.acknowledged(alert.alert_id, alert.acknowledged_by, at);
        }
        Ok(facts.in_order())
    }

    /// As the patient stands now, but in the ward before until the last change of wards.
    fn patient(&mut self, now: PatientAttributes, since: Option<Micros>, before: Option<String>) {
        let Some(since) = since else {
            self.standing.push(Input::Patient(now));
            return;
        };
        self.standing.push(Input::Patient(PatientAttributes {
            ward: before,
            ..now.clone()
        }));
        let moved = PatientAttributes { at: since, ..now };
        self.timeline.push_back((since, Input::Patient(moved)));
    }

    /// When it was set, and again when it was reviewed. With its end in `until` it needs no later word.
    fn limit(&mut self, limit: LimitChange, created: Micros) {
        let set = LimitChange {
            reviewed: None,
            ended: false,
            at: created,
            ..limit
        };
        if let Some(reviewed) = limit.reviewed {
            let again = LimitChange {
                reviewed: Some(reviewed),
                at: reviewed,
                ..set.clone()
            };
            self.timeline.push_back((reviewed, Input::Limit(again)));
        }
        self.timeline.push_back((created, Input::Limit(set)));
    }

    fn silence(&mut self, silence: Silence, created: Micros) {
        let set = Silence {
            ended: false,
            at: created,
            ..silence
        };
        self.timeline.push_back((created, Input::Silence(set)));
    }

    fn acknowledged(&mut self, alert_id: String, by: String, at: Micros) {
        let action = Action {
            alert_id,
            kind: ActionKind::Acknowledge,
            by,
            at,
            note: None,
        };
        self.timeline.push_back((at, Input::Action(action)));
    }

    fn in_order(mut self) -> Self {
        let id = |input: &Input<'_>| match input {
            Input::Limit(limit) => (0, limit.id.clone()),
            Input::Silence(silence) => (1, silence.id.clone()),
            Input::Patient(patient) => (2, patient.id.clone()),
            Input::Action(action) => (3, action.alert_id.clone()),
            _ => (4, String::new()),
        };
        self.timeline
            .make_contiguous()
            .sort_by_cached_key(|(at, input)| (*at, id(input)));
        self
    }
}

async fn list<T: DeserializeOwned>(client: &Client, path: &str) -> anyhow::Result<Vec<T>> {
    let items = client.list(path, MOST).await?;
    items
        .into_iter()
        .map(|item| serde_json::from_value(item).with_context(|| format!("an entry of {path}")))
        .collect()
}

fn instant(text: &str) -> anyhow::Result<Micros> {
    parse_rfc3339(text).with_context(|| format!("{text:?} is not a time"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PatientOut {
    id: String,
    birth_date: Option<String>,
    tags: Vec<String>,
    ward: Option<String>,
    care_team: Option<String>,
    ward_since: Option<String>,
    ward_before: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssignmentOut {
    device: String,
    device_user: Option<String>,
    patient: String,
    from: String,
    until: Option<String>,
    cancelled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LimitOut {
    id: String,
    patient: Option<String>,
    ward: Option<String>,
    rule: String,
    off: bool,
    above: Option<f64>,
    below: Option<f64>,
    clear_above: Option<f64>,
    clear_below: Option<f64>,
    unit: Option<String>,
    from: String,
    /// The true end, also of one that was ended early.
    until: Option<String>,
    by: String,
    created: String,
    reviewed: Option<String>,
}

impl LimitOut {
    fn told(self) -> anyhow::Result<LimitChange> {
        let scope = match (self.patient, self.ward) {
            (Some(id), None) => Scope::Patient(id),
            (None, Some(id)) => Scope::Ward(id),
            _ => bail!("limit {} is neither of a patient nor of a ward", self.id),
        };
        Ok(LimitChange {
            id: self.id,
            scope,
            rule: self.rule,
            off: self.off,
            above: self.above,
            below: self.below,
            clear_above: self.clear_above,
            clear_below: self.clear_below,
            unit: self.unit,
            from: instant(&self.from)?,
            until: self.until.as_deref().map(instant).transpose()?,
            author: self.by,
            reviewed: self.reviewed.as_deref().map(instant).transpose()?,
            ended: false,
            at: instant(&self.created)?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SilenceOut {
    id: String,
    patient: Option<String>,
    rule: Option<String>,
    device: Option<String>,
    ward: Option<String>,
    class: Option<String>,
    from: String,
    /// The true end, also of one that was ended early.
    until: String,
    by: String,
}

impl SilenceOut {
    fn told(self) -> anyhow::Result<Silence> {
        let class = self.class.as_deref().map(|word| {
            Class::from_word(word).with_context(|| format!("silence {}: class {word:?}", self.id))
        });
        Ok(Silence {
            class: class.transpose()?,
            id: self.id,
            patient: self.patient,
            rule: self.rule,
            device: self.device,
            ward: self.ward,
            from: instant(&self.from)?,
            until: instant(&self.until)?,
            author: self.by,
            ended: false,
            at: instant(&self.from)?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlertOut {
    alert_id: String,
    acknowledged_by: String,
    acknowledged_at: String,
}
