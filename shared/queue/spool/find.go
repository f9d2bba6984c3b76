package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"longtail/shared/click"
	"longtail/shared/queue"
)

// A Place is where a click stands in a spool.
type Place struct {
	Segment   string // the file
	Feed      queue.FeedID
	Offset    int64
	Confirmed bool // the broker has it, as far as the file tells: a confirm of the last moment may not stand there yet
}

// Find searches every slot under dir for a click, without a lock and without changing anything: whoever owns the slots
// goes on meanwhile. A segment that is removed while Find reads it held nothing that still waits. It reads all that
// lies there, so with a backlog of gigabytes it takes a while; it ends with ctx. A dir without slots holds nothing.
func Find(ctx context.Context, dir string, id click.ID) ([]Place, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.seg"))
	if err != nil {
		return nil, fmt.Errorf("search the spool: %w", err)
	}
	var all []Place
	for _, path := range paths {
		feed, base, ok := parseSegmentName(filepath.Base(path))
		if !ok {
			continue
		}
		offset, confirmed, err := findIn(ctx, path, feed, base, id)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return all, fmt.Errorf("search %s: %w", path, err)
		case offset >= 0:
			all = append(all, Place{path, feed, offset, offset < confirmed})
		}
	}
	return all, nil
}

// findIn returns -1 when the click is not in the segment.
func findIn(ctx context.Context, path string, feed queue.FeedID, base int64, id click.ID) (offset, confirmed int64, err error) {
	s, _, err := openSegment(OS{}, path, feed, base)
	if err != nil {
		return -1, 0, err
	}
	defer s.file.Close()
	offset = -1
	err = piece{s, s.end}.scan(base, func(x found) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(x.payload) < 4+click.IDSize || click.ID(x.payload[4:4+click.IDSize]) != id {
			return nil
		}
		offset = x.pos
		return errStop
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	return offset, s.head.confirmed, err
}
