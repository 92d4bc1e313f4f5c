//! Connections as the store keeps them.

use super::{Connection, ConnectionState};
use crate::directory::matching::{MatchRule, Matching};
use crate::store::connections::ConnectionRow;
use crate::store::failure::StoreError;

pub(super) fn to_row(connection: &Connection) -> Result<ConnectionRow, StoreError> {
    Ok(ConnectionRow {
        id: connection.id,
        org_id: connection.organization,
        protocol: connection.settings.protocol().to_owned(),
        name: connection.name.clone(),
        state: connection.state.as_str().to_owned(),
        settings: serde_json::to_string(&connection.settings)
            .map_err(|error| StoreError::Internal(error.to_string()))?,
        sealed_secret: connection.sealed_secret.clone(),
        version: connection.version,
        created_at: connection.created_at,
        updated_at: connection.updated_at,
        match_by: Some(connection.matching.by.as_str().to_owned()),
        match_claim: connection.matching.claim.clone(),
    })
}

pub(super) fn from_row(row: ConnectionRow) -> Result<Connection, StoreError> {
    Ok(Connection {
        id: row.id,
        organization: row.org_id,
        name: row.name,
        state: match row.state.as_str() {
            "active" => ConnectionState::Active,
            "disabled" => ConnectionState::Disabled,
            "deleted" => ConnectionState::Deleted,
            _ => return Err(StoreError::Inconsistent("connections.state")),
        },
        settings: serde_json::from_str(&row.settings).map_err(|_| StoreError::Inconsistent("connections.settings"))?,
        sealed_secret: row.sealed_secret,
        matching: Matching {
            by: match row.match_by {
                Some(name) => MatchRule::parse(&name).ok_or(StoreError::Inconsistent("connections.match_by"))?,
                None => MatchRule::default(),
            },
            claim: row.match_claim,
        },
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}
