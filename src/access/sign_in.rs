//! What comes next in a sign-in: one pure dispatcher over the attempt and what was loaded for it. Steps never call
//! each other; a door asks here, and does what it is told.

use super::attempts::Life;
use super::attempts::refusal::Refusal;
use super::attempts::state::{HalfProved, Identified, State};
use super::grants::is_application_open;
use super::realm::Route;
use super::sessions::Standing;
use crate::values::ids::{ConnectionId, OrganizationId};

/// What has just happened, with what was loaded for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// The person has arrived from the application, or wants to type another address.
    AtStart,
    /// The person has typed an address, for which this is the route.
    Typed(Route),
    /// The person has chosen a way in, which is one of the route's or is not.
    Chosen {
        /// The route of the address they typed.
        route: Route,
        /// What they chose.
        connection: ConnectionId,
    },
    /// The person wants to type their own password for the address they typed, for which this is the route.
    WithPassword(Route),
    /// The person wants to sign in by credentials of their own, whatever the route of their address is.
    WithOwnCredentials,
    /// The person is signed in, and an application asks for more than they have proved: the connection whose provider can be asked
    /// for it, if there is one.
    ForMore(Option<(OrganizationId, ConnectionId)>),
    /// The person is on the page that asks for more than a password.
    AtSecondStep,
    /// The browser has come back from an identity provider: what there is to know about who was identified, if anybody was.
    CameBack(Option<Facts>),
}

/// What there is to know about somebody who was identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Their standing.
    pub standing: Standing,
    /// What the provider said of them still counts, or they have proved themselves here.
    pub does_word_count: bool,
    /// The organization whose people alone may use the application, if it is one's own.
    pub application_owner: Option<OrganizationId>,
    /// For which organization somebody is signed in in the browser, where a link may have led through the sign-in without their
    /// doing.
    pub signed_in_for: Option<OrganizationId>,
}

/// What the door does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Show the e-mail page.
    AskAddress,
    /// Show the choice between these ways in.
    Choose {
        /// Whose they are.
        organization: OrganizationId,
        /// In this order.
        connections: Vec<ConnectionId>,
        /// The person's own password is offered after them.
        has_own_password: bool,
    },
    /// Ask for the person's own password.
    AskPassword,
    /// Ask for address and password at once.
    AskOwnCredentials,
    /// Ask for what a password was not enough for.
    AskMore(HalfProved),
    /// Send the browser to this connection's identity provider.
    SendTo {
        /// Who owns the connection.
        organization: OrganizationId,
        /// The connection.
        connection: ConnectionId,
    },
    /// There is no way in for this address; say whom to ask.
    ExplainNoWayIn {
        /// Who owns the domain.
        organization: OrganizationId,
    },
    /// Go on to where the outcome is looked at.
    Continue,
    /// Make the session and give the application its answer.
    Finish(Identified),
    /// Somebody was identified who may no longer be here: write it down, then explain it.
    Refuse(Identified, Refusal),
    /// The identity provider's answer was not accepted; say why and whom to ask.
    Explain(Refusal),
    /// The attempt has expired: offer a fresh one.
    StartAgain,
    /// The application has had its answer.
    AlreadyFinished,
}

/// The next step of an attempt in `state`.
pub fn next_step(state: &State, life: Life, moment: Moment) -> Step {
    match (state, moment) {
        (State::Finished, _) => Step::AlreadyFinished,
        _ if life == Life::Over => Step::StartAgain,
        (State::Identified(identified), Moment::CameBack(facts)) => came_back(identified, facts),
        (State::Identified(_), _) => Step::Continue,
        (State::Refused(refusal), Moment::CameBack(_)) => Step::Explain(refusal.clone()),
        (State::HalfProved(half), Moment::CameBack(_) | Moment::AtSecondStep) => Step::AskMore(half.clone()),
        // Back from the provider without an answer, by the browser's own button; or nobody has typed a password.
        (State::Started | State::Sent(_), Moment::CameBack(_)) => Step::AskAddress,
        (State::Started | State::Sent(_) | State::Refused(_), Moment::AtSecondStep) => Step::AskAddress,
        (State::Started | State::Sent(_) | State::HalfProved(_) | State::Refused(_), moment) => anew(moment),
    }
}

