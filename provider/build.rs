//! Compiles the wire's messages and services from `proto/`; no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build.rs");
    let proto = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = ["tfplugin5.proto", "goplugin.proto", "health.proto"].map(|name| proto.join(name));
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .generate_default_stubs(true)
        .btree_map(".")
        .compile_fds(protox::compile(files, [proto])?)?;
    Ok(())
}
