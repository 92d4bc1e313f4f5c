use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{AccessToken, AccessTokenHash, ClientId, IssuerUrl, Nonce};

use super::{ISSUER, keys, tokens};
use crate::access::testing::world;
use crate::protocol::oidc::signing::SigningAlgorithm;

/// What an independent library makes of the answer: it knows the provider by its published keys alone, takes no other
/// algorithm, and computes the hash of the access token itself.
#[tokio::test]
async fn oidcc_idtoken_signature_each_application_gets_the_algorithm_that_it_asks_for() {
    for world in world().await {
        let keys = keys(&world).await;
        let jwks: CoreJsonWebKeySet =
            serde_json::from_value(serde_json::to_value(keys.jwks()).unwrap()).expect("published keys that it reads");
        assert_eq!(jwks.keys().len(), 8, "{}: one that signs and the next, of each algorithm", world.engine());
        for algorithm in SigningAlgorithm::ALL {
            let mut issuance = tokens(&world, "openid email").await;
            algorithm.as_str().clone_into(&mut issuance.standing.application.id_token_algorithm);
            let answer = issuance.sign(&world.op(), &keys, ISSUER).unwrap();
            let token: CoreIdToken = answer.id_token.unwrap().parse().unwrap();
            let expected = match algorithm {
                SigningAlgorithm::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
                SigningAlgorithm::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
                SigningAlgorithm::Ps256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
                SigningAlgorithm::EdDsa => CoreJwsSigningAlgorithm::EdDsa,
            };
            let now = world.op().at;
            let verifier = CoreIdTokenVerifier::new_public_client(
                ClientId::new(world.application.to_string()),
                IssuerUrl::new(ISSUER.to_owned()).unwrap(),
                jwks.clone(),
            )
            .set_allowed_algs([expected])
            .set_time_fn(move || now.to_chrono());
            let claims = token
                .claims(&verifier, &Nonce::new("n".to_owned()))
                .unwrap_or_else(|error| panic!("{}: {error}", algorithm.as_str()));
            let key = token.signing_key(&verifier).unwrap();
            let access_token = AccessToken::new(answer.access_token);
            let hash = AccessTokenHash::from_token(&access_token, token.signing_alg().unwrap(), key).unwrap();
            assert_eq!(claims.access_token_hash(), Some(&hash), "{}: {}", world.engine(), algorithm.as_str());
        }
    }
}
