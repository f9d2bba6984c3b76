package console

import (
	"net/url"
	"time"
)

// A span is a choice of the range; its unit is what the series counts by.
type span struct {
	Name, Words, Unit string
	hours             int
}

// days is the span that begins and ends with days which somebody chose.
const days = "days"

// spans are in the order of the page; the first one is the default. The API wants whole units as borders.
var spans = []span{
	{"hour", "last hour, by minute", "minute", 1},
	{"day", "last day, by hour", "hour", 24},
	{"week", "last week, by hour", "hour", 7 * 24},
	{"month", "last month, by day", "day", 30 * 24},
	{days, "days from … to", "day", 0},
}

// chosen finds the span that is asked for.
func chosen(name string) span {
	for _, s := range spans {
		if s.Name == name {
			return s
		}
	}
	return spans[0]
}

// borders are the span's, on whole units as the API has them: hours begin everywhere where they do in UTC, days where they
// do in the zone.
func (s span) borders(now time.Time, zone *time.Location) (from, to time.Time) {
	now = now.In(zone)
	if s.Unit == "day" {
		to = midnight(now.AddDate(0, 0, 1))
		return midnight(to.AddDate(0, 0, -s.hours/24)), to
	}
	unit := time.Hour
	if s.Unit == "minute" {
		unit = time.Minute
	}
	to = now.Truncate(unit).Add(unit)
	return to.Add(-time.Duration(s.hours) * time.Hour), to
}

// midnight is when the day of a time begins.
func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// A series is what the series of a page is asked for, in the words of its form and in the API's.
type series struct {
	Span     string
	From, To string // the first and the last day
	ask      url.Values
}

// byHourMost is the longest range of chosen days that is counted by hour.
const byHourMost = 14 * 24 * time.Hour

// seriesOf reads the form. What is no day goes to the API as it is, which knows how to say so.
func seriesOf(q url.Values, now time.Time, zoneName string) series {
	zone := location(zoneName)
	span := chosen(q.Get("span"))
	if span.Name != days {
		from, to := span.borders(now, zone)
		return series{span.Name, from.Format(time.DateOnly), to.Add(-1).Format(time.DateOnly),
			url.Values{"from": {stamp(from)}, "to": {stamp(to)}, "tz": {zoneName}, "resolution": {span.Unit}}}
	}
	s := series{days, q.Get("from"), q.Get("to"), url.Values{"tz": {zoneName}, "resolution": {span.Unit}}}
	from := s.border("from", s.From, zone, 0)
	to := s.border("to", s.To, zone, 1) // the last day is part of the range
	if to.IsZero() {
		to = now
	}
	if !from.IsZero() && to.Sub(from) <= byHourMost {
		s.ask.Set("resolution", "hour")
	}
	return s
}

// border puts the beginning of a day, or of one some days behind it, into the question.
func (s *series) border(name, text string, zone *time.Location, behind int) time.Time {
	if text == "" {
		return time.Time{}
	}
	day, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		s.ask.Set(name, text)
		return time.Time{}
	}
	day = midnight(day.AddDate(0, 0, behind))
	s.ask.Set(name, stamp(day))
	return day
}
