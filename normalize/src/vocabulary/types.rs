//! Row types of the vocabulary, with constant builders so that the table reads as a table.

use crate::units;

/// A vital-signs profile of FHIR R4 (4.0.1), by the code that requires it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    HeartRate,
    RespiratoryRate,
    OxygenSaturation,
    BodyTemperature,
    BodyWeight,
    BodyHeight,
    HeadCircumference,
    BodyMassIndex,
    /// A component of the blood pressure panel.
    BloodPressure,
}

impl Profile {
    /// Canonical URL of the profile.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::HeartRate => "http://hl7.org/fhir/StructureDefinition/heartrate",
            Self::RespiratoryRate => "http://hl7.org/fhir/StructureDefinition/resprate",
            Self::OxygenSaturation => "http://hl7.org/fhir/StructureDefinition/oxygensat",
            Self::BodyTemperature => "http://hl7.org/fhir/StructureDefinition/bodytemp",
            Self::BodyWeight => "http://hl7.org/fhir/StructureDefinition/bodyweight",
            Self::BodyHeight => "http://hl7.org/fhir/StructureDefinition/bodyheight",
            Self::HeadCircumference => "http://hl7.org/fhir/StructureDefinition/headcircum",
            Self::BodyMassIndex => "http://hl7.org/fhir/StructureDefinition/bmi",
            Self::BloodPressure => "http://hl7.org/fhir/StructureDefinition/bp",
        }
    }

    /// What the profile is about, for people.
    #[must_use]
    pub const fn display(self) -> &'static str {
        match self {
            Self::HeartRate => "Heart rate",
            Self::RespiratoryRate => "Respiratory rate",
            Self::OxygenSaturation => "Oxygen saturation",
            Self::BodyTemperature => "Body temperature",
            Self::BodyWeight => "Body weight",
            Self::BodyHeight => "Body height",
            Self::HeadCircumference => "Head circumference",
            Self::BodyMassIndex => "Body mass index",
            Self::BloodPressure => "Blood pressure",
        }
    }

    /// The UCUM codes the profile allows; the first is what other units are converted to.
    #[must_use]
    pub const fn units(self) -> &'static [&'static str] {
        match self {
            Self::HeartRate | Self::RespiratoryRate => &["/min"],
            Self::OxygenSaturation => &["%"],
            Self::BodyTemperature => &["Cel", "[degF]"],
            Self::BodyWeight => &["kg", "g", "[lb_av]"],
            Self::BodyHeight | Self::HeadCircumference => &["cm", "[in_i]"],
            Self::BodyMassIndex => &["kg/m2"],
            Self::BloodPressure => &["mm[Hg]"],
        }
    }
}

/// FHIR observation-category of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    VitalSigns,
    Laboratory,
    Exam,
    Survey,
    Therapy,
    Activity,
    Procedure,
    /// About the device, not the patient: battery, signal. FHIR has no category for it.
    Technical,
}

impl Category {
    /// Code in `http://terminology.hl7.org/CodeSystem/observation-category`, if it has one.
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::VitalSigns => Some("vital-signs"),
            Self::Laboratory => Some("laboratory"),
            Self::Exam => Some("exam"),
            Self::Survey => Some("survey"),
            Self::Therapy => Some("therapy"),
            Self::Activity => Some("activity"),
            Self::Procedure => Some("procedure"),
            Self::Technical => None,
        }
    }
}

/// What kind of value a metric has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A number with a unit.
    Quantity,
    /// One of these codes, each with its name.
    Coded(&'static [(&'static str, &'static str)]),
    /// `true` or `false`.
    Boolean,
    /// Names of a device's status bits, separated by blanks; `none` when none is set.
    Text,
}

/// Rows of one panel, device, channel, user and source time are one FHIR Observation.
#[derive(Debug, PartialEq)]
pub struct Panel {
    /// IEEE 11073 reference id of the group.
    pub mdc: &'static str,
    /// Its 32-bit code.
    pub code: u32,
    /// LOINC of the panel.
    pub loinc: &'static str,
    pub display: &'static str,
    /// Profile the whole Observation conforms to.
    pub profile: Option<Profile>,
    /// Reference ids of the components a valid panel shows even when they are absent.
    pub required: &'static [&'static str],
    /// Reference ids of all components, in the order shown.
    pub components: &'static [&'static str],
    pub source: &'static str,
}

