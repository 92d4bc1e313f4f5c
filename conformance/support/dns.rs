//! An authoritative name server: Knot DNS on a free port of loopback, with zones that a test changes while it runs.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Process, free_port, run};

/// A running name server, authoritative for the zones it was given.
pub struct Dns {
    pub address: SocketAddr,
    folder: TempDir,
    _process: Process,
}

impl Dns {
    /// Serves `zones`, each with nothing but its SOA and NS records.
    pub fn start(zones: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        fs::write(folder.path().join("knot.conf"), configuration(&folder, address, zones)).expect("configuration");
        for zone in zones {
            fs::write(folder.path().join(format!("{zone}.zone")), zone_file(1, &[])).expect("zone file");
        }
        let mut command = Command::new("/usr/sbin/knotd");
        command.arg("-c").arg(folder.path().join("knot.conf"));
        let mut process = Process::start("knotd", command);
        process.wait_until(|| zones.iter().all(|zone| answers(address, zone)));
        Self { address, folder, _process: process }
    }

    /// Replaces the TXT records of `zone` by `records`, pairs of (name below the zone, text), and has them served.
    pub fn publish(&self, zone: &str, serial: u32, records: &[(&str, &str)]) {
        fs::write(self.folder.path().join(format!("{zone}.zone")), zone_file(serial, records)).expect("zone file");
        let mut reload = Command::new("/usr/sbin/knotc");
        reload.arg("-b").arg("-c").arg(self.folder.path().join("knot.conf")).args(["zone-reload", zone]);
        run("knotc", reload);
    }
}

fn configuration(folder: &TempDir, address: SocketAddr, zones: &[&str]) -> String {
    let path = folder.path().display();
    let mut text = format!(
        "server:\n    rundir: \"{path}\"\n    listen: {}@{}\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n\
         database:\n    storage: \"{path}\"\nlog:\n  - target: stderr\n    any: notice\n\
         template:\n  - id: default\n    storage: \"{path}\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\nzone:\n",
        address.ip(),
        address.port(),
    );
    for zone in zones {
        text.push_str(&format!("  - domain: {zone}\n    file: {zone}.zone\n"));
    }
    text
}

fn zone_file(serial: u32, records: &[(&str, &str)]) -> String {
    let mut text = format!("$TTL 1\n@ SOA ns host {serial} 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n");
    for (name, value) in records {
        text.push_str(&format!("{name} TXT \"{value}\"\n"));
    }
    text
}

/// True when the server at `address` answers a query for the SOA record of `zone` with one.
pub fn answers(address: SocketAddr, zone: &str) -> bool {
    let mut query = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in zone.split('.') {
        query.push(u8::try_from(label.len()).expect("a label is short"));
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 6, 0, 1]);
    let Ok(socket) = UdpSocket::bind("127.0.0.1:0") else { return false };
    let _ = socket.set_read_timeout(Some(Duration::from_millis(200)));
    let mut answer = [0; 512];
    let is_sent = socket.send_to(&query, address).is_ok();
    is_sent && socket.recv(&mut answer).is_ok_and(|length| length > 8 && answer[3] & 0x0f == 0 && answer[7] > 0)
}

#[cfg(test)]
mod tests {
    use super::{Dns, answers};

    #[test]
    fn only_the_zones_given_are_served_and_a_new_serial_is_taken_over() {
        let dns = Dns::start(&["acme.test"]);
        dns.publish("acme.test", 2, &[("_causeway-challenge", "hello")]);
        assert!(answers(dns.address, "acme.test"));
        assert!(!answers(dns.address, "other.test"));
    }
}
