package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"

	"longtail/redirector/internal/account"
	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
	"longtail/redirector/internal/rewrite"
)

const (
	maxRewrite = 10 << 20 // bytes of a body, after inflation
	rewriters  = 4        // mails at once: each takes several times its size in memory
)

func (s *server) rewriteRoutes() {
	r := &rewriter{server: s, free: make(chan struct{}, rewriters)}
	register(s, call{method: http.MethodPost, path: "/api/v1/rewrite", id: "rewrite",
		summary: "Put tracked URLs into a mail in place of its links, and change nothing else", role: account.Write, body: rewriteBody{}}, r.rewrite)
}

// rewriter rewrites mails, a few at once.
type rewriter struct {
	*server
	free chan struct{}
}

type rewriteAnswer struct{ Body rewriteView }

func (r *rewriter) rewrite(ctx context.Context, who account.Principal, _ *struct{}) (*rewriteAnswer, error) {
	var body rewriteBody
	if err := readMail(of(ctx), &body); err != nil {
		return nil, err
	}
	if err := r.check(ctx, who, &body); err != nil {
		return nil, err
	}
	select {
	case r.free <- struct{}{}:
		defer func() { <-r.free }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	options, err := r.options(ctx, who, &body)
	if err != nil {
		return nil, err
	}
	m := newMail(&body, options)
	store := r.store
	if body.DryRun {
		store = r.pretend
	}
	return &rewriteAnswer{m.view(store(ctx, who, &body, m.targets()), &body)}, nil
}

func readMail(e *exchange, body *rewriteBody) error {
	from, err := openBody(e, jsonTypes, maxRewrite)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	return decode(raw, body)
}

// check tells all that is wrong with a request at once. A store that does not answer is no mistake of the caller's.
func (r *rewriter) check(ctx context.Context, who account.Principal, body *rewriteBody) error {
	bad := body.check()
	var told *problem.Problem
	if err := r.links.CheckPlace(ctx, who, body.Campaign, orZero(body.Domain)); errors.As(err, &told) {
		bad = append(bad, told.Errors...)
	}
	return bad.Err()
}

func (r *rewriter) options(ctx context.Context, who account.Principal, body *rewriteBody) (o rewrite.Options, err error) {
	o = rewrite.Options{Unsubscribe: make(map[string]bool), UTM: body.UTM.params}
	for _, url := range body.ListUnsubscribe {
		o.Unsubscribe[url] = true
	}
	if body.UTM.campaign {
		known, err := r.links.Campaign(ctx, who, body.Campaign)
		if err != nil && problem.Of(err).Code != problem.NotFound { // a new campaign has none
			return o, err
		}
		o.UTM = known.UTM
	}
	o.Tracked, err = r.links.Tracks(ctx, who)
	return o, err
}

// store makes the links. One that cannot be made leaves the mail's own in its place: the mail works all the same.
func (r *rewriter) store(ctx context.Context, who account.Principal, body *rewriteBody, targets []rewrite.Target) map[string]made {
	results := make(map[string]made, len(targets))
	failed := 0
	for i, result := range r.links.EnsureAll(ctx, who, body.Campaign, orZero(body.Domain), wanted(targets)) {
		if result.Err != nil {
			reason := reasonOf(result.Err)
			if reason == rewrite.NotStored {
				failed++
				if failed == 1 {
					of(ctx).log.Warn("links of a mail not stored", "err", result.Err)
				}
			}
			results[targets[i].URL] = made{Stored: rewrite.Stored{Reason: reason}}
			continue
		}
		results[targets[i].URL] = made{rewrite.Stored{TrackedURL: r.links.TrackedURL(result.Host, result.Link.Code)}, result.Link.Code}
	}
	return results
}

// pretend gives every target that could be stored a tracked URL that is nobody's, for a dry run.
func (r *rewriter) pretend(ctx context.Context, who account.Principal, body *rewriteBody, targets []rewrite.Target) map[string]made {
	pretended := make(map[string]made, len(targets))
	for i, err := range r.links.Refusals(ctx, who, body.Campaign, wanted(targets)) {
		stored := rewrite.Stored{TrackedURL: strconv.Itoa(i)}
		if err != nil {
			stored = rewrite.Stored{Reason: reasonOf(err)}
		}
		pretended[targets[i].URL] = made{Stored: stored}
	}
	return pretended
}

func wanted(targets []rewrite.Target) []links.Wanted {
	all := make([]links.Wanted, len(targets))
	for i, t := range targets {
		all[i] = links.Wanted{URL: t.URL, Forward: t.Forward}
	}
	return all
}

// reasonOf says in the rewriter's words why a link was not made.
func reasonOf(err error) rewrite.Reason {
	var told *problem.Problem
	if !errors.As(err, &told) || len(told.Errors) == 0 {
		return rewrite.NotStored
	}
	first := told.Errors[0]
	switch reason := rewrite.Reason(first.Rule); {
	case first.Field == "forward_query":
		return rewrite.MergeTagInName
	case first.Field == "url" && slices.Contains(rewrite.Reasons, reason):
		return reason
	}
	return rewrite.NotStored
}
