//! Values by number, without a lock for who only reads.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, OnceLock, PoisonError};

/// How many values a table holds at most: numbers are two bytes.
const VALUES_MAX: usize = 1 << 16;

/// Values in the order in which they were first met, found again by key.
#[derive(Debug)]
pub struct Table<K, V> {
    values: Box<[OnceLock<V>]>,
    numbers: Mutex<HashMap<K, u16>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        let values = (0..VALUES_MAX).map(|_| OnceLock::new()).collect();
        Self { values, numbers: Mutex::new(HashMap::new()) }
    }
}

impl<K: Hash + Eq + Clone, V> Table<K, V> {
    /// The value of this number.
    ///
    /// # Panics
    /// When there is none: numbers come from [`Table::number`] alone.
    #[must_use]
    pub fn get(&self, number: u16) -> &V {
        let value = self.values[usize::from(number)].get();
        value.unwrap_or_else(|| panic!("no value has number {number}"))
    }

    /// The number of the value with this key, which is made if it is new.
    ///
    /// # Panics
    /// When the table is full: the scope is too large for two bytes.
    pub fn number(&self, key: &K, make: impl FnOnce() -> V) -> u16 {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = numbers.get(key) {
            return *number;
        }
        let number = u16::try_from(numbers.len())
            .unwrap_or_else(|_| panic!("more than {VALUES_MAX} values: the scope is too large"));
        if self.values[usize::from(number)].set(make()).is_err() {
            panic!("number {number} is taken");
        }
        numbers.insert(key.clone(), number);
        number
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
