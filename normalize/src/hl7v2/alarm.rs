//! Alarms.

use super::message::Field;

/// MDC_EVT_ALARM.
const EVENT: &str = "196616";

/// Whether OBR-4 says that the segments below are an alarm.
pub(super) fn is_event(service: Field<'_>) -> bool {
    [1, 4].into_iter().any(|at| {
        service.component(at).trim() == EVENT || service.component(at + 1).trim() == "MDC_EVT_ALARM"
    })
}