/// Nobody is identified, and the person may go any way.
fn anew(moment: Moment) -> Step {
    match moment {
        Moment::AtStart | Moment::AtSecondStep | Moment::CameBack(_) => Step::AskAddress,
        Moment::Typed(route) => typed(route),
        Moment::Chosen { route, connection } => chosen(route, connection),
        Moment::WithPassword(route) => with_password(route),
        Moment::WithOwnCredentials => Step::AskOwnCredentials,
        Moment::ForMore(Some((organization, connection))) => Step::SendTo { organization, connection },
        Moment::ForMore(None) => Step::AskAddress,
    }
}

fn came_back(identified: &Identified, facts: Option<Facts>) -> Step {
    let organization = identified.organization;
    let refusal = match facts {
        None => Refusal::AccountInactive,
        Some(Facts { standing, .. }) if !standing.is_account_active => Refusal::AccountInactive,
        Some(Facts { standing, .. }) if !standing.is_membership_active => Refusal::MembershipInactive,
        Some(Facts { standing, .. }) if !standing.is_connection_active => Refusal::ConnectionInactive,
        Some(Facts { standing, .. }) if !standing.may_stay => Refusal::Overtaken,
        Some(Facts { standing, .. }) if standing.session_epoch != identified.session_epoch => Refusal::Overtaken,
        Some(facts) if !facts.does_word_count => Refusal::Overtaken,
        Some(facts) if !is_application_open(facts.application_owner, organization) => Refusal::ForeignApplication,
        Some(facts) if facts.signed_in_for.is_some_and(|other| other != organization) => Refusal::SignedInElsewhere,
        Some(_) => return Step::Finish(identified.clone()),
    };
    Step::Refuse(identified.clone(), refusal)
}

fn typed(route: Route) -> Step {
    match route {
        Route::Connection { organization, connection } => Step::SendTo { organization, connection },
        Route::Choose { organization, connections, has_own_password } => {
            Step::Choose { organization, connections, has_own_password }
        }
        Route::OwnPassword => Step::AskPassword,
        Route::NoWayIn { organization } => Step::ExplainNoWayIn { organization },
    }
}

/// A choice counts only if it was offered; otherwise the person chooses again.
fn chosen(route: Route, connection: ConnectionId) -> Step {
    match route {
        Route::Choose { organization, connections, .. } if connections.contains(&connection) => {
            Step::SendTo { organization, connection }
        }
        other => typed(other),
    }
}

