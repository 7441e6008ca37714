//! Arrays of samples.

use super::*;

#[test]
fn decimals_and_integers_with_a_resolution() {
    check(
        r"MSH|^~\&|M^0102030405060708^EUI-64||||20261122115000||ORU^R01^ORU_R01|1|P|2.6
          OBR|2||X|WAVEFORM|||20261122114959.000|20261122115000.000
          OBX|1|NA|131329^MDC_ECG_LEAD_I^MDC|1.1.1.1001|-0.537^-0.54203^0.5|266418^MDC_DIM_MILLI_VOLT^MDC|||||F|||20261122114959.000
          OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.1001.1|150.0|264608^MDC_DIM_PER_SEC|||||F
          OBX|3|NR|0^MDC_ATTR_DATA_RANGE^MDC|1.1.1.1001.2|-5.0^10.0|266418^MDC_DIM_MILLI_VOLT^MDC|||||F
          OBX|4|NA|131330^MDC_ECG_ELEC_POTL_II^MDC|1.1.1.1002|1^2^32767^-4^|262656^MDC_DIM_DIMLESS^MDC|||||F
          OBX|5|NM|2327^MDC_ATTR_NU_MSMT_RES^MDC|1.1.1.1002.1|0.020|266418^MDC_DIM_MILLI_V^MDC|||||F
          OBX|6|NM|262196^MDC_EVT_INOP^MDC|1.1.1.1002.2|32767
          OBX|7|NM|0^MDC_ATTr_SAMP_RATE^MDC|1.1.1.1002.3|500|264608^MDC_DIM_PER_SEC^MDC
          OBX|8|NA|150452^MDC_PULS_OXIM_PLETH^MDC|1.1.1.1003|1^2^3^4^5|262656^MDC_DIM_DIMLESS^MDC|||||F
          OBX|9|NA|140000^MDC_X^MDC|1.1.1.1004|a^b|262656|||||F",
        &Profile::default(),
        "0102030405060708
         MDC_ECG_ELEC_POTL_I [-53700 -54203 50000] every 6.666667 ms, 0 + n * 0.00001 mV @ 2026-11-22T11:49:59Z (zone) sent-as=MDC_ECG_LEAD_I
         MDC_ECG_ELEC_POTL_II [1 2 E -4] every 2 ms, 0 + n * 0.020 mV @ 2026-11-22T11:49:59Z (zone)
         MDC_PULS_OXIM_PLETH [1 2 3 4 5] every 200 ms, 0 + n * 1 1 @ 2026-11-22T11:49:59Z (zone)
         bad-value segment 11 (OBX): expected numbers with ^ between in OBX-5 (NA)
         name-disagrees 1",
    );
}

#[test]
fn without_any_time_they_are_stamped_when_received() {
    check(
        r"MSH|^~\&|M^0102030405060708^EUI-64||||||ORU^W01^ORU_W01|42|P|2.4|||AL|NE||UNICODE UTF-8
          OBR|1||42|CONTINUOUS WAVEFORM||||
          OBX|1|NA|131330^MDC_ECG_ELEC_POTL_II^MDC|1.7.6.131330|1^2^3|262656^MDC_DIM_DIMLESS^MDC
          OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.7.6.131330.1|500|264608^MDC_DIM_PER_SEC^MDC
          OBX|3|NA|140000^MDC_X^MDC|1.7.6.131331|1^2^3|262656^MDC_DIM_DIMLESS^MDC",
        &Profile::default(),
        "0102030405060708
         MDC_ECG_ELEC_POTL_II [1 2 3] every 2 ms, 0 + n * 1 1 @ received
         bad-value segment 5 (OBX): expected a sample rate (facet MDC_ATTR_SAMP_RATE) or OBR-7 and OBR-8
         missing-status 2
         no-time 1",
    );
}
