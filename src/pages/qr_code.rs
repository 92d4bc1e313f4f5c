//! A QR code as one path of an SVG that stands in the page: nothing to load, nothing to run.

use qrcode::{Color, EcLevel, QrCode as Code};

/// Modules of quiet ground on each side (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;

/// A code to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrCode {
    /// Modules along each side, with the quiet ground.
    pub side: usize,
    /// The dark modules, as the path of an SVG.
    pub path: String,
}

impl QrCode {
    /// The code that says `text`. `None` when it is longer than a code can be.
    pub fn of(text: &str) -> Option<Self> {
        let code = Code::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let colors = code.into_colors();
        let mut path = String::new();
        for (row, modules) in colors.chunks(width).enumerate() {
            let dark = modules.iter().enumerate().filter(|(_, color)| **color == Color::Dark);
            for (column, _) in dark {
                path.push_str(&format!("M{} {}h1v1h-1z", column + QUIET, row + QUIET));
            }
        }
        Some(Self { side: width + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::QrCode;

    /// The finder in the corner, of which every reader finds the code, is where it has to be.
    #[test]
    fn a_code_has_its_finders_and_its_quiet_ground() {
        let code = QrCode::of("otpauth://totp/x?secret=GEZDGNBV").unwrap();
        let is_dark = |x: usize, y: usize| code.path.contains(&format!("M{x} {y}h1"));
        for corner in [(4, 4), (code.side - 5, 4), (4, code.side - 5)] {
            assert!(is_dark(corner.0, corner.1), "{corner:?}");
        }
        assert!((4..11).all(|x| is_dark(x, 4)) && (5..10).all(|x| !is_dark(x, 5)) && !is_dark(11, 4));
        assert!((0..code.side).all(|x| !is_dark(x, 3) && !is_dark(3, x)));
        assert_eq!(QrCode::of(&"x".repeat(5_000)), None);
    }
}
