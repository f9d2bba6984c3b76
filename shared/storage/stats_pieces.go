package storage

import (
	"fmt"
	"strings"

	"longtail/shared/click"
)

// A Piece is a span that is counted in one way.
//
// One of whole cells is read of the counters: of quarter hours, which are kept for ever, or of minutes, which are kept 35
// days. A border that does not fall between two cells takes the whole cell in at the beginning and leaves it out at the
// end. A piece of rows is counted from the clicks themselves and so has any borders; it is meant for less than a minute,
// and is only true while the clicks of its days are kept.
type Piece struct {
	Quarters     bool
	Rows         bool
	FromMS, ToMS int64
}

// scope is of whom the pieces are asked: of a campaign (link 0), of a link, or of each link of a campaign.
type scope struct {
	campaign, link uint64
	byLink         bool
	firsts         bool // of a campaign: who clicked first there
}

// cells returns the condition that finds the scope's cells.
func (s scope) cells() (where string, args []any) {
	if s.byLink {
		return "campaign_id = ? AND link_id > 0", []any{s.campaign}
	}
	return "campaign_id = ? AND link_id = ?", []any{s.campaign, s.link}
}

// overPieces returns one statement, and so one snapshot, that asks the same of every piece. In columns and group AT is
// the column with the cell's place and UNIT its length.
func overPieces(pieces []Piece, of scope, columns, group string) (query string, all []any) {
	parts := make([]string, len(pieces))
	for i, p := range pieces {
		from, words, args := p.from(of)
		parts[i] = words.Replace("SELECT "+columns) + from + words.Replace(" GROUP BY "+group)
		all = append(all, args...)
	}
	return strings.Join(parts, " UNION ALL "), all
}

// from returns where the piece's cells stand, and what AT and UNIT are called there. The days let the server read only
// the partitions that hold the minutes or rows.
func (p Piece) from(of scope) (from string, words *strings.Replacer, args []any) {
	if p.Rows {
		from, args = p.rows(of)
		return from, strings.NewReplacer("AT", "cut_ms", "UNIT", "1"), args
	}
	table, at, unit := "link_minutes", "minute", int64(minuteMS)
	if p.Quarters {
		table, at, unit = "link_quarters", "quarter", quarterMS
	}
	where, args := of.cells()
	from = " FROM " + table + " WHERE " + where + " AND " + at + " >= ? AND " + at + " < ?"
	args = append(args, floorDiv(p.FromMS, unit), floorDiv(p.ToMS, unit))
	if !p.Quarters {
		from += " AND day >= ? AND day <= ?"
		args = append(args, click.Day(p.FromMS), click.Day(p.ToMS))
	}
	return from, strings.NewReplacer("AT", at, "UNIT", fmt.Sprint(unit)), args
}

// rows makes cells of the clicks in the piece: ids are in the order of time, so they are a range of the primary key. If
// firsts are wanted, it looks up, by their own keys too, which of the recipients who clicked there did so first there.
func (p Piece) rows(of scope) (from string, args []any) {
	first, end := firstID(p.FromMS), firstID(p.ToMS)
	const within = " FROM clicks WHERE campaign_id = ? AND event_id >= ? AND event_id < ? AND day >= ? AND day <= ? AND method = 1"
	at, key := fmt.Sprint("SELECT ", p.FromMS, " AS cut_ms, "), []any{of.campaign, first[:], end[:], first.Day(), end.Day()}
	switch {
	case of.byLink:
		from, args = at+"link_id, class, COUNT(*) AS clicks, 0 AS firsts"+within+" GROUP BY link_id, class", key
	case of.link != 0:
		from, args = at+"class, COUNT(*) AS clicks, 0 AS firsts"+within+" AND link_id = ? GROUP BY class", append(key, of.link)
	case of.firsts:
		from = at + "class, COUNT(*) AS clicks, 0 AS firsts" + within + " GROUP BY class" +
			" UNION ALL " + at + "0, 0, COUNT(*) FROM (SELECT DISTINCT recipient" + within + " AND token = 1) AS who" +
			" JOIN recipients AS r ON r.campaign_id = ? AND r.recipient = who.recipient AND r.page = 0 AND r.first_ms >= ? AND r.first_ms < ?"
		args = append(append(key, key...), of.campaign, first.MS(), end.MS())
	default:
		from, args = at+"class, COUNT(*) AS clicks"+within+" GROUP BY class", key
	}
	return " FROM (" + from + ") AS cut", args
}

// floorDiv is never negative: there are no cells before 1970.
func floorDiv(ms, unit int64) int64 { return max(ms, 0) / unit }
