//! Messages are found however their bytes come, and what is none does no harm.

use super::*;

#[tokio::test]
async fn bytes_may_come_in_any_pieces() {
    let ward = Ward::new("");
    let stream: Vec<u8> = (0..3)
        .flat_map(|id| wrap(reading(&id.to_string(), "", 70 + id).as_bytes()))
        .collect();
    for step in [1, 2, 7, 100, 5_000] {
        let mut monitor = ward.connect();
        for bytes in stream.chunks(step) {
            monitor.send(bytes).await;
        }
        for id in 0..3 {
            assert_eq!(monitor.code().await, format!("AA {id}"), "{step}");
        }
        assert_eq!(monitor.hang_up().await, Vec::<String>::new());
    }
    // The later rounds were resends of the first.
    assert!(ward.counted("resends_total{source=\"ward\"} 12"));
    assert_eq!(ward.spool.taken().len(), 3);
}

#[tokio::test]
async fn junk_missing_ends_and_other_line_ends_are_read_over() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    monitor.send(b"\r\n\0HELO\r\n").await;
    // No CR behind the frame.
    let mut frame = wrap(reading("1", "", 70).as_bytes());
    frame.pop();
    monitor.send(&frame).await;
    monitor.send(b"junk").await;
    monitor
        .say(&[reading("2", "", 71).replace('\r', "\n")])
        .await;
    monitor
        .say(&[reading("3", "", 72).replace('\r', "\r\n")])
        .await;
    for id in 1..=3 {
        assert_eq!(monitor.code().await, format!("AA {id}"));
    }
    monitor.hang_up().await;
    assert!(ward.counted("repairs_total{source=\"ward\",kind=\"junk-between-frames\"} 2"));
    assert!(ward.counted("repairs_total{source=\"ward\",kind=\"line-ends\"} 2"));
    assert_eq!(ward.spool.taken().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn senders_that_frame_nothing_end_a_message_by_the_next_or_by_a_pause() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    monitor.send(reading("1", "", 70).as_bytes()).await;
    monitor.send(reading("2", "", 71).as_bytes()).await;
    let first = monitor.answer().await.expect("an answer");
    assert!(
        first.contains("MSA|AA|1\r") && !first.contains('\u{b}'),
        "{first}"
    );
    monitor.hang_up().await;
    assert_eq!(ward.spool.taken().len(), 2);

    let mut monitor = ward.connect();
    monitor.send(reading("3", "", 72).as_bytes()).await;
    // The clock goes on when nobody has anything to do.
    ward.spool.puts(3).await;
    monitor.hang_up().await;
    assert_eq!(ward.spool.taken().len(), 3);
}

#[tokio::test]
async fn a_message_that_breaks_off_is_not_acknowledged() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    let frame = wrap(reading("1", "", 70).as_bytes());
    monitor.send(&frame[..frame.len() - 10]).await;
    assert_eq!(monitor.hang_up().await, Vec::<String>::new());
    let mut monitor = ward.connect();
    monitor.send(&frame[..50]).await;
    monitor.say(&[reading("2", "", 71)]).await;
    assert_eq!(monitor.code().await, "AA 2");
    monitor.hang_up().await;
    assert!(ward.counted("rejects_total{source=\"ward\",kind=\"truncated\"} 2"));
    assert_eq!(ward.spool.taken().len(), 1);
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_and_the_next_is_read() {
    let ward = Ward::new("max-message = \"2KiB\"");
    let mut monitor = ward.connect();
    let long = reading("1", "", 70) + &"NTE|1||".repeat(500);
    monitor.say(&[long, reading("2", "", 71)]).await;
    let answer = monitor.answer().await.expect("an answer");
    assert!(answer.contains("MSA|AR|1\r"), "{answer}");
    assert_eq!(monitor.code().await, "AA 2");
    monitor.hang_up().await;
    assert!(ward.counted("rejects_total{source=\"ward\",kind=\"too-long\"} 1"));
    assert_eq!(ward.spool.taken().len(), 1);
}

#[tokio::test]
async fn batches_are_acknowledged_message_by_message() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    let batch = format!(
        "FHS|^~\\&|F\rBHS|^~\\&|B\r{}{}BTS|2\rFTS|1\r",
        reading("1", "", 70),
        reading("2", "AL|NE", 71)
    );
    monitor.say(&[batch]).await;
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(monitor.code().await, "CA 2");
    assert_eq!(monitor.hang_up().await, Vec::<String>::new());
    assert_eq!(ward.spool.taken().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let ward = Ward::new("idle = \"10s\"");
    let mut monitor = ward.connect();
    monitor.say(&[reading("1", "", 70)]).await;
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(monitor.answer().await, None);
    assert!(ward.counted("closed_total{source=\"ward\",kind=\"idle\"} 1"));
    assert!(ward.counted("connections{source=\"ward\"} 0"));
    let device = ward.origin.shared.devices.snapshot();
    assert!(device.values().all(|device| device.state == "disconnected"));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_no_answers_is_not_read_from_and_closed() {
    let ward = Ward::new("idle = \"0s\"");
    let mut monitor = ward.connect();
    let mut sent = 0_u32;
    loop {
        let frame = wrap(reading(&sent.to_string(), "", sent % 200).as_bytes());
        // Fails when the connection is closed.
        if monitor.stream.write_all(&frame).await.is_err() {
            break;
        }
        sent += 1;
    }
    monitor.task.await.unwrap();
    assert!(ward.counted("closed_total{source=\"ward\",kind=\"slow\"} 1"));
    // What fits into the pipe's two directions, and the pipeline.
    assert!(sent < 200, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn half_messages_that_fill_the_memory_are_given_up() {
    let ward = Ward::new("idle = \"0s\"");
    let begin = format!("\u{b}{}NTE|1||", reading("1", "", 70));
    let (mut one, mut two) = (ward.connect(), ward.connect());
    // 64 KiB and two times 16 are to be had.
    for monitor in [&mut one, &mut two] {
        monitor.send(begin.as_bytes()).await;
        monitor.send(&[b'x'; 40 << 10]).await;
    }
    let fill = |mut monitor: Monitor| async move {
        let rest = [b'x'; 30 << 10];
        drop(monitor.stream.write_all(&rest).await);
        drop(monitor.stream.write_all(b"\r\x1c\r").await);
        monitor.answer().await
    };
    let (one, two) = tokio::join!(fill(one), fill(two));
    let answered = [one, two].into_iter().flatten().count();
    assert_eq!(answered, 1);
    assert!(ward.counted("closed_total{source=\"ward\",kind=\"memory\"} 1"));
    assert_eq!(ward.origin.shared.memory.available_permits(), 64);
}
