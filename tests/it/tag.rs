//! `tag` as a user meets it: its exit codes, the files that it writes, its variables.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::common::attentive;
use crate::scripted::{KEY, Reply, Server, TOKEN, Tagged};

/// Refuses every AI call like this.
fn refusing(status: u16, message: &'static str) -> Server {
    Server::start(12, move |asked| {
        let reply = Reply::of(status, &json!({"error": {"code": status, "message": message}}));
        asked.target.contains("generateContent").then_some(reply)
    })
}

#[test]
fn the_exit_code_says_how_much_was_done_and_the_message_why_not() {
    let honest = Server::start(3, |_| None);
    assert_eq!(honest.tag(&[]).code, Some(0));
    assert_eq!(Server::start(0, |_| None).tag(&[]).code, Some(0));
    for (status, message, variable) in [
        (403, "Your API key was reported as leaked.", "GEMINI_API_KEY"),
        (404, "models/m is not found", "--model"),
        (400, "Unknown name", "--model"),
    ] {
        let tagged = refusing(status, message).tag(&[]);
        assert_eq!(tagged.code, Some(5), "{tagged:?}");
        assert!(tagged.err.contains(" of 12 pages failed, and "), "{tagged:?}");
        let is_cause = |line: &&str| line.contains("going on is pointless: gemini: ");
        let cause = tagged.err.lines().find(is_cause).unwrap();
        assert!(cause.contains(message) && cause.contains(variable), "{cause}");
    }
    let some = Server::start(3, |asked| {
        let is_bad = asked.target.contains("/content/2/label");
        is_bad.then(|| Reply::of(403, &json!({"message": "not yours"})))
    });
    let tagged = some.tag(&["--write"]);
    assert_eq!(tagged.code, Some(4), "{tagged:?}");
    assert!(tagged.err.contains("error: 1 of 3 pages failed"), "{tagged:?}");
    assert!(tagged.err.contains("confluence: a refusal of the credentials"), "{tagged:?}");
    assert!(tagged.err.contains("403 not yours"), "{tagged:?}");
}

