package account

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"longtail/shared/link"
	"longtail/shared/storage"
)

// memory keeps keys in a map and can be down.
type memory struct {
	keys  map[[8]byte]storage.Key
	down  error
	finds int
}

func (m *memory) FindKey(_ context.Context, id [8]byte) (storage.Key, error) {
	m.finds++
	if m.down != nil {
		return storage.Key{}, m.down
	}
	key, ok := m.keys[id]
	if !ok {
		return storage.Key{}, link.ErrNotFound
	}
	return key, nil
}

func (m *memory) CreateKey(_ context.Context, key storage.Key) error {
	if _, ok := m.keys[key.ID]; ok {
		return link.ErrTaken
	}
	m.keys[key.ID] = key
	return nil
}

func (m *memory) ListKeys(_ context.Context, account uint32) (all []storage.Key, err error) {
	for _, key := range m.keys {
		if key.Account == account {
			all = append(all, key)
		}
	}
	return all, nil
}

func (m *memory) RevokeKey(_ context.Context, account uint32, id [8]byte) error {
	key, ok := m.keys[id]
	if !ok || key.Account != account {
		return link.ErrNotFound
	}
	key.RevokedMS = time.Now().UnixMilli()
	m.keys[id] = key
	return nil
}

const bootstrap = "correct horse battery staple, 32 or more"

func setUp(t *testing.T) (*memory, *Gate, string) {
	t.Helper()
	m := &memory{keys: make(map[[8]byte]storage.Key)}
	text, _, err := Create(t.Context(), m, NewKey{Account: 7, Role: Write, Name: "mailer", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return m, NewGate(m, bootstrap), text
}

func TestKeyText(t *testing.T) {
	text := newKey()
	id, ok := parseKey(text)
	if !ok || len(text) != len("lt_")+40 || !strings.HasPrefix(text, "lt_") {
		t.Fatalf("%q is not a key", text)
	}
	if again, ok := ParseKeyID(id.String()); !ok || again != id {
		t.Errorf("id %q does not round-trip", id)
	}
	for i := range len(text) {
		for _, c := range "0zZ-" {
			twin := text[:i] + string(c) + text[i+1:]
			if _, ok := parseKey(twin); ok && twin != text {
				t.Errorf("%q passes the checksum of %q", twin, text)
			}
		}
	}
}

func TestPrincipal(t *testing.T) {
	m, gate, text := setUp(t)
	for name, c := range map[string]struct {
		text string
		want Principal
		err  error
	}{
		"key":             {text, Principal{Account: 7, Role: Write, Key: KeyID([]byte(text[3:11]))}, nil},
		"bootstrap":       {bootstrap, Principal{Account: 1, Role: Operator}, nil},
		"empty":           {"", Principal{}, ErrUnknown},
		"bootstrap cut":   {bootstrap[:len(bootstrap)-1], Principal{}, ErrUnknown},
		"another key":     {newKey(), Principal{}, ErrUnknown},
		"same id":         {sameID(text), Principal{}, ErrUnknown},
		"wrong case":      {strings.ToLower(text), Principal{}, ErrUnknown},
		"space behind it": {text + " ", Principal{}, ErrUnknown},
	} {
		got, err := gate.Principal(t.Context(), c.text)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v %v, want %+v %v", name, got, err, c.want, c.err)
		}
	}
	if got, err := NewGate(m, "").Principal(t.Context(), ""); err == nil {
		t.Errorf("without a bootstrap key the empty text is %+v", got)
	}
}

// sameID is a well-formed key with the id of another.
func sameID(text string) string {
	body := text[:11] + randomText(secretLen)
	return body + checksum(body)
}

func TestRevokedWithinFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, gate, text := setUp(t)
		if _, err := gate.Principal(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		if err := Revoke(t.Context(), m, 7, KeyID([]byte(text[3:11]))); err != nil {
			t.Fatal(err)
		}
		revoked := time.Now()
		for {
			_, err := gate.Principal(t.Context(), text)
			if errors.Is(err, ErrUnknown) {
				break
			}
			if time.Since(revoked) > 5*time.Second {
				t.Fatal("a revoked key lives after 5 s")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if m.finds > 2 {
			t.Errorf("%d lookups of one key in %v", m.finds, time.Since(revoked))
		}
	})
}

func TestStoreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, gate, text := setUp(t)
		gate.Principal(t.Context(), text)
		m.down = errors.New("connection refused")
		time.Sleep(3 * time.Second)
		if _, err := gate.Principal(t.Context(), text); err != nil {
			t.Errorf("3 s after the last answer: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, err := gate.Principal(t.Context(), text); !errors.Is(err, m.down) {
			t.Errorf("5 s after the last answer: %v, want that the store is down", err)
		}
		if _, err := gate.Principal(t.Context(), bootstrap); err != nil {
			t.Errorf("bootstrap key: %v", err)
		}
	})
}

func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, gate, text := setUp(t)
		time.Sleep(time.Hour)
		if _, err := gate.Principal(t.Context(), text); !errors.Is(err, ErrUnknown) {
			t.Errorf("an expired key: %v", err)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	m := &memory{keys: make(map[[8]byte]storage.Key)}
	for _, bad := range []NewKey{{Account: 1}, {Account: 1, Role: 5}, {Account: 1, Role: Read, Name: strings.Repeat("x", 129)}, {Account: 1, Role: Read, Name: "\xff"}} {
		if text, _, err := Create(t.Context(), m, bad); err == nil || text != "" {
			t.Errorf("%+v: made", bad)
		}
	}
	if err := Revoke(t.Context(), m, 1, KeyID{1}); !errors.Is(err, link.ErrNotFound) {
		t.Error(err)
	}
}

func TestRoles(t *testing.T) {
	for r := Read; r <= Operator; r++ {
		if got, err := ParseRole(r.String()); got != r || err != nil {
			t.Errorf("%v: %v %v", r, got, err)
		}
	}
	if _, err := ParseRole("root"); err == nil {
		t.Error("root is a role")
	}
	if (Principal{Role: Write}).May(Admin) || !(Principal{Role: Operator}).May(Read) {
		t.Error("roles are not in order")
	}
}
