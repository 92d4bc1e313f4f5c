use super::Checked;
use super::mail::MailTransport;
use super::reader::Fault;
use crate::values::quota::Quota;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn minimal() -> String {
    format!(
        "public_url = \"https://id.acme.test\"\ndata_center = \"us\"\nencryption_keys = [\"{KEY}\"]\n\
         [mail]\nfrom = \"gateway@acme.test\"\nsmtp_url = \"smtps://mail.acme.test\"\n"
    )
}

fn read<const N: usize>(text: &str, environment: [(&str, &str); N]) -> Result<Checked, Vec<Fault>> {
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    super::read(text, environment, &[("log.filter", not_loud), ("mail.smtp_url", not_loud), ("listen", not_loud)])
}

fn not_loud(text: &str) -> Result<(), String> {
    if text.contains("loud") { Err("is loud".to_owned()) } else { Ok(()) }
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
    assert_eq!(checked.config.limits.quota, Quota::default());
}

#[test]
fn the_environment_overrides_the_file() {
    let environment = [
        ("CAUSEWAY_DATABASE_URL", "postgres://db.acme.test/causeway"),
        ("CAUSEWAY_DATABASE__POOL_SIZE", "40"),
        ("CAUSEWAY_LOG__FORMAT", "text"),
        ("HOME", "/nowhere"),
    ];
    let config = read(&minimal(), environment).unwrap().config;
    assert_eq!(config.database_url.expose(), "postgres://db.acme.test/causeway");
    assert_eq!(config.database_pool_size, 40);
    assert!(!config.log.is_json);
}

#[test]
fn all_faults_are_reported_at_once() {
    let text = "public_url = \"http://id.acme.test\"\ndatabase_url = \"mysql://x\"\nlisten = \"nowhere\"\nencryption_keys = [\"short\"]\ncolour = \"red\"\n\
                [database]\npool_size = 0\n[lifetimes]\ncode_seconds = 61\n[log]\nformat = \"xml\"\nfilter = \"loud\"\nlevel = 3\n\
                [outbound]\nallow_loopback = true\n";
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
        "log.filter",
        "database_url",
        "outbound.allow_loopback",
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
fn what_is_for_loopback_is_refused_beside_any_other_fault_of_the_public_url() {
    let with = |line: &str| {
        minimal().replace("public_url = \"https://id.acme.test\"", line) + "[outbound]\nallow_loopback = true\n"
    };
    assert_eq!(faults(&with("public_url = \"http://id.acme.test/auth\"")).len(), 3);
    for line in ["", "public_url = \"nowhere\"", "public_url = \"https://id.acme.test/auth\""] {
        let found = faults(&with(line));
        let keys: Vec<&str> = found.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(keys, ["public_url", "outbound.allow_loopback"], "{line}");
    }
}

#[test]
fn passwords_do_not_cross_a_network_in_the_clear() {
    let on =
        |url: &str, listen: &str| format!("listen = \"{listen}\"\n{}", minimal().replace("https://id.acme.test", url));
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080"] {
        let found = faults(&on("http://localhost:8080", listen));
        assert!(found.len() == 1 && found[0].starts_with("listen: is reached from other machines"), "{found:?}");
        assert!(read(&on("https://id.acme.test", listen), []).is_ok());
    }
    for listen in ["127.0.0.1:8080", "[::1]:8080"] {
        assert!(read(&on("http://localhost:8080", listen), []).is_ok(), "{listen}");
    }
}

#[test]
fn a_check_looks_at_what_is_there_and_has_no_fault_yet() {
    let smtp = |url: &str| minimal().replace("smtps://mail.acme.test", url);
    assert_eq!(faults(&smtp("smtp://loud.test")), ["mail.smtp_url: is loud"]);
    assert_eq!(faults(&smtp("http://loud.test")), ["mail.smtp_url: is not smtp:// or smtps:// with a host"]);
    assert_eq!(faults(&format!("listen = [\"loud\"]\n{}", minimal())), ["listen: is a array, not a text"]);
}

