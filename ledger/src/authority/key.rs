//! A node's Ed25519 key.

use std::fmt;

use aerodb_core::hash::{Hash, PublicKey, Signature};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes: {0}")]
pub struct RandomnessError(getrandom::Error);

/// A node's private key. It is wiped from memory when dropped, and no format prints it.
pub struct NodeKey(SigningKey);

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKey(of {:?})", self.public_key())
    }
}

impl NodeKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// [`RandomnessError`] when there is none.
    pub fn generate() -> Result<Self, RandomnessError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(RandomnessError)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of this seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, which is the secret itself: for the identity file only.
    #[must_use]
    pub fn to_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a hash. What is hashed names its own purpose, so a signature never serves for another.
    #[must_use]
    pub fn sign(&self, hash: &Hash) -> Signature {
        Signature(self.0.sign(hash.as_bytes()).to_bytes())
    }
}

/// Whether the signature over the hash is of this key; strict: no weak keys, no malleable signatures.
#[must_use]
pub fn verify_signature(key: &PublicKey, hash: &Hash, signature: &Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
    VerifyingKey::from_bytes(key.as_bytes())
        .is_ok_and(|key| key.verify_strict(hash.as_bytes(), &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_key_and_one_hash() {
        let (key, other) = (NodeKey::generate().unwrap(), NodeKey::from_seed(&[1; 32]));
        let (hash, another) = (Hash([1; 32]), Hash([2; 32]));
        let signature = key.sign(&hash);
        assert!(verify_signature(&key.public_key(), &hash, &signature));
        assert!(!verify_signature(&key.public_key(), &another, &signature));
        assert!(!verify_signature(&other.public_key(), &hash, &signature));
        assert!(!verify_signature(&PublicKey([0; 32]), &hash, &signature));
    }

    #[test]
    fn a_key_is_its_seed_and_is_never_printed() {
        let key = NodeKey::from_seed(&[7; 32]);
        assert_eq!(NodeKey::from_seed(&key.to_seed()).public_key(), key.public_key());
        assert!(!format!("{key:?}").contains("07070707"));
    }
}
