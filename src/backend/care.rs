//! Limits and silences for HTTP: into the registry, then through the log, so that the rules see them in its order.

use std::sync::Arc;

use tokio::task::block_in_place;
use wardline_dashboard::backend as api;
use wardline_dashboard::backend::{
    BackendError, BackendResult, LimitNew, LimitSearch, ListPage, Principal, SilenceNew,
    SilenceSearch,
};
use wardline_normalize::time::Micros;
use wardline_rules::{Class, LimitChange, MAX_SILENCE, RuleSet, Scope};
use wardline_store::registry::{
    AlertFilter, Limit, LimitFilter, LimitScope, Listed, NewLimit, NewSilence, Page, Registry,
    Silence, SilenceFilter,
};

use super::registry::page;
use super::{Adapter, fault};

const DAY: Micros = 86_400_000_000;

fn scope(patient: Option<&String>, ward: Option<&String>) -> Option<LimitScope> {
    let patient = patient.map(|id| LimitScope::Patient(id.clone()));
    patient.or_else(|| ward.map(|id| LimitScope::Ward(id.clone())))
}

fn new_limit(new: LimitNew, by: &Principal) -> BackendResult<NewLimit> {
    let scope = scope(new.patient.as_ref(), new.ward.as_ref());
    Ok(NewLimit {
        scope: scope.ok_or_else(|| BackendError::Invalid("a patient or a ward".to_owned()))?,
        rule: new.rule,
        off: new.off,
        above: new.above,
        below: new.below,
        clear_above: new.clear_above,
        clear_below: new.clear_below,
        unit: new.unit,
        from: new.from,
        until: new.until,
        author: by.name.clone(),
        reason: new.reason,
    })
}

/// The same in the words of the rules, to be judged by them.
fn proposed(new: &NewLimit, now: Micros) -> LimitChange {
    LimitChange {
        id: String::new(),
        scope: match &new.scope {
            LimitScope::Ward(id) => Scope::Ward(id.clone()),
            LimitScope::Patient(id) => Scope::Patient(id.clone()),
        },
        rule: new.rule.clone(),
        off: new.off,
        above: new.above,
        below: new.below,
        clear_above: new.clear_above,
        clear_below: new.clear_below,
        unit: new.unit.clone(),
        from: new.from,
        until: new.until,
        author: new.author.clone(),
        reviewed: None,
        ended: false,
        at: now,
    }
}

/// Alerts of the limit's rule for its patient since a time.
fn alerts_since(registry: &Registry, limit: &Limit, from: Micros) -> BackendResult<Option<u64>> {
    let LimitScope::Patient(patient) = &limit.set.scope else {
        return Ok(None);
    };
    let filter = AlertFilter {
        patients: vec![patient.clone()],
        rule: Some(limit.set.rule.clone()),
        from: Some(from),
        ..AlertFilter::default()
    };
    let first = Page::first(wardline_store::registry::MAX_PAGE);
    let found = registry.alerts(&filter, &first).map_err(fault)?;
    Ok(Some(found.items.len() as u64))
}

/// A limit as it stands. A review is due when the rules remind of it: nobody has looked at it for long, its rule
/// alarms often in spite of it, or it fits its rule no longer.
fn limit_view(
    registry: &Registry,
    limit: Limit,
    rules: &RuleSet,
    now: Micros,
) -> BackendResult<api::Limit> {
    let in_force = limit.set.from <= now && limit.over().is_none_or(|over| now < over);
    let (asked, yesterday) = (rules.limit_review(), now - DAY);
    let looked_at = limit.reviewed_at.unwrap_or(limit.created_at);
    let alerts = alerts_since(registry, &limit, yesterday)?;
    let unseen = alerts_since(registry, &limit, yesterday.max(looked_at))?;
    let often = unseen.is_some_and(|alerts| alerts > u64::from(asked.alerts));
    let long_ago = now - looked_at >= asked.after;
    let unfit = rules.check_limit(&proposed(&limit.set, now)).is_err();
    let (patient, ward) = match &limit.set.scope {
        LimitScope::Patient(id) => (Some(id.clone()), None),
        LimitScope::Ward(id) => (None, Some(id.clone())),
    };
    let ward_empty = match &ward {
        Some(ward) => !registry.has_ward(ward).map_err(fault)?,
        None => false,
    };
    let until = limit.over();
    let set = limit.set;
    Ok(api::Limit {
        id: limit.id,
        data: LimitNew {
            patient,
            ward,
            rule: set.rule,
            off: set.off,
            above: set.above,
            below: set.below,
            clear_above: set.clear_above,
            clear_below: set.clear_below,
            unit: set.unit,
            from: set.from,
            until,
            reason: set.reason,
        },
        by: set.author,
        created: limit.created_at,
        reviewed: limit.reviewed_at,
        reviewed_by: limit.reviewed_by,
        ended_by: limit.ended_by,
        in_force,
        ward_empty,
        alerts_last_day: alerts,
        review_due: in_force && (often || long_ago || unfit),
    })
}

