//! Reading settings one by one out of a table, collecting every fault instead of stopping at the first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use toml::{Table, Value};

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting, such as `mail.from`.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.problem)
    }
}

/// The prefix of environment variables that override settings.
pub const ENVIRONMENT_PREFIX: &str = "CAUSEWAY_";

/// A table under reading, with what overrides it.
pub struct Reader {
    table: Table,
    /// By the setting's key: the name of the variable, and what it says.
    overrides: BTreeMap<String, (String, String)>,
    seen: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl Reader {
    /// Starts to read `table`, overridden by the variables with the gateway's prefix:
    /// `CAUSEWAY_DATABASE__POOL_SIZE` is `database.pool_size`.
    pub fn new(table: Table, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut overrides = BTreeMap::new();
        for (name, value) in environment {
            if let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) {
                overrides.insert(key.to_ascii_lowercase().replace("__", "."), (name, value));
            }
        }
        Self { table, overrides, seen: BTreeSet::new(), faults: Vec::new() }
    }

    /// Notes a fault that the caller found.
    pub fn fault(&mut self, key: &str, problem: impl Display) {
        self.faults.push(Fault { key: key.to_owned(), problem: problem.to_string() });
    }

    /// Lets `check` look at the text of a setting that is there and has no fault yet.
    pub fn check(&mut self, key: &str, check: impl FnOnce(&str) -> Result<(), String>) {
        if self.faults.iter().any(|fault| fault.key == key) {
            return;
        }
        if let Some(Err(problem)) = self.text(key).map(|text| check(&text)) {
            self.fault(key, problem);
        }
    }

    /// An optional text.
    pub fn text(&mut self, key: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) => Some(text),
            Value::Integer(number) => Some(number.to_string()),
            other => {
                self.fault(key, format_args!("is a {}, not a text", other.type_str()));
                None
            }
        }
    }

    /// A list of texts; one text, with commas, is a list as well. Empty when absent.
    pub fn texts(&mut self, key: &str) -> Vec<String> {
        match self.value(key) {
            None => Vec::new(),
            Some(Value::String(text)) => {
                text.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
            }
            Some(Value::Array(items)) if items.iter().all(Value::is_str) => {
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
            Some(_) => {
                self.fault(key, "is not a list of texts");
                Vec::new()
            }
        }
    }

    /// An optional value in its own text form.
    pub fn parse<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        let text = self.text(key)?;
        self.convert(key, &text)
    }

    /// A value that must be there.
    pub fn require<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        match self.text(key) {
            Some(text) => self.convert(key, &text),
            None => {
                if !self.faults.iter().any(|fault| fault.key == key) {
                    self.fault(key, "is missing");
                }
                None
            }
        }
    }

    /// A list of values in their own text form. One that is none is named, with what is `expected`.
    pub fn parse_all<T: FromStr>(&mut self, key: &str, expected: &str) -> Vec<T> {
        let mut values = Vec::new();
        for text in self.texts(key) {
            match text.parse() {
                Ok(value) => values.push(value),
                Err(_) => self.fault(key, format_args!("\"{text}\" is not {expected}")),
            }
        }
        values
    }

    /// A number within bounds, or `default`.
    pub fn number(&mut self, key: &str, bounds: RangeInclusive<i64>, default: i64) -> i64 {
        let number = match self.value(key) {
            None => return default,
            Some(Value::Integer(number)) => Some(number),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(number) if bounds.contains(&number) => number,
            _ => {
                self.fault(key, format_args!("is not a number from {} to {}", bounds.start(), bounds.end()));
                default
            }
        }
    }

    /// `true` or `false`, or `default`.
    pub fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.value(key) {
            None => default,
            Some(Value::Boolean(flag)) => flag,
            Some(Value::String(text)) if text == "true" || text == "false" => text == "true",
            Some(_) => {
                self.fault(key, "is neither true nor false");
                default
            }
        }
    }

    /// The variables with the gateway's prefix that override nothing, once everything has been read.
    pub fn unknown_overrides(&self) -> Vec<String> {
        let unknown = self.overrides.iter().filter(|(key, _)| !self.seen.contains(*key));
        unknown.map(|(_, (name, _))| name.clone()).collect()
    }

    /// All faults, settings that nobody asked for included.
    pub fn finish(mut self) -> Vec<Fault> {
        let mut unknown = Vec::new();
        list_unknown(&self.table, "", &self.seen, &mut unknown);
        for key in unknown {
            let inside = format!("{key}.");
            let is_section = self.seen.iter().any(|seen| seen.starts_with(&inside));
            let section = "is a section with settings of its own, not a value";
            self.fault(&key, if is_section { section } else { "is not a setting" });
        }
        self.faults
    }

    fn convert<T: FromStr<Err: Display>>(&mut self, key: &str, text: &str) -> Option<T> {
        text.parse().map_err(|error| self.fault(key, error)).ok()
    }

    fn value(&mut self, key: &str) -> Option<Value> {
        self.seen.insert(key.to_owned());
        if let Some((_, value)) = self.overrides.get(key) {
            return Some(Value::String(value.clone()));
        }
        let mut parts = key.split('.');
        let mut value = self.table.get(parts.next()?)?;
        for part in parts {
            value = value.as_table()?.get(part)?;
        }
        Some(value.clone())
    }
}

fn list_unknown(table: &Table, prefix: &str, seen: &BTreeSet<String>, unknown: &mut Vec<String>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        match value {
            Value::Table(inner) => list_unknown(inner, &format!("{key}."), seen, unknown),
            _ if seen.contains(&key) => {}
            _ => unknown.push(key),
        }
    }
}
