package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"longtail/redirector/internal/problem"
	"longtail/shared/storage"
)

const (
	idempotencyKey    = "Idempotency-Key"
	maxIdempotencyKey = 255
	finishLimit       = 5 * time.Second
)

// Once remembers the answers of requests with an Idempotency-Key for 24 h. BeginOnce is atomic: of two equal requests
// one Began.
type Once interface {
	BeginOnce(ctx context.Context, account uint32, key string, hash [32]byte) (storage.Earlier, error)
	FinishOnce(ctx context.Context, account uint32, key string, status int, answer []byte) error
	AbandonOnce(ctx context.Context, account uint32, key string) error
}

// once answers a repeated request of a call that knows Idempotency-Key with the first one's answer.
func (s *server) once(c *call) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		key := ctx.Header(idempotencyKey)
		if !c.once || key == "" {
			next(ctx)
			return
		}
		e := of(ctx.Context())
		if err := s.doOnce(ctx, e, c, key, next); err != nil {
			e.write(err)
		}
	}
}

func (s *server) doOnce(ctx huma.Context, e *exchange, c *call, key string, next func(huma.Context)) error {
	if len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return problem.New(problem.Invalid, problem.Field{Field: idempotencyKey, Rule: problem.RuleShape, Detail: "1 to 255 printable characters"})
	}
	body, err := readJSON(e)
	if err != nil {
		return err
	}
	e.gin.Request.Body, e.gin.Request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	e.gin.Request.Header.Del("Content-Encoding")
	hash := sha256.Sum256([]byte(ctx.Method() + " " + e.gin.Request.URL.RequestURI() + "\x00" + string(body)))
	earlier, err := s.store.BeginOnce(ctx.Context(), e.who.Account, key, hash)
	switch {
	case err != nil:
		return err
	case earlier.Began:
		s.firstTime(ctx, e, c, key, next)
		return nil
	case earlier.Hash != hash:
		return problem.New(problem.Invalid, problem.Field{Field: idempotencyKey, Rule: problem.RuleIdempotency, Detail: "used before with another request"})
	case earlier.Status == 0:
		return problem.New(problem.Running)
	}
	answer := earlier.Answer
	if c.secret {
		if answer, err = s.open(e.who, key, answer); err != nil {
			return problem.New(problem.Invalid, problem.Field{Field: idempotencyKey, Rule: problem.RuleIdempotency,
				Detail: "used before by another API key, or the answer cannot be read since LONGTAIL_SECRET was changed; take another Idempotency-Key"})
		}
	}
	e.gin.Header("Idempotent-Replay", "true")
	if tag := etagOf(answer); tag != "" {
		e.gin.Header("ETag", tag)
	}
	media := "application/json"
	if earlier.Status >= http.StatusBadRequest {
		media = "application/problem+json"
	}
	e.gin.Data(earlier.Status, media, answer)
	return nil
}

// firstTime does the request and keeps its answer. What failed on our side is forgotten, so that it can be tried again.
func (s *server) firstTime(ctx huma.Context, e *exchange, c *call, key string, next func(huma.Context)) {
	kept := &copying{ResponseWriter: e.gin.Writer}
	e.gin.Writer = kept
	finished := false
	defer func() {
		e.gin.Writer = kept.ResponseWriter
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx.Context()), finishLimit)
		defer cancel()
		var err error
		if status := kept.Status(); finished && status < http.StatusInternalServerError {
			answer := kept.body.Bytes()
			if c.secret {
				answer, err = s.seal(e.who, key, answer)
			}
			if err == nil {
				err = s.store.FinishOnce(late, e.who.Account, key, status, answer)
			}
		} else {
			err = s.store.AbandonOnce(late, e.who.Account, key)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			e.log.Error("answer of an idempotent request not kept", "err", err)
		}
	}()
	next(ctx)
	finished = true
}

// copying keeps what it writes.
type copying struct {
	gin.ResponseWriter
	body bytes.Buffer
}

func (c *copying) Write(b []byte) (int, error) {
	c.body.Write(b)
	return c.ResponseWriter.Write(b)
}
