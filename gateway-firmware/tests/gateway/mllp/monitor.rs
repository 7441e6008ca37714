//! A monitor made of a socket.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::broker::PATIENCE;

pub(super) struct Monitor<S = TcpStream> {
    pub(super) stream: S,
    received: Vec<u8>,
}

impl Monitor {
    pub(super) async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await;
        Self::over(stream.expect("a connection"))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Monitor<S> {
    pub(super) fn over(stream: S) -> Self {
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// In a frame.
    pub(super) async fn say(&mut self, message: &str) {
        let frame = format!("\u{b}{message}\u{1c}\r");
        self.stream
            .write_all(frame.as_bytes())
            .await
            .expect("a connection");
    }

    /// The next answer's MSA as `code id`; `None` when the connection has ended.
    pub(super) async fn answer(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == 0x1C) {
                let frame: Vec<u8> = self.received.drain(..=end).collect();
                let frame = String::from_utf8(frame).expect("UTF-8");
                let msa = frame.split('\r').find(|line| line.starts_with("MSA|"));
                let mut fields = msa.expect("MSA").split('|').skip(1);
                let (code, id) = (fields.next(), fields.next());
                return Some(format!("{} {}", code.unwrap_or(""), id.unwrap_or("")));
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await;
            if read.expect("an answer in time").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub(super) async fn ask(&mut self, message: &str) -> String {
        self.say(message).await;
        self.answer().await.expect("an answer")
    }
}

/// Heart rate of a monitor at a second of 2026-11-22; `asked` is MSH-15 and MSH-16 as `AL|NE`.
pub(super) fn reading(monitor: u32, second: u32, asked: &str) -> String {
    let (accept, application) = asked.split_once('|').unwrap_or_default();
    let time = format!(
        "20261122{:02}{:02}{:02}+0000",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    format!(
        "MSH|^~\\&|MON^00A03700{monitor:08X}^EUI-64||||{time}||ORU^R01^ORU_R01|{second}|P|2.6|||{accept}|{application}\r\
         PID|||P-{monitor}\rPV1||I|ICU^^{monitor}\rOBR|1|||182777000^monitoring of patient^SCT|||{time}\r\
         OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R\r\
         OBX|2|NM|150344^MDC_TEMP^MDC|1.13.1.1|37.20|268192^MDC_DIM_DEGC^MDC|||||R\r"
    )
}

/// An alarm message (PCD-04): of a priority, about an event.
pub(super) fn alarm(id: &str, priority: &str, event: &str) -> String {
    format!(
        "MSH|^~\\&|EGATE^00A0370000000002^EUI-64||||20261122120000+0000||ORU^R40^ORU_R40|{id}|P|2.6|||AL|NE||||||\
         IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4.1^ISO\r\
         PID|||P-2\rPV1||I|ICU^^7\r\
         OBR|1|{id}^EGATE|{id}^EGATE|196616^MDC_EVT_ALARM^MDC|||20261122120000+0000\r\
         OBX|1|ST|{event}^MDC|1.3.1.150456.1|Low SpO2|||{priority}|||F|||20261122120000+0000\r\
         OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456.2|88|262688^MDC_DIM_PERCENT^MDC|90-96||||F\r\
         OBX|3|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.3.1.150456.3|start||||||F\r\
         OBX|4|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.3.1.150456.4|active||||||F\r"
    )
}
