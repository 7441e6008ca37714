//! `wardline routing`: whom a file would tell, before it is in force.

use std::path::Path;

use serde_json::json;

use crate::harness::cli::cli;

/// The sample that is shipped.
fn sample() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("rules/packs/routing.sample.toml");
    file.to_str().unwrap().to_owned()
}

#[test]
fn the_routing_of_the_readme_is_sound() {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("### Who is told").unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    let (example, _) = block.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("routing.toml");
    std::fs::write(&file, example).unwrap();
    let checked = cli(&["routing", "check", file.to_str().unwrap()]).run();
    assert_eq!(checked.code, 0, "{}", checked.talk);
}

#[test]
fn a_routing_file_is_checked_alone_and_against_rules_and_receivers() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let sound = cli(&["routing", "check", &sample()]).run();
    assert_eq!(sound.code, 0, "{}", sound.talk);
    assert!(
        sound.talk.contains("the routing is sound"),
        "{}",
        sound.talk
    );

    let broken = file(
        "broken.toml",
        "time-zone = \"Europe/Nowhere\"\ncolour = 1\n",
    );
    let talk = cli(&["routing", "check", &broken]).fails(1);
    assert!(
        talk.contains("broken.toml:1:") && talk.contains("broken.toml:2:"),
        "every fault with its place: {talk}"
    );
    cli(&["routing", "who", &broken, "--priority", "high"]).fails(1);

    let config = file(
        "wardline.toml",
        "site = \"s1\"\n[[webhook]]\nname = \"ward-webhook\"\nurl = \"http://127.0.0.1:1/\"\nsecret = \"s\"\n",
    );
    let talk = cli(&["routing", "check", &sample(), "--config", &config]).fails(1);
    assert!(
        talk.contains("no receiver `ward-teams`") && !talk.contains("`ward-webhook`"),
        "{talk}"
    );
    let mail = |more: &str| {
        let text = format!(
            "site = \"s1\"\n[[email]]\nname = \"mail\"\nhost = \"localhost\"\nevents = \"none\"\n\
             from = \"w@hospital.example\"\n{more}"
        );
        file("mail.toml", &text)
    };
    let people = file(
        "people.toml",
        "fallback = [\"channel:mail\"]\n[[person]]\nid = \"ann\"\n\
         contacts = [{ channel = \"mail\", address = \"ann\" }, { channel = \"mail\", address = \"ann@x.example\" }]\n\
         [[route]]\nto = [\"person:ann\"]\n",
    );
    let talk = cli(&["routing", "check", &people, "--config", &mail("")]).fails(1);
    assert!(
        talk.contains("people.toml:1:") && talk.contains("[[email]] has no `to`"),
        "{talk}"
    );
    assert!(
        talk.contains("people.toml:4:") && talk.contains("needs an e-mail address"),
        "{talk}"
    );
    let everybody = mail("to = \"ward@hospital.example\"\n");
    let talk = cli(&["routing", "check", &people, "--config", &everybody]).fails(1);
    assert!(talk.contains("1 fault(s)"), "{talk}");
    // And so does the check of the whole configuration.
    let whole = mail(&format!("[routing]\nfile = {people:?}\n"));
    let talk = cli(&["config", "check", "--config", &whole]).fails(1);
    assert!(talk.contains("[[email]] has no `to`"), "{talk}");
    let rules = file(
        "rules.toml",
        "[[rule]]\nid = \"r\"\ntitle = \"t\"\nkind = \"threshold\"\nmetric = \"8867-4\"\nabove = 120\nunit = \"/min\"\n\
         priority = \"high\"\nescalate = [{ after = \"5m\", to = \"porter\" }]\n",
    );
    let talk = cli(&["routing", "check", &sample(), "--rules", &rules]).fails(1);
    assert!(talk.contains("`porter`"), "{talk}");
}