/// One thing that is measured.
#[derive(Debug, PartialEq)]
pub struct Metric {
    /// IEEE 11073-10101 reference id; empty for a metric outside that nomenclature.
    pub mdc: &'static str,
    /// `partition * 65536 + term`; 0 with an empty `mdc`.
    pub code: u32,
    /// Short name in configuration, e.g. `heart-rate`.
    pub alias: &'static str,
    pub display: &'static str,
    /// LOINC that goes first; empty when LOINC has none.
    pub loinc: &'static str,
    /// `local:…` code of the rows when LOINC has none; else empty.
    pub local: &'static str,
    /// LOINC codes that go beside it.
    pub also_loinc: &'static [&'static str],
    /// UCUM unit that ranges and rules use; `1` for a coded metric.
    pub unit: &'static str,
    /// R4 vital-signs profile, if the metric has one.
    pub profile: Option<Profile>,
    pub category: Category,
    pub panel: Option<&'static Panel>,
    /// What a living patient and a working sensor can show, in `unit`, both ends included. Not a normal range.
    pub range: Option<(f64, f64)>,
    pub kind: ValueKind,
    /// g/mol, where mass and substance concentration both are in use.
    pub molar_mass: Option<f64>,
    /// Method that the code implies, as text.
    pub method: Option<&'static str>,
    /// Body site that the code implies, as text.
    pub site: Option<&'static str>,
    /// Where the codes come from.
    pub source: &'static str,
}

impl Metric {
    /// A quantity without profile, category procedure, no range.
    pub(super) const fn quantity(
        mdc: &'static str,
        code: u32,
        alias: &'static str,
        display: &'static str,
        loinc: &'static str,
        unit: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            mdc,
            code,
            alias,
            display,
            loinc,
            local: "",
            also_loinc: &[],
            unit,
            profile: None,
            category: Category::Procedure,
            panel: None,
            range: None,
            kind: ValueKind::Quantity,
            molar_mass: None,
            method: None,
            site: None,
            source,
        }
    }

    /// A vital sign of a profile: its first unit, its category.
    pub(super) const fn vital(
        profile: Profile,
        mdc: &'static str,
        code: u32,
        alias: &'static str,
        display: &'static str,
        loinc: &'static str,
        source: &'static str,
    ) -> Self {
        let mut metric =
            Self::quantity(mdc, code, alias, display, loinc, profile.units()[0], source);
        metric.profile = Some(profile);
        metric.category = Category::VitalSigns;
        metric
    }

    pub(super) const fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    pub(super) const fn local(mut self, code: &'static str) -> Self {
        self.local = code;
        self
    }

    pub(super) const fn also(mut self, loinc: &'static [&'static str]) -> Self {
        self.also_loinc = loinc;
        self
    }

    pub(super) const fn category(mut self, category: Category) -> Self {
        self.category = category;
        self
    }

    pub(super) const fn panel(mut self, panel: &'static Panel) -> Self {
        self.panel = Some(panel);
        self
    }

    pub(super) const fn kind(mut self, kind: ValueKind) -> Self {
        self.kind = kind;
        self
    }

    pub(super) const fn molar_mass(mut self, grams_per_mole: f64) -> Self {
        self.molar_mass = Some(grams_per_mole);
        self
    }

    pub(super) const fn method(mut self, text: &'static str) -> Self {
        self.method = Some(text);
        self
    }

    pub(super) const fn site(mut self, text: &'static str) -> Self {
        self.site = Some(text);
        self
    }

    /// The IEEE 11073 reference id, if the metric has one.
    #[must_use]
    pub const fn mdc_id(&self) -> Option<&'static str> {
        if self.mdc.is_empty() {
            None
        } else {
            Some(self.mdc)
        }
    }

    /// What rows of this metric have in column `code`: LOINC, else `local:…`.
    #[must_use]
    pub const fn code_text(&self) -> &'static str {
        if self.loinc.is_empty() {
            self.local
        } else {
            self.loinc
        }
    }

    /// What identifies the metric in ids, latest values and rule state: the reference id, else the row's code.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        if self.mdc.is_empty() {
            self.code_text()
        } else {
            self.mdc
        }
    }

    /// `value` in another UCUM unit; between mass and substance concentration by the metric's molar mass.
    #[must_use]
    pub fn convert(&self, value: f64, from: &str, to: &str) -> Option<f64> {
        units::convert_substance(value, from, to, self.molar_mass)
    }
}
