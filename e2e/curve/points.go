package curve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Points is a curve by straight lines between points: any campaign that was seen, or thought up.
type Points struct {
	at, rate []float64 // hours, parts of all clicks per hour
	sum      []float64 // parts of all clicks that have come at each point
}

// Constant is the same rate for the whole time.
func Constant(hours float64) *Points {
	p, err := newPoints([]float64{0, hours}, []float64{1, 1})
	if err != nil {
		panic(err) // two points with a rate above 0
	}
	return p
}

// Read reads a curve: one point a line, a time of the campaign (0s, 20m, 1h30m) and the rate there, in any unit; only
// the rates' relation counts. Empty lines and what follows a # are left out.
func Read(r io.Reader) (*Points, error) {
	var at, rate []float64
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("line %d of the curve: want a time and a rate, got %q", n, text)
		}
		t, err := time.ParseDuration(fields[0])
		if err != nil {
			return nil, fmt.Errorf("line %d of the curve: %w", n, err)
		}
		v, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return nil, fmt.Errorf("line %d of the curve: %w", n, err)
		}
		at, rate = append(at, t.Hours()), append(rate, v)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the curve: %w", err)
	}
	return newPoints(at, rate)
}

func newPoints(at, rate []float64) (*Points, error) {
	if len(at) < 2 {
		return nil, errors.New("a curve needs two points at least")
	}
	p := &Points{at: at, rate: rate, sum: make([]float64, len(at))}
	for i := range at {
		if rate[i] < 0 || math.IsNaN(rate[i]) || math.IsInf(rate[i], 0) {
			return nil, fmt.Errorf("point %d of the curve: the rate %v cannot be", i+1, rate[i])
		}
		if i == 0 {
			if at[0] != 0 {
				return nil, errors.New("the curve's first point must be at 0s")
			}
			continue
		}
		if at[i] <= at[i-1] {
			return nil, fmt.Errorf("point %d of the curve is not after the one before it", i+1)
		}
		p.sum[i] = p.sum[i-1] + (at[i]-at[i-1])*(rate[i]+rate[i-1])/2
	}
	whole := p.sum[len(at)-1]
	if whole <= 0 {
		return nil, errors.New("the curve has no clicks")
	}
	for i := range at {
		p.rate[i] /= whole
		p.sum[i] /= whole
	}
	return p, nil
}

// Quantile implements Curve.
func (p *Points) Quantile(q float64) float64 {
	i := max(1, sort.SearchFloat64s(p.sum, q))
	if i >= len(p.at) {
		return p.End()
	}
	// Within a line the share grows by r t + s t²/2; its root, in the form that holds for s = 0 too.
	width, r := p.at[i]-p.at[i-1], p.rate[i-1]
	slope, part := (p.rate[i]-r)/width, max(0, q-p.sum[i-1])
	root := r + math.Sqrt(max(0, r*r+2*slope*part))
	if root == 0 {
		return p.at[i-1]
	}
	return p.at[i-1] + min(width, 2*part/root)
}

// Share implements Curve.
func (p *Points) Share(t float64) float64 {
	if t <= 0 {
		return 0
	}
	i := sort.SearchFloat64s(p.at, t)
	if i >= len(p.at) {
		return 1
	}
	return p.sum[i-1] + (t-p.at[i-1])*(p.rate[i-1]+p.Density(t))/2
}

// Density implements Curve.
func (p *Points) Density(t float64) float64 {
	if t < 0 || t > p.End() {
		return 0
	}
	i := max(1, sort.SearchFloat64s(p.at, t))
	return p.rate[i-1] + (p.rate[i]-p.rate[i-1])*(t-p.at[i-1])/(p.at[i]-p.at[i-1])
}

// Peak implements Curve.
func (p *Points) Peak() float64 {
	peak := 0.0
	for _, r := range p.rate {
		peak = max(peak, r)
	}
	return peak
}

// End implements Curve.
func (p *Points) End() float64 { return p.at[len(p.at)-1] }
