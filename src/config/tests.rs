use super::{Config, Events, Fault, MailTls, Part, SAMPLE, read};

fn none(_: &str) -> Option<String> {
    None
}

fn faults(text: &str) -> Vec<Fault> {
    read(text, &none).unwrap_err().faults
}

#[test]
fn an_empty_file_and_the_sample_are_the_same_configuration() {
    let empty: Config = read("", &none).unwrap().config;
    let sample = read(SAMPLE, &none).unwrap().config;
    assert_eq!(empty, sample);
}

#[test]
fn all_faults_are_reported_at_once_with_their_lines() {
    let text = "site = \"a b\"\n[http]\nbind = \"0.0.0.0:80\"\nport = 1\n[store]\nflush-every = \"soon\"\n";
    let faults = faults(text);
    let seen: Vec<_> = faults.iter().map(|f| (f.line, f.key.as_str())).collect();
    assert_eq!(
        seen,
        [
            (Some(1), "site"),
            (Some(3), "http.bind"),
            (Some(4), "http.port"),
            (Some(6), "store.flush-every")
        ]
    );
}

#[test]
fn a_broken_file_names_the_line() {
    assert_eq!(faults("site = \n")[0].line, Some(1));
}

#[test]
fn plain_text_off_loopback_needs_a_word() {
    assert!(read("[mqtt]\nbind = \"0.0.0.0:1883\"\n", &none).is_err());
    assert!(read("[mqtt]\nbind = \"0.0.0.0:1883\"\ninsecure = true\n", &none).is_ok());
}

#[test]
fn the_environment_overrides_and_is_named_as_origin() {
    let env = |name: &str| (name == "WARDLINE_HTTP_BIND").then(|| "127.0.0.1:0".to_owned());
    let loaded = read("[http]\nbind = \"127.0.0.1:9\"\n", &env).unwrap();
    assert_eq!(loaded.config.http.bind.port(), 0);
    let bind = loaded.values.iter().find(|v| v.key == "http.bind").unwrap();
    assert_eq!(bind.origin, "environment WARDLINE_HTTP_BIND");
}

#[test]
fn secrets_are_masked() {
    let text = "[[webhook]]\nname = \"p\"\nurl = \"http://127.0.0.1/\"\nsecret = \"hush\"\n";
    let loaded = read(text, &none).unwrap();
    assert!(loaded.values.iter().all(|v| v.value != "hush"));
    assert!(!format!("{:?}", loaded.config).contains("hush"));
}

#[test]
fn a_webhook_without_a_secret_is_refused() {
    let faults = faults("[[webhook]]\nname = \"p\"\nurl = \"ftp://x\"\n");
    assert_eq!(
        faults.iter().map(|f| f.key.as_str()).collect::<Vec<_>>(),
        ["webhook[0].secret", "webhook[0].url"]
    );
}

#[test]
fn a_certificate_is_given_or_our_own_not_both() {
    let both = faults("[http.tls]\nown = true\ncert = \"c\"\n");
    assert_eq!(both[0].key, "http.tls.cert");
    let neither = faults("[http.tls]\n");
    let keys: Vec<_> = neither.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["http.tls.cert", "http.tls.key"]);
    let own = read(
        "[http]\nbind = \"0.0.0.0:443\"\n[http.tls]\nown = true\n",
        &none,
    )
    .unwrap();
    assert_eq!(own.config.http.tls.unwrap().files, None);
}

#[test]
fn enrolment_is_bounded() {
    let text = "[enrolment]\nnames = [\"a b\"]\ncode-life = \"16m\"\ncertificate-life = \"6y\"\n";
    let faults = faults(text);
    let mut keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "enrolment.certificate-life",
            "enrolment.code-life",
            "enrolment.names"
        ]
    );
}

#[test]
fn no_way_in_is_a_fault() {
    assert_eq!(faults("[mqtt]\nenabled = false\n")[0].key, "mqtt");
}

const RECEIVERS: &str = r#"
[http]
url = "https://wardline.example/base/"
[[webhook]]
name = "pager"
url = "http://127.0.0.1/"
secret = "s"
watchdog = "1m"
[[teams]]
name = "ward-3"
url = "https://flow.example/x?sig=hush"
show = ["id", "rule"]
[[email]]
name = "mail"
host = "mail.example"
tls = "starttls"
from = "Wardline <wardline@hospital.example>"
to = "ward3@hospital.example"
"#;

#[test]
fn receivers_are_read_with_their_defaults() {
    let loaded = read(RECEIVERS, &none).unwrap();
    let config = &loaded.config;
    assert_eq!(
        config.http.url.as_deref(),
        Some("https://wardline.example/base")
    );
    let webhook = &config.webhooks[0];
    assert_eq!(webhook.watchdog, Some(std::time::Duration::from_secs(60)));
    assert_eq!(webhook.events, Events::All);
    let teams = &config.teams[0];
    assert!(teams.show.has(Part::Rule) && !teams.show.has(Part::Bed));
    assert_eq!(teams.events, Events::Pages);
    let email = &config.emails[0];
    assert_eq!((email.port, email.tls), (587, MailTls::StartTls));
    assert!(email.show.has(Part::Bed) && !email.show.has(Part::Message));
    assert!(config.warnings().is_empty());
    assert!(!format!("{config:?} {:?}", loaded.values).contains("hush"));

    let routed = format!("[routing]\nfile = \"routing.toml\"\n{RECEIVERS}");
    let config = read(&routed, &none).unwrap().config;
    let events = [
        config.webhooks[0].events,
        config.teams[0].events,
        config.emails[0].events,
    ];
    assert_eq!(events, [Events::None; 3], "the routing says who is told");
}

#[test]
fn links_need_a_url() {
    let text = RECEIVERS.replace("url = \"https://wardline.example/base/\"", "");
    let warnings = read(&text, &none).unwrap().config.warnings();
    assert!(warnings[0].contains("ward-3, mail"), "{warnings:?}");
}

#[test]
fn all_faults_of_receivers_are_told_and_no_secret() {
    let text = r#"
[http]
url = "wardline.example"
[[webhook]]
name = "pager"
url = "http://127.0.0.1/"
secret = "s"
watchdog = "9s"
[[teams]]
name = "pager"
url = "http://flow.example/?sig=hush"
show = ["name"]
[[email]]
name = "mqtt"
host = "mail.example"
tls = "none"
username = "u"
from = "nobody"
"#;
    let faults = faults(text);
    let mut keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
    keys.sort_unstable();
    let expected = [
        "email",
        "email[0].from",
        "email[0].tls",
        "email[0].to",
        "email[0].username",
        "http.url",
        "teams",
        "teams[0].show",
        "teams[0].url",
        "webhook[0].watchdog",
    ];
    assert_eq!(keys, expected);
    assert!(!format!("{faults:?}").contains("hush"));
}
