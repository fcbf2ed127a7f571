//! Numbers of any size, in the spelling in which they came.

use std::fmt;

/// A number. Two numbers are equal when they denote the same decimal, however they are spelled;
/// the spelling is kept, so that an echo goes out as it came in.
#[derive(Clone, Debug)]
pub struct Number(Spelling);

#[derive(Clone, Debug)]
enum Spelling {
    Integer(i128),
    /// Stands for exactly this binary fraction; MessagePack sends it only where that is exact.
    Float(f64),
    /// A decimal literal, checked when it was made.
    Decimal(String),
}

impl Number {
    /// A number from a decimal literal such as `12`, `-0.5` or `1e30`.
    ///
    /// # Errors
    /// None if the text is not a decimal literal.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        canonical(text)?;
        Some(match text.parse::<i128>() {
            // `-0` and `007` keep their spelling too.
            Ok(integer) if integer.to_string() == text => Number(Spelling::Integer(integer)),
            _ => Number(Spelling::Decimal(text.to_owned())),
        })
    }

    /// A number that MessagePack carried as a binary fraction.
    ///
    /// # Errors
    /// None for infinities and for what is not a number: the host's type system has neither.
    #[must_use]
    pub fn from_float(value: f64) -> Option<Self> {
        value.is_finite().then_some(Number(Spelling::Float(value)))
    }

    /// The binary fraction, if the number came as one.
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        match self.0 {
            Spelling::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The integer, if the number is one and fits.
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        match &self.0 {
            Spelling::Integer(value) => Some(*value),
            Spelling::Float(_) | Spelling::Decimal(_) => {
                let (negative, digits, exponent) = canonical(&self.to_string())?;
                let zeros = usize::try_from(exponent).ok().filter(|zeros| *zeros < 40)?;
                let text = format!("{}{digits}{}", if negative { "-" } else { "" }, "0".repeat(zeros));
                text.parse().ok()
            }
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Number(Spelling::Integer(value.into()))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number(Spelling::Integer(value.into()))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Spelling::Integer(value) => write!(f, "{value}"),
            Spelling::Float(value) => write!(f, "{value}"),
            Spelling::Decimal(text) => f.write_str(text),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        canonical(&self.to_string()) == canonical(&other.to_string())
    }
}

/// Sign, digits without leading and trailing zeros, and the power of ten they are multiplied by.
fn canonical(text: &str) -> Option<(bool, String, i64)> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let kept = significant.trim_end_matches('0');
    if kept.is_empty() {
        return Some((false, "0".to_owned(), 0));
    }
    let shift = i64::try_from(significant.len() - kept.len()).ok()? - i64::try_from(fraction.len()).ok()?;
    Some((negative, kept.to_owned(), i64::from(exponent) + shift))
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn equal_numbers_may_be_spelled_differently() {
        let number = |text| Number::parse(text).unwrap();
        assert_eq!(number("10"), number("1e1"));
        assert_eq!(number("0.50"), number("5e-1"));
        assert_eq!(number("-0"), number("0"));
        assert_ne!(number("1"), number("-1"));
        assert_ne!(number("9007199254740993"), number("9007199254740992"));
        assert_eq!(number("1.5"), Number::from_float(1.5).unwrap());
        assert_eq!(number("3.0").as_integer(), Some(3));
        assert_eq!(number("1e3").as_integer(), Some(1000));
        assert_eq!(number("0.1").as_integer(), None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "+1", "1e", "0x1", "NaN", "1 "] {
            assert!(Number::parse(text).is_none(), "{text:?}");
        }
        assert!(Number::from_float(f64::INFINITY).is_none());
    }
}
