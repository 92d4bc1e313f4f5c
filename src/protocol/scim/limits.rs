//! How much a client may ask for in one request. The composition root makes the value from the configuration.

/// The levels of JSON around a document in a bulk request: the body, `Operations`, the operation.
const BULK_LEVELS: usize = 3;

/// Bounds of one request. Past them the answer is a clear 400 (or 413 for the body), never a slow or a failed server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// How deep JSON may nest.
    pub json_depth: usize,
    /// Bytes of a filter or of a PATCH path.
    pub filter_bytes: usize,
    /// How deep parentheses, `not` and value paths may nest.
    pub filter_depth: usize,
    /// Comparisons in one filter.
    pub filter_terms: usize,
    /// Operations in one PATCH.
    pub patch_operations: usize,
    /// Comparisons that one PATCH may cause: terms of filters times values they are tested on (`budget`).
    pub patch_comparisons: usize,
    /// Filters in one PATCH that have to look at the members of a group instead of naming them by id.
    pub member_filters: usize,
    /// Values in one multi-valued attribute, other than the members of a group.
    pub values_per_attribute: usize,
    /// Bytes of a stored document as JSON, without the members of a group.
    pub resource_bytes: usize,
    /// Resources on a page when the client names no number.
    pub default_page: u32,
    /// Resources on a page at most; `filter.maxResults` of the ServiceProviderConfig.
    pub max_page: u32,
    /// Bounds of a bulk request.
    pub bulk: BulkLimits,
    /// How long a cursor is good for.
    pub cursor_seconds: u32,
    /// Resources that a query may look at when no index serves it.
    pub scan_rows: u32,
    /// Members of groups, or groups of users, that the resources of one page may have together.
    pub page_members: u32,
    /// Bytes of the documents that one page may have together.
    pub page_bytes: usize,
    /// Users that an organization may have.
    pub users: u32,
    /// Groups that an organization may have.
    pub groups: u32,
}

/// Bounds of one bulk request; past the first two the answer is 413.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkLimits {
    /// Operations: `bulk.maxOperations` of the ServiceProviderConfig.
    pub operations: usize,
    /// Bytes of the body: `bulk.maxPayloadSize`.
    pub payload_bytes: usize,
    /// Comparisons that all PATCH operations together may cause; each has an equal share.
    pub patch_comparisons: usize,
}

impl Limits {
    /// The bounds of the body of a bulk request as JSON: a document stands deeper in it than alone.
    pub const fn around_documents(self) -> Self {
        Self { json_depth: self.json_depth.saturating_add(BULK_LEVELS), ..self }
    }

    /// The bounds of one operation among `patches` PATCH operations of a bulk request.
    pub fn in_bulk(self, patches: usize) -> Self {
        let share = self.bulk.patch_comparisons.checked_div(patches).unwrap_or(usize::MAX);
        Self { patch_comparisons: self.patch_comparisons.min(share), ..self }
    }
}

/// What the configuration has when it says nothing.
impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 4 * 1024 * 1024,
            json_depth: 32,
            filter_bytes: 8 * 1024,
            filter_depth: 16,
            filter_terms: 64,
            patch_operations: 1_000,
            patch_comparisons: 100_000,
            member_filters: 10,
            values_per_attribute: 500,
            resource_bytes: 128 * 1024,
            default_page: 100,
            max_page: 200,
            bulk: BulkLimits { operations: 1_000, payload_bytes: 4 * 1024 * 1024, patch_comparisons: 1_000_000 },
            cursor_seconds: 3_600,
            scan_rows: 20_000,
            page_members: 20_000,
            page_bytes: 4 * 1024 * 1024,
            users: 2_000_000,
            groups: 500_000,
        }
    }
}
