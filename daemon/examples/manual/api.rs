//! resetd-api(7), from the OpenAPI document that the daemon serves.

use serde_json::{Map, Value};

use super::roff::Page;

pub fn page() -> Result<String, serde_json::Error> {
    let api = serde_json::to_value(resetd::http::document())?;
    let mut page = Page::new("resetd-api", 7, "HTTP API of resetd on its Unix socket");
    page.section("Synopsis");
    page.example("curl --unix-socket /run/resetd/resetd.sock http://localhost/v1/status");
    page.section("Description");
    page.paragraph(words(&api["info"]["description"]));
    page.paragraph("The same, for programs, is GET /openapi.json.");
    page.section("Paths");
    for (path, item) in entries(&api["paths"]) {
        for (method, operation) in entries(item).filter(|(_, operation)| operation["responses"].is_object()) {
            add_operation(&mut page, &format!("{} {path}", method.to_uppercase()), operation);
        }
    }
    page.section("Types");
    for (name, schema) in entries(&api["components"]["schemas"]) {
        add_type(&mut page, name, schema);
    }
    page.section("See also");
    page.paragraph("resetd(8), resetctl(1)");
    Ok(page.end())
}

fn add_operation(page: &mut Page, title: &str, operation: &Value) {
    page.subsection(title);
    for part in ["summary", "description"] {
        let said = words(&operation[part]);
        if !said.is_empty() {
            page.paragraph(said);
        }
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        page.item(&[&format!("{} ({})", words(&parameter["name"]), words(&parameter["in"]))], words(&parameter["description"]));
    }
    for (media, body) in entries(&operation["requestBody"]["content"]) {
        page.item(&["body"], &format!("{media}: {}", kind(&body["schema"])));
    }
    for (status, response) in entries(&operation["responses"]) {
        let kinds: Vec<String> =
            entries(&response["content"]).map(|(_, body)| kind(&body["schema"])).filter(|kind| kind != "Problem").collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!("{}. ", kinds.join(", ")) };
        page.item(&[status], &format!("{kinds}{}", words(&response["description"])));
    }
}

fn add_type(page: &mut Page, name: &str, schema: &Value) {
    page.subsection(name);
    let said = words(&schema["description"]);
    if !said.is_empty() {
        page.paragraph(said);
    }
    if schema["enum"].is_array() {
        page.paragraph(&kind(schema));
    }
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (field, of) in entries(&schema["properties"]) {
        let optional = if required.contains(&field.as_str()) { "" } else { ", may be left out" };
        page.item(&[field], &format!("({}{optional}) {}", kind(of), words(&of["description"])));
    }
}

/// A type in a word or two.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or(name).to_owned();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().filter_map(Value::as_str).map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(" or ");
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(kinds) = schema[several].as_array() {
            return kinds.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE).iter()
}
