//! Sign in, forgot password, set a new one: axum and resetd.
//!
//! ```sh
//! RESETD_SOCKET=/run/resetd/resetd.sock PORT=8000 cargo run -p resetd-example-portal
//! ```

mod resetd;
mod users;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Form, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Router, extract::DefaultBodyLimit};
use serde::Deserialize;

use resetd::{Client, Error, NewReset, Resetd, Secret};
use users::{Users, may_enter};

struct Portal {
    resetd: Resetd,
    users: Users,
}

type Site = State<Arc<Portal>>;

/// What forms and links bring.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Input {
    email: String,
    password: String,
    token: String,
    code: String,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let setting = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.into());
    let users = Users::default();
    users.add("u-1842", "ann@mail.example", "Ann Other", "correct horse battery staple");
    let resetd = Resetd::new("shop", setting("RESETD_SOCKET", "/run/resetd/resetd.sock"));
    let site = Router::new()
        .route("/", get(sign_in))
        .route("/login", get(sign_in).post(login))
        .route("/forgot", get(forgot).post(ask))
        .route("/reset", get(look).post(change))
        .fallback(|| async { sorry(StatusCode::NOT_FOUND, "There is no such page.") })
        .layer(middleware::from_fn(guard))
        .layer(DefaultBodyLimit::max(10_000))
        .with_state(Arc::new(Portal { resetd, users }));
    let address = format!("127.0.0.1:{}", setting("PORT", "8000"));
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{address}");
    axum::serve(listener, site.into_make_service_with_connect_info::<SocketAddr>()).await
}

async fn sign_in() -> Page {
    Page { title: "Sign in".into(), form: Fields::SignIn, ..Page::default() }
}

async fn login(State(site): Site, Form(form): Form<Input>) -> Page {
    let user = site.users.by_email(&form.email);
    let good = may_enter(user.as_ref(), &form.password);
    let Some(user) = user else { return wrong_password().await };
    let name = user.name.clone();
    // Nobody waits for this: the answer takes as long for others as for people whom we know, and works when resetd is away.
    tokio::spawn(async move { complain(site.resetd.login(&user.id, &user.email, good).await) });
    // Begin the session here.
    if good { Page { title: format!("Hello, {name}"), ..Page::default() } } else { wrong_password().await }
}

async fn wrong_password() -> Page {
    Page { status: StatusCode::FORBIDDEN, alert: "Address and password do not go together.", ..sign_in().await }
}

async fn forgot() -> Page {
    Page { title: "Forgot your password?".into(), form: Fields::Forgot, ..Page::default() }
}

async fn ask(
    State(site): Site,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): Form<Input>,
) -> Result<Page, Error> {
    let user = site.users.by_email(&form.email);
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let new = NewReset {
        account: user.as_ref().map(|user| &*user.id),
        email: user.as_ref().map_or(&form.email, |user| &user.email),
        name: user.as_ref().map(|user| &*user.name),
        client: Client { ip: peer.ip().to_string(), user_agent: agent.map(|agent| &agent[..agent.len().min(500)]) },
    };
    // Everybody's request goes to resetd, which tells nobody apart; neither does the page.
    match site.resetd.request(&new).await {
        Err(Error::Problem { field: Some(field), .. }) if field == "email" => {
            Ok(Page { status: StatusCode::BAD_REQUEST, alert: "That is not an email address.", ..forgot().await })
        }
        asked => asked.map(|()| Page {
            title: "Look into your mailbox".into(),
            note: "If there is such an account, a mail is on its way.",
            ..Page::default()
        }),
    }
}

/// The link. Looks, and uses nothing up: mail scanners and previews open links too.
async fn look(State(site): Site, ConnectInfo(peer): ConnectInfo<SocketAddr>, Query(link): Query<Input>) -> Result<Page, Error> {
    if !link.token.is_empty() {
        site.resetd.inspect(Secret::Token(&link.token), peer.ip()).await?;
    }
    Ok(new_password(link.token))
}

