// Package click is the first word of the product: one click as it travels from the edge through the spool and the
// broker into the database, and the one frame in which it is kept on every disk on that way.
//
// Place on the click's way: everywhere. edge fills a Click, the spool gives it its ID and its frame, publish and
// RabbitMQ carry the frame unread, ingest decodes it.
package click

import "strings"

// Version is the version of the payload's schema. A reader skips, counts and keeps a newer one.
const Version = 1

// Limits of text from outside, in bytes. Cut applies them before the click reaches a disk.
const (
	MaxUserAgent = 512
	MaxReferrer  = 1024
	MaxToken     = 64 + 1 + 32 // recipient "." tag: longer is no token
	MaxIP        = 39          // the longest textual IPv6 address
)

// Method is the request's method, in the numbers of the table clicks.
type Method uint8

// The methods that are recorded. Only GET counts in figures.
const (
	GET  Method = 1
	HEAD Method = 2
)

// Flags say what the edge saw or did. They are stored as they are.
type Flags uint32

// The flags of a click.
const (
	// Private: the recipient opted out. No address, agent, referrer or token is kept.
	Private Flags = 1 << iota
	// Prefetch: a Purpose or Sec-Purpose header announced a prefetch.
	Prefetch
	// Tail: something followed the token, so the token is invalid whatever its tag says.
	Tail
	// CutUserAgent, CutReferrer and CutToken: the text was longer than its limit.
	CutUserAgent
	CutReferrer
	CutToken
)

// A Click is one recorded redirect. Its strings may hold any bytes: they are text from outside and are never
// assumed to be UTF-8.
type Click struct {
	ID        ID     // given by the spool, under the mutex that reserves the click's place in the file
	Link      uint64 // links.id
	Ordinal   uint32 // the link's bit in its campaign
	Account   uint32
	Campaign  uint64 // campaigns.id
	Domain    uint32 // domains.id
	Method    Method
	Flags     Flags
	Token     string // raw recipient token, unverified; "" when there was none
	IP        string // text, already reduced to what LONGTAIL_IP keeps
	UserAgent string
	Referrer  string
}

// Cut shortens the texts to their limits and sets the flag of each one it cut.
func (c *Click) Cut() {
	c.UserAgent = c.cut(c.UserAgent, MaxUserAgent, CutUserAgent)
	c.Referrer = c.cut(c.Referrer, MaxReferrer, CutReferrer)
	c.Token = c.cut(c.Token, MaxToken, CutToken)
	if len(c.IP) > MaxIP {
		c.IP = ""
	}
}

func (c *Click) cut(text string, limit int, flag Flags) string {
	if len(text) <= limit {
		return text
	}
	c.Flags |= flag
	return text[:limit]
}

// Counts reports whether the click is in the figures (clicks, uniques, series, balance).
func (c *Click) Counts() bool { return c.Method == GET }

// Clone returns a copy whose strings do not share memory with a message's body.
func (c *Click) Clone() Click {
	d := *c
	d.Token, d.IP = strings.Clone(c.Token), strings.Clone(c.IP)
	d.UserAgent, d.Referrer = strings.Clone(c.UserAgent), strings.Clone(c.Referrer)
	return d
}
