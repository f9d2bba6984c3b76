package chart

import (
	"fmt"
	"io"
	"math"
	"time"
)

func (c *Chart) timeAxis(w io.Writer, y int) {
	whole := time.Duration(c.steps()) * c.Step
	unit := timeUnit(whole)
	for at := time.Duration(0); at <= whole; at += unit {
		x := c.x(float64(at) / float64(c.Step))
		fmt.Fprintf(w, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s"/>`+"\n", x, x, y, y+5, quiet)
		text(w, x, float64(y)+20, 12, quiet, "middle", "400", clock(at, whole))
	}
}

// timeUnit is the distance of marks on the time axis.
func timeUnit(whole time.Duration) time.Duration {
	for _, seconds := range []int{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200} {
		if unit := time.Duration(seconds) * time.Second; whole/unit <= 10 {
			return unit
		}
	}
	return whole / 10
}

// clock is a time since the start: 1:30 are minutes and seconds, 1 h 30 hours and minutes.
func clock(at, whole time.Duration) string {
	if whole >= 2*time.Hour {
		return fmt.Sprintf("%d h %02d", int(at.Hours()), int(at.Minutes())%60)
	}
	return fmt.Sprintf("%d:%02d", int(at.Minutes()), int(at.Seconds())%60)
}

// scale returns round values for an axis up to highest, and its end.
func scale(highest float64) (ticks []float64, end float64) {
	if highest <= 0 {
		return []float64{0, 1}, 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(highest)))
	for _, part := range []float64{0.2, 0.25, 0.5, 1, 2} {
		if n := math.Ceil(highest / (unit * part)); n <= 5 {
			for i := range int(n) + 1 {
				ticks = append(ticks, float64(i)*unit*part)
			}
			return ticks, n * unit * part
		}
	}
	return []float64{0, highest}, highest
}

// number is a value of an axis, with thousands set apart.
func number(v float64) string {
	if v != math.Trunc(v) {
		return fmt.Sprintf("%.4g", v)
	}
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
