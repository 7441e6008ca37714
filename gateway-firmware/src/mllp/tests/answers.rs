//! Acknowledgements: which, when and in which order.

use super::*;

#[tokio::test]
async fn each_mode_is_answered_as_the_fields_ask() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    for (id, (asked, expected)) in [
        ("", "AA"),
        ("NE|AL", "AA"),
        ("AL|NE", "CA"),
        ("SU|NE", "CA"),
    ]
    .into_iter()
    .enumerate()
    {
        monitor.say(&[reading(&id.to_string(), asked, 70)]).await;
        assert_eq!(monitor.code().await, format!("{expected} {id}"));
    }
    monitor.say(&[reading("both", "AL|AL", 70)]).await;
    assert_eq!(monitor.code().await, "CA both");
    assert_eq!(monitor.code().await, "AA both");
    monitor
        .say(&[reading("none", "NE|NE", 70), reading("er", "ER|ER", 70)])
        .await;
    assert_eq!(monitor.hang_up().await, Vec::<String>::new());
    assert!(ward.counted("answers_total{source=\"ward\",code=\"AA\"} 3"));
    assert!(ward.counted("answers_total{source=\"ward\",code=\"CA\"} 3"));
}

#[tokio::test]
async fn a_source_that_insists_gets_what_it_insists_on() {
    for (mode, asked, expected) in [
        ("original", "AL|NE", "AA"),
        ("AA", "NE|NE", "AA"),
        ("CA", "NE|AL", "CA"),
        ("enhanced", "", "CA"),
    ] {
        let ward = Ward::new(&format!("ack = \"{mode}\""));
        let mut monitor = ward.connect();
        monitor.say(&[reading("1", asked, 70)]).await;
        assert_eq!(monitor.code().await, format!("{expected} 1"), "{mode}");
        assert_eq!(monitor.hang_up().await, Vec::<String>::new(), "{mode}");
    }
    let ward = Ward::new("ack = \"none\"");
    let mut monitor = ward.connect();
    monitor.say(&[reading("1", "AL|AL", 70)]).await;
    assert_eq!(monitor.hang_up().await, Vec::<String>::new());
    // Nothing was promised.
    assert_eq!(ward.spool.taken()[0].class, crate::source::Class::Stream);
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_synced_nor_out_of_order() {
    let ward = Ward::new("");
    ward.spool.is(Mood::Holds);
    let mut monitor = ward.connect();
    monitor
        .say(&[
            reading("1", "", 70),
            reading("2", "", 71),
            reading("3", "", 72),
        ])
        .await;
    ward.spool.puts(3).await;
    assert!(ward.counted("messages_total{source=\"ward\",kind=\"R01\"} 3"));
    // The last is synced first, and waits for the others.
    ward.spool.release(true);
    ward.spool.release(true);
    assert!(!ward.counted("answers_total{source=\"ward\",code=\"AA\"} 1"));
    ward.spool.release(true);
    for id in 1..=3 {
        assert_eq!(monitor.code().await, format!("AA {id}"));
    }
}

#[tokio::test]
async fn a_full_spool_is_said_and_the_same_message_is_taken_later() {
    let ward = Ward::new("");
    ward.spool.is(Mood::Full);
    let mut monitor = ward.connect();
    for (asked, expected) in [
        ("", "AE"),
        ("AL|NE", "CE"),
        ("AL|AL", "CE"),
        ("NE|ER", "AE"),
    ] {
        monitor.say(&[reading("1", asked, 70)]).await;
        assert_eq!(monitor.code().await, format!("{expected} 1"));
    }
    ward.spool.is(Mood::Takes);
    monitor.say(&[reading("1", "", 70)]).await;
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(ward.spool.taken().len(), 1);
    monitor.hang_up().await;
}

#[tokio::test]
async fn what_a_spool_that_is_full_loses_of_a_source_without_answers_is_counted() {
    let ward = Ward::new("ack = \"none\"");
    ward.spool.is(Mood::Full);
    let mut monitor = ward.connect();
    monitor.say(&[reading("1", "", 70)]).await;
    monitor.hang_up().await;
    assert!(ward.counted("lost_total{source=\"ward\"} 1"));
}

#[tokio::test]
async fn acknowledgements_are_never_acknowledged() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    monitor
        .say(&[
            "MSH|^~\\&|M|||||| ACK^R01^ACK|9|P|2.6|||AL|AL\rMSA|AA|1\r".to_owned(),
            "MSH|^~\\&|M||||||ORF^R04|10|P|2.6|||AL|AL\rMSA|AA|1\r".to_owned(),
        ])
        .await;
    monitor.say(&[reading("1", "", 70)]).await;
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(monitor.hang_up().await, Vec::<String>::new());
}

#[tokio::test]
async fn questions_and_admissions_are_refused() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    for (id, kind) in ["QRY^R02", "QRY^A19", "ADT^A01", "MDM^T02"]
        .into_iter()
        .enumerate()
    {
        monitor
            .say(&[format!(
                "MSH|^~\\&|M||||20261122120000||{kind}|{id}|P|2.6\rQRD|1\r"
            )])
            .await;
        assert_eq!(monitor.code().await, format!("AR {id}"), "{kind}");
    }
    assert_eq!(monitor.hang_up().await, Vec::<String>::new());
    assert_eq!(ward.spool.taken(), []);
    assert!(ward.counted("rejects_total{source=\"ward\",kind=\"query\"} 2"));
}

#[tokio::test]
async fn a_resend_is_answered_again_and_published_once() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    monitor.say(&[reading("1", "", 70)]).await;
    assert_eq!(monitor.code().await, "AA 1");
    monitor.hang_up().await;
    let mut monitor = ward.connect();
    // The same again; then another message under the same number: the sender counts from 1 again.
    monitor
        .say(&[reading("1", "", 70), reading("1", "", 99)])
        .await;
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(monitor.code().await, "AA 1");
    monitor.hang_up().await;
    assert!(ward.counted("resends_total{source=\"ward\"} 1"));
    assert_eq!(ward.spool.taken().len(), 2);
}

#[tokio::test]
async fn a_stop_answers_what_was_taken_and_closes() {
    let ward = Ward::new("");
    ward.spool.is(Mood::Holds);
    let mut monitor = ward.connect();
    monitor.say(&[reading("1", "", 70)]).await;
    ward.spool.puts(1).await;
    monitor.stop.cancel();
    ward.spool.release(false);
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(monitor.answer().await, None);
    assert!(ward.counted("closed_total{source=\"ward\",kind=\"stopped\"} 1"));
}
