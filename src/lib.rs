//! vmdisp.
#![no_std]
