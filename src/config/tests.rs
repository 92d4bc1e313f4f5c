use super::{MailTransport, read};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn minimal() -> String {
    format!(
        "public_url = \"https://id.acme.test\"\ndata_center = \"us\"\nencryption_keys = [\"{KEY}\"]\n\
         [mail]\nfrom = \"gateway@acme.test\"\nsmtp_url = \"smtps://mail.acme.test\"\n"
    )
}

fn faults(text: &str) -> Vec<String> {
    read(text, []).map(|_| ()).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_small_file_is_enough() {
    let checked = read(&minimal(), []).unwrap();
    assert!(checked.warnings.is_empty(), "{:?}", checked.warnings);
    assert_eq!(checked.config.database_url.expose(), "sqlite:causeway.db");
    assert!(matches!(checked.config.mail.transport, MailTransport::Smtp(_)));
    assert_eq!(checked.config.lifetimes.code_seconds, 60);
}

#[test]
fn the_environment_overrides_the_file() {
    let environment = [
        ("CAUSEWAY_DATABASE_URL".to_owned(), "postgres://db.acme.test/causeway".to_owned()),
        ("CAUSEWAY_DATABASE__POOL_SIZE".to_owned(), "40".to_owned()),
        ("CAUSEWAY_LOG__FORMAT".to_owned(), "text".to_owned()),
        ("HOME".to_owned(), "/nowhere".to_owned()),
    ];
    let config = read(&minimal(), environment).unwrap().config;
    assert_eq!(config.database_url.expose(), "postgres://db.acme.test/causeway");
    assert_eq!(config.database_pool_size, 40);
    assert!(!config.log.is_json);
}

#[test]
fn all_faults_are_reported_at_once() {
    let text = "public_url = \"ftp://x\"\nlisten = \"nowhere\"\nencryption_keys = [\"short\"]\ncolour = \"red\"\n\
                [database]\npool_size = 0\n[lifetimes]\ncode_seconds = 61\n[log]\nformat = \"xml\"\nlevel = 3\n";
    let found = faults(text);
    for key in [
        "public_url",
        "listen",
        "data_center",
        "encryption_keys",
        "colour",
        "database.pool_size",
        "mail.from",
        "lifetimes.code_seconds",
        "log.format",
        "log.level",
    ] {
        assert!(found.iter().any(|fault| fault.starts_with(&format!("{key}:"))), "{key} is not in {found:?}");
    }
}

#[test]
fn what_is_for_loopback_is_warned_of_there_and_refused_elsewhere() {
    let on = |url: &str| minimal().replace("https://id.acme.test", url) + "[outbound]\nallow_loopback = true\n";
    for url in ["http://localhost:8080", "http://127.0.0.1:9000", "http://[::1]:9000"] {
        assert_eq!(read(&on(url), []).unwrap().warnings.len(), 2, "{url}");
    }
    assert_eq!(faults(&on("http://id.acme.test")).len(), 2);
    assert_eq!(faults(&on("https://id.acme.test")).len(), 1);
    assert_eq!(faults(&on("http://localhost.acme.test")).len(), 2);
}

#[test]
fn a_file_that_is_not_toml_is_one_fault() {
    assert_eq!(faults("public_url = ").len(), 1);
}
