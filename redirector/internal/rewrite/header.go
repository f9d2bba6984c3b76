package rewrite

import "strings"

// HeaderURLs returns the URLs of a List-Unsubscribe header: what stands in angle brackets, without the header's folding, or
// the text itself if nothing does.
func HeaderURLs(text string) (urls []string) {
	rest := text
	for {
		_, after, found := strings.Cut(rest, "<")
		url, behind, closed := strings.Cut(after, ">")
		if !found || !closed {
			break
		}
		urls = append(urls, strings.Join(strings.Fields(url), ""))
		rest = behind
	}
	if urls == nil {
		return []string{strings.TrimSpace(text)}
	}
	return urls
}
