//! A real mail server (Debian's aiosmtpd) on a free port, with TLS and login as mail servers have them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::certificate::Certificate;

/// Takes mail and writes it down, a line of JSON each. `busy…@` is told 451 at first, `unknown…@` always 550.
const PROGRAM: &str = r#"
import asyncio, base64, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

mode, directory = sys.argv[1:3]
tried = set()

class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("unknown"):
            return "550 5.1.1 <%s>: nobody of that name" % address
        if address.startswith("busy") and address not in tried:
            tried.add(address)
            return "451 4.3.0 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from, "to": envelope.rcpt_tos,
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "login": session.authenticated, "data": envelope.content.decode(),
        }
        with open(directory + "/mail", "a") as kept:
            kept.write(json.dumps(mail) + "\n")
        return "250 kept"

def login(server, session, envelope, mechanism, data):
    good = data.login == b"wardline" and data.password == b"mail password"
    return AuthResult(success=good)

async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
    starttls = mode == "starttls"
    def factory():
        return SMTP(Handler(), hostname="localhost", authenticator=login, auth_required=True,
            auth_require_tls=starttls, require_starttls=starttls, tls_context=context if starttls else None)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=None if starttls else context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"#;

#[derive(Debug)]
pub(crate) struct Smtp {
    pub(crate) port: u16,
    pub(crate) certificate: Certificate,
    child: Child,
}

impl Smtp {
    /// `implicit` or `starttls`.
    pub(crate) fn start(mode: &str) -> Self {
        let certificate = Certificate::new();
        // Debian's own interpreter: another would not find the package.
        let mut child = Command::new("/usr/bin/python3")
            .args(["-W", "ignore", "-c", PROGRAM, mode])
            .arg(certificate.dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3-aiosmtpd is installed by `make test`");
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let port = line.trim().parse();
        Self {
            port: port.expect("python3-aiosmtpd is installed by `make test`"),
            certificate,
            child,
        }
    }

    /// The mail so far.
    pub(crate) fn mail(&self) -> Vec<Value> {
        let kept = std::fs::read_to_string(self.certificate.dir().join("mail"));
        let kept = kept.unwrap_or_default();
        let whole = kept.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