#[test]
fn nothing_done_is_told_apart_for_a_space_that_is_not_there_and_a_host_that_is_not() {
    let server = Server::start(3, |_| None);
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &mut Command| Tagged::of(&command.output().unwrap());
    let tagged = run(&mut server.command(folder.path(), &["NOPE", "--no-state"]));
    assert!(tagged.code == Some(5) && tagged.err.contains("`NOPE`"), "{tagged:?}");
    let tagged = run(&mut server.command(folder.path(), &["--pages", "77", "--no-state"]));
    assert_eq!(tagged.code, Some(5), "{tagged:?}");
    assert!(tagged.err.contains("error: confluence: nothing found (404)"), "{tagged:?}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = format!("http://{free}/wiki");
    let mut command = server.command(folder.path(), &["DOCS", "--no-state"]);
    let tagged = run(command.env("CONFLUENCE_URL", gone));
    assert_eq!(tagged.code, Some(5), "{tagged:?}");
    assert!(tagged.err.contains("Connection refused"), "{tagged:?}");
    assert!(tagged.err.contains("look at CONFLUENCE_URL"), "{tagged:?}");
}

#[test]
fn a_file_that_is_something_else_is_refused_before_anything_is_paid() {
    let server = Server::start(3, |_| None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (name, text) in [
        ("notes.md", "# precious\n"),
        ("data.json", "{\"providers\": 3}"),
        ("other.jsonl", "{\"a\": 1}\n"),
    ] {
        fs::write(path.join(name), text).unwrap();
    }
    fs::create_dir(path.join("folder")).unwrap();
    std::os::unix::fs::symlink("notes.md", path.join("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", path.join("dangling")).unwrap();
    for args in [
        &["--state", "notes.md"][..],
        &["--state", "data.json"],
        &["--state", "link"],
        &["--state", "dangling"],
        &["--state", "folder"],
        &["--state", "/dev/zero"],
        &["--events", "notes.md"],
        &["--events", "other.jsonl"],
        &["--events", "folder"],
        &["--log", "link"],
        &["--log", "notes.md"],
        &["--log", "new", "--events", "new"],
        &["--log", "./new", "--events", "folder/../new"],
        &["--state", "new", "--events", "new"],
        &["--taxonomy", "notes.md", "--log", "link"],
    ] {
        let mut all = vec!["DOCS"];
        all.extend(args);
        let tagged = Tagged::of(&server.command(path, &all).output().unwrap());
        assert_eq!(tagged.code, Some(2), "{args:?}: {tagged:?}");
        assert!(server.asked().is_empty(), "{args:?}");
    }
    assert_eq!(fs::read_to_string(path.join("notes.md")).unwrap(), "# precious\n");
    assert_eq!(fs::read_dir(path).unwrap().count(), 6, "no file was made");
}

#[test]
fn our_own_files_and_the_place_where_all_is_lost_are_written() {
    let server = Server::start(3, |_| None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("empty"), "").unwrap();
    std::os::unix::fs::symlink("state", path.join("link")).unwrap();
    fs::write(path.join("state"), "").unwrap();
    let run = |args: &[&str]| {
        let mut all = vec!["DOCS"];
        all.extend(args);
        let tagged = Tagged::of(&server.command(path, &all).output().unwrap());
        assert_eq!(tagged.code, Some(0), "{args:?}: {tagged:?}");
        tagged
    };
    for _ in 0..2 {
        run(&["--state", "link", "--events", "events", "--log", "empty"]);
    }
    let read = |name: &str| fs::read_to_string(path.join(name)).unwrap();
    assert!(read("state").contains("\"format_version\": 1"));
    assert!(path.join("link").is_symlink());
    assert_eq!(read("events").matches("run_started").count(), 1);
    assert_eq!(read("empty").matches("run started").count(), 1);
    // The log has what the pipeline says and nothing of the libraries below it.
    assert!(read("empty").lines().all(|line| line.contains("t_ms=")), "{}", read("empty"));
    run(&["--state", "/dev/null", "--events", "/dev/null", "--log", "/dev/null"]);
    let tagged = run(&["--no-state", "--events", "/dev/stdout"]);
    assert!(tagged.out.contains("\"run_finished\""), "{tagged:?}");
    assert_eq!(fs::read_dir(path).unwrap().count(), 4, "no other file is left behind");
}

#[test]
fn a_full_disk_is_one_error_and_the_verdict_stands() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let server = Server::start(30, |_| None);
    let tagged = server.tag(&["--log", "/dev/full", "--events", "/dev/full"]);
    assert_eq!(tagged.code, Some(1), "{tagged:?}");
    assert_eq!(tagged.err.matches("No space left").count(), 1, "{tagged:?}");
    assert_eq!(tagged.err.lines().count(), 2, "{tagged:?}");
    assert!(tagged.err.contains("pages_tagged=30 "), "{tagged:?}");
    // The verdict stands where it is worse.
    let tagged = refusing(403, "no").tag(&["--events", "/dev/full"]);
    assert_eq!(tagged.code, Some(5), "{tagged:?}");
}

#[test]
fn two_runs_at_once_keep_what_the_other_learned() {
    // The other run writes while this one is at work.
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let learned = |name: &str| {
        format!(
            r#"{{"format_version": 1, "saved_at_ms": 0, "providers": {{"{name}": [{{
            "dimension": "requests", "limit": 7, "window_ms": 60000, "inferred": false,
            "refused_count": false, "taken": []}}]}}}}"#
        )
    };
    let (written, text) = (state.clone(), learned("another"));
    let server = Server::start(1, move |asked| {
        if asked.target.contains("generateContent") {
            fs::write(&written, &text).unwrap();
        }
        None
    });
    let mut command = server.command(folder.path(), &["DOCS", "--state", "state.json"]);
    assert!(command.output().unwrap().status.success());
    let kept = fs::read_to_string(&state).unwrap();
    assert!(kept.contains("another") && kept.contains("\"limit\": 7"), "{kept}");
}

