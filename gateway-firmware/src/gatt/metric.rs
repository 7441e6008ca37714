//! Metrics: codes of IEEE 11073-10101 (`partition * 65536 + term`), and names of our own where it has none.

/// What a value is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Metric {
    /// 32-bit code; 0 where the nomenclature has none.
    pub code: u32,
    /// Reference id, or `local.…`; empty for a code that came over the wire and is not of this list.
    pub name: &'static str,
}

const fn mdc(code: u32, name: &'static str) -> Metric {
    Metric { code, name }
}

const fn own(name: &'static str) -> Metric {
    Metric { code: 0, name }
}

impl Metric {
    /// The metric of a code that came over the wire; 0 names nothing.
    #[must_use]
    pub fn of_code(code: u32) -> Self {
        if code == 0 {
            return OBSERVATION;
        }
        NAMED
            .iter()
            .copied()
            .find(|metric| metric.code == code)
            .unwrap_or(Self { code, name: "" })
    }
}

macro_rules! metrics {
    ($($constant:ident = $code:literal $name:literal;)*) => {
        $(pub const $constant: Metric = mdc($code, $name);)*
        static NAMED: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    HEART_RATE = 147_842 "MDC_ECG_HEART_RATE";
    PULSE = 149_514 "MDC_PULS_RATE";
    RR_INTERVAL = 147_240 "MDC_ECG_TIME_PD_RR_GL";
    ENERGY = 8_454_263 "MDC_HF_ENERGY";
    HEART_RATE_STATUS = 8_410_584 "MDC_ECG_DEV_STAT";
    TEMP_BODY = 150_364 "MDC_TEMP_BODY";
    TEMP_AXILLA = 188_452 "MDC_TEMP_AXILLA";
    TEMP_EAR = 188_428 "MDC_TEMP_EAR";
    TEMP_FINGER = 188_432 "MDC_TEMP_FINGER";
    TEMP_GIT = 188_456 "MDC_TEMP_GIT";
    TEMP_ORAL = 188_424 "MDC_TEMP_ORAL";
    TEMP_RECT = 188_420 "MDC_TEMP_RECT";
    TEMP_TOE = 188_448 "MDC_TEMP_TOE";
    TEMP_TYMP = 150_392 "MDC_TEMP_TYMP";
    SPO2 = 150_456 "MDC_PULS_OXIM_SAT_O2";
    OXIMETER_PULSE = 149_530 "MDC_PULS_OXIM_PULS_RATE";
    PULSE_AMPLITUDE = 150_448 "MDC_PULS_OXIM_PERF_REL";
    OXIMETER_STATUS = 150_604 "MDC_PULS_OXIM_DEV_STATUS";
    SYSTOLIC = 150_021 "MDC_PRESS_BLD_NONINV_SYS";
    DIASTOLIC = 150_022 "MDC_PRESS_BLD_NONINV_DIA";
    MEAN_PRESSURE = 150_023 "MDC_PRESS_BLD_NONINV_MEAN";
    CUFF_PRESSURE = 150_300 "MDC_PRESS_CUFF";
    CUFF_PULSE = 149_546 "MDC_PULS_RATE_NON_INV";
    CUFF_STATUS = 8_410_608 "MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS";
    GLUCOSE = 160_020 "MDC_CONC_GLU_GEN";
    GLUCOSE_CAPILLARY_BLOOD = 160_184 "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD";
    GLUCOSE_CAPILLARY_PLASMA = 160_188 "MDC_CONC_GLU_CAPILLARY_PLASMA";
    GLUCOSE_VENOUS_BLOOD = 160_192 "MDC_CONC_GLU_VENOUS_WHOLEBLOOD";
    GLUCOSE_VENOUS_PLASMA = 160_196 "MDC_CONC_GLU_VENOUS_PLASMA";
    GLUCOSE_ARTERIAL_BLOOD = 160_200 "MDC_CONC_GLU_ARTERIAL_WHOLEBLOOD";
    GLUCOSE_ARTERIAL_PLASMA = 160_204 "MDC_CONC_GLU_ARTERIAL_PLASMA";
    GLUCOSE_CONTROL = 160_208 "MDC_CONC_GLU_CONTROL";
    GLUCOSE_ISF = 160_212 "MDC_CONC_GLU_ISF";
    GLUCOSE_BLOOD = 160_364 "MDC_CONC_GLU_UNDETERMINED_WHOLEBLOOD";
    GLUCOSE_PLASMA = 160_368 "MDC_CONC_GLU_UNDETERMINED_PLASMA";
    GLUCOSE_TREND = 8_418_008 "MDC_CONC_GLU_TREND";
    GLUCOSE_METER_STATUS = 8_417_752 "MDC_GLU_METER_DEV_STATUS";
    CGM_STATUS = 8_418_060 "MDC_CGM_DEV_STAT";
    CGM_CALIBRATION = 8_418_036 "MDC_CGM_SENSOR_CALIBRATION";
    CGM_RUN_TIME = 8_418_040 "MDC_CGM_SENSOR_RUN_TIME";
    CGM_INTERVAL = 8_418_044 "MDC_CGM_SENSOR_SAMPLE_INTERVAL";
    CGM_PATIENT_LOW = 8_418_013 "MDC_CONC_GLU_PATIENT_THRESHOLD_LOW";
    CGM_PATIENT_HIGH = 8_418_014 "MDC_CONC_GLU_PATIENT_THRESHOLD_HIGH";
    CGM_HYPO = 8_418_017 "MDC_CONC_GLU_THRESHOLD_HYPO";
    CGM_HYPER = 8_418_018 "MDC_CONC_GLU_THRESHOLD_HYPER";
    CGM_INCREASE = 8_418_021 "MDC_CONC_GLU_RATE_THRESHOLD_INCREASE";
    CGM_DECREASE = 8_418_022 "MDC_CONC_GLU_RATE_THRESHOLD_DECREASE";
    CARBOHYDRATE = 8_417_764 "MDC_CTXT_GLU_CARB";
    MEAL = 8_417_864 "MDC_CTXT_GLU_MEAL";
    EXERCISE = 8_417_760 "MDC_CTXT_GLU_EXERCISE";
    HEALTH = 8_417_820 "MDC_CTXT_GLU_HEALTH";
    TESTER = 8_417_884 "MDC_CTXT_GLU_TESTER";
    MEDICATION = 8_417_796 "MDC_CTXT_MEDICATION";
    HBA1C = 160_220 "MDC_CONC_HBA1C";
    WEIGHT = 188_736 "MDC_MASS_BODY_ACTUAL";
    HEIGHT = 188_740 "MDC_LEN_BODY_ACTUAL";
    BMI = 188_752 "MDC_RATIO_MASS_BODY_LEN_SQ";
    BODY_FAT = 188_748 "MDC_BODY_FAT";
    FAT_FREE_MASS = 188_756 "MDC_MASS_BODY_FAT_FREE";
    SOFT_LEAN_MASS = 188_760 "MDC_MASS_BODY_SOFT_LEAN";
    WATER_MASS = 188_764 "MDC_BODY_WATER";
    BASAL_METABOLISM = 188_768 "MDC_BASAL_METABOLISM";
    MUSCLE_PERCENTAGE = 188_772 "MDC_BODY_MUSCLE";
    MUSCLE_MASS = 188_776 "MDC_MASS_BODY_MUSCLE";
    IMPEDANCE = 188_780 "MDC_BODY_ELECTRICAL_IMPEDANCE";
    BATTERY = 67_996 "MDC_ATTR_VAL_BATT_CHARGE";
    CLOCK = 67_975 "MDC_ATTR_TIME_ABS";
    TICK_COUNTER = 67_983 "MDC_ATTR_TIME_REL";
    SYSTEM_ID = 67_972 "MDC_ATTR_SYS_ID";
    CERTIFICATION = 68_171 "MDC_ATTR_REG_CERT_DATA_LIST";
    MODEL = 531_969 "MDC_ID_MODEL_NUMBER";
    MAKER = 531_970 "MDC_ID_MODEL_MANUFACTURER";
    SERIAL = 531_972 "MDC_ID_PROD_SPEC_SERIAL";
    HARDWARE = 531_974 "MDC_ID_PROD_SPEC_HW";
    SOFTWARE = 531_975 "MDC_ID_PROD_SPEC_SW";
    FIRMWARE = 531_976 "MDC_ID_PROD_SPEC_FW";
}

pub const EXERCISE_DURATION: Metric = own("local.exercise-duration");
pub const SENSOR_LOCATION: Metric = own("local.body-sensor-location");
pub const TEMPERATURE_TYPE: Metric = own("local.temperature-type");
pub const MEASUREMENT_INTERVAL: Metric = own("local.measurement-interval");
pub const CGM_QUALITY: Metric = own("local.cgm-quality");
pub const CGM_SESSION_START: Metric = own("local.cgm-session-start");
pub const CGM_OPERATION: Metric = own("local.cgm-operation");
pub const RECORD_ACCESS: Metric = own("local.record-access");
pub const RECORD_COUNT: Metric = own("local.record-count");
pub const OXIMETER_FEATURES: Metric = own("local.pulse-oximeter-features");
pub const PRESSURE_FEATURES: Metric = own("local.blood-pressure-features");
pub const GLUCOSE_FEATURES: Metric = own("local.glucose-features");
pub const CGM_FEATURES: Metric = own("local.cgm-features");
pub const SCALE_FEATURES: Metric = own("local.weight-scale-features");
pub const COMPOSITION_FEATURES: Metric = own("local.body-composition-features");
pub const SENSOR_FEATURES: Metric = own("local.health-sensor-features");
pub const SENSOR_OPERATION: Metric = own("local.health-sensor-operation");
pub const SCHEDULE: Metric = own("local.observation-schedule");
pub const SCHEDULE_INTERVAL: Metric = own("local.observation-interval");
pub const TIME_ZONE: Metric = own("local.time-zone");
pub const DST_OFFSET: Metric = own("local.dst-offset");
pub const PNP_ID: Metric = own("local.pnp-id");
pub const UDI: Metric = own("local.udi-label");
pub const UDI_DEVICE: Metric = own("local.udi-device-identifier");
pub const UDI_ISSUER: Metric = own("local.udi-issuer");
pub const UDI_AUTHORITY: Metric = own("local.udi-authority");
pub const OBSERVATION: Metric = own("local.observation");
