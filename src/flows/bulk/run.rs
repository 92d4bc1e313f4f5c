//! The steps of one bulk request under way: which may begin, which are over, and when enough has failed.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::Bulk;
use super::step::{self, Company, Settled, Work};
use crate::protocol::scim::bulk::answer::{Head, Outcome, Verdict};
use crate::protocol::scim::bulk::plan::{self, Step};
use crate::protocol::scim::bulk::request::{BulkRequest, Endpoint, Entry, Method, Operation};
use crate::provisioning::failure;
use crate::store::failure::StoreError;
use crate::values::ids::ResourceId;

/// Steps that go side by side: so many may share a commit.
const WINDOW: usize = 16;
/// How far ahead of the first step that is not over others may begin.
const REACH: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    UnderWay,
    /// It is to begin once more when everything before it is over.
    Again,
    Over,
}

/// A step that begins: its number, the operations it is made of, what is to be done, and what is under way beside it.
type Begun = (usize, Vec<(usize, Head)>, Work, Company);

/// A request under way.
pub(super) struct Run {
    bulk: Arc<Bulk>,
    request: BulkRequest,
    steps: Vec<(Step, State)>,
    outcomes: Vec<Option<Outcome>>,
    created: HashMap<String, ResourceId>,
    errors: usize,
    under_way: usize,
    /// Everything before this step is over.
    first_open: usize,
    /// How many steps may still begin.
    left: usize,
    failed: Option<StoreError>,
}

/// A request that is over, or as far as it may go for now.
pub(super) struct Ended {
    /// What became of each operation. One that was not tried has no outcome.
    pub(super) outcomes: Vec<Option<Outcome>>,
    /// True when nothing more is to be tried.
    pub(super) is_over: bool,
}

impl Run {
    /// A request of which nothing is done.
    pub(super) fn new(bulk: Bulk, request: BulkRequest) -> Self {
        let steps = plan::of(&request.entries).into_iter().map(|step| (step, State::Waiting)).collect();
        let outcomes = vec![None; request.entries.len()];
        Self {
            bulk: Arc::new(bulk),
            request,
            steps,
            outcomes,
            created: HashMap::new(),
            errors: 0,
            under_way: 0,
            first_open: 0,
            left: usize::MAX,
            failed: None,
        }
    }

    /// The same request of which this is done already, to be gone on with for so many steps.
    pub(super) fn resume(mut self, done: Vec<(usize, Outcome)>, left: usize) -> Self {
        for (position, outcome) in done {
            self.note(position, outcome);
        }
        for (step, state) in &mut self.steps {
            // The outcomes of a step were written together.
            let is_done = |position: &usize| self.outcomes.get(*position).is_some_and(Option::is_some);
            if step.positions.iter().all(is_done) {
                *state = State::Over;
            }
        }
        self.close();
        Self { left, ..self }
    }

    /// Goes on until everything is over, enough has failed, or enough was begun.
    pub(super) async fn finish(mut self) -> Result<Ended, StoreError> {
        let mut running = FuturesUnordered::new();
        loop {
            while let Some((number, heads, work, company)) = self.begin() {
                let bulk = Arc::clone(&self.bulk);
                running.push(async move { (number, step::perform(&bulk, heads, work, company).await) });
            }
            let Some((number, settled)) = running.next().await else { break };
            self.settle(number, settled);
        }
        match self.failed {
            Some(error) => Err(error),
            None => Ok(Ended {
                is_over: self.first_open >= self.steps.len() || self.may_fail() == Some(0),
                outcomes: self.outcomes,
            }),
        }
    }

    /// How many errors the client still accepts.
    fn may_fail(&self) -> Option<usize> {
        self.request.fail_on_errors.map(|most| most.saturating_sub(self.errors))
    }

