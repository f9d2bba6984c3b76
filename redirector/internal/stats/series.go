package stats

import (
	"time"

	"longtail/shared/storage"
)

// series puts the cells into the points of the range, 0 where nothing was clicked. The first point begins where the
// range does, the others where a minute, an hour (UTC) or a day (in the zone) begins.
func (s *span) series(cells []storage.Cell) []storage.Cell {
	points := []storage.Cell{}
	i := 0
	for start := s.fromMS; start < s.toMS; {
		next := s.step.next(start)
		point := storage.Cell{StartMS: start}
		for ; i < len(cells) && cells[i].StartMS < next; i++ {
			point.Clicks += cells[i].Clicks
		}
		points = append(points, point)
		start = next
	}
	return points
}

// begin returns the beginning of the point in which ms lies.
func (s *step) begin(ms int64) int64 {
	switch s.word {
	case "minute":
		return floor(ms, minuteMS)
	case "hour":
		return floor(ms, hourMS)
	}
	t := time.UnixMilli(ms).In(s.zone)
	return min(ms, time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, s.zone).UnixMilli())
}

// next returns the beginning of the next point.
func (s *step) next(ms int64) int64 {
	switch s.word {
	case "minute":
		return floor(ms, minuteMS) + minuteMS
	case "hour":
		return floor(ms, hourMS) + hourMS
	}
	t := time.UnixMilli(ms).In(s.zone)
	for day := 1; ; day++ { // a zone may have skipped a day
		if next := time.Date(t.Year(), t.Month(), t.Day()+day, 0, 0, 0, 0, s.zone).UnixMilli(); next > ms {
			return next
		}
	}
}
