//! A server that speaks as much of S3 as a catalog needs, with manners that real servers have.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::testing::Moment;

/// How it treats the condition that an object must not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// It decides atomically.
    Atomic,
    /// It ignores the condition and answers 200, as Garage does.
    Overwrites,
    /// It looks and writes a moment later, as s3s-fs does.
    ChecksThenWrites,
}

/// What befalls a request, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// It is carried out, and the connection breaks before the answer.
    AnswerLost,
    /// It is answered with a status and a code, and not carried out.
    Answers(u16, &'static str),
    /// Something that is no object store answers, with a status.
    Stranger(u16),
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) endpoint: String,
    pub(super) state: Arc<State>,
}

#[derive(Debug)]
pub(super) struct State {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    manners: Manners,
    moment: Moment,
    mishaps: Mutex<Vec<Mishap>>,
    requests: AtomicUsize,
    connections: AtomicUsize,
    /// Whose keys signed each request.
    signers: Mutex<Vec<String>>,
}

impl State {
    pub(super) fn signers(&self) -> Vec<String> {
        self.signers.lock().unwrap().clone()
    }

    /// What befalls the next requests, in this order.
    pub(super) fn befall(&self, mishaps: &[Mishap]) {
        let mut queue = self.mishaps.lock().unwrap();
        queue.clear();
        queue.extend(mishaps.iter().rev());
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Server {
    /// Starts one, which ends with the process.
    pub(super) fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            objects: Mutex::default(),
            manners,
            moment: Moment::default(),
            mishaps: Mutex::default(),
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            signers: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                state.connections.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || state.converse(stream.unwrap()));
            }
        });
        Server { endpoint, state }
    }
}

/// The metadata service of a machine (IMDSv2) whose role has the keys `of-instance`: whoever has no token from it is refused.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Instance {
    /// Starts one, which ends with the process.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let shared = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let asked = Arc::clone(&shared);
                std::thread::spawn(move || Instance::converse(stream.unwrap(), &asked));
            }
        });
        Instance { endpoint, asked }
    }

    /// What was asked so far, each question once.
    pub(super) fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.dedup();
        asked
    }

    fn converse(mut stream: TcpStream, asked: &Mutex<Vec<String>>) -> Option<()> {
        const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
        let keys = r#"{"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
            "AccessKeyId": "of-instance", "SecretAccessKey": "hunter2", "Token": "session",
            "Expiration": "2099-01-01T00:00:00Z"}"#;
        let mut from = BufReader::new(stream.try_clone().ok()?);
        loop {
            let request = read_request(&mut from)?;
            asked
                .lock()
                .unwrap()
                .push(format!("{} {}", request.method, request.path));
            let role = request.path.strip_prefix(ROLES);
            let (status, body) = match (request.method.as_str(), request.token.as_str(), role) {
                ("PUT", _, _) if request.path == "/latest/api/token" => (200, "ticket"),
                ("GET", "ticket", Some("")) => (200, "writer"),
                ("GET", "ticket", Some("writer")) => (200, keys),
                ("GET", "ticket", _) => (404, ""),
                _ => (401, ""),
            };
            let head = format!(
                "HTTP/1.1 {status} x\r\nx-aws-ec2-metadata-token-ttl-seconds: 600\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).ok()?;
            stream.write_all(body.as_bytes()).ok()?;
        }
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    is_conditional: bool,
    signer: String,
    /// What a machine's own metadata service gave before.
    token: String,
    body: Vec<u8>,
}

fn read_request(from: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut is_conditional, mut signer, mut token) = (0, false, String::new(), String::new());
    loop {
        let mut header = String::new();
        from.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        match header.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse().ok()?,
            Some(("if-none-match", _)) => is_conditional = true,
            Some(("x-aws-ec2-metadata-token", value)) => token = value.trim().to_owned(),
            Some(("authorization", value)) => {
                let credential = value.split_once("credential=").map(|(_, rest)| rest);
                signer = credential
                    .and_then(|rest| rest.split('/').next())
                    .unwrap_or_default()
                    .to_owned();
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        is_conditional,
        signer,
        token,
        body,
    })
}

fn answer(to: &mut TcpStream, status: u16, body: &[u8]) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\ndate: Sat, 01 Jan 2000 00:00:00 GMT\r\n\r\n",
        body.len()
    );
    to.write_all(head.as_bytes()).ok()?;
    to.write_all(body).ok()
}

fn error(code: &str) -> Vec<u8> {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>because</Message></Error>").into_bytes()
}

impl State {
    fn converse(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut from = BufReader::new(stream.try_clone().ok()?);
        loop {
            let request = read_request(&mut from)?;
            self.requests.fetch_add(1, Ordering::SeqCst);
            self.signers.lock().unwrap().push(request.signer.clone());
            let mishap = self.mishaps.lock().unwrap().pop();
            match mishap {
                Some(Mishap::Answers(status, code)) => answer(&mut stream, status, &error(code))?,
                Some(Mishap::Stranger(status)) => answer(&mut stream, status, b"404 page not found")?,
                Some(Mishap::AnswerLost) => {
                    self.carry_out(&request);
                    return None;
                }
                None => {
                    let (status, body) = self.carry_out(&request);
                    answer(&mut stream, status, &body)?;
                }
            }
        }
    }

    fn carry_out(&self, request: &Request) -> (u16, Vec<u8>) {
        let lock = || self.objects.lock().unwrap();
        let key = request.path.clone();
        match request.method.as_str() {
            "PUT" => {
                if request.is_conditional && self.manners != Manners::Overwrites && lock().contains_key(&key) {
                    return (412, error("PreconditionFailed"));
                }
                if self.manners == Manners::ChecksThenWrites {
                    self.moment.pass(&key);
                }
                let mut objects = lock();
                if request.is_conditional && self.manners == Manners::Atomic && objects.contains_key(&key) {
                    return (412, error("PreconditionFailed"));
                }
                objects.insert(key, request.body.clone());
                (200, Vec::new())
            }
            "DELETE" => {
                lock().remove(&key);
                (204, Vec::new())
            }
            _ if request.query.contains("versioning") => (200, b"<VersioningConfiguration/>".to_vec()),
            _ if request.query.contains("list-type=2") => (200, self.listing(request)),
            _ => match lock().get(&key) {
                Some(bytes) => (200, bytes.clone()),
                None => (404, error("NoSuchKey")),
            },
        }
    }

    /// All in one page.
    fn listing(&self, request: &Request) -> Vec<u8> {
        let prefix = request.query.split('&').find_map(|pair| pair.strip_prefix("prefix="));
        let prefix = prefix.unwrap_or_default().replace("%2F", "/");
        let bucket = format!("{}/", request.path.trim_end_matches('/'));
        let (mut objects, mut folders) = (String::new(), std::collections::BTreeSet::new());
        for key in self.objects.lock().unwrap().keys() {
            let Some(key) = key.strip_prefix(&bucket) else { continue };
            let Some(rest) = key.strip_prefix(&prefix) else {
                continue;
            };
            match rest.split_once('/') {
                Some((folder, _)) => drop(folders.insert(format!("{prefix}{folder}/"))),
                None => objects.push_str(&format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>")),
            }
        }
        for folder in folders {
            objects.push_str(&format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"));
        }
        format!("<ListBucketResult><IsTruncated>false</IsTruncated>{objects}</ListBucketResult>").into_bytes()
    }
}
