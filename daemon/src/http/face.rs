//! One request, from its head to its answer: who asks, which route, and whatever happens, an answer that says so in the same
//! form. No layers: this is called for every request.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{CACHE_CONTROL, CONNECTION, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode};
use axum::response::IntoResponse;
use futures_util::FutureExt;
use tower::ServiceExt;

use super::access::{Access, Peer};
use super::body::BodyTimeout;
use super::forbidden::{Forbidden, Why};
use super::problem::{self, Refuse};
use crate::app::Caller;
use crate::wire::{Kind, Problem};

/// Routes and rules, shared by all connections.
pub(super) struct Face {
    router: Router,
    access: Access,
    forbidden: Forbidden,
}

impl Face {
    /// Adds answers for unknown paths and methods to `router`.
    pub(super) fn new(router: Router, access: Access) -> Self {
        Self { router: router.fallback(no_path).method_not_allowed_fallback(no_method), access, forbidden: Forbidden::default() }
    }

    /// Whether a rule names `peer`.
    pub(super) async fn knows(&self, peer: &Peer) -> bool {
        !self.access.caller(peer).await.grants.is_empty()
    }

    /// The answer to a request of `peer`.
    pub(super) async fn answer(&self, peer: &Peer, timeout: BodyTimeout, mut request: Request) -> Response<Body> {
        let caller = self.access.caller(peer).await;
        let (uid, method) = (caller.uid, request.method().clone());
        let mut response = if caller.grants.is_empty() {
            let mut response = no_rule(&caller).into_response();
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        } else {
            request.extensions_mut().insert(Asks(caller));
            request.extensions_mut().insert(timeout);
            self.route(request).await
        };
        if response.status() == StatusCode::FORBIDDEN {
            self.forbidden.note(uid, &method, response.extensions().get::<Why>());
        }
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    async fn route(&self, request: Request) -> Response<Body> {
        // A panic must not take the answer with it: the hook has logged it, the client hears 500.
        let routed = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind().await;
        let answered: Result<Response<Body>, Infallible> = routed.unwrap_or_else(|_| Ok(Refuse::from(problem::internal()).into_response()));
        answered.unwrap_or_else(|never| match never {})
    }
}

fn no_rule(caller: &Caller) -> Refuse {
    let detail = format!("no [[client]] of the configuration is about the user id {} or its groups", caller.uid);
    Problem::new(Kind::Forbidden, detail).into()
}

/// The path is not repeated: people put links with tokens where they don't belong.
async fn no_path() -> Refuse {
    Problem::new(Kind::NoPath, "this is not a path of this API; GET /openapi.json describes it").into()
}

async fn no_method(method: Method) -> Refuse {
    Problem::new(Kind::Method, format!("this path does not take {method}; the Allow header names what it takes")).into()
}

/// The caller, put into each request before it is routed.
#[derive(Clone)]
pub(super) struct Asks(pub(super) Arc<Caller>);

impl<S: Send + Sync> FromRequestParts<S> for Asks {
    type Rejection = Refuse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refuse> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| problem::internal().into())
    }
}
