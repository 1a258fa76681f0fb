//! intervention
