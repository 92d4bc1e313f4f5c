//! How much of each kind an organization may keep: its tables are shared by everybody.

/// The most of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Domains that are claimed and not released.
    pub domains: u32,
    /// Connections, disabled ones included.
    pub connections: u32,
    /// Applications.
    pub applications: u32,
    /// Live admin tokens.
    pub admin_tokens: u32,
    /// SCIM clients.
    pub scim_clients: u32,
    /// Live credentials of one SCIM client.
    pub credentials_per_scim_client: u32,
    /// SCIM schemas of its own.
    pub scim_schemas: u32,
    /// Roles, and entitlements, that its directory can discover.
    pub scim_assignables: u32,
    /// Claims made of attributes.
    pub claim_mappings: u32,
    /// Attributes and sub-attributes of one SCIM schema.
    pub scim_schema_attributes: u32,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            domains: 200,
            connections: 50,
            applications: 500,
            admin_tokens: 200,
            scim_clients: 50,
            credentials_per_scim_client: 10,
            scim_schemas: 20,
            scim_assignables: 1_000,
            claim_mappings: 50,
            scim_schema_attributes: 100,
        }
    }
}
