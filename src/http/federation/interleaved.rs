//! Ory Oathkeeper v26.2.5: an error that requests shared told one tenant of another. Here errors of two organizations meet.

use std::collections::BTreeSet;

use actix_web::test::TestRequest;
use futures_util::future::join_all;

use crate::access::sessions::testing::guest_of_globex;
use crate::access::testing::world;
use crate::http::testing::{Answer, context, send};

/// So many of each organization at once.
const EACH: usize = 20;

#[actix_web::test]
async fn oathkeeper_26_2_5_an_error_of_one_organization_tells_nothing_of_another() {
    for world in world().await {
        let guest = guest_of_globex(&world, world.ada).await;
        let context = context(&world, "https://id.test").await;
        let ask = |connection: crate::values::ids::ConnectionId, n: usize| {
            let context = &context;
            async move {
                let path = format!("/federation/oidc/{connection}/callback?state=unknown-{n}&code=c");
                send(context, TestRequest::get().uri(&path)).await
            }
        };
        let both = (0..EACH).map(|n| async move {
            futures_util::join!(ask(world.connection, 2 * n), ask(guest.connection, 2 * n + 1))
        });
        let mut told = BTreeSet::new();
        for (of_acme, of_globex) in join_all(both).await {
            for (answer, own, other) in [(&of_acme, "Acme", "Globex"), (&of_globex, "Globex", "Acme")] {
                let text = answer.text();
                assert_eq!(answer.status, 400, "{}: {text}", world.engine());
                assert!(text.contains(own) && !text.contains(other), "{}: {text}", world.engine());
                let id = request_of(answer);
                assert!(text.contains(&id), "{}: it names another request: {text}", world.engine());
                told.insert(id);
            }
        }
        assert_eq!(told.len(), 2 * EACH, "{}: each is a request of its own", world.engine());
    }
}

fn request_of(answer: &Answer) -> String {
    answer.header("x-request-id").unwrap()
}
