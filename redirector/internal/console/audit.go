package console

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"
)

// entry is one line of the audit log.
type entry struct {
	At     time.Time                  `json:"at"`
	Actor  string                     `json:"actor"`
	Action string                     `json:"action"`
	Object string                     `json:"object"`
	Before map[string]json.RawMessage `json:"before"`
	After  map[string]json.RawMessage `json:"after"`
}

// A fieldChange is what became of one field of an object; "" is a field that is not there.
type fieldChange struct{ Field, Was, Is string }

// Changes are the fields that differ, by their names.
func (e entry) Changes() (all []fieldChange) {
	names := map[string]bool{}
	for _, side := range []map[string]json.RawMessage{e.Before, e.After} {
		for name := range side {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was, is := e.Before[name], e.After[name]; !bytes.Equal(was, is) {
			all = append(all, fieldChange{name, plain(was), plain(is)})
		}
	}
	return all
}

// plain is a value as people read it: a text without its quotes, anything else as JSON.
func plain(value json.RawMessage) string {
	var text string
	if err := json.Unmarshal(value, &text); err == nil {
		return text // null, too: ""
	}
	return string(value)
}

func (c *Console) audit(ctx context.Context, s *session, r *http.Request) (view, error) {
	v, err := listed[entry](ctx, c, s, r, "/api/v1/audit")
	return view{Title: "Audit", Data: v}, err
}
