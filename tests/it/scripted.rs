//! A Confluence and a Gemini at one loopback port, answering as a test says, and `tag` against them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

pub(crate) const KEY: &str = "sesame-gemini-key";
pub(crate) const TOKEN: &str = "sesame-confluence-token";

/// What a server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The first line and the headers.
    pub(crate) head: String,
    pub(crate) target: String,
    pub(crate) body: String,
}

/// What it answers.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn of(status: u16, body: &Value) -> Self {
        Self { status, headers: String::new(), body: body.to_string().into_bytes() }
    }

    pub(crate) fn with(mut self, header: &str) -> Self {
        self.headers += header;
        self.headers += "\r\n";
        self
    }
}

/// A server that runs until the test ends.
pub(crate) struct Server {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers with `unusual`, or as honest services do about these pages.
    pub(crate) fn start(
        pages: u64,
        unusual: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (heard, unusual) = (Arc::clone(&asked), Arc::new(unusual));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (heard, unusual) = (Arc::clone(&heard), Arc::clone(&unusual));
                thread::spawn(move || {
                    let mut stream = BufReader::new(stream.unwrap());
                    while let Some(asked) = read(&mut stream) {
                        heard.lock().unwrap().push(asked.clone());
                        let reply = unusual(&asked).unwrap_or_else(|| usual(&asked, pages));
                        let head = format!(
                            "HTTP/1.1 {} X\r\ncontent-length: {}\r\n{}\r\n",
                            reply.status,
                            reply.body.len(),
                            reply.headers
                        );
                        let sent = stream.get_mut().write_all(head.as_bytes());
                        if sent.and_then(|()| stream.get_mut().write_all(&reply.body)).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { port, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, part: &str) -> usize {
        self.asked().iter().filter(|asked| asked.target.contains(part)).count()
    }

    /// `tag` with these arguments, in this folder, its variables set as a user would.
    pub(crate) fn command(&self, folder: &Path, args: &[&str]) -> Command {
        self.command_of("tag", folder, args)
    }

    /// The same of another command.
    pub(crate) fn command_of(&self, name: &str, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagspace"));
        let port = self.port;
        command
            .arg(name)
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("CONFLUENCE_URL", format!("http://127.0.0.1:{port}/wiki"))
            .env("CONFLUENCE_USER", "me@example.com")
            .env("CONFLUENCE_API_TOKEN", TOKEN)
            .env("GEMINI_API_KEY", KEY)
            .env("GOOGLE_GEMINI_BASE_URL", format!("http://127.0.0.1:{port}"));
        command
    }

    /// What `tag DOCS --no-state` with these arguments comes to.
    pub(crate) fn tag(&self, args: &[&str]) -> Tagged {
        let folder = tempfile::tempdir().unwrap();
        let mut all = vec!["DOCS", "--no-state"];
        all.extend(args);
        Tagged::of(&self.command(folder.path(), &all).output().unwrap())
    }
}

/// What a run said.
#[derive(Debug)]
pub(crate) struct Tagged {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Tagged {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let tagged = Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        let shown = format!("{}{}", tagged.out, tagged.err);
        assert!(!shown.contains("sesame"), "{shown}");
        tagged
    }
}

pub(crate) fn page(id: u64) -> Value {
    json!({
        "id": id.to_string(), "title": format!("Page {id}"), "version": {"number": 1},
        "body": {"storage": {"value": format!("<p>A guide to thing {id}</p>")}}
    })
}

/// A list with what comes after it.
pub(crate) fn piece(results: &[Value], next: &str) -> Reply {
    Reply::of(200, &json!({"results": results, "_links": {"next": next}}))
}

fn read(stream: &mut impl BufRead) -> Option<Asked> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    let target = head.split(' ').nth(1)?.to_owned();
    Some(Asked { head, target, body: String::from_utf8_lossy(&body).into_owned() })
}

fn usual(asked: &Asked, pages: u64) -> Reply {
    let target = asked.target.as_str();
    if target.contains("/spaces?") {
        return Reply::of(200, &json!({"results": [{"id": "9", "key": "DOCS"}]}));
    }
    if target.contains("/label") {
        return Reply::of(200, &json!({"results": []}));
    }
    if target.contains("/pages?") {
        let pages: Vec<Value> = (1..=pages).map(page).collect();
        return Reply::of(200, &json!({"results": pages, "_links": {}}));
    }
    if target.contains("generateContent") {
        let asked: Value = serde_json::from_str(&asked.body).unwrap();
        let prompt = asked["contents"][0]["parts"][0]["text"].as_str().unwrap().to_owned();
        return answer(&sections(&prompt));
    }
    Reply::of(404, &json!({}))
}

/// The ids of the pages that a prompt asks about.
pub(crate) fn sections(prompt: &str) -> Vec<String> {
    let id = |line: &str| Some(line.strip_prefix("=== page ")?.strip_suffix(" ===")?.to_owned());
    prompt.lines().filter_map(id).collect()
}

/// Gemini's answer that all of these are guides.
pub(crate) fn answer(ids: &[String]) -> Reply {
    let pages: Vec<Value> =
        ids.iter().map(|id| json!({"id": id, "tags": {"doc": ["guide"]}})).collect();
    let text = json!({"pages": pages}).to_string();
    Reply::of(
        200,
        &json!({
            "candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 10}
        }),
    )
}