/// Rules whose alerts a silence could fit and for which it does not hold as long as it lasts.
fn shorter(set: &NewSilence, rules: &RuleSet) -> Vec<api::Shorter> {
    let length = set.until - set.from;
    let of = |class: Class| {
        let class = class.as_str();
        set.class.as_deref().is_none_or(|wanted| wanted == class)
    };
    let rules = rules.rules().iter();
    let fitting = rules
        .filter(|rule| of(rule.class) && set.rule.as_ref().is_none_or(|wanted| *wanted == rule.id));
    let longest = fitting.map(|rule| (rule.id.clone(), rule.max_silence));
    let monitors = set
        .rule
        .as_deref()
        .is_none_or(|rule| rule.starts_with("monitor:"));
    let monitors = monitors.then(|| ("monitor:*".to_owned(), MAX_SILENCE));
    longest
        .chain(monitors)
        .filter(|(_, longest)| *longest < length)
        .map(|(rule, longest)| api::Shorter {
            rule,
            until: (longest > 0).then(|| set.from + longest),
        })
        .collect()
}

fn silence_view(silence: Silence, rules: &RuleSet, now: Micros) -> api::Silence {
    let shorter = shorter(&silence.set, rules);
    let until = silence.over();
    let set = silence.set;
    api::Silence {
        id: silence.id,
        by: set.author,
        from: set.from,
        ended_by: silence.ended_by,
        in_force: set.from <= now && now < until,
        shorter,
        data: SilenceNew {
            patient: set.patient,
            rule: set.rule,
            device: set.device,
            ward: set.ward,
            class: set.class,
            until,
            reason: set.reason,
        },
    }
}

/// What of a page fits; a page may come out shorter than it was asked for.
fn fitting<T, U>(
    found: Listed<T>,
    view: impl Fn(T) -> BackendResult<U>,
    fits: impl Fn(&U) -> bool,
) -> BackendResult<ListPage<U>> {
    let mut items = Vec::with_capacity(found.items.len());
    for one in found.items {
        let one = view(one)?;
        if fits(&one) {
            items.push(one);
        }
    }
    Ok(ListPage {
        items,
        next: found.next,
    })
}

impl Adapter {
    async fn rules(&self) -> BackendResult<Arc<RuleSet>> {
        self.asker.rules().await.ok_or_else(super::stopped)
    }

    pub(super) async fn list_limits(
        &self,
        search: &LimitSearch,
    ) -> BackendResult<ListPage<api::Limit>> {
        let (now, rules) = (crate::clock::now(), self.rules().await?);
        let current = search.in_force == Some(true) || search.review_due == Some(true);
        let filter = LimitFilter {
            scope: scope(search.patient.as_ref(), search.ward.as_ref()),
            rule: search.rule.clone(),
            at: current.then_some(now),
        };
        block_in_place(|| {
            let page = page(search.after.as_ref(), search.limit);
            fitting(
                self.registry.limits(&filter, &page).map_err(fault)?,
                |limit| limit_view(&self.registry, limit, &rules, now),
                |limit| {
                    search
                        .in_force
                        .is_none_or(|wanted| wanted == limit.in_force)
                        && search
                            .review_due
                            .is_none_or(|wanted| wanted == limit.review_due)
                },
            )
        })
    }

