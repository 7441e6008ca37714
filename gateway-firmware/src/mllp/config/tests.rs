use super::*;

fn read(text: &str) -> Config {
    toml::from_str(text).unwrap()
}

fn faults(text: &str) -> String {
    let mut faults = Vec::new();
    read(text).check(&mut faults);
    faults.join("\n")
}

#[test]
fn a_source_needs_nothing_but_its_address() {
    let config = read("[[listen]]\nbind = \"127.0.0.1:0\"\n[[connect]]\naddress = \"[::1]:2575\"");
    let mut none = Vec::new();
    config.check(&mut none);
    assert_eq!(none, Vec::<String>::new());
    let source = &config.listen[0].source;
    assert_eq!(
        (source.ack, source.raw_is),
        (AckMode::Auto, RawIs::default())
    );
    assert_eq!(source.max_message, Size(256 << 10));
    assert_eq!(config.listen[0].name(), "127.0.0.1:0");
    assert_eq!(
        (config.connect[0].host(), config.connect[0].name().as_str()),
        ("::1", "[::1]:2575")
    );
}

#[test]
fn what_is_written_is_what_is_read() {
    let config = read(
        "[[listen]]\nbind = \"0.0.0.0:2575\"\nallow = [\"10.1.0.0/16\"]\nname = \"icu\"\nzone = \"Asia/Shanghai\"\n\
         sentinels = [\"-999\", \"-99.9\"]\nraw-is = \"preliminary\"\ndevice = \"bed-7\"\nack = \"CA\"\n\
         alarm-answer = \"ora\"\nwaveforms = \"count\"\nmax-message = \"64KiB\"\nidle = \"0s\"\n\
         heartbeat = \"30s\"\nheartbeat-devices = [\"m1\"]",
    );
    let mut none = Vec::new();
    config.check(&mut none);
    assert_eq!(none, Vec::<String>::new());
    let listen = &config.listen[0];
    assert!(listen.allow[0].contains("10.1.2.3".parse().unwrap()));
    let source = &listen.source;
    assert_eq!(source.ack, AckMode::Accept);
    assert_eq!(source.alarm_answer, AlarmAnswer::Ora);
    assert_eq!(
        (source.raw_is, source.waveforms),
        (RawIs::Preliminary, Waveforms::Count)
    );
    assert_eq!(
        (source.idle, source.heartbeat),
        (Duration::ZERO, Some(Duration::from_secs(30)))
    );
    for (text, mode) in [
        ("AA", AckMode::Original),
        ("none", AckMode::None),
        ("enhanced", AckMode::Enhanced),
    ] {
        let text = format!("[[listen]]\nbind = \"127.0.0.1:1\"\nack = \"{text}\"");
        assert_eq!(read(&text).listen[0].source.ack, mode);
    }
}

#[test]
fn every_fault_is_named_with_its_field() {
    let found = faults(
        "[[listen]]\nbind = \"0.0.0.0:2575\"\nzone = \"Berlin\"\nsentinels = [\" \"]\ndevice = \"a b\"\n\
         max-message = 10\nidle = \"1ms\"\nheartbeat-devices = [\"m_1\"]\nmax-connections = 0\n\
         bindd = 1\n\
         [[listen]]\nbind = \"0.0.0.0:2575\"\ninsecure = true\nheartbeat = \"1ms\"\n\
         tls = { cert = \"no.pem\", key = \"no.key\" }\n\
         [[connect]]\naddress = \"ge\"\ntls = { cert = \"no.pem\" }\n[[connect]]\naddress = \"ge:0\"\nname = \"a/b\"",
    );
    for field in [
        "mllp.listen[0]: 0.0.0.0:2575 takes plain text from everybody",
        "mllp.listen[0].zone: \"Berlin\"",
        "mllp.listen[0].sentinels",
        "mllp.listen[0].device",
        "mllp.listen[0].max-message",
        "mllp.listen[0].idle",
        "mllp.listen[0].heartbeat-devices: \"m_1\"",
        "mllp.listen[0].heartbeat-devices: needs heartbeat",
        "mllp.listen[0].max-connections",
        "mllp.listen[0].bindd: no such field",
        "mllp.listen[1].bind: 0.0.0.0:2575 is listened to already",
        "mllp.listen[1].heartbeat: at least",
        "mllp.listen[1].tls.cert: no.pem",
        "mllp.listen[1].tls.key: no.key",
        "mllp.connect[0].address",
        "mllp.connect[0].tls: cert and key",
        "mllp.connect[1].address",
        "mllp.connect[1].name",
        "mllp.listen: two sources",
    ] {
        assert!(found.contains(field), "{field} in\n{found}");
    }
}
