//! An editor, as far as a language server can tell: it opens a text, asks at places, and is told what is wrong.
//! Messages are those of the Language Server Protocol 3.17, over standard streams.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::call::Call;
use crate::error::{Doing as _, Error, Result};

/// An editor with its server.
#[derive(Debug)]
pub struct Editor {
    server: Child,
    to_server: ChildStdin,
    from_server: BufReader<ChildStdout>,
    last_id: u64,
    /// What the server found wrong with the text, newest last.
    findings: Vec<Value>,
}

impl Editor {
    /// Starts a server.
    ///
    /// # Errors
    /// It does not start, or does not answer.
    pub fn start(server: Call) -> Result<Editor> {
        let line = server.line();
        let mut command = server.into_command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = command.spawn().doing(|| format!("start `{line}`"))?;
        let (Some(to_server), Some(from_server)) = (server.stdin.take(), server.stdout.take()) else {
            return Err(answer("starting", &Value::Null));
        };
        let mut editor = Editor {
            server,
            to_server,
            from_server: BufReader::new(from_server),
            last_id: 0,
            findings: Vec::new(),
        };
        let abilities = json!({
            "workspace": {"configuration": true},
            "textDocument": {"hover": {"contentFormat": ["markdown"]}, "completion": {"completionItem": {"snippetSupport": true}}},
        });
        editor.ask(
            "initialize",
            &json!({"processId": null, "rootUri": null, "capabilities": abilities}),
        )?;
        editor.send(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}))?;
        Ok(editor)
    }

    /// Opens a text as a file, whether or not it is there.
    ///
    /// # Errors
    /// The server went away.
    pub fn open(&mut self, file: &Path, text: &str) -> Result<()> {
        let document = json!({"uri": uri(file), "languageId": "yaml", "version": 1, "text": text});
        self.send(&json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": document}}))
    }

    /// What may be written at a place: the words with what is said about them. Lines and columns count from 0.
    ///
    /// # Errors
    /// The server went away, or answers otherwise.
    pub fn complete(&mut self, file: &Path, line: usize, column: usize) -> Result<Vec<(String, String)>> {
        let found = self.ask("textDocument/completion", &place(file, line, column))?;
        let items = found
            .get("items")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let about = |item: &Value| match item.get("documentation") {
            Some(Value::Object(markup)) => text(markup.get("value")),
            plain => text(plain),
        };
        Ok(items
            .iter()
            .map(|item| (text(item.get("label")), about(item)))
            .collect())
    }

    /// What is shown about a place.
    ///
    /// # Errors
    /// The server went away, or answers otherwise.
    pub fn hover(&mut self, file: &Path, line: usize, column: usize) -> Result<String> {
        let found = self.ask("textDocument/hover", &place(file, line, column))?;
        let shown = found.pointer("/contents/value").and_then(Value::as_str);
        Ok(shown.unwrap_or_default().to_owned())
    }

    /// What the server tells about the text by itself: line, column and message of each finding. Waits for it.
    ///
    /// # Errors
    /// The server went away, or answers otherwise.
    pub fn findings(&mut self, file: &Path) -> Result<Vec<(u64, u64, String)>> {
        while !self
            .findings
            .iter()
            .any(|found| found.get("uri") == Some(&json!(uri(file))))
        {
            let message = self.receive()?;
            self.serve(message)?;
        }
        let newest = self
            .findings
            .last()
            .and_then(|found| found.get("diagnostics"))
            .and_then(Value::as_array);
        let number = |finding: &Value, at: &str| finding.pointer(at).and_then(Value::as_u64).unwrap_or(u64::MAX);
        let told = |finding: &Value| {
            let message = finding.get("message").and_then(Value::as_str).unwrap_or_default();
            (
                number(finding, "/range/start/line"),
                number(finding, "/range/start/character"),
                message.to_owned(),
            )
        };
        Ok(newest.into_iter().flatten().map(told).collect())
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        self.last_id += 1;
        let id = json!(self.last_id);
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}))?;
        loop {
            let message = self.receive()?;
            if message.get("method").is_some() {
                self.serve(message)?;
            } else if message.get("id") == Some(&id) {
                return message.get("result").cloned().ok_or_else(|| answer(method, &message));
            }
        }
    }

    /// Answers what the server asks, and keeps what it tells.
    fn serve(&mut self, message: Value) -> Result<()> {
        let asked = message.get("method").and_then(Value::as_str).unwrap_or_default();
        if asked == "textDocument/publishDiagnostics" {
            self.findings.extend(message.get("params").cloned());
        }
        let Some(id) = message.get("id") else { return Ok(()) };
        let result = if asked == "workspace/configuration" {
            let settings =
                json!({"validate": true, "hover": true, "completion": true, "schemaStore": {"enable": false}});
            let items = message
                .pointer("/params/items")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            json!(vec![settings; items])
        } else {
            Value::Null
        };
        self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        let text = message.to_string();
        let sent = write!(self.to_server, "Content-Length: {}\r\n\r\n{text}", text.len());
        sent.and_then(|()| self.to_server.flush())
            .doing(|| "speak to the language server".to_owned())
    }

    fn receive(&mut self) -> Result<Value> {
        let doing = || "hear the language server".to_owned();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.from_server.read_line(&mut line).doing(doing)? == 0 {
                return Err(answer("ending", &Value::Null));
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap_or(0)
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut bytes = vec![0; length];
        self.from_server.read_exact(&mut bytes).doing(doing)?;
        serde_json::from_slice(&bytes).map_err(|_| answer("speaking", &json!(String::from_utf8_lossy(&bytes))))
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn answer(method: &str, found: &Value) -> Error {
    Error::Answer {
        url: format!("the language server, {method},"),
        answer: found.to_string(),
    }
}

fn uri(file: &Path) -> String {
    format!("file://{}", file.display())
}

fn place(file: &Path, line: usize, column: usize) -> Value {
    json!({"textDocument": {"uri": uri(file)}, "position": {"line": line, "character": column}})
}