#[test]
fn a_url_that_leads_nowhere_is_a_fault() {
    let database = |url: &str| format!("database_url = \"{url}\"\n{}", minimal());
    for url in ["", "causeway.db", "mysql://host/name", "sqlite:", "sqlite://", "SQLITE:causeway.db"] {
        assert_eq!(faults(&database(url)).len(), 1, "{url}");
    }
    for url in ["sqlite:causeway.db", "sqlite:///var/lib/causeway.db", "postgresql://host/name"] {
        assert!(read(&database(url), []).is_ok(), "{url}");
    }
    let smtp = |url: &str| minimal().replace("smtps://mail.acme.test", url);
    for url in ["smtp://", "smtps:mail.acme.test", "smtp://user:password@", "http://mail.acme.test", "mail.acme.test"] {
        assert_eq!(faults(&smtp(url)).len(), 1, "{url}");
    }
    assert!(read(&smtp("smtp://user:password@mail.acme.test:587?tls=required"), []).is_ok());
}

#[test]
fn mail_that_can_be_read_on_its_way_is_warned_of() {
    let warnings = |url: &str| read(&minimal().replace("smtps://mail.acme.test", url), []).unwrap().warnings.len();
    for url in ["smtp://mail.acme.test", "smtp://mail.acme.test:25?tls=opportunistic"] {
        assert_eq!(warnings(url), 1, "{url}");
    }
    for url in [
        "smtps://mail.acme.test",
        "smtp://mail.acme.test:587?tls=required",
        "smtp://localhost:25",
        "smtp://127.0.0.1",
        "smtp://[::1]:25",
    ] {
        assert_eq!(warnings(url), 0, "{url}");
    }
}

#[test]
fn a_name_of_the_environment_that_is_no_setting_is_a_warning() {
    let kubernetes = [
        ("CAUSEWAY_SERVICE_HOST", "10.0.0.1"),
        ("CAUSEWAY_PORT", "tcp://10.0.0.1:8080"),
        ("CAUSEWAY_LOG", "a table's name"),
        ("CAUSEWAY_LOG__FORMAT", "text"),
    ];
    let checked = read(&minimal(), kubernetes).unwrap();
    assert_eq!(checked.warnings.len(), 3, "{:?}", checked.warnings);
    assert!(checked.warnings.iter().any(|warning| warning.contains("CAUSEWAY_SERVICE_HOST")));
    assert!(!checked.config.log.is_json);
    assert_eq!(faults(&format!("service_host = \"10.0.0.1\"\n{}", minimal())), ["service_host: is not a setting"]);
}

#[test]
fn a_section_that_is_a_value_is_called_a_section() {
    let words = "limits: is a section with settings of its own, not a value";
    assert_eq!(faults(&format!("limits = \"x\"\n{}", minimal())), [words]);
}

#[test]
fn each_entry_of_a_list_that_is_none_is_named() {
    let text =
        format!("trusted_proxies = [\"10.0.0.0/8\", \"here\"]\n{}[dns]\nservers = [\"1.1.1.1\", \"zz\"]\n", minimal());
    let named = |text: &str| format!("dns.servers: \"{text}\" is not an address with a port, such as 10.0.0.2:53");
    let network = "trusted_proxies: \"here\" is not a network, such as 10.0.0.0/8".to_owned();
    assert_eq!(faults(&text), [named("1.1.1.1"), named("zz"), network]);
}

#[test]
fn an_encryption_key_that_stands_twice_is_a_fault() {
    let twice = minimal().replace(&format!("[\"{KEY}\"]"), &format!("[\"{KEY}\", \"{KEY}\"]"));
    assert_eq!(faults(&twice), ["encryption_keys: names the same key twice"]);
}

#[test]
fn a_file_that_is_not_toml_is_one_fault() {
    assert_eq!(faults("public_url = ").len(), 1);
}
