use super::*;

fn codes(mode: AckMode, accept: &str, application: &str, verdict: Verdict) -> String {
    let answers = Asked::new(mode, accept, application).answers(verdict);
    let codes = [answers.accept, answers.application];
    let codes: Vec<&str> = codes.iter().flatten().map(|code| code.as_str()).collect();
    codes.join(" ")
}

#[test]
fn every_mode_answers_as_the_standard_says() {
    use AckMode::{Accept, Auto, Enhanced, None, Original};
    // Mode, MSH-15, MSH-16: taken | later | never.
    let table = [
        (Auto, "", "", "AA|AE|AR"),
        (Auto, "NE", "AL", "AA|AE|AR"),
        (Auto, "AL", "NE", "CA|CE|CR"),
        (Auto, "AL", "", "CA|CE|CR"),
        (Auto, "", "AL", "AA|AE|AR"),
        (Auto, "AL", "AL", "CA AA|CE|CR"),
        (Auto, "NE", "NE", "||"),
        (Auto, "ER", "NE", "|CE|CR"),
        (Auto, "ER", "AL", "AA|CE|CR"),
        (Auto, "SU", "ER", "CA|AE|AR"),
        (Auto, "NE", "SU", "AA||"),
        (Auto, "NE", "ER", "|AE|AR"),
        // What is no word of table 0155.
        (Auto, "YES", "NE", "CA|CE|CR"),
        (Original, "AL", "NE", "AA|AE|AR"),
        (Original, "NE", "NE", "AA|AE|AR"),
        (Accept, "NE", "AL", "CA|CE|CR"),
        (Accept, "", "", "CA|CE|CR"),
        (Enhanced, "", "", "CA|CE|CR"),
        (Enhanced, "", "AL", "CA AA|CE|CR"),
        (Enhanced, "NE", "", "||"),
        (None, "AL", "AL", "||"),
        (None, "", "", "||"),
    ];
    for (mode, accept, application, expected) in table {
        let verdicts = [Verdict::Taken, Verdict::Later, Verdict::Never];
        let found = verdicts.map(|verdict| codes(mode, accept, application, verdict));
        assert_eq!(
            found.join("|"),
            expected,
            "{mode:?} {accept:?} {application:?}"
        );
    }
}

#[test]
fn a_message_is_confirmed_when_success_is_told() {
    let confirms = |accept, application| Asked::new(AckMode::Auto, accept, application).confirms();
    assert!(confirms("", "") && confirms("AL", "NE") && confirms("NE", "SU"));
    assert!(!confirms("NE", "NE") && !confirms("ER", "ER"));
}
