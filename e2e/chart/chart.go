// Package chart draws what came of a campaign over time as one SVG picture: panels above each other with a common time
// axis, on a light background, readable beside text. It stands outside the click's way.
package chart

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"
)

// A Series is one value per step of time.
type Series struct {
	Label  string
	Color  string // as #rrggbb
	Values []float64
	Filled bool // the area below is filled
	Dashed bool
}

// A Panel has its own vertical axis, from 0.
type Panel struct {
	Title  string
	Height int // of the plot, in pixels
	Series []Series
}

// A Chart is panels over the same time.
type Chart struct {
	Title, Subtitle string

	Step      time.Duration // between two values of a series
	Mark      time.Duration // a moment to mark; 0 for none
	MarkLabel string
	Panels    []Panel
}

// Sizes, in pixels.
const (
	width  = 960
	left   = 78
	right  = 28
	top    = 84
	above  = 34 // a panel's title and legend
	below  = 26 // between panels
	bottom = 44 // the time axis
)

const (
	ink   = "#1f2933"
	quiet = "#616e7c"
	lines = "#e4e7eb"
)

// Steps returns how many steps of time the chart shows.
func (c *Chart) steps() int {
	n := 1
	for _, p := range c.Panels {
		for _, s := range p.Series {
			n = max(n, len(s.Values))
		}
	}
	return n
}

// WriteSVG draws the chart.
func (c *Chart) WriteSVG(to io.Writer) error {
	height := top + bottom - below
	for _, p := range c.Panels {
		height += above + p.Height + below
	}
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="-apple-system,'Segoe UI',Helvetica,Arial,'Liberation Sans',sans-serif" role="img" aria-label="%s">
<rect width="100%%" height="100%%" rx="6" fill="#ffffff"/>
`, width, height, width, height, html.EscapeString(c.Title))
	text(w, left, 36, 19, ink, "start", "600", c.Title)
	text(w, left, 60, 13.5, quiet, "start", "400", c.Subtitle)
	y := top
	for i := range c.Panels {
		y += above
		c.panel(w, &c.Panels[i], y, i == 0)
		y += c.Panels[i].Height + below
	}
	c.timeAxis(w, y-below)
	fmt.Fprintln(w, "</svg>")
	return w.Flush()
}

func text(w io.Writer, x, y, size float64, color, anchor, weight, s string) {
	fmt.Fprintf(w, `<text x="%.1f" y="%.1f" font-size="%.1f" fill="%s" text-anchor="%s" font-weight="%s">%s</text>`+"\n",
		x, y, size, color, anchor, weight, html.EscapeString(s))
}

func (c *Chart) x(step float64) float64 {
	return left + step/float64(c.steps())*(width-left-right)
}

// panel draws one panel whose plot begins at y.
func (c *Chart) panel(w io.Writer, p *Panel, y int, first bool) {
	highest := 0.0
	for _, s := range p.Series {
		for _, v := range s.Values {
			highest = max(highest, v)
		}
	}
	ticks, whole := scale(highest)
	base := float64(y + p.Height)
	at := func(v float64) float64 { return base - v/whole*float64(p.Height) }
	text(w, left, float64(y)-14, 14, ink, "start", "600", p.Title)
	legend(w, p, float64(y)-14)
	for _, v := range ticks {
		fmt.Fprintf(w, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s"/>`+"\n", left, width-right, at(v), at(v), lines)
		text(w, left-8, at(v)+4, 12, quiet, "end", "400", number(v))
	}
	if c.Mark > 0 {
		x := c.x(float64(c.Mark) / float64(c.Step))
		fmt.Fprintf(w, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%.1f" stroke="%s" stroke-dasharray="2 4"/>`+"\n", x, x, y, base, quiet)
		if first {
			text(w, x+6, float64(y)+12, 12, quiet, "start", "400", c.MarkLabel)
		}
	}
	for _, s := range p.Series {
		c.series(w, &s, at, base)
	}
}

func (c *Chart) series(w io.Writer, s *Series, at func(float64) float64, base float64) {
	if len(s.Values) == 0 {
		return
	}
	var line strings.Builder
	for i, v := range s.Values {
		fmt.Fprintf(&line, "%.1f,%.1f ", c.x(float64(i)+0.5), at(v))
	}
	points := line.String()
	if s.Filled {
		fmt.Fprintf(w, `<polygon points="%.1f,%.1f %s%.1f,%.1f" fill="%s" fill-opacity="0.22"/>`+"\n",
			c.x(0.5), base, points, c.x(float64(len(s.Values))-0.5), base, s.Color)
	}
	dashes := ""
	if s.Dashed {
		dashes = ` stroke-dasharray="6 4"`
	}
	fmt.Fprintf(w, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.8" stroke-linejoin="round"%s/>`+"\n", points, s.Color, dashes)
}

// legend stands right of the panel's title, from the right edge.
func legend(w io.Writer, p *Panel, y float64) {
	x := float64(width - right)
	for _, s := range slices.Backward(p.Series) {
		text(w, x, y, 12.5, ink, "end", "400", s.Label)
		x -= 5.6*float64(len(s.Label)) + 12
		dashes := ""
		if s.Dashed {
			dashes = ` stroke-dasharray="5 3"`
		}
		fmt.Fprintf(w, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="%s" stroke-width="3"%s/>`+"\n", x-18, x, y-4, y-4, s.Color, dashes)
		x -= 40
	}
}
