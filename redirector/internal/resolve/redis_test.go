package resolve

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"longtail/shared/link"
)

func someTarget() *Target {
	return &Target{
		ID: 1 << 62, Campaign: 1 << 61, Version: 1<<32 - 1, ExpiresMS: 1 << 42, Account: 1<<32 - 1, Domain: 1, Ordinal: 1<<32 - 1,
		State: link.Disabled, KeyID: [8]byte{1, 0, 255}, Code: "a-code", URL: "https://a.example/\xff?x=1#\x00", Forward: []string{"utm_source", ""},
	}
}

func TestTargetRoundTrip(t *testing.T) {
	for _, want := range []*Target{someTarget(), {ID: 1, Domain: 1, Code: "abc", URL: "https://a.example/", State: link.Live}} {
		got, err := decodeTarget(want.key(), encodeTarget(want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\nbecame %+v, %v", want, got, err)
		}
	}
}

// No value that was cut, lengthened, flipped in one bit or put under another key is taken for a target.
func TestTargetDamaged(t *testing.T) {
	whole, k := encodeTarget(someTarget()), someTarget().key()
	for n := range len(whole) {
		if _, err := decodeTarget(k, whole[:n]); err == nil {
			t.Errorf("the first %d bytes are taken", n)
		}
		for bit := range 8 {
			flipped := slices.Clone(whole)
			flipped[n] ^= 1 << bit
			if _, err := decodeTarget(k, flipped); err == nil {
				t.Errorf("bit %d of byte %d flipped: taken", bit, n)
			}
		}
	}
	if _, err := decodeTarget(k, append(slices.Clone(whole), 0)); err == nil {
		t.Error("a byte more is taken")
	}
	for _, other := range []key{{2, "a-code"}, {1, "b-code"}} {
		if _, err := decodeTarget(other, whole); err == nil {
			t.Errorf("taken for %+v", other)
		}
	}
}

func FuzzDecodeTarget(f *testing.F) {
	f.Add(encodeTarget(someTarget()))
	f.Fuzz(func(t *testing.T, value []byte) {
		body := endValue(append(beginValue(formatTarget, 1), value...)) // past the checksum
		for _, v := range [][]byte{value, body} {
			if got, err := decodeTarget(key{1, "a-code"}, v); err == nil && (got.URL == "" || got.Code != "a-code" || got.Domain != 1) {
				t.Errorf("%x became %+v", v, got)
			}
		}
	})
}

func TestSetIfNewer(t *testing.T) {
	server, client := newRedis(t)
	v := redisValues{client()}
	const name = "longtail:test"
	store := func(version uint64, text string) string {
		t.Helper()
		if err := v.write(t.Context(), map[string][]byte{name: endValue(append(beginValue(formatTarget, version), text...))}); err != nil {
			t.Fatal(err)
		}
		kept, _ := server.Get(name)
		return kept[valueHeader : len(kept)-valueTrailer]
	}
	for _, step := range []struct {
		version    uint64
		text, want string
	}{
		{2, "two", "two"}, {1, "one", "two"}, {2, "two again", "two again"}, {1 << 40, "later", "later"},
		{255, "a big last byte", "later"}, {1<<40 + 256, "latest", "latest"}, {1<<40 + 255, "between", "latest"}, {1<<64 - 1, "last", "last"},
	} {
		if got := store(step.version, step.text); got != step.want {
			t.Errorf("after version %d: %q, want %q", step.version, got, step.want)
		}
	}
	if life := server.TTL(name); life > targetLife || life < targetLife*3/4 {
		t.Errorf("a value lives %v", life)
	}
	for _, odd := range []func(){
		func() { _ = server.Set(name, "short") },
		func() { server.Del(name); _, _ = server.Lpush(name, "a list") },
		func() { server.Del(name); server.HSet(name, "a", "hash") },
	} {
		odd()
		if got := store(1, "one"); got != "one" {
			t.Errorf("over something else: %q", got)
		}
	}
}

// TestC8 puts everything into Redis that should not be there, and nothing wrong may come out.
func TestC8WrongValues(t *testing.T) {
	server, client := newRedis(t)
	s := newTable()
	s.create(1, "a-code", "https://a.example/")
	s.create(1, "b-code", "https://b.example/")
	r := newResolver(t, s, client())
	run(t, r)
	r.expect(t, "b-code", "https://b.example/")
	a, b := key{1, "a-code"}, key{1, "b-code"}
	whole := string(encodeTarget(&Target{ID: 1, Domain: 1, Code: "a-code", URL: "https://evil.example/", State: link.Live, Version: 1}))
	another, _ := server.Get(targetKey(b))
	repaired := 0
	for name, put := range map[string]func(){
		"a list":            func() { _, _ = server.Lpush(targetKey(a), "x") },
		"a hash":            func() { server.HSet(targetKey(a), "x", "y") },
		"nothing":           func() { _ = server.Set(targetKey(a), "") },
		"a url":             func() { _ = server.Set(targetKey(a), "https://evil.example/") },
		"half a value":      func() { _ = server.Set(targetKey(a), whole[:len(whole)/2]) },
		"another code's":    func() { _ = server.Set(targetKey(a), another) },
		"of a later format": func() { _ = server.Set(targetKey(a), "\x09"+whole[1:]) },
		"a flipped bit":     func() { _ = server.Set(targetKey(a), whole[:20]+string(whole[20]^1)+whole[21:]) },
		"a version too high": func() {
			_ = server.Set(targetKey(a), whole[:1]+"\xff\xff\xff\xff\xff\xff\xff\xff"+whole[9:])
		},
	} {
		server.Del(targetKey(a))
		put()
		r.memory.cache.Invalidate(a)
		r.expect(t, "a-code", "https://a.example/")
		kept, err := server.Get(targetKey(a))
		if err != nil {
			t.Errorf("%s: redis was not repaired: %v", name, err)
		} else if target, err := decodeTarget(a, []byte(kept)); err != nil || target.URL != "https://a.example/" {
			t.Errorf("%s: redis keeps %+v, %v", name, target, err)
		} else {
			repaired++
		}
	}
	row(t, "C8", int(testutil.ToFloat64(r.metrics.redisErrors)), 0, "values of another type, cut, of another code or overwritten were found out; %d repaired in redis", repaired)
}

// TestC8Hanging: a Redis that takes connections and never answers costs a few clicks a moment and the rest nothing.
func TestC8Hanging(t *testing.T) {
	const codes = 300
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	s := newTable()
	for i := range codes {
		s.create(1, fmt.Sprintf("code-%d", i), "https://a.example/")
	}
	r := newResolver(t, s, newClient(t, l.Addr().String()))
	run(t, r)
	took := make([]time.Duration, codes)
	for i := range codes {
		began := time.Now()
		r.expect(t, fmt.Sprintf("code-%d", i), "https://a.example/")
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	row(t, "C8", int(testutil.ToFloat64(r.metrics.redisErrors)), 0, "%d loads beside a hanging redis: median %v, p95 %v, longest %v",
		codes, took[codes/2], took[codes*95/100], took[codes-1])
	if took[codes*95/100] > 5*time.Millisecond || took[codes-1] > 500*time.Millisecond {
		t.Errorf("p95 %v, longest %v; want 5 ms and 500 ms at most", took[codes*95/100], took[codes-1])
	}
	created := time.Now()
	r.Warm(t.Context(), []link.Link{s.create(1, "one-more", "https://a.example/")})
	r.Changed(t.Context(), KindLink, 1)
	if took := time.Since(created); took > time.Second {
		t.Errorf("a create beside a hanging redis took %v", took)
	}
}

// The script is gone after a restart of Redis, and loaded again.
func TestRedisRestarted(t *testing.T) {
	server, client := newRedis(t)
	v := redisValues{client()}
	value := encodeTarget(someTarget())
	for range 2 {
		if err := v.write(t.Context(), map[string][]byte{"x": value}); err != nil {
			t.Fatal(err)
		}
		if err := v.client.ScriptFlush(context.Background()).Err(); err != nil {
			t.Fatal(err)
		}
		server.FlushAll()
	}
}

func TestOpenRedis(t *testing.T) {
	for address, want := range map[string]string{
		"redis://localhost":                               "[localhost:6379] db 0 user  master  tls false",
		"redis://:secret@r1:7000,r2,[::1]:7002/3":         "[r1:7000 r2:6379 [::1]:7002] db 3 user  master  tls false",
		"rediss://u:p@r1/0?master=main":                   "[r1:6379] db 0 user u master main tls true",
		"redis://:s@r1:1/2,redis://:s@r2:2/2,rediss://r3": "[r1:1 r2:2 r3:6379] db 2 user  master  tls false",
		"redis://redis1,redis2:7000":                      "[redis1:6379 redis2:7000] db 0 user  master  tls false",
		"redis://[::1]/":                                  "[[::1]:6379] db 0 user  master  tls false",
	} {
		o, err := redisOptions(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := fmt.Sprintf("%v db %d user %s master %s tls %t", o.Addrs, o.DB, o.Username, o.MasterName, o.TLSConfig != nil); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	for _, bad := range []string{"", "localhost:6379", "http://a", "redis://", "redis://a,,b", "redis://a/x", "redis://a/-1", "redis://%zz"} {
		if _, err := OpenRedis(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
