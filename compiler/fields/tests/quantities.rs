//! Quantities and paths have one spelling for each value, and arithmetic that rounds to the safe side.

use dram_fields::{
    AbsolutePath, Bucket, Bytes, CloudName, Container, Data, Duration, Endpoint, Format, LogicalPath, Name, Node,
    Percent, Prefix, ProfileName, Rate, Region, Shape, Ty, Whole, decode,
};
use proptest::prelude::*;

fn format<T: Shape>() -> &'static Format {
    let Ty::Text(format) = T::TY else {
        unreachable!("{:?} is no text", T::TY)
    };
    format
}

/// Whatever is accepted has one canonical spelling, which matches the pattern that the schema states.
fn canonical_once<T: Shape>(text: &str) -> Result<(), TestCaseError> {
    let format = format::<T>();
    if let Ok(once) = (format.canonical)(text) {
        prop_assert_eq!((format.canonical)(&once), Ok(once.clone()));
    }
    Ok(())
}

proptest! {
    #[test]
    fn spelling_twice_is_spelling_once(text in "[0-9]{1,22}(|s|m|h|d|w|Ki|Mi|Gi|Ti|Pi)(|/[smhdw])") {
        canonical_once::<Duration>(&text)?;
        canonical_once::<Bytes>(&text)?;
        canonical_once::<Rate>(&text)?;
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        canonical_once::<Duration>(&text)?;
        canonical_once::<Bytes>(&text)?;
        canonical_once::<Rate>(&text)?;
        canonical_once::<Name>(&text)?;
        canonical_once::<AbsolutePath>(&text)?;
        canonical_once::<LogicalPath>(&text)?;
        canonical_once::<Percent>(&text)?;
        canonical_once::<Bucket>(&text)?;
        canonical_once::<Container>(&text)?;
        canonical_once::<Prefix>(&text)?;
        canonical_once::<Endpoint>(&text)?;
        canonical_once::<Region>(&text)?;
        canonical_once::<ProfileName>(&text)?;
        canonical_once::<CloudName>(&text)?;
    }

    /// A prefix is safe to put into the path of a request as it is, and an endpoint is nothing but a host.
    #[test]
    fn places_stay_where_they_are(prefix in "(/|\\.|\\.\\.|a|ä|%2e| |\\?|#){0,8}", endpoint in "https?://(a|\\.|:|9|@|/|\\?|#|\\[|\\]){0,8}") {
        if let Ok(prefix) = prefix.parse::<Prefix>() {
            prop_assert!(prefix.as_str().split('/').all(|part| !matches!(part, "" | "." | "..")));
            prop_assert!(!prefix.as_str().contains(['%', '?', '#', ' ']));
        }
        if let Ok(endpoint) = endpoint.parse::<Endpoint>() {
            let (_, host) = endpoint.as_str().split_once("://").unwrap();
            prop_assert!(!host.is_empty() && !host.contains(['/', '?', '#', '@']));
        }
        canonical_once::<Endpoint>(&endpoint)?;
    }

    #[test]
    fn a_slower_rate_moves_less(a in 1u64..1 << 40, b in 1u64..1 << 40, units in (0usize..5, 0usize..5)) {
        let unit = |n: usize| ["s", "m", "h", "d", "w"][n];
        let one: Rate = format!("{a}/{}", unit(units.0)).parse().unwrap();
        let other: Rate = format!("{b}/{}", unit(units.1)).parse().unwrap();
        prop_assert_eq!(one.is_slower_than(other), one.bytes_in(604_800) < other.bytes_in(604_800));
    }

    #[test]
    fn a_number_within_limits(number in any::<u32>()) {
        let decoded = decode::<Whole<1, 64>>(Node::new(Data::Number(number.to_string())));
        prop_assert_eq!(decoded.value.map(Whole::get), (1..=64).contains(&number).then_some(number));
        prop_assert_eq!(decoded.diagnostics.is_empty(), (1..=64).contains(&number));
        prop_assert_eq!(Whole::<1, 64>::new(number).map(Whole::get), (1..=64).contains(&number).then_some(number));
    }

    #[test]
    fn paths_never_go_upwards(text in "(/|\\.|\\.\\.|a|ä| ){0,12}") {
        if let Ok(path) = text.parse::<AbsolutePath>() {
            prop_assert!(path.as_str().starts_with('/'));
            prop_assert!(!path.as_str().split('/').any(|part| part == ".." || part == "."));
            prop_assert!(path.as_str() == "/" || !path.as_str().ends_with('/'));
        }
        canonical_once::<AbsolutePath>(&text)?;
    }

    #[test]
    fn what_is_written_reads_back_as_the_same(seconds in any::<u64>(), bytes in any::<u64>()) {
        prop_assert_eq!(Duration::seconds(seconds).to_string().parse(), Ok(Duration::seconds(seconds)));
        prop_assert_eq!(Bytes { bytes }.to_string().parse(), Ok(Bytes { bytes }));
    }

    /// What was moved in the time that moving takes is at least what there was to move.
    #[test]
    fn rates_round_to_the_safe_side(amount in 1u64..1 << 50, unit in 0usize..5, bytes in 0u64..1 << 60, seconds in 0u64..1 << 32) {
        let unit = ["s", "m", "h", "d", "w"][unit];
        let rate: Rate = format!("{amount}/{unit}").parse().unwrap();
        let needed = rate.seconds_for(bytes).unwrap();
        prop_assert!(rate.bytes_in(needed) >= bytes);
        prop_assert!(needed == 0 || u128::from(rate.bytes_in(needed - 1)) <= u128::from(bytes) + 1);
        // At its own rate, what changes in a time takes exactly that time.
        prop_assert_eq!(rate.seconds_to_move(&[rate], seconds), Some(seconds));
        prop_assert_eq!(rate.seconds_to_move(&[rate, rate], seconds), Some(2 * seconds));
    }

    /// With the extremes of every number there is an answer, and it never shrinks when more changes.
    #[test]
    fn no_rate_overflows(a in any::<u64>(), b in any::<u64>(), seconds in any::<u64>()) {
        let rate = |amount: u64| format!("{amount}/w").parse::<Rate>().unwrap();
        let moved = rate(a).seconds_to_move(&[rate(b), rate(b)], seconds);
        prop_assert_eq!(moved.is_some(), a != 0);
        prop_assert!(moved >= rate(a).seconds_to_move(&[rate(b)], seconds));
        prop_assert!(moved >= rate(a).seconds_to_move(&[rate(b), rate(b)], seconds / 2));
    }
}

/// The example that messages give is one.
#[test]
fn examples_are_valid() {
    for format in [
        format::<Duration>(),
        format::<Bytes>(),
        format::<Rate>(),
        format::<Name>(),
        format::<AbsolutePath>(),
        format::<Percent>(),
        format::<Bucket>(),
        format::<Container>(),
        format::<Prefix>(),
        format::<Endpoint>(),
        format::<Region>(),
        format::<ProfileName>(),
        format::<CloudName>(),
    ] {
        assert_eq!(
            (format.canonical)(format.example),
            Ok(format.example.to_owned()),
            "{}",
            format.name
        );
    }
}
