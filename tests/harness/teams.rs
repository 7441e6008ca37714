//! Stands for a workflow of Microsoft Teams: an HTTPS server that keeps the cards it is sent.

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use super::certificate::Certificate;

/// Bytes that Teams takes.
const LIMIT: usize = 28 * 1024;

/// How an old workflow says that Teams took no card: with a body whose length it does not name.
pub(crate) const NOT_TAKEN: &str = "200 OK\r\ntransfer-encoding: chunked";

/// Never answers.
pub(crate) const HANG: &str = "";

#[derive(Debug, Clone)]
pub(crate) struct Teams {
    pub(crate) address: SocketAddr,
    /// The authority of its certificate.
    pub(crate) certificate: Arc<Certificate>,
    posts: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Teams {
    /// Gives these answers (status, and headers after a line break) one after the other, then 202.
    pub(crate) fn answering(answers: Vec<&'static str>) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let certificate = Arc::new(Certificate::new());
        let chain = CertificateDer::pem_file_iter(certificate.cert()).unwrap();
        let key = PrivateKeyDer::from_pem_file(certificate.key()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let teams = Self {
            address: listener.local_addr().unwrap(),
            certificate,
            posts: Arc::default(),
        };
        let posts = Arc::clone(&teams.posts);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, posts) = (Arc::clone(&config), Arc::clone(&posts));
                let answers = answers.clone();
                std::thread::spawn(move || {
                    let connection = ServerConnection::new(config).unwrap();
                    serve(StreamOwned::new(connection, stream), &posts, &answers)
                });
            }
        });
        teams
    }

    /// Path of the workflow: whoever knows it may post.
    pub(crate) fn url(&self) -> String {
        format!(
            "https://localhost:{}/workflows/w1?sig=hush-hush",
            self.address.port()
        )
    }

    /// The cards so far, each checked against what Teams documents.
    pub(crate) fn cards(&self) -> Vec<Value> {
        let posts = self.posts.lock().unwrap();
        posts.iter().map(|body| card(body)).collect()
    }
}

/// Answers request after request until the other side goes; none is how it ends.
fn serve(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    posts: &Mutex<Vec<Vec<u8>>>,
    answers: &[&str],
) -> Option<()> {
    let mut input = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            more(&mut stream, &mut input)?;
        };
        let text = String::from_utf8(input[..head].to_vec())
            .ok()?
            .to_lowercase();
        assert!(
            text.starts_with("post /workflows/w1?sig=hush-hush "),
            "{text}"
        );
        assert!(text.contains("content-type: application/json"), "{text}");
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))?;
        let end = head + 4 + length.trim().parse::<usize>().ok()?;
        while input.len() < end {
            more(&mut stream, &mut input)?;
        }
        let body = input[head + 4..end].to_vec();
        input.drain(..end);
        let seen = {
            let mut posts = posts.lock().unwrap();
            posts.push(body);
            posts.len()
        };
        let answer = answers.get(seen - 1).unwrap_or(&"202 Accepted");
        if *answer == HANG {
            more(&mut stream, &mut input)?;
        }
        let rest = if *answer == NOT_TAKEN {
            // Cut where it hurts.
            "\r\n\r\n7\r\nWebhook\r\n2e\r\n message delivery failed with error: HTTP 429.\r\n0\r\n\r\n"
        } else {
            "\r\ncontent-length: 0\r\n\r\n"
        };
        let answer = format!("HTTP/1.1 {answer}{rest}");
        stream.write_all(answer.as_bytes()).ok()?;
    }
}

fn more(stream: &mut impl Read, input: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 4096];
    let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
    input.extend(&piece[..read]);
    Some(())
}

/// The card of a message, after everything about it was looked at.
fn card(body: &[u8]) -> Value {
    assert!(body.len() <= LIMIT, "{} bytes", body.len());
    let message: Value = serde_json::from_slice(body).unwrap();
    keys(&message, &["type", "attachments"], &[]);
    assert_eq!(message["type"], "message");
    let attachments = message["attachments"].as_array().unwrap();
    assert_eq!(attachments.len(), 1);
    let attachment = &attachments[0];
    keys(attachment, &["contentType", "contentUrl", "content"], &[]);
    assert_eq!(
        attachment["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    assert!(attachment["contentUrl"].is_null());
    let card = &attachment["content"];
    let required = ["$schema", "type", "version", "body", "fallbackText"];
    keys(card, &required, &["actions"]);
    assert_eq!(card["type"], "AdaptiveCard");
    assert_eq!(
        card["$schema"],
        "http://adaptivecards.io/schemas/adaptive-card.json"
    );
    assert!(["1.2", "1.3", "1.4", "1.5"].contains(&card["version"].as_str().unwrap()));
    elements(&card["body"]);
    if let Some(actions) = card["actions"].as_array() {
        assert!((1..=6).contains(&actions.len()), "Teams shows six");
        for action in actions {
            keys(action, &["type", "title", "url"], &[]);
            assert_eq!(action["type"], "Action.OpenUrl");
            assert!(action["url"].as_str().unwrap().starts_with("https://"));
        }
    }
    card.clone()
}

fn elements(list: &Value) {
    let list = list.as_array().unwrap();
    assert!(!list.is_empty());
    for element in list {
        match element["type"].as_str().unwrap() {
            "Container" => {
                keys(element, &["type", "items"], &["separator", "spacing"]);
                elements(&element["items"]);
            }
            "RichTextBlock" => {
                keys(element, &["type", "inlines"], &[]);
                for run in element["inlines"].as_array().unwrap() {
                    keys(
                        run,
                        &["type", "text"],
                        &["size", "weight", "color", "isSubtle"],
                    );
                    assert_eq!(run["type"], "TextRun");
                    assert!(!run["text"].as_str().unwrap().is_empty());
                    word(
                        &run["size"],
                        &["Small", "Default", "Medium", "Large", "ExtraLarge"],
                    );
                    word(&run["weight"], &["Lighter", "Default", "Bolder"]);
                    word(
                        &run["color"],
                        &[
                            "Default",
                            "Dark",
                            "Light",
                            "Accent",
                            "Good",
                            "Warning",
                            "Attention",
                        ],
                    );
                }
            }
            other => panic!("an element {other}"),
        }
    }
}

fn word(value: &Value, known: &[&str]) {
    assert!(
        value.is_null() || known.contains(&value.as_str().unwrap()),
        "{value}"
    );
}

/// All of the first are there, and beyond them only of the second.
fn keys(value: &Value, required: &[&str], optional: &[&str]) {
    let fields = value.as_object().unwrap();
    let known = |name: &str| required.contains(&name) || optional.contains(&name);
    assert!(
        required.iter().all(|name| fields.contains_key(*name)),
        "{value}"
    );
    assert!(fields.keys().all(|name| known(name)), "{value}");
}
