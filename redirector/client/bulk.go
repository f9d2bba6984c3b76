package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
)

// ErrCut says that the answer to a bulk request ended too early: send the request again. With refs that makes nothing
// twice.
var ErrCut = errors.New("the answer was cut; send the request again")

const maxLine = 1 << 20 // bytes of one line of an answer

// A Line is what became of one link of a bulk request.
type Line struct {
	Link Link
	Err  error // a *Problem if this one was refused
}

// CreateLinks makes many links, at most 500,000, and yields what became of each, in their order, while the server is still
// at work. A link that is refused fails alone. Any other error ends the sequence: ErrCut, or what kept the request from
// being answered at all. Give each link a Ref, and the request may be sent again after it.
func (c *Client) CreateLinks(ctx context.Context, want []NewLink) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		var body bytes.Buffer
		lines := json.NewEncoder(&body)
		for i := range want {
			if err := lines.Encode(&want[i]); err != nil {
				yield(Line{}, fmt.Errorf("link %d: %w", i, err))
				return
			}
		}
		resp, err := c.send(ctx, call{method: http.MethodPost, path: "/api/v1/links/bulk", media: "application/x-ndjson", body: body.Bytes(), again: haveRefs(want)})
		if err != nil {
			yield(Line{}, err)
			return
		}
		defer resp.Body.Close()
		answer := bufio.NewScanner(resp.Body)
		answer.Buffer(nil, maxLine)
		for answer.Scan() {
			line, done, err := readLine(answer.Bytes())
			if done || !yield(line, err) || err != nil {
				return
			}
		}
		yield(Line{}, errors.Join(ErrCut, answer.Err()))
	}
}

// haveRefs reports whether a repeat makes nothing twice.
func haveRefs(want []NewLink) bool {
	for i := range want {
		if want[i].Ref == nil {
			return false
		}
	}
	return true
}

func readLine(raw []byte) (line Line, done bool, err error) {
	var v struct {
		Done  bool
		Error *Problem
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return line, false, fmt.Errorf("read a line of the answer: %w", err)
	}
	if v.Done {
		return line, true, nil
	}
	if v.Error != nil {
		line.Err = v.Error
		return line, false, nil
	}
	return line, false, json.Unmarshal(raw, &line.Link)
}

func etag[N ~int32 | ~uint32 | ~int64](version N) string {
	return `"` + strconv.FormatInt(int64(version), 10) + `"`
}