async fn change(State(site): Site, ConnectInfo(peer): ConnectInfo<SocketAddr>, Form(form): Form<Input>) -> Result<Page, Error> {
    if form.password.chars().count() < 12 {
        // Before redeem: what is wrong with the password must not cost the link.
        let page = new_password(form.token);
        return Ok(Page { status: StatusCode::BAD_REQUEST, alert: "At least 12 characters, please.", ..page });
    }
    // In a task of its own: a browser that goes away must not leave this half done.
    tokio::spawn(async move {
        let user = site.users.by_email(&form.email);
        // For an address without an account the address itself: it is refused and locked as any other is.
        let account = user.as_ref().map_or(&form.email, |user| &user.id);
        let code = Secret::Code { account, code: &form.code };
        let secret = if form.token.is_empty() { code } else { Secret::Token(&form.token) };
        let good = site.resetd.redeem(secret, peer.ip()).await?;
        // The account is resetd's word, never the browser's.
        site.users.set_password(&good.account, &form.password);
        complain(site.resetd.completed(&good.reset).await);
        // No new session: whoever holds the mail has to know the new password too.
        Ok(Page { title: "Your password is changed".into(), note: "You can sign in with it now.", ..Page::default() })
    })
    .await
    .unwrap_or_else(|panicked| Err(Error::Unavailable(panicked.to_string())))
}

fn new_password(token: String) -> Page {
    Page { title: "Set a new password".into(), form: Fields::Reset(token), ..Page::default() }
}

/// For what the person need not hear of.
fn complain(result: Result<(), Error>) {
    if let Err(error) = result {
        eprintln!("{error}");
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Self::Refused { reason, status } = &self {
            return sorry(*status, resetd::answer(reason)).into_response();
        }
        eprintln!("{self}");
        let later = "We can not do this right now. Please try again in a moment.";
        sorry(StatusCode::SERVICE_UNAVAILABLE, later).into_response()
    }
}

/// What a page shows.
#[derive(Default)]
struct Page {
    status: StatusCode,
    title: String,
    alert: &'static str,
    note: &'static str,
    form: Fields,
}

/// The form on it.
#[derive(Default)]
enum Fields {
    #[default]
    None,
    SignIn,
    Forgot,
    /// With the link's token, or empty: with a code to type.
    Reset(String),
}

fn sorry(status: StatusCode, alert: &'static str) -> Page {
    Page { status, title: "This did not work".into(), alert, ..Page::default() }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Self { status, title, alert, note, form } = &self;
        let title = escape(title);
        let html = format!(
            r#"<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title><h1>{title}</h1>
<p role="alert">{alert}<p>{note}
{form}
"#
        );
        (*status, Html(html)).into_response()
    }
}

const EMAIL: &str = r#"<p><label>Email <input name="email" type="email" autocomplete="username" required></label>"#;

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => {
                f.write_str(r#"<p><a href="/">Sign in</a> · <a href="/forgot">Ask for a mail</a> · <a href="/reset">Type a code</a>"#)
            }
            Self::SignIn => write!(
                f,
                r#"<form method="post" action="/login">{EMAIL}
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<p><button>Sign in</button> <a href="/forgot">Forgot it?</a></form>"#
            ),
            Self::Forgot => write!(f, r#"<form method="post" action="/forgot">{EMAIL}<p><button>Send the mail</button></form>"#),
            Self::Reset(token) => {
                let secret = match token.as_str() {
                    "" => format!(
                        r#"{EMAIL}<p><label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>"#
                    ),
                    token => format!(r#"<input type="hidden" name="token" value="{}">"#, escape(token)),
                };
                write!(
                    f,
                    r#"<form method="post" action="/reset">{secret}
<p><label>New password <input name="password" type="password" autocomplete="new-password" minlength="12" required></label>
<p><button>Change password</button></form>"#
                )
            }
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// For every page, and above all for the one whose address holds a token: nobody keeps it, no other site learns its address,
/// nothing from elsewhere is loaded, nobody frames it.
const HEADERS: [(header::HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    ),
];

async fn guard(request: Request, next: Next) -> Response {
    // A form of another site's. Origin says "null" here, since we send no referrer; Sec-Fetch-Site tells.
    let from = request.headers().get("sec-fetch-site").map_or(&b"none"[..], HeaderValue::as_bytes);
    let foreign = request.method() == Method::POST && !matches!(from, b"same-origin" | b"none");
    let mut response = match foreign {
        true => sorry(StatusCode::FORBIDDEN, "That did not come from our site.").into_response(),
        false => next.run(request).await,
    };
    response.headers_mut().extend(HEADERS);
    response
}