#[test]
fn variables_are_refused_by_name_and_never_shown() {
    let server = Server::start(1, |_| None);
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str], name: &str, value: &str| {
        let mut all = vec!["DOCS", "--no-state"];
        all.extend(args);
        let mut command = server.command(folder.path(), &all);
        Tagged::of(&command.env(name, value).output().unwrap())
    };
    for (name, value, said) in [
        ("GEMINI_API_KEY", "sesame\nkey", "character 7 of GEMINI_API_KEY"),
        ("GEMINI_API_KEY", "sesame-ключ", "character 8 of GEMINI_API_KEY"),
        ("CONFLUENCE_API_TOKEN", "sesame key", "character 7 of CONFLUENCE_API_TOKEN"),
        ("CONFLUENCE_USER", "me:sesame", "character 3 of CONFLUENCE_USER"),
        ("CONFLUENCE_URL", "sesame", "CONFLUENCE_URL is no address"),
        ("CONFLUENCE_URL", "ftp://sesame.example", "CONFLUENCE_URL is no address"),
        (
            "CONFLUENCE_URL",
            "https://u:sesame@acme.example/wiki",
            "CONFLUENCE_URL holds credentials",
        ),
        ("CONFLUENCE_URL", "http://sesame.example/wiki", "plain http address of another machine"),
        ("GOOGLE_GEMINI_BASE_URL", "http://192.0.2.1/?key=sesame", "has a query"),
        ("GOOGLE_GEMINI_BASE_URL", "http://192.0.2.1", "plain http address of another machine"),
    ] {
        let tagged = run(&[], name, value);
        assert_eq!(tagged.code, Some(2), "{value}: {tagged:?}");
        assert!(tagged.err.contains(name) && tagged.err.contains(said), "{value}: {tagged:?}");
    }
    assert!(server.asked().is_empty());
    // White space around is pasted along, and no part of it.
    for value in [format!("{KEY}\r\n"), format!(" {KEY} ")] {
        assert_eq!(run(&[], "GEMINI_API_KEY", &value).code, Some(0));
    }
    for host in ["localhost", "127.0.0.1", "127.1"] {
        let here = format!("http://{host}:{}/wiki", server.port);
        assert_eq!(run(&[], "CONFLUENCE_URL", &here).code, Some(0), "{host}");
    }
    // Nobody answers there, but it is tried.
    let tagged = run(&["--allow-http"], "CONFLUENCE_URL", "http://nowhere.invalid/wiki");
    assert_eq!(tagged.code, Some(5), "{tagged:?}");
}

#[test]
fn no_proxy_is_sent_what_goes_to_this_machine_in_plain_text() {
    let proxy = Server::start(0, |_| None);
    let server = Server::start(1, |_| None);
    let folder = tempfile::tempdir().unwrap();
    let mut command = server.command(folder.path(), &["DOCS", "--no-state"]);
    let address = format!("http://user:sesame@127.0.0.1:{}", proxy.port);
    let tagged = Tagged::of(
        &command.env("HTTP_PROXY", &address).env("http_proxy", &address).output().unwrap(),
    );
    assert_eq!((tagged.code, proxy.asked().len()), (Some(0), 0), "{tagged:?}");
    // Elsewhere the proxy is asked, and its password is not told.
    let mut command = server.command(folder.path(), &["DOCS", "--no-state", "--allow-http"]);
    command.env("CONFLUENCE_URL", "http://nowhere.invalid/wiki").env("http_proxy", &address);
    let tagged = Tagged::of(&command.output().unwrap());
    assert_eq!((tagged.code, proxy.count("/wiki/api/v2/spaces?")), (Some(0), 1), "{tagged:?}");
}

#[test]
fn a_taxonomy_is_checked_before_anything_is_asked() {
    let server = Server::start(1, |_| None);
    let folder = tempfile::tempdir().unwrap();
    for (text, said) in [
        ("[taxonomy]\n", "expected at least one category"),
        ("[taxonomy]\ndoc = [\"c\"]\ntool = [\"c++\"]\n", "the tag `c++` of the category `tool`"),
    ] {
        fs::write(folder.path().join("own.toml"), text).unwrap();
        let args = ["DOCS", "--no-state", "--taxonomy", "own.toml"];
        let tagged = Tagged::of(&server.command(folder.path(), &args).output().unwrap());
        assert_eq!(tagged.code, Some(2), "{tagged:?}");
        assert!(tagged.err.contains("own.toml") && tagged.err.contains(said), "{tagged:?}");
    }
    assert!(server.asked().is_empty());
}

