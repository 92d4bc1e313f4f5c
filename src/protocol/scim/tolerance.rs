//! What clients of the field do otherwise than the standard, and which of it is understood for whom.
//!
//! A profile is a value that every parser takes; nothing here is global. `standard` is what a client gets that names
//! no profile: each request that the standard defines has the standard's meaning, and deviations whose meaning is
//! beyond doubt are understood.

/// How an empty text is read where a value is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyText {
    /// A text like any other.
    IsText,
    /// No value, for an attribute that is not a text.
    IsUnassignedUnlessText,
    /// No value (Entra ID removes a manager by replacing it with `""`).
    IsUnassigned,
}

/// What a PATCH is answered with when the client does not ask for attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchAnswer {
    /// 200 and the resource.
    Resource,
    /// 204 (the Entra ID validator asserts it).
    NoContent,
}

/// Whether a deviation is understood or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deviation {
    /// It is understood.
    Understood,
    /// It is answered with 400.
    Refused,
}

impl Deviation {
    /// True when it is understood.
    pub const fn is_understood(self) -> bool {
        matches!(self, Self::Understood)
    }
}

/// The deviations, one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerance {
    /// `"True"` for `true`, a number for a text, one value for an array of one.
    pub loose_types: Deviation,
    /// A text where a complex value with a `value` sub-attribute is expected (Entra ID: `manager`).
    pub bare_values: Deviation,
    /// How `""` is read.
    pub empty_text: EmptyText,
    /// `replace` on `emails[type eq "work"].value` makes the element when there is none (Entra ID).
    pub replace_creates: Deviation,
    /// `remove` with a `value` removes the values it names, and those only (Entra ID, JumpCloud: `members`).
    pub removal_by_value: Deviation,
    /// A removal whose filter matches nothing succeeds without a change.
    pub idle_removal: Deviation,
    /// `name.givenName` and `urn:...:User:department` as keys of a value without a path (Entra ID).
    pub path_keys: Deviation,
    /// `userName eq jyoung` (Entra ID's documentation, authentik 2025.8).
    pub bare_literals: Deviation,
    /// No `schemas`, or one that the resource type does not have (Entra ID: groups).
    pub loose_schemas: Deviation,
    /// A country, time zone, language or certificate in another form than the standard's is kept as it was sent.
    pub loose_formats: Deviation,
    /// A member that the organization does not have is left out, and the answer shows who belongs; otherwise one
    /// stale id would keep a directory from adding anybody (scim-sanity and Entra ID's collection send such ids).
    pub unknown_members: Deviation,
    /// What only the server writes stands in the value of a PATCH without a path and is ignored (Okta sends a group's
    /// `id` when it renames it; authentik the whole group).
    pub read_only_values: Deviation,
    /// `Add`, `Remove`, `Replace` (Entra ID).
    pub verbs_in_any_case: Deviation,
    /// A PATCH without operations changes nothing (Entra ID's validator).
    pub empty_operations: Deviation,
    /// The text of a JSON object in `roles` or `entitlements` is the value and the display name that it holds (Entra ID's
    /// app roles).
    pub json_text: Deviation,
    /// The name of an extension's attribute without its URN, in a filter (Entra ID: `manager eq`).
    pub short_names: Deviation,
    /// What a PATCH is answered with.
    pub patch_answer: PatchAnswer,
}

const STRICT: Tolerance = Tolerance {
    loose_types: Deviation::Refused,
    bare_values: Deviation::Refused,
    empty_text: EmptyText::IsText,
    replace_creates: Deviation::Refused,
    removal_by_value: Deviation::Refused,
    idle_removal: Deviation::Refused,
    path_keys: Deviation::Refused,
    bare_literals: Deviation::Refused,
    loose_schemas: Deviation::Refused,
    loose_formats: Deviation::Refused,
    unknown_members: Deviation::Refused,
    read_only_values: Deviation::Refused,
    verbs_in_any_case: Deviation::Refused,
    empty_operations: Deviation::Refused,
    json_text: Deviation::Refused,
    short_names: Deviation::Refused,
    patch_answer: PatchAnswer::Resource,
};

