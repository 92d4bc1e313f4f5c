//! Causeway, a standards-based identity gateway. `docs/architecture.md` is the map; the modules below are its rings.

pub mod access;
pub mod app;
pub mod cli;
pub mod config;
pub mod directory;
pub mod flows;
pub mod http;
pub mod jobs;
pub mod keys;
pub mod outbound;
pub mod pages;
pub mod protocol;
pub mod provisioning;
pub mod record;
pub mod store;
pub mod telemetry;
pub mod values;
