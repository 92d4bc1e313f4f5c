//! The demo's DNS server: Knot DNS, authoritative for `acme.test`.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::part;
use super::places::Places;

/// The zone it serves.
pub const ZONE: &str = "acme.test";

/// Writes its configuration and the zone, with the TXT record (name below the zone, text) if there is one.
pub fn write(places: &Places, record: Option<(&str, &str)>) -> anyhow::Result<()> {
    let storage = places.data("");
    let storage = storage.display();
    let configuration = format!(
        "server:\n    rundir: \"{storage}\"\n    listen: {}\n    udp-workers: 1\n    tcp-workers: 1\n    \
         background-workers: 1\ndatabase:\n    storage: \"{storage}\"\nlog:\n  - target: stderr\n    any: notice\n\
         template:\n  - id: default\n    storage: \"{storage}\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    \
         journal-content: none\nzone:\n  - domain: {ZONE}\n    file: {ZONE}.zone\n",
        places.dns().replace(':', "@"),
    );
    fs::write(places.data("knot.conf"), configuration)?;
    let serial = if record.is_some() { 2 } else { 1 };
    let mut zone = format!("$TTL 1\n@ SOA ns host {serial} 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n");
    if let Some((name, text)) = record {
        zone.push_str(&format!("{name} TXT \"{text}\"\n"));
    }
    fs::write(places.data(&format!("{ZONE}.zone")), zone)?;
    Ok(())
}

/// Waits until it can be told to reload.
pub async fn wait(places: &Places, patience: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if part::run(places.knotc_reload()).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the DNS server is not ready in time: see {}", places.log("dns").display())
}
