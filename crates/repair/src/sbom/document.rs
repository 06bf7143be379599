//! The words of CycloneDX 1.7 for a wheel and what was brought into it.
//!
//! | fact | where |
//! |---|---|
//! | the wheel | `metadata.component` |
//! | the package a library is from | `name`, `version`, `purl`, `licenses` of its component |
//! | the file in the wheel | `bom-ref`, `evidence.occurrences`, `hashes` |
//! | the file as it was found | `pedigree.ancestors` |
//! | who says so | `evidence.identity` |
//! | a distribution that libraries are left to | a component of its own, `isExternal` |
//! | SONAME, build ID, size | `properties` of the file they are true of, named `truewheel:…` |
//!
//! The schema asks for a unique serial number. It is a UUID of version 8 (RFC 9562) made from the
//! SHA-256 of the rest: unique as the contents are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use truewheel_wheel::{Digest, normalize_name};

use super::{Component, SbomPlan};
use crate::error::{Error, Result};
use crate::provided::{Given, ProvidedBy};
use crate::provider::{Provider, Purl};

/// The document as it is written: indented, sorted by key, one line feed at the end.
pub(super) fn bytes(
    sbom: &SbomPlan,
    output_name: &str,
    digests: &BTreeMap<&str, Digest>,
) -> Result<Vec<u8>> {
    let mut document = match &sbom.earlier {
        Some(Value::Object(earlier)) => earlier.clone(),
        _ => Map::new(),
    };
    let wheel = wheel_component(sbom, output_name);
    let old_ref = document
        .get("metadata")
        .and_then(|metadata| metadata.get("component")?.get("bom-ref")?.as_str())
        .map(str::to_owned);
    let mut components = take_list(&mut document, "components");
    for component in &mut components {
        update_hash(component, digests);
    }
    for component in &sbom.components {
        let new = library_component(component, digests)?;
        components.retain(|known| known.get("bom-ref") != new.get("bom-ref"));
        components.push(new);
    }
    for new in external_components(&sbom.given) {
        components.retain(|known| known.get("bom-ref") != new.get("bom-ref"));
        components.push(new);
    }
    sort_by_ref(&mut components, "bom-ref");
    let root = wheel.get("bom-ref").and_then(Value::as_str).unwrap_or_default().to_owned();
    let known: BTreeSet<String> = components.iter().filter_map(|c| text(c, "bom-ref")).collect();
    let earlier = take_list(&mut document, "dependencies");
    let dependencies = dependencies(sbom, earlier, old_ref.as_deref(), &root, &known);
    document.insert("$schema".into(), json!("http://cyclonedx.org/schema/bom-1.7.schema.json"));
    document.insert("bomFormat".into(), json!("CycloneDX"));
    document.insert("specVersion".into(), json!("1.7"));
    document.insert("version".into(), json!(1));
    document.insert("metadata".into(), metadata(sbom, wheel));
    document.insert("components".into(), Value::Array(components));
    document.insert("dependencies".into(), dependencies);
    document.remove("serialNumber");
    let serial = serial_number(&text_of(&document)?);
    document.insert("serialNumber".into(), json!(serial));
    text_of(&document)
}

/// The SHA-256 of each component with a place in the wheel, as RECORD would have it.
pub(super) fn hashes(document: &Value) -> BTreeMap<String, String> {
    let components = document.get("components").and_then(Value::as_array).into_iter().flatten();
    components
        .filter_map(|component| {
            let hash = component.get("hashes")?.get(0)?.get("content")?.as_str()?;
            Some((text(component, "bom-ref")?, record_hash(hash)?))
        })
        .collect()
}

/// The distributions outside the wheel, with the libraries that are left to each.
pub(super) fn external(document: &Value) -> Vec<ProvidedBy> {
    let components = document.get("components").and_then(Value::as_array).into_iter().flatten();
    let external = components.filter(|it| it.get("isExternal") == Some(&Value::Bool(true)));
    let provided = external.filter_map(|component| {
        let properties = component.get("properties").and_then(Value::as_array)?.iter();
        let is_library =
            |it: &&Value| it.get("name").is_some_and(|name| name == "truewheel:library");
        let libraries = properties.filter(is_library).filter_map(|it| text(it, "value")).collect();
        let (project, version) = (text(component, "name")?, text(component, "version")?);
        Some(ProvidedBy { project, version, libraries, option: None })
    });
    provided.collect()
}

