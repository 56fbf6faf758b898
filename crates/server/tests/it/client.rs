//! A client that says exactly what a test wants.

use ledger::{Ledger, LedgerError};
use policy::config::{Config, Server};
use server::service::{ServeAs, ServedModel, Service};
use server::{Running, Setup, start};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Longest time that a test waits for bytes. Only a failing test gets there.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port that has no model: for what comes before one is asked.
pub fn serve(settings: Server) -> Running {
    serve_with(Config { server: settings, ..Config::default() }, Ledger::in_memory, None)
}

/// A server on a free port with this ledger and a key of its own.
pub fn serve_with(
    config: Config,
    ledger: impl FnOnce() -> Result<Ledger, LedgerError>,
    own_key: Option<&str>,
) -> Running {
    let ledger = ledger().expect("memory is there");
    let running = start_with(&config, &ledger, own_key);
    running.site().serve(Service::new(Vec::new(), config, ledger));
    running
}

/// A server on a free port whose model is the one inside the program.
pub fn serve_model(config: Config) -> Running {
    let model = ServedModel::open(None, ServeAs::default()).expect("the model inside");
    serve_this(model, config)
}

/// A server on a free port with this model.
pub fn serve_this(model: ServedModel, config: Config) -> Running {
    let ledger = Ledger::in_memory().expect("memory is there");
    let running = start_with(&config, &ledger, None);
    running.site().serve(Service::new(vec![Arc::new(model)], config, ledger));
    running
}

/// A server that is loading.
pub fn start_with(config: &Config, ledger: &Ledger, own_key: Option<&str>) -> Running {
    start(Setup {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        settings: config.server.clone(),
        ledger: ledger.clone(),
        own_key: own_key.map(str::to_owned),
    })
    .expect("a free port can be had")
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// A header's value, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.eq_ignore_ascii_case(name)).then_some(value.trim())
        })
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}

/// Opens a connection.
pub fn connect(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream
}

/// Sends `bytes` on a connection of their own and reads until the server closes it.
pub fn raw(server: &Running, bytes: &[u8]) -> Reply {
    let mut stream = connect(server);
    stream.write_all(bytes).expect("it takes the request");
    read_reply(&mut stream)
}

/// Asks for a chat's answer and reads nothing of it yet.
pub fn begin_chat(server: &Running, body: &str) -> TcpStream {
    let mut stream = connect(server);
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        server.address(),
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it takes the request");
    stream
}

/// Reads until the end of the connection.
pub fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // Reset by the server after its answer: what was read counts.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).expect("answers are text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// `GET path`.
pub fn get(server: &Running, path: &str) -> Reply {
    get_with(server, path, "")
}

/// `GET path` with further header lines, each ended by `\r\n`.
pub fn get_with(server: &Running, path: &str, headers: &str) -> Reply {
    let host = server.address();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n");
    raw(server, request.as_bytes())
}

/// Stops a server and waits for it.
pub fn stop(server: Running) {
    server.shutdown();
    server.join();
}
