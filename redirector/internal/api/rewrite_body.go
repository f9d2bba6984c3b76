package api

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/links"
	"longtail/redirector/internal/problem"
	"longtail/redirector/internal/rewrite"
)

// maxPlaceholder bounds a placeholder, in bytes: it is written once a link.
const maxPlaceholder = 256

// rewriteBody is a mail and what is to be done with it.
type rewriteBody struct {
	Campaign         string    `json:"campaign" doc:"1 to 128 of A-Z a-z 0-9 . _ : -; made on first use."`
	HTML             *string   `json:"html,omitempty" doc:"The HTML part; it or text is wanted."`
	Text             *string   `json:"text,omitempty" doc:"The plain text part."`
	Domain           *string   `json:"domain,omitempty" doc:"Where new links are made; else the campaign's, the account's or the installation's default."`
	TokenPlaceholder *string   `json:"token_placeholder,omitempty" doc:"What you replace by the recipient's token when you send, like {{t}}: it is put between code and query."`
	ListUnsubscribe  addresses `json:"list_unsubscribe,omitempty" doc:"The mail's List-Unsubscribe header, or a list of URLs: these are left alone."`
	UTM              utmChoice `json:"utm,omitzero" doc:"true: add the campaign's utm parameters to the targets that lack them; or the parameters themselves."`
	DryRun           bool      `json:"dry_run,omitempty" doc:"Store nothing and answer the report only."`
}

func (b *rewriteBody) check() (bad problem.Fields) {
	if b.HTML == nil && b.Text == nil {
		bad.Add("html", problem.RuleRequired, "html or text is wanted")
	}
	if b.Domain != nil && *b.Domain == "" {
		bad.Add("domain", problem.RuleShape, "is empty; leave it out")
	}
	if b.TokenPlaceholder != nil {
		checkPlaceholder(&bad, *b.TokenPlaceholder)
	}
	links.CheckUTM(&bad, b.UTM.params)
	return bad
}

func checkPlaceholder(bad *problem.Fields, text string) {
	switch {
	case text == "" || len(text) > maxPlaceholder:
		bad.Add("token_placeholder", problem.RuleLength, "1 to "+strconv.Itoa(maxPlaceholder)+" bytes")
	case strings.ContainsAny(text, "\"'`<>&?#") || strings.ContainsFunc(text, unicode.IsControl):
		bad.Add("token_placeholder", problem.RuleShape, "no quotes, angle brackets, &, ?, # or control characters: it stands in the path of a URL in HTML")
	}
}

// addresses are the URLs of a List-Unsubscribe header.
type addresses []string

// UnmarshalJSON reads the header's text, or a list.
func (a *addresses) UnmarshalJSON(raw []byte) error {
	var one string
	var several []string
	if err := json.Unmarshal(raw, &one); err == nil {
		several = []string{one}
	} else if err := json.Unmarshal(raw, &several); err != nil {
		return err
	}
	*a = nil
	for _, text := range several {
		*a = append(*a, rewrite.HeaderURLs(text)...)
	}
	return nil
}

// Schema says that there are two ways.
func (addresses) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{OneOf: []*huma.Schema{text, {Type: huma.TypeArray, Items: text}}}
}

// utmChoice says which parameters are added to targets: none, the campaign's, or these.
type utmChoice struct {
	campaign bool
	params   map[string]string
}

// UnmarshalJSON reads a truth value or an object.
func (u *utmChoice) UnmarshalJSON(raw []byte) error {
	*u = utmChoice{}
	if err := json.Unmarshal(raw, &u.campaign); err == nil {
		return nil
	}
	return json.Unmarshal(raw, &u.params)
}

// Schema says that there are two ways.
func (utmChoice) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeBoolean}, {Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeString}}}}
}

// rewriteView is a rewritten mail and the report on it.
type rewriteView struct {
	HTML    *string         `json:"html,omitempty" doc:"Given if it was sent, and not in a dry run."`
	Text    *string         `json:"text,omitempty" doc:"Given if it was sent, and not in a dry run."`
	Links   []rewrittenLink `json:"links"`
	Skipped []skippedLink   `json:"skipped"`
}

// rewrittenLink is a tracked URL of the mail.
type rewrittenLink struct {
	Code        string `json:"code" doc:"Empty in a dry run."`
	URL         string `json:"url" doc:"The target as it is stored: without merge tags, with utm parameters."`
	TrackedURL  string `json:"tracked_url" doc:"Byte for byte as it stands in the output before any token; empty in a dry run."`
	Occurrences int    `json:"occurrences"`
}

// skippedLink is a link that was left as it is.
type skippedLink struct {
	URL    string `json:"url"`
	Reason string `json:"reason" doc:"A closed set; those that begin with url_ are rules of targets."`
	Line   int    `json:"line" doc:"Of the part, from 1."`
	Part   string `json:"part" enum:"html,text"`
}

// TransformSchema lists the reasons.
func (skippedLink) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, reason := range rewrite.Reasons {
		s.Properties["reason"].Enum = append(s.Properties["reason"].Enum, string(reason))
	}
	return s
}
