package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"longtail/redirector/internal/account"
)

// An exchange is one request on its way through, known to everything that handles it.
type exchange struct {
	id   string
	gin  *gin.Context
	log  *slog.Logger
	who  account.Principal
	body *patient // nil = nobody has asked for it
	told bool     // a problem was rendered and logged
}

type exchangeKey struct{}

// of returns the exchange of a request's context.
func of(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	return e
}

// begin gives every request its id, and ends a panic in a problem instead of a cut connection.
func begin(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		e := &exchange{id: requestID(), gin: c}
		e.log = log.With("request_id", e.id)
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), exchangeKey{}, e))
		c.Header("Request-Id", e.id)
		c.Header("Cache-Control", "no-store")
		c.Header("X-Content-Type-Options", "nosniff")
		defer e.recover()
		c.Next()
	}
}

func (e *exchange) recover() {
	caught := recover()
	if caught == nil {
		return
	}
	if err, ok := caught.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(caught) // the server's own way to cut a connection
	}
	e.log.Error("request panicked", "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
	if e.gin.Writer.Written() {
		panic(http.ErrAbortHandler)
	}
	e.write(internal(caught))
}

func requestID() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
