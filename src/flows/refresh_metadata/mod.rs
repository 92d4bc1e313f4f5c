//! The metadata of a SAML provider is read again: fetch, read on a thread of its own, store. What cannot be read leaves
//! what is known as it is.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::directory::connections::ConnectionError;
use crate::directory::connections::metadata::{self, Address, MetadataSource, Reading};
use crate::flows::sign_in_by_saml::verifier::{Unfinished, Verifier};
use crate::outbound::idp::{Document, IdpClient, IdpFailure};
use crate::protocol::saml::document::reader::Limits;
use crate::protocol::saml::idp_metadata::{self, IdpMetadata, InvalidMetadata};
use crate::store::Store;
use crate::values::clock::Timestamp;
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;

/// A server has so long to answer a reading on the schedule: many are read at once, and the jobs of this node wait for them.
const PATIENCE: Duration = Duration::from_secs(4);

/// Why there is no description of a provider.
#[derive(Debug, thiserror::Error)]
pub enum ReadFailure {
    /// The server.
    #[error(transparent)]
    Provider(#[from] IdpFailure),
    /// The document.
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
    /// It was not read in time.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

impl ReadFailure {
    /// The stable code, for the administrators of the connection.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Provider(IdpFailure::Status(_)) => "metadata_status",
            Self::Provider(_) => "metadata_unreachable",
            Self::Metadata(invalid) => invalid.code(),
            Self::Unfinished(_) => "metadata_not_read",
        }
    }
}

/// Reads the metadata at `address`; nothing when it still is the version `etag`.
pub async fn read(
    idp: &IdpClient,
    verifier: &Verifier,
    organization: OrganizationId,
    address: &Address,
    etag: Option<&str>,
    now: Timestamp,
) -> Result<Option<(IdpMetadata, Option<String>)>, ReadFailure> {
    let Document::Changed { body, etag } = idp.saml_metadata(&address.url, etag).await? else { return Ok(None) };
    let signer = address.signer.clone();
    let import = move || match &signer {
        Some(signer) => idp_metadata::import_signed(&body, signer, now, &Limits::METADATA),
        None => idp_metadata::import(&body, now, &Limits::METADATA),
    };
    Ok(Some((verifier.finish(organization, import).await??, etag)))
}

/// Reads one source again and takes what it brought.
pub async fn run(
    store: &Store,
    idp: &IdpClient,
    verifier: &Verifier,
    op: &Operation,
    source: MetadataSource,
) -> Result<(), ConnectionError> {
    let (organization, address) = (source.organization, &source.address);
    let read = read(idp, verifier, organization, address, source.etag.as_deref(), op.at);
    let reading = match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(None)) => Reading::Unchanged,
        Ok(Ok(Some((idp, etag)))) => Reading::Read { idp: Box::new(idp), etag },
        Ok(Err(failure)) => {
            tracing::info!(connection = %source.connection, code = failure.code(), reason = %failure, "metadata was not read");
            Reading::Failed(failure.code())
        }
        Err(_) => {
            tracing::info!(connection = %source.connection, "metadata did not come in time");
            Reading::Failed("metadata_unreachable")
        }
    };
    let op = op.clone();
    store.write(move |tx| metadata::note(tx, &op, &source, &reading)).await
}
