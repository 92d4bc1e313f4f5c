//! When a proved domain is looked up next, and when its administrators are told again that its record is gone. Pure.

use super::state::{DomainState, GRACE_SECONDS};
use crate::values::clock::Timestamp;

const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;
/// The least time between two look-ups of a domain.
const LEAST_SECONDS: i64 = 22 * HOUR_SECONDS;
/// By so much at most it is more, so that domains which were proved together drift apart.
const SPREAD_SECONDS: i64 = 4 * HOUR_SECONDS;
/// The pause after the first look-up that failed; it doubles with each.
const RETRY_SECONDS: i64 = 600;
const MOST_RETRY_SECONDS: i64 = 6 * HOUR_SECONDS;
/// On these days of its risk the administrators of a domain are told (decision Q15).
const NOTICE_DAYS: [i64; 3] = [0, 3, 7];

/// How many notices are due by `at`, of a domain at risk since then.
pub fn notices_due(since: Timestamp, at: Timestamp) -> usize {
    NOTICE_DAYS.iter().take_while(|days| since.plus_seconds(**days * DAY_SECONDS) <= at).count()
}

/// When a domain is looked up after the DNS has answered: about a day later, and on the day on which its administrators are to be
/// told, or on which it lapses. `chance` is any number.
pub fn after_an_answer(state: DomainState, at: Timestamp, chance: u32) -> Timestamp {
    let daily = at.plus_seconds(LEAST_SECONDS + i64::from(chance) % SPREAD_SECONDS);
    let DomainState::AtRisk { since, .. } = state else { return daily };
    let days = NOTICE_DAYS.iter().map(|days| days * DAY_SECONDS).chain([GRACE_SECONDS]);
    days.map(|seconds| since.plus_seconds(seconds)).filter(|day| *day > at).fold(daily, Timestamp::min)
}

/// When a domain is looked up after so many look-ups in a row have failed.
pub fn after_a_failure(at: Timestamp, failures: i32) -> Timestamp {
    let doublings = u32::try_from(failures.clamp(1, 10) - 1).unwrap_or(0);
    at.plus_seconds((RETRY_SECONDS << doublings).min(MOST_RETRY_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::{DAY_SECONDS, HOUR_SECONDS, after_a_failure, after_an_answer, notices_due};
    use crate::directory::domains::state::DomainState;
    use crate::values::clock::Timestamp;

    const PROVED: Timestamp = Timestamp::from_seconds(0);

    #[test]
    fn q15_the_administrators_are_told_on_the_days_0_3_and_7() {
        let since = Timestamp::from_seconds(1_000);
        let told = |seconds| notices_due(since, since.plus_seconds(seconds));
        let days = [0, 1, 3 * DAY_SECONDS - 1, 3 * DAY_SECONDS, 7 * DAY_SECONDS - 1, 7 * DAY_SECONDS, 13 * DAY_SECONDS];
        assert_eq!(days.map(told), [1, 1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn a_domain_is_looked_up_about_daily_and_not_with_all_others() {
        let verified = DomainState::Verified { at: PROVED };
        let hours =
            [0, 3_600, u32::MAX].map(|chance| after_an_answer(verified, PROVED, chance).seconds() / HOUR_SECONDS);
        assert_eq!((hours[0], hours[1]), (22, 23));
        assert!((22..26).contains(&hours[2]), "{hours:?}");
    }

    #[test]
    fn a_domain_at_risk_is_looked_up_on_each_day_that_counts() {
        let at_risk = DomainState::AtRisk { verified_at: PROVED, since: PROVED };
        for (now_hours, next_hours) in [(0, 22), (60, 72), (72, 94), (150, 168), (330, 336), (336, 358)] {
            let next = after_an_answer(at_risk, Timestamp::from_seconds(now_hours * HOUR_SECONDS), 0);
            assert_eq!(next.seconds() / HOUR_SECONDS, next_hours, "after {now_hours} hours");
        }
    }

    #[test]
    fn a_look_up_that_failed_is_tried_again_sooner_and_later_each_time() {
        let minutes = [1, 2, 3, 6, 7, 100].map(|failures| after_a_failure(PROVED, failures).seconds() / 60);
        assert_eq!(minutes, [10, 20, 40, 320, 360, 360]);
    }
}
