//! Everything that looks at the program from outside, as one test binary: the house rules, the stories of `scenarios/`
//! on both engines with real counterparties, and the faults. `support/` starts what they need.

mod architecture;
mod faults;
mod scenarios;
mod support;
