//! Every kind of picture over ordinary, empty, hostile and arbitrary input.

use plots::{
    BARS_MAX, Bar, Curve, Guide, Labels, PlotError, Points, Series, Size, bars, histogram,
    least_squares, scatter, stacked, survival,
};
use proptest::prelude::*;

use crate::xml::elements;

fn labels(title: &str) -> Labels {
    Labels {
        title: title.to_string(),
        description: String::new(),
        x: "tokens".to_string(),
        y: "seconds".to_string(),
    }
}

/// Each kind once, over the same texts and numbers.
fn all(title: &str, name: &str, numbers: &[f64]) -> Vec<Result<String, PlotError>> {
    let size = Size::default();
    let labels = labels(title);
    let name = name.to_string();
    let points: Vec<_> = numbers.iter().map(|n| (*n, n * 0.5)).collect();
    let line = least_squares(&points).map(|line| line.to_vec()).unwrap_or_default();
    let largest = numbers.iter().copied().fold(1.0, f64::max);
    let mut steps: Vec<_> = numbers.iter().map(|n| (*n, 1.0 - n / largest)).collect();
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let buckets = vec![name.clone(); numbers.len()];
    let bar = |value: &f64| Bar { name: name.clone(), value: *value };
    let one = Series { name: name.clone(), values: numbers.to_vec() };
    vec![
        bars(&labels, size, &numbers.iter().map(bar).collect::<Vec<_>>()),
        histogram(&labels, size, numbers, None),
        stacked(&labels, size, &buckets, &[one.clone(), one]),
        scatter(&labels, size, &[Points { name: name.clone(), points, line }]),
        survival(
            &labels,
            size,
            &[Curve { name: name.clone(), steps, censored: numbers.to_vec() }],
            &[Guide { x: 150.0, name }],
        ),
    ]
}

#[test]
fn pictures_say_what_they_show_and_are_the_same_each_time() {
    let numbers = [12.0, 40.0, 40.0, 95.0, 150.0];
    for (first, second) in
        all("Lengths", "chat", &numbers).into_iter().zip(all("Lengths", "chat", &numbers))
    {
        let svg = first.expect("a picture");
        assert_eq!(Ok(&svg), second.as_ref());
        let parts = elements(&svg);
        let inside = |name: &str| {
            parts.iter().find(|part| part.0 == name).map(|part| part.2.trim().to_string())
        };
        assert_eq!(inside("title").as_deref(), Some("Lengths"));
        assert!(inside("desc").is_some_and(|text| text.len() > 10), "{svg}");
        assert!(parts[0].1.contains("role=\"img\""));
        let texts: Vec<&str> =
            parts.iter().filter(|part| part.0 == "text").map(|part| part.2.trim()).collect();
        assert!(texts.contains(&"Lengths") && texts.contains(&"tokens"), "{texts:?}");
        // Nothing is drawn in plain black or white, which vanish on one of the grounds.
        for colour in ["#000000", "#FFFFFF"] {
            assert!(!svg.contains(colour), "{svg}");
        }
    }
}

#[test]
fn nothing_to_draw_is_a_picture_too() {
    for picture in all("", "", &[]) {
        elements(&picture.expect("an empty picture"));
    }
}

#[test]
fn what_cannot_be_drawn_is_refused_with_its_name() {
    for bad in [f64::NAN, f64::INFINITY, -1e16, 1e16] {
        for picture in all("t", "n", &[bad]) {
            assert!(matches!(picture, Err(PlotError::Number { .. })), "{bad}: {picture:?}");
        }
    }
    let many = vec![Bar { name: "a".to_string(), value: 1.0 }; BARS_MAX + 1];
    let refused = bars(&labels("t"), Size::default(), &many).unwrap_err();
    assert_eq!(refused.to_string(), "401 bars; at most 400");
    let short = Series { name: "s".to_string(), values: vec![1.0] };
    let refused = stacked(&labels("t"), Size::default(), &[], &[short]).unwrap_err();
    assert_eq!(refused.to_string(), "series `s` has 1 values for 0 buckets");
    let refused = bars(&labels("t"), Size { width_px: 10, height_px: 9000 }, &[]).unwrap_err();
    assert!(refused.to_string().contains("10x9000"), "{refused}");
    for (steps, says) in [
        (vec![(5.0, 0.5), (1.0, 0.2)], "c: x behind 5: 1 cannot be drawn; allowed: 5 to 1e15"),
        (vec![(5.0, 0.5), (6.0, 0.6)], "c: share at 6: 0.6 cannot be drawn; allowed: 0 to 0.5"),
        (vec![(5.0, 1.1)], "c: share at 5: 1.1 cannot be drawn; allowed: 0 to 1"),
    ] {
        let curve = Curve { name: "c".into(), steps, censored: vec![] };
        let refused = survival(&labels("t"), Size::default(), &[curve], &[]).unwrap_err();
        assert_eq!(refused.to_string(), says);
    }
}

