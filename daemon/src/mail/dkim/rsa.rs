//! New RSA keys. ring makes none. The `rsa` crate, of which this would be the one use, brings twenty crates more and an advisory
//! (RUSTSEC-2023-0071: what it does with a private key can be timed; it named no cured release in September 2026), which every
//! audit of the daemon would show, though making a key is not concerned. `openssl genrsa` is not on every machine. What is hard
//! about a key are its primes: those come from crypto-primes, as that crate's own do, in constant-time arithmetic; the rest is a
//! page of textbook (RFC 8017 §3.2, FIPS 186-5 A.1.1), and ring, which signs with the key, checks what came of it.

use crypto_bigint::{NonZero, U1024, U2048, Uint, rand_core};
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use zeroize::{Zeroize, Zeroizing};

use super::keys::{RSA_ALGORITHM, der};
use crate::ambient::Entropy;

/// Bits of each prime: the modulus has 2048, which every receiver takes (RFC 8301 §3.2) and whose record fits one UDP answer.
const PRIME_BITS: u32 = 1024;
/// Primes that are nearer to each other can be found from the modulus (FIPS 186-5 A.1.3): they differ in the upper 100 bits.
const NEAR_BITS: u32 = PRIME_BITS - 100;
/// e, in 1024 bits.
const EXPONENT: U1024 = U1024::from_u32(65_537);

/// The numbers of a key (RFC 8017 §3.2). They are wiped when it is dropped.
struct Numbers {
    n: U2048,
    d: U2048,
    p: U1024,
    q: U1024,
    d_p: U1024,
    d_q: U1024,
    q_inverse: U1024,
}

/// A new key, PKCS#8 DER. `None`: the system gives no randomness.
pub(super) fn new_key(entropy: &dyn Entropy) -> Option<Zeroizing<Vec<u8>>> {
    let mut random = Random { entropy, failed: false };
    loop {
        let (one, other) = (prime(&mut random)?, prime(&mut random)?);
        // Primes that don't fit each other or e are all but impossible; the next two will do.
        if let Some(numbers) = Numbers::new(one.max(other), one.min(other)) {
            return Some(numbers.pkcs8());
        }
    }
}

/// A prime with its two highest bits set, so that the modulus has all its bits.
fn prime(random: &mut Random<'_>) -> Option<U1024> {
    let sieve = SmallFactorsSieveFactory::<U1024>::new(Flavor::Any, PRIME_BITS, SetBits::TwoMsb).ok()?;
    let found = sieve_and_find(random, sieve, |_, candidate| is_prime(Flavor::Any, candidate)).ok()?;
    found.filter(|_| !random.failed)
}

impl Numbers {
    /// Of two primes, the larger one first. `None`: they are too near to each other, or e has no inverse.
    fn new(p: U1024, q: U1024) -> Option<Self> {
        if p.wrapping_sub(&q).bit_width() <= NEAR_BITS {
            return None;
        }
        let (p_less, q_less) = (p.wrapping_sub(&U1024::ONE), q.wrapping_sub(&U1024::ONE));
        let inverse_of_e = |modulus: &U1024| -> Option<U1024> { EXPONENT.invert_mod(&NonZero::new(*modulus).into_option()?).into() };
        let totient: U2048 = p_less.concatenating_mul(&q_less);
        let common: U2048 = p_less.gcd(&q_less).resize();
        let lambda = NonZero::new(totient.wrapping_div(&NonZero::new(common).into_option()?)).into_option()?;
        Some(Self {
            n: p.concatenating_mul(&q),
            d: EXPONENT.resize::<{ U2048::LIMBS }>().invert_mod(&lambda).into_option()?,
            d_p: inverse_of_e(&p_less)?,
            d_q: inverse_of_e(&q_less)?,
            q_inverse: q.invert_mod(&NonZero::new(p).into_option()?).into_option()?,
            p,
            q,
        })
    }

