package rabbit

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitURLs(t *testing.T) {
	for list, want := range map[string][]string{
		"amqp://localhost":                         {"amqp://localhost"},
		"amqp://u:p@a:1/v , amqps://u:q@b/w":       {"amqp://u:p@a:1/v", "amqps://u:q@b/w"},
		"amqp://u:p@a:1,b:2,[::1]:3/v?heartbeat=2": {"amqp://u:p@a:1/v?heartbeat=2", "amqp://u:p@b:2/v?heartbeat=2", "amqp://u:p@[::1]:3/v?heartbeat=2"},
		"amqp://a,b": {"amqp://a", "amqp://b"},
		"amqp://a,":  {"amqp://a"},
	} {
		got, err := splitURLs(list)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q = %q, %v; want %q", list, got, err, want)
		}
	}
}

func TestSplitURLsKeepsTheSecret(t *testing.T) {
	for _, list := range []string{"", " , ", "http://u:s3cret@a", "amqp://u:s3cret@a:port/", "amqp://u:s3cret@a b/", "u:s3cret@a", "amqp://u:s3cret/x@a"} {
		_, err := splitURLs(list)
		if err == nil {
			t.Errorf("%q is taken", list)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}
