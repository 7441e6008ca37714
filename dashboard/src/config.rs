//! Settings and limits. Every limit is a named number with its reason.

use std::time::Duration;

use crate::backend::Micros;

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// Serve `/metrics` without a token, for a scraper on a closed network.
    pub metrics_public: bool,
    /// Where clients reach us, as `https://wardline.example`, for links in Bundles; without it, links
    /// follow the request's `Host`.
    pub public_url: Option<String>,
    /// Allow a bind off loopback without TLS. Only for a proxy that ends TLS on the same machine's network.
    pub insecure: bool,
    /// The server's clock.
    pub clock: fn() -> Micros,
    /// Bounds.
    pub limits: Limits,
}

impl Config {
    /// The defaults, with the given clock.
    pub fn new(clock: fn() -> Micros) -> Self {
        Self {
            metrics_public: false,
            public_url: None,
            insecure: false,
            clock,
            limits: Limits::default(),
        }
    }
}

/// Bounds on what clients may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections. Each costs up to 100 KB of buffers, so 2,048 are about 200 MB at worst.
    pub connections: usize,
    /// Requests being answered at once, streams not counted; more are told to come again.
    pub requests: usize,
    /// Open live streams and exports: wall displays and browsers of one hospital, with room.
    pub streams: usize,
    /// Bytes of a request body. The largest legitimate one is a rule-sized SQL text or a form.
    pub body: usize,
    /// Time for a request's headers to arrive.
    pub header_timeout: Duration,
    /// Time for an answer, body included.
    pub request_timeout: Duration,
    /// The same for SQL.
    pub sql_timeout: Duration,
    /// The same for a backup.
    pub copy_timeout: Duration,
    /// Time a client may leave bytes untaken before it is cut off.
    pub stall_timeout: Duration,
    /// Time given to open requests at shutdown.
    pub grace: Duration,
    /// Shortest time between two frames of a live stream: four a second is as fast as people read.
    pub frame_interval: Duration,
    /// Longest silence on a live stream. The screen calls the line dead after 3 s.
    pub heartbeat: Duration,
    /// How often a live stream looks whether its token still holds.
    pub recheck: Duration,
    /// Refused tokens from one address in `failure_window` before it is told to slow down.
    pub failures: u32,
    /// Refused enrolments from one address in `failure_window` before it is refused unheard.
    pub enrolments: u32,
    /// Over which time refused tokens are counted.
    pub failure_window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2_048,
            requests: 256,
            streams: 256,
            body: 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            sql_timeout: Duration::from_secs(120),
            copy_timeout: Duration::from_secs(4 * 3_600),
            stall_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            frame_interval: Duration::from_millis(250),
            heartbeat: Duration::from_secs(1),
            recheck: Duration::from_secs(15),
            failures: 20,
            enrolments: 10,
            failure_window: Duration::from_secs(60),
        }
    }
}
