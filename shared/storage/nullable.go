package storage

import "encoding/json"

// How the catalog's rows hold what may be absent: NULL for the empty text, the empty list and the time 0.

func bytesOrNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func msOrNil(ms int64) *int64 {
	if ms == 0 {
		return nil
	}
	return &ms
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// jsonOrNil returns JSON as a string: a []byte in a JSON column is an error on MySQL.
func jsonOrNil[T any](list []T) *string {
	if len(list) == 0 {
		return nil
	}
	return jsonOf(list)
}

// jsonOf returns v as JSON; v is one of our own structs, lists or maps, which always can be written.
func jsonOf(v any) *string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of ours that JSON cannot hold
	}
	s := string(text)
	return &s
}
