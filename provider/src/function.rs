//! What a configuration can ask the provider to work out: `provider::dram::…`.

use std::collections::BTreeMap;

use dram_compiler::check::check;
use dram_compiler::diagnostic;
use dram_compiler::prove::{self, ApplicationProof, Proof, Report, Verdict};
use dram_compiler::source::Sources;

use crate::value::{Type, Value};

/// A function, as the host and the reference pages need it.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// What it does, Markdown.
    pub description: &'static str,
    /// What it is given, in order.
    pub parameters: Vec<Parameter>,
    /// What it gives.
    pub returns: Type,
    call: fn(&[Value]) -> Result<Value, Refusal>,
}

/// What a function is given.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// What it is, Markdown.
    pub description: &'static str,
}

/// Why a function gives nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, and the way out.
    pub text: String,
    /// Which argument it is about, counted from 0.
    pub argument: Option<i64>,
}

impl Function {
    /// Calls it. The host has seen to it that all arguments are there, known and of their types.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    pub fn call(&self, arguments: &[Value]) -> Result<Value, Refusal> {
        (self.call)(arguments)
    }
}

/// All functions, by name.
#[must_use]
pub fn functions() -> BTreeMap<&'static str, Function> {
    let number = |name: &str| (name.to_owned(), Type::Number);
    let text = |name: &str| (name.to_owned(), Type::Text);
    let application = Type::object([
        text("rpo_verdict"),
        number("worst_case_rpo_seconds"),
        text("rto_verdict"),
        number("worst_case_rto_seconds"),
    ]);
    let prove = Function {
        name: "prove",
        summary: "Proves the objectives of a whole model",
        description: "Checks and proves a model as `dramc prove` does: all of it at once, so that what shares a line or comes back \
                      at the same place is seen together, and pairs and plans count wherever they stand.\n\n\
                      It gives the `verdict` over all objectives (`met`, `unproven` or `not met`), the `report` that `dramc prove` \
                      prints, the `findings` (what does not hold or rests on assumptions), and the worst cases of each application \
                      in `applications`. A model with errors is an error of the call.",
        parameters: vec![Parameter {
            name: "documents",
            ty: Type::List(Box::new(Type::Text)),
            description: "The texts of the model, YAML or JSON, each with one or several documents; mostly `[file(\"dram.yaml\")]`.",
        }],
        returns: Type::object([
            text("verdict"),
            text("report"),
            ("findings".to_owned(), Type::List(Box::new(Type::Text))),
            ("applications".to_owned(), Type::Map(Box::new(application))),
        ]),
        call: proved,
    };
    BTreeMap::from([(prove.name, prove)])
}

fn proved(arguments: &[Value]) -> Result<Value, Refusal> {
    let refusal = |text: String| Refusal {
        text,
        argument: Some(0),
    };
    let Some(Value::List(documents)) = arguments.first() else {
        return Err(refusal("`documents` must be a list of texts".to_owned()));
    };
    let mut sources = Sources::new();
    for (index, document) in documents.iter().enumerate() {
        let text = document.as_text().unwrap_or_default();
        sources.add(format!("documents[{index}]"), text.to_owned());
    }
    let checked = check(&sources);
    let Some(model) = &checked.model else {
        return Err(refusal(diagnostic::render(&sources, &checked.diagnostics, false)));
    };
    let report = prove::prove(model);
    let findings = report.diagnostics(model).into_iter();
    let findings = findings.map(|finding| Value::from(format!("{}: {}", finding.code.id, finding.message)));
    Ok(map([
        ("verdict", Value::from(verdict(&report).as_str())),
        ("report", Value::from(report.to_text())),
        ("findings", Value::List(findings.collect())),
        (
            "applications",
            Value::Map(
                report
                    .applications
                    .iter()
                    .map(|application| (application.application.to_string(), of_application(application)))
                    .collect(),
            ),
        ),
    ]))
}

fn verdict(report: &Report) -> Verdict {
    if report.fails() {
        Verdict::NotMet
    } else if report.is_unproven() {
        Verdict::Unproven
    } else {
        Verdict::Met
    }
}

fn of_application(application: &ApplicationProof) -> Value {
    // Of several targets the worst one counts.
    let slowest = application.recovery_time.iter().map(|target| &target.proof);
    let slowest = slowest.max_by_key(|proof| (proof.verdict == Verdict::NotMet, proof.worst_case));
    let seconds = |proof: &Proof| Value::from(i64::try_from(proof.worst_case).unwrap_or(i64::MAX));
    map([
        ("rpo_verdict", Value::from(application.recovery_point.verdict.as_str())),
        ("worst_case_rpo_seconds", seconds(&application.recovery_point)),
        (
            "rto_verdict",
            slowest.map_or(Value::Null, |proof| Value::from(proof.verdict.as_str())),
        ),
        ("worst_case_rto_seconds", slowest.map_or(Value::Null, seconds)),
    ])
}

fn map<const N: usize>(attributes: [(&str, Value); N]) -> Value {
    let named = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Map(named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = "apiVersion: dram.dev/v1\nkind: RecoverySite\nmetadata: { name: office }\n\
        spec: { host: {}, failureDomain: office, bandwidth: 50Mi/s }\n---\n\
        apiVersion: dram.dev/v1\nkind: Vault\nmetadata: { name: nas }\n\
        spec: { directory: { path: /v }, failureDomain: nas, password: { file: /k } }\n---\n\
        apiVersion: dram.dev/v1\nkind: Application\nmetadata: { name: shop }\n\
        spec: { site: office, policy: hourly, components: [{ name: web, host: { paths: [/a] }, data: { size: 4Gi, changeRate: 500Mi/d } }] }\n";

    fn policy(rpo: &str) -> String {
        format!(
            "apiVersion: dram.dev/v1\nkind: ProtectionPolicy\nmetadata: {{ name: hourly }}\n\
             spec: {{ objectives: {{ rpo: {rpo} }}, schedule: [{{ every: 1h }}], vaults: [{{ name: nas }}] }}\n"
        )
    }

    fn call(documents: &[&str]) -> Result<Value, Refusal> {
        let documents = documents.iter().map(|text| Value::from(*text)).collect();
        functions()["prove"].call(&[Value::List(documents)])
    }

    #[test]
    fn a_model_in_several_texts_is_proved() {
        let proof = call(&[MODEL, &policy("75m")]).unwrap();
        assert_eq!(proof.attribute("verdict"), &Value::from("met"));
        let shop = proof.attribute("applications").attribute("shop");
        assert_eq!(shop.attribute("worst_case_rpo_seconds"), &Value::from(3606_i64));
        assert_eq!(shop.attribute("rto_verdict"), &Value::Null);
        assert!(crate::value::to_msgpack(&proof, &functions()["prove"].returns).is_ok());
    }

    #[test]
    fn what_does_not_hold_is_a_verdict_and_no_error() {
        let proof = call(&[MODEL, &policy("5m")]).unwrap();
        assert_eq!(proof.attribute("verdict"), &Value::from("not met"));
        let Value::List(findings) = proof.attribute("findings") else {
            panic!("{proof:?}")
        };
        assert!(findings[0].as_text().unwrap().starts_with("DRAM0050: "), "{findings:?}");
    }

    #[test]
    fn a_model_with_errors_says_them() {
        let refusal = call(&[MODEL]).unwrap_err();
        assert_eq!(refusal.argument, Some(0));
        assert!(
            refusal.text.contains("`hourly`, which is not declared"),
            "{}",
            refusal.text
        );
        assert!(refusal.text.contains("documents[0]:"), "{}", refusal.text);
    }
}
