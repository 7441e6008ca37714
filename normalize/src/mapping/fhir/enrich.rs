//! What `enrich = true` adds: never more than code and unit of the mapping prove.

use super::plan::{ComponentPlan, Kind, ValuePlan};
use crate::fhir::{CATEGORY, UCUM};
use crate::mapping::document::fhir::{CodeValueFhir, Coding};
use crate::mapping::rows::loinc;
use crate::units;
use crate::vocabulary::{self, Category, Metric, Profile};

const SYSTOLIC: &str = "8480-6";
const DIASTOLIC: &str = "8462-4";
const PRESSURE_PANEL: &str = "85354-9";

/// A profile, and the places whose values an Observation must hold to conform to it.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) profile: &'static str,
    pub(super) needs: Vec<usize>,
}

pub(super) fn vital_signs() -> Coding {
    Coding {
        code: Some("vital-signs".to_owned()),
        system: Some(CATEGORY.to_owned()),
        display: None,
    }
}

fn metrics(codes: &[Coding]) -> &'static [&'static Metric] {
    loinc(codes).map_or(&[], vocabulary::by_loinc)
}

/// Whether the template's own code, or that of the blood pressure panel, is a vital sign, and no category says so yet.
pub(super) fn is_vital_sign(template: &CodeValueFhir) -> bool {
    let known = loinc(&template.codes) == Some(PRESSURE_PANEL)
        || metrics(&template.codes)
            .first()
            .is_some_and(|metric| metric.category == Category::VitalSigns);
    let stated = template
        .category
        .iter()
        .flat_map(|concept| &concept.codes)
        .any(|coding| {
            coding.system.as_deref() == Some(CATEGORY)
                && coding.code.as_deref() == Some("vital-signs")
        });
    known && !stated
}

/// The UCUM code of a unit, for a Quantity of a known metric that has neither system nor code of another kind.
pub(super) fn unit(
    codes: &[Coding],
    unit: Option<&str>,
    system: &mut Option<String>,
    code: &mut Option<String>,
) {
    if metrics(codes).is_empty() || system.as_deref().is_some_and(|system| system != UCUM) {
        return;
    }
    let Some(text) = code.as_deref().or(unit) else {
        return;
    };
    if let units::Unit::Ucum(ucum) = units::canonical(text) {
        *system = Some(UCUM.to_owned());
        *code = Some(ucum.to_owned());
    }
}

/// The code a profile demands (FHIR R4, the vital-signs profiles).
const fn demanded(profile: Profile) -> &'static str {
    match profile {
        Profile::HeartRate => "8867-4",
        Profile::RespiratoryRate => "9279-1",
        Profile::OxygenSaturation => "2708-6",
        Profile::BodyTemperature => "8310-5",
        Profile::BodyWeight => "29463-7",
        Profile::BodyHeight => "8302-2",
        Profile::HeadCircumference => "9843-4",
        Profile::BodyMassIndex => "39156-5",
        Profile::BloodPressure => PRESSURE_PANEL,
    }
}

pub(super) fn claim(
    template: &CodeValueFhir,
    value: Option<&ValuePlan>,
    components: &[ComponentPlan],
) -> Option<Claim> {
    if loinc(&template.codes) == Some(PRESSURE_PANEL) {
        if value.is_some() {
            return None;
        }
        let place = |code: &str| {
            template
                .components
                .iter()
                .zip(components)
                .find(|(component, _)| loinc(&component.codes) == Some(code))
                .filter(|(_, plan)| conforms(&plan.value, Profile::BloodPressure))
                .map(|(_, plan)| plan.value.name)
        };
        return Some(Claim {
            profile: Profile::BloodPressure.url(),
            needs: vec![place(SYSTOLIC)?, place(DIASTOLIC)?],
        });
    }
    let profile = metrics(&template.codes).first()?.profile?;
    if profile == Profile::BloodPressure
        || loinc(&template.codes) != Some(demanded(profile))
        || !components.is_empty()
    {
        return None;
    }
    let value = value.filter(|value| conforms(value, profile))?;
    Some(Claim {
        profile: profile.url(),
        needs: vec![value.name],
    })
}

/// A Quantity in a unit that the profile allows, with the name for people that every vital sign has.
fn conforms(value: &ValuePlan, profile: Profile) -> bool {
    matches!(
        &value.kind,
        Kind::Quantity { unit: Some(_), system: Some(system), code: Some(code) }
            if system == UCUM && profile.units().contains(&code.as_str())
    )
}