const STANDARD: Tolerance = Tolerance {
    loose_types: Deviation::Understood,
    bare_values: Deviation::Understood,
    empty_text: EmptyText::IsUnassignedUnlessText,
    replace_creates: Deviation::Refused,
    removal_by_value: Deviation::Understood,
    idle_removal: Deviation::Refused,
    path_keys: Deviation::Understood,
    bare_literals: Deviation::Understood,
    loose_schemas: Deviation::Understood,
    loose_formats: Deviation::Understood,
    unknown_members: Deviation::Understood,
    read_only_values: Deviation::Understood,
    verbs_in_any_case: Deviation::Understood,
    empty_operations: Deviation::Refused,
    json_text: Deviation::Refused,
    short_names: Deviation::Refused,
    patch_answer: PatchAnswer::Resource,
};

/// Entra ID: replaces what is not there yet, clears with `""`, repeats removals, sends roles as the text of an object, looks for a
/// manager without its URN and, from its validator, PATCHes without operations.
const ENTRA: Tolerance = Tolerance {
    empty_text: EmptyText::IsUnassigned,
    replace_creates: Deviation::Understood,
    idle_removal: Deviation::Understood,
    empty_operations: Deviation::Understood,
    json_text: Deviation::Understood,
    short_names: Deviation::Understood,
    patch_answer: PatchAnswer::NoContent,
    ..STANDARD
};

/// Clients that send whole resources with `""` for what is empty, and may repeat a removal: Okta, OneLogin, Google.
const WHOLE_RESOURCES: Tolerance =
    Tolerance { empty_text: EmptyText::IsUnassigned, idle_removal: Deviation::Understood, ..STANDARD };

/// JumpCloud removes as Entra ID does; the administrators of Ping name the paths of single values themselves.
const SINGLE_VALUES: Tolerance = Tolerance {
    empty_text: EmptyText::IsUnassigned,
    replace_creates: Deviation::Understood,
    idle_removal: Deviation::Understood,
    ..STANDARD
};

/// Clients that read the schemas and keep to them, but may repeat a removal: SailPoint, authentik.
const BY_SCHEMA: Tolerance = Tolerance { idle_removal: Deviation::Understood, ..STANDARD };

/// The name of a set of tolerances, as a ScimClient has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// The default.
    #[default]
    Standard,
    /// The letter of the standard.
    Strict,
    /// Microsoft Entra ID.
    Entra,
    /// Okta.
    Okta,
    /// OneLogin.
    Onelogin,
    /// JumpCloud.
    Jumpcloud,
    /// PingOne and PingFederate.
    Ping,
    /// SailPoint.
    Sailpoint,
    /// Google Workspace.
    Google,
    /// authentik.
    Authentik,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 10] = [
        Self::Standard,
        Self::Strict,
        Self::Entra,
        Self::Okta,
        Self::Onelogin,
        Self::Jumpcloud,
        Self::Ping,
        Self::Sailpoint,
        Self::Google,
        Self::Authentik,
    ];

    /// The name in the store and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Strict => "strict",
            Self::Entra => "entra",
            Self::Okta => "okta",
            Self::Onelogin => "onelogin",
            Self::Jumpcloud => "jumpcloud",
            Self::Ping => "ping",
            Self::Sailpoint => "sailpoint",
            Self::Google => "google",
            Self::Authentik => "authentik",
        }
    }

    /// The profile with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name)
    }

    /// Whether every answer shows the client what the gateway knows about a user beside the document. A product has no way
    /// to ask; a client that is not known to be one is shown it when it asks (decision 0015).
    pub const fn is_shown_standing(self) -> bool {
        !matches!(self, Self::Standard | Self::Strict)
    }

    /// What is understood under this profile.
    pub const fn tolerance(self) -> Tolerance {
        match self {
            Self::Standard => STANDARD,
            Self::Strict => STRICT,
            Self::Entra => ENTRA,
            Self::Okta | Self::Onelogin | Self::Google => WHOLE_RESOURCES,
            Self::Jumpcloud | Self::Ping => SINGLE_VALUES,
            Self::Sailpoint | Self::Authentik => BY_SCHEMA,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn every_profile_is_found_by_its_name() {
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(profile.as_str()), Some(profile));
        }
        assert_eq!(Profile::parse("Entra"), None);
    }
}
