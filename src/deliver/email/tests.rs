use lettre::message::Mailbox;
use wardline_store::registry::OutboxEntry;

use super::super::message::Message;
use super::super::message::tests::{alert, notification};
use super::super::retry::tests::entry;
use super::{Letter, is_final};
use crate::config::Show;

fn letter(entry: &OutboxEntry, message: &Message, link: Option<&str>) -> String {
    let from: Mailbox = "Wardline <w@hospital.example>".parse().unwrap();
    let to: Mailbox = "ann@hospital.example".parse().unwrap();
    let letter = Letter {
        entry,
        message,
        show: &Show::default(),
        link,
    };
    let written = letter.written(&from, to).unwrap();
    String::from_utf8(written.formatted()).unwrap()
}

fn header<'a>(letter: &'a str, name: &str) -> &'a str {
    let mut lines = letter.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("{name} in {letter}"))
}

#[test]
fn a_letter_says_what_it_may_and_hangs_on_its_thread() {
    let message = notification("page", &[alert("a1", Some("12"))]);
    let first = letter(&entry("n1"), &message, Some("https://w.example/ack/t"));
    assert_eq!(header(&first, "Subject"), "[Wardline] high alert, bed 12");
    for personal in ["p1", "tachycardia", "131", "evil"] {
        assert!(!first.contains(personal), "{personal} in {first}");
    }
    assert!(first.contains("https://w.example/ack/t"));
    let again = letter(&entry("n1"), &message, None);
    let id = header(&first, "Message-ID");
    assert_eq!(id, header(&again, "Message-ID"), "at every attempt");
    assert!(id.ends_with("@hospital.example>"));
    let next = letter(&entry("n2"), &message, None);
    assert_ne!(id, header(&next, "Message-ID"));
    assert_eq!(header(&first, "References"), header(&next, "References"));
    assert_eq!(header(&first, "In-Reply-To"), header(&next, "In-Reply-To"));
}

#[test]
fn a_bed_with_a_line_break_makes_no_line_of_its_own() {
    let message = notification("page", &[alert("a1", Some("12\r\nBcc: x@evil.example"))]);
    let letter = letter(&entry("n1"), &message, None);
    assert!(
        !letter.lines().any(|line| line.starts_with("Bcc")),
        "{letter}"
    );
}

#[test]
fn an_address_is_refused_for_good_and_a_policy_is_mended() {
    for (number, said, last) in [
        (550, "5.1.1 <x@y.example>: nobody of that name", true),
        (552, "5.2.3 too big", true),
        (554, "nothing is said", true),
        (550, "", true),
        (550, "5.7.1 relaying denied", false),
        (554, "5.3.2 the system takes no mail now", false),
        (521, "no mail here", false),
        (535, "5.7.8 bad credentials", false),
    ] {
        assert_eq!(is_final(number, said), last, "{number} {said}");
    }
}
