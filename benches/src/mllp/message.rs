//! What a bedside monitor sends every second: 19 numerics, some 3 KB.

use std::fmt::Write as _;

use wardline_normalize::time::{Micros, format_rfc3339};

/// MDC code, reference id, sub-id, unit, value.
const METRICS: [(&str, &str, &str, &str); 19] = [
    (
        "147842^MDC_ECG_HEART_RATE",
        "1.5.1.1",
        "264864^MDC_DIM_BEAT_PER_MIN",
        "72",
    ),
    (
        "148066^MDC_ECG_V_P_C_RATE",
        "1.5.1.2",
        "264864^MDC_DIM_BEAT_PER_MIN",
        "0",
    ),
    (
        "151578^MDC_TTHOR_RESP_RATE",
        "1.6.1.1",
        "264928^MDC_DIM_RESP_PER_MIN",
        "16",
    ),
    (
        "150456^MDC_PULS_OXIM_SAT_O2",
        "1.22.1.1",
        "262688^MDC_DIM_PERCENT",
        "97",
    ),
    (
        "149530^MDC_PULS_OXIM_PULS_RATE",
        "1.22.1.2",
        "264864^MDC_DIM_BEAT_PER_MIN",
        "72",
    ),
    (
        "150488^MDC_BLD_PERF_INDEX",
        "1.22.1.3",
        "262656^MDC_DIM_DIMLESS",
        "1.7",
    ),
    (
        "150037^MDC_PRESS_BLD_ART_ABP_SYS",
        "1.7.1.1",
        "266016^MDC_DIM_MMHG",
        "118",
    ),
    (
        "150038^MDC_PRESS_BLD_ART_ABP_DIA",
        "1.7.1.2",
        "266016^MDC_DIM_MMHG",
        "71",
    ),
    (
        "150039^MDC_PRESS_BLD_ART_ABP_MEAN",
        "1.7.1.3",
        "266016^MDC_DIM_MMHG",
        "87",
    ),
    (
        "149522^MDC_BLD_PULS_RATE_INV",
        "1.7.1.4",
        "264864^MDC_DIM_BEAT_PER_MIN",
        "72",
    ),
    (
        "150087^MDC_PRESS_BLD_VEN_CENT_MEAN",
        "1.7.2.1",
        "266016^MDC_DIM_MMHG",
        "8",
    ),
    (
        "150021^MDC_PRESS_BLD_NONINV_SYS",
        "1.8.1.1",
        "266016^MDC_DIM_MMHG",
        "121",
    ),
    (
        "150022^MDC_PRESS_BLD_NONINV_DIA",
        "1.8.1.2",
        "266016^MDC_DIM_MMHG",
        "74",
    ),
    (
        "150023^MDC_PRESS_BLD_NONINV_MEAN",
        "1.8.1.3",
        "266016^MDC_DIM_MMHG",
        "90",
    ),
    (
        "149546^MDC_PULS_RATE_NON_INV",
        "1.8.1.4",
        "264864^MDC_DIM_BEAT_PER_MIN",
        "71",
    ),
    ("150344^MDC_TEMP", "1.13.1.1", "268192^MDC_DIM_DEGC", "37.1"),
    ("150344^MDC_TEMP", "1.13.2.1", "268192^MDC_DIM_DEGC", "36.4"),
    (
        "151712^MDC_CONC_AWAY_CO2_ET",
        "1.11.1.1",
        "266016^MDC_DIM_MMHG",
        "38",
    ),
    (
        "151716^MDC_CONC_AWAY_CO2_INSP",
        "1.11.1.2",
        "266016^MDC_DIM_MMHG",
        "1",
    ),
];

/// What the gateway calls a monitor: its EUI-64.
pub(super) fn device(monitor: u32) -> String {
    format!("0A0000FFFE{monitor:06X}")
}

/// A monitor of that name.
pub(super) fn monitor(device: &str) -> Option<u32> {
    u32::from_str_radix(device.strip_prefix("0A0000FFFE")?, 16).ok()
}

/// The metric that stands for its message.
pub(super) const COUNTED: &str = "MDC_ECG_HEART_RATE";

/// Times have milliseconds on the wire.
pub(super) const TICK: Micros = 1_000;

/// MSH-10.
pub(super) fn control_id(monitor: u32, time: Micros) -> String {
    format!("{monitor:06X}-{}", time / TICK)
}

/// The message of a monitor at a time, framed.
pub(super) fn write(out: &mut Vec<u8>, monitor: u32, time: Micros) {
    let (device, id) = (device(monitor), control_id(monitor, time));
    let stamp: String = format_rfc3339(time / TICK * TICK)
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let (seconds, fraction) = stamp.split_at_checked(14).unwrap_or((&stamp, ""));
    let stamp = format!("{seconds}.{fraction:0<3}+0000");
    let mut text = format!(
        "MSH|^~\\&|BENCH^{device}^EUI-64|WARDLINE|||{stamp}||ORU^R01^ORU_R01|{id}|P|2.6||||||UNICODE UTF-8|||\
         PCD_DEC_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r\
         PID|||{monitor:07}^^^PID^MR\rPV1||I|ICU^^{monitor}\r\
         OBR|1|{id}^BENCH^{device}^EUI-64|{id}^BENCH^{device}^EUI-64|182777000^monitoring of patient^SCT|||{stamp}\r\
         OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X\r"
    );
    for (at, (metric, sub_id, unit, value)) in METRICS.iter().enumerate() {
        let at = at + 2;
        write!(
            text,
            "OBX|{at}|NM|{metric}^MDC|{sub_id}|{value}|{unit}^MDC|||||R|||{stamp}||||{device}^BENCH\r"
        )
        .expect("a string takes everything");
    }
    out.push(0x0B);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(&[0x1C, 0x0D]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_of_the_size_and_name_their_monitor_and_time() {
        let mut bytes = Vec::new();
        write(&mut bytes, 77, 1_795_352_400_120_000);
        assert!((2_800..3_500).contains(&bytes.len()), "{}", bytes.len());
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("|20261122130000.120+0000|"), "{text}");
        assert!(text.contains("|00004D-1795352400120|"), "{text}");
        assert_eq!(monitor(&device(77)), Some(77));
    }
}
