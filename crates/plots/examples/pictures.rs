//! Writes one picture of each kind into a folder, to be looked at:
//! `cargo run -p plots --example pictures -- FOLDER`.
#![forbid(unsafe_code)]

use plots::{
    Bar, Curve, Guide, Labels, PlotError, Points, Series, Size, bars, histogram, least_squares,
    scatter, stacked, survival,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    for (name, picture) in pictures()? {
        std::fs::write(format!("{folder}/{name}.svg"), picture)?;
    }
    Ok(())
}

fn pictures() -> Result<Vec<(&'static str, String)>, PlotError> {
    let size = Size::default();
    let named = |title: &str, x: &str, y: &str| Labels {
        title: title.to_string(),
        x: x.to_string(),
        y: y.to_string(),
        ..Labels::default()
    };
    let lengths: Vec<f64> = (0..400).map(|i| ((i * i * 37 + i * 11) % 211) as f64).collect();
    let reasons = [("stop", 812.0), ("length", 140.0), ("cancelled by the client", 21.0)];
    let reasons = reasons.map(|(name, value)| Bar { name: name.to_string(), value });
    let days: Vec<String> = (1..=14).map(|day| format!("Nov {day}")).collect();
    let kinds = ["prompt", "thinking", "answer"].iter().enumerate().map(|(kind, name)| Series {
        name: name.to_string(),
        values: (0..14).map(|day| ((day * 7 + kind * 5) % 9 + 2) as f64 * 1000.0).collect(),
    });
    let points: Vec<_> = lengths.iter().map(|n| (*n, 0.4 + n * 0.02 + (n % 7.0) * 0.05)).collect();
    let line = least_squares(&points).map(|line| line.to_vec()).unwrap_or_default();
    let flat: Vec<_> = lengths.iter().map(|n| (n * 2.0, 1.5 + (n % 5.0) * 0.1)).collect();
    let steps = (1..=40).map(|i| (i as f64 * 12.0, 0.96f64.powi(i))).collect();
    let cut = (1..=20).map(|i| (i as f64 * 25.0, 0.9f64.powi(i))).collect();
    Ok(vec![
        ("bars", bars(&named("Why answers ended", "answers", ""), size, &reasons)?),
        ("histogram", histogram(&named("Lengths", "tokens", "answers"), size, &lengths, None)?),
        (
            "stacked",
            stacked(
                &named("Tokens per day", "", "tokens"),
                size,
                &days,
                &kinds.collect::<Vec<_>>(),
            )?,
        ),
        (
            "scatter",
            scatter(
                &named("Time follows tokens, not the limit", "tokens", "seconds"),
                size,
                &[
                    Points { name: "against tokens produced".to_string(), points, line },
                    Points { name: "against the limit".to_string(), points: flat, line: vec![] },
                ],
            )?,
        ),
        (
            "survival",
            survival(
                &named("Answers still going", "tokens", "share"),
                size,
                &[
                    Curve { name: "chat".to_string(), steps, censored: vec![150.0, 200.0, 480.0] },
                    Curve { name: "code".to_string(), steps: cut, censored: vec![] },
                ],
                &[
                    Guide { x: 150.0, name: "limit 150".to_string() },
                    Guide { x: 165.0, name: "recommended 165".to_string() },
                ],
            )?,
        ),
    ])
}
