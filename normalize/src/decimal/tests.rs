use super::*;
use proptest::prelude::*;

#[test]
fn keeps_what_was_sent() {
    for text in [
        "37.20",
        "0",
        "-0.50",
        "120",
        "0.001",
        "-12345678901234567.8",
    ] {
        assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Decimal::parse("1.50e2").unwrap().to_string(), "150");
    assert_eq!(Decimal::parse("15e-1").unwrap().to_string(), "1.5");
    assert_eq!(Decimal::parse("+7.0").unwrap().to_string(), "7.0");
    assert_eq!(Decimal::parse("0e5").unwrap().to_string(), "0");
}

#[test]
fn refuses_what_is_no_number() {
    for text in [
        "",
        "-",
        ".",
        "1.",
        ".5",
        "1e",
        "1e+",
        "NaN",
        "1 ",
        "--1",
        "1.2.3",
        "0x10",
        "1e999",
        "1234567890123456789",
    ] {
        assert_eq!(Decimal::parse(text), None, "{text}");
    }
    assert_eq!(Decimal::from_f64_decimals(f64::NAN, 1), None);
    assert_eq!(Decimal::shortest(f64::INFINITY), None);
}

#[test]
fn sums_are_exact() {
    let sum = Decimal::parse("36.5")
        .unwrap()
        .checked_add(Decimal::parse("0.70").unwrap());
    assert_eq!(sum.unwrap().to_string(), "37.20");
    assert_eq!(
        Decimal::integer(i64::MAX).checked_add(Decimal::integer(1)),
        None
    );
    let far = Decimal {
        mantissa: 1,
        exponent: 127,
    }
    .checked_add(Decimal {
        mantissa: 1,
        exponent: -128,
    });
    assert_eq!(far, None);
}

proptest! {
    #[test]
    fn text_round_trip(mantissa in -999_999_999_999_999_999_i64..=999_999_999_999_999_999, exponent in -30_i8..=0) {
        let decimal = Decimal { mantissa, exponent };
        prop_assert_eq!(Decimal::parse(&decimal.to_string()), Some(decimal));
    }

    #[test]
    fn to_f64_is_the_nearest(mantissa in any::<i64>(), exponent in -100_i8..=100) {
        let decimal = Decimal { mantissa, exponent };
        let expected: f64 = format!("{mantissa}e{exponent}").parse().unwrap();
        prop_assert_eq!(decimal.to_f64().to_bits(), expected.to_bits());
    }

    #[test]
    fn columns_keep_fifteen_digits(mantissa in -999_999_999_999_999_i64..=999_999_999_999_999, exponent in -14_i8..=0) {
        let decimal = Decimal { mantissa, exponent };
        let back = Decimal::from_f64_decimals(decimal.to_f64(), decimal.decimals());
        prop_assert_eq!(back, Some(decimal));
    }

    #[test]
    fn never_panics(text in "\\PC*", value in any::<f64>(), decimals in any::<i8>()) {
        prop_assert!(Decimal::parse(&text).is_none_or(|decimal| decimal.to_f64().is_finite()));
        prop_assert!(Decimal::from_f64_decimals(value, decimals).is_none_or(|_| value.is_finite()));
        if let Some(shortest) = Decimal::shortest(value) {
            prop_assert_eq!(shortest.to_f64(), value);
        }
    }
}
