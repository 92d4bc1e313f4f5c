//! The documents list what the source has: error codes, audit actions, events, metrics, settings; and name no path that
//! is not there.

use std::fs;
use std::path::{Path, PathBuf};

use causeway::protocol::scim::rewrite::Rule;
use causeway::protocol::scim::tolerance::Profile;
use causeway::record::audit::Action;
use causeway::telemetry::metrics;

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}

/// The first text literal behind each occurrence of `marker`.
fn literals_after(text: &str, marker: &str) -> Vec<String> {
    let behind = text.split(marker).skip(1);
    behind.filter_map(|rest| rest.split('"').nth(1).map(str::to_owned)).collect()
}

#[test]
fn every_error_code_of_the_api_is_documented() {
    let errors = document("errors.md");
    let mut codes = Vec::new();
    for (_, text) in sources("src/http") {
        for marker in ["bad_request(", "conflict(", "Problem::new(StatusCode", "Self::new(StatusCode", "too_soon("] {
            codes.extend(literals_after(&text, marker));
        }
    }
    // Words of one letter and sentences are no codes.
    codes.retain(|code| code.len() > 3 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    for one in ["forbidden", "not_found", "malformed"] {
        assert!(codes.iter().any(|code| code == one), "{one} is not found in the source any more");
    }
    assert!(codes.len() > 25, "only {} codes were found in the source", codes.len());
    let missing: Vec<_> = codes.iter().filter(|code| !errors.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
}

#[test]
fn every_reason_of_a_refusal_is_documented() {
    let errors = document("errors.md");
    let mut codes = Vec::new();
    for folder in ["src/protocol/saml", "src/access/attempts"] {
        for (file, text) in sources(folder) {
            let is_declaration =
                file.ends_with("refusal.rs") || file.ends_with("rejected.rs") || file.ends_with("idp_metadata.rs");
            if is_declaration {
                codes.extend(text.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)));
            }
        }
    }
    assert!(codes.len() > 60, "only {} reasons were found in the source", codes.len());
    let missing: Vec<_> = codes.iter().filter(|code| !errors.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
}

#[test]
fn every_action_event_and_metric_is_documented() {
    let events = document("events.md");
    for action in Action::ALL {
        assert!(events.contains(&format!("`{}`", action.as_str())), "{} is not in docs/events.md", action.as_str());
    }
    let source = &sources("src/record").into_iter().find(|(file, _)| file.ends_with("event.rs")).expect("event.rs").1;
    let names: Vec<&str> = source.split("{ .. } => \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(names.len() >= 4, "only {names:?} were found in the source");
    for name in names {
        assert!(events.contains(&format!("`{name}`")), "{name} is not in docs/events.md");
    }
    let documented = document("metrics.md");
    for metric in metrics::ALL {
        assert!(documented.contains(&format!("`{metric}`")), "{metric} is not in docs/metrics.md");
    }
}

#[test]
fn every_rule_and_profile_of_scim_is_documented() {
    let profiles = document("scim-profiles.md");
    let rules = Rule::ALL.iter().map(|rule| rule.as_str());
    for name in rules.chain(Profile::ALL.iter().map(|profile| profile.as_str())) {
        assert!(profiles.contains(&format!("| `{name}` |")), "{name} is not in docs/scim-profiles.md");
    }
}

#[test]
fn every_setting_is_documented() {
    let operations = document("operations.md");
    let source: String = sources("src/config").into_iter().map(|(_, text)| text).collect();
    let mut settings = Vec::new();
    for marker in [
        "reader.text(",
        "reader.texts(",
        "reader.parse(",
        "reader.parse_all(",
        "reader.require(",
        "reader.number(",
        "reader.flag(",
        "count(",
    ] {
        settings.extend(literals_after(&source, marker));
    }
    settings.retain(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.'));
    assert!(settings.len() > 25, "only {} settings were found in the source", settings.len());
    let missing: Vec<_> = settings.iter().filter(|name| !operations.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in docs/operations.md: {missing:?}");
}

#[test]
fn every_action_is_written_somewhere() {
    let sources = sources("src");
    let uses = |action: &str| {
        let text = format!("Action::{action}");
        sources.iter().filter(|(file, _)| !file.ends_with("record/audit.rs")).any(|(_, source)| {
            source.split(&text).skip(1).any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
        })
    };
    let unused: Vec<_> = Action::ALL.iter().map(|action| format!("{action:?}")).filter(|name| !uses(name)).collect();
    assert!(unused.is_empty(), "nothing writes {unused:?}");
}

/// The documents with their text.
fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("README.md"), root.join("conformance/README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    let text = |file: &PathBuf| fs::read_to_string(file).expect("a document");
    files.into_iter().map(|file| (file.clone(), text(&file))).collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    for (file, text) in documents() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let at = file.parent().expect("a folder").join(path);
            assert!(at.exists(), "{} links to {target}, which is not there", file.display());
        }
    }
}

/// Paths stand between backticks, from the root of the repository or from `src/`, where a module may lack its `.rs`.
#[test]
fn paths_that_documents_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = 0;
    for (file, text) in documents() {
        for path in text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)) {
            let first = path.split_once('/').map_or("", |(first, _)| first);
            let is_module = !first.is_empty() && root.join("src").join(first).is_dir();
            let candidates = match first {
                "src" | "conformance" | "docs" => vec![root.join(path)],
                _ if is_module => vec![root.join("src").join(path), root.join("src").join(format!("{path}.rs"))],
                _ => continue,
            };
            found += 1;
            assert!(candidates.iter().any(|at| at.exists()), "{} names {path}, which is not there", file.display());
        }
    }
    assert!(found > 30, "only {found} paths were found in the documents");
}

/// How many tests the tables of a document name in their last columns, each of which is in one of these folders.
fn named_tests(name: &str, folders: &[&str]) -> usize {
    let text: String = folders.iter().flat_map(|folder| sources(folder)).map(|(_, text)| text).collect();
    let list = document(name);
    let rows = list.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let mut named = 0;
    for row in rows {
        let tests = row.rsplit('|').nth(1).expect("a last cell");
        for test in tests.split('`').skip(1).step_by(2) {
            named += 1;
            assert!(text.contains(&format!("fn {test}(")), "{test} is not in the source: {row}");
        }
        assert!(tests.contains('`') || tests.trim() == "test", "no test: {row}");
    }
    named
}

#[test]
fn every_test_that_the_saml_list_names_is_there() {
    let named = named_tests("saml-conformance.md", &["src/protocol/saml", "src/flows", "conformance/saml"]);
    assert!(named > 60, "only {named} tests were found in the list");
}

#[test]
fn every_test_that_the_openid_list_names_is_there() {
    let folders = [
        "src/protocol/oidc",
        "src/flows",
        "src/access",
        "src/directory",
        "src/outbound",
        "src/http",
        "src/jobs",
        "conformance/oidc",
        "conformance/scim",
        "conformance/faults",
    ];
    let named = named_tests("oidc-rp-conformance.md", &folders);
    assert!(named > 60, "only {named} tests were found in the list");
}

#[test]
fn every_test_that_the_domain_list_names_is_there() {
    let named = named_tests("domains-conformance.md", &["src", "conformance/scenarios"]);
    assert!(named > 50, "only {named} tests were found in the list");
}
