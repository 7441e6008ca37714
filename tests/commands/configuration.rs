//! `config check` and `config print`.

use std::path::Path;

use crate::harness::cli::cli;

fn file(dir: &Path, text: &str) -> String {
    let path = dir.join("wardline.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn check_shows_every_fault_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let config = file(
        dir.path(),
        "site = \"not a site\"\nspeling = 1\n[http]\nbind = \"0.0.0.0:8080\"\n[mqtt]\nmax-packet = \"lots\"\n\
         [[webhook]]\nname = \"pager\"\nurl = \"ftp://pager\"\n[log]\nformat = 7\n",
    );
    let ran = cli(&["config", "check", "--config", &config]).run();
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for fault in [
        "line 1: site ",
        "line 2: speling is not a setting",
        "line 4: http.bind ",
        "line 6: mqtt.max-packet ",
        "webhook[0].secret is missing",
        "line 9: webhook[0].url ",
        "line 11: log.format ",
        "7 fault(s)",
    ] {
        assert!(ran.talk.contains(fault), "{fault}: {}", ran.talk);
    }
    // The service says the same, with the code of bad configuration.
    let talk = cli(&["serve", "--config", &config]).fails(64);
    assert!(talk.contains("line 6: mqtt.max-packet "), "{talk}");
    let talk = cli(&["config", "check", "--config", "/no/such/file"]).fails(1);
    assert!(talk.contains("/no/such/file"), "{talk}");
}

#[test]
fn a_misspelt_variable_is_a_fault_of_the_check_and_stops_no_service() {
    let dir = tempfile::tempdir().unwrap();
    let config = file(dir.path(), "");
    let check = || cli(&["config", "check", "--config", &config]);
    let talk = check().env("WARDLINE_HTTP_BINDING", "x").fails(1);
    assert!(
        talk.contains("WARDLINE_HTTP_BINDING") && talk.contains("WARDLINE_HTTP_BIND\n"),
        "{talk}"
    );
    check().env("WARDLINE_HTTP_BIND", "127.0.0.1:0").ok();
    let print = cli(&["config", "print", "--config", &config]);
    print.env("WARDLINE_HTTP_BINDING", "x").ok();
}

#[test]
fn the_sample_is_sound_and_shows_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let sample = cli(&["config", "print", "--default"]).ok();
    assert!(
        sample.lines().any(|line| line.starts_with('#')),
        "it is commented"
    );
    let config = file(dir.path(), &sample);
    let ran = cli(&["config", "check", "--config", &config]).run();
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let of = |arguments: &[&str]| {
        let printed = cli(arguments).within(dir.path()).json();
        let values = printed.as_array().unwrap().iter();
        values
            .map(|value| (value["key"].to_string(), value["value"].to_string()))
            .collect::<Vec<_>>()
    };
    let (mut sampled, mut defaults) = (
        of(&["config", "print", "--config", &config]),
        of(&["config", "print"]),
    );
    sampled.sort();
    defaults.sort();
    assert_eq!(sampled, defaults);
}

#[test]
fn print_says_where_each_value_came_from_and_masks_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let config = file(
        dir.path(),
        "site = \"s1\"\n[http]\nbind = \"127.0.0.1:1\"\n\
         [[webhook]]\nname = \"pager\"\nurl = \"http://pager\"\nsecret = \"hidden\"\n",
    );
    let print =
        || cli(&["config", "print", "--config", &config]).env("WARDLINE_HTTP_BIND", "127.0.0.1:2");
    let printed = print().json();
    let value = |key: &str| {
        let value = printed
            .as_array()
            .unwrap()
            .iter()
            .find(|value| value["key"] == key)
            .unwrap();
        (
            value["value"].as_str().unwrap().to_owned(),
            value["origin"].as_str().unwrap().to_owned(),
        )
    };
    let is = |key: &str, expected: &str, origin: &str| {
        assert_eq!(
            value(key),
            (expected.to_owned(), origin.to_owned()),
            "{key}"
        );
    };
    is("site", "s1", "file line 1");
    is("http.bind", "127.0.0.1:2", "environment WARDLINE_HTTP_BIND");
    is("mqtt.bind", "127.0.0.1:1883", "default");
    is("webhook[0].secret", "******", "file line 7");
    for format in ["table", "json", "csv"] {
        let text = print().arg("--format").arg(format).ok();
        assert!(
            text.contains("******") && !text.contains("hidden"),
            "{text}"
        );
    }
}
