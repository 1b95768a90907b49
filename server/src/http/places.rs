//! The places for connections: so many in all, and of these a share for each address, so that nobody holds
//! all of them.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One address gets at most one in so many places.
const SHARE: usize = 4;

/// The places, and who has them.
pub struct Places {
    free: Arc<Semaphore>,
    share: usize,
    /// Whose connections are other people's.
    trusted: Vec<IpAddr>,
    /// No address is here that has none.
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection's place: given back when dropped.
pub struct Place {
    _place: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// All are taken.
    Full,
    /// The address has as many as one may have.
    ShareTaken,
}

/// One place of an address's share.
struct Share {
    address: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Places {
    /// So many places. The proxies that are trusted, and this machine, where a proxy may run, are not held to
    /// a share.
    pub fn new(connections: usize, trusted: &[IpAddr]) -> Self {
        let connections = connections.min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(connections)),
            share: (connections / SHARE).max(1),
            trusted: trusted.to_vec(),
            taken: Arc::default(),
        }
    }

    /// Takes a place for a connection of this peer.
    pub fn take(&self, peer: IpAddr) -> Result<Place, NoPlace> {
        let place = Arc::clone(&self.free).try_acquire_owned().map_err(|_none| NoPlace::Full)?;
        let peer = peer.to_canonical();
        if peer.is_loopback() || self.trusted.contains(&peer) {
            return Ok(Place { _place: place, _share: None });
        }
        let address = network(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.get(&address).copied().unwrap_or_default();
        if theirs >= self.share {
            return Err(NoPlace::ShareTaken);
        }
        taken.insert(address, theirs + 1);
        drop(taken);
        let share = Share { address, taken: Arc::clone(&self.taken) };
        Ok(Place { _place: place, _share: Some(share) })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.address) {
            Some(theirs) if *theirs > 1 => *theirs -= 1,
            _ => {
                taken.remove(&self.address);
            }
        }
    }
}

/// What one subscriber has: an IPv4 address, or the first half of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ip(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn take(places: &Places, address: &str, times: usize) -> Vec<Place> {
        (0..times).map(|_| places.take(ip(address)).map_err(|none| format!("{none:?}")).unwrap()).collect()
    }

    #[test]
    fn one_address_gets_its_share_and_leaves_the_rest_to_others() {
        let places = Places::new(8, &[]);
        let mut theirs = take(&places, "192.0.2.1", 2);
        assert_eq!(places.take(ip("192.0.2.1")).err(), Some(NoPlace::ShareTaken));
        assert_eq!(places.take(ip("::ffff:192.0.2.1")).err(), Some(NoPlace::ShareTaken), "the same address");
        let others = [take(&places, "192.0.2.2", 2), take(&places, "192.0.2.3", 2)];
        theirs.pop();
        theirs.extend(take(&places, "192.0.2.1", 1));
        let last = take(&places, "192.0.2.4", 2);
        assert_eq!(places.take(ip("192.0.2.5")).err(), Some(NoPlace::Full));
        drop((theirs, others, last));
        assert!(places.taken.lock().unwrap().is_empty(), "nobody is remembered who has none");
        take(&places, "192.0.2.1", 2);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let places = Places::new(8, &[]);
        let theirs = [take(&places, "2001:db8:1:2::1", 1), take(&places, "2001:db8:1:2::2", 1)];
        assert_eq!(places.take(ip("2001:db8:1:2:3::")).err(), Some(NoPlace::ShareTaken));
        take(&places, "2001:db8:1:3::1", 1);
        drop(theirs);
    }

    #[test]
    fn proxies_of_ours_and_this_machine_may_have_all() {
        let places = Places::new(4, &[ip("10.0.0.1")]);
        for proxy in ["10.0.0.1", "::ffff:10.0.0.1", "127.0.0.1", "::1"] {
            let all = take(&places, proxy, 4);
            assert_eq!(places.take(ip(proxy)).err(), Some(NoPlace::Full));
            drop(all);
        }
    }

    #[test]
    fn where_there_are_few_places_everybody_may_have_one() {
        let places = Places::new(1, &[]);
        let only = take(&places, "192.0.2.1", 1);
        assert_eq!(places.take(ip("192.0.2.2")).err(), Some(NoPlace::Full));
        drop(only);
    }
}
