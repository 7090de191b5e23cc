//! Places of a listener: so many in all, so many for each address. An IPv6 address counts by its /64, which one customer has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All places.
#[derive(Clone)]
pub(super) struct Seats {
    all: Arc<Semaphore>,
    places: usize,
    each: usize,
    taken: Taken,
}

/// How many places each address has.
type Taken = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A place that is taken; free again when dropped.
pub(super) struct Seat {
    _one: OwnedSemaphorePermit,
    by: Option<(IpAddr, Taken)>,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Seats {
    /// So many in all, and for one address.
    pub fn new(places: usize, each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(places)), places, each, taken: Arc::default() }
    }

    /// Waits for a place of all.
    pub async fn one(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Gives the place to an address, if it has not too many.
    pub fn give(&self, one: OwnedSemaphorePermit, to: Option<IpAddr>) -> Result<Seat, TooMany> {
        let Some(address) = to.map(network) else { return Ok(Seat { _one: one, by: None }) };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.each {
            return Err(TooMany);
        }
        *count += 1;
        Ok(Seat { _one: one, by: Some((address, Arc::clone(&self.taken))) })
    }

    /// Whether less than a quarter is free.
    pub fn crowded(&self) -> bool {
        self.all.available_permits() * 4 < self.places
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some((address, taken)) = &self.by {
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = taken.get_mut(address) {
                *count -= 1;
                if *count == 0 {
                    taken.remove(address);
                }
            }
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_cannot_take_all_places() {
        let seats = Seats::new(4, 2);
        let sit = async |address: &str| seats.give(seats.one().await.unwrap(), Some(address.parse().unwrap()));
        let (one, two) = (sit("2001:db8::1").await, sit("2001:db8::ffff:2").await);
        assert!(one.is_ok() && two.is_ok());
        assert!(sit("2001:db8::3").await.is_err(), "the same /64");
        assert!(!seats.crowded());
        let _three = sit("2001:db8:0:1::3").await.unwrap();
        let _four = sit("::ffff:192.0.2.1").await.unwrap();
        assert!(seats.crowded());
        drop(two);
        let _again = sit("2001:db8::3").await.unwrap();
        assert_eq!(seats.taken.lock().unwrap().len(), 3);
    }
}
