// Sign in, forgot password, set a new one: Go and resetd.
//
//	RESETD_SOCKET=/run/resetd/resetd.sock PORT=8000 go run .
package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"os"
)

type portal struct {
	resetd *Resetd
	users  *users
}

// What a page shows.
type page struct {
	Title, Alert, Note, Form, Token string
	status                          int
}

func main() {
	port := setting("PORT", "8000")
	p := &portal{NewResetd(setting("RESETD_SOCKET", "/run/resetd/resetd.sock")), newUsers()}
	http.Handle("/", on(map[string]handler{"GET": p.home}))
	http.Handle("/login", on(map[string]handler{"GET": p.home, "POST": p.login}))
	http.Handle("/forgot", on(map[string]handler{"GET": p.forgot, "POST": p.ask}))
	http.Handle("/reset", on(map[string]handler{"GET": p.look, "POST": p.change}))
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("http://127.0.0.1:" + port)
	log.Fatal(http.Serve(listener, nil))
}

func (p *portal) home(*http.Request) (page, error) {
	return page{Title: "Sign in", Form: "login"}, nil
}

func (p *portal) login(r *http.Request) (page, error) {
	user, exists := p.users.byEmail(r.PostFormValue("email"))
	good := mayEnter(user, exists, r.PostFormValue("password"))
	if exists {
		// Nobody waits for this: the answer takes as long for others as for people whom we know, and works when resetd is away.
		go quietly(func() error {
			return p.resetd.Login(context.Background(), Login{"shop", user.id, user.email, good})
		})
	}
	if !good {
		return page{Title: "Sign in", Alert: "Address and password do not go together.", Form: "login", status: 403}, nil
	}
	// Begin the session here.
	return page{Title: "Hello, " + user.name}, nil
}

func (p *portal) forgot(*http.Request) (page, error) {
	return page{Title: "Forgot your password?", Form: "forgot"}, nil
}

func (p *portal) ask(r *http.Request) (page, error) {
	request := Request{Portal: "shop", Email: r.PostFormValue("email"), Client: client(r)}
	if user, exists := p.users.byEmail(request.Email); exists {
		request.Account, request.Email, request.Name = &user.id, user.email, user.name
	}
	// Everybody's request goes to resetd, which tells nobody apart; neither does the page.
	err := p.resetd.Request(r.Context(), request)
	var problem *Problem
	if errors.As(err, &problem) && problem.Field == "email" {
		return page{Title: "Forgot your password?", Alert: "That is not an email address.", Form: "forgot", status: 400}, nil
	}
	return page{Title: "Look into your mailbox", Note: "If there is such an account, a mail is on its way."}, err
}

// Limits count by the address. Behind a proxy it is the proxy: take it from where that puts it.
func client(r *http.Request) *Client {
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	agent := r.UserAgent()
	if len(agent) > 500 {
		agent = agent[:500]
	}
	return &Client{ip, agent}
}

// The link. Looks, and uses nothing up: mail scanners and previews open links too.
func (p *portal) look(r *http.Request) (page, error) {
	token := r.URL.Query().Get("token")
	if token != "" {
		if _, err := p.resetd.Inspect(r.Context(), Secret{Token: token, Client: client(r)}); err != nil {
			return page{}, err
		}
	}
	return page{Title: "Set a new password", Form: "reset", Token: token}, nil
}

func (p *portal) change(r *http.Request) (page, error) {
	secret := Secret{Token: r.PostFormValue("token"), Client: client(r)}
	password := r.PostFormValue("password")
	if len([]rune(password)) < 12 || len(password) > 72 {
		// Before Redeem: what is wrong with the password must not cost the link. (bcrypt takes 72 bytes.)
		alert := "At least 12 characters, please."
		return page{Title: "Set a new password", Alert: alert, Form: "reset", Token: secret.Token, status: 400}, nil
	}
	if secret.Token == "" {
		// For an address without an account the address itself: it is refused and locked as any other is.
		secret = Secret{Portal: "shop", Account: r.PostFormValue("email"), Code: r.PostFormValue("code"), Client: client(r)}
		if user, exists := p.users.byEmail(secret.Account); exists {
			secret.Account = user.id
		}
	}
	// Not with the request's context: a browser that goes away must not leave this half done.
	ctx := context.Background()
	good, err := p.resetd.Redeem(ctx, secret)
	if err != nil {
		return page{}, err
	}
	// The account is resetd's word, never the browser's.
	if err := p.users.setPassword(good.Account, password); err != nil {
		return page{}, err
	}
	quietly(func() error { return p.resetd.Completed(ctx, good.Reset) })
	// No new session: whoever holds the mail has to know the new password too.
	return page{Title: "Your password is changed", Note: "You can sign in with it now."}, nil
}

// For what the person need not hear of.
func quietly(call func() error) {
	if err := call(); err != nil {
		log.Print(err)
	}
}

type handler func(*http.Request) (page, error)

func on(methods map[string]handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		handle, known := methods[r.Method]
		site := r.Header.Get("Sec-Fetch-Site")
		switch {
		case !known:
			show(w, sorry(http.StatusMethodNotAllowed, "There is no such page."))
			return
		// A form of another site's. Origin says "null" here, since we send no referrer; Sec-Fetch-Site tells.
		case r.Method == "POST" && site != "" && site != "same-origin" && site != "none":
			show(w, sorry(http.StatusForbidden, "That did not come from our site."))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 10_000)
		shown, err := handle(r)
		var refused *Refused
		var unavailable *Unavailable
		switch {
		case errors.As(err, &refused):
			shown = sorry(refused.Status, refused.Answer())
		case errors.As(err, &unavailable):
			log.Print(err)
			shown = sorry(http.StatusServiceUnavailable, "We can not do this right now. Please try again in a moment.")
		case err != nil:
			log.Print(err)
			shown = sorry(http.StatusInternalServerError, "Something went wrong.")
		}
		show(w, shown)
	}
}

func sorry(status int, text string) page {
	return page{Title: "This did not work", Alert: text, status: status}
}

func show(w http.ResponseWriter, shown page) {
	// For every page, and above all for the one whose address holds a token: nobody keeps it, no other site learns its
	// address, nothing from elsewhere is loaded, nobody frames it.
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	if shown.status != 0 {
		w.WriteHeader(shown.status)
	}
	if err := layout.Execute(w, shown); err != nil {
		log.Print(err)
	}
}

var layout = template.Must(template.New("page").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>{{.Title}}</title><h1>{{.Title}}</h1>
{{with .Alert}}<p role="alert">{{.}}{{end}}{{with .Note}}<p>{{.}}{{end}}
{{define "email"}}<p><label>Email <input name="email" type="email" autocomplete="username" required></label>{{end}}
{{if eq .Form "login"}}<form method="post" action="/login">{{template "email"}}
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<p><button>Sign in</button> <a href="/forgot">Forgot it?</a></form>
{{else if eq .Form "forgot"}}<form method="post" action="/forgot">{{template "email"}}
<p><button>Send the mail</button></form>
{{else if eq .Form "reset"}}<form method="post" action="/reset">
{{with .Token}}<input type="hidden" name="token" value="{{.}}">{{else}}{{template "email"}}
<p><label>Code <input name="code" inputmode="numeric" autocomplete="one-time-code" required></label>{{end}}
<p><label>New password <input name="password" type="password" autocomplete="new-password" minlength="12" required></label>
<p><button>Change password</button></form>
{{else}}<p><a href="/">Sign in</a> · <a href="/forgot">Ask for a mail</a> · <a href="/reset">Type a code</a>{{end}}
`))

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
