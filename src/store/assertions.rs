//! Assertions that were used. An id works once per connection; it is kept for as long as the assertion would be
//! accepted; `expiry` removes it.

use diesel::sql_types::{BigInt, Binary, Text};

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use crate::values::clock::Timestamp;
use crate::values::ids::ConnectionId;

/// Marks an assertion as used. False when it was used before: of two callers one hears true.
///
/// "Do nothing" instead of a violation, because a violation ends the transaction on PostgreSQL, and the refusal is
/// written in this one.
pub fn consume(
    tx: &mut Tx<'_>,
    connection: ConnectionId,
    assertion_id: &str,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let text = "INSERT INTO consumed_assertions (connection_id, assertion_id, expires_at) VALUES ($1, $2, $3) \
                ON CONFLICT DO NOTHING";
    let inserted = Kept(
        diesel::sql_query(text)
            .bind::<Binary, _>(connection)
            .bind::<Text, _>(assertion_id)
            .bind::<BigInt, _>(expires_at),
    )
    .execute(tx.connection())?;
    Ok(inserted == 1)
}

#[cfg(test)]
mod tests {
    use super::consume;
    use crate::store::connections::{self, ConnectionRow};
    use crate::store::failure::StoreError;
    use crate::store::organizations::{self, OrganizationRow};
    use crate::store::{Tx, scratch};
    use crate::values::clock::Timestamp;
    use crate::values::ids::{ConnectionId, OrganizationId};

    fn connection(tx: &mut Tx<'_>, number: u8) -> Result<ConnectionId, StoreError> {
        let at = Timestamp::from_seconds(1);
        let org_id = OrganizationId::from_bytes(&[number; 16]).unwrap();
        let organization = OrganizationRow {
            id: org_id,
            slug: format!("org-{number}"),
            name: "Acme".to_owned(),
            support_name: "Help".to_owned(),
            support_email: "help@acme.test".to_owned(),
            version: 1,
            created_at: at,
            updated_at: at,
        };
        organizations::insert(tx, &organization)?;
        let row = ConnectionRow {
            id: ConnectionId::from_bytes(&[number; 16]).unwrap(),
            org_id,
            protocol: "saml".to_owned(),
            name: "IdP".to_owned(),
            state: "active".to_owned(),
            settings: "{}".to_owned(),
            sealed_secret: None,
            version: 1,
            created_at: at,
            updated_at: at,
            match_by: None,
            match_claim: None,
        };
        connections::insert(tx, &row)?;
        Ok(row.id)
    }

    #[tokio::test]
    async fn an_assertion_works_once_per_connection_and_the_transaction_goes_on() {
        for scratch in scratch::all() {
            let write = scratch.store.write(|tx| {
                let (one, other) = (connection(tx, 1)?, connection(tx, 2)?);
                let until = Timestamp::from_seconds(100);
                let outcomes = [
                    consume(tx, one, "_a", until)?,
                    consume(tx, one, "_a", until)?,
                    consume(tx, one, "_b", until)?,
                    consume(tx, other, "_a", until)?,
                ];
                Ok::<_, StoreError>((outcomes, one))
            });
            let (outcomes, one) = write.await.unwrap();
            assert_eq!(outcomes, [true, false, true, true], "{}", scratch.engine);
            let again = scratch.store.write(move |tx| consume(tx, one, "_a", Timestamp::from_seconds(200)));
            assert!(!again.await.unwrap(), "{}", scratch.engine);
        }
    }
}