    /// RSAPrivateKey (RFC 8017 A.1.2) inside of PrivateKeyInfo (RFC 5208 §5).
    fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        // All room at once, so that no half of a key is left behind in a smaller buffer.
        let mut inner = Zeroizing::new(Vec::with_capacity(2048));
        inner.extend(der(0x02, &[0]));
        for number in [integer(&self.n), integer(&EXPONENT), integer(&self.d), integer(&self.p), integer(&self.q)] {
            inner.extend_from_slice(&number);
        }
        for number in [&self.d_p, &self.d_q, &self.q_inverse] {
            inner.extend_from_slice(&integer(number));
        }
        let key = Zeroizing::new(der(0x30, &inner));
        let mut outer = Zeroizing::new(Vec::with_capacity(2048));
        outer.extend(der(0x02, &[0]));
        outer.extend_from_slice(&RSA_ALGORITHM);
        outer.extend_from_slice(&Zeroizing::new(der(0x04, &key)));
        Zeroizing::new(der(0x30, &outer))
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        self.d.zeroize();
        for number in [&mut self.p, &mut self.q, &mut self.d_p, &mut self.d_q, &mut self.q_inverse] {
            number.zeroize();
        }
    }
}

/// INTEGER: as few octets as will do, the first bit free for the sign (X.690 §8.3).
fn integer<const LIMBS: usize>(number: &Uint<LIMBS>) -> Zeroizing<Vec<u8>> {
    let octets = Zeroizing::new(number.to_be_bytes().as_ref().to_vec());
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    let mut content = Zeroizing::new(Vec::with_capacity(octets.len() + 1));
    if octets.get(start).is_none_or(|octet| *octet >= 0x80) {
        content.push(0);
    }
    content.extend_from_slice(&octets[start..]);
    Zeroizing::new(der(0x02, &content))
}

/// The system's randomness as crypto-primes takes it. It knows no failure: what it made of nothing is thrown away.
struct Random<'a> {
    entropy: &'a dyn Entropy,
    failed: bool,
}

impl rand_core::TryRng for Random<'_> {
    type Error = rand_core::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Self::Error> {
        self.failed |= !self.entropy.fill(octets);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Random<'_> {}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};

    use super::*;
    use crate::ambient::{SeededEntropy, SystemEntropy};

    /// Counts what is asked of it, and may have nothing to give.
    struct Empty;

    impl Entropy for Empty {
        fn fill(&self, _: &mut [u8]) -> bool {
            false
        }
    }

    #[test]
    fn ring_takes_the_keys_and_signs_with_them() {
        for entropy in [&SystemEntropy::new() as &dyn Entropy, &SeededEntropy::new(1), &SeededEntropy::new(2)] {
            let pair = RsaKeyPair::from_pkcs8(&new_key(entropy).unwrap()).unwrap();
            assert_eq!(pair.public().modulus_len(), 256);
            let mut signature = vec![0; 256];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"x", &mut signature).unwrap();
            let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
            assert!(public.verify(b"x", &signature).is_ok() && public.verify(b"y", &signature).is_err());
        }
    }

    #[test]
    fn no_two_are_alike_and_none_is_made_of_nothing() {
        let entropy = SystemEntropy::new();
        assert_ne!(new_key(&entropy), new_key(&entropy));
        assert_eq!(new_key(&Empty), None);
    }

    #[test]
    fn primes_that_are_near_are_not_taken() {
        let prime = prime(&mut Random { entropy: &SeededEntropy::new(3), failed: false }).unwrap();
        let near = prime.wrapping_sub(&U1024::from_u32(2));
        assert!(Numbers::new(prime, near).is_none());
    }

    #[test]
    fn integers_are_as_short_as_they_can_be() {
        assert_eq!(*integer(&U1024::ZERO), [2, 1, 0]);
        assert_eq!(*integer(&U1024::from_u32(127)), [2, 1, 127]);
        assert_eq!(*integer(&U1024::from_u32(128)), [2, 2, 0, 128]);
        assert_eq!(*integer(&EXPONENT), [2, 3, 1, 0, 1]);
    }
}
