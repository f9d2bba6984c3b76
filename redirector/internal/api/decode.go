package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"longtail/redirector/internal/problem"
	"longtail/shared/link"
)

// A document is a JSON object of type T in a request's body.
type document[T any] struct{ value T }

// Resolve reads the body. Everything that is wrong with it is told at once.
func (d *document[T]) Resolve(ctx huma.Context) []error {
	raw, err := readJSON(of(ctx.Context()))
	if err == nil {
		err = decode(raw, &d.value)
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

// fixing is a body type that knows fields which exist but can never be changed.
type fixing interface{ fixed() []string }

// decode reads one JSON object strictly: names exactly as documented, no unknown ones, every mistake with its field.
func decode(raw []byte, into any) error {
	var bad problem.Fields
	if !utf8.Valid(raw) {
		bad.Add("", problem.RuleUTF8, "text is valid UTF-8")
		return bad.Err()
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil || given == nil {
		bad.Add("", problem.RuleJSON, "one JSON object is wanted")
		return bad.Err()
	}
	v := reflect.ValueOf(into).Elem()
	fields := fieldsOf(v.Type())
	for name, value := range given {
		i, known := fields[name]
		if !known {
			addUnknown(&bad, into, name)
			continue
		}
		if loneSurrogate(value) {
			bad.Add(name, problem.RuleUTF8, "half of a surrogate pair is no character")
			continue
		}
		if err := json.Unmarshal(value, v.Field(i).Addr().Interface()); err != nil {
			addType(&bad, name, v.Field(i).Type(), err)
		}
	}
	slices.SortFunc(bad, func(a, b problem.Field) int { return strings.Compare(a.Field, b.Field) })
	return bad.Err()
}

// loneSurrogate reports whether JSON text has an escape of half a character, which would silently become another one.
func loneSurrogate(raw []byte) bool {
	high := false // the escape before was the first half
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			if high {
				return true
			}
			continue
		}
		i++
		unit := uint64(0)
		if i+4 < len(raw) && raw[i] == 'u' {
			unit, _ = strconv.ParseUint(string(raw[i+1:i+5]), 16, 16)
			i += 4
		}
		low := unit&0xfc00 == 0xdc00
		if high != low {
			return true
		}
		high = unit&0xfc00 == 0xd800
	}
	return high
}

func addUnknown(bad *problem.Fields, into any, name string) {
	if f, ok := into.(fixing); ok && slices.Contains(f.fixed(), name) {
		bad.Add(name, problem.RuleFixed, "this never changes")
		return
	}
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "")
	}
	bad.Add(name, problem.RuleUnknown, "there is no such field")
}

func addType(bad *problem.Fields, name string, t reflect.Type, err error) {
	if broken, ok := errors.AsType[*link.RuleError](err); ok {
		bad.Add(name, broken.Rule, broken.Detail)
		return
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	want := map[reflect.Kind]string{reflect.String: "a string", reflect.Bool: "true or false", reflect.Slice: "a list of strings",
		reflect.Map: "an object of strings"}[t.Kind()]
	if want == "" {
		want = "another type"
	}
	bad.Add(name, problem.RuleType, want+" is wanted")
}

var knownFields sync.Map // of reflect.Type: map[string]int

// fieldsOf returns the index of each field of a struct by its name in JSON.
func fieldsOf(t reflect.Type) map[string]int {
	if found, ok := knownFields.Load(t); ok {
		return found.(map[string]int)
	}
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	knownFields.Store(t, fields)
	return fields
}

// optional is a field of a merge patch: not there, null, or a value.
type optional[T any] struct {
	set, null bool
	value     T
}

// UnmarshalJSON notes that the field is there.
func (o *optional[T]) UnmarshalJSON(raw []byte) error {
	o.set = true
	if bytes.Equal(raw, []byte("null")) {
		o.null = true
		return nil
	}
	return json.Unmarshal(raw, &o.value)
}

// Schema describes the value.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	s := *huma.SchemaFromType(r, reflect.TypeFor[T]())
	s.Nullable = true
	return &s
}

// ptr returns the value, its zero for null, or nil if the field is not there.
func (o *optional[T]) ptr() *T {
	if !o.set {
		return nil
	}
	return &o.value
}
