//! forbidden
