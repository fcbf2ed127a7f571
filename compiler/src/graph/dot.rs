//! For Graphviz.

use super::{Graph, Outline, Shape};

/// A graph in the language of `dot`.
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let mut out = String::from(
        "digraph dram {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
    );
    for frame in &graph.frames {
        let (id, label) = (&frame.id, quoted(&frame.label));
        out.push_str(&format!(
            "  subgraph cluster_{id} {{\n    label={label};\n    style=dashed;\n    fontname=\"sans-serif\";\n"
        ));
        frame
            .boxes
            .iter()
            .for_each(|shape| out.push_str(&format!("    {}", one(shape))));
        out.push_str("  }\n");
    }
    graph
        .boxes
        .iter()
        .for_each(|shape| out.push_str(&format!("  {}", one(shape))));
    for arrow in &graph.arrows {
        out.push_str(&format!(
            "  {} -> {} [label={}];\n",
            arrow.from,
            arrow.to,
            quoted(&arrow.label)
        ));
    }
    out.push_str("}\n");
    out
}

fn one(shape: &Shape) -> String {
    let outline = match shape.outline {
        Outline::Plain => "",
        Outline::Store => ", shape=cylinder",
        Outline::Rule => ", shape=note",
        Outline::Part => ", style=rounded",
    };
    format!("{} [label={}{outline}];\n", shape.id, quoted(&shape.label))
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_means_something_to_dot_is_text() {
        assert_eq!(super::quoted("a \"b\" \\N\nc"), r#""a \"b\" \\N\nc""#);
    }
}