#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Sends a signal `times` times while the AI call is in flight.
fn told(shell: &str, signal: &str, times: usize) -> (Option<i32>, String, String) {
    let server = Server::start(40, move |asked| {
        if asked.target.contains("generateContent") {
            pause(Duration::from_secs(if times > 1 { 30 } else { 1 }));
        }
        None
    });
    let folder = tempfile::tempdir().unwrap();
    let args = ["DOCS", "--no-state", "--events", "events"];
    let tag = server.command(folder.path(), &args);
    let mut command = attentive("sh");
    command.args(["-c", &format!("{shell} exec \"$0\" \"$@\"")]).arg(tag.get_program());
    command.args(tag.get_args()).current_dir(folder.path()).stderr(Stdio::piped());
    command.env_clear().envs(tag.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    while server.count("generateContent") == 0 {
        pause(Duration::from_millis(10));
    }
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    for time in 0..times {
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        // The first is answered before the second is sent.
        if time == 0 && shell.is_empty() {
            said += &lines.next().unwrap().unwrap();
        }
    }
    lines.for_each(|line| said += &line.unwrap());
    let code = child.wait().unwrap().code();
    (code, said, fs::read_to_string(folder.path().join("events")).unwrap())
}

#[test]
fn each_signal_ends_a_run_in_good_order_and_an_ignored_one_does_not() {
    for signal in ["INT", "TERM", "HUP"] {
        let (code, said, events) = told("", signal, 1);
        assert_eq!(code, Some(130), "{signal}: {said}");
        assert!(said.contains("stopping") && said.contains("pages=40 "), "{said}");
        assert!(events.contains("\"end\":\"cancelled\""), "{signal}");
    }
    let (code, _, events) = told("trap '' HUP;", "HUP", 1);
    assert_eq!(code, Some(0));
    assert!(events.contains("\"end\":\"completed\""));
}

#[test]
fn a_run_that_is_aborted_accounts_for_each_page() {
    let (code, said, events) = told("", "INT", 2);
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(events.matches("\"page_listed\"").count(), 40);
    assert_eq!(events.matches("\"page_not_done\"").count(), 40);
    let last = events.lines().last().unwrap();
    assert!(last.contains("\"run_finished\"") && last.contains("\"cancelled\""), "{last}");
    assert!(said.contains("pages_not_done=40 ") && !said.contains("makespan_ms=0 "), "{said}");
}

/// How many prompts a space of 12 pages takes with these arguments and variables.
fn prompts(args: &[&str], variables: &[(&str, &str)], file: &str) -> (usize, Tagged) {
    let server = Server::start(12, |_| None);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tune.env"), file).unwrap();
    let args = [&["DOCS", "--no-state"], args].concat();
    let mut command = server.command(folder.path(), &args);
    let tagged = Tagged::of(&command.envs(variables.iter().copied()).output().unwrap());
    (server.count("generateContent"), tagged)
}

#[test]
fn settings_come_from_the_environment_a_file_and_set_the_later_over_the_earlier() {
    let variable = [("TAG_SPACE_BATCH_SIZE", "6")];
    let file = "TAG_SPACE_PROFILE=documented\nTAG_SPACE_BATCH_SIZE=4\n";
    let with_file = ["--env-file", "tune.env"];
    let with_all = [&with_file[..], &["--set", "batch_size=3"]].concat();
    for (args, expected) in [(&[][..], 2), (&with_file[..], 3), (&with_all[..], 4)] {
        let (prompts, tagged) = prompts(args, &variable, file);
        assert_eq!((prompts, tagged.code), (expected, Some(0)), "{tagged:?}");
    }
    // Without a batch size a profile has its own: the state before asks page by page.
    let (one_by_one, tagged) = prompts(&[], &[("TAG_SPACE_PROFILE", "before")], "");
    assert_eq!((one_by_one, tagged.code), (12, Some(0)), "{tagged:?}");
    let last = ["--profile", "documented", "--set", "profile=before"];
    assert_eq!(prompts(&last, &[], "").0, 12);
    let (by_argument, _) =
        prompts(&["--profile", "before"], &[("TAG_SPACE_PROFILE", "documented")], "");
    assert_eq!(by_argument, 12);
}

#[test]
fn a_setting_that_is_none_is_refused_before_anything_is_asked() {
    let file = "TAG_SPACE_BATCHSIZE=4\n";
    for (args, variables, told) in [
        (&[][..], &[("TAG_SPACE_BATCHSIZE", "5")][..], "did you mean `TAG_SPACE_BATCH_SIZE`?"),
        (&["--env-file", "tune.env"], &[], "tune.env:1:1: expected a known variable"),
        (&["--env-file", "none.env"], &[], "none.env"),
        (&["--set", "batchsize=5"], &[], "did you mean `batch_size`?"),
        (&["--set", "batch_size=many"], &[], "expected a whole number from 1 to 1000, or `auto`"),
        (&["--set", "batch_size"], &[], "expected `key=value`"),
        (&["--set", "dry_run=false"], &[], "without --write nothing is written"),
        (
            &["--set", "limiter=pace", "--set", "quota={ per_s = 9 }"],
            &[],
            "expected `requests` or `tokens`, found a quota of nothing",
        ),
        (&[], &[("TAG_SPACE_CACHE_ENABLED", "perhaps")], "expected true or false"),
    ] {
        let (prompts, tagged) = prompts(args, variables, file);
        assert_eq!((prompts, tagged.code), (0, Some(2)), "{args:?} {tagged:?}");
        assert!(tagged.err.contains(told), "{args:?} {tagged:?}");
    }
}

#[test]
fn a_credential_may_be_in_a_file_that_only_its_owner_may_read() {
    let server = Server::start(2, |_| None);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("key", &format!("{KEY}\n"), 0o600);
    write("token", &format!("{TOKEN}\n"), 0o400);
    write("open", &format!("{KEY}\n"), 0o640);
    write("empty", "\n", 0o600);
    write("large", &"k".repeat(100_000), 0o600);
    let tag = |variables: &[(&str, &str)], unset: &[&str]| {
        let mut command = server.command(folder.path(), &["DOCS", "--no-state"]);
        for name in unset {
            command.env_remove(name);
        }
        Tagged::of(&command.envs(variables.iter().copied()).output().unwrap())
    };
    let files = [("GEMINI_API_KEY_FILE", "key"), ("CONFLUENCE_API_TOKEN_FILE", "token")];
    let tagged = tag(&files, &["GEMINI_API_KEY", "CONFLUENCE_API_TOKEN"]);
    assert_eq!(tagged.code, Some(0), "{tagged:?}");
    let prompts = server.asked().into_iter().filter(|one| one.target.contains("generateContent"));
    for asked in prompts {
        assert!(asked.head.contains(&format!("x-goog-api-key: {KEY}\r\n")), "{}", asked.head);
    }
    for (file, said) in [
        ("open", "GEMINI_API_KEY_FILE: expected a file that only you may read"),
        ("empty", "GEMINI_API_KEY_FILE: expected a credential, found an empty file"),
        ("large", "GEMINI_API_KEY_FILE: expected a credential, found a large file"),
        ("sesame-path", "GEMINI_API_KEY_FILE: its file cannot be read: No such file"),
    ] {
        let refused = tag(&[("GEMINI_API_KEY_FILE", file)], &["GEMINI_API_KEY"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.err.contains(said), "{refused:?}");
    }
    let both = tag(&[("GEMINI_API_KEY_FILE", "key")], &[]);
    assert_eq!(both.code, Some(2), "{both:?}");
    let said = "expected GEMINI_API_KEY or GEMINI_API_KEY_FILE, found both";
    assert!(both.err.contains(said), "{both:?}");
}