#[test]
fn who_is_told_depends_on_team_priority_and_hour() {
    let who = |words: &[&str]| {
        let file = sample();
        cli(&[&["routing", "who", &file], words].concat())
    };
    // A Monday at 10:00 in Berlin, then the Saturday before at 03:00.
    let (day, night) = ("2026-11-23T09:00:00Z", "2026-11-21T02:00:00Z");
    let home = ["--priority", "medium", "--team", "hf-home", "--at"];
    let by_day = who(&[&home[..], &[day]].concat()).json();
    let people: Vec<_> = by_day
        .as_array()
        .unwrap()
        .iter()
        .map(|told| (told["person"].as_str().unwrap(), told["held"] == true))
        .collect();
    assert!(
        people.contains(&("n.ito", false)) && people.contains(&("b.cho", false)),
        "{by_day}"
    );
    let by_night = who(&[&home[..], &[night]].concat()).json();
    for told in by_night.as_array().unwrap() {
        assert_eq!(
            (&told["route"], &told["held"], &told["heldUntil"]),
            (&json!("home"), &json!(true), &json!("2026-11-23T07:00:00Z"))
        );
    }
    let urgent = ["--priority", "high", "--team", "hf-home", "--at", night];
    let urgent = who(&urgent).json();
    assert!(
        urgent
            .as_array()
            .unwrap()
            .iter()
            .all(|told| told["held"] == false && told["route"] == "home-high"),
        "{urgent}"
    );
    let table = who(&["--priority", "low", "--class", "technical", "--at", day]).ok();
    assert!(
        table.contains("equipment") && table.contains("ward-webhook"),
        "{table}"
    );
}

#[test]
fn every_fault_of_configuration_rules_and_routing_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let rules = file("rules.toml", "[[rule]]\nid = \"a\"\ncolour = 1\n");
    let routing = file(
        "routing.toml",
        "fallback = [\"channel:nobody\"]\n[[route]]\nto = [\"channel:desk\"]\n",
    );
    let config = file(
        "wardline.toml",
        &format!(
            "site = \"a b\"\n[rules]\nfile = {rules:?}\n[routing]\nfile = {routing:?}\n\
             [[webhook]]\nname = \"desk\"\nurl = \"ftp://x\"\nsecret = \"s\"\n"
        ),
    );
    for command in [["config", "check"].as_slice(), &["serve"]] {
        let ran = cli(&[command, &["--config", &config]].concat()).run();
        for fault in [
            "site ",
            "webhook[0].url",
            "rules.toml:1:1",
            "routing.toml:1:",
            "`nobody`",
        ] {
            assert!(
                ran.talk.contains(fault),
                "{command:?}: {fault}: {}",
                ran.talk
            );
        }
    }
    let missing = file(
        "missing.toml",
        "[rules]\nfile = \"/no/rules.toml\"\n[routing]\nfile = \"/no/routing.toml\"\n",
    );
    let talk = cli(&["config", "check", "--config", &missing]).fails(1);
    assert!(
        talk.contains("/no/rules.toml") && talk.contains("/no/routing.toml"),
        "{talk}"
    );
    // Sound, and yet nobody would hear: it is said.
    let ladder = file(
        "ladder.toml",
        "[[rule]]\nid = \"r\"\ntitle = \"t\"\nkind = \"threshold\"\nmetric = \"8867-4\"\nabove = 120\nunit = \"/min\"\n\
         priority = \"high\"\nescalate = [{ after = \"5m\", to = \"porter\" }]\n",
    );
    let deaf = file(
        "deaf.toml",
        &format!(
            "[routing]\nfile = {:?}\n[[webhook]]\nname = \"desk\"\nurl = \"http://127.0.0.1:1/\"\nsecret = \"s\"\n\
             [[webhook]]\nname = \"deaf\"\nurl = \"http://127.0.0.1:1/\"\nsecret = \"s\"\n",
            file(
                "desk.toml",
                "fallback = [\"channel:desk\"]\n[[route]]\nto = [\"channel:desk\"]\n"
            )
        ),
    );
    let unrouted = file("unrouted.toml", &format!("[rules]\nfile = {ladder:?}\n"));
    for (config, warning) in [(deaf, "`deaf` hears nothing"), (unrouted, "porter")] {
        let ran = cli(&["config", "check", "--config", &config]).run();
        assert_eq!(ran.code, 0, "{}", ran.talk);
        assert!(ran.talk.contains(warning), "{}", ran.talk);
    }
}
