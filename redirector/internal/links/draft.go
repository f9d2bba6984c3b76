package links

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"longtail/redirector/internal/problem"
	"longtail/shared/link"
)

// DefaultCampaign has the links that name no campaign.
const DefaultCampaign = "default"

// Bounds of a link's fields.
const (
	maxCampaign = 128
	maxName     = 512 // bytes
	maxTag      = 64
	maxTags     = 32
	maxRef      = 128
	maxForward  = 32
)

// A Draft is a link as a caller asks for it.
type Draft struct {
	URL       string
	Campaign  string
	Code      string
	Domain    string
	Name      string
	Tags      []string
	ExpiresMS int64
	Ref       string
	Reuse     bool
	Forward   []string
	Foreign   bool // Code is another tracker's; it must be there, and finds the link again
}

// check returns everything that is wrong with the draft by itself, and brings its code to lower case.
func (d *Draft) check() error {
	var bad problem.Fields
	checkURL(&bad, d.URL)
	if d.Campaign == "" {
		d.Campaign = DefaultCampaign
	}
	if !ValidCampaign(d.Campaign) {
		bad.Add("campaign", problem.RuleShape, "1 to 128 of A-Z a-z 0-9 . _ : -")
	}
	d.checkCode(&bad)
	checkText(&bad, "ref", d.Ref, maxRef)
	checkText(&bad, "name", d.Name, maxName)
	d.Tags = checkTags(&bad, d.Tags)
	d.Forward = checkForward(&bad, d.Forward)
	return bad.Err()
}

// checkCode brings the code to lower case.
func (d *Draft) checkCode(bad *problem.Fields) {
	var err error
	switch {
	case d.Foreign && d.Code == "":
		bad.Add("code", problem.RuleRequired, "the code that the other tracker gave")
	case d.Foreign:
		d.Code, err = link.Foreign(d.Code)
	case d.Code != "":
		d.Code, err = link.Custom(d.Code)
	}
	bad.Check("code", err)
}

// ValidCampaign reports whether name can be a campaign's id.
func ValidCampaign(name string) bool {
	if name == "" || len(name) > maxCampaign {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("._:-", c) < 0 {
			return false
		}
	}
	return true
}

func checkURL(bad *problem.Fields, url string) {
	if url == "" {
		bad.Add("url", problem.RuleRequired, "the target of the link")
		return
	}
	checkURLOf(bad, "url", url)
}

func checkURLOf(bad *problem.Fields, field, url string) {
	_, err := link.NewTarget(url)
	bad.Check(field, err)
}

// checkText looks at a text of one line.
func checkText(bad *problem.Fields, field, text string, most int) {
	switch {
	case len(text) > most:
		bad.Add(field, problem.RuleLength, "at most "+strconv.Itoa(most)+" bytes")
	case !utf8.ValidString(text):
		bad.Add(field, problem.RuleUTF8, "text is valid UTF-8")
	case strings.ContainsFunc(text, unicode.IsControl):
		bad.Add(field, problem.RuleShape, "no control characters")
	}
}

// checkTags returns the tags without repetitions.
func checkTags(bad *problem.Fields, tags []string) []string {
	return checkSet(bad, "tags", tags, maxTags, func(string) {})
}

// checkForward returns the names of query parameters that a click passes on, without repetitions.
func checkForward(bad *problem.Fields, names []string) []string {
	return checkSet(bad, "forward_query", names, maxForward, func(name string) {
		if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || strings.ContainsRune("&=#?+%", r) }) {
			bad.Add("forward_query", problem.RuleShape, "names of query parameters, without & = # ? + % and spaces")
		}
	})
}

func checkSet(bad *problem.Fields, field string, words []string, most int, also func(string)) []string {
	if len(words) > most {
		bad.Add(field, problem.RuleLength, "at most "+strconv.Itoa(most)+" of them")
		return nil
	}
	seen := make(map[string]bool, len(words))
	var kept []string
	for _, word := range words {
		if word == "" {
			bad.Add(field, problem.RuleLength, "none of them is empty")
			return nil
		}
		checkText(bad, field, word, maxTag)
		also(word)
		if !seen[word] {
			seen[word], kept = true, append(kept, word)
		}
	}
	return kept
}
