package stats

import (
	"slices"
	"strconv"
	"time"
	_ "time/tzdata" // zones must be known in an image without files

	"longtail/redirector/internal/problem"
	"longtail/shared/click"
	"longtail/shared/storage"
)

const (
	minuteMS  = int64(60_000)
	quarterMS = 15 * minuteMS
	hourMS    = 60 * minuteMS

	// pointsMost is the longest series.
	pointsMost = 10_000
	// minutesKept is how long minutes are kept; what is older is known by quarter hours.
	minutesKept = 35 * 24 * time.Hour
)

// steps are the resolutions, the finest first.
var steps = []string{"minute", "hour", "day"}

// span is the range of a question, checked.
type span struct {
	life         bool // no range was given: the whole lifetime
	fromMS, toMS int64
	step         *step
}

// step is the resolution of a series.
type step struct {
	word string
	zone *time.Location
}

// span checks the range. Everything that is wrong with it is told at once.
func (q *Question) span() (span, error) {
	now := time.Now().UnixMilli()
	oldest := now - minutesKept.Milliseconds()
	s := span{life: q.FromMS == nil && q.ToMS == nil, fromMS: floor(q.SinceMS, quarterMS), toMS: floor(now, minuteMS) + minuteMS}
	if q.FromMS != nil {
		s.fromMS = *q.FromMS
	}
	if q.ToMS != nil {
		s.toMS = *q.ToMS
	}
	var bad problem.Fields
	checkBorder(&bad, "from", q.FromMS, oldest)
	checkBorder(&bad, "to", q.ToMS, oldest)
	switch {
	case q.FromMS != nil && q.ToMS == nil && s.fromMS >= s.toMS: // a range that begins in the future is empty
		s.toMS = s.fromMS
	case q.FromMS == nil && s.fromMS > s.toMS: // so is one that ends before the campaign began
		s.fromMS = s.toMS
	case q.FromMS != nil && q.ToMS != nil && s.fromMS >= s.toMS:
		bad.Add("from", problem.RuleOrder, "from lies before to")
	}
	zone, err := time.LoadLocation(q.Zone)
	if err != nil || q.Zone == "Local" {
		bad.Add("tz", problem.RuleZone, "an IANA time zone like Europe/Berlin")
		zone = time.UTC
	}
	if q.Resolution != "" {
		s.checkSeries(&bad, q, zone, oldest)
	}
	return s, bad.Err()
}

func checkBorder(bad *problem.Fields, field string, ms *int64, oldest int64) {
	if ms != nil && *ms < oldest && *ms%quarterMS != 0 {
		bad.Add(field, problem.RuleBorder, "older than 35 days, it falls on a quarter hour")
	}
}

// checkKept checks that the clicks were still kept of every minute that a border cut, for floorDay is the first day whose
// clicks are not dropped. It is asked after they were counted: the floor rises before anything is dropped.
func (q *Question) checkKept(floorDay int32) error {
	var bad problem.Fields
	for _, border := range []struct {
		field string
		ms    *int64
	}{{"from", q.FromMS}, {"to", q.ToMS}} {
		if cuts(border.ms) && click.Day(*border.ms) < floorDay {
			bad.Add(border.field, problem.RuleBorder, "the clicks of its day are kept no longer, it falls on a whole minute")
		}
	}
	return bad.Err()
}

// cuts reports whether a border lies within a minute.
func cuts(border *int64) bool { return border != nil && *border%minuteMS != 0 }

func (s *span) checkSeries(bad *problem.Fields, q *Question, zone *time.Location, oldest int64) {
	word := q.Resolution
	at := slices.Index(steps, word)
	if at < 0 {
		bad.Add("resolution", problem.RuleOneOf, "minute, hour or day")
		return
	}
	s.step = &step{word, zone}
	if q.FromMS == nil { // the first point is a whole one
		s.fromMS = s.step.begin(s.fromMS)
	}
	if s.fromMS >= s.toMS {
		return
	}
	if word == "minute" && s.fromMS < oldest {
		bad.Add("resolution", problem.RuleBorder, "minutes are known for 35 days; ask for hour or day, or for a later from")
		return
	}
	if s.points(word) > pointsMost {
		bad.Add("resolution", problem.RulePoints, "more than "+strconv.Itoa(pointsMost)+" points; "+s.fits(at))
	}
}

// fits names the finest resolution that fits.
func (s *span) fits(at int) string {
	for _, word := range steps[at+1:] {
		if s.points(word) <= pointsMost {
			return word + " fits"
		}
	}
	return "ask for a shorter range"
}

func (s *span) points(word string) int64 {
	size := map[string]int64{"minute": minuteMS, "hour": hourMS, "day": 24 * hourMS}[word]
	return (s.toMS-s.fromMS)/size + 2
}

// pieces cuts the range for counting; nil for the whole lifetime.
func (s *span) pieces() []storage.Piece {
	if s.life {
		return nil
	}
	return quarters(s.fromMS, s.toMS)
}

// seriesPieces are the pieces of which a series is made: none reaches over the border of two points.
func (s *span) seriesPieces() []storage.Piece {
	if s.step.word == "minute" {
		return minutes(s.fromMS, s.toMS)
	}
	return quarters(s.fromMS, s.toMS)
}

// quarters cuts a range into quarter hours as far as possible, and minutes at its ends.
func quarters(from, to int64) []storage.Piece {
	return cut(from, to, quarterMS, storage.Piece{Quarters: true}, minutes)
}

// minutes cuts a range into minutes as far as possible, and rows at its ends.
func minutes(from, to int64) []storage.Piece {
	return cut(from, to, minuteMS, storage.Piece{}, func(from, to int64) []storage.Piece {
		return []storage.Piece{{Rows: true, FromMS: from, ToMS: to}}
	})
}

// cut makes one piece of all whole units in a range. What is left at its ends, less than a unit each, is for finer.
func cut(from, to, unit int64, whole storage.Piece, finer func(from, to int64) []storage.Piece) []storage.Piece {
	pieces := []storage.Piece{}
	first, last := floor(from+unit-1, unit), floor(to, unit)
	if first > last { // within one unit
		first, last = to, to
	}
	if from < first {
		pieces = append(pieces, finer(from, first)...)
	}
	if first < last {
		whole.FromMS, whole.ToMS = first, last
		pieces = append(pieces, whole)
	}
	if last < to {
		pieces = append(pieces, finer(last, to)...)
	}
	return pieces
}

// gapsTo is the end of the span whose gaps matter; a gap may have begun after the last click.
func (s *span) gapsTo() int64 {
	if s.life {
		return 0
	}
	return s.toMS
}

// floor returns the last multiple of unit that is not above ms.
func floor(ms, unit int64) int64 {
	rest := ms % unit
	if rest < 0 {
		rest += unit
	}
	return ms - rest
}
