//! Paired statistics: intervals of differences, and the sign test.

use proptest::prelude::*;
use tagspace::internals::study::stats::paired::Paired;
use tagspace::internals::study::stats::sign_test::two_sided;

use crate::common::same_cases;

proptest! {
    #![proptest_config(same_cases(64))]

    #[test]
    fn an_interval_holds_its_mean_and_turns_with_its_sides(
        pairs in prop::collection::vec((0_u64..10_000, 0_u64..10_000), 1..40),
    ) {
        let (first, second): (Vec<u64>, Vec<u64>) = pairs.iter().copied().unzip();
        let paired = Paired::of(&first, &second).unwrap();
        prop_assert!(paired.low_milli <= paired.mean_milli && paired.mean_milli <= paired.high_milli);
        prop_assert_eq!(paired.less + paired.more + paired.same, pairs.len());
        let turned = Paired::of(&second, &first).unwrap();
        prop_assert_eq!((turned.less, turned.more), (paired.more, paired.less));
        // Rounded down on both sides.
        prop_assert!((turned.mean_milli + paired.mean_milli).abs() <= 1);
        // A shift by more than any difference is never taken for chance.
        let lifted: Vec<u64> = second.iter().map(|value| value + 20_000).collect();
        prop_assert!(Paired::of(&first, &lifted).unwrap().high_milli < 0);
    }
}

#[test]
fn an_interval_of_known_differences() {
    // Nine seeds with one less and one with eleven more: on average 0.2 more, but that is chance.
    let first = [9, 9, 9, 9, 9, 9, 9, 9, 9, 21];
    let paired = Paired::of(&first, &[10; 10]).unwrap();
    assert_eq!((paired.less, paired.more, paired.same), (9, 1, 0));
    assert_eq!(paired.mean_milli, 200);
    assert_eq!(paired.low_milli, -1000, "no resample lies below nine alike");
    assert!(paired.high_milli > 1000, "{paired:?}");
    assert_eq!(Paired::of(&[1, 2], &[1]), None);
    assert_eq!(Paired::of(&[], &[]), None);
}

#[test]
fn the_sign_test_is_the_tail_of_the_binomial_distribution() {
    // By hand: (1 + 10) / 2^10, twice; and all of ten, twice 2^-10.
    for (less, more, wanted) in [
        (1, 9, 22.0 / 1024.0),
        (0, 10, 2.0 / 1024.0),
        (5, 5, 1.0),
        (0, 0, 1.0),
        (32, 0, 2.0_f64.powi(-31)),
    ] {
        let found = two_sided(less, more);
        assert!((found - wanted).abs() < 1e-9 * wanted.max(1e-3), "{less} {more}: {found}");
    }
}
