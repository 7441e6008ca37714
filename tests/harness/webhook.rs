//! A small HTTP server that keeps what it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) signature: String,
    pub(crate) key: String,
    pub(crate) body: Vec<u8>,
}

impl Post {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) address: SocketAddr,
    pub(crate) posts: Arc<Mutex<Vec<Post>>>,
}

/// One whose address is known and where nobody listens yet: connections are refused.
#[derive(Debug)]
pub(crate) struct Down {
    socket: TcpSocket,
    pub(crate) address: SocketAddr,
}

impl Down {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    /// Listens from now on.
    pub(crate) fn up(self) -> Webhook {
        Webhook::serve(self.socket.listen(64).unwrap(), Vec::new())
    }
}

impl Webhook {
    /// Answers the first `failures` requests with 503, the others with 204.
    pub(crate) async fn start(failures: usize) -> Self {
        Self::answering(vec!["503 Busy"; failures]).await
    }

    /// Gives these answers (status, and headers after a line break) one after the other, then 204.
    pub(crate) async fn answering(answers: Vec<&'static str>) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers)
    }

    fn serve(listener: TcpListener, answers: Vec<&'static str>) -> Self {
        let webhook = Self {
            address: listener.local_addr().unwrap(),
            posts: Arc::default(),
        };
        let kept = webhook.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, answers) = (kept.clone(), answers.clone());
                tokio::spawn(async move {
                    let mut input = Vec::new();
                    while let Some(post) = read(&mut stream, &mut input).await {
                        let seen = {
                            let mut posts = kept.posts.lock().unwrap();
                            posts.push(post);
                            posts.len()
                        };
                        let answer = answers.get(seen - 1).unwrap_or(&"204 No Content");
                        let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n");
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        webhook
    }

    /// Bodies in the order of receipt.
    pub(crate) fn bodies(&self) -> Vec<serde_json::Value> {
        let posts = self.posts.lock().unwrap();
        posts.iter().map(Post::json).collect()
    }
}

async fn read(stream: &mut tokio::net::TcpStream, input: &mut Vec<u8>) -> Option<Post> {
    let head = loop {
        if let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(input).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(input[..head].to_vec()).ok()?;
    let header = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = header("content-length")?.parse().ok()?;
    while input.len() < head + 4 + length {
        if stream.read_buf(input).await.ok()? == 0 {
            return None;
        }
    }
    let body = input[head + 4..head + 4 + length].to_vec();
    input.drain(..head + 4 + length);
    Some(Post {
        signature: header("wardline-signature")?,
        key: header("idempotency-key")?,
        body,
    })
}
