package api

import (
	"encoding/json"
	"strconv"
	"strings"
)

// etag writes the version of an object.
func etag(version uint32) string { return `"` + strconv.FormatUint(uint64(version), 10) + `"` }

// etagOf returns the ETag of an object as an answer shows it: its field version. Answers without one have none.
func etagOf(answer []byte) string {
	var v struct {
		Version uint32 `json:"version"`
	}
	if json.Unmarshal(answer, &v) != nil || v.Version == 0 {
		return ""
	}
	return etag(v.Version)
}

// parseIfMatch returns the versions that an If-Match header allows; nil allows any. Weak tags never match.
func parseIfMatch(header string) []uint32 {
	if header == "" {
		return nil
	}
	versions := []uint32{}
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			return nil
		}
		inner, opened := strings.CutPrefix(tag, `"`)
		inner, closed := strings.CutSuffix(inner, `"`)
		if n, err := strconv.ParseUint(inner, 10, 32); opened && closed && err == nil {
			versions = append(versions, uint32(n))
		}
	}
	return versions
}
