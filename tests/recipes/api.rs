//! The comments of a change as GitHub and GitLab serve them, as far as the recipes ask: listed by pages, written, changed.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// The token that writes, and whose it is.
pub const TOKEN: &str = "secret-of-the-test";
/// A token that may read and not write.
pub const READS: &str = "reads-only";
pub const GITHUB_SELF: &str = "github-actions[bot]";
pub const GITLAB_SELF: u64 = 42;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    /// A name at GitHub, a number at GitLab.
    pub author: Value,
    pub body: String,
}

#[derive(Default)]
struct State {
    comments: Vec<Comment>,
    /// What was asked, without what was only read.
    writes: Vec<String>,
    reads: usize,
}

/// A server that runs as long as the test.
pub struct Api {
    pub url: String,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    token: String,
    body: String,
}

impl Api {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let (served, own) = (Arc::clone(&state), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &served, &own);
            }
        });
        Self { url, state }
    }

    /// Other people's comments, more than a page holds, and some that look like ours.
    pub fn with_comments_of_others(author: &Value, other: &Value) -> Self {
        let api = Self::new();
        for number in 0..130 {
            api.add(other.clone(), &format!("a thought ({number})"));
        }
        api.add(other.clone(), "<!-- netpolc:diff -->\nquoted by somebody");
        api.add(author.clone(), "another bot's report: <!-- netpolc:diff -->");
        api
    }

    pub fn add(&self, author: Value, body: &str) {
        let comments = &mut self.state.lock().unwrap().comments;
        comments.push(Comment { id: 1000 + comments.len() as u64, author, body: body.to_owned() });
    }

    pub fn comments(&self) -> Vec<Comment> {
        self.state.lock().unwrap().comments.clone()
    }

    /// What was written since the last time.
    pub fn writes(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().writes)
    }

    pub fn reads(&self) -> usize {
        self.state.lock().unwrap().reads
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>, url: &str) {
    let mut reader = BufReader::new(stream);
    let Some(request) = read(&mut reader) else { return };
    let (status, links, body) = answer(&request, &mut state.lock().unwrap(), url);
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n{links}");
    let _ = write!(reader.get_mut(), "{head}content-length: {}\r\n\r\n{body}", body.len());
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut words = first.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" | "private-token" => token = value.trim_start_matches("token ").to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), token, body: String::from_utf8(body).ok()? })
}

fn answer(request: &Request, state: &mut State, url: &str) -> (u16, String, Value) {
    let Request { method, path, .. } = request;
    match request.token.as_str() {
        TOKEN => {}
        READS if method == "GET" => {}
        READS => return (403, String::new(), json!({"message": "403 Forbidden"})),
        _ => return (401, String::new(), json!({"message": "401 Unauthorized"})),
    }
    if method == "GET" {
        state.reads += 1;
    } else {
        state.writes.push(format!("{method} {path}"));
    }
    let (github, gitlab) = ("/repos/acme/shop/issues/7/comments", "/projects/5/merge_requests/7/notes");
    let one = |start: &str| path.strip_prefix(start)?.strip_prefix('/')?.parse::<u64>().ok();
    match (method.as_str(), path.as_str()) {
        ("GET", "/user") => (200, String::new(), json!({ "id": GITLAB_SELF })),
        ("GET", path) if path == github || path == gitlab => page(request, state, url),
        ("POST", path) if path == github || path == gitlab => {
            let author = if path == github { json!(GITHUB_SELF) } else { json!(GITLAB_SELF) };
            let comment = Comment { id: 5000 + state.comments.len() as u64, author, body: text(request) };
            state.comments.push(comment.clone());
            (201, String::new(), shown(&comment))
        }
        ("PATCH" | "PUT", _) => {
            let id = if method == "PATCH" { one("/repos/acme/shop/issues/comments") } else { one(gitlab) };
            match state.comments.iter_mut().find(|comment| Some(comment.id) == id) {
                Some(comment) => {
                    comment.body = text(request);
                    (200, String::new(), shown(comment))
                }
                None => (404, String::new(), json!({"message": "404 Not Found"})),
            }
        }
        _ => (404, String::new(), json!({"message": "404 Not Found"})),
    }
}

/// A page of comments, and where the next one is.
fn page(request: &Request, state: &State, url: &str) -> (u16, String, Value) {
    let asked = |key: &str, otherwise: usize| {
        let pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == key).find_map(|(_, value)| value.parse().ok()).unwrap_or(otherwise)
    };
    let (size, page) = (asked("per_page", 30).min(100), asked("page", 1));
    let found: Vec<Value> = state.comments.iter().skip((page - 1) * size).take(size).map(shown).collect();
    let more = page * size < state.comments.len();
    let next = format!("link: <{url}{}?per_page={size}&page={}>; rel=\"next\"\r\n", request.path, page + 1);
    (200, if more { next } else { String::new() }, json!(found))
}

fn shown(comment: &Comment) -> Value {
    let Comment { id, author, body } = comment;
    json!({ "id": id, "body": body, "system": false, "user": { "login": author }, "author": { "id": author } })
}

/// The comment that a request writes: JSON at GitHub, a form at GitLab.
fn text(request: &Request) -> String {
    match request.body.strip_prefix("body=") {
        Some(form) => {
            let mut bytes = vec![];
            let mut rest = form.bytes();
            while let Some(byte) = rest.next() {
                bytes.push(match byte {
                    b'+' => b' ',
                    b'%' => {
                        let digits: Vec<u8> = rest.by_ref().take(2).collect();
                        u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                    }
                    other => other,
                });
            }
            String::from_utf8(bytes).unwrap()
        }
        None => serde_json::from_str::<Value>(&request.body).unwrap()["body"].as_str().unwrap().to_owned(),
    }
}