fn record_hash(hexadecimal: &str) -> Option<String> {
    let mut sha256 = [0; 32];
    for (index, byte) in sha256.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hexadecimal.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(Digest { sha256, size: 0 }.record_hash())
}

fn text_of(document: &Map<String, Value>) -> Result<Vec<u8>> {
    // Sorted whatever the order of insertion, so that no feature of serde_json shows.
    let sorted: BTreeMap<&String, &Value> = document.iter().collect();
    let mut bytes = serde_json::to_vec_pretty(&sorted)
        .map_err(|error| Error::refused(format!("the SBOM cannot be written: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn take_list(document: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    match document.remove(name) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    Some(value.get(name)?.as_str()?.to_owned())
}

fn sort_by_ref(items: &mut [Value], name: &str) {
    items.sort_by_cached_key(|item| text(item, name));
}

fn metadata(sbom: &SbomPlan, wheel: Value) -> Value {
    let mut metadata = json!({
        "component": wheel,
        // After the build, before it is published.
        "lifecycles": [{"phase": "post-build"}],
        "tools": {"components": [{
            "type": "application",
            "name": "truewheel",
            "version": env!("CARGO_PKG_VERSION"),
        }]},
    });
    if let Some(time) = sbom.timestamp.and_then(date_time) {
        metadata["timestamp"] = json!(time);
    }
    metadata
}

/// RFC 3339, in UTC; `None` for what it cannot say.
fn date_time(seconds: i64) -> Option<String> {
    let time = truewheel_wheel::Timestamp::from_unix(seconds);
    let text = time.to_string();
    // The dates of zip: whoever asks for one outside gets none, as its nearest would be false.
    let is_inside = (315_532_800..4_354_819_200).contains(&seconds);
    is_inside.then(|| format!("{}Z", text.replace(' ', "T")))
}

fn wheel_component(sbom: &SbomPlan, output_name: &str) -> Value {
    let (name, version) = &sbom.project;
    let purl = Purl {
        kind: "pypi",
        namespace: None,
        name: &normalize_name(name),
        version,
        qualifiers: [("file_name", output_name)].into(),
    };
    json!({
        "type": "library",
        "bom-ref": purl.to_string(),
        "name": name,
        "version": version,
        "purl": purl.to_string(),
    })
}

fn sha256(digest: &Digest) -> Value {
    json!([{"alg": "SHA-256", "content": digest.hex()}])
}

fn library_component(component: &Component, digests: &BTreeMap<&str, Digest>) -> Result<Value> {
    let member = component.member.as_str();
    let result = digests
        .get(member)
        .ok_or_else(|| Error::verify(member, "it is planned and was not made"))?;
    let size = |size: u64| ("size", size.to_string());
    let identifiers = || component.identifiers.iter().map(|(name, id)| (*name, id.clone()));
    let names = component.names.iter().map(|(name, value)| (*name, value.clone()));
    let source = identifiers().chain(names).chain([size(component.source.size)]);
    let path = ("path", member.to_owned());
    let copy = identifiers().chain([path, size(result.size)]);
    let mut library = json!({
        "type": "library",
        "bom-ref": member,
        "name": component.file_name,
        "hashes": sha256(result),
        "evidence": {"occurrences": [{"location": member}]},
        "pedigree": {"ancestors": [{
            "type": "library",
            "name": component.file_name,
            "hashes": sha256(&component.source),
            "properties": property_list(source.collect()),
        }]},
        "properties": property_list(copy.collect()),
    });
    if *result != component.source {
        let notes = "edited by truewheel so that the loader finds it in the wheel";
        library["pedigree"]["notes"] = json!(notes);
    }
    if let Some(provider) = &component.provider {
        add_provider(&mut library, provider);
    }
    Ok(library)
}

/// The distributions that libraries are left to, each with the version that the wheel was repaired against.
fn external_components(given: &[Given]) -> Vec<Value> {
    let mut paths: BTreeMap<(&str, &str), Vec<(&str, String)>> = BTreeMap::new();
    for one in given {
        let paths = paths.entry((&one.project, &one.version)).or_default();
        paths.push(("library", one.path.clone()));
    }
    let component = |((name, version), paths): ((&str, &str), Vec<(&str, String)>)| {
        let qualifiers = BTreeMap::new();
        let purl = Purl { kind: "pypi", namespace: None, name, version, qualifiers }.to_string();
        json!({
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            "isExternal": true,
            "properties": property_list(paths),
        })
    };
    paths.into_iter().map(component).collect()
}

fn add_provider(library: &mut Value, provider: &Provider) {
    library["name"] = json!(provider.name);
    library["version"] = json!(provider.version);
    library["purl"] = json!(provider.purl);
    if let Some(license) = &provider.license {
        library["licenses"] =
            json!([{"license": {"name": license, "acknowledgement": "declared"}}]);
    }
    library["evidence"]["identity"] = json!([{
        "field": "purl",
        "confidence": 1,
        "concludedValue": provider.purl,
        "methods": [{
            "technique": "manifest-analysis",
            "confidence": 1,
            "value": format!("{} lists {}", provider.database, provider.path),
        }],
    }]);
    if let (Some(source), Some(list)) = (&provider.source, library["properties"].as_array_mut()) {
        list.extend(property_list(vec![("source-package", source.clone())]));
    }
}

fn property_list(mut pairs: Vec<(&str, String)>) -> Vec<Value> {
    let property = |(name, value)| json!({"name": format!("truewheel:{name}"), "value": value});
    pairs.sort();
    pairs.into_iter().map(property).collect()
}

/// A library of an earlier repair that is edited again has another hash and size.
fn update_hash(component: &mut Value, digests: &BTreeMap<&str, Digest>) {
    let member = text(component, "bom-ref").unwrap_or_default();
    let Some(digest) = digests.get(member.as_str()) else { return };
    let Some(component) = component.as_object_mut() else { return };
    component.insert("hashes".into(), sha256(digest));
    let properties = component.get_mut("properties").and_then(Value::as_array_mut);
    for property in properties.into_iter().flatten().filter_map(Value::as_object_mut) {
        if property.get("name").and_then(Value::as_str) == Some("truewheel:size") {
            property.insert("value".into(), json!(digest.size.to_string()));
        }
    }
}

/// One entry for the wheel and for each library, also where it needs nothing: the graph is whole.
fn dependencies(
    sbom: &SbomPlan,
    earlier: Vec<Value>,
    old_root: Option<&str>,
    root: &str,
    known: &BTreeSet<String>,
) -> Value {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in earlier {
        let Some(name) = text(&entry, "ref") else { continue };
        let name = if Some(name.as_str()) == old_root { root.to_owned() } else { name };
        let needs = entry.get("dependsOn").and_then(Value::as_array).into_iter().flatten();
        let needs = needs.filter_map(|need| need.as_str().map(str::to_owned));
        graph.entry(name).or_default().extend(needs);
    }
    graph.entry(root.to_owned()).or_default();
    for name in known {
        graph.entry(name.clone()).or_default();
    }
    for (user, needs) in &sbom.needs {
        // What is no component is the project's own: a part of the wheel.
        let name = if known.contains(user.as_str()) { user.as_str() } else { root };
        let needs = needs.iter().map(|need| need.as_str().to_owned());
        let needs = needs.filter(|need| known.contains(need) && need != name);
        graph.entry(name.to_owned()).or_default().extend(needs);
    }
    // What nobody needs by name was brought along to be opened at run time, by the wheel.
    let needed: BTreeSet<&String> = graph.values().flatten().collect();
    let opened: Vec<String> = known.iter().filter(|name| !needed.contains(name)).cloned().collect();
    graph.entry(root.to_owned()).or_default().extend(opened);
    let entries = graph.into_iter().map(|(name, needs)| json!({"ref": name, "dependsOn": needs}));
    Value::Array(entries.collect())
}

/// `urn:uuid:` and 122 bits of the SHA-256 of `bytes`.
fn serial_number(bytes: &[u8]) -> String {
    let hex = Digest::of(bytes).hex();
    let digit = |at: usize| hex.as_bytes().get(at).copied().unwrap_or(b'0');
    // The two highest bits of the variant's digit are `10`.
    let variant = match digit(16) {
        b'0' | b'4' | b'8' | b'c' => '8',
        b'1' | b'5' | b'9' | b'd' => '9',
        b'2' | b'6' | b'a' | b'e' => 'a',
        _ => 'b',
    };
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32]);
    format!("urn:uuid:{a}-{b}-8{c}-{variant}{d}-{e}")
}
