package main

// A client of resetd's socket. Copy this file: it needs nothing but Go 1.19 or newer.

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// What to tell a person whose link or code is refused, by reason. None of these is good again later.
var answers = map[string]string{
	"unknown":    "We do not know this link or code. Copy it from the mail once more, or ask for a new one.",
	"expired":    "This link or code has expired. Ask for a new one.",
	"used":       "This link or code was used already. If that was not you, ask for a new one.",
	"superseded": "Another mail has taken the place of this one. Use the newest, or ask for a new one.",
	"denied":     "Somebody answered this mail that they had not asked for it, so we switched it off. Ask for a new one, or write to support.",
	"revoked":    "This link or code was taken back. Ask for a new one.",
	"locked":     "Too many wrong codes. Use the link in the mail, or ask for a new one: it brings a link.",
}

// Refused is a secret that is not good: tell the person Answer, with the HTTP status Status.
type Refused struct {
	Reason string
	Status int
}

func (r *Refused) Error() string { return "refused: " + r.Reason }

// Answer is a no, also for reasons that only a later resetd knows.
func (r *Refused) Answer() string {
	if answer, known := answers[r.Reason]; known {
		return answer
	}
	return "This link or code is not good any more. Ask for a new one."
}

// Unavailable is resetd out of reach, or unable to store: the person tries again in a moment.
type Unavailable struct{ Why string }

func (u *Unavailable) Error() string { return "resetd: " + u.Why }

// Problem is a request that breaks a rule, or that this user may not make: Detail tells the developer, Field what is wrong.
type Problem struct {
	Type, Detail, Reason, Field string
	Status                      int
}

func (p *Problem) Error() string { return "resetd: " + p.Detail }

// Request asks for a reset mail. Account nil: no account has this address, and the answer is the same.
type Request struct {
	Portal  string  `json:"portal"`
	Account *string `json:"account"`
	Email   string  `json:"email"`
	Name    string  `json:"name,omitempty"`
	Locale  string  `json:"locale,omitempty"`
	Client  *Client `json:"client,omitempty"`
}

// Client is the browser that asked.
type Client struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
}

// Secret is a token alone, or portal, account and code; and who brings it.
type Secret struct {
	Token   string  `json:"token,omitempty"`
	Portal  string  `json:"portal,omitempty"`
	Account string  `json:"account,omitempty"`
	Code    string  `json:"code,omitempty"`
	Client  *Client `json:"client,omitempty"`
}

// Good is a secret that is good. Set the password of this Account, and of no other.
type Good struct {
	Reset, Account string
	ExpiresAt      time.Time `json:"expires_at"`
}

// Login is one that failed, or went well.
type Login struct {
	Portal  string `json:"portal"`
	Account string `json:"account"`
	Email   string `json:"email"`
	Success bool   `json:"success"`
}

// Resetd is safe for use by many goroutines.
type Resetd struct{ http http.Client }

// NewResetd dials when it is first used.
func NewResetd(socket string) *Resetd {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &Resetd{http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 5 * time.Second}}
}

// Request asks for a reset mail.
func (r *Resetd) Request(ctx context.Context, request Request) error {
	// One key for all tries: if only the answer was lost, the second try gets it and nobody gets two mails.
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	return r.call(ctx, "/v1/resets", hex.EncodeToString(key), request, nil, 2)
}

// Inspect says whether a secret is good. It uses nothing up.
func (r *Resetd) Inspect(ctx context.Context, secret Secret) (good Good, err error) {
	err = r.call(ctx, "/v1/resets/inspect", "", secret, &good, 2)
	return good, err
}

// Redeem uses a secret, once. One try: a second could only meet what the first has used.
func (r *Resetd) Redeem(ctx context.Context, secret Secret) (good Good, err error) {
	err = r.call(ctx, "/v1/resets/redeem", "", secret, &good, 1)
	return good, err
}

// Completed says that the password is changed: the person is told by mail.
func (r *Resetd) Completed(ctx context.Context, reset string) error {
	return r.call(ctx, fmt.Sprintf("/v1/resets/%s/completed", reset), "", nil, nil, 2)
}

// Login counts a failed one; at the portal's threshold a reset mail goes out by itself. One that went well clears the count.
func (r *Resetd) Login(ctx context.Context, login Login) error {
	return r.call(ctx, "/v1/login-failures", "", login, nil, 1)
}

func (r *Resetd) call(ctx context.Context, path, key string, body, into any, tries int) error {
	status, text, err := r.post(ctx, path, key, body)
	switch {
	case err != nil && tries > 1:
		return r.call(ctx, path, key, body, into, tries-1)
	case err != nil:
		return &Unavailable{err.Error()}
	case status < 300 && into != nil:
		return json.Unmarshal(text, into)
	case status < 300:
		return nil
	}
	var problem Problem
	if err := json.Unmarshal(text, &problem); err != nil {
		return err
	}
	switch {
	case problem.Type == "urn:resetd:problem:refused":
		return &Refused{problem.Reason, status}
	case status >= 500:
		return &Unavailable{problem.Detail}
	}
	return &problem
}

func (r *Resetd) post(ctx context.Context, path, key string, body any) (int, []byte, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://resetd"+path, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := r.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, text, err
}
