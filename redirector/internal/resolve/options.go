package resolve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// OpenRedis makes a client for redis://[user:password@]host:port[,host:port...][/db][?master=NAME], rediss:// with
// TLS. Several hosts are a cluster, or with master the sentinels that know it; they may also be written as whole URLs,
// of which the first one's user, database and master count. It connects when first used.
//
// Its waits are short and nothing is tried twice: whoever asks has another place to ask.
func OpenRedis(address string) (redis.UniversalClient, error) {
	o, err := redisOptions(address)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(silent{})
	return redis.NewUniversalClient(o), nil
}

// silent keeps the client from writing every failed dial to stderr: breaker and bus tell when Redis is away.
type silent struct{}

// Printf writes nothing.
func (silent) Printf(context.Context, string, ...any) {}

func redisOptions(address string) (*redis.UniversalOptions, error) {
	u, hosts, err := parseHosts(address)
	if err != nil {
		return nil, err
	}
	o := shortWaits()
	switch u.Scheme {
	case "redis":
	case "rediss":
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	default:
		return nil, fmt.Errorf("redis url: scheme %q, want redis or rediss", u.Scheme)
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if host, err = hostPort(host); err != nil {
			return nil, err
		}
		o.Addrs = append(o.Addrs, host)
	}
	o.Username = u.User.Username()
	o.Password, _ = u.User.Password()
	o.MasterName = u.Query().Get("master")
	if db := strings.Trim(u.Path, "/"); db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return nil, fmt.Errorf("redis url: database %q, want a number", db)
		}
	}
	return o, nil
}

// shortWaits are the options that are not in the address.
func shortWaits() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		ContextTimeoutEnabled: true, // without it a deadline bounds nothing but the wait for a connection
		DialTimeout:           redisWait,
		DialerRetries:         1,
		ReadTimeout:           redisWait * 2 / 3,
		WriteTimeout:          redisWait * 2 / 3,
		MaxRetries:            -1,
		PoolSize:              16,
		MaxActiveConns:        32,
		PoolTimeout:           redisWait * 2 / 3,
		PipelinePoolSize:      -1, // ten more connections with big buffers, for the few pipelines of a redirector
		ConnMaxIdleTime:       5 * time.Minute,

		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

func hostPort(host string) (string, error) {
	if !strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":") {
		host += ":6379"
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil || name == "" || port == "" || strings.ContainsAny(host, "% ") {
		return "", errors.New("redis url: a host is missing or is not host:port")
	}
	return host, nil
}

// parseHosts parses an address whose host may be a list, which net/url does not know. Its errors do not repeat the
// address: it may hold a password.
func parseHosts(address string) (u *url.URL, hosts string, err error) {
	urls := strings.Split(strings.ReplaceAll(address, ",rediss://", ",redis://"), ",redis://")
	scheme, rest, _ := strings.Cut(urls[0], "://")
	authority, end := splitAuthority(rest)
	at := strings.LastIndexByte(authority, '@') + 1
	u, err = url.Parse(scheme + "://" + authority[:at] + "hosts" + end)
	if err != nil {
		return nil, "", errors.New("redis url: want redis://host:port/0")
	}
	hosts = authority[at:]
	for _, rest := range urls[1:] {
		authority, _ := splitAuthority(rest)
		hosts += "," + authority[strings.LastIndexByte(authority, '@')+1:]
	}
	return u, hosts, nil
}

func splitAuthority(rest string) (authority, end string) {
	i := strings.IndexAny(rest, "/?#")
	if i < 0 {
		return rest, ""
	}
	return rest[:i], rest[i:]
}
