//! Segments: where dxgkrnl's video memory manager can put an allocation.
//!
//! This module is responsible for what `DXGKQAITYPE_QUERYSEGMENT3` reports and for which segments
//! an allocation may be in.
#![forbid(unsafe_code)]

pub mod aperture;
pub mod segments;
pub mod space;
