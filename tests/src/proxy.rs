//! A proxy of bad days: it stands before a server on this machine and fails, delays, cuts and hides what passes, by seed.
//!
//! Requests keep the `Host` that their client signed, so that signatures hold. The fate of the n-th request follows from
//! the seed; which request is the n-th depends on the threads of the client, so that a seed repeats the weather and not
//! always the drops.

mod fate;

use std::io::{BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use fate::Fate;

use crate::error::{Doing as _, Result};
use crate::http::{self, Asked};

/// How long the proxy waits for the server, or for a client that is silent in the middle of a request.
const PATIENCE: Duration = Duration::from_secs(60);
const PIECE_BYTES: usize = 64 << 10;

/// What becomes of requests from now on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// How many requests of a hundred fail, each in one of the ways of [`Fate`].
    pub failing_percent: u8,
    /// Each request waits up to this long before it is passed on.
    pub delay: Duration,
    /// How many bytes a second pass in all, both ways together; no limit if absent.
    pub bytes_per_second: Option<u64>,
    /// Connections are taken, and nothing is answered until it is light again.
    pub is_dark: bool,
}

/// What has passed so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// All requests.
    pub requests: u64,
    /// Those that did not go well because of the weather.
    pub failed: u64,
}

/// A proxy that runs until the value goes.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: u16,
    seed: u64,
    weather: Mutex<Weather>,
    changed: Condvar,
    ended: AtomicBool,
    requests: AtomicU64,
    failed: AtomicU64,
    /// When the next byte may pass.
    free: Mutex<Instant>,
    clients: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Stands before the server at `port` of this machine, in this weather.
    ///
    /// # Errors
    /// There is no port to listen on.
    pub fn before(port: u16, seed: u64, weather: Weather) -> Result<Proxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).doing(|| "listen for the proxy".to_owned())?;
        let own = listener
            .local_addr()
            .doing(|| "listen for the proxy".to_owned())?
            .port();
        let shared = Arc::new(Shared {
            server: port,
            seed,
            weather: Mutex::new(weather),
            changed: Condvar::new(),
            ended: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            free: Mutex::new(Instant::now()),
            clients: Mutex::new(Vec::new()),
        });
        let serving = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if serving.ended.load(Ordering::SeqCst) {
                    return;
                }
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serving.serve(client));
            }
        });
        Ok(Proxy {
            port: own,
            shared,
            listener: Some(listener),
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as clients of S3 want it.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Changes the weather for requests that come from now on; whoever stood in the dark goes on if it is light now.
    pub fn set(&self, weather: Weather) {
        *locked(&self.shared.weather) = weather;
        self.shared.changed.notify_all();
    }

    /// What has passed so far.
    pub fn passed(&self) -> Passed {
        Passed {
            requests: self.shared.requests.load(Ordering::SeqCst),
            failed: self.shared.failed.load(Ordering::SeqCst),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        // Whoever waits for a client or a server is woken; what is gone already needs no waking.
        for client in locked(&self.shared.clients).drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    /// Serves one connection until either side has enough. How a connection ends is the client's to notice.
    fn serve(&self, client: TcpStream) {
        let _ = client.set_nodelay(true);
        if let Ok(again) = client.try_clone() {
            locked(&self.clients).push(again);
        }
        let Ok(mut writer) = client.try_clone() else { return };
        let mut reader = BufReader::new(client);
        while let Ok(Some(asked)) = http::read_request(&mut reader, &mut writer) {
            if !self.pass(&asked, &mut writer).unwrap_or(false) {
                break;
            }
        }
        let _ = writer.shutdown(Shutdown::Both);
    }

    /// Passes one request on in the present weather. Answers whether the connection may be used again.
    fn pass(&self, asked: &Asked, client: &mut TcpStream) -> std::io::Result<bool> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let Some(weather) = self.wait_for_light() else {
            return Ok(false);
        };
        let (fate, delay) = fate::of(self.seed, number, weather);
        std::thread::sleep(delay);
        if fate != Fate::Passes {
            self.failed.fetch_add(1, Ordering::SeqCst);
        }
        match fate {
            Fate::Refused(status) => {
                let answer = format!("HTTP/1.1 {status} Bad Weather\r\ncontent-length: 0\r\n\r\n");
                client.write_all(answer.as_bytes())?;
                return Ok(true);
            }
            Fate::Reset => return Ok(false),
            Fate::CutOnTheWay => {
                let half = asked.body.get(..asked.body.len() / 2).unwrap_or_default();
                let mut server = self.connect()?;
                server.write_all(&head_of(asked))?;
                server.write_all(half)?;
                return Ok(false);
            }
            Fate::Passes | Fate::Swallowed | Fate::CutOnTheWayBack => {}
        }
        let mut server = self.connect()?;
        server.write_all(&head_of(asked))?;
        self.write_slowly(&mut server, &asked.body, weather)?;
        let Some(answer) = http::read_answer(&mut BufReader::new(server), asked.method == "HEAD")? else {
            return Ok(false);
        };
        let Some(weather) = self.wait_for_light().filter(|_| fate != Fate::Swallowed) else {
            return Ok(false);
        };
        client.write_all(&head_of_answer(&answer, &asked.method))?;
        if fate == Fate::CutOnTheWayBack {
            client.write_all(answer.body.get(..answer.body.len() / 2).unwrap_or_default())?;
            return Ok(false);
        }
        self.write_slowly(client, &answer.body, weather)?;
        Ok(true)
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let server = TcpStream::connect(("127.0.0.1", self.server))?;
        server.set_nodelay(true)?;
        server.set_read_timeout(Some(PATIENCE))?;
        server.set_write_timeout(Some(PATIENCE))?;
        Ok(server)
    }

    /// The weather once it is light; nothing when the proxy has ended.
    fn wait_for_light(&self) -> Option<Weather> {
        let mut weather = locked(&self.weather);
        while weather.is_dark && !self.ended.load(Ordering::SeqCst) {
            weather = self.changed.wait(weather).unwrap_or_else(PoisonError::into_inner);
        }
        (!self.ended.load(Ordering::SeqCst)).then_some(*weather)
    }

    fn write_slowly(&self, stream: &mut TcpStream, bytes: &[u8], weather: Weather) -> std::io::Result<()> {
        let Some(rate) = weather.bytes_per_second else {
            return stream.write_all(bytes);
        };
        for piece in bytes.chunks(PIECE_BYTES) {
            let takes = Duration::from_secs_f64(piece.len() as f64 / rate.max(1) as f64);
            let turn = {
                let mut free = locked(&self.free);
                let turn = (*free).max(Instant::now());
                *free = turn + takes;
                turn + takes
            };
            std::thread::sleep(turn.saturating_duration_since(Instant::now()));
            stream.write_all(piece)?;
        }
        Ok(())
    }
}

/// The head as it came, with the length of the body as it is now.
fn head_of(asked: &Asked) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", asked.method, asked.target);
    for (name, value) in asked.headers.iter().filter(|(name, _)| !frames(name)) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", asked.body.len()));
    head.into_bytes()
}

fn head_of_answer(answer: &http::Answer, method: &str) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} As It Came\r\n", answer.status);
    // What a HEAD tells about the length is the object's.
    let keeps_length = method == "HEAD" || answer.status == 304;
    for (name, value) in &answer.headers {
        if !frames(name) || (keeps_length && name == "content-length") {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if !keeps_length && answer.status != 204 {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// Whether a line of a head only says how the body is framed on this connection.
fn frames(name: &str) -> bool {
    ["content-length", "transfer-encoding", "connection", "expect"].contains(&name)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Request, exchange};
    use std::io::Read as _;

    /// A server that answers each request with what was asked, and counts.
    fn echo() -> (u16, Arc<AtomicU64>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (port, served) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
        let counter = Arc::clone(&served);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut writer = client.try_clone().unwrap();
                let asked = http::read_request(&mut BufReader::new(client), &mut writer);
                if let Ok(Some(asked)) = asked {
                    counter.fetch_add(1, Ordering::SeqCst);
                    let host = http::header(&asked.headers, "host").unwrap_or_default();
                    let body = format!("{} {} {host} {}", asked.method, asked.target, asked.body.len());
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                    let _ = writer.write_all(format!("{head}{body}").as_bytes());
                }
            }
        });
        (port, served)
    }

    fn put(port: u16, bytes: usize) -> Result<http::Answer> {
        let request = Request {
            method: "PUT",
            target: "/b/k?x=1".to_owned(),
            headers: Vec::new(),
            body: &vec![0; bytes],
        };
        exchange(port, &request)
    }

    #[test]
    fn in_good_weather_everything_passes_with_the_client_s_host() {
        let (server, served) = echo();
        let proxy = Proxy::before(server, 1, Weather::default()).unwrap();
        let answer = put(proxy.port(), 100_000).unwrap();
        assert_eq!(answer.text(), format!("PUT /b/k?x=1 127.0.0.1:{} 100000", proxy.port()));
        assert_eq!(proxy.passed(), Passed { requests: 1, failed: 0 });
        assert_eq!(served.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn bad_weather_fails_about_as_many_as_it_says_and_some_of_them_reach_the_server() {
        let (server, served) = echo();
        let weather = Weather {
            failing_percent: 30,
            ..Weather::default()
        };
        let proxy = Proxy::before(server, 7, weather).unwrap();
        let well = (0..400)
            .filter(|_| put(proxy.port(), 1000).is_ok_and(|answer| answer.status == 200))
            .count() as u64;
        let passed = proxy.passed();
        assert_eq!(passed.requests, 400);
        assert_eq!(well, 400 - passed.failed);
        assert!((80..160).contains(&passed.failed), "{passed:?}");
        // Some failed before, some after they took effect.
        let served = served.load(Ordering::SeqCst);
        assert!(well < served && served < 400, "{well} {served}");
    }

    #[test]
    fn nothing_passes_in_the_dark_and_all_of_it_after() {
        let (server, served) = echo();
        let dark = Weather {
            is_dark: true,
            ..Weather::default()
        };
        let proxy = Proxy::before(server, 1, dark).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        assert!(crate::shop::wait_until(PATIENCE, || proxy.passed().requests == 1));
        assert_eq!(served.load(Ordering::SeqCst), 0);
        proxy.set(Weather::default());
        let mut some = [0; 15];
        client.read_exact(&mut some).unwrap();
        assert_eq!(&some, b"HTTP/1.1 200 As");
    }

    #[test]
    fn a_narrow_way_takes_its_time() {
        let (server, _) = echo();
        let narrow = Weather {
            bytes_per_second: Some(1 << 20),
            ..Weather::default()
        };
        let proxy = Proxy::before(server, 1, narrow).unwrap();
        let begun = Instant::now();
        put(proxy.port(), 300 << 10).unwrap();
        assert!(begun.elapsed() > Duration::from_millis(280));
    }
}