    pub(super) async fn new_limit(
        &self,
        new: LimitNew,
        by: &Principal,
    ) -> BackendResult<api::Limit> {
        let (now, rules) = (crate::clock::now(), self.rules().await?);
        let new = new_limit(new, by)?;
        rules
            .check_limit(&proposed(&new, now))
            .map_err(BackendError::Invalid)?;
        self.limit_changed(|| self.registry.set_limit(&new, now))
            .await
    }

    /// Makes a change of a limit, tells the log, and gives the limit as it stands.
    pub(super) async fn limit_changed(
        &self,
        make: impl FnOnce() -> wardline_store::registry::Result<Limit>,
    ) -> BackendResult<api::Limit> {
        let made = self
            .change(|| {
                let made = make().map_err(fault)?;
                let entry = crate::core::limit_entry(&made);
                Ok((made, entry, None))
            })
            .await?;
        let rules = self.rules().await?;
        limit_view(&self.registry, made, &rules, crate::clock::now())
    }

    pub(super) async fn list_silences(
        &self,
        search: &SilenceSearch,
    ) -> BackendResult<ListPage<api::Silence>> {
        let (now, rules) = (crate::clock::now(), self.rules().await?);
        let filter = SilenceFilter {
            patient: search.patient.clone(),
            rule: search.rule.clone(),
            at: (search.in_force == Some(true)).then_some(now),
            ..SilenceFilter::default()
        };
        let found = self
            .registry
            .silences(&filter, &page(search.after.as_ref(), search.limit))
            .map_err(fault)?;
        fitting(
            found,
            |silence| Ok(silence_view(silence, &rules, now)),
            |silence| {
                search
                    .in_force
                    .is_none_or(|wanted| wanted == silence.in_force)
            },
        )
    }

    pub(super) async fn new_silence(
        &self,
        new: SilenceNew,
        by: &Principal,
    ) -> BackendResult<api::Silence> {
        let now = crate::clock::now();
        self.known_to_be_silenced(&new).await?;
        let new = NewSilence {
            patient: new.patient,
            rule: new.rule,
            device: new.device,
            ward: new.ward,
            class: new.class,
            from: now,
            until: new.until,
            author: by.name.clone(),
            reason: new.reason,
        };
        self.silence_changed(|| self.registry.add_silence(&new, now))
            .await
    }

    /// Refuses matchers that name what is not there: their author would believe it silenced.
    async fn known_to_be_silenced(&self, new: &SilenceNew) -> BackendResult<()> {
        let missing = |what: &str, id: &str| {
            Err(BackendError::Invalid(format!(
                "there is no {what} {id:?}, so this would silence nothing"
            )))
        };
        if let Some(rule) = &new.rule {
            let rules = self.rules().await?;
            let own = rules.rules().iter().any(|known| known.id == *rule);
            // Alerts that no rules file names.
            if !own && !rule.contains(':') {
                return missing("rule", rule);
            }
        }
        if let Some(id) = &new.patient
            && self.registry.patient(id).map_err(fault)?.is_none()
        {
            return missing("patient", id);
        }
        if let Some(id) = &new.device
            && self.registry.device(id).map_err(fault)?.is_none()
        {
            return missing("device", id);
        }
        if let Some(id) = &new.ward
            && !self.registry.has_ward(id).map_err(fault)?
        {
            return missing("patient on ward", id);
        }
        Ok(())
    }

    /// Makes a change of a silence, tells the log, and gives the silence as it stands.
    pub(super) async fn silence_changed(
        &self,
        make: impl FnOnce() -> wardline_store::registry::Result<Silence>,
    ) -> BackendResult<api::Silence> {
        let made = self
            .change(|| {
                let made = make().map_err(fault)?;
                let entry = crate::core::silence_entry(&made);
                Ok((made, entry, None))
            })
            .await?;
        let rules = self.rules().await?;
        Ok(silence_view(made, &rules, crate::clock::now()))
    }
}
