package account

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"longtail/redirector/internal/problem"
	"longtail/shared/link"
	"longtail/shared/storage"
)

// memory keeps keys in a map and can be down.
type memory struct {
	keys  map[[8]byte]storage.Key
	down  error
	finds int
	told  int
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

func (m *memory) UpdateKey(_ context.Context, account uint32, id [8]byte, patch storage.KeyPatch) (storage.Key, error) {
	key, ok := m.keys[id]
	if !ok || key.Account != account {
		return storage.Key{}, link.ErrNotFound
	}
	if patch.Revoked {
		key.RevokedMS = time.Now().UnixMilli()
	}
	if patch.Hosts != nil {
		key.Hosts = *patch.Hosts
	}
	m.keys[id] = key
	return key, nil
}

func (m *memory) CreateAccount(_ context.Context, name string) (storage.Account, error) {
	return storage.Account{ID: 8, Name: name}, m.down
}

func (m *memory) GetAccount(_ context.Context, id uint32) (storage.Account, error) {
	if id > 8 {
		return storage.Account{}, link.ErrNotFound
	}
	return storage.Account{ID: id}, m.down
}

func (m *memory) UpdateAccount(_ context.Context, id uint32, _ storage.AccountPatch) (storage.Account, error) {
	return storage.Account{ID: id}, m.down
}

func (m *memory) ListAccounts(context.Context, uint64, int) ([]storage.Account, error) {
	return make([]storage.Account, 3), m.down
}

func (m *memory) KeysChanged(context.Context) { m.told++ }

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
	for _, bad := range []NewKey{{Account: 1}, {Account: 1, Role: 5}, {Account: 1, Role: Read, Name: strings.Repeat("x", 129)}, {Account: 1, Role: Read, Name: "\xff"},
		{Account: 1, Role: Read, Rate: -1}, {Account: 1, Role: Read, Hosts: []string{"*.*.example"}}, {Account: 1, Role: Read, Expires: time.Now().Add(-time.Second)}} {
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

func TestHosts(t *testing.T) {
	h := Hosts("shop.example *.cdn.example")
	for host, want := range map[string]bool{
		"shop.example": true, "a.cdn.example": true, "a.b.cdn.example": true, "cdn.example": false, "xshop.example": false, "shop.example.evil": false,
		"a.shop.example": false, "xcdn.example": false, "": false,
	} {
		if h.Allow(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
	if !Hosts("").Allow("any.example") {
		t.Error("a key without limits is limited")
	}
	var bad problem.Fields
	h.Check(&bad, "url", "https://Shop.Example:8443/x")
	if h.Check(&bad, "url", "https://shop.example.evil/"); len(bad) != 1 || bad[0].Rule != problem.RuleTargetHost {
		t.Errorf("%+v", bad)
	}
	if kept := checkHosts(&bad, []string{"SHOP.example", "shop.example", "*.Bücher.example"}); len(kept) != 2 || kept[1] != "*.xn--bcher-kva.example" {
		t.Errorf("kept %q", kept)
	}
	for _, wrong := range []string{"", "*", "*.", "a b", "shop.example/", "shop.example:8080", "https://shop.example", "a.*.example", "user@shop.example"} {
		bad = nil
		if kept := checkHosts(&bad, []string{wrong}); kept != nil || len(bad) != 1 {
			t.Errorf("%q is kept as %q", wrong, kept)
		}
	}
}

// Nobody gives away more than he may do, nor takes it from somebody who may do more.
func TestServiceKeepsWithinItsPrincipal(t *testing.T) {
	m := &memory{keys: make(map[[8]byte]storage.Key)}
	s := NewService(m, m)
	admin, operator := Principal{Account: 7, Role: Admin}, Principal{Account: 1, Role: Operator}
	limited := Principal{Account: 7, Role: Admin, Hosts: "shop.example *.cdn.example"}
	code := func(err error) problem.Code {
		p, _ := errors.AsType[*problem.Problem](err)
		if p == nil {
			return ""
		}
		return p.Code
	}
	if _, _, err := s.CreateKey(t.Context(), admin, NewKey{Account: 7, Role: Operator}); code(err) != problem.Forbidden {
		t.Errorf("an admin makes an operator: %v", err)
	}
	_, boss, err := s.CreateKey(t.Context(), operator, NewKey{Account: 7, Role: Operator})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ChangeKey(t.Context(), admin, 7, boss.ID, storage.KeyPatch{Revoked: true}); code(err) != problem.Forbidden {
		t.Errorf("an admin revokes an operator: %v", err)
	}
	_, child, err := s.CreateKey(t.Context(), limited, NewKey{Account: 7, Role: Write})
	if err != nil || len(child.Hosts) != 2 {
		t.Errorf("a limited key's child: %+v, %v", child, err)
	}
	for _, hosts := range [][]string{{}, {"evil.example"}, {"*.shop.example"}, {"shop.example", "cdn.example"}} {
		if _, err := s.ChangeKey(t.Context(), limited, 7, child.ID, storage.KeyPatch{Hosts: &hosts}); code(err) != problem.Forbidden {
			t.Errorf("a limited key allows %q: %v", hosts, err)
		}
	}
	hosts := []string{"*.img.cdn.example", "shop.example"}
	if got, err := s.ChangeKey(t.Context(), limited, 7, child.ID, storage.KeyPatch{Hosts: &hosts}); err != nil || len(got.Hosts) != 2 || m.told != 1 {
		t.Errorf("%+v, %v, told %d times", got, err, m.told)
	}
	if _, err := s.ChangeKey(t.Context(), operator, 6, child.ID, storage.KeyPatch{Revoked: true}); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("another account's key: %v", err)
	}
}

func TestSpeaks(t *testing.T) {
	m := &memory{keys: make(map[[8]byte]storage.Key)}
	s := NewService(m, m)
	for _, c := range []struct {
		who   Principal
		asked uint32
		want  uint32
	}{
		{Principal{Account: 7, Role: Admin}, 0, 7}, {Principal{Account: 7, Role: Admin}, 7, 7}, {Principal{Account: 7, Role: Admin}, 2, 0},
		{Principal{Account: 1, Role: Operator}, 2, 2}, {Principal{Account: 1, Role: Operator}, 9, 0}, {Principal{Account: 1, Role: Operator}, 0, 1},
	} {
		got, err := s.Speaks(t.Context(), c.who, c.asked)
		if (c.want == 0) != errors.Is(err, link.ErrNotFound) || c.want != 0 && got != c.want {
			t.Errorf("%+v asks for %d: %d, %v", c.who, c.asked, got, err)
		}
	}
	if page, next, err := s.Accounts(t.Context(), 0, 2); err != nil || len(page) != 2 {
		t.Errorf("%v %d %v", page, next, err)
	}
}
