//! A bar chart of a distribution before and after, as an SVG that fits light and dark pages.

use std::fmt::Write;

/// One token.
pub struct Bar<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its probability before.
    pub before: f64,
    /// Its probability after; none when it was removed.
    pub after: Option<f64>,
    /// Whether it stands in the text already.
    pub is_said: bool,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 190.0;
const CHART_TOP: f64 = 52.0;
const CHART_BOTTOM: f64 = 150.0;
/// Two narrow bars and the room between tokens.
const BAR_WIDTH: f64 = 17.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#57534e}.k{font-weight:600;\
    font-size:13px;fill:#1c1917}.b{fill:#d6d0c7}.a{fill:#0d7d77}.x{stroke:#c2410c;stroke-width:2}\
    .l{stroke:#a8a29e}.n{text-anchor:middle}.s{font-weight:700;fill:#1c1917}\
    @media(prefers-color-scheme:dark){text{fill:#b5aea4}.k,.s{fill:#f5f5f4}.b{fill:#57534e}\
    .a{fill:#45c4b8}.x{stroke:#fb923c}.l{stroke:#78716c}}";

/// The chart of `bars` under `title`.
pub fn svg(title: &str, bars: &[Bar]) -> String {
    let top =
        bars.iter().flat_map(|bar| [bar.before, bar.after.unwrap_or(0.0)]).fold(0.0, f64::max);
    // Round scales, so that pictures side by side can be compared.
    let top = [0.35, 0.5, 0.75, 1.0].into_iter().find(|&scale| top <= scale).unwrap_or(1.0);
    let height = |share: f64| share / top * (CHART_BOTTOM - CHART_TOP);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n\
         <style>{STYLE}</style>\n<text class=\"k\" x=\"8\" y=\"18\">{title}</text>\n{}",
        legend()
    );
    let pitch = (WIDTH - 16.0) / bars.len() as f64;
    for (index, bar) in bars.iter().enumerate() {
        let middle = 8.0 + pitch * (index as f64 + 0.5);
        let mut column = |class: &str, left: f64, share: f64| {
            let tall = height(share);
            let y = CHART_BOTTOM - tall;
            // Writing to a String cannot fail.
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{BAR_WIDTH}\" \
                 height=\"{tall:.1}\"/>"
            );
        };
        column("b", middle - BAR_WIDTH, bar.before);
        match bar.after {
            Some(share) => column("a", middle, share),
            None => out.push_str(&cross(middle + BAR_WIDTH / 2.0, CHART_BOTTOM - 6.0)),
        }
        let class = if bar.is_said { "n s" } else { "n" };
        let percent = bar.after.map_or("–".to_owned(), percent);
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{middle:.1}\" y=\"166\">{}</text>\
             <text class=\"n\" x=\"{middle:.1}\" y=\"182\">{percent}</text>",
            bar.name
        );
    }
    let right = WIDTH - 8.0;
    let _ = writeln!(
        out,
        "<line class=\"l\" x1=\"8\" x2=\"{right}\" y1=\"{CHART_BOTTOM}\" y2=\"{CHART_BOTTOM}\"/>\n\
         </svg>"
    );
    out
}

fn legend() -> String {
    let mut out = String::new();
    let entries = [("b", 8.0, "before"), ("a", 78.0, "after")];
    for (class, x, name) in entries {
        let text_x = x + 16.0;
        out.push_str(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"27\" width=\"11\" height=\"11\"/>\
             <text x=\"{text_x}\" y=\"37\">{name}</text>\n"
        ));
    }
    out.push_str(&cross(143.0, 32.5));
    out.push_str("<text x=\"152\" y=\"37\">removed</text>\n");
    out.push_str("<text class=\"s\" x=\"214\" y=\"37\">said before</text>\n");
    out
}

fn cross(x: f64, y: f64) -> String {
    let (left, right, up, down) = (x - 4.0, x + 4.0, y - 4.0, y + 4.0);
    format!(
        "<path class=\"x\" d=\"M{left:.1} {up:.1}L{right:.1} {down:.1}M{left:.1} {down:.1}\
         L{right:.1} {up:.1}\"/>\n"
    )
}

fn percent(share: f64) -> String {
    match share {
        share if share < 0.0005 => "0 %".to_owned(),
        share if share < 0.0995 => format!("{:.1} %", share * 100.0),
        share => format!("{:.0} %", share * 100.0),
    }
}