    /// Begins the first step that may. No more go side by side than may still fail, so that none begins that would have been
    /// left undone one after the other.
    fn begin(&mut self) -> Option<Begun> {
        let most = self.may_fail().unwrap_or(WINDOW).min(WINDOW);
        if self.under_way >= most || self.left == 0 || self.failed.is_some() {
            return None;
        }
        let number = self.next()?;
        let company = self.company(number);
        let (step, state) = self.steps.get_mut(number)?;
        *state = State::UnderWay;
        self.under_way = self.under_way.saturating_add(1);
        self.left = self.left.saturating_sub(1);
        let entries: Vec<&Entry> =
            step.positions.iter().filter_map(|position| self.request.entries.get(*position)).collect();
        let heads = step.positions.iter().copied().zip(entries.iter().map(|entry| Head::of(entry))).collect();
        let work = match entries.as_slice() {
            entries if step.is_circle => Work::circle(entries, &self.created),
            [entry, ..] => Work::one(&self.bulk, entry, &self.created),
            [] => Work::Refused(failure::not_found()),
        };
        Some((number, heads, work, company))
    }

    /// The first step that may begin. What may give a user name free waits for the POSTs before it: one of them would
    /// otherwise get a name that is still taken in its turn.
    fn next(&self) -> Option<usize> {
        let mut users_are_open = false;
        for number in (self.first_open..self.steps.len()).take(REACH) {
            if self.may_begin(number) && !(users_are_open && self.works_on_users(number, Company::Freeing)) {
                return Some(number);
            }
            users_are_open |= !self.is_over(number) && self.works_on_users(number, Company::Adding);
        }
        None
    }

    fn works_on_users(&self, number: usize, company: Company) -> bool {
        let Some((step, _)) = self.steps.get(number) else { return false };
        let operations = step.positions.iter().filter_map(|position| self.request.entries.get(*position));
        operations
            .filter_map(|entry| entry.operation.as_ref().ok())
            .any(|operation| operation.endpoint == Endpoint::Users && company_of(operation) == company)
    }

    fn may_begin(&self, number: usize) -> bool {
        match self.steps.get(number) {
            Some((step, State::Waiting)) => step.after.iter().all(|other| self.is_over(*other)),
            Some((_, State::Again)) => number == self.first_open,
            Some((_, State::UnderWay | State::Over)) | None => false,
        }
    }

    fn is_over(&self, number: usize) -> bool {
        self.steps.get(number).is_some_and(|(_, state)| *state == State::Over)
    }

    /// What is not over before this step.
    fn company(&self, number: usize) -> Company {
        let before = self.steps.get(self.first_open..number).unwrap_or_default();
        let open = before.iter().filter(|(_, state)| *state != State::Over);
        let company = open.flat_map(|(step, _)| &step.positions).map(|position| self.company_at(*position));
        company.max().unwrap_or(Company::None)
    }

    fn company_at(&self, position: usize) -> Company {
        let operation = self.request.entries.get(position).and_then(|entry| entry.operation.as_ref().ok());
        operation.map_or(Company::Adding, company_of)
    }

    fn settle(&mut self, number: usize, settled: Settled) {
        self.under_way = self.under_way.saturating_sub(1);
        let Some((step, state)) = self.steps.get_mut(number) else { return };
        match settled {
            Settled::Again => *state = State::Again,
            Settled::Failed(error) => self.failed = Some(error),
            Settled::Over(outcomes) => {
                *state = State::Over;
                for (position, outcome) in step.positions.clone().into_iter().zip(outcomes) {
                    self.note(position, outcome);
                }
                self.close();
            }
        }
    }

    fn close(&mut self) {
        while self.is_over(self.first_open) {
            self.first_open = self.first_open.saturating_add(1);
        }
    }

    fn note(&mut self, position: usize, outcome: Outcome) {
        if outcome.is_error() {
            self.errors = self.errors.saturating_add(1);
        }
        if let (Verdict::Done(201), Some(name), Some(id)) =
            (&outcome.verdict, &outcome.head.bulk_id, outcome.head.path.as_deref().and_then(id_in))
        {
            self.created.insert(name.clone(), id);
        }
        if let Some(place) = self.outcomes.get_mut(position) {
            *place = Some(outcome);
        }
    }
}

fn company_of(operation: &Operation) -> Company {
    match (operation.endpoint, operation.method) {
        (Endpoint::Users, Method::Put | Method::Patch | Method::Delete) => Company::Freeing,
        (Endpoint::Users, Method::Post) | (Endpoint::Groups, _) => Company::Adding,
    }
}

/// The id at the end of a resource's path.
fn id_in(path: &str) -> Option<ResourceId> {
    path.rsplit('/').next()?.parse().ok()
}
