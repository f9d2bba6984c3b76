package rabbit

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// splitURLs reads Options.URL into one URL for each host.
func splitURLs(list string) ([]string, error) {
	parts := strings.Split(list, ",")
	if strings.Count(list, "://") == 1 && len(parts) > 1 {
		parts = spreadHosts(list)
	}
	var urls []string
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if _, err := amqp.ParseURI(part); err != nil {
			return nil, fmt.Errorf("AMQP URL %d of %d (%s): %w", i+1, len(parts), hide(part), inner(err))
		}
		urls = append(urls, part)
	}
	if len(urls) == 0 {
		return nil, errors.New("AMQP URL is empty")
	}
	return urls, nil
}

// spreadHosts turns "amqp://user@a,b/vhost" into "amqp://user@a/vhost" and "amqp://user@b/vhost".
func spreadHosts(list string) []string {
	start := strings.Index(list, "://") + len("://")
	end := len(list)
	if i := strings.IndexAny(list[start:], "/?"); i >= 0 {
		end = start + i
	}
	if at := strings.LastIndex(list[start:end], "@"); at >= 0 {
		start += at + 1
	}
	hosts := strings.Split(list[start:end], ",")
	urls := make([]string, 0, len(hosts))
	for _, host := range hosts {
		if host = strings.TrimSpace(host); host != "" {
			urls = append(urls, list[:start]+host+list[end:])
		}
	}
	return urls
}

// hide returns the URL as it may be logged.
func hide(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Redacted()
	}
	return "not shown, a password could be in it"
}

// inner replaces net/url's errors, which quote what they stumble over: that may be a part of the password.
func inner(err error) error {
	if _, ok := errors.AsType[*url.Error](err); ok {
		return errors.New("it is no URL; special characters of the password must be percent-encoded")
	}
	return err
}
