//! The API's description (OpenAPI 3.1), made from the routes and the types. What may happen on every path is added here, once.

use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::routes;
use crate::wire::{PROBLEM_JSON, Problem};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "resetd",
        description = "Password resets by mail, over a local Unix socket. The kernel tells resetd who asks; the configuration says what \
                       each local user or group may do. Every error is a problem document (RFC 9457) with a stable `type`. Times are RFC 3339 in \
                       UTC. Lists come in pages: ask again with `?after=` and the `next` of the page before.",
        license(name = "MIT OR Apache-2.0")
    ),
    servers((url = "http://localhost", description = "Over the Unix socket, by default /run/resetd/resetd.sock; the host does not matter.")),
    components(schemas(Problem)),
    tags(
        (name = "resets", description = "For the application: ask, show, take back."),
        (name = "secrets", description = "For the application: what comes back from the person."),
        (name = "flags", description = "For support: who says that it wasn't them."),
        (name = "events", description = "Everything that happens, as it happens."),
        (name = "mail", description = "Inbound messages, the queue, the wordings."),
        (name = "daemon", description = "How it is doing."),
        (name = "data", description = "For administrators: keys, copies, the audit, and what is held about a person.")
    )
)]
struct Base;

/// The description of every path, all their answers and problems.
pub fn document() -> OpenApi {
    let mut document = routes::described().into_openapi();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.delete];
        operations.into_iter().filter_map(Option::as_mut).for_each(add_problems);
    }
    document
}

/// Where the routes' own descriptions are added to.
pub(super) fn base() -> OpenApi {
    Base::openapi()
}

fn add_problems(operation: &mut Operation) {
    let mut add = |status: &str, description: &str| {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(description)));
    };
    add("403", "The peer's user and groups have no role, or not the one that this takes, or not for this portal.");
    add("500", "A fault of resetd's; its log has more.");
    add("503", "Nothing can be stored now, and nothing was accepted. Try again.");
    if operation.parameters.is_some() || operation.request_body.is_some() {
        add("400", "A field, parameter or header breaks a rule: `field` and `rule` say which.");
    }
    if operation.request_body.is_some() {
        add("408", "The body took too long to arrive.");
        add("413", "The body is too large.");
        add("415", "The body has another Content-Type.");
    }
}

fn problem(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem")))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// `UPDATE=1 cargo test -p resetd openapi` writes it anew.
    #[test]
    fn the_committed_description_is_the_present_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
        let now = document().to_pretty_json().unwrap() + "\n";
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == now, "docs/openapi.json is not what the routes say: run `UPDATE=1 cargo test -p resetd openapi`");
    }

    #[test]
    fn every_operation_has_a_success_and_its_problems() {
        let document = serde_json::to_value(document()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() >= 17, "{} paths", paths.len());
        for (path, item) in paths {
            for (method, operation) in item.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
                assert!(responses.contains_key("403") && responses.contains_key("500"), "{method} {path}");
                assert!(operation["operationId"].is_string() && operation["tags"].is_array(), "{method} {path}");
            }
        }
    }

    #[test]
    fn no_reference_dangles() {
        let text = document().to_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }
}
