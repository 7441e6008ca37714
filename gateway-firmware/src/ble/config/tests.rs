use super::*;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    ble: Config,
}

fn parse(text: &str) -> Config {
    toml::from_str::<File>(text).expect("parses").ble
}

fn faults(config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    config.check(&mut faults);
    faults
}

const METER: &str = r#"
[[ble.device]]
id = "meter-7"
address = "C0:26:DA:00:1F:9E"
address-type = "random"
name = "Meter on ward 7"
profiles = ["glucose"]
serial = "A1234"
pair = "passkey"
set-clock = true
"#;

#[test]
fn a_device_needs_little() {
    let config = parse(METER);
    assert_eq!(faults(&config), Vec::<String>::new());
    let device = &config.device[0];
    assert_eq!(device.priority(), Priority::Spot);
    assert_eq!(device.silence(), None);
    assert!(device.forgets());
    assert!(!device.delete_after_download, "never unless asked for");
}

#[test]
fn a_stream_is_silent_for_a_minute_at_most() {
    let text = METER.replace("[\"glucose\"]", "[\"heart-rate\"]");
    let config = parse(&text);
    assert_eq!(config.device[0].priority(), Priority::Stream);
    assert_eq!(config.device[0].silence(), Some(Duration::from_secs(60)));
    let config = parse(&format!("{text}silence = \"0s\"\n"));
    assert_eq!(config.device[0].silence(), None);
}

#[test]
fn every_fault_is_told_at_once_with_its_field() {
    let config = parse(&format!(
        "[ble]\nscan-window = \"20s\"\nscan-interval = \"10s\"\nconnections = 0\nadapters = [\"wlan0\"]\n\
         {METER}passkey-file = \"does-not-exist\"\n\
         {}",
        METER
            .replace("C0:26", "5A:26")
            .replace("[\"glucose\"]", "[]")
    ));
    let faults = faults(&config);
    for part in [
        "ble.scan-interval: at least scan-window",
        "ble.connections: 1 to 32",
        "ble.adapters[0]: ",
        "ble.device[0].passkey-file: ",
        "ble.device[1].id: also that of ble.device[0]",
        "ble.device[1].address: changes every few minutes",
        "ble.device[1].profiles: at least one of heart-rate",
    ] {
        assert!(
            faults.iter().any(|fault| fault.starts_with(part)),
            "{part}: {faults:#?}"
        );
    }
    assert_eq!(faults.len(), 7, "{faults:#?}");
}

#[test]
fn an_unknown_field_is_an_error() {
    let error = toml::from_str::<File>(&format!("{METER}pasword = 1\n")).unwrap_err();
    assert!(error.to_string().contains("pasword"), "{error}");
}

#[test]
fn a_passkey_is_six_digits() {
    assert_eq!(passkey("004217\n"), Ok(4_217));
    for text in ["4217", "0042177", "00421x", "+04217", ""] {
        assert!(passkey(text).is_err(), "{text}");
    }
}
