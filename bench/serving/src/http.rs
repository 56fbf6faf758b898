//! Just enough HTTP/1.1: one request per connection, its status, headers and body as it comes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Bytes of headers at most.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Where a server listens.
#[derive(Clone, Debug)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// Reads `http://HOST:PORT`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let wrong = || format!("--url {url}: http://HOST:PORT, please");
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?.trim_end_matches('/');
        let (host, port) = rest.rsplit_once(':').unwrap_or((rest, "80"));
        let port = port.parse().map_err(|_| wrong())?;
        Ok(Self { host: host.to_string(), port })
    }
}

/// How a client reads.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bytes of one read at most.
    pub bytes: usize,
    /// Pause before each read.
    pub pause: Duration,
    /// Longest wait for one read.
    pub silence: Duration,
}

/// A response on its way.
pub struct Response {
    stream: TcpStream,
    pace: Pace,
    /// Bytes that were read and not yet used.
    raw: Vec<u8>,
    framing: Framing,
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
}

/// How the end of the body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Chunked,
    /// So many bytes are left.
    Length(usize),
    UntilClose,
    Ended,
}

/// Sends `body` to `path` and reads the head of the answer.
pub async fn post(
    address: &Address,
    path: &str,
    key: Option<&str>,
    body: &str,
    pace: Pace,
) -> Result<Response, String> {
    let mut stream = connect(address, pace).await?;
    let authorization =
        key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}:{}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\naccept: text/event-stream\r\nconnection: close\r\n\
         {authorization}\r\n",
        address.host,
        address.port,
        body.len()
    );
    let sent = [head.as_bytes(), body.as_bytes()].concat();
    stream.write_all(&sent).await.map_err(|error| format!("sending failed: {error}"))?;
    Response::begin(stream, pace).await
}

async fn connect(address: &Address, pace: Pace) -> Result<TcpStream, String> {
    let name = (address.host.as_str(), address.port);
    let mut found = tokio::net::lookup_host(name).await.map_err(|error| error.to_string())?;
    let to = found.next().ok_or("the host has no address")?;
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(|error| error.to_string())?;
    if !pace.pause.is_zero() {
        // A slow reader's own buffer must not hide how slow it is.
        socket.set_recv_buffer_size(4096).map_err(|error| error.to_string())?;
    }
    let connected = tokio::time::timeout(pace.silence, socket.connect(to)).await;
    let stream = connected
        .map_err(|_| "no connection in time".to_string())?
        .map_err(|error| format!("connecting failed: {error}"))?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    Ok(stream)
}

impl Response {
    async fn begin(stream: TcpStream, pace: Pace) -> Result<Self, String> {
        let raw = Vec::new();
        let mut response =
            Self { stream, pace, raw, framing: Framing::UntilClose, status: 0, headers: vec![] };
        let end = loop {
            if let Some(at) = find(&response.raw, b"\r\n\r\n") {
                break at;
            }
            if response.raw.len() > HEAD_BYTES_MAX {
                return Err("the head of the answer never ends".to_string());
            }
            if response.fill().await? == 0 {
                return Err("closed before an answer".to_string());
            }
        };
        let head = String::from_utf8_lossy(&response.raw[..end]).into_owned();
        response.raw.drain(..end + 4);
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        response.status = status.and_then(|s| s.parse().ok()).ok_or("no status in the answer")?;
        response.headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string()))
            .collect();
        let length = response.header("content-length").and_then(|length| length.parse().ok());
        let is_chunked =
            response.header("transfer-encoding").is_some_and(|value| value.contains("chunked"));
        response.framing = match length {
            _ if is_chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        };
        Ok(response)
    }

    /// The value of a header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The next piece of the body; none at its proper end.
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>, String> {
        match self.framing {
            Framing::Ended => Ok(None),
            Framing::Chunked => self.chunk().await,
            Framing::Length(0) => Ok(None),
            Framing::Length(left) => {
                if self.raw.is_empty() && self.fill().await? == 0 {
                    return Err("closed in the middle of the body".to_string());
                }
                let piece: Vec<u8> = self.raw.drain(..left.min(self.raw.len())).collect();
                self.framing = Framing::Length(left - piece.len());
                Ok(Some(piece))
            }
            Framing::UntilClose => {
                if self.raw.is_empty() && self.fill().await? == 0 {
                    self.framing = Framing::Ended;
                    return Ok(None);
                }
                Ok(Some(std::mem::take(&mut self.raw)))
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, String> {
        let line_end = self.until(b"\r\n").await?;
        let line = String::from_utf8_lossy(&self.raw[..line_end]).into_owned();
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| format!("chunk size {line:?}"))?;
        self.raw.drain(..line_end + 2);
        while self.raw.len() < size + 2 {
            if self.fill().await? == 0 {
                return Err("closed in the middle of a chunk".to_string());
            }
        }
        let piece: Vec<u8> = self.raw.drain(..size).collect();
        self.raw.drain(..2);
        if size == 0 {
            self.framing = Framing::Ended;
            return Ok(None);
        }
        Ok(Some(piece))
    }

    async fn until(&mut self, mark: &[u8]) -> Result<usize, String> {
        loop {
            if let Some(at) = find(&self.raw, mark) {
                return Ok(at);
            }
            if self.fill().await? == 0 {
                return Err("closed before the end of the body".to_string());
            }
        }
    }

    /// Reads once, at this client's pace.
    async fn fill(&mut self) -> Result<usize, String> {
        if !self.pace.pause.is_zero() {
            tokio::time::sleep(self.pace.pause).await;
        }
        let before = self.raw.len();
        self.raw.resize(before + self.pace.bytes, 0);
        let read = self.stream.read(&mut self.raw[before..]);
        let read = tokio::time::timeout(self.pace.silence, read).await;
        let count = match read {
            Err(_) => Err(format!("silent for {} s", self.pace.silence.as_secs_f64())),
            Ok(Err(error)) => Err(format!("reading failed: {error}")),
            Ok(Ok(count)) => Ok(count),
        };
        self.raw.truncate(before + count.as_ref().copied().unwrap_or(0));
        count
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}
