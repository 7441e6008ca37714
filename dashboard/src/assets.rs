//! The ward screen: a page, its scripts, style and icon, part of the program.

use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::app::Call;
use crate::reply::{Failure, Reply, ReplyBody};

struct Asset {
    name: &'static str,
    kind: &'static str,
    body: &'static str,
}

const PAGE: Asset = Asset {
    name: "index.html",
    kind: "text/html; charset=utf-8",
    body: include_str!("../assets/index.html"),
};

const FILES: [Asset; 5] = [
    Asset {
        name: "ward.js",
        kind: "text/javascript; charset=utf-8",
        body: include_str!("../assets/ward.js"),
    },
    Asset {
        name: "base.js",
        kind: "text/javascript; charset=utf-8",
        body: include_str!("../assets/base.js"),
    },
    Asset {
        name: "told.js",
        kind: "text/javascript; charset=utf-8",
        body: include_str!("../assets/told.js"),
    },
    Asset {
        name: "ward.css",
        kind: "text/css; charset=utf-8",
        body: include_str!("../assets/ward.css"),
    },
    Asset {
        name: "icon.svg",
        kind: "image/svg+xml",
        body: include_str!("../assets/icon.svg"),
    },
];

/// One tag for all files: a new version replaces them together.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for file in std::iter::once(&PAGE).chain(&FILES) {
        hash.update(file.body);
    }
    let hex: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
});

pub(crate) async fn page(call: Call) -> Result<Reply, Failure> {
    Ok(answer(&call, &PAGE))
}

pub(crate) async fn asset(call: Call) -> Result<Reply, Failure> {
    let name = call.id()?;
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => Ok(answer(&call, file)),
        None => Err(Failure::not_found("file")),
    }
}

fn answer(call: &Call, file: &Asset) -> Reply {
    let mut reply = Reply::new(StatusCode::OK, file.kind, file.body)
        .header(header::ETAG, &TAG)
        .header(header::CACHE_CONTROL, "no-cache");
    if call.header("if-none-match") == Some(TAG.as_str()) {
        reply.status = StatusCode::NOT_MODIFIED;
        reply.body = ReplyBody::Full(Bytes::new());
    }
    reply
}