/// The own password counts only if it was offered; otherwise the person goes where the address leads.
fn with_password(route: Route) -> Step {
    match route {
        Route::OwnPassword | Route::Choose { has_own_password: true, .. } => Step::AskPassword,
        other => typed(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Moment, Step, next_step};
    use crate::access::attempts::Life;
    use crate::access::attempts::refusal::Refusal;
    use crate::access::attempts::state::{Asked, HalfProved, Identified, Sent, State, Upstream};
    use crate::access::realm::Route;
    use crate::access::sessions::Standing;
    use crate::values::clock::Timestamp;
    use crate::values::ids::{AccountId, ConnectionId, OrganizationId};

    const WELL: Standing = Standing {
        is_account_active: true,
        is_membership_active: true,
        is_connection_active: true,
        may_stay: true,
        session_epoch: 3,
    };

    fn acme() -> OrganizationId {
        OrganizationId::from_bytes(&[1; 16]).unwrap()
    }

    fn connection(n: u8) -> ConnectionId {
        ConnectionId::from_bytes(&[n; 16]).unwrap()
    }

    fn identified() -> Identified {
        Identified {
            account: AccountId::from_bytes(&[9; 16]).unwrap(),
            organization: acme(),
            connection: Some(connection(1)),
            session_epoch: 3,
            amr: vec!["pwd".to_owned()],
            acr: "1".to_owned(),
            auth_time: Some(Timestamp::from_seconds(1)),
            session_expires_at: None,
            upstream_session: None,
        }
    }

    fn sent() -> State {
        State::Sent(Sent {
            connection: connection(1),
            upstream: Upstream::Saml {
                request_id: "_r".to_owned(),
                issued_at: Timestamp::from_seconds(1),
                entity_id: "e".to_owned(),
            },
        })
    }

    fn half() -> HalfProved {
        HalfProved { identified: Identified { connection: None, ..identified() }, asked: Asked::Factor, session: None }
    }

    fn refused() -> State {
        State::Refused(Refusal::Unknown)
    }

    fn one() -> Route {
        Route::Connection { organization: acme(), connection: connection(1) }
    }

    fn two() -> Route {
        let connections = vec![connection(1), connection(2)];
        Route::Choose { organization: acme(), connections, has_own_password: false }
    }

    /// As [`one`], and a password.
    fn either() -> Route {
        Route::Choose { organization: acme(), connections: vec![connection(1)], has_own_password: true }
    }

    fn choose_either() -> Step {
        Step::Choose { organization: acme(), connections: vec![connection(1)], has_own_password: true }
    }

    fn with_password(route: Route) -> Moment {
        Moment::WithPassword(route)
    }

    fn for_more(n: Option<u8>) -> Moment {
        Moment::ForMore(n.map(|n| (acme(), connection(n))))
    }

    fn send_to(n: u8) -> Step {
        Step::SendTo { organization: acme(), connection: connection(n) }
    }

    fn choose() -> Step {
        let connections = vec![connection(1), connection(2)];
        Step::Choose { organization: acme(), connections, has_own_password: false }
    }

    #[test]
    fn each_state_and_moment_has_one_step() {
        let none = || Route::NoWayIn { organization: acme() };
        let no_way_in = || Step::ExplainNoWayIn { organization: acme() };
        let who = || State::Identified(identified());
        let cases = [
            ("arrives", State::Started, Moment::AtStart, Step::AskAddress),
            ("one way in", State::Started, Moment::Typed(one()), send_to(1)),
            ("several ways in", State::Started, Moment::Typed(two()), choose()),
            ("no way in", State::Started, Moment::Typed(none()), no_way_in()),
            ("own password", State::Started, Moment::Typed(Route::OwnPassword), Step::AskPassword),
            ("own password after all", sent(), Moment::Typed(Route::OwnPassword), Step::AskPassword),
            ("own password when it is known who it is", who(), Moment::Typed(Route::OwnPassword), Step::Continue),
            (
                "an own password where a choice was offered",
                State::Started,
                chosen(Route::OwnPassword, 1),
                Step::AskPassword,
            ),
            ("one way in, or a password", State::Started, Moment::Typed(either()), choose_either()),
            ("chooses the one", State::Started, chosen(either(), 1), send_to(1)),
            ("chooses the password", State::Started, with_password(either()), Step::AskPassword),
            ("the password alone is offered", State::Started, with_password(Route::OwnPassword), Step::AskPassword),
            ("chooses a password that was not offered", State::Started, with_password(two()), choose()),
            ("a password where the address leads on", State::Started, with_password(one()), send_to(1)),
            ("a password where there is no way in", State::Started, with_password(none()), no_way_in()),
            ("chooses the password once identified", who(), with_password(either()), Step::Continue),
            ("chooses", State::Started, chosen(two(), 2), send_to(2)),
            ("chooses what was not offered", State::Started, chosen(two(), 3), choose()),
            ("the choice is gone meanwhile", State::Started, chosen(one(), 2), send_to(1)),
            ("all ways are gone meanwhile", State::Started, chosen(none(), 1), no_way_in()),
            ("comes back without having left", State::Started, came_back(None), Step::AskAddress),
            ("changes the address while away", sent(), Moment::Typed(one()), send_to(1)),
            ("comes back without an answer", sent(), came_back(None), Step::AskAddress),
            ("comes back refused", refused(), came_back(None), Step::Explain(Refusal::Unknown)),
            ("tries another address", refused(), Moment::AtStart, Step::AskAddress),
            ("types another address", refused(), Moment::Typed(one()), send_to(1)),
            ("comes back identified", who(), came_back(Some(WELL)), Step::Finish(identified())),
            ("opens the e-mail page once identified", who(), Moment::AtStart, Step::Continue),
            ("types once identified", who(), Moment::Typed(two()), Step::Continue),
            ("chooses once identified", who(), chosen(two(), 2), Step::Continue),
            ("has typed a right password", State::HalfProved(half()), Moment::AtSecondStep, Step::AskMore(half())),
            ("goes on without the second step", State::HalfProved(half()), came_back(None), Step::AskMore(half())),
            ("goes on as if active", State::HalfProved(half()), came_back(Some(WELL)), Step::AskMore(half())),
            ("is somebody else after all", State::HalfProved(half()), Moment::AtStart, Step::AskAddress),
            ("types another address instead", State::HalfProved(half()), Moment::Typed(one()), send_to(1)),
            ("a second step before any password", State::Started, Moment::AtSecondStep, Step::AskAddress),
            ("a second step while away", sent(), Moment::AtSecondStep, Step::AskAddress),
            ("a second step once identified", who(), Moment::AtSecondStep, Step::Continue),
            ("an application asks for more", State::Started, for_more(Some(2)), send_to(2)),
            ("an application asks for more than anybody can", State::Started, for_more(None), Step::AskAddress),
            ("asked for more once identified", who(), for_more(Some(2)), Step::Continue),
            ("asked for more when all is done", State::Finished, for_more(Some(2)), Step::AlreadyFinished),
            ("has credentials of their own", sent(), Moment::WithOwnCredentials, Step::AskOwnCredentials),
            ("was refused by the provider", refused(), Moment::WithOwnCredentials, Step::AskOwnCredentials),
            ("own credentials once identified", who(), Moment::WithOwnCredentials, Step::Continue),
            ("reloads a finished attempt", State::Finished, came_back(Some(WELL)), Step::AlreadyFinished),
            ("goes back to a finished attempt", State::Finished, Moment::AtStart, Step::AlreadyFinished),
        ];
        for (name, state, moment, expected) in cases {
            assert_eq!(next_step(&state, Life::Running, moment), expected, "{name}");
        }
    }

    fn facts(standing: Standing) -> Facts {
        Facts { standing, does_word_count: true, application_owner: None, signed_in_for: None }
    }

    fn came_back(standing: Option<Standing>) -> Moment {
        Moment::CameBack(standing.map(facts))
    }

    #[test]
    fn an_organizations_own_application_is_for_its_own_people() {
        let other = OrganizationId::from_bytes(&[2; 16]).unwrap();
        let step = |owner| {
            let found = Facts { application_owner: owner, ..facts(WELL) };
            next_step(&State::Identified(identified()), Life::Running, Moment::CameBack(Some(found)))
        };
        assert_eq!(step(None), Step::Finish(identified()));
        assert_eq!(step(Some(acme())), Step::Finish(identified()));
        assert_eq!(step(Some(other)), Step::Refuse(identified(), Refusal::ForeignApplication));
    }

    #[test]
    fn a_word_that_the_provider_has_taken_back_lets_nobody_in() {
        let found = Facts { does_word_count: false, ..facts(WELL) };
        let step = next_step(&State::Identified(identified()), Life::Running, Moment::CameBack(Some(found)));
        assert_eq!(step, Step::Refuse(identified(), Refusal::Overtaken));
    }

    #[test]
    fn a_link_makes_nobody_else_of_somebody_who_is_signed_in_for_another_organization() {
        let other = OrganizationId::from_bytes(&[2; 16]).unwrap();
        let step = |signed_in_for| {
            let found = Facts { signed_in_for, ..facts(WELL) };
            next_step(&State::Identified(identified()), Life::Running, Moment::CameBack(Some(found)))
        };
        assert_eq!(step(None), Step::Finish(identified()));
        assert_eq!(step(Some(acme())), Step::Finish(identified()));
        assert_eq!(step(Some(other)), Step::Refuse(identified(), Refusal::SignedInElsewhere));
    }

    fn chosen(route: Route, n: u8) -> Moment {
        Moment::Chosen { route, connection: connection(n) }
    }

    #[test]
    fn whoever_lost_their_standing_on_the_way_is_refused() {
        let cases = [
            (Some(Standing { is_account_active: false, ..WELL }), Refusal::AccountInactive),
            (Some(Standing { is_membership_active: false, ..WELL }), Refusal::MembershipInactive),
            (Some(Standing { is_connection_active: false, ..WELL }), Refusal::ConnectionInactive),
            (Some(Standing { may_stay: false, ..WELL }), Refusal::Overtaken),
            (Some(Standing { session_epoch: 4, ..WELL }), Refusal::Overtaken),
            (None, Refusal::AccountInactive),
        ];
        for (standing, refusal) in cases {
            let step = next_step(&State::Identified(identified()), Life::Running, came_back(standing));
            assert_eq!(step, Step::Refuse(identified(), refusal));
        }
    }

    #[test]
    fn nothing_happens_in_an_expired_attempt_but_a_fresh_start() {
        let states = [State::Started, sent(), State::HalfProved(half()), State::Identified(identified()), refused()];
        for state in states {
            let steps = [Moment::AtSecondStep, Moment::WithOwnCredentials, with_password(either()), for_more(Some(1))];
            let moments = [Moment::AtStart, Moment::Typed(one()), chosen(two(), 1), came_back(Some(WELL))];
            for moment in moments.into_iter().chain(steps) {
                assert_eq!(next_step(&state, Life::Over, moment), Step::StartAgain);
            }
        }
        assert_eq!(next_step(&State::Finished, Life::Over, Moment::AtStart), Step::AlreadyFinished);
    }
}
