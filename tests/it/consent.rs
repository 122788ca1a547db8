//! What a person at a terminal is asked before a run; the terminal is util-linux's `script`.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use wiremock::MockServer;

use crate::live::services;
use crate::wiki::Wiki;

/// What was shown, and the exit code.
struct Seen {
    shown: String,
    code: Option<i32>,
}

/// Tags the space of the services at a terminal, and types this at the question.
fn tag(server: &MockServer, folder: &TempDir, args: &str, typed: &str) -> Seen {
    tag_at(&server.uri(), folder, &format!("'DOCS & MORE' {args}"), typed)
}

/// The same of a space of another site.
fn tag_at(at: &str, folder: &TempDir, args: &str, typed: &str) -> Seen {
    let tagspace = env!("CARGO_BIN_EXE_tagspace");
    let command = format!("{tagspace} tag {args}");
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("TERM", "xterm")
        .env("CONFLUENCE_URL", format!("{at}/wiki"))
        .env("CONFLUENCE_USER", "me@example.com")
        .env("CONFLUENCE_API_TOKEN", "sesame")
        .env("GEMINI_API_KEY", "sesame-gemini-key")
        .env("GOOGLE_GEMINI_BASE_URL", at)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("expected `script`; install util-linux (Debian: bsdutils)");
    let mut stdin = child.stdin.take();
    let mut stdout = child.stdout.take().unwrap();
    let (mut shown, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stdout.read(&mut piece).unwrap();
        if read == 0 {
            break;
        }
        shown.extend_from_slice(&piece[..read]);
        if String::from_utf8_lossy(&shown).contains("[y/N]")
            && let Some(mut stdin) = stdin.take()
        {
            stdin.write_all(typed.as_bytes()).unwrap();
        }
    }
    let code = child.wait().unwrap().code();
    Seen { shown: String::from_utf8_lossy(&shown).into_owned(), code }
}

async fn calls(server: &MockServer) -> usize {
    let requests = server.received_requests().await.unwrap();
    requests.iter().filter(|request| request.url.path().contains("generateContent")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_the_plan_and_may_say_no() {
    let server = services().await;
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("old.jsonl");
    let kept = "{\"t_ms\":0,\"run\":\"tag\",\"event\":\"run_started\",\"task\":\"tag\"}\n";
    for typed in ["n\n", "\n", "yesterday\n"] {
        fs::write(&events, kept).unwrap();
        let no = tag(&server, &folder, "--no-state --events old.jsonl", typed);
        assert_eq!(no.code, Some(130), "{typed:?}: {}", no.shown);
        assert!(
            no.shown.contains("to ask          1 page of gemini-3.5-flash-lite"),
            "{}",
            no.shown
        );
        assert!(no.shown.contains("costs money; nothing is written. Go on? [y/N]"), "{}", no.shown);
        assert!(no.shown.contains("no model was asked, and no label was written"), "{}", no.shown);
        assert_eq!(calls(&server).await, 0);
        assert_eq!(fs::read_to_string(&events).unwrap(), kept, "{typed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_yes_it_goes_on_and_where_nothing_is_at_stake_no_question_is_put() {
    let server = services().await;
    let folder = tempfile::tempdir().unwrap();
    let store = "--store answers.db --state quotas.json --out out";
    let yes = tag(&server, &folder, store, "Y\n");
    assert_eq!(yes.code, Some(0), "{}", yes.shown);
    assert!(yes.shown.contains("1 of 1 page tagged, in "), "{}", yes.shown);
    assert_eq!(calls(&server).await, 1);
    // A dry run that is answered already costs nothing.
    let again = tag(&server, &folder, store, "");
    assert_eq!(again.code, Some(0), "{}", again.shown);
    assert!(!again.shown.contains("[y/N]"), "{}", again.shown);
    // Labels are written only with a yes, or with --yes.
    let write = tag(&server, &folder, &format!("{store} --write"), "no\n");
    assert_eq!(write.code, Some(130), "{}", write.shown);
    assert!(
        write.shown.contains("No model is asked; labels are written. Go on?"),
        "{}",
        write.shown
    );
    let write = tag(&server, &folder, &format!("{store} --write --yes"), "");
    assert_eq!(write.code, Some(0), "{}", write.shown);
    assert!(write.shown.contains("labels changed on 1 page"), "{}", write.shown);
    assert_eq!(calls(&server).await, 1);
}

#[test]
fn labels_are_not_removed_without_a_question() {
    let wiki = Wiki::default();
    let server = wiki.serve(3, Duration::ZERO);
    let at = format!("http://127.0.0.1:{}", server.port);
    let folder = tempfile::tempdir().unwrap();
    let store = "DOCS --store answers.db --state quotas.json --out out --write";
    let first = tag_at(&at, &folder, &format!("{store} --yes"), "");
    assert_eq!(first.code, Some(0), "{}", first.shown);
    let again = tag_at(&at, &folder, store, "");
    assert_eq!(again.code, Some(0), "{}", again.shown);
    assert!(!again.shown.contains("[y/N]"), "{}", again.shown);
    let prune = tag_at(&at, &folder, &format!("{store} --prune"), "no\n");
    assert_eq!(prune.code, Some(130), "{}", prune.shown);
    for said in [
        "removed         labels of earlier jobs that no longer apply (--prune)",
        "No model is asked; labels are written and removed. Go on?",
    ] {
        assert!(prune.shown.contains(said), "{}", prune.shown);
    }
}
