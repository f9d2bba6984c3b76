package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"longtail/redirector/internal/account"
	"longtail/shared/link"
	"longtail/shared/storage"
)

const (
	cookieName   = "longtail_session"
	sessionLimit = 12 * time.Hour
)

// errSignedOut says that nobody is signed in, or not any more: the key was revoked, or the time is over.
var errSignedOut = errors.New("signed out")

// A session is who looks at a page.
type session struct {
	who  account.Principal
	csrf string // stands in every form
	hash [32]byte
}

// sessionHash is what the database knows of a cookie. A sign-in with the bootstrap key, which has no row, is bound to that
// key's text: when the setting changes, it is found no more.
func (c *Console) sessionHash(cookie string) [32]byte {
	bound := cookie
	if strings.HasPrefix(cookie, "b") {
		name, _, _ := c.o.Gate.Bootstrap()
		bound += hex.EncodeToString(name[:])
	}
	return sha256.Sum256([]byte(bound))
}

// signIn begins a session for a key and sets its cookie. It fails with account.ErrUnknown for a key that is none.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request, key string) error {
	who, err := c.o.Gate.Principal(r.Context(), key)
	if err != nil {
		return err
	}
	cookie := "k" + rand.Text() + rand.Text()
	if who.Key == (account.KeyID{}) {
		cookie = "b" + cookie[1:]
	}
	now := time.Now()
	s := storage.Session{IDHash: c.sessionHash(cookie), Key: who.Key, CreatedMS: now.UnixMilli(), ExpiresMS: now.Add(sessionLimit).UnixMilli()}
	_, _ = rand.Read(s.CSRF[:]) // never fails
	if err := c.o.Sessions.CreateSession(r.Context(), s); err != nil {
		return err
	}
	setCookie(w, r, cookie, int(sessionLimit.Seconds()))
	return nil
}

func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: "/console/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	})
}

// session finds who is signed in. Its key is asked for each time, as the API asks: a revoked one is signed out as soon.
func (c *Console) session(ctx context.Context, r *http.Request) (*session, error) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil, errSignedOut
	}
	hash := c.sessionHash(cookie.Value)
	kept, err := c.o.Sessions.FindSession(ctx, hash)
	if errors.Is(err, link.ErrNotFound) {
		return nil, errSignedOut
	}
	if err != nil {
		return nil, err
	}
	who, err := c.holder(ctx, kept.Key)
	if errors.Is(err, account.ErrUnknown) {
		return nil, errSignedOut
	}
	if err != nil {
		return nil, err
	}
	return &session{who, hex.EncodeToString(kept.CSRF[:]), hash}, nil
}

func (c *Console) holder(ctx context.Context, key account.KeyID) (account.Principal, error) {
	if key != (account.KeyID{}) {
		return c.o.Gate.Holder(ctx, key)
	}
	_, who, ok := c.o.Gate.Bootstrap()
	if !ok {
		return who, account.ErrUnknown
	}
	return who, nil
}

// proves tells whether a form was made for this session.
func (s *session) proves(token string) bool {
	return subtle.ConstantTimeCompare([]byte(s.csrf), []byte(token)) == 1
}

// signInPage shows the form; whoever is signed in goes on.
func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	if _, err := c.session(r.Context(), r); err == nil {
		http.Redirect(w, r, next(r), http.StatusSeeOther)
		return
	}
	c.render(w, http.StatusOK, "sign-in", view{Title: "Sign in", Data: map[string]string{"Next": next(r)}})
}

// signInForm is POST /console/sign-in, the one change that needs no session.
func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	err := c.signIn(w, r, strings.TrimSpace(r.PostFormValue("key")))
	switch {
	case err == nil:
		http.Redirect(w, r, next(r), http.StatusSeeOther)
	case errors.Is(err, account.ErrUnknown):
		c.render(w, http.StatusUnauthorized, "sign-in", view{Title: "Sign in", Data: map[string]string{
			"Next": next(r), "Error": "This is no key of this installation, or it has expired or was revoked.",
		}})
	default:
		c.trouble(w, r, fmt.Errorf("sign in: %w", err))
	}
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request, s *session) {
	if err := c.o.Sessions.EndSession(r.Context(), s.hash); err != nil {
		c.trouble(w, r, err)
		return
	}
	setCookie(w, r, "", -1)
	http.Redirect(w, r, "/console/sign-in", http.StatusSeeOther)
}

// next is where to go after signing in: a page of the console, never another site.
func next(r *http.Request) string {
	to := r.FormValue("next")
	if !strings.HasPrefix(to, "/console/") || strings.ContainsAny(to, "\\\r\n") || strings.HasPrefix(to, "/console/sign-") {
		return "/console/campaigns"
	}
	return to
}