#[test]
fn the_name_of_a_guide_stays_inside_the_picture() {
    let curve = Curve { name: String::new(), steps: vec![(10.0, 0.5)], censored: vec![] };
    for (x, anchor) in [(100.0, "text-anchor=\"end\""), (10.0, "text-anchor=\"start\"")] {
        let guides = [100.0, x].map(|x| Guide { x, name: format!("limit {x}") });
        let svg = survival(&labels("t"), Size::default(), std::slice::from_ref(&curve), &guides);
        let parts = elements(&svg.expect("a picture"));
        let name = format!("limit {x}");
        let text = parts.iter().find(|part| part.0 == "text" && part.2.trim() == name);
        let (_, attributes, _) = text.expect("it is written");
        assert!(attributes.contains(anchor), "{name}: {attributes}");
    }
}

#[test]
fn stacked_bars_reach_the_sum_of_their_parts() {
    let series = |name: &str, value: f64| Series { name: name.to_string(), values: vec![value; 2] };
    let buckets = ["Mon".to_string(), "Tue".to_string()];
    let parts = [series("answer", 30.0), series("thinking", 10.0)];
    let svg = stacked(&labels("t"), Size::default(), &buckets, &parts).expect("a picture");
    let heights: Vec<i64> = elements(&svg)
        .iter()
        .filter(|part| part.0 == "rect" && part.1.contains("opacity=\"0.95\""))
        .map(|part| {
            let (_, after) = part.1.split_once("height=\"").expect("a height");
            after.split('"').next().expect("quoted").parse().expect("whole pixels")
        })
        .collect();
    assert_eq!(heights.len(), 4);
    assert!((heights[0] - 3 * heights[1]).abs() <= 3, "{heights:?}");
}

proptest! {
    #[test]
    fn no_text_breaks_out_and_no_number_breaks_in(
        title in ".{0,40}",
        name in "[<>&\"'a-z\\PC\\x00-\\x1f]{0,60}",
        numbers in proptest::collection::vec(
            prop_oneof![0.0..1e3, 0.0..1e15, Just(0.0), Just(5e-324), Just(1e15)], 0..12),
    ) {
        for picture in all(&title, &name, &numbers) {
            let svg = picture.expect("finite numbers");
            let allowed = ["svg", "title", "desc", "rect", "line", "polyline", "polygon",
                "text", "circle"];
            for (element, attributes, _) in elements(&svg) {
                prop_assert!(allowed.contains(&element.as_str()), "{}", element);
                prop_assert!(!attributes.contains("NaN") && !attributes.contains("inf"));
            }
        }
    }

    #[test]
    fn signed_points_stay_inside_the_picture(
        points in proptest::collection::vec((-1e6..1e6, -1e6..1e6), 1..40),
    ) {
        let one = Points { name: String::new(), points, line: vec![] };
        let svg = scatter(&labels("t"), Size::default(), &[one]).expect("a picture");
        for (element, attributes, _) in elements(&svg) {
            if element == "circle" {
                let at = |name: &str| -> i64 {
                    let (_, after) = attributes.split_once(&format!("{name}=\"")).expect(name);
                    after.split('"').next().expect("quoted").parse().expect("whole pixels")
                };
                prop_assert!((0..=720).contains(&at("cx")) && (0..=360).contains(&at("cy")));
            }
        }
    }
}
