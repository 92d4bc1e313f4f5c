//! The gateway's own keys: made here, kept under seal, rotated without an outage, and held in memory once opened.
//! Also the seal itself, for other secrets that the store keeps. What a key signs is no matter of this ring.
//! Depends on `store`.

pub mod generation;
pub mod purpose;
pub mod ring;
pub mod rotation;
pub mod sealing;
pub mod under;
