package wire

import "strings"

// A Moment is when a MySQL connection is cut around the COMMIT of a transaction.
type Moment uint8

// The moments, and what the database has done by then.
const (
	Never        Moment = iota
	BeforeCommit        // it never hears of the COMMIT: not committed
	AfterCommit         // it was told, and the connection is gone at once: either
	BeforeOK            // it has answered that it has committed, and the answer is lost: committed
)

// String is what rows of faults show.
func (m Moment) String() string {
	return [...]string{"never", "before COMMIT", "after COMMIT", "before OK"}[m]
}

// What a client sends, after the byte of the command "query".
const (
	query       = "\x03"
	commitQuery = query + "COMMIT"
)

// AtCommit watches connections of the MySQL protocol, without TLS and compression. At the COMMIT of each transaction
// that has a statement which begins with of ("" = of each), choose says when its connection is cut. It may be called from
// several connections' goroutines at once.
func AtCommit(of string, choose func() Moment) Watcher {
	return func(*Conn) Hook {
		var client packets
		meant, pending := false, Never
		return func(way Direction, piece []byte) Fate {
			if way == Down {
				if pending == BeforeOK {
					return CutBefore
				}
				return Forward
			}
			commit := false
			client.read(piece, func(start string) {
				switch {
				case start == commitQuery:
					commit = meant || of == ""
					meant = false
				case start == query+"START TRANSACTION", start == query+"ROLLBACK":
					meant = false
				case strings.HasPrefix(start, query+of):
					meant = true
				}
			})
			if pending = Never; !commit {
				return Forward
			}
			switch pending = choose(); pending {
			case BeforeCommit:
				return CutBefore
			case AfterCommit:
				return CutAfter
			default:
				return Forward
			}
		}
	}
}

// startBytes is how much of a packet's payload is looked at.
const startBytes = 64

// packets follows one direction of the MySQL protocol: each packet is three bytes of length, one of its number, and the
// payload. A packet may come in several pieces, and a piece may hold several.
type packets struct {
	header []byte // what is there of the next packet's
	rest   int    // of the present payload
	start  []byte // of the present payload
}

// read tells the start of each payload that ends in the piece.
func (p *packets) read(piece []byte, each func(start string)) {
	for len(piece) > 0 {
		if p.rest == 0 {
			n := min(len(piece), 4-len(p.header))
			p.header, piece = append(p.header, piece[:n]...), piece[n:]
			if len(p.header) == 4 {
				p.rest = int(p.header[0]) | int(p.header[1])<<8 | int(p.header[2])<<16
				p.header, p.start = p.header[:0], p.start[:0]
			}
			continue
		}
		n := min(len(piece), p.rest)
		p.start = append(p.start, piece[:min(n, startBytes-len(p.start))]...)
		p.rest, piece = p.rest-n, piece[n:]
		if p.rest == 0 {
			each(string(p.start))
		}
	}
}
