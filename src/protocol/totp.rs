//! Time-based one-time passwords (RFC 6238 over RFC 4226), as every authenticator app reads them: HMAC-SHA-1, six digits,
//! thirty seconds.
//!
//! A code belongs to a *step*, the number of its half minute since the epoch. Whoever checks a code keeps the step of the last
//! one that was right, because a code is good once (RFC 6238, 5.2: "The verifier MUST NOT accept the second attempt of the OTP
//! after the successful validation has been issued for the first OTP").

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::values::clock::Timestamp;
use crate::values::secret::is_equal;

/// The length of a shared secret in bytes: as long as the hash (RFC 4226, 4: "RECOMMENDED").
pub const SECRET_BYTES: usize = 20;
/// The digits of a code.
pub const DIGITS: usize = 6;
const PERIOD_SECONDS: i64 = 30;
/// So many steps a code may be early or late, for clocks that differ (RFC 6238, 5.2: "at most one time step").
const SKEW_STEPS: i64 = 1;

/// The step at `now`.
pub const fn step_at(now: Timestamp) -> i64 {
    now.seconds().div_euclid(PERIOD_SECONDS)
}

/// The code of a step.
pub fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    // RFC 4226, 5.3: the low four bits of the last byte say where the number begins.
    let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0x0f);
    let number = bytes.iter().skip(offset).take(4).fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    format!("{:0width$}", (number & 0x7fff_ffff) % 1_000_000, width = DIGITS)
}

/// The step whose code was typed, among those that are good at `now` and later than `after`. Takes as long for a wrong one.
pub fn matching_step(secret: &[u8], typed: &str, now: Timestamp, after: i64) -> Option<i64> {
    let current = step_at(now);
    let mut found = None;
    for step in current.saturating_sub(SKEW_STEPS)..=current.saturating_add(SKEW_STEPS) {
        if is_equal(code(secret, step).as_bytes(), typed.as_bytes()) && step > after {
            found = Some(step);
        }
    }
    found
}

/// The secret as people type it into an app: base32 without padding, in groups of four.
pub fn spelled(secret: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(BASE32_NOPAD.encode(secret));
    let mut spelled = Zeroizing::new(String::with_capacity(text.len() + text.len() / 4));
    for (at, character) in text.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            spelled.push(' ');
        }
        spelled.push(character);
    }
    spelled
}

/// What a QR code says to an app, in the format that all of them read (`otpauth`, as Google Authenticator documents it).
/// `issuer` is who asks for the code, `name` the account there.
pub fn enrolment_uri(secret: &[u8], issuer: &str, name: &str) -> Zeroizing<String> {
    let text = |part: &str| byte_serialize(part.as_bytes()).collect::<String>().replace('+', "%20");
    let secret = Zeroizing::new(BASE32_NOPAD.encode(secret));
    let (issuer, name) = (text(issuer), text(name));
    Zeroizing::new(format!(
        "otpauth://totp/{issuer}:{name}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={PERIOD_SECONDS}",
        secret.as_str()
    ))
}

#[cfg(test)]
mod tests {
    use super::{code, enrolment_uri, matching_step, spelled, step_at};
    use crate::values::clock::Timestamp;

    const SECRET: &[u8] = b"12345678901234567890";

    /// RFC 6238, appendix B, without the first two of the eight digits there; RFC 4226, appendix D.
    #[test]
    fn the_vectors_of_the_rfcs_come_out() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, step_at(Timestamp::from_seconds(seconds))), expected, "{seconds}");
        }
        for (counter, expected) in (0..).zip(["755224", "287082", "359152", "969429", "338314"]) {
            assert_eq!(code(SECRET, counter), expected);
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_and_late_and_never_twice() {
        let now = Timestamp::from_seconds(1_111_111_111);
        let current = step_at(now);
        for (step, is_good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let typed = code(SECRET, current + step);
            assert_eq!(matching_step(SECRET, &typed, now, 0), is_good.then_some(current + step), "{step}");
            assert_eq!(matching_step(SECRET, &typed, now, current + step), None, "it was used");
            assert_eq!(matching_step(SECRET, &typed, now, current + 1), None, "a later one was used");
        }
        for typed in ["", "05047", "0504711", "050472", " 050471", "٠٥٠٤٧١"] {
            assert_eq!(matching_step(SECRET, typed, now, 0), None, "{typed}");
        }
    }

    #[test]
    fn an_app_reads_the_secret_as_text_and_as_an_address() {
        assert_eq!(spelled(SECRET).as_str(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(
            enrolment_uri(SECRET, "id.acme.test", "ada+1@acme.test").as_str(),
            "otpauth://totp/id.acme.test:ada%2B1%40acme.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=id.acme.test&algorithm=SHA1&digits=6&period=30"
        );
    }
}
