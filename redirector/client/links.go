package client

import (
	"context"
	"net/http"
	"net/url"
)

// Names for what is generated.
type (
	// A Link is a tracked link.
	Link = LinkView
	// A NewLink asks for a link; only URL is needed. A Ref makes a repeat safe for ever, not only for this call's.
	NewLink = NewLinkBody
	// Figures are what is counted of a campaign.
	Figures = FiguresView
	// A Mail is to be rewritten.
	Mail = RewriteBody
	// A RewrittenMail has tracked URLs in place of its links.
	RewrittenMail = RewriteView
)

// CreateLink makes a link. It is safe to repeat: a try whose answer was lost finds the link that it has made.
func (c *Client) CreateLink(ctx context.Context, want NewLink) (Link, error) {
	k, err := asJSON(http.MethodPost, "/api/v1/links", want)
	if err != nil {
		return Link{}, err
	}
	k.again, k.header = true, newKey()
	var l Link
	err = c.do(ctx, k, &l)
	return l, err
}

// Link finds a link. domain may be "" if the code stands on one only.
func (c *Client) Link(ctx context.Context, domain, code string) (Link, error) {
	var l Link
	err := c.do(ctx, call{method: http.MethodGet, path: linkPath(domain, code), again: true}, &l)
	return l, err
}

// SetURL changes where a link leads, if it still has the version that the caller saw: else a *Problem of status 412.
func (c *Client) SetURL(ctx context.Context, seen Link, target string) (Link, error) {
	k, err := asJSON(http.MethodPatch, linkPath(seen.Domain, seen.Code), map[string]string{"url": target})
	if err != nil {
		return Link{}, err
	}
	k.header = http.Header{"If-Match": {etag(seen.Version)}}
	var l Link
	err = c.do(ctx, k, &l)
	return l, err
}

// DeleteLink ends a link for ever. It is safe to repeat.
func (c *Client) DeleteLink(ctx context.Context, domain, code string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: linkPath(domain, code), again: true}, nil)
}

func linkPath(domain, code string) string {
	path := "/api/v1/links/" + url.PathEscape(code)
	if domain != "" {
		path += "?" + url.Values{"domain": {domain}}.Encode()
	}
	return path
}

// Rewrite puts tracked URLs into a mail. It is safe to repeat: the same campaign and target is always the same link.
func (c *Client) Rewrite(ctx context.Context, mail Mail) (RewrittenMail, error) {
	k, err := asJSON(http.MethodPost, "/api/v1/rewrite", mail)
	if err != nil {
		return RewrittenMail{}, err
	}
	k.again = true
	var r RewrittenMail
	err = c.do(ctx, k, &r)
	return r, err
}

// CampaignStats reads what a campaign has been clicked so far.
func (c *Client) CampaignStats(ctx context.Context, campaign string) (Figures, error) {
	var f Figures
	err := c.do(ctx, call{method: http.MethodGet, path: "/api/v1/campaigns/" + url.PathEscape(campaign) + "/stats", again: true}, &f)
	return f, err
}
