//! References to secrets. The value of a secret never enters a model.

use dram_fields::{AbsolutePath, Code, Cx, Data, Diagnostic, Fields, Format, Name, Node, Shape, Ty};

/// Where the engine finds a secret. The secret itself never stands in a model.
#[derive(Fields, Debug, Clone, PartialEq)]
#[fields(secret)]
pub struct SecretRef {
    /// Where it is found.
    #[field(one_of)]
    pub source: SecretSource,
}

/// Kinds of places where secrets are.
#[derive(Fields, Debug, Clone, PartialEq)]
pub enum SecretSource {
    /// An environment variable of the engine.
    Env(EnvName),
    /// A file on the machine where the engine runs. One newline at its end is not part of the secret.
    File(AbsolutePath),
    /// A key of a Kubernetes secret, in the cluster where the engine runs.
    Kubernetes(KubernetesSecret),
}

/// A key of a Kubernetes secret.
#[derive(Fields, Debug, Clone, PartialEq)]
pub struct KubernetesSecret {
    /// The namespace.
    pub namespace: Name,
    /// The secret.
    pub name: Name,
    /// The key in its data.
    pub key: String,
}

/// The name of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvName(String);

impl AsRef<str> for EnvName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

const ENV_NAME: Format = Format {
    name: "the name of an environment variable",
    pattern: Some("^[A-Za-z_][A-Za-z0-9_]*$"),
    example: "DRAM_VAULT_PASSWORD",
    canonical: |text| env_name(text).map(|()| text.to_owned()),
};

fn env_name(text: &str) -> Result<(), String> {
    let mut chars = text.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Ok(())
    } else {
        Err("letters, digits and `_`, no digit first".to_owned())
    }
}

impl Shape for EnvName {
    const TY: Ty = Ty::Text(&ENV_NAME);

    fn decode(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.data {
            Data::Text(text) => match env_name(text) {
                Ok(()) => Some(Self(text.clone())),
                Err(why) => {
                    // Somebody may have written the secret where its name belongs: it is not repeated.
                    cx.report(
                        Diagnostic::error(Code::WRONG_FORMAT, node.span, format!("not {}: {why}", ENV_NAME.name))
                            .help(format!("for example `{}`", ENV_NAME.example))
                            .mask(node.span),
                    );
                    None
                }
            },
            Data::Unknown => {
                cx.unknown();
                None
            }
            _ => {
                cx.wrong_shape(node, "text (the name of an environment variable)");
                None
            }
        }
    }

    fn encode(&self) -> Option<Node> {
        Some(Node::text(self.0.as_str()))
    }
}
